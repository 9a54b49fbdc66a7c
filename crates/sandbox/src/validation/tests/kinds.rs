//! The newer kinds: each object as a real 1.20 refused it, with all its words.

use serde_json::json;

use super::check;
use crate::resources::{
    CRON_JOBS, DAEMON_SETS, ENDPOINT_SLICES, ENDPOINTS, INGRESSES, JOBS, LEASES, NETWORK_POLICIES,
    PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, POD_DISRUPTION_BUDGETS, REPLICATION_CONTROLLERS, RUNTIME_CLASSES,
    STATEFUL_SETS, STORAGE_CLASSES,
};

#[test]
fn network_policies_are_checked() {
    check(
        &NETWORK_POLICIES,
        json!({"metadata": {"name": "a1"}, "spec": {"policyTypes": ["Ingres", "Foo", "Bar"]}}),
        &[
            r#"spec.policyTypes: Invalid value: []networking.PolicyType{"Ingres", "Foo", "Bar"}: may not specify more than two policyTypes"#,
        ],
    );
    check(
        &NETWORK_POLICIES,
        json!({"metadata": {"name": "a2"}, "spec": {"podSelector": {"matchLabels": {"a b": "c d"}}, "ingress": [{"from": [{}, {"ipBlock": {"cidr": "10.0.0.0/33"}}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}, "podSelector": {}}, {"ipBlock": {}}], "ports": [{"port": 70000, "protocol": "X"}, {"port": "Foo_bar"}]}]}}),
        &[
            r#"spec.podSelector.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"#,
            r#"spec.podSelector.matchLabels: Invalid value: "c d": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"#,
            r#"spec.ingress[0].ports[0].protocol: Unsupported value: "X": supported values: "TCP", "UDP", "SCTP""#,
            r#"spec.ingress[0].ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive"#,
            r#"spec.ingress[0].ports[1].port: Invalid value: "Foo_bar": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"#,
            r#"spec.ingress[0].from[0]: Required value: must specify a peer"#,
            r#"spec.ingress[0].from[1].ipBlock.cidr: Invalid value: "10.0.0.0/33": not a valid CIDR"#,
            r#"spec.ingress[0].from[2].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`"#,
            r#"spec.ingress[0].from[2]: Forbidden: may not specify both ipBlock and another peer"#,
            r#"spec.ingress[0].from[3].ipBlock.cidr: Required value"#,
        ],
    );
}

#[test]
fn ingresses_are_checked() {
    check(
        &INGRESSES,
        json!({"metadata": {"name": "a3"}, "spec": {"rules": [{"host": "A_b", "http": {"paths": [{"path": "foo", "pathType": "Prefix", "backend": {"service": {"name": "A", "port": {"number": 0}}}}, {"path": "/", "pathType": "Foo", "backend": {}}]}}, {"http": {"paths": []}}]}}),
        &[
            r#"spec.rules[0].host: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#,
            r#"spec.rules[0].http.paths[0].path: Invalid value: "foo": must be an absolute path"#,
            r#"spec.rules[0].http.paths[0].backend.service.name: Invalid value: "A": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"#,
            r#"spec.rules[0].http.paths[0].backend: Required value: port name or number is required"#,
            r#"spec.rules[0].http.paths[1].pathType: Unsupported value: "Foo": supported values: "Exact", "ImplementationSpecific", "Prefix""#,
            r#"spec.rules[0].http.paths[1].backend: Invalid value: "": resource or service backend is required"#,
            r#"spec.rules[1].http.paths: Required value"#,
        ],
    );
    check(
        &INGRESSES,
        json!({"metadata": {"name": "a4"}, "spec": {}}),
        &[
            r#"spec: Invalid value: []networking.IngressRule(nil): either `defaultBackend` or `rules` must be specified"#,
        ],
    );
    check(
        &INGRESSES,
        json!({"metadata": {"name": "a5"}, "spec": {"rules": [{"host": "1.2.3.4", "http": {"paths": [{"path": "/", "backend": {"service": {"name": "a", "port": {"name": "x", "number": 3}}}}]}}], "tls": [{"hosts": ["a_b"]}]}}),
        &[
            r#"spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address"#,
            r#"spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"#,
            r#"spec.tls[0].hosts[0]: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#,
        ],
    );
}

#[test]
fn stateful_sets_are_checked() {
    check(
        &STATEFUL_SETS,
        json!({"metadata": {"name": "b1"}, "spec": {"replicas": -1, "serviceName": "s", "podManagementPolicy": "Foo", "updateStrategy": {"type": "Bar"}, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c"}]}}}}),
        &[
            r#"spec.podManagementPolicy: Invalid value: "Foo": must be 'OrderedReady' or 'Parallel'"#,
            r#"spec.updateStrategy: Invalid value: apps.StatefulSetUpdateStrategy{Type:"Bar", RollingUpdate:(*apps.RollingUpdateStatefulSetStrategy)(nil)}: must be 'RollingUpdate' or 'OnDelete'"#,
            r#"spec.replicas: Invalid value: -1: must be greater than or equal to 0"#,
            r#"spec.template.metadata.labels: Invalid value: map[string]string{"a":"c"}: `selector` does not match template `labels`"#,
            r#"spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always""#,
        ],
    );
}

#[test]
fn daemon_sets_are_checked() {
    check(
        &DAEMON_SETS,
        json!({"metadata": {"name": "b2"}, "spec": {"updateStrategy": {"type": "Bar"}, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"activeDeadlineSeconds": 3, "restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}}),
        &[
            r#"spec.template.metadata.labels: Invalid value: map[string]string{"a":"c"}: `selector` does not match template `labels`"#,
            r#"spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always""#,
            r#"spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported"#,
            r#"spec.updateStrategy: Unsupported value: apps.DaemonSetUpdateStrategy{Type:"Bar", RollingUpdate:(*apps.RollingUpdateDaemonSet)(nil)}: supported values: "RollingUpdate", "OnDelete""#,
        ],
    );
    check(
        &DAEMON_SETS,
        json!({"metadata": {"name": "b3"}, "spec": {"minReadySeconds": -1, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}, "selector": {}, "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}}),
        &[
            r#"spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for daemonset"#,
            r#"spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"#,
            r#"spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:0, IntVal:0, StrVal:""}: cannot be 0"#,
        ],
    );
}

#[test]
fn jobs_are_checked() {
    check(
        &JOBS,
        json!({"metadata": {"name": "b4", "uid": "u"}, "spec": {"parallelism": -1, "completions": -1, "backoffLimit": -1, "activeDeadlineSeconds": -1, "ttlSecondsAfterFinished": -1, "template": {"spec": {"containers": [{"name": "c", "image": "x"}]}}}}),
        &[
            r#"spec.parallelism: Invalid value: -1: must be greater than or equal to 0"#,
            r#"spec.completions: Invalid value: -1: must be greater than or equal to 0"#,
            r#"spec.activeDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0"#,
            r#"spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0"#,
            r#"spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never""#,
        ],
    );
}

#[test]
fn cron_jobs_are_checked() {
    check(
        &CRON_JOBS,
        json!({"metadata": {"name": "b6"}, "spec": {"schedule": "foo", "concurrencyPolicy": "Foo", "startingDeadlineSeconds": -1, "failedJobsHistoryLimit": -1, "jobTemplate": {"spec": {"manualSelector": true, "template": {"spec": {"containers": [{"name": "c", "image": "x"}]}}}}}}),
        &[
            r#"spec.schedule: Invalid value: "foo": Expected exactly 5 fields, found 1: foo"#,
            r#"spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0"#,
            r#"spec.concurrencyPolicy: Unsupported value: "Foo": supported values: "Allow", "Forbid", "Replace""#,
            r#"spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never""#,
            r#"spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false""#,
            r#"spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0"#,
        ],
    );
}

#[test]
fn disruption_budgets_are_checked() {
    check(
        &POD_DISRUPTION_BUDGETS,
        json!({"metadata": {"name": "b9"}, "spec": {"minAvailable": "x", "selector": {}}}),
        &[
            r#"spec.minAvailable: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:"x"}: a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"#,
        ],
    );
    check(
        &POD_DISRUPTION_BUDGETS,
        json!({"metadata": {"name": "b10"}, "spec": {"minAvailable": -1, "selector": {}}}),
        &[r#"spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"#],
    );
    check(
        &POD_DISRUPTION_BUDGETS,
        json!({"metadata": {"name": "b11"}, "spec": {"maxUnavailable": "110%", "selector": {}}}),
        &[
            r#"spec.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:"110%"}: must not be greater than 100%"#,
        ],
    );
}

#[test]
fn claims_are_checked() {
    check(
        &PERSISTENT_VOLUME_CLAIMS,
        json!({"metadata": {"name": "c3"}, "spec": {}}),
        &[
            r#"spec.accessModes: Required value: at least 1 access mode is required"#,
            r#"spec.resources[storage]: Required value"#,
        ],
    );
    check(
        &PERSISTENT_VOLUME_CLAIMS,
        json!({"metadata": {"name": "c4"}, "spec": {"accessModes": ["Foo"], "volumeMode": "Bar", "storageClassName": "A_", "resources": {"requests": {"storage": -1}}}}),
        &[
            r#"spec.accessModes: Unsupported value: "Foo": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce""#,
            r#"spec.resources[storage]: Invalid value: "-1": must be greater than zero"#,
            r#"spec.storageClassName: Invalid value: "A_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#,
            r#"spec.volumeMode: Unsupported value: "Bar": supported values: "Block", "Filesystem""#,
        ],
    );
}

#[test]
fn volumes_are_checked() {
    check(
        &PERSISTENT_VOLUMES,
        json!({"metadata": {"name": "api-try-c5"}, "spec": {}}),
        &[
            r#"spec.accessModes: Required value"#,
            r#"spec.capacity: Required value"#,
            r#"spec.capacity: Unsupported value: core.ResourceList(nil): supported values: "storage""#,
            r#"spec: Required value: must specify a volume type"#,
        ],
    );
    check(
        &PERSISTENT_VOLUMES,
        json!({"metadata": {"name": "api-try-c6"}, "spec": {"accessModes": ["Foo"], "capacity": {"cpu": 1}, "persistentVolumeReclaimPolicy": "Foo", "hostPath": {"path": "a/../b"}, "nfs": {"server": "", "path": "x"}}}),
        &[
            r#"spec.accessModes: Unsupported value: "Foo": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce""#,
            r#"spec.capacity: Unsupported value: core.ResourceList{"cpu":resource.Quantity{i:resource.int64Amount{value:1, scale:0}, d:resource.infDecAmount{Dec:(*inf.Dec)(nil)}, s:"1", Format:"DecimalSI"}}: supported values: "storage""#,
            r#"spec.persistentVolumeReclaimPolicy: Unsupported value: "Foo": supported values: "Delete", "Recycle", "Retain""#,
            r#"spec.hostPath.path: Invalid value: "a/../b": must not contain '..'"#,
            r#"spec.nfs: Forbidden: may not specify more than 1 volume type"#,
        ],
    );
}

#[test]
fn storage_classes_are_checked() {
    check(
        &STORAGE_CLASSES,
        json!({"metadata": {"name": "api-try-c7"}, "provisioner": "", "reclaimPolicy": "Foo", "volumeBindingMode": "Bar"}),
        &[
            r#"provisioner: Required value"#,
            r#"reclaimPolicy: Unsupported value: "Foo": supported values: "Delete", "Retain""#,
            r#"volumeBindingMode: Unsupported value: "Bar": supported values: "Immediate", "WaitForFirstConsumer""#,
        ],
    );
}

#[test]
fn endpoint_slices_are_checked() {
    check(
        &ENDPOINT_SLICES,
        json!({"metadata": {"name": "c8"}, "addressType": "Foo", "endpoints": [{"addresses": []}]}),
        &[
            r#"addressType: Unsupported value: "Foo": supported values: "FQDN", "IPv4", "IPv6""#,
            r#"endpoints[0].addresses: Required value: must contain at least 1 address"#,
        ],
    );
}

#[test]
fn replication_controllers_are_checked() {
    check(
        &REPLICATION_CONTROLLERS,
        json!({"metadata": {"name": "c9"}, "spec": {"replicas": -1, "selector": {"a": "b"}, "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}}),
        &[
            r#"spec.replicas: Invalid value: -1: must be greater than or equal to 0"#,
            r#"spec.template.metadata.labels: Invalid value: map[string]string{"a":"c"}: `selector` does not match template `labels`"#,
            r#"spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always""#,
        ],
    );
}

#[test]
fn endpoints_are_checked() {
    check(
        &ENDPOINTS,
        json!({"metadata": {"name": "d1"}, "subsets": [{"addresses": [{"ip": "foo"}, {"ip": "127.0.0.1"}], "ports": [{"port": 0}]}]}),
        &[
            r#"subsets[0].addresses[0].ip: Invalid value: "foo": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"#,
            r#"subsets[0].addresses[0].ip: Invalid value: "foo": must be a valid IP address"#,
            r#"subsets[0].addresses[1].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8)"#,
            r#"subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"#,
        ],
    );
}

#[test]
fn leases_are_checked() {
    check(
        &LEASES,
        json!({"metadata": {"name": "d4"}, "spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}}),
        &[
            r#"spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"#,
            r#"spec.leaseTransitions: Invalid value: -1: must to greater or equal than 0"#,
        ],
    );
}

#[test]
fn runtime_classes_are_checked() {
    check(
        &RUNTIME_CLASSES,
        json!({"metadata": {"name": "api-try-d5"}, "handler": "A b"}),
        &[
            r#"handler: Invalid value: "A b": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"#,
        ],
    );
}
