//! Priority: turns the name of a PriorityClass into a number.

use serde_json::json;

use crate::api::Status;
use crate::defaults::map_at_value;
use crate::fields::{as_map, is_true, name, number, text};
use crate::resources::PRIORITY_CLASSES;

use super::{Plugin, Request, Transaction};

/// The plug-in.
pub(crate) struct Priority;

impl Plugin for Priority {
    fn name(&self) -> &'static str {
        "Priority"
    }

    fn mutate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if !request.creates_pod() {
            return Ok(());
        }
        let given = text(&request.object, "/spec/priorityClassName").to_owned();
        let class = if given.is_empty() {
            let classes = transaction.list(&PRIORITY_CLASSES, None);
            classes.into_iter().find(|class| is_true(class, "/globalDefault"))
        } else {
            transaction.get(&PRIORITY_CLASSES, "", &given)
        };
        let priority = match (&class, given.as_str()) {
            (Some(class), _) => number(class, "/value").unwrap_or_default(),
            (None, "") => 0,
            (None, "system-node-critical") => 2_000_001_000,
            (None, "system-cluster-critical") => 2_000_000_000,
            (None, name) => return Err(request.forbid(&format!("no PriorityClass with name {name} was found"))),
        };
        if let Some(stated) = number(&request.object, "/spec/priority")
            && stated != priority
        {
            return Err(request.forbid(&format!(
                "the integer value of priority ({stated}) must not be provided in pod spec; priority admission \
                 controller computed {priority} from the given PriorityClass name"
            )));
        }
        let policy = class
            .as_deref()
            .map(|class| text(class, "/preemptionPolicy"))
            .filter(|policy| !policy.is_empty())
            .unwrap_or("PreemptLowerPriority");
        let spec = as_map(map_at_value(&mut request.object, "spec"));
        if let Some(class) = class.as_deref().filter(|_| given.is_empty()) {
            spec.insert("priorityClassName".to_owned(), json!(name(class)));
        }
        spec.insert("priority".to_owned(), json!(priority));
        spec.entry("preemptionPolicy").or_insert(json!(policy));
        Ok(())
    }
}
