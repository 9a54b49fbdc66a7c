//! Roles and bindings: `pkg/apis/rbac/validation/validation.go`.

use serde_json::{Value, json};

use crate::Version;
use crate::api::{Cause, segment_fault, subdomain_fault};
use crate::fields::{list, text};
use crate::rbac::GROUP;

use super::Faults;

/// Where a role or a binding lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// At the cluster's scope.
    Cluster,
    /// In a Namespace.
    Namespace,
}

/// Checks a role.
pub(super) fn role(object: &Value, home: Home, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    for (index, rule) in list(object, "/rules").iter().enumerate() {
        self::rule(&mut faults, &format!("rules[{index}]"), rule, home);
    }
    for (index, selector) in list(object, "/aggregationRule/clusterRoleSelectors").iter().enumerate() {
        let field = format!("aggregationRule.clusterRoleSelectors[{index}].matchLabels");
        faults.labels(selector, "/matchLabels", &field);
    }
    if object.get("aggregationRule").is_some_and(Value::is_object)
        && list(object, "/aggregationRule/clusterRoleSelectors").is_empty()
    {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        faults.required("aggregationRule.clusterRoleSelectors", detail);
    }
    faults.causes
}

fn rule(faults: &mut Faults, field: &str, rule: &Value, home: Home) {
    let is_empty = |part: &str| list(rule, &format!("/{part}")).is_empty();
    if is_empty("verbs") {
        faults.required(&format!("{field}.verbs"), "verbs must contain at least one value");
    }
    if !is_empty("nonResourceURLs") {
        let (field, value) = (format!("{field}.nonResourceURLs"), &rule["nonResourceURLs"]);
        if home == Home::Namespace {
            shown(faults, &field, value, "namespaced rules cannot apply to non-resource URLs");
        }
        if !is_empty("apiGroups") || !is_empty("resources") || !is_empty("resourceNames") {
            shown(faults, &field, value, "rules cannot apply to both regular resources and non-resource URLs");
        }
        return;
    }
    if is_empty("apiGroups") {
        faults.required(&format!("{field}.apiGroups"), "resource rules must supply at least one api group");
    }
    if is_empty("resources") {
        faults.required(&format!("{field}.resources"), "resource rules must supply at least one resource");
    }
}

/// Adds a fault about a list of texts, which was printed as Go code until 1.33.
fn shown(faults: &mut Faults, field: &str, value: &Value, detail: &str) {
    if faults.version >= Version::V1_34 {
        return faults.invalid(field, value, detail);
    }
    let texts: Vec<String> =
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(|text| format!("{text:?}")).collect();
    faults.invalid_shown(field, &format!("[]string{{{}}}", texts.join(", ")), detail);
}

/// Checks a binding.
pub(super) fn binding(object: &Value, old: Option<&Value>, home: Home, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    faults.one_of(object, "/roleRef/apiGroup", "roleRef.apiGroup", &[GROUP]);
    let kinds: &[&str] = match home {
        Home::Cluster => &["ClusterRole"],
        Home::Namespace => &["Role", "ClusterRole"],
    };
    faults.one_of(object, "/roleRef/kind", "roleRef.kind", kinds);
    let role = text(object, "/roleRef/name");
    if role.is_empty() {
        faults.required("roleRef.name", "");
    } else if let Some(fault) = segment_fault(role) {
        faults.invalid("roleRef.name", &role.into(), fault);
    }
    for (index, subject) in list(object, "/subjects").iter().enumerate() {
        self::subject(&mut faults, &format!("subjects[{index}]"), subject, home);
    }
    if let Some(old) = old
        && old.get("roleRef") != object.get("roleRef")
    {
        let part = |field: &str| text(object, &format!("/roleRef/{field}"));
        let detail = "cannot change roleRef";
        if version >= Version::V1_34 {
            let shown = json!({"apiGroup": part("apiGroup"), "kind": part("kind"), "name": part("name")});
            faults.invalid("roleRef", &shown, detail);
        } else {
            let (group, kind, name) = (part("apiGroup"), part("kind"), part("name"));
            let shown = format!("rbac.RoleRef{{APIGroup:{group:?}, Kind:{kind:?}, Name:{name:?}}}");
            faults.invalid_shown("roleRef", &shown, detail);
        }
    }
    faults.causes
}

fn subject(faults: &mut Faults, field: &str, subject: &Value, home: Home) {
    let (name, at) = (text(subject, "/name"), |part: &str| format!("{field}.{part}"));
    if name.is_empty() {
        faults.required(&at("name"), "");
    }
    match text(subject, "/kind") {
        "ServiceAccount" => {
            if let Some(fault) = subdomain_fault(name).filter(|_| !name.is_empty()) {
                faults.invalid(&at("name"), &name.into(), fault);
            }
            faults.one_of(subject, "/apiGroup", &at("apiGroup"), &[""]);
            if home == Home::Cluster && text(subject, "/namespace").is_empty() {
                faults.required(&at("namespace"), "");
            }
        }
        "User" | "Group" => faults.one_of(subject, "/apiGroup", &at("apiGroup"), &[GROUP]),
        other => faults.unsupported(&at("kind"), &other.into(), &["ServiceAccount", "User", "Group"]),
    }
}
