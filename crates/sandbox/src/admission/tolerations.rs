//! DefaultTolerationSeconds: every Pod stays five minutes on a node that is not ready or not reachable.

use serde_json::{Value, json};

use crate::api::Status;
use crate::defaults::map_at_value;
use crate::fields::{as_map, list, text};

use super::{Plugin, Request, Transaction};

/// The plug-in.
pub(crate) struct DefaultTolerationSeconds;

impl Plugin for DefaultTolerationSeconds {
    fn name(&self) -> &'static str {
        "DefaultTolerationSeconds"
    }

    fn mutate(&self, request: &mut Request, _transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if !request.creates_pod() {
            return Ok(());
        }
        let spec = map_at_value(&mut request.object, "spec");
        for taint in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let tolerated = list(spec, "/tolerations").iter().any(|toleration| {
                matches!(text(toleration, "/key"), key if key == taint || key.is_empty())
                    && matches!(text(toleration, "/effect"), "NoExecute" | "")
            });
            if !tolerated {
                let toleration = json!({
                    "key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
                });
                match as_map(spec).entry("tolerations").or_insert(Value::Null) {
                    Value::Array(tolerations) => tolerations.push(toleration),
                    other => *other = json!([toleration]),
                }
            }
        }
        Ok(())
    }
}
