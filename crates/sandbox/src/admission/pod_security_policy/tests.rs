//! Policies against Pods. The texts are those of a real 1.20.

use serde_json::{Value, json};

use super::provider::Provider;

fn restricted() -> Value {
    json!({"metadata": {"name": "restricted"}, "spec": {
        "privileged": false, "allowPrivilegeEscalation": false, "requiredDropCapabilities": ["ALL"],
        "volumes": ["configMap", "emptyDir", "projected", "secret"],
        "runAsUser": {"rule": "MustRunAsNonRoot"}, "seLinux": {"rule": "RunAsAny"},
        "supplementalGroups": {"rule": "MustRunAs", "ranges": [{"min": 1, "max": 65535}]},
        "fsGroup": {"rule": "MustRunAs", "ranges": [{"min": 1, "max": 65535}]},
    }})
}

fn ranges() -> Value {
    let range = |low: i64, high: i64| json!([{"min": low, "max": high}]);
    json!({
        "metadata": {"name": "ranges", "annotations": {
            "seccomp.security.alpha.kubernetes.io/allowedProfileNames": "runtime/default",
            "seccomp.security.alpha.kubernetes.io/defaultProfileName": "runtime/default",
            "apparmor.security.beta.kubernetes.io/allowedProfileNames": "runtime/default",
            "apparmor.security.beta.kubernetes.io/defaultProfileName": "runtime/default",
        }},
        "spec": {
            "readOnlyRootFilesystem": true, "defaultAddCapabilities": ["CHOWN"],
            "requiredDropCapabilities": ["NET_RAW"], "allowedCapabilities": ["KILL"],
            "defaultAllowPrivilegeEscalation": false, "volumes": ["hostPath", "configMap"],
            "allowedHostPaths": [{"pathPrefix": "/var/log", "readOnly": true}],
            "hostPorts": [{"min": 8000, "max": 9000}],
            "runAsUser": {"rule": "MustRunAs", "ranges": range(1000, 2000)},
            "runAsGroup": {"rule": "MustRunAs", "ranges": range(1000, 2000)},
            "seLinux": {"rule": "MustRunAs", "seLinuxOptions":
                {"type": "container_t", "user": "u", "role": "r", "level": "l"}},
            "supplementalGroups": {"rule": "MayRunAs", "ranges": range(10, 20)},
            "fsGroup": {"rule": "MustRunAs", "ranges": range(10, 20)},
            "allowedUnsafeSysctls": ["kernel.msg*"], "forbiddenSysctls": ["kernel.shm*"],
        },
    })
}

fn pod(spec: Value) -> Value {
    json!({"metadata": {"name": "p"}, "spec": spec})
}

/// Returns the Pod as a policy leaves it, and what it has against it.
fn try_out(policy: &Value, mut pod: Value) -> (Value, Vec<String>) {
    let provider = Provider::of(policy).unwrap();
    provider.fill(&mut pod);
    let faults = provider.judge(&pod);
    (pod, faults)
}

#[test]
fn a_policy_settles_what_a_pod_leaves_open() {
    let (found, faults) = try_out(&restricted(), pod(json!({"containers": [{"name": "c"}]})));
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(found["spec"]["securityContext"], json!({"fsGroup": 1, "supplementalGroups": [1]}));
    assert_eq!(
        found["spec"]["containers"][0]["securityContext"],
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": true})
    );

    let (found, faults) = try_out(&ranges(), pod(json!({"containers": [{"name": "c"}]})));
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(
        found["metadata"]["annotations"],
        json!({"container.apparmor.security.beta.kubernetes.io/c": "runtime/default",
            "seccomp.security.alpha.kubernetes.io/pod": "runtime/default"})
    );
    assert_eq!(
        found["spec"]["containers"][0]["securityContext"],
        json!({"allowPrivilegeEscalation": false, "capabilities": {"add": ["CHOWN"], "drop": ["NET_RAW"]},
            "readOnlyRootFilesystem": true, "runAsGroup": 1000, "runAsUser": 1000})
    );
}

#[test]
fn a_policy_refuses_with_the_real_words() {
    let (_, faults) = try_out(
        &restricted(),
        pod(json!({
            "hostNetwork": true, "hostPID": true, "hostIPC": true,
            "containers": [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 80}], "securityContext":
                {"privileged": true, "runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]},
                "allowPrivilegeEscalation": true}}],
            "initContainers": [{"name": "i", "securityContext": {"runAsUser": 0}}],
            "volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "nfs": {"server": "a"}}],
        })),
    );
    assert_eq!(
        faults,
        [
            "spec.securityContext.hostNetwork: Invalid value: true: Host network is not allowed to be used",
            "spec.securityContext.hostPID: Invalid value: true: Host PID is not allowed to be used",
            "spec.securityContext.hostIPC: Invalid value: true: Host IPC is not allowed to be used",
            "spec.volumes[0]: Invalid value: \"hostPath\": hostPath volumes are not allowed to be used",
            "spec.volumes[1]: Invalid value: \"nfs\": nfs volumes are not allowed to be used",
            "spec.initContainers[0].securityContext.runAsUser: Invalid value: 0: running with the root UID is forbidden",
            "spec.containers[0].securityContext.runAsUser: Invalid value: 0: running with the root UID is forbidden",
            "spec.containers[0].securityContext.privileged: Invalid value: true: Privileged containers are not allowed",
            "spec.containers[0].securityContext.capabilities.add: Invalid value: \"NET_ADMIN\": capability may not be \
             added",
            "spec.containers[0].hostPort: Invalid value: 80: Host port 80 is not allowed to be used. Allowed ports: []",
            "spec.containers[0].securityContext.allowPrivilegeEscalation: Invalid value: true: Allowing privilege \
             escalation for containers is not allowed",
        ]
    );
}

#[test]
fn ranges_profiles_and_parameters_are_told() {
    let (_, faults) = try_out(
        &ranges(),
        pod(json!({
            "securityContext": {"runAsUser": 0, "runAsGroup": 0, "fsGroup": 0, "supplementalGroups": [0, 70000],
                "sysctls": [{"name": "kernel.msgmax"}, {"name": "kernel.shmmax"}, {"name": "net.a"}],
                "seLinuxOptions": {"type": "x", "level": "l", "role": "r", "user": "u"},
                "seccompProfile": {"type": "Unconfined"}},
            "containers": [{"name": "c", "volumeMounts": [{"name": "x", "mountPath": "/a"}]}],
            "volumes": [{"name": "x", "hostPath": {"path": "/var/log/a"}}, {"name": "y", "hostPath": {"path": "/var/logs"}}],
        })),
    );
    assert_eq!(
        faults,
        [
            "spec.securityContext.fsGroup: Invalid value: []int64{0}: group 0 must be in the ranges: [{10 20}]",
            "spec.securityContext.supplementalGroups: Invalid value: []int64{0, 70000}: group 0 must be in the ranges: \
             [{10 20}]",
            "spec.securityContext.supplementalGroups: Invalid value: []int64{0, 70000}: group 70000 must be in the \
             ranges: [{10 20}]",
            "pod.metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: Forbidden: unconfined is not an \
             allowed seccomp profile. Valid values are runtime/default",
            "spec.securityContext.seLinuxOptions.type: Invalid value: \"x\": must be container_t",
            "pod.spec.securityContext.sysctls[1]: Forbidden: sysctl \"kernel.shmmax\" is not allowed",
            "pod.spec.securityContext.sysctls[2]: Forbidden: unsafe sysctl \"net.a\" is not allowed",
            "spec.containers[0].volumeMounts[0].readOnly: Invalid value: false: must be read-only",
            "spec.volumes[1].hostPath.pathPrefix: Invalid value: \"/var/logs\": is not allowed to be used",
            "spec.containers[0].securityContext.runAsUser: Invalid value: 0: must be in the ranges: [{1000 2000}]",
            "spec.containers[0].securityContext: Invalid value: []int64{0}: group 0 must be in the ranges: \
             [{1000 2000}]",
            "spec.containers[0].securityContext.seLinuxOptions.type: Invalid value: \"x\": must be container_t",
            "pod.metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: Forbidden: unconfined is not \
             an allowed seccomp profile. Valid values are runtime/default",
        ]
    );
}

#[test]
fn a_policy_without_its_range_is_none() {
    let mut policy = restricted();
    policy["spec"]["fsGroup"] = json!({"rule": "MustRunAs"});
    assert!(Provider::of(&policy).is_none());
}
