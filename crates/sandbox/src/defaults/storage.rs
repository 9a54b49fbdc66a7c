//! Defaults of volumes, claims and their classes.

use serde_json::{Value, json};

use crate::fields::{as_map, default_to, map_at};

use super::{canonical, map_at_value};

/// Fills a PersistentVolumeClaim.
pub(crate) fn fill_claim(claim: &mut Value) {
    let spec = map_at_value(claim, "spec");
    default_to(as_map(spec), "volumeMode", "Filesystem");
    default_to(as_map(spec), "resources", json!({}));
    canonical(spec, "/resources/requests");
    canonical(spec, "/resources/limits");
    default_to(map_at(claim, "status"), "phase", "Pending");
}

/// Fills a PersistentVolume.
pub(crate) fn fill_volume(volume: &mut Value) {
    let spec = map_at_value(volume, "spec");
    default_to(as_map(spec), "persistentVolumeReclaimPolicy", "Retain");
    default_to(as_map(spec), "volumeMode", "Filesystem");
    if let Some(path) = spec.get_mut("hostPath").filter(|path| path.is_object()) {
        default_to(as_map(path), "type", "");
    }
    canonical(spec, "/capacity");
    default_to(map_at(volume, "status"), "phase", "Pending");
}

/// Fills a StorageClass.
pub(crate) fn fill_class(class: &mut Value) {
    let map = as_map(class);
    default_to(map, "reclaimPolicy", "Delete");
    default_to(map, "volumeBindingMode", "Immediate");
}
