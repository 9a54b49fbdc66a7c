//! Addresses and node ports of Services. In the real server the registry's storage gives them, not admission;
//! here they need the same view of the other Services at the same moment.

use crate::Version;
use crate::api::Status;
use crate::defaults::service;
use crate::fields::name;
use crate::resources::SERVICES;

use super::{Operation, Plugin, Request, Transaction};

/// The step.
pub(crate) struct ServiceAddress(pub(crate) Version);

impl Plugin for ServiceAddress {
    fn name(&self) -> &'static str {
        "ServiceAddress"
    }

    fn mutate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if *request.resource != SERVICES || request.operation == Operation::Delete {
            return Ok(());
        }
        let mut others = transaction.list(&SERVICES, None);
        others.retain(|other| {
            (crate::fields::namespace(other), name(other)) != (request.namespace.as_str(), request.name.as_str())
        });
        service::allocate(&mut request.object, others.iter().map(|other| &**other), self.0);
        Ok(())
    }
}
