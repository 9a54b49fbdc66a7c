//! Objects that a real 1.20 server refused, with its words.

use serde_json::{Value, json};

use super::*;
use crate::resources::{CONFIG_MAPS, DEPLOYMENTS, LIMIT_RANGES, PODS, RESOURCE_QUOTAS, Resource, SECRETS, SERVICES};

mod kinds;

/// Defaults an object and compares the refusals, as `field: message`.
fn check_version(version: Version, resource: &Resource, object: Value, expected: &[&str]) {
    let mut object = object;
    object["kind"] = json!(resource.kind);
    crate::defaults::apply(resource, &mut object, version).unwrap();
    let found: Vec<String> = validate(resource, &object, None, version)
        .into_iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect();
    assert_eq!(found, expected, "{object}");
}

fn check(resource: &Resource, object: Value, expected: &[&str]) {
    check_version(Version::V1_20, resource, object, expected);
}

fn container(container: Value) -> Value {
    let mut container = container;
    for (key, value) in [("name", "c"), ("image", "a")] {
        if container.get(key).is_none() {
            container[key] = json!(value);
        }
    }
    json!({"spec": {"containers": [container]}})
}

#[test]
fn pods_need_containers_and_images() {
    check(&PODS, json!({"spec": {"containers": [{"name": "c"}]}}), &["spec.containers[0].image: Required value"]);
    check(&PODS, json!({"spec": {"containers": []}}), &["spec.containers: Required value"]);
    check(&PODS, json!({}), &["spec.containers: Required value"]);
    check(
        &PODS,
        json!({"spec": {"containers": [{"name": "c", "image": "a"}, {"name": "c", "image": "b"}]}}),
        &["spec.containers[1].name: Duplicate value: \"c\""],
    );
    let wrong = format!("spec.containers[0].name: Invalid value: \"C_x\": {DNS_LABEL}");
    check(&PODS, container(json!({"name": "C_x"})), &[&wrong]);
}

#[test]
fn amounts_are_checked() {
    let resources = |resources: Value| container(json!({"resources": resources}));
    let both = resources(json!({"limits": {"memory": "1Gi", "cpu": 1}, "requests": {"memory": "2Gi", "cpu": 2}}));
    check(
        &PODS,
        both.clone(),
        &[
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit",
            "spec.containers[0].resources.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit",
        ],
    );
    check_version(
        Version::V1_34,
        &PODS,
        both,
        &[
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
            "spec.containers[0].resources.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit of 1Gi",
        ],
    );
    check(
        &PODS,
        resources(json!({"limits": {"memory": "-1Gi"}})),
        &[
            "spec.containers[0].resources.limits[memory]: Invalid value: \"-1Gi\": must be greater than or equal to 0",
            "spec.containers[0].resources.requests[memory]: Invalid value: \"-1Gi\": must be greater than or equal to 0",
        ],
    );
    check(
        &PODS,
        resources(json!({"requests": {"mem": "1Gi"}})),
        &[
            "spec.containers[0].resources.requests[mem]: Invalid value: \"mem\": must be a standard resource type or fully qualified",
            "spec.containers[0].resources.requests[mem]: Invalid value: \"mem\": must be a standard resource for containers",
        ],
    );
    let mut not_a_quantity = resources(json!({"limits": {"memory": "1Go"}}));
    let refused = crate::defaults::apply(&PODS, &mut not_a_quantity, Version::V1_34).unwrap_err();
    assert_eq!((refused.code, refused.reason), (400, "BadRequest"));
}

#[test]
fn policies_ports_and_volumes_are_checked() {
    let mut pod = container(json!({"imagePullPolicy": "Baz"}));
    pod["spec"]["restartPolicy"] = json!("Foo");
    pod["spec"]["dnsPolicy"] = json!("Bar");
    check(
        &PODS,
        pod,
        &[
            "spec.containers[0].imagePullPolicy: Unsupported value: \"Baz\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            "spec.restartPolicy: Unsupported value: \"Foo\": supported values: \"Always\", \"OnFailure\", \"Never\"",
            "spec.dnsPolicy: Unsupported value: \"Bar\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\"",
        ],
    );
    let ports = json!([{"containerPort": 0}, {"containerPort": 70000, "protocol": "X"}]);
    check(
        &PODS,
        container(json!({"ports": ports})),
        &[
            "spec.containers[0].ports[0].containerPort: Required value",
            "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            "spec.containers[0].ports[1].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
        ],
    );
    let mounts = json!([{"name": "x", "mountPath": "/a"}, {"name": "v"}, {"name": "v", "mountPath": "/a"}]);
    let mut pod = container(json!({"volumeMounts": mounts}));
    pod["spec"]["volumes"] = json!([{"name": "v"}, {"name": "v", "emptyDir": {}}]);
    check(
        &PODS,
        pod,
        &[
            "spec.volumes[1].name: Duplicate value: \"v\"",
            "spec.containers[0].volumeMounts[0].name: Not found: \"x\"",
            "spec.containers[0].volumeMounts[1].mountPath: Required value",
            "spec.containers[0].volumeMounts[2].mountPath: Invalid value: \"/a\": must be unique",
        ],
    );
    let probes = json!({"livenessProbe": {}, "readinessProbe": {"exec": {}, "httpGet": {"port": 0}}});
    check(
        &PODS,
        container(probes),
        &[
            "spec.containers[0].livenessProbe: Required value: must specify a handler type",
            "spec.containers[0].readinessProbe.exec.command: Required value",
            "spec.containers[0].readinessProbe.httpGet: Forbidden: may not specify more than 1 handler type",
        ],
    );
}

#[test]
fn tolerations_are_checked() {
    let mut pod = container(json!({}));
    pod["spec"]["tolerations"] =
        json!([{"operator": "Foo"}, {"key": "a", "operator": "Exists", "value": "v"}, {"effect": "Bad"}]);
    check(
        &PODS,
        pod,
        &[
            "spec.tolerations[0].operator: Invalid value: \"Foo\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            "spec.tolerations[0].operator: Unsupported value: \"Foo\": supported values: \"Equal\", \"Exists\"",
            "spec.tolerations[1].operator: Invalid value: core.Toleration{Key:\"a\", Operator:\"Exists\", Value:\"v\", Effect:\"\", TolerationSeconds:(*int64)(nil)}: value must be empty when `operator` is 'Exists'",
            "spec.tolerations[2].operator: Invalid value: \"\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            "spec.tolerations[2].effect: Unsupported value: \"Bad\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
        ],
    );
}

#[test]
fn deployments_must_select_their_own_pods() {
    let template =
        |labels: Value, containers: Value| json!({"metadata": {"labels": labels}, "spec": {"containers": containers}});
    let one = json!([{"name": "c", "image": "a"}]);
    let wrong = json!({"spec": {"replicas": -1, "selector": {"matchLabels": {"a": "b"}},
        "template": template(json!({"a": "c"}), json!([{"name": "c"}]))}});
    check(
        &DEPLOYMENTS,
        wrong.clone(),
        &[
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            "spec.template.metadata.labels: Invalid value: map[string]string{\"a\":\"c\"}: `selector` does not match template `labels`",
            "spec.template.spec.containers[0].image: Required value",
        ],
    );
    check_version(
        Version::V1_34,
        &DEPLOYMENTS,
        wrong,
        &[
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            "spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`",
            "spec.template.spec.containers[0].image: Required value",
        ],
    );
    let mut unselected = json!({"spec": {"template": template(json!({"a": "c"}), one.clone())}});
    unselected["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    check(
        &DEPLOYMENTS,
        unselected,
        &[
            "spec.selector: Required value",
            "spec.template.metadata.labels: Invalid value: map[string]string{\"a\":\"c\"}: `selector` does not match template `labels`",
            "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
        ],
    );
    check(
        &DEPLOYMENTS,
        json!({"spec": {"selector": {}, "template": {"spec": {"containers": one}}}}),
        &[
            "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for deployment",
        ],
    );
}

#[test]
fn what_may_not_change_is_told() {
    let mut old = json!({"kind": "Deployment", "spec": {"selector": {"matchLabels": {"app": "im"}}, "template": {
        "metadata": {"labels": {"app": "im"}}, "spec": {"containers": [{"name": "c", "image": "a"}]}}}});
    crate::defaults::apply(&DEPLOYMENTS, &mut old, Version::V1_20).unwrap();
    let mut new = old.clone();
    new["spec"]["selector"]["matchLabels"]["app"] = json!("z");
    let found: Vec<String> = validate(&DEPLOYMENTS, &new, Some(&old), Version::V1_20)
        .into_iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect();
    assert_eq!(
        found,
        [
            "spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"im\"}: `selector` does not match template `labels`",
            "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"z\"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable",
        ]
    );
    let mut old = container(json!({}));
    crate::defaults::apply(&PODS, &mut old, Version::V1_34).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut new = old.clone();
        change(&mut new);
        validate(&PODS, &new, Some(&old), Version::V1_34).len()
    };
    assert_eq!(changed(&|pod| pod["spec"]["containers"][0]["image"] = json!("b")), 0);
    assert_eq!(changed(&|pod| pod["spec"]["nodeName"] = json!("node3")), 0);
    assert_eq!(changed(&|pod| pod["spec"]["hostname"] = json!("x")), 1);
    assert_eq!(changed(&|pod| pod["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "1Gi"}})), 1);
}

#[test]
fn limit_ranges_must_be_in_order() {
    let limit = |item: Value| json!({"spec": {"limits": [item]}});
    let wrong = limit(json!({"type": "Container", "default": {"memory": "2Gi"}, "defaultRequest": {"memory": "3Gi"},
        "max": {"memory": "1Gi"}, "min": {"memory": "2Gi"}}));
    check_version(
        Version::V1_34,
        &LIMIT_RANGES,
        wrong.clone(),
        &[
            "spec.limits[0].min[memory]: Invalid value: \"2Gi\": min value 2Gi is greater than max value 1Gi",
            "spec.limits[0].defaultRequest[memory]: Invalid value: \"3Gi\": default request value 3Gi is greater than max value 1Gi",
            "spec.limits[0].defaultRequest[memory]: Invalid value: \"3Gi\": default request value 3Gi is greater than default limit value 2Gi",
            "spec.limits[0].default[memory]: Invalid value: \"1Gi\": default value 2Gi is greater than max value 1Gi",
        ],
    );
    let quantity = |value: &str, s: &str| {
        format!(
            "resource.Quantity{{i:resource.int64Amount{{value:{value}, scale:0}}, d:resource.infDecAmount{{Dec:(*inf.Dec)(nil)}}, s:\"{s}\", Format:\"BinarySI\"}}"
        )
    };
    check(
        &LIMIT_RANGES,
        wrong,
        &[
            &format!(
                "spec.limits[0].min[memory]: Invalid value: {}: min value 2Gi is greater than max value 1Gi",
                quantity("2147483648", "2Gi")
            ),
            &format!(
                "spec.limits[0].defaultRequest[memory]: Invalid value: {}: default request value 3Gi is greater than max value 1Gi",
                quantity("3221225472", "3Gi")
            ),
            &format!(
                "spec.limits[0].defaultRequest[memory]: Invalid value: {}: default request value 3Gi is greater than default limit value 2Gi",
                quantity("3221225472", "3Gi")
            ),
            &format!(
                "spec.limits[0].default[memory]: Invalid value: {}: default value 2Gi is greater than max value 1Gi",
                quantity("1073741824", "1Gi")
            ),
        ],
    );
    check(
        &LIMIT_RANGES,
        json!({"spec": {"limits": [{"type": "Foo", "max": {"memory": "1Gi"}}, {"type": "Pod", "default": {"memory": "1Gi"}},
            {"type": "Container"}, {"type": "Container"}, {"type": "PersistentVolumeClaim"}]}}),
        &[
            "spec.limits[0].type: Invalid value: \"Foo\": must be a standard limit type or fully qualified",
            "spec.limits[1].default: Forbidden: may not be specified when `type` is 'Pod'",
            "spec.limits[3].type: Duplicate value: \"Container\"",
            "spec.limits[4].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
        ],
    );
}

#[test]
fn quotas_count_known_things() {
    check_version(
        Version::V1_34,
        &RESOURCE_QUOTAS,
        json!({"spec": {"hard": {"foo": 1, "pods": "1.5", "requests.memory": -1}, "scopes": ["Foo"]}}),
        &[
            "spec.hard[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified",
            "spec.hard[foo]: Invalid value: \"foo\": must be a standard resource for quota",
            "spec.hard[pods]: Invalid value: \"1500m\": must be an integer",
            "spec.hard[requests.memory]: Invalid value: \"-1\": must be greater than or equal to 0",
            "spec.scopes: Invalid value: [\"Foo\"]: unsupported scope",
        ],
    );
    check(
        &RESOURCE_QUOTAS,
        json!({"spec": {"hard": {"requests.memory": 1, "memory": 3}, "scopes": ["BestEffort"]}}),
        &[
            "spec.scopes: Invalid value: []core.ResourceQuotaScope{\"BestEffort\"}: unsupported scope applied to resource",
        ],
    );
    check(
        &RESOURCE_QUOTAS,
        json!({"spec": {"hard": {"count/deployments.apps": 1, "requests.example.com/gpu": 2}}}),
        &[],
    );
}

#[test]
fn services_secrets_and_config_maps_are_checked() {
    let service = json!({"spec": {"type": "Foo", "selector": {"a": "c"}, "ports": [{"port": 0}, {"port": 80, "targetPort": "x_y"}]}});
    check(
        &SERVICES,
        service,
        &[
            "spec.ports[0].name: Required value",
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ports[1].name: Required value",
            "spec.ports[1].targetPort: Invalid value: \"x_y\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
            "spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
        ],
    );
    check(&SERVICES, json!({"spec": {"selector": {"a": "c"}}}), &["spec.ports: Required value"]);
    check(
        &SECRETS,
        json!({"type": "kubernetes.io/dockerconfigjson", "data": {"a": "eA=="}}),
        &["data[.dockerconfigjson]: Required value"],
    );
    check(&CONFIG_MAPS, json!({"data": {"..": "z", "a": "x"}}), &["data[..]: Invalid value: \"..\": must not be '..'"]);
}
