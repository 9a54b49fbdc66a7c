//! The flags of `kube-apiserver` in its manifest: which have an effect here, and how a wrong one is told.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Version;
use crate::admission::{self, Plugins};
use crate::fields::{list, text};

/// What the flags settle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Flags {
    /// Which admission plug-ins run.
    pub(crate) plugins: Plugins,
    /// Who may ask.
    pub(crate) access: Access,
}

/// Who may ask, and who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    /// Who somebody without credentials is.
    pub(crate) anonymous: Anonymous,
    /// Who decides on requests.
    pub(crate) authorization: Authorization,
}

impl Default for Access {
    fn default() -> Self {
        Access { anonymous: Anonymous::Accepted, authorization: Authorization::Roles }
    }
}

/// Who somebody without credentials is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anonymous {
    /// `system:anonymous`.
    Accepted,
    /// Nobody: 401.
    Refused,
}

/// Who decides on requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// Roles and bindings.
    Roles,
    /// Nobody: all is allowed.
    AlwaysAllow,
    /// Nobody: all is refused, save to `system:masters`.
    AlwaysDeny,
}

/// Why a manifest starts no API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is no Pod.
    NoPod(String),
    /// A flag is wrong, in the program's words.
    Flag(String),
}

/// The flags that the program knows, without those that have an effect here.
const KNOWN: [&str; 66] = [
    "admission-control-config-file",
    "advertise-address",
    "allow-privileged",
    "api-audiences",
    "audit-log-format",
    "audit-log-maxage",
    "audit-log-maxbackup",
    "audit-log-maxsize",
    "audit-log-path",
    "audit-policy-file",
    "audit-webhook-config-file",
    "authentication-config",
    "authentication-token-webhook-config-file",
    "authorization-config",
    "authorization-webhook-config-file",
    "bind-address",
    "cert-dir",
    "client-ca-file",
    "cors-allowed-origins",
    "default-not-ready-toleration-seconds",
    "default-unreachable-toleration-seconds",
    "egress-selector-config-file",
    "enable-aggregator-routing",
    "enable-bootstrap-token-auth",
    "enable-garbage-collector",
    "enable-priority-and-fairness",
    "encryption-provider-config",
    "endpoint-reconciler-type",
    "etcd-cafile",
    "etcd-certfile",
    "etcd-keyfile",
    "etcd-prefix",
    "etcd-servers",
    "event-ttl",
    "external-hostname",
    "feature-gates",
    "insecure-port",
    "kubelet-certificate-authority",
    "kubelet-client-certificate",
    "kubelet-client-key",
    "kubelet-preferred-address-types",
    "max-mutating-requests-inflight",
    "max-requests-inflight",
    "oidc-client-id",
    "oidc-groups-claim",
    "oidc-issuer-url",
    "oidc-username-claim",
    "profiling",
    "proxy-client-cert-file",
    "proxy-client-key-file",
    "request-timeout",
    "requestheader-allowed-names",
    "requestheader-client-ca-file",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-username-headers",
    "runtime-config",
    "secure-port",
    "service-account-issuer",
    "service-account-key-file",
    "service-account-lookup",
    "service-account-signing-key-file",
    "service-cluster-ip-range",
    "service-node-port-range",
    "tls-cert-file",
    "tls-private-key-file",
];
/// More of them, about what is written where.
const KNOWN_OF_LOGS: [&str; 8] = [
    "logging-format",
    "logtostderr",
    "log-dir",
    "log-file",
    "stderrthreshold",
    "tls-cipher-suites",
    "tls-min-version",
    "token-auth-file",
];

impl Flags {
    /// Reads a manifest.
    pub(crate) fn parse(manifest: &str, version: Version) -> Result<Flags, Problem> {
        let pod: Value = serde_saphyr::from_str(manifest).map_err(|error| {
            let text = error.to_string();
            Problem::NoPod(text.lines().next().unwrap_or_default().to_owned())
        })?;
        if text(&pod, "/kind") != "Pod" {
            return Err(Problem::NoPod(format!("invalid pod: kind {:?}", text(&pod, "/kind"))));
        }
        let containers = list(&pod, "/spec/containers");
        let container = containers
            .iter()
            .find(|container| text(container, "/name") == "kube-apiserver")
            .ok_or_else(|| Problem::NoPod("no container kube-apiserver".to_owned()))?;
        let words = list(container, "/command").iter().chain(list(container, "/args"));
        let words: Vec<&str> = words.filter_map(Value::as_str).collect();
        if words.first() != Some(&"kube-apiserver") {
            let program = words.first().copied().unwrap_or_default();
            return Err(Problem::Flag(format!("exec: {program:?}: executable file not found in $PATH")));
        }
        let mut flags = Flags { plugins: Plugins::default(), access: Access::default() };
        for word in &words[1..] {
            flags.take(word, version)?;
        }
        let both: Vec<&str> = flags.plugins.enabled.intersection(&flags.plugins.disabled).map(String::as_str).collect();
        if !both.is_empty() {
            let both = both.join(" ");
            let detail = format!("[{both}] in enable-admission-plugins and disable-admission-plugins overlapped");
            return Err(Problem::Flag(detail));
        }
        Ok(flags)
    }

    fn take(&mut self, word: &str, version: Version) -> Result<(), Problem> {
        let wrong = |detail: String| Err(Problem::Flag(detail));
        let Some(flag) = word.strip_prefix("--") else { return wrong(format!("unknown command {word:?}")) };
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        match name {
            "enable-admission-plugins" => self.plugins.enabled = plugins(name, value, version)?,
            "disable-admission-plugins" => self.plugins.disabled = plugins(name, value, version)?,
            "anonymous-auth" => {
                self.access.anonymous = match value {
                    "true" | "1" | "t" | "T" | "TRUE" | "True" => Anonymous::Accepted,
                    "false" | "0" | "f" | "F" | "FALSE" | "False" => Anonymous::Refused,
                    _ => {
                        return wrong(format!(
                            "invalid argument {value:?} for \"--anonymous-auth\" flag: strconv.ParseBool: parsing \
                             {value:?}: invalid syntax"
                        ));
                    }
                };
            }
            "authorization-mode" => self.access.authorization = authorization(value)?,
            "feature-gates" => {
                if let Some(gate) = value
                    .split(',')
                    .find(|gate| !gate.is_empty() && !gate.ends_with("=true") && !gate.ends_with("=false"))
                {
                    return wrong(format!(
                        "invalid argument {value:?} for \"--feature-gates\" flag: missing bool value for {gate}"
                    ));
                }
            }
            "v" => {}
            known if KNOWN.contains(&known) || KNOWN_OF_LOGS.contains(&known) => {}
            unknown => return wrong(format!("unknown flag: --{unknown}")),
        }
        Ok(())
    }
}

fn plugins(flag: &str, value: &str, version: Version) -> Result<BTreeSet<String>, Problem> {
    let known = admission::known_plugins(version);
    let names: BTreeSet<String> = value.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Problem::Flag(format!("{flag} plugin {name:?} is unknown"))),
        None => Ok(names),
    }
}

fn authorization(value: &str) -> Result<Authorization, Problem> {
    let modes: Vec<&str> = value.split(',').collect();
    const MODES: [&str; 6] = ["ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"];
    if let Some(mode) = modes.iter().find(|mode| !MODES.contains(mode)) {
        return Err(Problem::Flag(format!("authorization-mode {mode:?} is not a valid mode")));
    }
    Ok(match () {
        () if modes.contains(&"AlwaysAllow") => Authorization::AlwaysAllow,
        () if modes.contains(&"RBAC") => Authorization::Roles,
        () => Authorization::AlwaysDeny,
    })
}

/// Returns the manifest of a fresh node.
pub(crate) fn render(version: Version) -> String {
    let minor = version.minor();
    let image = format!("k8s.gcr.io/kube-apiserver:v1.{minor}.0");
    let image = if minor >= 25 { image.replace("k8s.gcr.io", "registry.k8s.io") } else { image };
    format!(
        "\
apiVersion: v1
kind: Pod
metadata:
  labels:
    component: kube-apiserver
    tier: control-plane
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-apiserver
    - --allow-privileged=true
    - --anonymous-auth=true
    - --authorization-mode=Node,RBAC
    - --client-ca-file=/etc/kubernetes/pki/ca.crt
    - --enable-admission-plugins=NodeRestriction
    - --enable-bootstrap-token-auth=true
    - --etcd-servers=https://127.0.0.1:2379
    - --secure-port=6443
    - --service-account-issuer=https://kubernetes.default.svc.cluster.local
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub
    - --service-account-signing-key-file=/etc/kubernetes/pki/sa.key
    - --service-cluster-ip-range=10.96.0.0/12
    - --tls-cert-file=/etc/kubernetes/pki/apiserver.crt
    - --tls-private-key-file=/etc/kubernetes/pki/apiserver.key
    image: {image}
    name: kube-apiserver
  hostNetwork: true
  priorityClassName: system-node-critical
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(from: &str, to: &str, version: Version) -> Result<Flags, Problem> {
        let manifest = render(version);
        assert!(manifest.contains(from), "{from}");
        Flags::parse(&manifest.replace(from, to), version)
    }

    #[test]
    fn a_fresh_manifest_changes_nothing() {
        for version in [Version::V1_20, Version::V1_24, Version::V1_34] {
            let flags = Flags::parse(&render(version), version).unwrap();
            assert_eq!(flags.access, Access::default());
            let names = |plugins: &Plugins| -> Vec<&str> {
                admission::chain_of(version, plugins).iter().map(|plugin| plugin.name()).collect()
            };
            assert_eq!(names(&flags.plugins), names(&Plugins::default()));
        }
    }

    #[test]
    fn flags_are_taken() {
        let on = "--enable-admission-plugins=NodeRestriction,PodSecurityPolicy";
        let flags = with("--enable-admission-plugins=NodeRestriction", on, Version::V1_20).unwrap();
        let chain = admission::chain_of(Version::V1_20, &flags.plugins);
        assert!(chain.iter().any(|plugin| plugin.name() == "PodSecurityPolicy"));
        assert_eq!(
            with("--enable-admission-plugins=NodeRestriction", on, Version::V1_34),
            Err(Problem::Flag("enable-admission-plugins plugin \"PodSecurityPolicy\" is unknown".to_owned()))
        );
        let flags = with("--anonymous-auth=true", "--anonymous-auth=false", Version::V1_34).unwrap();
        assert_eq!(flags.access.anonymous, Anonymous::Refused);
        let flags = with("Node,RBAC", "AlwaysAllow", Version::V1_34).unwrap();
        assert_eq!(flags.access.authorization, Authorization::AlwaysAllow);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let problem = |from, to| match with(from, to, Version::V1_34) {
            Err(Problem::Flag(text) | Problem::NoPod(text)) => text,
            Ok(flags) => panic!("{flags:?}"),
        };
        assert_eq!(problem("--secure-port", "--sekure-port"), "unknown flag: --sekure-port");
        assert_eq!(problem("Node,RBAC", "RBAK"), "authorization-mode \"RBAK\" is not a valid mode");
        assert_eq!(problem("kind: Pod", "kind: Pot"), "invalid pod: kind \"Pot\"");
        assert!(!problem("  containers:", "\tcontainers:").is_empty());
    }
}
