//! One policy, and the parts of a Pod that all of its rules look at.

use serde_json::Value;

use crate::fields::{list, text};

/// A policy that can be judged by.
pub(super) struct Provider<'a> {
    /// The policy's `spec`.
    pub(super) spec: &'a Value,
    /// The policy's annotations.
    pub(super) annotations: &'a Value,
}

/// The lists of a Pod's containers, in the order in which they are judged.
pub(super) const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// The annotation that names a Pod's seccomp profile.
pub(super) const SECCOMP: &str = "seccomp.security.alpha.kubernetes.io/pod";
/// The start of the annotations that name those of containers.
pub(super) const SECCOMP_OF: &str = "container.seccomp.security.alpha.kubernetes.io/";
/// The start of the annotations that name AppArmor profiles.
pub(super) const APP_ARMOR_OF: &str = "container.apparmor.security.beta.kubernetes.io/";

impl<'a> Provider<'a> {
    /// Reads a policy; `None` for one that nothing can be judged by, for want of a range.
    pub(super) fn of(policy: &'a Value) -> Option<Provider<'a>> {
        let spec = policy.get("spec")?;
        let ranged = |part: &str| match text(spec, &format!("/{part}/rule")) {
            "MustRunAs" | "MayRunAs" => !list(spec, &format!("/{part}/ranges")).is_empty(),
            _ => true,
        };
        ["runAsUser", "runAsGroup", "supplementalGroups", "fsGroup"]
            .into_iter()
            .all(ranged)
            .then(|| Provider { spec, annotations: policy.pointer("/metadata/annotations").unwrap_or(&Value::Null) })
    }

    /// Returns the rule of a part of the policy.
    pub(super) fn rule(&self, part: &str) -> &'a str {
        self.spec.get(part).map(|part| text(part, "/rule")).unwrap_or_default()
    }

    /// Returns the ranges of a part of the policy.
    pub(super) fn ranges(&self, part: &str) -> Vec<(i64, i64)> {
        let number = |range: &Value, key: &str| range.get(key).and_then(Value::as_i64).unwrap_or_default();
        let ranges = self.spec.get(part).and_then(|part| part.get("ranges")).and_then(Value::as_array);
        ranges.into_iter().flatten().map(|range| (number(range, "min"), number(range, "max"))).collect()
    }

    /// Returns an annotation of the policy.
    pub(super) fn annotation(&self, key: &str) -> Option<&'a str> {
        self.annotations.get(key).and_then(Value::as_str)
    }

    /// Returns the texts of a list of the policy.
    pub(super) fn texts(&self, part: &str) -> Vec<&'a str> {
        let texts = self.spec.get(part).and_then(Value::as_array);
        texts.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Tells whether the policy says yes to something.
    pub(super) fn allows(&self, part: &str) -> bool {
        self.spec.get(part) == Some(&Value::Bool(true))
    }
}

/// Returns a setting of a container, else that of its Pod.
pub(super) fn effective<'a>(pod: &'a Value, container: &'a Value, field: &str) -> Option<&'a Value> {
    let of = |of: &'a Value| of.get("securityContext")?.get(field).filter(|value| !value.is_null());
    of(container).or_else(|| of(&pod["spec"]))
}

/// Returns an annotation of a Pod, empty if absent.
pub(super) fn annotation<'a>(pod: &'a Value, key: &str) -> &'a str {
    pod["metadata"]["annotations"].get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the annotation's word for a profile of the field `seccompProfile`.
pub(super) fn seccomp_word(context: &Value) -> Option<String> {
    let profile = context.get("securityContext")?.get("seccompProfile").filter(|profile| profile.is_object())?;
    Some(match text(profile, "/type") {
        "RuntimeDefault" => "runtime/default".to_owned(),
        "Localhost" => format!("localhost/{}", text(profile, "/localhostProfile")),
        _ => "unconfined".to_owned(),
    })
}
