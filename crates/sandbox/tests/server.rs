//! The server as its clients meet it: requests in the shapes that kubectl was seen to send.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Pod};
use kube::api::{Api, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use sandbox::{Options, Pace, Sandbox, Version};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,\
                     application/json";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                          application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
const NAMESPACE_LAB: &str = include_str!("../src/schema/protobuf/bodies/namespace.b64");
const QUOTA: &str = include_str!("../src/schema/protobuf/bodies/quota.b64");
/// Nothing here takes long; a hang is a failure.
const LONG: Duration = Duration::from_secs(20);

fn options(version: Version, state: Option<&Path>) -> Options {
    Options { version, state: state.map(Path::to_owned), address: None, pace: Pace::Fast }
}

async fn start() -> Sandbox {
    Sandbox::start(options(Version::V1_34, None)).await.unwrap()
}

/// An answer, read whole.
struct Answer {
    code: StatusCode,
    content_type: String,
    warnings: Vec<String>,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

async fn ask(sandbox: &Sandbox, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sandbox.service().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let header = |name: &str| {
        parts.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    Answer {
        code: parts.status,
        content_type: header("content-type").concat(),
        warnings: header("warning"),
        body: tokio::time::timeout(LONG, body.collect()).await.unwrap().unwrap().to_bytes().to_vec(),
    }
}

async fn get(sandbox: &Sandbox, path: &str) -> Answer {
    ask(sandbox, Method::GET, path, &[("accept", "application/json")], Vec::new()).await
}

async fn send(sandbox: &Sandbox, method: Method, path: &str, content_type: &str, body: &Value) -> Answer {
    ask(sandbox, method, path, &[("content-type", content_type)], body.to_string().into_bytes()).await
}

async fn post(sandbox: &Sandbox, path: &str, body: &Value) -> Answer {
    send(sandbox, Method::POST, path, "application/json", body).await
}

async fn post_protobuf(sandbox: &Sandbox, path: &str, body: &str) -> Answer {
    let bytes = BASE64_STANDARD.decode(body.replace('\n', "")).unwrap();
    let headers = [
        ("accept", "application/vnd.kubernetes.protobuf,application/json"),
        ("content-type", "application/vnd.kubernetes.protobuf"),
    ];
    ask(sandbox, Method::POST, path, &headers, bytes).await
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]},
            },
        },
    })
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn discovery_speaks_the_old_form_and_the_aggregated_one() {
    let sandbox = start().await;
    let groups = ask(&sandbox, Method::GET, "/apis?timeout=32s", &[("accept", AGGREGATED)], Vec::new()).await;
    assert_eq!(groups.content_type, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    let apps = groups.json()["items"].as_array().unwrap().iter().find(|one| one["metadata"]["name"] == "apps").cloned();
    let resources = apps.unwrap()["versions"][0]["resources"].clone();
    let deployments = resources.as_array().unwrap().iter().find(|one| one["resource"] == "deployments").unwrap();
    let scale = &deployments["subresources"][0];
    assert_eq!(deployments["responseKind"], json!({"group": "apps", "version": "v1", "kind": "Deployment"}));
    assert_eq!(scale["responseKind"], json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}));
    let old = get(&sandbox, "/apis/apps/v1").await.json();
    assert!(old["resources"].as_array().unwrap().iter().any(|one| one["name"] == "deployments/scale"));
    assert_eq!(get(&sandbox, "/apis/apps/v2").await.code, StatusCode::NOT_FOUND);
    assert_eq!(get(&sandbox, "/version").await.json()["minor"], "34");
    sandbox.stop().await;
}

#[tokio::test]
async fn an_old_version_has_no_aggregated_discovery() {
    let sandbox = Sandbox::start(options(Version::V1_20, None)).await.unwrap();
    let groups = ask(&sandbox, Method::GET, "/apis", &[("accept", AGGREGATED)], Vec::new()).await;
    assert_eq!(groups.json()["kind"], "APIGroupList");
    sandbox.stop().await;
}

#[tokio::test]
async fn openapi_is_there_in_all_its_forms() {
    let sandbox = start().await;
    let accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let answer = ask(&sandbox, Method::GET, "/openapi/v2", &[("accept", accept)], Vec::new()).await;
    assert!(answer.body.starts_with(b"\x0a\x032.0"), "{:?}", &answer.body[..8]);
    let documents = get(&sandbox, "/openapi/v3").await.json();
    let apps = documents["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    let apps = get(&sandbox, &apps).await.json();
    let deployment = &apps["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"];
    assert_eq!(deployment["x-kubernetes-group-version-kind"][0]["kind"], "Deployment");
    assert!(apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments"]["get"].is_object());
    let second = get(&sandbox, "/openapi/v2").await.json();
    assert!(second["definitions"]["io.k8s.api.core.v1.Pod"]["description"].is_string());
    sandbox.stop().await;
}

#[tokio::test]
async fn kubectl_1_36_creates_by_protobuf() {
    let sandbox = start().await;
    let path = "/api/v1/namespaces?fieldManager=kubectl-create&fieldValidation=Strict";
    let created = post_protobuf(&sandbox, path, NAMESPACE_LAB).await;
    assert_eq!((created.code, created.content_type.as_str()), (StatusCode::CREATED, "application/json"));
    assert_eq!(created.json()["status"]["phase"], "Active");
    let path = "/api/v1/namespaces/lab/resourcequotas?fieldManager=kubectl-create&fieldValidation=Strict";
    assert_eq!(post_protobuf(&sandbox, path, QUOTA).await.json()["spec"]["hard"]["requests.cpu"], "500m");
    assert_eq!(post_protobuf(&sandbox, path, QUOTA).await.json()["reason"], "AlreadyExists");
    sandbox.stop().await;
}

#[tokio::test]
async fn tables_have_the_columns_that_people_know() {
    let sandbox = start().await;
    let answer = ask(&sandbox, Method::GET, "/api/v1/nodes?limit=500", &[("accept", TABLE)], Vec::new()).await;
    let table = answer.json();
    let names: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|column| column["priority"] == 0)
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Name", "Status", "Roles", "Age", "Version"]);
    assert_eq!(table["rows"].as_array().unwrap().len(), 3);
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    sandbox.stop().await;
}

#[tokio::test]
async fn unknown_fields_are_refused_warned_of_or_dropped() {
    let sandbox = start().await;
    let mut object = deployment();
    object["spec"]["replica"] = 3.into();
    let strict = post(&sandbox, &format!("{DEPLOYMENTS}?fieldValidation=Strict"), &object).await;
    assert_eq!(
        strict.json()["message"],
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \
         \"spec.replica\""
    );
    let warned = post(&sandbox, DEPLOYMENTS, &object).await;
    assert_eq!(warned.warnings, ["299 - \"unknown field \\\"spec.replica\\\"\""]);
    assert_eq!(warned.json()["spec"].get("replica"), None);
    let patch = json!({"spec": {"replica": 1}});
    let path = format!("{DEPLOYMENTS}/web?fieldValidation=Strict");
    let refused = send(&sandbox, Method::PATCH, &path, "application/strategic-merge-patch+json", &patch).await;
    assert_eq!(refused.json()["message"], "strict decoding error: unknown field \"spec.replica\"");
    sandbox.stop().await;
}

#[tokio::test]
async fn what_cannot_be_decoded_is_refused() {
    let sandbox = start().await;
    for (content_type, body, code) in [
        ("application/json", "{", 400),
        ("application/json", "[]", 400),
        ("application/json", "\"x\"", 400),
        ("application/json", r#"{"metadata": 3}"#, 400),
        ("application/json", r#"{"apiVersion": "v2", "kind": "ConfigMap"}"#, 400),
        ("application/json", r#"{"apiVersion": "v1", "kind": "Pod"}"#, 400),
        ("application/json", r#"{"metadata": {"name": "a", "namespace": "other"}}"#, 400),
        ("application/json", r#"{"metadata": {"name": "A"}}"#, 422),
        ("application/json", r#"{"metadata": {}}"#, 422),
        ("application/vnd.kubernetes.protobuf", "x", 400),
        ("application/xml", "<a/>", 415),
    ] {
        let headers = [("content-type", content_type)];
        let answer = ask(&sandbox, Method::POST, CONFIG_MAPS, &headers, body.into()).await;
        assert_eq!(answer.code.as_u16(), code, "{body}: {}", answer.text());
        assert_eq!(answer.json()["kind"], "Status");
    }
    let deep = "[".repeat(100_000);
    let answer = ask(&sandbox, Method::POST, CONFIG_MAPS, &[], deep.into()).await;
    assert_eq!(answer.code, StatusCode::BAD_REQUEST);
    let large = vec![b' '; 4 * 1024 * 1024];
    let answer = ask(&sandbox, Method::POST, CONFIG_MAPS, &[], large).await;
    assert_eq!(answer.code, StatusCode::PAYLOAD_TOO_LARGE);
    sandbox.stop().await;
}

#[tokio::test]
async fn apply_edits_and_scale_patch_as_kubectl_does() {
    let sandbox = start().await;
    assert_eq!(post(&sandbox, DEPLOYMENTS, &deployment()).await.code, StatusCode::CREATED);
    let web = format!("{DEPLOYMENTS}/web");
    let patch = json!({"spec": {"template": {"spec": {
        "$setElementOrder/containers": [{"name": "nginx"}],
        "containers": [{"name": "nginx", "image": "nginx:1.28"}],
    }}}});
    let path = format!("{web}?fieldManager=kubectl-client-side-apply");
    let patched = send(&sandbox, Method::PATCH, &path, "application/strategic-merge-patch+json", &patch).await;
    let containers = patched.json()["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!((containers.as_array().unwrap().len(), &containers[0]["image"]), (1, &json!("nginx:1.28")));
    let scale = json!({"spec": {"replicas": 0}});
    let path = format!("{web}/scale?fieldManager=kubectl");
    let scaled = send(&sandbox, Method::PATCH, &path, "application/merge-patch+json", &scale).await.json();
    assert_eq!((&scaled["kind"], &scaled["spec"]["replicas"]), (&json!("Scale"), &json!(0)));
    let operations = json!([{"op": "test", "path": "/spec/replicas", "value": 1}]);
    let tested = send(&sandbox, Method::PATCH, &web, "application/json-patch+json", &operations).await;
    assert_eq!(tested.code, StatusCode::UNPROCESSABLE_ENTITY);
    let dry = format!("{web}?dryRun=All");
    let deleted = ask(&sandbox, Method::DELETE, &dry, &[], Vec::new()).await;
    assert_eq!((deleted.code, get(&sandbox, &web).await.code), (StatusCode::OK, StatusCode::OK));
    let mut stale = deployment();
    stale["metadata"]["resourceVersion"] = "1".into();
    let conflict = send(&sandbox, Method::PUT, &web, "application/json", &stale).await;
    assert_eq!((conflict.code, conflict.json()["reason"].clone()), (StatusCode::CONFLICT, json!("Conflict")));
    sandbox.stop().await;
}

#[tokio::test]
async fn server_side_apply_creates_then_changes() {
    let sandbox = start().await;
    let path = format!("{CONFIG_MAPS}/c?fieldManager=kubectl&fieldValidation=Strict&force=false");
    let kind = "application/apply-patch+yaml";
    let config =
        |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": value}});
    let created = send(&sandbox, Method::PATCH, &path, kind, &config("1")).await;
    assert_eq!(created.code, StatusCode::CREATED, "{}", created.text());
    let version = created.json()["metadata"]["resourceVersion"].clone();
    let again = send(&sandbox, Method::PATCH, &path, kind, &config("1")).await;
    assert_eq!((again.code, &again.json()["metadata"]["resourceVersion"]), (StatusCode::OK, &version));
    let other = format!("{CONFIG_MAPS}/c?fieldManager=other");
    let refused = send(&sandbox, Method::PATCH, &other, kind, &config("2")).await;
    assert_eq!(refused.json()["message"], "Apply failed with 1 conflict: conflict with \"kubectl\": .data.k");
    sandbox.stop().await;
}

/// Reads the events of a watch until they are enough.
async fn events_until(sandbox: &Sandbox, path: &str, is_enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let mut body = sandbox.service().oneshot(request).await.unwrap().into_body();
    let (mut text, mut found) = (String::new(), Vec::new());
    while !is_enough(&found) {
        let frame = tokio::time::timeout(LONG, body.frame()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        while let Some((line, rest)) = text.split_once('\n') {
            found.push(serde_json::from_str(line).unwrap());
            text = rest.to_owned();
        }
    }
    found
}

/// Reads the first `count` events of a watch.
async fn events(sandbox: &Sandbox, path: &str, count: usize) -> Vec<Value> {
    events_until(sandbox, path, |found| found.len() >= count).await
}

#[tokio::test]
async fn a_watch_list_ends_its_initial_events_with_a_bookmark() {
    let sandbox = start().await;
    let path = "/api/v1/nodes?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&\
                allowWatchBookmarks=true&timeoutSeconds=30";
    let events = events(&sandbox, path, 4).await;
    let kinds: Vec<&Value> = events.iter().take(4).map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["ADDED", "ADDED", "ADDED", "BOOKMARK"]);
    assert_eq!(events[3]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    let refused = get(&sandbox, "/api/v1/nodes?watch=true&sendInitialEvents=true").await;
    assert_eq!(refused.code, StatusCode::UNPROCESSABLE_ENTITY);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_watch_goes_on_from_a_version_and_follows_selectors() {
    let sandbox = start().await;
    let list = get(&sandbox, CONFIG_MAPS).await.json();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let object = json!({"metadata": {"name": "a", "labels": {"app": "web"}}});
    post(&sandbox, CONFIG_MAPS, &object).await;
    let path = format!("{CONFIG_MAPS}/a");
    let patch = json!({"metadata": {"labels": {"app": "other"}}});
    send(&sandbox, Method::PATCH, &path, "application/merge-patch+json", &patch).await;
    let watch = format!("{CONFIG_MAPS}?watch=true&resourceVersion={version}&labelSelector=app%3Dweb");
    let kinds: Vec<Value> = events(&sandbox, &watch, 2).await.into_iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["ADDED", "DELETED"]);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_watch_lasts_as_long_as_it_asked() {
    let sandbox = start().await;
    let watch = format!("{CONFIG_MAPS}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dnone");
    assert_eq!(get(&sandbox, &watch).await.text(), "");
    sandbox.stop().await;
}

/// Waits until a Pod's phase is as wanted.
async fn wait_for_phase(sandbox: &Sandbox, name: &str, phase: &str) {
    let path = format!("/api/v1/namespaces/default/pods?watch=true&fieldSelector=metadata.name%3D{name}");
    events_until(sandbox, &path, |found| found.iter().any(|event| event["object"]["status"]["phase"] == phase)).await;
}

#[tokio::test]
async fn a_pod_runs_and_its_log_can_be_read() {
    let sandbox = start().await;
    let pod = json!({"metadata": {"name": "one"}, "spec": {"restartPolicy": "Never", "containers": [
        {"name": "c", "image": "busybox", "command": ["sh", "-c", "echo bonjour"]}]}});
    assert_eq!(post(&sandbox, "/api/v1/namespaces/default/pods", &pod).await.code, StatusCode::CREATED);
    wait_for_phase(&sandbox, "one", "Succeeded").await;
    let log = get(&sandbox, "/api/v1/namespaces/default/pods/one/log?container=c&follow=true").await;
    assert_eq!((log.content_type.as_str(), log.text().as_str()), ("text/plain", "bonjour\n"));
    let stamped = get(&sandbox, "/api/v1/namespaces/default/pods/one/log?timestamps=true").await.text();
    assert!(stamped.ends_with("Z bonjour\n"), "{stamped}");
    let part = get(&sandbox, "/api/v1/namespaces/default/pods/one/log?limitBytes=3&follow=true").await;
    assert_eq!(part.text(), "bon");
    for (query, words) in [
        ("tailLines=-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("limitBytes=0", "limitBytes: Invalid value: 0: must be greater than 0"),
        (
            "sinceSeconds=5&sinceTime=2020-01-01T00:00:00Z",
            "[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
    ] {
        let refused = get(&sandbox, &format!("/api/v1/namespaces/default/pods/one/log?{query}")).await;
        let expected = format!("PodLogOptions \"one\" is invalid: {words}");
        assert_eq!(
            (refused.code, refused.json()["message"].as_str().unwrap()),
            (StatusCode::UNPROCESSABLE_ENTITY, &*expected)
        );
    }
    let wrong = get(&sandbox, "/api/v1/namespaces/default/pods/one/log?container=d").await;
    assert_eq!(wrong.json()["message"], "container d is not valid for pod one");
    sandbox.stop().await;
}

#[tokio::test]
async fn questions_about_oneself_are_answered() {
    let sandbox = start().await;
    let review = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}});
    let answer = post(&sandbox, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review).await;
    assert_eq!(answer.json()["status"]["allowed"], true);
    let answer = post(&sandbox, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).await;
    assert_eq!(answer.json()["status"]["userInfo"]["username"], "kubernetes-admin");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_state_comes_back_by_snapshot_and_goes_by_reset() {
    let sandbox = start().await;
    post(&sandbox, CONFIG_MAPS, &json!({"metadata": {"name": "a"}, "data": {"k": "1"}})).await;
    let snapshot = get(&sandbox, "/atelier/v1/snapshot").await.json();
    let a = format!("{CONFIG_MAPS}/a");
    ask(&sandbox, Method::DELETE, &a, &[], Vec::new()).await;
    assert_eq!(get(&sandbox, &a).await.code, StatusCode::NOT_FOUND);
    let restored = send(&sandbox, Method::PUT, "/atelier/v1/snapshot", "application/json", &snapshot).await;
    assert_eq!(restored.code, StatusCode::OK);
    assert_eq!(get(&sandbox, &a).await.json()["data"]["k"], "1");
    let broken = send(&sandbox, Method::PUT, "/atelier/v1/snapshot", "application/json", &json!({"format": 9})).await;
    assert_eq!(broken.code, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&sandbox, Method::POST, "/atelier/v1/reset", &[], Vec::new()).await.code, StatusCode::OK);
    assert_eq!(get(&sandbox, &a).await.code, StatusCode::NOT_FOUND);
    assert_eq!(get(&sandbox, "/api/v1/nodes").await.json()["items"].as_array().unwrap().len(), 3);
    let unknown = ask(&sandbox, Method::POST, "/atelier/v1/nodes/node9/repair", &[], Vec::new()).await;
    assert_eq!(unknown.code, StatusCode::NOT_FOUND);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_audit_log_names_people_and_controllers() {
    let sandbox = start().await;
    post(&sandbox, DEPLOYMENTS, &deployment()).await;
    // A watch ends when the controllers have made the Pods.
    let path = "/api/v1/namespaces/default/pods?watch=true&labelSelector=app%3Dweb";
    events(&sandbox, path, 2).await;
    let page = get(&sandbox, "/atelier/v1/audit?since=2020-01-01T00:00:00Z").await.json();
    assert_eq!(page["complete"], true);
    let made_by = |user: &str, resource: &str| {
        page["entries"].as_array().unwrap().iter().any(|entry| {
            entry["user"] == user && entry["resource"] == resource && entry["verb"] == "create" && entry["code"] == 201
        })
    };
    assert!(made_by("kubernetes-admin", "deployments"));
    assert!(made_by("system:serviceaccount:kube-system:replicaset-controller", "pods"));
    let none = get(&sandbox, "/atelier/v1/audit?since=2999-01-01T00:00:00Z").await.json();
    assert_eq!(none["entries"], json!([]));
    sandbox.stop().await;
}

async fn client(kubeconfig: &str) -> kube::Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

#[tokio::test]
async fn a_client_comes_in_by_tls_with_its_certificate() {
    let sandbox = start().await;
    let client = client(&sandbox.kubeconfig()).await;
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await.unwrap();
    assert_eq!(nodes.items.len(), 3);
    let lab = Namespace {
        metadata: kube::core::ObjectMeta { name: Some("lab".into()), ..Default::default() },
        ..Default::default()
    };
    Api::all(client.clone()).create(&PostParams::default(), &lab).await.unwrap();
    let refused = Api::<Pod>::namespaced(client, "lab").get("none").await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 404));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_client_needs_no_socket() {
    let sandbox = start().await;
    let client = kube::Client::new(sandbox.service(), "default");
    assert_eq!(Api::<Node>::all(client).list(&ListParams::default()).await.unwrap().items.len(), 3);
    sandbox.stop().await;
}

#[tokio::test]
async fn nobody_comes_in_without_a_certificate() {
    let sandbox = start().await;
    let mut kubeconfig = Kubeconfig::from_yaml(&sandbox.kubeconfig()).unwrap();
    let user = kubeconfig.auth_infos[0].auth_info.as_mut().unwrap();
    user.client_certificate_data = None;
    user.client_key_data = None;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let refused = Api::<Pod>::default_namespaced(client.clone()).list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
    let control = Request::get("/atelier/v1/snapshot").body(Vec::new()).unwrap();
    assert!(client.request_text(control).await.is_err());
    let token = Request::get("/version").header("authorization", "Bearer x").body(Vec::new()).unwrap();
    assert!(matches!(client.request_text(token).await, Err(kube::Error::Api(status)) if status.code == 401));
    let ready = Request::get("/readyz").body(Vec::new()).unwrap();
    assert_eq!(client.request_text(ready).await.unwrap(), "ok");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_cluster_survives_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sandbox::start(options(Version::V1_34, Some(folder.path()))).await.unwrap();
    let (address, kubeconfig) = (first.address(), first.kubeconfig());
    assert_eq!(std::fs::read_to_string(first.kubeconfig_path().unwrap()).unwrap(), kubeconfig);
    let twice = Sandbox::start(options(Version::V1_34, Some(folder.path()))).await;
    assert!(twice.is_err());
    post(&first, CONFIG_MAPS, &json!({"metadata": {"name": "a"}, "data": {"k": "1"}})).await;
    first.stop().await;

    let second = Sandbox::start(options(Version::V1_34, Some(folder.path()))).await.unwrap();
    assert_eq!((second.address(), second.kubeconfig()), (address, kubeconfig));
    let maps = Api::<ConfigMap>::default_namespaced(client(&second.kubeconfig()).await);
    assert_eq!(maps.get("a").await.unwrap().data.unwrap()["k"], "1");
    let page = get(&second, "/atelier/v1/audit").await.json();
    let entries = page["entries"].as_array().unwrap().clone();
    assert!(entries.iter().any(|entry| entry["resource"] == "configmaps" && entry["name"] == "a"));
    second.stop().await;
}

#[tokio::test]
async fn what_was_written_is_on_disk_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(options(Version::V1_34, Some(folder.path()))).await.unwrap();
    post(&sandbox, CONFIG_MAPS, &json!({"metadata": {"name": "written-behind"}})).await;
    let file = folder.path().join("objects.json");
    // The process could be killed from here on: the file is whole at any moment.
    let begin = std::time::Instant::now();
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if !text.is_empty() {
            let kept: Value = serde_json::from_str(&text).expect("never half written");
            if kept["objects"].as_array().unwrap().iter().any(|object| object["metadata"]["name"] == "written-behind") {
                break;
            }
        }
        assert!(begin.elapsed() < LONG, "not written");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(sandbox);
}

#[tokio::test]
async fn a_definition_adds_a_kind_to_the_api() {
    let sandbox = start().await;
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["cron"], "properties": {
        "cron": {"type": "string", "description": "The rule."}, "replicas": {"type": "integer", "default": 2}}}}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "tries.api.example"},
        "spec": {"group": "api.example", "scope": "Namespaced", "names": {"kind": "Try", "plural": "tries", "shortNames": ["tr"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                "additionalPrinterColumns": [{"name": "Cron", "type": "string", "jsonPath": ".spec.cron"}]}]},
    });
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(post(&sandbox, path, &definition).await.code, StatusCode::CREATED);
    let tries = "/apis/api.example/v1/namespaces/default/tries";
    for _ in 0..500 {
        if get(&sandbox, tries).await.code == StatusCode::OK {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let object = json!({"apiVersion": "api.example/v1", "kind": "Try", "metadata": {"name": "a"}, "spec": {"cron": "x", "more": 1}});
    let created = post(&sandbox, tries, &object).await;
    assert_eq!((created.code, &created.json()["spec"]), (StatusCode::CREATED, &json!({"cron": "x", "replicas": 2})));
    let wrong = json!({"apiVersion": "api.example/v1", "kind": "Try", "metadata": {"name": "b"}, "spec": {}});
    let refused = post(&sandbox, tries, &wrong).await;
    assert_eq!(refused.code, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["message"], "Try.api.example \"b\" is invalid: spec.cron: Required value");
    let table =
        ask(&sandbox, Method::GET, tries, &[("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")], Vec::new())
            .await;
    assert_eq!(table.json()["rows"][0]["cells"], json!(["a", "x"]));
    assert_eq!(get(&sandbox, &format!("{tries}/a/scale")).await.json()["spec"]["replicas"], 2);
    let explained = get(&sandbox, "/openapi/v3/apis/api.example/v1").await.json();
    let spec = &explained["components"]["schemas"]["example.api.v1.Try"]["properties"]["spec"];
    assert_eq!(spec["properties"]["cron"]["description"], "The rule.");
    assert_eq!(
        ask(&sandbox, Method::DELETE, &format!("{path}/tries.api.example"), &[], Vec::new()).await.code,
        StatusCode::OK
    );
    for _ in 0..500 {
        if get(&sandbox, tries).await.code == StatusCode::NOT_FOUND {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(get(&sandbox, tries).await.code, StatusCode::NOT_FOUND);
    sandbox.stop().await;
}
