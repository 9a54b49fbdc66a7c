//! What the registry's storage writes into an object once admission has changed it: a Service's addresses and
//! node ports, a Pod's quality of service. It is a step of the chain here since it needs the same view of the
//! other objects at the same moment.

use serde_json::json;

use crate::Version;
use crate::amounts::quality_of_service;
use crate::api::Status;
use crate::defaults::service;
use crate::fields::{map_at, name, namespace};
use crate::resources::SERVICES;

use super::{Operation, Plugin, Request, Transaction};

/// The step; the last one that changes objects.
pub(crate) struct Prepare(pub(crate) Version);

impl Plugin for Prepare {
    fn name(&self) -> &'static str {
        "Prepare"
    }

    fn mutate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if request.creates_pod() {
            // LimitRanger may have given requests and limits.
            let quality = quality_of_service(&request.object["spec"]);
            map_at(&mut request.object, "status").insert("qosClass".to_owned(), json!(quality));
        }
        if *request.resource == SERVICES && request.operation != Operation::Delete {
            let mut others = transaction.list(&SERVICES, None);
            others
                .retain(|other| (namespace(other), name(other)) != (request.namespace.as_str(), request.name.as_str()));
            service::allocate(&mut request.object, others.iter().map(|other| &**other), self.0);
        }
        Ok(())
    }
}
