//! The `scale` of an object: one view of how many replicas there are and should be, whatever the kind.

use serde_json::{Value, json};

use crate::api::{Status, meta};
use crate::custom;
use crate::resources::{Resource, Served};

/// Where the parts of a resource's Scale are, as JSON pointers.
#[derive(Debug)]
pub(super) struct Places {
    wanted: String,
    present: String,
    selector: Selector,
}

#[derive(Debug)]
enum Selector {
    /// In `spec.selector`, as Kubernetes' own kinds have it.
    Own,
    /// Text at a pointer, as a CustomResourceDefinition says.
    Text(String),
    /// Nowhere.
    Nowhere,
}

impl Places {
    /// Returns the places for a resource.
    pub(super) fn of(served: &Served, resource: &Resource) -> Places {
        match served.definition(resource).and_then(|definition| definition.scale.clone()) {
            Some(custom::Scale { wanted, present, selector }) => {
                Places { wanted, present, selector: selector.map_or(Selector::Nowhere, Selector::Text) }
            }
            None => Places {
                wanted: "/spec/replicas".to_owned(),
                present: "/status/replicas".to_owned(),
                selector: Selector::Own,
            },
        }
    }

    /// Returns an object's `autoscaling/v1` Scale.
    pub(super) fn read(&self, object: &Value) -> Value {
        let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
        let selector = match &self.selector {
            Selector::Own => {
                let selector = &object["spec"]["selector"];
                let labels = selector["matchLabels"].as_object().or_else(|| {
                    // A ReplicationController has labels only.
                    selector.as_object().filter(|_| object["kind"] == "ReplicationController")
                });
                let words = labels.into_iter().flatten();
                let words: Vec<String> =
                    words.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
                words.join(",")
            }
            Selector::Text(pointer) => object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned(),
            Selector::Nowhere => String::new(),
        };
        let mut metadata = json!({});
        for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
            if !object["metadata"][field].is_null() {
                metadata[field] = object["metadata"][field].clone();
            }
        }
        let mut status = json!({ "replicas": number(&self.present) });
        if !selector.is_empty() {
            status["selector"] = selector.into();
        }
        json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
            "spec": { "replicas": number(&self.wanted) }, "status": status,
        })
    }

    /// Writes the number of replicas that a Scale asks for into an object.
    pub(super) fn write(&self, scale: &Value, object: &mut Value) -> Result<(), Status> {
        let version = meta(scale, "resourceVersion");
        if !version.is_empty() {
            object["metadata"]["resourceVersion"] = version.into();
        }
        let replicas = replicas_in(scale)?;
        let mut at = object;
        for part in self.wanted.split('/').skip(1) {
            if !at.is_object() {
                *at = json!({});
            }
            at = &mut at[part];
        }
        *at = replicas.into();
        Ok(())
    }
}

/// Returns the number of replicas that a Scale asks for.
fn replicas_in(scale: &Value) -> Result<i64, Status> {
    match &scale["spec"]["replicas"] {
        Value::Null => Ok(0),
        value => value.as_i64().filter(|replicas| *replicas >= 0).ok_or_else(|| Status {
            code: 422,
            reason: "Invalid",
            message: format!(
                "Scale.autoscaling {:?} is invalid: spec.replicas: Invalid value: {value}: must be greater than or \
                 equal to 0",
                meta(scale, "name")
            ),
            details: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Version;
    use crate::resources::DEPLOYMENTS;

    #[test]
    fn a_scale_reads_and_writes_replicas() {
        let places = Places::of(&Served::of(Version::V1_34), &DEPLOYMENTS);
        let mut object =
            json!({"metadata": {"name": "a"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}}});
        let mut scale = places.read(&object);
        assert_eq!((&scale["spec"]["replicas"], &scale["status"]["selector"]), (&json!(2), &json!("a=b")));
        scale["spec"]["replicas"] = 5.into();
        places.write(&scale, &mut object).unwrap();
        assert_eq!(object["spec"]["replicas"], 5);
        scale["spec"]["replicas"] = (-1).into();
        assert_eq!(places.write(&scale, &mut object).unwrap_err().code, 422);
    }
}
