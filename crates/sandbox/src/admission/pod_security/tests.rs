//! Each control, the labels, and the plug-in's words.

use serde_json::{Value, json};

use super::evaluate::{describe, evaluate};
use super::policy::{Edition, Level, Policy, Standard};
use super::{PodSecurity, is_significant};
use crate::Version;

/// Returns a Pod that even `restricted` lets in, changed.
fn pod(change: impl FnOnce(&mut Value)) -> Value {
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let mut pod = json!({
        "metadata": {"name": "a"},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "c", "securityContext": context}, {"name": "d", "securityContext": context}],
        },
    });
    change(&mut pod);
    pod
}

#[track_caller]
fn check(level: Level, minor: u32, expected: &str, change: impl FnOnce(&mut Value)) {
    assert_eq!(describe(&evaluate(level, minor, &pod(change))), expected, "{level:?} of 1.{minor}");
}

/// Checks a control that both levels have.
#[track_caller]
fn check_both(minor: u32, expected: &str, change: impl Fn(&mut Value)) {
    check(Level::Baseline, minor, expected, &change);
    check(Level::Restricted, minor, expected, &change);
}

#[test]
fn a_hardened_pod_is_let_in() {
    for minor in 0..=37 {
        check_both(minor, "", |_| {});
    }
    check(Level::Privileged, 34, "", |pod| pod["spec"]["hostPID"] = json!(true));
}

#[test]
fn namespaces_of_the_node_are_refused() {
    check_both(34, "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)", |pod| {
        for field in ["hostIPC", "hostNetwork", "hostPID"] {
            pod["spec"][field] = json!(true);
        }
    });
}

#[test]
fn privileged_containers_are_refused() {
    check_both(34, "privileged (containers \"c\", \"d\" must not set securityContext.privileged=true)", |pod| {
        for index in 0..2 {
            pod["spec"]["containers"][index]["securityContext"]["privileged"] = json!(true);
        }
    });
}

#[test]
fn capabilities_are_bounded() {
    let add = |names: Value| {
        move |pod: &mut Value| {
            pod["spec"]["containers"][1]["securityContext"]["capabilities"]["add"] = names.clone();
        }
    };
    check(
        Level::Baseline,
        34,
        "non-default capabilities (container \"d\" must not include \"NET_RAW\", \"SYS_ADMIN\" in \
         securityContext.capabilities.add)",
        add(json!(["SYS_ADMIN", "NET_RAW", "CHOWN"])),
    );
    check(
        Level::Restricted,
        34,
        "unrestricted capabilities (container \"d\" must not include \"CHOWN\" in securityContext.capabilities.add)",
        add(json!(["CHOWN", "NET_BIND_SERVICE"])),
    );
    check(Level::Restricted, 21, "", add(json!(["CHOWN"])));
    let both = |pod: &mut Value| {
        pod["spec"]["containers"][0]["securityContext"]["capabilities"] = json!({"add": ["KILL"]});
    };
    check(
        Level::Restricted,
        34,
        "unrestricted capabilities (container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]; container \
         \"c\" must not include \"KILL\" in securityContext.capabilities.add)",
        both,
    );
}

#[test]
fn volumes_of_the_node_are_refused() {
    let volumes = |pod: &mut Value| {
        pod["spec"]["volumes"] = json!([
            {"name": "a", "hostPath": {"path": "/"}}, {"name": "b", "hostPath": {"path": "/etc"}},
            {"name": "c", "emptyDir": {}},
        ]);
    };
    check(Level::Baseline, 34, "hostPath volumes (volumes \"a\", \"b\")", volumes);
    check(
        Level::Restricted,
        34,
        "restricted volume types (volumes \"a\", \"b\" use restricted volume type \"hostPath\")",
        volumes,
    );
    check(
        Level::Restricted,
        34,
        "restricted volume types (volumes \"a\", \"b\" use restricted volume types \"nfs\", \"unknown\")",
        |pod| pod["spec"]["volumes"] = json!([{"name": "a", "other": {}}, {"name": "b", "nfs": {}}]),
    );
}

#[test]
fn ports_of_the_node_are_refused() {
    check_both(34, "hostPort (containers \"c\", \"d\" use hostPorts 10, 20)", |pod| {
        pod["spec"]["containers"][0]["ports"] = json!([{"containerPort": 1, "hostPort": 20}, {"hostPort": 0}]);
        pod["spec"]["containers"][1]["ports"] = json!([{"hostPort": 10}, {"hostPort": 20}]);
    });
}

#[test]
fn probes_of_other_hosts_are_refused_since_1_34() {
    let change = |pod: &mut Value| {
        pod["spec"]["containers"][0]["livenessProbe"] = json!({"httpGet": {"host": "8.8.8.8", "port": 1}});
        pod["spec"]["containers"][0]["lifecycle"] = json!({"preStop": {"tcpSocket": {"host": "10.0.0.1"}}});
    };
    let text = "probe or lifecycle host (container \"c\" uses probe or lifecycle hosts \"10.0.0.1\", \"8.8.8.8\")";
    check_both(34, text, change);
    check_both(33, "", change);
}

#[test]
fn app_armor_stays_on() {
    check_both(
        34,
        "forbidden AppArmor profiles (pod and container \"c\" and annotation must not set AppArmor profile type to \
         \"Other\", \"Unconfined\", \"container.apparmor.security.beta.kubernetes.io/d=\"unconfined\"\")",
        |pod| {
            pod["spec"]["securityContext"]["appArmorProfile"] = json!({"type": "Unconfined"});
            pod["spec"]["containers"][0]["securityContext"]["appArmorProfile"] = json!({"type": "Other"});
            pod["metadata"]["annotations"] = json!({
                "container.apparmor.security.beta.kubernetes.io/c": "localhost/a",
                "container.apparmor.security.beta.kubernetes.io/d": "unconfined",
            });
        },
    );
}

#[test]
fn se_linux_keeps_its_types() {
    let change = |pod: &mut Value| {
        pod["spec"]["securityContext"]["seLinuxOptions"] = json!({"type": "foo", "user": "u", "role": "r"});
    };
    let text = "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type \"foo\"; user may not be set; \
                role may not be set)";
    check_both(34, text, change);
    let engine = |pod: &mut Value| {
        pod["spec"]["containers"][0]["securityContext"]["seLinuxOptions"] = json!({"type": "container_engine_t"});
    };
    check_both(31, "", engine);
    let text =
        "seLinuxOptions (container \"c\" set forbidden securityContext.seLinuxOptions: type \"container_engine_t\")";
    check_both(30, text, engine);
}

#[test]
fn proc_stays_masked() {
    let change = |pod: &mut Value| {
        pod["spec"]["containers"][1]["securityContext"]["procMount"] = json!("Unmasked");
        pod["spec"]["hostUsers"] = json!(false);
    };
    let text = "procMount (container \"d\" must not set securityContext.procMount to \"Unmasked\")";
    check_both(34, text, change);
    check(Level::Baseline, 35, "", change);
    check(Level::Restricted, 35, text, change);
}

#[test]
fn seccomp_stays_on() {
    let change = |pod: &mut Value| {
        pod["spec"]["securityContext"]["seccompProfile"] = json!({"type": "Unconfined"});
        pod["spec"]["containers"][0]["securityContext"]["seccompProfile"] = json!({"type": "Odd"});
        pod["metadata"]["annotations"] = json!({
            "seccomp.security.alpha.kubernetes.io/pod": "unconfined",
            "container.seccomp.security.alpha.kubernetes.io/d": "localhost/a",
        });
    };
    let text = "seccompProfile (pod and container \"c\" must not set securityContext.seccompProfile.type to \"Odd\", \
                \"Unconfined\")";
    check_both(19, text, change);
    check_both(
        18,
        "seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod=\"unconfined\")",
        change,
    );
    let silent = |pod: &mut Value| pod["spec"]["securityContext"] = json!({"runAsNonRoot": true});
    check(Level::Baseline, 34, "", silent);
    check(
        Level::Restricted,
        34,
        "seccompProfile (pod or containers \"c\", \"d\" must set securityContext.seccompProfile.type to \
         \"RuntimeDefault\" or \"Localhost\")",
        silent,
    );
}

#[test]
fn the_kernels_parameters_are_bounded() {
    let change = |pod: &mut Value| {
        pod["spec"]["securityContext"]["sysctls"] =
            json!([{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_rmem"}, {"name": "net.ipv4.tcp_syncookies"}]);
    };
    check_both(32, "forbidden sysctls (kernel.msgmax)", change);
    check_both(31, "forbidden sysctls (kernel.msgmax, net.ipv4.tcp_rmem)", change);
}

#[test]
fn processes_of_a_windows_host_are_refused() {
    check_both(34, "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)", |pod| {
        pod["spec"]["securityContext"]["windowsOptions"] = json!({"hostProcess": true});
    });
}

#[test]
fn rights_do_not_grow() {
    let change = |pod: &mut Value| {
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(null);
    };
    check(Level::Baseline, 34, "", change);
    check(Level::Restricted, 7, "", change);
    let text =
        "allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false)";
    check(Level::Restricted, 8, text, change);
    check(Level::Restricted, 25, "", |pod| {
        change(pod);
        pod["spec"]["os"] = json!({"name": "windows"});
    });
}

#[test]
fn restricted_pods_do_not_run_as_root() {
    check(
        Level::Restricted,
        34,
        "runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true)",
        |pod| {
            pod["spec"]["securityContext"] = json!({"seccompProfile": {"type": "Localhost"}});
            pod["spec"]["containers"][1]["securityContext"]["runAsNonRoot"] = json!(true);
        },
    );
    let zero = |pod: &mut Value| {
        pod["spec"]["containers"][0]["securityContext"]["runAsNonRoot"] = json!(false);
        pod["spec"]["securityContext"]["runAsUser"] = json!(0);
    };
    let first = "runAsNonRoot != true (container \"c\" must not set securityContext.runAsNonRoot=false)";
    check(Level::Restricted, 22, first, zero);
    check(Level::Restricted, 34, &format!("{first}, runAsUser=0 (pod must not set runAsUser=0)"), zero);
    check(Level::Restricted, 35, "", |pod| {
        zero(pod);
        pod["spec"]["hostUsers"] = json!(false);
    });
}

#[test]
fn ephemeral_containers_are_looked_at_last() {
    check_both(34, "privileged (containers \"i\", \"c\", \"e\" must not set securityContext.privileged=true)", |pod| {
        pod["spec"]["containers"][0]["securityContext"]["privileged"] = json!(true);
        for (key, name) in [("ephemeralContainers", "e"), ("initContainers", "i")] {
            pod["spec"][key] = json!([{"name": name, "securityContext":
                {"privileged": true, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]);
        }
    });
}

#[test]
fn labels_are_read() {
    let labels = |labels: Value| Policy::of(&json!({"metadata": {"labels": labels}}));
    let policy = labels(json!({
        "pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/enforce-version": "v1.24",
        "pod-security.kubernetes.io/warn": "restricted",
    }));
    assert_eq!(policy.enforce, Standard { level: Level::Baseline, edition: Edition::Minor(24) });
    assert_eq!(policy.warn.to_string(), "restricted:latest");
    assert_eq!(policy.audit.level, Level::Privileged);
    assert!(policy.faults.is_empty());
    assert_eq!((Edition::Latest.minor(34), Edition::Minor(99).minor(34), Edition::Minor(20).minor(34)), (34, 34, 20));

    let policy = labels(json!({
        "pod-security.kubernetes.io/enforce": "high", "pod-security.kubernetes.io/warn-version": "v1.09",
    }));
    assert_eq!(policy.enforce.level, Level::Restricted);
    let texts: Vec<String> = policy.faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
    assert_eq!(
        texts,
        [
            "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"high\": must be one of privileged, \
             baseline, restricted",
            "metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \"v1.09\": must be \"latest\" or \
             \"v1.x\"",
        ]
    );
}

#[test]
fn existing_pods_are_told_by_what_is_wrong() {
    let bad = |name: &str, field: &str| {
        pod(|pod| {
            pod["metadata"]["name"] = json!(name);
            pod["spec"][field] = json!(true);
        })
    };
    let mut pods = vec![bad("z", "hostPID"), bad("b", "hostPID"), bad("c", "hostPID"), pod(|_| {})];
    pods.push(pod(|pod| pod["spec"]["containers"][0]["securityContext"]["privileged"] = json!(true)));
    let standard = Standard { level: Level::Baseline, edition: Edition::Latest };
    assert_eq!(
        PodSecurity(Version::V1_34).existing("ns", standard, pods.iter()),
        [
            "existing pods in namespace \"ns\" violate the new PodSecurity enforce level \"baseline:latest\"",
            "a: privileged",
            "b (and 2 other pods): host namespaces",
        ]
    );
    assert!(PodSecurity(Version::V1_34).existing("ns", standard, pods[3..4].iter()).is_empty());
}

#[test]
fn only_changes_that_matter_are_looked_at() {
    let old = pod(|_| {});
    assert!(!is_significant(&old, &pod(|pod| pod["metadata"]["labels"] = json!({"a": "b"}))));
    assert!(is_significant(&old, &pod(|pod| pod["spec"]["containers"][0]["image"] = json!("b"))));
    assert!(is_significant(&old, &pod(|pod| pod["spec"]["ephemeralContainers"] = json!([{"name": "e"}]))));
}

/// The upstream evaluator's verdicts, in the file that `ATELIER_POD_SECURITY_CASES` names: a JSON list of `Level`,
/// `Version`, `Want`, `Allowed`, `Reason`, `Detail` and `Pod`.
#[cfg(feature = "upstream-cases")]
#[test]
fn all_verdicts_are_those_of_upstream() {
    let path = std::env::var_os("ATELIER_POD_SECURITY_CASES").expect("ATELIER_POD_SECURITY_CASES names the cases");
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(cases.len() > 4000, "{} cases", cases.len());
    let began = std::time::Instant::now();
    let found: Vec<_> = cases
        .iter()
        .map(|case| {
            let level = if case["Level"] == "baseline" { Level::Baseline } else { Level::Restricted };
            let minor: u32 = case["Version"].as_str().unwrap()[3..].parse().unwrap();
            evaluate(level, minor, &case["Pod"])
        })
        .collect();
    let took = began.elapsed();
    let wrong: Vec<String> = cases
        .iter()
        .zip(&found)
        .filter(|(case, found)| {
            let (reasons, text) = (super::evaluate::reasons(found), describe(found));
            case["Allowed"] != found.is_empty()
                || case["Reason"].as_str().unwrap_or_default() != reasons
                || case["Detail"].as_str().unwrap_or_default() != text
        })
        .map(|(case, found)| format!("{}: {} / {}", case["File"], case["Detail"], describe(found)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    // The figure is that of an optimised build.
    let most = if cfg!(debug_assertions) { 2000 } else { 50 };
    assert!(took.as_millis() <= most, "{took:?}");
}
