//! NamespaceLifecycle: nothing is created where there is no Namespace or where it is on its way out, and the
//! system's own Namespaces stay.

use crate::api::{Cause, Status};
use crate::fields::is_deleted;
use crate::resources::NAMESPACES;

use super::{Operation, Plugin, Request, Transaction};

/// The Namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// The plug-in.
pub(crate) struct NamespaceLifecycle;

impl Plugin for NamespaceLifecycle {
    fn name(&self) -> &'static str {
        "NamespaceLifecycle"
    }

    fn mutate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if request.operation != Operation::Create || !request.resource.is_namespaced() {
            return Ok(());
        }
        let space = &request.namespace;
        let Some(namespace) = transaction.get(&NAMESPACES, "", space) else {
            return Err(Status::not_found(&NAMESPACES, space));
        };
        if is_deleted(&namespace) {
            let mut status = request
                .forbid(&format!("unable to create new content in namespace {space} because it is being terminated"));
            if let Some(details) = &mut status.details {
                details.causes.push(Cause {
                    reason: "NamespaceTerminating",
                    message: format!("namespace {space} is being terminated"),
                    field: "metadata.namespace".to_owned(),
                });
            }
            return Err(status);
        }
        Ok(())
    }

    fn validate(&self, request: &mut Request, _transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if request.operation == Operation::Delete
            && *request.resource == NAMESPACES
            && IMMORTAL.contains(&request.name.as_str())
        {
            return Err(request.forbid("this namespace may not be deleted"));
        }
        Ok(())
    }
}
