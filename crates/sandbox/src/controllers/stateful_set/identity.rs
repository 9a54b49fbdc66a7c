//! What is a StatefulSet's Pod's own: its ordinal, its name, its claims.

use serde_json::{Value, json};

use crate::Version;
use crate::defaults::map_at_value;
use crate::fields::{as_map, list, list_mut, map_at, name, text};

use super::super::pods::from_template;
use super::super::replica_set::owner_reference;
use super::super::revisions::{HASH_LABEL, template_of};

/// Returns the ordinal in the name of a Pod of a set.
pub(super) fn ordinal(set: &Value, pod: &str) -> Option<i64> {
    pod.strip_prefix(name(set))?.strip_prefix('-')?.parse().ok().filter(|ordinal| *ordinal >= 0)
}

/// Returns a set's Pod.
pub(super) fn pod(set: &Value, revision: &Value, ordinal: i64, version: Version) -> Value {
    let mut pod = from_template(set, &template_of(revision));
    let own = format!("{}-{ordinal}", name(set));
    let metadata = map_at_value(&mut pod, "metadata");
    as_map(metadata).remove("generateName");
    metadata["name"] = json!(own);
    let labels = map_at(metadata, "labels");
    labels.insert(HASH_LABEL.to_owned(), json!(name(revision)));
    labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), json!(own));
    if version == Version::V1_34 {
        labels.insert("apps.kubernetes.io/pod-index".to_owned(), json!(ordinal.to_string()));
    }
    let spec = map_at_value(&mut pod, "spec");
    spec["hostname"] = json!(own);
    spec["subdomain"] = set["spec"]["serviceName"].clone();
    if spec["subdomain"].is_null() || spec["subdomain"] == "" {
        as_map(spec).remove("subdomain");
    }
    let templates: Vec<&str> = list(set, "/spec/volumeClaimTemplates").iter().map(name).collect();
    if !templates.is_empty() {
        let mut volumes: Vec<Value> = templates
            .iter()
            .map(|template| {
                json!({"name": template, "persistentVolumeClaim": {"claimName": format!("{template}-{own}")}})
            })
            .collect();
        let others = list(spec, "/volumes").iter().filter(|volume| !templates.contains(&text(volume, "/name")));
        volumes.extend(others.cloned());
        spec["volumes"] = json!(volumes);
    }
    pod
}

/// Returns the claims of a set's Pod.
pub(super) fn claims(set: &Value, pod: &str) -> Vec<Value> {
    let mut claims = list(set, "/spec/volumeClaimTemplates").to_vec();
    for claim in &mut claims {
        let own = format!("{}-{pod}", name(claim));
        as_map(claim).remove("status");
        let metadata = map_at_value(claim, "metadata");
        metadata["name"] = json!(own);
        as_map(metadata).remove("creationTimestamp");
        let labels = map_at(metadata, "labels");
        for (key, value) in crate::fields::entries(set, "/spec/selector/matchLabels") {
            labels.insert(key.clone(), value.clone());
        }
        if text(set, "/spec/persistentVolumeClaimRetentionPolicy/whenDeleted") == "Delete" {
            let mut owner = json!([owner_reference(set)]);
            for reference in list_mut(&mut owner, "") {
                as_map(reference).remove("controller");
                as_map(reference).remove("blockOwnerDeletion");
            }
            metadata["ownerReferences"] = owner;
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_has_a_name_and_claims_of_its_own() {
        let set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web", "uid": "u"},
            "spec": {
                "serviceName": "web", "selector": {"matchLabels": {"app": "web"}},
                "volumeClaimTemplates": [{"metadata": {"name": "www"}, "spec": {}}],
            },
        });
        let revision = json!({"metadata": {"name": "web-abc"},
            "data": {"spec": {"template": {"$patch": "replace", "metadata": {"labels": {"app": "web"}},
                "spec": {"volumes": [{"name": "www", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]}}}}});
        let pod = pod(&set, &revision, 2, Version::V1_34);
        assert_eq!(
            pod["metadata"]["labels"],
            json!({"app": "web", "controller-revision-hash": "web-abc", "apps.kubernetes.io/pod-index": "2",
                "statefulset.kubernetes.io/pod-name": "web-2"})
        );
        assert_eq!(
            pod["spec"],
            json!({"hostname": "web-2", "subdomain": "web", "volumes": [
                {"name": "www", "persistentVolumeClaim": {"claimName": "www-web-2"}}, {"name": "tmp", "emptyDir": {}}]})
        );
        assert_eq!(claims(&set, "web-2")[0]["metadata"], json!({"name": "www-web-2", "labels": {"app": "web"}}));
        assert_eq!(ordinal(&set, "web-12"), Some(12));
        assert_eq!(ordinal(&set, "webs-1"), None);
    }
}
