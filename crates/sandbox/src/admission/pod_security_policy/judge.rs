//! What a policy has against a Pod.

use serde_json::{Value, json};

use crate::fields::{is_true, list, text};

use super::provider::{APP_ARMOR_OF, CONTAINERS, Provider, SECCOMP, SECCOMP_OF, annotation, effective, seccomp_word};

/// Parameters of the kernel that need no word of a policy.
const SAFE_SYSCTLS: [&str; 4] =
    ["kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range"];

/// The texts of faults, as field errors print.
struct Faults(Vec<String>);

impl Faults {
    fn invalid(&mut self, field: &str, value: &Value, detail: &str) {
        self.0.push(format!("{field}: Invalid value: {value}: {detail}"));
    }

    fn forbidden(&mut self, field: &str, detail: &str) {
        self.0.push(format!("{field}: Forbidden: {detail}"));
    }

    fn required(&mut self, field: &str, detail: &str) {
        let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        self.0.push(format!("{field}: Required value{detail}"));
    }
}

impl Provider<'_> {
    /// Returns what the policy has against a Pod.
    pub(super) fn judge(&self, pod: &Value) -> Vec<String> {
        let mut faults = Faults(Vec::new());
        let spec = &pod["spec"];
        let context = &spec["securityContext"];
        let fs_groups: Vec<i64> = context["fsGroup"].as_i64().into_iter().collect();
        let groups: Vec<i64> = list(context, "/supplementalGroups").iter().filter_map(Value::as_i64).collect();
        self.groups(&mut faults, "fsGroup", "spec.securityContext.fsGroup", &fs_groups);
        self.groups(&mut faults, "supplementalGroups", "spec.securityContext.supplementalGroups", &groups);
        let profile = Some(annotation(pod, SECCOMP).to_owned()).filter(|word| !word.is_empty());
        let profile = profile.or_else(|| seccomp_word(spec)).unwrap_or_default();
        self.seccomp(&mut faults, SECCOMP, &profile);
        self.se_linux_of(&mut faults, "spec.securityContext", context.get("seLinuxOptions"));
        for (field, what) in [("hostNetwork", "network"), ("hostPID", "PID"), ("hostIPC", "IPC")] {
            if spec[field] == true && !self.allows(field) {
                let detail = format!("Host {what} is not allowed to be used");
                faults.invalid(&format!("spec.securityContext.{field}"), &json!(true), &detail);
            }
        }
        self.sysctls(&mut faults, context);
        self.volumes(&mut faults, spec);
        for containers in CONTAINERS {
            for (index, container) in list(spec, &format!("/{containers}")).iter().enumerate() {
                self.container(&mut faults, pod, container, &format!("spec.{containers}[{index}]"));
            }
        }
        faults.0
    }

    fn container(&self, faults: &mut Faults, pod: &Value, container: &Value, path: &str) {
        let context = format!("{path}.securityContext");
        let user = effective(pod, container, "runAsUser").and_then(Value::as_i64);
        let non_root = effective(pod, container, "runAsNonRoot").and_then(Value::as_bool);
        self.user(faults, &context, user, non_root);
        if self.spec.get("runAsGroup").is_some() {
            let group: Vec<i64> = effective(pod, container, "runAsGroup").and_then(Value::as_i64).into_iter().collect();
            self.groups(faults, "runAsGroup", &context, &group);
        }
        self.se_linux_of(faults, &context, effective(pod, container, "seLinuxOptions"));
        let name = text(container, "/name");
        self.app_armor(faults, pod, name);
        let key = format!("{SECCOMP_OF}{name}");
        let profile = seccomp_word(container)
            .or_else(|| Some(annotation(pod, &key).to_owned()).filter(|word| !word.is_empty()))
            .or_else(|| seccomp_word(&pod["spec"]))
            .unwrap_or_else(|| annotation(pod, SECCOMP).to_owned());
        self.seccomp(faults, &key, &profile);
        let own = &container["securityContext"];
        if is_true(own, "/privileged") && !self.allows("privileged") {
            faults.invalid(&format!("{context}.privileged"), &json!(true), "Privileged containers are not allowed");
        }
        let mount = own["procMount"].as_str().unwrap_or("Default");
        let mounts = self.texts("allowedProcMountTypes");
        if !(mounts.contains(&mount) || (mounts.is_empty() && mount == "Default")) {
            faults.invalid(&format!("{context}.procMount"), &json!(mount), "ProcMountType is not allowed");
        }
        self.capabilities_of(faults, &format!("{context}.capabilities"), own);
        self.host_ports(faults, path, container);
        if self.allows("readOnlyRootFilesystem") && own["readOnlyRootFilesystem"] != true {
            let detail = "ReadOnlyRootFilesystem must be set to true";
            faults.invalid(&format!("{context}.readOnlyRootFilesystem"), &json!(false), detail);
        }
        if self.spec["allowPrivilegeEscalation"] == false && own["allowPrivilegeEscalation"] != false {
            let detail = "Allowing privilege escalation for containers is not allowed";
            faults.invalid(&format!("{context}.allowPrivilegeEscalation"), &json!(true), detail);
        }
    }

    fn user(&self, faults: &mut Faults, context: &str, user: Option<i64>, non_root: Option<bool>) {
        let field = format!("{context}.runAsUser");
        match (self.rule("runAsUser"), user) {
            ("MustRunAs", None) => faults.required(&field, ""),
            ("MustRunAs", Some(user)) => {
                let ranges = self.ranges("runAsUser");
                if !ranges.iter().any(|(low, high)| (*low..=*high).contains(&user)) {
                    faults.invalid(&field, &json!(user), &format!("must be in the ranges: {}", shown(&ranges)));
                }
            }
            ("MustRunAsNonRoot", user) => match (non_root, user) {
                (None, None) => faults.required(&format!("{context}.runAsNonRoot"), "must be true"),
                (Some(false), _) => {
                    faults.invalid(&format!("{context}.runAsNonRoot"), &json!(false), "must be true");
                }
                (_, Some(0)) => faults.invalid(&field, &json!(0), "running with the root UID is forbidden"),
                _ => {}
            },
            _ => {}
        }
    }

    fn groups(&self, faults: &mut Faults, part: &str, field: &str, groups: &[i64]) {
        let rule = self.rule(part);
        if !matches!(rule, "MustRunAs" | "MayRunAs") {
            return;
        }
        let ranges = self.ranges(part);
        let list = groups.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        if groups.is_empty() && rule == "MustRunAs" {
            let detail = "unable to validate empty groups against required ranges";
            faults.0.push(format!("{field}: Invalid value: []int64{{}}: {detail}"));
        }
        for group in groups {
            if !ranges.iter().any(|(low, high)| (low..=high).contains(&group)) {
                let detail = format!("group {group} must be in the ranges: {}", shown(&ranges));
                faults.0.push(format!("{field}: Invalid value: []int64{{{list}}}: {detail}"));
            }
        }
    }

    fn se_linux_of(&self, faults: &mut Faults, context: &str, options: Option<&Value>) {
        if self.rule("seLinux") != "MustRunAs" {
            return;
        }
        let field = format!("{context}.seLinuxOptions");
        let Some(options) = options else { return faults.required(&field, "") };
        for part in ["level", "role", "type", "user"] {
            let wanted = text(self.spec, &format!("/seLinux/seLinuxOptions/{part}"));
            let found = text(options, &format!("/{part}"));
            if wanted != found {
                faults.invalid(&format!("{field}.{part}"), &json!(found), &format!("must be {wanted}"));
            }
        }
    }

    fn seccomp(&self, faults: &mut Faults, key: &str, profile: &str) {
        let field = format!("pod.metadata.annotations[{key}]");
        let allowed = self.annotation("seccomp.security.alpha.kubernetes.io/allowedProfileNames").unwrap_or_default();
        if allowed.is_empty() {
            if !profile.is_empty() {
                faults.forbidden(&field, "seccomp may not be set");
            }
            return;
        }
        let is_allowed = allowed.split(',').any(|name| {
            name == "*"
                || name == profile
                || (name == "docker/default" && profile == "runtime/default")
                || (name == "runtime/default" && profile == "docker/default")
        });
        if !is_allowed {
            let detail = format!("{profile} is not an allowed seccomp profile. Valid values are {allowed}");
            faults.forbidden(&field, &detail);
        }
    }

    fn app_armor(&self, faults: &mut Faults, pod: &Value, container: &str) {
        let Some(allowed) = self.annotation("apparmor.security.beta.kubernetes.io/allowedProfileNames") else {
            return;
        };
        let key = format!("{APP_ARMOR_OF}{container}");
        let field = format!("pod.metadata.annotations[{key}]");
        let profile = annotation(pod, &key);
        if profile.is_empty() {
            faults.forbidden(&field, "AppArmor profile must be set");
        } else if !allowed.split(',').any(|name| name == profile) {
            let allowed = allowed.replace(',', ", ");
            faults.forbidden(&field, &format!("{profile} is not an allowed profile. Allowed values: {allowed:?}"));
        }
    }

    fn sysctls(&self, faults: &mut Faults, context: &Value) {
        let fits = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => pattern == name,
        };
        let (forbidden, unsafe_ones) = (self.texts("forbiddenSysctls"), self.texts("allowedUnsafeSysctls"));
        for (index, sysctl) in list(context, "/sysctls").iter().enumerate() {
            let name = text(sysctl, "/name");
            let field = format!("pod.spec.securityContext.sysctls[{index}]");
            if forbidden.iter().any(|pattern| fits(pattern, name)) {
                faults.forbidden(&field, &format!("sysctl {name:?} is not allowed"));
            } else if !SAFE_SYSCTLS.contains(&name) && !unsafe_ones.iter().any(|pattern| fits(pattern, name)) {
                faults.forbidden(&field, &format!("unsafe sysctl {name:?} is not allowed"));
            }
        }
    }

    fn volumes(&self, faults: &mut Faults, spec: &Value) {
        let allowed = self.texts("volumes");
        for (index, volume) in list(spec, "/volumes").iter().enumerate() {
            let source =
                volume.as_object().into_iter().flatten().find(|(key, value)| *key != "name" && value.is_object());
            let kind = match source.map(|(key, _)| key.as_str()) {
                Some("cephfs") => "cephFS",
                Some(other) => other,
                None => "emptyDir",
            };
            let is_token = kind == "projected" && allowed.contains(&"secret") && only_token(volume);
            if !(allowed.contains(&"*") || allowed.contains(&kind) || is_token) {
                let detail = format!("{kind} volumes are not allowed to be used");
                faults.invalid(&format!("spec.volumes[{index}]"), &json!(kind), &detail);
            } else if kind == "hostPath" {
                self.host_path(faults, spec, volume, index);
            }
        }
    }

    fn host_path(&self, faults: &mut Faults, spec: &Value, volume: &Value, index: usize) {
        let path = text(volume, "/hostPath/path");
        let entries = list(self.spec, "/allowedHostPaths");
        let matching: Vec<&Value> = entries.iter().filter(|entry| lies_in(path, text(entry, "/pathPrefix"))).collect();
        if !entries.is_empty() && matching.is_empty() {
            let field = format!("spec.volumes[{index}].hostPath.pathPrefix");
            faults.invalid(&field, &json!(path), "is not allowed to be used");
            return;
        }
        if matching.is_empty() || matching.iter().any(|entry| !is_true(entry, "/readOnly")) {
            return;
        }
        for containers in &CONTAINERS[..2] {
            for (at, container) in list(spec, &format!("/{containers}")).iter().enumerate() {
                for (mount_at, mount) in list(container, "/volumeMounts").iter().enumerate() {
                    if text(mount, "/name") == text(volume, "/name") && !is_true(mount, "/readOnly") {
                        let field = format!("spec.{containers}[{at}].volumeMounts[{mount_at}].readOnly");
                        faults.invalid(&field, &json!(false), "must be read-only");
                    }
                }
            }
        }
    }

    fn capabilities_of(&self, faults: &mut Faults, field: &str, context: &Value) {
        let allowed = self.texts("allowedCapabilities");
        if allowed.contains(&"*") {
            return;
        }
        let defaults = self.texts("defaultAddCapabilities");
        for name in list(context, "/capabilities/add").iter().filter_map(Value::as_str) {
            if !defaults.contains(&name) && !allowed.contains(&name) {
                faults.invalid(&format!("{field}.add"), &json!(name), "capability may not be added");
            }
        }
    }

    fn host_ports(&self, faults: &mut Faults, path: &str, container: &Value) {
        let number = |range: &Value, key: &str| range.get(key).and_then(Value::as_i64).unwrap_or_default();
        let ranges: Vec<(i64, i64)> =
            list(self.spec, "/hostPorts").iter().map(|range| (number(range, "min"), number(range, "max"))).collect();
        for port in list(container, "/ports").iter().map(|port| number(port, "hostPort")).filter(|port| *port > 0) {
            if !ranges.iter().any(|(low, high)| (*low..=*high).contains(&port)) {
                let shown: Vec<String> = ranges
                    .iter()
                    .map(|(low, high)| if low == high { low.to_string() } else { format!("{low}-{high}") })
                    .collect();
                let detail =
                    format!("Host port {port} is not allowed to be used. Allowed ports: [{}]", shown.join(","));
                faults.invalid(&format!("{path}.hostPort"), &json!(port), &detail);
            }
        }
    }
}

/// Prints ranges as Go does.
fn shown(ranges: &[(i64, i64)]) -> String {
    let ranges: Vec<String> = ranges.iter().map(|(low, high)| format!("{{{low} {high}}}")).collect();
    format!("[{}]", ranges.join(" "))
}

/// Tells whether a path is a prefix or lies below it.
fn lies_in(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Tells whether a projected volume holds but what every account's token needs.
fn only_token(volume: &Value) -> bool {
    list(volume, "/projected/sources").iter().all(|source| {
        source.get("serviceAccountToken").is_some()
            || text(source, "/configMap/name") == "kube-root-ca.crt"
            || list(source, "/downwardAPI/items").iter().all(|item| text(item, "/path") == "namespace")
                && source.get("downwardAPI").is_some()
    })
}
