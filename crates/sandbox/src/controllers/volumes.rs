//! PersistentVolumes and the claims to them: binding, the simulated provisioner, release, and the protection of what
//! is in use. Rules of `pkg/controller/volume/{persistentvolume,pvcprotection,pvprotection}`.

use serde_json::{Value, json};

use crate::Version;
use crate::amounts::{self, is_terminal};
use crate::api::{Api, Caller, DeleteOptions, Selector, Target, WriteOptions};
use crate::defaults::map_at_value;
use crate::events::Recorder;
use crate::fields::{as_map, is_deleted, list, map_at, name, namespace, text, uid};
use crate::resources::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, Resource, STORAGE_CLASSES};
use crate::scheduler::SELECTED;
use crate::store::{Change, Key, Object};

use super::{Controller, Next, Queue, queue_all};

/// The provisioner that is simulated: volumes are folders of the node where they are first used.
pub(crate) const PROVISIONER: &str = "rancher.io/local-path";

const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";
const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";

/// The controller. Volumes are queued under no Namespace, claims under theirs.
pub(crate) struct Volumes {
    api: Api,
    caller: Caller,
    binder: Recorder,
    provisioner: Recorder,
}

impl Volumes {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("persistent-volume-binder");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            binder: Recorder::component(api, caller.clone(), "persistentvolume-controller"),
            provisioner: Recorder::component(api, caller, PROVISIONER),
        }
    }

    fn change(&self, resource: &'static Resource, object: &Value, change: impl FnOnce(&mut Value)) -> Option<Object> {
        let target = Target::new(resource, namespace(object), name(object));
        self.api.update_with(&self.caller, target, change).ok()
    }

    fn write_status(&self, resource: &'static Resource, object: &Value, status: Value) {
        if object["status"] != status {
            let target = Target::new(resource, namespace(object), name(object)).part("status");
            // It may be gone by now, which is as good.
            let _ = self.api.update_with(&self.caller, target, |object| object["status"] = status);
        }
    }

    /// Gives a claim without a class the default one.
    fn classify(&self, claim: &Object) -> Object {
        if claim["spec"].get("storageClassName").is_some() {
            return Object::clone(claim);
        }
        let classes = self.api.list_all(&STORAGE_CLASSES, None);
        let default = classes.iter().find(|class| class["metadata"]["annotations"][DEFAULT_CLASS] == "true");
        default
            .and_then(|class| {
                self.change(&PERSISTENT_VOLUME_CLAIMS, claim, |claim| {
                    claim["spec"]["storageClassName"] = json!(name(class));
                })
            })
            .unwrap_or_else(|| Object::clone(claim))
    }

    fn look_after_claim(&mut self, claim: &Object) {
        if is_deleted(claim) {
            if !self.is_used(claim) {
                self.unprotect(&PERSISTENT_VOLUME_CLAIMS, claim, CLAIM_PROTECTION);
            }
            return;
        }
        self.protect(&PERSISTENT_VOLUME_CLAIMS, claim, CLAIM_PROTECTION);
        let claim = self.classify(claim);
        if text(&claim, "/status/phase") == "Bound" {
            let is_there = self
                .api
                .get(&PERSISTENT_VOLUMES, "", text(&claim, "/spec/volumeName"))
                .is_ok_and(|volume| text(&volume, "/spec/claimRef/uid") == uid(&claim));
            if !is_there {
                let mut status = claim["status"].clone();
                status["phase"] = json!("Lost");
                self.write_status(&PERSISTENT_VOLUME_CLAIMS, &claim, status);
                let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
                self.binder.warning(&claim, "ClaimLost", message);
            }
            return;
        }
        if text(&claim, "/status/phase") == "Lost" {
            return;
        }
        if let Some(volume) = self.volume_for(&claim) {
            self.bind(&claim, &volume);
            return;
        }
        self.provision(&claim);
    }

    /// Returns the volume that suits a claim best: the one that it names or that names it, else the smallest.
    fn volume_for(&self, claim: &Value) -> Option<Object> {
        let wanted = text(claim, "/spec/volumeName");
        let volumes = self.api.list_all(&PERSISTENT_VOLUMES, None);
        let names_it = |volume: &Object| {
            text(volume, "/spec/claimRef/name") == name(claim)
                && text(volume, "/spec/claimRef/namespace") == namespace(claim)
                && ["", uid(claim)].contains(&text(volume, "/spec/claimRef/uid"))
        };
        let is_free = |volume: &Object| volume["spec"]["claimRef"].is_null() && !is_deleted(volume);
        if !wanted.is_empty() {
            return volumes.into_iter().find(|volume| name(volume) == wanted && (is_free(volume) || names_it(volume)));
        }
        if let Some(volume) = volumes.iter().find(|volume| names_it(volume)) {
            return Some(Object::clone(volume));
        }
        if self.waits_for_consumer(claim) && claim["metadata"]["annotations"].get(SELECTED).is_none() {
            return None;
        }
        let request = amounts::at(claim, "/spec/resources/requests").get("storage").copied();
        let selector = Selector::from_object(&claim["spec"]["selector"]);
        let suits = |volume: &Object| {
            let modes = list(volume, "/spec/accessModes");
            let capacity = amounts::at(volume, "/spec/capacity").get("storage").copied();
            text(volume, "/spec/storageClassName") == text(claim, "/spec/storageClassName")
                && text(volume, "/spec/volumeMode") == text(claim, "/spec/volumeMode")
                && list(claim, "/spec/accessModes").iter().all(|mode| modes.contains(mode))
                && request.is_none_or(|request| capacity.is_some_and(|capacity| capacity >= request))
                && selector.as_ref().is_none_or(|selector| selector.matches_labels(volume))
        };
        volumes
            .into_iter()
            .filter(|volume| is_free(volume) && suits(volume))
            .min_by_key(|volume| amounts::at(volume, "/spec/capacity").get("storage").copied())
    }

    fn class(&self, claim: &Value) -> Option<Object> {
        self.api.get(&STORAGE_CLASSES, "", text(claim, "/spec/storageClassName")).ok()
    }

    fn waits_for_consumer(&self, claim: &Value) -> bool {
        self.class(claim).is_some_and(|class| text(&class, "/volumeBindingMode") == "WaitForFirstConsumer")
    }

    fn bind(&mut self, claim: &Value, volume: &Value) {
        let reference = reference(claim);
        let was_free = text(volume, "/spec/claimRef/uid").is_empty();
        let bound = self.change(&PERSISTENT_VOLUMES, volume, |volume| {
            if was_free {
                volume["spec"]["claimRef"] = reference;
            }
            let annotations = map_at(map_at_value(volume, "metadata"), "annotations");
            if was_free && !annotations.contains_key("pv.kubernetes.io/provisioned-by") {
                annotations.insert("pv.kubernetes.io/bound-by-controller".to_owned(), json!("yes"));
            }
        });
        let Some(volume) = bound else { return };
        self.write_status(&PERSISTENT_VOLUMES, &volume, json!({"phase": "Bound"}));
        let claimed = self.change(&PERSISTENT_VOLUME_CLAIMS, claim, |claim| {
            let annotations = map_at(map_at_value(claim, "metadata"), "annotations");
            annotations.insert("pv.kubernetes.io/bind-completed".to_owned(), json!("yes"));
            if text(claim, "/spec/volumeName").is_empty() {
                let annotations = map_at(map_at_value(claim, "metadata"), "annotations");
                annotations.insert("pv.kubernetes.io/bound-by-controller".to_owned(), json!("yes"));
                claim["spec"]["volumeName"] = json!(name(&volume));
            }
        });
        if let Some(claim) = claimed {
            let status = json!({"phase": "Bound", "accessModes": volume["spec"]["accessModes"],
                "capacity": volume["spec"]["capacity"]});
            self.write_status(&PERSISTENT_VOLUME_CLAIMS, &claim, status);
        }
    }

    /// Makes a volume for a claim, or says what it waits for.
    fn provision(&mut self, claim: &Value) {
        let class_name = text(claim, "/spec/storageClassName");
        if class_name.is_empty() {
            let message = "no persistent volumes available for this claim and no storage class is set";
            self.binder.normal(claim, "FailedBinding", message);
            return;
        }
        let Some(class) = self.class(claim) else {
            let message = format!("storageclass.storage.k8s.io {class_name:?} not found");
            self.binder.warning(claim, "ProvisioningFailed", message);
            return;
        };
        let selected = claim["metadata"]["annotations"][SELECTED].as_str();
        if self.waits_for_consumer(claim) && selected.is_none() {
            let message = "waiting for first consumer to be created before binding";
            self.binder.normal(claim, "WaitForFirstConsumer", message);
            return;
        }
        let provisioner = text(&class, "/provisioner");
        if provisioner == "kubernetes.io/no-provisioner" {
            return;
        }
        let message = match self.api.version() {
            Version::V1_20 | Version::V1_24 => format!(
                "waiting for a volume to be created, either by external provisioner {provisioner:?} or manually \
                 created by system administrator"
            ),
            Version::V1_34 => format!(
                "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually \
                 by the system administrator. If volume creation is delayed, please verify that the provisioner is \
                 running and correctly registered."
            ),
        };
        self.binder.normal(claim, "ExternalProvisioning", message);
        if provisioner != PROVISIONER {
            return;
        }
        let place = format!("{}/{}", namespace(claim), name(claim));
        let message = format!("External provisioner is provisioning volume for claim {place:?}");
        self.provisioner.normal(claim, "Provisioning", message);
        let volume = volume(claim, &class, selected.unwrap_or("node2"));
        let own = text(&volume, "/metadata/name").to_owned();
        let caller =
            Caller::user("system:serviceaccount:local-path-storage:local-path-provisioner-service-account", []);
        if self.api.create(&caller, &PERSISTENT_VOLUMES, "", volume, &WriteOptions::default()).is_ok() {
            self.provisioner.normal(claim, "ProvisioningSucceeded", format!("Successfully provisioned volume {own}"));
        }
    }

    fn look_after_volume(&self, volume: &Object) {
        if is_deleted(volume) {
            if text(volume, "/status/phase") != "Bound" {
                self.unprotect(&PERSISTENT_VOLUMES, volume, VOLUME_PROTECTION);
            }
            return;
        }
        self.protect(&PERSISTENT_VOLUMES, volume, VOLUME_PROTECTION);
        if text(volume, "/spec/claimRef/uid").is_empty() {
            self.write_status(&PERSISTENT_VOLUMES, volume, json!({"phase": "Available"}));
            return;
        }
        let space = text(volume, "/spec/claimRef/namespace");
        let claim = self.api.get(&PERSISTENT_VOLUME_CLAIMS, space, text(volume, "/spec/claimRef/name"));
        if claim.is_ok_and(|claim| uid(&claim) == text(volume, "/spec/claimRef/uid")) {
            return;
        }
        self.write_status(&PERSISTENT_VOLUMES, volume, json!({"phase": "Released"}));
        match text(volume, "/spec/persistentVolumeReclaimPolicy") {
            "Delete" => {
                let target = Target::new(&PERSISTENT_VOLUMES, "", name(volume));
                // Somebody else may have been faster.
                let _ = self.api.delete(&self.caller, target, &DeleteOptions::default());
            }
            "Recycle" => {
                self.change(&PERSISTENT_VOLUMES, volume, |volume| {
                    as_map(&mut volume["spec"]).remove("claimRef");
                });
            }
            _ => {}
        }
    }

    fn is_used(&self, claim: &Value) -> bool {
        self.api.list_all(&PODS, Some(namespace(claim))).iter().any(|pod| {
            !is_terminal(pod)
                && list(pod, "/spec/volumes")
                    .iter()
                    .any(|volume| text(volume, "/persistentVolumeClaim/claimName") == name(claim))
        })
    }

    fn protect(&self, resource: &'static Resource, object: &Value, finalizer: &str) {
        if list(object, "/metadata/finalizers").iter().any(|other| other == finalizer) {
            return;
        }
        self.change(resource, object, |object| {
            let mut finalizers = list(object, "/metadata/finalizers").to_vec();
            finalizers.push(json!(finalizer));
            object["metadata"]["finalizers"] = json!(finalizers);
        });
    }

    fn unprotect(&self, resource: &'static Resource, object: &Value, finalizer: &str) {
        self.change(resource, object, |object| {
            if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
                finalizers.retain(|other| other != finalizer);
            }
        });
    }
}

impl Controller for Volumes {
    fn name(&self) -> &'static str {
        "volumes"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == PERSISTENT_VOLUME_CLAIMS {
            queue.add(&change.key.namespace, &change.key.name);
            let volume = text(&change.object, "/spec/volumeName");
            if !volume.is_empty() {
                queue.add("", volume);
            }
        } else if *change.resource == PERSISTENT_VOLUMES {
            queue.add("", &change.key.name);
            let space = text(&change.object, "/spec/claimRef/namespace");
            if space.is_empty() {
                self.queue_pending(queue);
            } else {
                queue.add(space, text(&change.object, "/spec/claimRef/name"));
            }
        } else if *change.resource == STORAGE_CLASSES {
            self.queue_pending(queue);
        } else if *change.resource == PODS {
            // A claim on its way out waits for the last Pod that uses it.
            let is_over = change.kind == crate::store::ChangeKind::Deleted || is_terminal(&change.object);
            for volume in list(&change.object, "/spec/volumes").iter().filter(|_| is_over) {
                let claim = text(volume, "/persistentVolumeClaim/claimName");
                if !claim.is_empty() {
                    queue.add(&change.key.namespace, claim);
                }
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&PERSISTENT_VOLUMES, None), queue);
        queue_all(&self.api.list_all(&PERSISTENT_VOLUME_CLAIMS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        if key.namespace.is_empty() {
            if let Ok(volume) = self.api.get(&PERSISTENT_VOLUMES, "", &key.name) {
                self.look_after_volume(&volume);
            }
        } else if let Ok(claim) = self.api.get(&PERSISTENT_VOLUME_CLAIMS, &key.namespace, &key.name) {
            self.look_after_claim(&claim);
        }
        Next::Wait
    }
}

impl Volumes {
    fn queue_pending(&self, queue: &mut Queue) {
        for claim in self.api.list_all(&PERSISTENT_VOLUME_CLAIMS, None) {
            if text(&claim, "/status/phase") != "Bound" {
                queue.add(namespace(&claim), name(&claim));
            }
        }
    }
}

fn reference(claim: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name(claim), "namespace": namespace(claim),
        "resourceVersion": claim["metadata"]["resourceVersion"], "uid": uid(claim)})
}

/// Returns the volume that the simulated provisioner makes for a claim.
fn volume(claim: &Value, class: &Value, node: &str) -> Value {
    let own = format!("pvc-{}", uid(claim));
    let path = format!("/var/local-path-provisioner/{own}_{}_{}", namespace(claim), name(claim));
    json!({
        "metadata": {"name": own, "annotations": {
            "pv.kubernetes.io/provisioned-by": PROVISIONER, "local.path.provisioner/selected-node": node}},
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": reference(claim),
            "hostPath": {"path": path, "type": "DirectoryOrCreate"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]}},
            "persistentVolumeReclaimPolicy": class["reclaimPolicy"],
            "storageClassName": name(class), "volumeMode": claim["spec"]["volumeMode"],
        },
    })
}
