//! AlwaysPullImages: no Pod runs an image that its node already has without asking the registry. Off by default.

use serde_json::{Value, json};

use crate::api::{Cause, Status};
use crate::defaults::pod::CONTAINER_LISTS;
use crate::fields::{as_map, list, list_mut, text};
use crate::resources::PODS;

use super::{Operation, Plugin, Request, Transaction};

/// The plug-in.
pub(crate) struct AlwaysPullImages;

impl Plugin for AlwaysPullImages {
    fn name(&self) -> &'static str {
        "AlwaysPullImages"
    }

    fn mutate(&self, request: &mut Request, _transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if concerns(request) {
            for containers in CONTAINER_LISTS {
                for container in list_mut(&mut request.object["spec"], containers) {
                    as_map(container).insert("imagePullPolicy".to_owned(), json!("Always"));
                }
            }
        }
        Ok(())
    }

    fn validate(&self, request: &mut Request, _transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if !concerns(request) {
            return Ok(());
        }
        let spec = &request.object["spec"];
        for containers in CONTAINER_LISTS {
            for (index, container) in list(spec, containers).iter().enumerate() {
                let policy = text(container, "/imagePullPolicy");
                if policy != "Always" {
                    let field = format!("spec.{}[{index}].imagePullPolicy", &containers[1..]);
                    let cause = Cause::not_supported(&field, &Value::from(policy), &["Always"]);
                    return Err(request.forbid(&format!("{}: {}", cause.field, cause.message)));
                }
            }
        }
        Ok(())
    }
}

fn concerns(request: &Request) -> bool {
    *request.resource == PODS && request.subresource.is_none() && request.operation != Operation::Delete
}
