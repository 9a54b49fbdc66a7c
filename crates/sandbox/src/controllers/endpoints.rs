//! Endpoints and EndpointSlices: where a Service's ready Pods are.

use serde_json::{Value, json};

use crate::amounts::is_terminal;
use crate::api::{Api, Caller, Selector, Target, WriteOptions, random_suffix};
use crate::fields::{is_deleted, is_true, list, name, namespace, number, text, uid};
use crate::resources::{ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES};
use crate::store::{Change, Key, Object};

use super::replica_set::{is_ready, owner_reference};
use super::{Controller, Next, Queue, queue_all};

/// The label of a slice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The controller; two in the real thing, with two identities.
pub(crate) struct ServiceEndpoints {
    api: Api,
}

impl ServiceEndpoints {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone() }
    }

    fn write_endpoints(&self, service: &Value, pods: &[Object]) {
        let caller = Caller::controller("endpoint-controller");
        let address = |pod: &Object| json!({"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": target(pod)});
        let (ready, not_ready): (Vec<&Object>, Vec<&Object>) = pods.iter().partition(|pod| is_reached(service, pod));
        let mut subset = json!({});
        if !ready.is_empty() {
            subset["addresses"] = ready.into_iter().map(address).collect();
        }
        if !not_ready.is_empty() {
            subset["notReadyAddresses"] = not_ready.into_iter().map(address).collect();
        }
        let mut object = json!({"metadata": {"name": name(service), "labels": service["metadata"]["labels"]}});
        if !pods.is_empty() {
            let ports = ports(service, pods);
            if !ports.is_empty() {
                subset["ports"] = json!(ports);
            }
            object["subsets"] = json!([subset]);
        }
        if object["metadata"]["labels"].is_null()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("labels");
        }
        let subsets = object.get("subsets").cloned();
        match self.api.get(&ENDPOINTS, namespace(service), name(service)) {
            Ok(_) => {
                let target = Target::new(&ENDPOINTS, namespace(service), name(service));
                let _ = self.api.update_with(&caller, target, |object| match (subsets, object.as_object_mut()) {
                    (Some(subsets), _) => object["subsets"] = subsets,
                    (None, Some(map)) => {
                        map.remove("subsets");
                    }
                    (None, None) => {}
                });
            }
            Err(_) => {
                let space = namespace(service);
                let _ = self.api.create(&caller, &ENDPOINTS, space, object, &WriteOptions::default());
            }
        }
    }

    fn write_slice(&self, service: &Value, pods: &[Object]) {
        let caller = Caller::controller("endpointslice-controller");
        let endpoints: Vec<Value> = pods
            .iter()
            .map(|pod| {
                let ready = is_reached(service, pod);
                let conditions = json!({"ready": ready, "serving": is_ready(pod), "terminating": is_deleted(pod)});
                json!({"addresses": [pod["status"]["podIP"]], "conditions": conditions,
                    "nodeName": pod["spec"]["nodeName"], "targetRef": target(pod)})
            })
            .collect();
        let ports = json!(
            ports(service, pods)
                .into_iter()
                .map(|mut port| {
                    if port.get("name").is_none() {
                        port["name"] = json!("");
                    }
                    port
                })
                .collect::<Vec<_>>()
        );
        let slices = self.api.list_all(&ENDPOINT_SLICES, Some(namespace(service)));
        let own = slices.iter().find(|slice| slice["metadata"]["labels"][SERVICE_NAME] == name(service));
        match own {
            Some(slice) => {
                let target = Target::new(&ENDPOINT_SLICES, namespace(slice), name(slice));
                let _ = self.api.update_with(&caller, target, |slice| {
                    slice["endpoints"] = json!(endpoints);
                    slice["ports"] = ports;
                });
            }
            None => {
                let slice = json!({
                    "metadata": {
                        "name": format!("{}-{}", name(service), random_suffix(5)),
                        "generateName": format!("{}-", name(service)),
                        "labels": {SERVICE_NAME: name(service),
                            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
                        "ownerReferences": [owner_reference(service)],
                    },
                    "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
                });
                let space = namespace(service);
                let _ = self.api.create(&caller, &ENDPOINT_SLICES, space, slice, &WriteOptions::default());
            }
        }
    }
}

impl Controller for ServiceEndpoints {
    fn name(&self) -> &'static str {
        "endpoints"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == SERVICES {
            queue.add(&change.key.namespace, &change.key.name);
        } else if *change.resource == PODS {
            for service in self.api.list_all(&SERVICES, Some(&change.key.namespace)) {
                if selects(&service, &change.object) {
                    queue.add(namespace(&service), name(&service));
                }
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&SERVICES, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(service) = self.api.get(&SERVICES, &key.namespace, &key.name) else {
            let target = Target::new(&ENDPOINTS, &key.namespace, &key.name);
            // Slices go with their owner; Endpoints have none.
            let _ = self.api.delete(&Caller::controller("endpoint-controller"), target, &Default::default());
            return Next::Wait;
        };
        if service["spec"]["selector"].as_object().is_none_or(serde_json::Map::is_empty) {
            return Next::Wait;
        }
        let mut pods = self.api.list_all(&PODS, Some(&key.namespace));
        pods.retain(|pod| selects(&service, pod) && !text(pod, "/status/podIP").is_empty() && !is_terminal(pod));
        self.write_endpoints(&service, &pods);
        self.write_slice(&service, &pods);
        Next::Wait
    }
}

fn selects(service: &Value, pod: &Value) -> bool {
    let labels = &service["spec"]["selector"];
    labels.as_object().is_some_and(|labels| !labels.is_empty())
        && Selector::from_object(&json!({"matchLabels": labels})).is_some_and(|selector| selector.matches_labels(pod))
}

fn is_reached(service: &Value, pod: &Value) -> bool {
    is_true(service, "/spec/publishNotReadyAddresses") || (is_ready(pod) && !is_deleted(pod))
}

fn target(pod: &Value) -> Value {
    json!({"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)})
}

/// Returns a Service's ports as its Pods have them; a named port is looked up in the first Pod.
fn ports(service: &Value, pods: &[Object]) -> Vec<Value> {
    list(service, "/spec/ports")
        .iter()
        .filter_map(|port| {
            let wanted = &port["targetPort"];
            let number = match wanted.as_str() {
                None => wanted.as_i64()?,
                Some(word) => pods
                    .iter()
                    .flat_map(|pod| list(pod, "/spec/containers"))
                    .flat_map(|container| list(container, "/ports"))
                    .find(|candidate| candidate["name"] == word && candidate["protocol"] == port["protocol"])
                    .and_then(|candidate| number(candidate, "/containerPort"))?,
            };
            let mut endpoint = json!({"port": number, "protocol": port["protocol"]});
            if let Some(name) = port.get("name") {
                endpoint["name"] = name.clone();
            }
            Some(endpoint)
        })
        .collect()
}
