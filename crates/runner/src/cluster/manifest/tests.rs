//! Manifests taken apart, and applied to a cluster in any state.

use tower::ServiceExt;

use super::*;

#[test]
fn a_manifest_is_taken_apart() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: List\nitems:\n- \
                {apiVersion: v1, kind: Pod, metadata: {name: b}}\n- {apiVersion: v1, kind: Pod, metadata: {name: c}}\n";
    let names: Vec<String> = read("m", text.as_bytes())
        .unwrap()
        .iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_manifest_that_is_none_says_why() {
    for (text, problem) in [
        ("kind: Pod\nmetadata: {name: a}", "an object has no apiVersion"),
        ("apiVersion: v1\nkind: Pod", "an object has no metadata.name"),
        ("just words", "an object has no apiVersion"),
    ] {
        let error = read("m.yaml", text.as_bytes()).unwrap_err();
        assert!(matches!(&error, ClusterError::Manifest { problem: found, .. } if found == problem), "{error}");
    }
    assert!(read("m.yaml", b"a: [").is_err());
    assert!(read("m.yaml", &vec![b' '; LIMIT + 1]).is_err());
}

#[test]
fn kubectl_apply_finds_what_was_applied() {
    let object = annotated(&serde_json::json!({"kind": "Pod", "metadata": {"name": "a"}}), Some("n"));
    assert_eq!(object["metadata"]["namespace"], "n");
    let applied: Value =
        serde_json::from_str(object["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap()).unwrap();
    assert_eq!(applied, serde_json::json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "n"}}));
}

async fn start(pace: sandbox::Pace) -> (sandbox::Sandbox, Client) {
    let options = sandbox::Options { version: sandbox::Version::V1_34, state: None, address: None, pace };
    let sandbox = sandbox::Sandbox::start(options).await.unwrap();
    let client = Client::new(sandbox.service(), "default");
    (sandbox, client)
}

async fn set_up(client: &Client, manifest: &str) -> Result<(), ClusterError> {
    let namespaces = ["default".to_owned()];
    let bounds = Bounds { namespaces: &namespaces, unscoped: Unscoped::OwnNamespacesOnly };
    let objects = read("m.yaml", manifest.as_bytes()).unwrap();
    apply(client, &objects, &bounds, &CancellationToken::new()).await
}

const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}, spec: {containers: [{name: \
                   c, image: 'nginx:1.27', resources: {limits: {memory: 64Mi}}}]}}";

async fn pod(client: &Client) -> Value {
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::default_namespaced(client.clone());
    serde_json::to_value(pods.get("web").await.unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_applied_twice_stays_the_same_object() {
    let (_sandbox, client) = start(sandbox::Pace::Fast).await;
    set_up(&client, POD).await.unwrap();
    let first = pod(&client).await;
    set_up(&client, POD).await.unwrap();
    let second = pod(&client).await;
    assert_eq!(first["metadata"]["uid"], second["metadata"]["uid"]);
    let managers: Vec<&str> = second["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["operation"] == "Apply")
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert_eq!(managers, [MANAGER]);
}

#[tokio::test]
async fn a_pod_that_differs_where_a_pod_cannot_change_is_made_anew() {
    let (_sandbox, client) = start(sandbox::Pace::Fast).await;
    set_up(&client, &POD.replace("64Mi", "32Mi").replace("app: web", "app: old")).await.unwrap();
    let before = pod(&client).await;
    set_up(&client, POD).await.unwrap();
    let after = pod(&client).await;
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(after["spec"]["containers"][0]["resources"]["limits"]["memory"], "64Mi");
    assert_eq!(after["metadata"]["labels"]["app"], "web");
}

#[tokio::test]
async fn what_somebody_else_changed_is_taken_back() {
    let (_sandbox, client) = start(sandbox::Pace::Fast).await;
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: one}}";
    set_up(&client, map).await.unwrap();
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::default_namespaced(client.clone());
    let other = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "two"}});
    maps.patch("m", &PatchParams::apply("learner").force(), &Patch::Apply(&other)).await.unwrap();
    set_up(&client, map).await.unwrap();
    assert_eq!(maps.get("m").await.unwrap().data.unwrap()["a"], "one");
}

#[tokio::test]
async fn an_object_that_is_wrong_in_itself_deletes_nothing() {
    let (_sandbox, client) = start(sandbox::Pace::Fast).await;
    set_up(&client, POD).await.unwrap();
    let before = pod(&client).await;
    let error = set_up(&client, &POD.replace("'nginx:1.27'", "''")).await.unwrap_err();
    assert_eq!(refused_with(&error), Some(422), "{error:?}");
    assert_eq!(pod(&client).await["metadata"]["uid"], before["metadata"]["uid"]);
}

/// Takes server-side apply away from a sandbox: an older server answers so.
fn without_server_side_apply(sandbox: &sandbox::Sandbox) -> Client {
    let service = sandbox.service();
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let service = service.clone();
        async move {
            let kind = request.headers().get(http::header::CONTENT_TYPE);
            if kind.is_some_and(|kind| kind == "application/apply-patch+yaml") {
                let status = serde_json::json!({
                    "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 415,
                    "reason": "UnsupportedMediaType", "message": "the body of the request was in an unknown format",
                });
                let mut answer = http::Response::new(status.to_string().into());
                *answer.status_mut() = http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
                return Ok(answer);
            }
            service.oneshot(request).await
        }
    });
    Client::new(service, "default")
}

#[tokio::test]
async fn a_server_without_server_side_apply_gets_the_same_objects() {
    let (sandbox, _) = start(sandbox::Pace::Fast).await;
    let client = without_server_side_apply(&sandbox);
    set_up(&client, POD).await.unwrap();
    let first = pod(&client).await;
    set_up(&client, &POD.replace("app: web", "app: other")).await.unwrap();
    let relabelled = pod(&client).await;
    assert_eq!(relabelled["metadata"]["labels"]["app"], "other");
    assert_eq!(relabelled["metadata"]["uid"], first["metadata"]["uid"]);
    set_up(&client, &POD.replace("64Mi", "32Mi")).await.unwrap();
    let anew = pod(&client).await;
    assert_eq!(anew["spec"]["containers"][0]["resources"]["limits"]["memory"], "32Mi");
    assert_ne!(anew["metadata"]["uid"], first["metadata"]["uid"]);
}
