//! The claims of a Pod that waits for a node. Rules of the plugin `volumebinding`.

use serde_json::{Value, json};

use crate::api::{Api, Caller, Target};
use crate::defaults::map_at_value;
use crate::fields::{is_deleted, list, map_at, name, namespace, text};
use crate::resources::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES};
use crate::store::Object;

use super::filter::{Misfit, matches_term};

/// The annotation of a claim with the node of its first consumer.
pub(crate) const SELECTED: &str = "volume.kubernetes.io/selected-node";

/// What a Pod's claims mean for its place.
#[derive(Debug)]
pub(super) enum Claims {
    /// They cannot be met anywhere, for this reason.
    Missing(String),
    /// They can: some get their volume once a node is chosen, others have one that some nodes reach.
    Open {
        /// The claims that wait for a node.
        waiting: Vec<Object>,
        /// The volumes that there are.
        volumes: Vec<Object>,
    },
}

impl Claims {
    /// Returns the claims of a Pod.
    pub(super) fn of(api: &Api, pod: &Value) -> Claims {
        let (mut waiting, mut volumes) = (Vec::new(), Vec::new());
        for volume in list(pod, "/spec/volumes") {
            let wanted = match (text(volume, "/persistentVolumeClaim/claimName"), volume.get("ephemeral")) {
                ("", None) => continue,
                ("", Some(_)) => format!("{}-{}", name(pod), text(volume, "/name")),
                (wanted, _) => wanted.to_owned(),
            };
            let Ok(claim) = api.get(&PERSISTENT_VOLUME_CLAIMS, namespace(pod), &wanted) else {
                return Claims::Missing(format!("persistentvolumeclaim {wanted:?} not found"));
            };
            if is_deleted(&claim) {
                return Claims::Missing(format!("persistentvolumeclaim {wanted:?} is being deleted"));
            }
            if text(&claim, "/status/phase") == "Bound" {
                volumes.extend(api.get(&PERSISTENT_VOLUMES, "", text(&claim, "/spec/volumeName")));
                continue;
            }
            let class = api.get(&STORAGE_CLASSES, "", text(&claim, "/spec/storageClassName"));
            let waits = class.is_ok_and(|class| text(&class, "/volumeBindingMode") == "WaitForFirstConsumer");
            if !waits || !text(&claim, "/spec/volumeName").is_empty() {
                return Claims::Missing("pod has unbound immediate PersistentVolumeClaims".to_owned());
            }
            waiting.push(claim);
        }
        Claims::Open { waiting, volumes }
    }

    /// Returns why a node cannot serve the claims.
    pub(super) fn refuse(&self, node: &Value) -> Option<Misfit> {
        let Claims::Open { waiting, volumes } = self else { return None };
        let is_elsewhere = |claim: &Object| {
            let selected = claim["metadata"]["annotations"][SELECTED].as_str();
            selected.is_some_and(|selected| selected != name(node))
        };
        let is_out_of_reach = |volume: &Object| {
            let terms = "/spec/nodeAffinity/required/nodeSelectorTerms";
            volume.pointer(terms).is_some() && !list(volume, terms).iter().any(|term| matches_term(term, node))
        };
        if volumes.iter().any(is_out_of_reach) {
            return Some(Misfit::final_because("node(s) had volume node affinity conflict"));
        }
        if waiting.iter().any(is_elsewhere) {
            return Some(Misfit::final_because("node(s) didn't find available persistent volumes to bind"));
        }
        None
    }

    /// Tells the claims that wait for a node which one it is; returns whether the Pod has to wait for them.
    pub(super) fn select(&self, api: &Api, node: &str) -> bool {
        let Claims::Open { waiting, .. } = self else { return false };
        for claim in waiting {
            if claim["metadata"]["annotations"].get(SELECTED).is_none() {
                let target = Target::new(&PERSISTENT_VOLUME_CLAIMS, namespace(claim), name(claim));
                // It may be gone by now, which the next look shows.
                let _ = api.update_with(&Caller::scheduler(), target, |claim| {
                    let annotations = map_at(map_at_value(claim, "metadata"), "annotations");
                    annotations.insert(SELECTED.to_owned(), json!(node));
                });
            }
        }
        !waiting.is_empty()
    }
}
