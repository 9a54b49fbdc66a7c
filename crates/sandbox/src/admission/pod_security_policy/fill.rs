//! What a policy writes into a Pod that leaves it open.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::fields::{list, map_at, text};

use super::provider::{APP_ARMOR_OF, CONTAINERS, Provider, SECCOMP, annotation, effective, seccomp_word};

impl Provider<'_> {
    /// Writes what the Pod leaves open and the policy settles.
    pub(super) fn fill(&self, pod: &mut Value) {
        let mut given = Map::new();
        if self.rule("supplementalGroups") == "MustRunAs" {
            given.insert("supplementalGroups".to_owned(), json!([self.first("supplementalGroups")]));
        }
        if self.rule("fsGroup") == "MustRunAs" {
            given.insert("fsGroup".to_owned(), json!(self.first("fsGroup")));
        }
        if let Some(options) = self.se_linux() {
            given.insert("seLinuxOptions".to_owned(), options.clone());
        }
        let default = self.annotation("seccomp.security.alpha.kubernetes.io/defaultProfileName").unwrap_or_default();
        if !default.is_empty() && annotation(pod, SECCOMP).is_empty() && seccomp_word(&pod["spec"]).is_none() {
            map_at(&mut pod["metadata"], "annotations").insert(SECCOMP.to_owned(), json!(default));
            if let Some(profile) = profile_of(default) {
                given.insert("seccompProfile".to_owned(), profile);
            }
        }
        set_missing(&mut pod["spec"], given);
        for containers in CONTAINERS {
            for index in 0..list(&pod["spec"], &format!("/{containers}")).len() {
                self.fill_container(pod, containers, index);
            }
        }
    }

    fn fill_container(&self, pod: &mut Value, containers: &str, index: usize) {
        let container = &pod["spec"][containers][index];
        let own = |field: &str| container["securityContext"].get(field).filter(|value| !value.is_null());
        let is_open = |field: &str| effective(pod, container, field).is_none();
        let mut given = Map::new();
        let mut give = |field: &str, value: Value| drop(given.insert(field.to_owned(), value));
        if is_open("runAsUser") {
            match self.rule("runAsUser") {
                "MustRunAs" => give("runAsUser", json!(self.first("runAsUser"))),
                "MustRunAsNonRoot" if is_open("runAsNonRoot") => give("runAsNonRoot", json!(true)),
                _ => {}
            }
        }
        if is_open("runAsGroup") && self.rule("runAsGroup") == "MustRunAs" {
            give("runAsGroup", json!(self.first("runAsGroup")));
        }
        if is_open("seLinuxOptions")
            && let Some(options) = self.se_linux()
        {
            give("seLinuxOptions", options.clone());
        }
        if let Some(capabilities) = self.capabilities(container) {
            give("capabilities", capabilities);
        }
        if self.allows("readOnlyRootFilesystem") && own("readOnlyRootFilesystem").is_none() {
            give("readOnlyRootFilesystem", json!(true));
        }
        if own("allowPrivilegeEscalation").is_none() {
            match self.spec.get("defaultAllowPrivilegeEscalation") {
                Some(Value::Bool(default)) => give("allowPrivilegeEscalation", json!(default)),
                _ if self.spec.get("allowPrivilegeEscalation") == Some(&Value::Bool(false)) => {
                    give("allowPrivilegeEscalation", json!(false));
                }
                _ => {}
            }
        }
        let profile = format!("{APP_ARMOR_OF}{}", text(container, "/name"));
        let default = self.annotation("apparmor.security.beta.kubernetes.io/defaultProfileName").unwrap_or_default();
        if !default.is_empty() && annotation(pod, &profile).is_empty() {
            map_at(&mut pod["metadata"], "annotations").insert(profile, json!(default));
        }
        // Capabilities are given whole; everything else was found missing.
        let container = &mut pod["spec"][containers][index];
        if let Some(capabilities) = given.remove("capabilities") {
            map_at(container, "securityContext").insert("capabilities".to_owned(), capabilities);
        }
        set_missing(container, given);
    }

    /// Returns the lowest number of the first range.
    fn first(&self, part: &str) -> i64 {
        self.ranges(part).first().map(|(low, _)| *low).unwrap_or_default()
    }

    fn se_linux(&self) -> Option<&Value> {
        let options = self.spec.get("seLinux")?.get("seLinuxOptions")?;
        (self.rule("seLinux") == "MustRunAs").then_some(options)
    }

    /// Returns the capabilities with those that the policy adds and drops; `None` where nothing changes.
    fn capabilities(&self, container: &Value) -> Option<Value> {
        let of = |field: &str| -> BTreeSet<&str> {
            list(container, &format!("/securityContext/capabilities/{field}"))
                .iter()
                .filter_map(Value::as_str)
                .collect()
        };
        let (own_add, own_drop) = (of("add"), of("drop"));
        let mut add = own_add.clone();
        add.extend(self.texts("defaultAddCapabilities").into_iter().filter(|name| !own_drop.contains(name)));
        let mut drop = own_drop.clone();
        drop.extend(self.texts("requiredDropCapabilities"));
        if add == own_add && drop == own_drop {
            return None;
        }
        let mut capabilities = Map::new();
        for (key, names) in [("add", add), ("drop", drop)] {
            if !names.is_empty() {
                capabilities.insert(key.to_owned(), json!(names));
            }
        }
        Some(capabilities.into())
    }
}

/// Sets fields of a security context that are not there.
fn set_missing(of: &mut Value, given: Map<String, Value>) {
    if given.is_empty() {
        return;
    }
    let context = map_at(of, "securityContext");
    for (field, value) in given {
        let entry = context.entry(field).or_insert(Value::Null);
        if entry.is_null() {
            *entry = value;
        }
    }
}

/// Returns the field `seccompProfile` for an annotation's word.
fn profile_of(word: &str) -> Option<Value> {
    match word {
        "runtime/default" | "docker/default" => Some(json!({"type": "RuntimeDefault"})),
        "unconfined" => Some(json!({"type": "Unconfined"})),
        _ => word.strip_prefix("localhost/").map(|path| json!({"type": "Localhost", "localhostProfile": path})),
    }
}
