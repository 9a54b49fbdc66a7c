//! Which controls of the Pod Security Standards a Pod violates: pure, no cluster.
//!
//! Order of `k8s.io/pod-security-admission/policy`: the controls of `baseline` by name, then those of
//! `restricted`, which take the place of some of the former.

use serde_json::Value;

use super::controls;
use super::policy::Level;

/// A control that a Pod violates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// What is wrong, in short.
    pub(crate) reason: &'static str,
    /// Where.
    pub(crate) detail: String,
}

/// What is looked at.
pub(super) struct Subject<'a> {
    /// The Pod's or template's `metadata`.
    pub(super) metadata: &'a Value,
    /// The Pod's or template's `spec`.
    pub(super) spec: &'a Value,
    /// The version, as in 1.`minor`.
    pub(super) minor: u32,
}

/// The versions, as in 1.`minor`, of which something holds.
type Since = Option<u32>;

struct Control {
    /// Since when the level `restricted` has another control in its place.
    replaced: Since,
    /// The first version that has it.
    since: u32,
    check: fn(&Subject<'_>) -> Option<Violation>,
}

const fn control(since: u32, replaced: Since, check: fn(&Subject<'_>) -> Option<Violation>) -> Control {
    Control { replaced, since, check }
}

/// The controls of `baseline`, by name.
const BASELINE: [Control; 12] = [
    control(0, None, controls::app_armor),
    control(0, Some(22), controls::capabilities_baseline),
    control(0, None, controls::host_namespaces),
    control(0, Some(0), controls::host_path_volumes),
    control(0, None, controls::host_ports),
    control(34, None, controls::probe_hosts),
    control(0, None, controls::privileged),
    control(0, Some(35), controls::proc_mount_baseline),
    control(0, None, controls::se_linux),
    control(0, Some(19), controls::seccomp_baseline),
    control(0, None, controls::sysctls),
    control(0, None, controls::windows_host_process),
];

/// The controls that `restricted` adds, by name.
const RESTRICTED: [Control; 7] = [
    control(8, None, controls::allow_privilege_escalation),
    control(22, None, controls::capabilities_restricted),
    control(35, None, controls::proc_mount_restricted),
    control(0, None, controls::restricted_volumes),
    control(0, None, controls::run_as_non_root),
    control(23, None, controls::run_as_user),
    control(19, None, controls::seccomp_restricted),
];

/// Returns what a Pod, or a template of one, violates of a level in its version 1.`minor`.
pub(crate) fn evaluate(level: Level, minor: u32, pod: &Value) -> Vec<Violation> {
    let (baseline, restricted): (&[Control], &[Control]) = match level {
        Level::Privileged => (&[], &[]),
        Level::Baseline => (&BASELINE, &[]),
        Level::Restricted => (&BASELINE, &RESTRICTED),
    };
    let subject = Subject { metadata: &pod["metadata"], spec: &pod["spec"], minor };
    let is_replaced =
        |control: &Control| level == Level::Restricted && control.replaced.is_some_and(|replaced| minor >= replaced);
    baseline
        .iter()
        .filter(|control| !is_replaced(control))
        .chain(restricted)
        .filter(|control| minor >= control.since)
        .filter_map(|control| (control.check)(&subject))
        .collect()
}

/// Returns the sentence about some violations: each reason with its detail.
pub(crate) fn describe(violations: &[Violation]) -> String {
    let texts: Vec<String> =
        violations.iter().map(|violation| format!("{} ({})", violation.reason, violation.detail)).collect();
    texts.join(", ")
}

/// Returns the reasons of some violations.
pub(crate) fn reasons(violations: &[Violation]) -> String {
    violations.iter().map(|violation| violation.reason).collect::<Vec<_>>().join(", ")
}
