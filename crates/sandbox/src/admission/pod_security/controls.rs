//! The controls, one function each. A function returns what it has against a Pod.
//!
//! What they look at and what they say is that of `k8s.io/pod-security-admission/policy`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::evaluate::{Subject, Violation};
use crate::fields::{is_true, list, text};

impl<'a> Subject<'a> {
    /// Returns all containers, in the order in which they are named.
    fn containers(&self) -> impl Iterator<Item = &'a Value> {
        let spec = self.spec;
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(move |key| spec.get(key).and_then(Value::as_array).into_iter().flatten())
    }

    /// Returns the names of the containers of which something holds.
    fn containers_with(&self, mut holds: impl FnMut(&'a Value) -> bool) -> Vec<&'a str> {
        self.containers().filter(|container| holds(container)).map(|container| text(container, "/name")).collect()
    }

    /// Returns who sets something: `pod`, the containers, or both.
    fn setters(&self, mut is_bad: impl FnMut(&'a Value) -> bool) -> Option<String> {
        let pod = is_bad(security_context(self.spec));
        let containers = self.containers_with(|container| is_bad(security_context(container)));
        match (pod, containers.is_empty()) {
            (false, true) => None,
            (true, true) => Some("pod".to_owned()),
            (false, false) => Some(named("container", &containers)),
            (true, false) => Some(format!("pod and {}", named("container", &containers))),
        }
    }

    fn annotations(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let annotations = self.metadata.get("annotations").and_then(Value::as_object);
        annotations.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    fn is_windows(&self) -> bool {
        text(self.spec, "/os/name") == "windows"
    }

    /// Tells whether the Pod has a user namespace of its own, with which root is not root.
    fn has_own_users(&self) -> bool {
        self.spec.get("hostUsers") == Some(&Value::Bool(false))
    }
}

fn security_context(of: &Value) -> &Value {
    of.get("securityContext").unwrap_or(&Value::Null)
}

/// Returns names in quotes, which are not escaped.
fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    format!("\"{}\"", names.join("\", \""))
}

fn plural<'a>(one: &'a str, more: &'a str, count: usize) -> &'a str {
    if count == 1 { one } else { more }
}

/// Returns `container "a"` or `containers "a", "b"`.
fn named(what: &str, names: &[&str]) -> String {
    format!("{what}{} {}", plural("", "s", names.len()), quoted(names.iter().copied()))
}

fn violation(reason: &'static str, detail: String) -> Option<Violation> {
    Some(Violation { reason, detail })
}

pub(super) fn app_armor(subject: &Subject<'_>) -> Option<Violation> {
    let mut values = BTreeSet::new();
    let setters = subject.setters(|context| {
        let kind = text(context, "/appArmorProfile/type");
        let is_bad = context.get("appArmorProfile").is_some_and(Value::is_object)
            && !matches!(kind, "RuntimeDefault" | "Localhost");
        if is_bad {
            values.insert(kind);
        }
        is_bad
    });
    let mut annotations: Vec<String> = subject
        .annotations()
        .filter(|(key, _)| key.starts_with("container.apparmor.security.beta.kubernetes.io/"))
        .filter(|(_, value)| !(value.is_empty() || *value == "runtime/default" || value.starts_with("localhost/")))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    annotations.sort();
    let mut all: Vec<String> = setters.into_iter().collect();
    if !annotations.is_empty() {
        all.push(plural("annotation", "annotations", annotations.len()).to_owned());
    }
    if all.is_empty() {
        return None;
    }
    let reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.len() + annotations.len());
    let shown = quoted(values.into_iter().chain(annotations.iter().map(String::as_str)));
    violation(reason, format!("{} must not set AppArmor profile type to {shown}", all.join(" and ")))
}

/// What a container may add, in `baseline`.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Returns the containers that add others than the allowed capabilities, and these.
fn added(subject: &Subject<'_>, allowed: &[&str]) -> Option<String> {
    let mut forbidden = BTreeSet::new();
    let containers = subject.containers_with(|container| {
        let bad: Vec<&str> = list(container, "/securityContext/capabilities/add")
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| !allowed.contains(name))
            .collect();
        forbidden.extend(bad.iter().copied());
        !bad.is_empty()
    });
    (!containers.is_empty()).then(|| {
        let who = named("container", &containers);
        format!("{who} must not include {} in securityContext.capabilities.add", quoted(forbidden))
    })
}

pub(super) fn capabilities_baseline(subject: &Subject<'_>) -> Option<Violation> {
    violation("non-default capabilities", added(subject, &CAPABILITIES)?)
}

pub(super) fn capabilities_restricted(subject: &Subject<'_>) -> Option<Violation> {
    if subject.minor >= 25 && subject.is_windows() {
        return None;
    }
    let keeping = subject.containers_with(|container| {
        !list(container, "/securityContext/capabilities/drop").iter().any(|name| name == "ALL")
    });
    let kept = (!keeping.is_empty())
        .then(|| format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", named("container", &keeping)));
    let details: Vec<String> = kept.into_iter().chain(added(subject, &["NET_BIND_SERVICE"])).collect();
    if details.is_empty() { None } else { violation("unrestricted capabilities", details.join("; ")) }
}

pub(super) fn host_namespaces(subject: &Subject<'_>) -> Option<Violation> {
    let used: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .into_iter()
        .filter(|field| subject.spec.get(field) == Some(&Value::Bool(true)))
        .map(|field| format!("{field}=true"))
        .collect();
    if used.is_empty() { None } else { violation("host namespaces", used.join(", ")) }
}

pub(super) fn host_path_volumes(subject: &Subject<'_>) -> Option<Violation> {
    let volumes: Vec<&str> = list(subject.spec, "/volumes")
        .iter()
        .filter(|volume| volume.get("hostPath").is_some_and(Value::is_object))
        .map(|volume| text(volume, "/name"))
        .collect();
    if volumes.is_empty() { None } else { violation("hostPath volumes", named("volume", &volumes)) }
}

pub(super) fn host_ports(subject: &Subject<'_>) -> Option<Violation> {
    // Sorted as texts, as the original does.
    let mut ports = BTreeSet::new();
    let containers = subject.containers_with(|container| {
        let mut uses = false;
        for port in list(container, "/ports").iter().filter_map(|port| port.get("hostPort")?.as_i64()) {
            if port != 0 {
                uses = true;
                ports.insert(port.to_string());
            }
        }
        uses
    });
    if containers.is_empty() {
        return None;
    }
    let shown = ports.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let (verb, what) = (plural("uses", "use", containers.len()), plural("hostPort", "hostPorts", ports.len()));
    violation("hostPort", format!("{} {verb} {what} {shown}", named("container", &containers)))
}

/// Where a probe or a hook may name a host.
const HANDLERS: [&str; 5] =
    ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle/postStart", "lifecycle/preStop"];

pub(super) fn probe_hosts(subject: &Subject<'_>) -> Option<Violation> {
    let mut hosts = BTreeSet::new();
    let containers: BTreeSet<&str> = subject
        .containers()
        .filter(|container| {
            let mut names = false;
            for handler in HANDLERS {
                for kind in ["httpGet", "tcpSocket"] {
                    let host = text(container, &format!("/{handler}/{kind}/host"));
                    if !host.is_empty() {
                        names = true;
                        hosts.insert(host);
                    }
                }
            }
            names
        })
        .map(|container| text(container, "/name"))
        .collect();
    if containers.is_empty() {
        return None;
    }
    let containers: Vec<&str> = containers.into_iter().collect();
    let detail = format!(
        "{} {} {} {}",
        named("container", &containers),
        plural("uses", "use", containers.len()),
        plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.len()),
        quoted(hosts)
    );
    violation("probe or lifecycle host", detail)
}

pub(super) fn privileged(subject: &Subject<'_>) -> Option<Violation> {
    let containers = subject.containers_with(|container| is_true(container, "/securityContext/privileged"));
    if containers.is_empty() {
        return None;
    }
    violation("privileged", format!("{} must not set securityContext.privileged=true", named("container", &containers)))
}

pub(super) fn proc_mount_baseline(subject: &Subject<'_>) -> Option<Violation> {
    if subject.minor >= 35 && subject.has_own_users() { None } else { proc_mount_restricted(subject) }
}

pub(super) fn proc_mount_restricted(subject: &Subject<'_>) -> Option<Violation> {
    let mut kinds = BTreeSet::new();
    let containers = subject.containers_with(|container| {
        let bad =
            container.pointer("/securityContext/procMount").and_then(Value::as_str).filter(|kind| *kind != "Default");
        kinds.extend(bad);
        bad.is_some()
    });
    if containers.is_empty() {
        return None;
    }
    let who = named("container", &containers);
    violation("procMount", format!("{who} must not set securityContext.procMount to {}", quoted(kinds)))
}

pub(super) fn se_linux(subject: &Subject<'_>) -> Option<Violation> {
    let (mut kinds, mut user, mut role) = (BTreeSet::new(), false, false);
    let setters = subject.setters(|context| {
        let kind = text(context, "/seLinuxOptions/type");
        let bad_kind = match kind {
            "" | "container_t" | "container_init_t" | "container_kvm_t" => false,
            "container_engine_t" => subject.minor < 31,
            _ => true,
        };
        if bad_kind {
            kinds.insert(kind);
        }
        let sets_user = !text(context, "/seLinuxOptions/user").is_empty();
        let sets_role = !text(context, "/seLinuxOptions/role").is_empty();
        user |= sets_user;
        role |= sets_role;
        bad_kind || sets_user || sets_role
    })?;
    let mut bad = Vec::new();
    if !kinds.is_empty() {
        bad.push(format!("{} {}", plural("type", "types", kinds.len()), quoted(kinds)));
    }
    if user {
        bad.push("user may not be set".to_owned());
    }
    if role {
        bad.push("role may not be set".to_owned());
    }
    violation("seLinuxOptions", format!("{setters} set forbidden securityContext.seLinuxOptions: {}", bad.join("; ")))
}

fn bad_seccomp(context: &Value) -> Option<&str> {
    let profile = context.get("seccompProfile").filter(|profile| profile.is_object())?;
    Some(text(profile, "/type")).filter(|kind| !matches!(*kind, "RuntimeDefault" | "Localhost"))
}

/// Returns who sets a forbidden profile, as a sentence.
fn forbidden_seccomp(subject: &Subject<'_>) -> Option<String> {
    let mut kinds = BTreeSet::new();
    let setters = subject.setters(|context| {
        let bad = bad_seccomp(context);
        kinds.extend(bad);
        bad.is_some()
    })?;
    Some(format!("{setters} must not set securityContext.seccompProfile.type to {}", quoted(kinds)))
}

pub(super) fn seccomp_baseline(subject: &Subject<'_>) -> Option<Violation> {
    if subject.minor >= 19 {
        return violation("seccompProfile", forbidden_seccomp(subject)?);
    }
    // There was no field for it, but annotations.
    let of_containers: BTreeSet<String> = subject
        .containers()
        .map(|container| format!("container.seccomp.security.alpha.kubernetes.io/{}", text(container, "/name")))
        .collect();
    let forbidden: BTreeSet<String> = subject
        .annotations()
        .filter(|(key, _)| *key == "seccomp.security.alpha.kubernetes.io/pod" || of_containers.contains(*key))
        .filter(|(_, value)| {
            !(matches!(*value, "runtime/default" | "docker/default") || value.starts_with("localhost/"))
        })
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    if forbidden.is_empty() {
        return None;
    }
    let count = forbidden.len();
    let shown = forbidden.into_iter().collect::<Vec<_>>().join(", ");
    violation("seccompProfile", format!("forbidden {} {shown}", plural("annotation", "annotations", count)))
}

pub(super) fn seccomp_restricted(subject: &Subject<'_>) -> Option<Violation> {
    if subject.minor >= 25 && subject.is_windows() {
        return None;
    }
    if let Some(detail) = forbidden_seccomp(subject) {
        return violation("seccompProfile", detail);
    }
    let is_set = |of: &Value| security_context(of).get("seccompProfile").is_some_and(Value::is_object);
    if is_set(subject.spec) {
        return None;
    }
    let silent = subject.containers_with(|container| !is_set(container));
    if silent.is_empty() {
        return None;
    }
    let who = named("container", &silent);
    violation(
        "seccompProfile",
        format!("pod or {who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\""),
    )
}

/// The parameters of the kernel that a Pod may set, and since which version.
const SYSCTLS: [(&str, u32); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
    ("net.ipv4.tcp_notsent_lowat", 37),
];

pub(super) fn sysctls(subject: &Subject<'_>) -> Option<Violation> {
    let forbidden: Vec<&str> = list(subject.spec, "/securityContext/sysctls")
        .iter()
        .map(|sysctl| text(sysctl, "/name"))
        .filter(|name| !SYSCTLS.iter().any(|(allowed, since)| allowed == name && subject.minor >= *since))
        .collect();
    if forbidden.is_empty() { None } else { violation("forbidden sysctls", forbidden.join(", ")) }
}

pub(super) fn windows_host_process(subject: &Subject<'_>) -> Option<Violation> {
    let setters = subject.setters(|context| is_true(context, "/windowsOptions/hostProcess"))?;
    violation("hostProcess", format!("{setters} must not set securityContext.windowsOptions.hostProcess=true"))
}

pub(super) fn allow_privilege_escalation(subject: &Subject<'_>) -> Option<Violation> {
    if subject.minor >= 25 && subject.is_windows() {
        return None;
    }
    let containers = subject.containers_with(|container| {
        security_context(container).get("allowPrivilegeEscalation") != Some(&Value::Bool(false))
    });
    if containers.is_empty() {
        return None;
    }
    violation(
        "allowPrivilegeEscalation != false",
        format!("{} must set securityContext.allowPrivilegeEscalation=false", named("container", &containers)),
    )
}

/// The sources of volumes that `restricted` allows.
const VOLUMES: [&str; 8] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];
/// The ones that it knows to forbid.
const FORBIDDEN_VOLUMES: [&str; 20] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "hostPath",
    "iscsi",
    "nfs",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

pub(super) fn restricted_volumes(subject: &Subject<'_>) -> Option<Violation> {
    let (mut volumes, mut kinds) = (Vec::new(), BTreeSet::new());
    for volume in list(subject.spec, "/volumes") {
        let has = |source: &str| volume.get(source).is_some_and(Value::is_object);
        if VOLUMES.into_iter().any(has) {
            continue;
        }
        volumes.push(text(volume, "/name"));
        kinds.insert(FORBIDDEN_VOLUMES.into_iter().find(|source| has(source)).unwrap_or("unknown"));
    }
    if volumes.is_empty() {
        return None;
    }
    let detail = format!(
        "{} {} {} {}",
        named("volume", &volumes),
        plural("uses", "use", volumes.len()),
        plural("restricted volume type", "restricted volume types", kinds.len()),
        quoted(kinds)
    );
    violation("restricted volume types", detail)
}

pub(super) fn run_as_non_root(subject: &Subject<'_>) -> Option<Violation> {
    if subject.minor >= 35 && subject.has_own_users() {
        return None;
    }
    let wish = |of: &Value| of.get("runAsNonRoot").and_then(Value::as_bool);
    if let Some(setters) = subject.setters(|context| wish(context) == Some(false)) {
        let detail = format!("{setters} must not set securityContext.runAsNonRoot=false");
        return violation("runAsNonRoot != true", detail);
    }
    if wish(security_context(subject.spec)) == Some(true) {
        return None;
    }
    let silent = subject.containers_with(|container| wish(security_context(container)).is_none());
    if silent.is_empty() {
        return None;
    }
    let who = named("container", &silent);
    violation("runAsNonRoot != true", format!("pod or {who} must set securityContext.runAsNonRoot=true"))
}

pub(super) fn run_as_user(subject: &Subject<'_>) -> Option<Violation> {
    if subject.minor >= 35 && subject.has_own_users() {
        return None;
    }
    let setters = subject.setters(|context| context.get("runAsUser").and_then(Value::as_i64) == Some(0))?;
    violation("runAsUser=0", format!("{setters} must not set runAsUser=0"))
}
