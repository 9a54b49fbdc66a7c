//! Conditions that come true, do not, or cannot be seen.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::testing::{Bench, Told, judge, refusing, silent, spec, told, world_of};
use crate::{Error, Evidence, Finding};

const SECRET: &str =
    "condition: { api_version: v1, kind: ConfigMap, name: plus-tard, fields: { data.a: '1' }, within: 20 }";

#[tokio::test]
async fn a_condition_that_comes_true_ends_the_wait() {
    let bench = Bench::start().await;
    let world = bench.world();
    let later = async {
        bench
            .create(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "plus-tard" }, "data": { "a": "1" } }))
            .await;
    };
    let (outcome, ()) = tokio::join!(judge(SECRET, &world), later);
    assert_eq!(told(&outcome.unwrap()), Told::Pass);
}

#[tokio::test]
async fn a_condition_that_stays_false_fails_with_what_was_there_in_the_end() {
    let bench = Bench::start().await;
    let yaml = "condition: { api_version: v1, kind: ConfigMap, name: jamais, within: 1 }";
    let outcome = judge(yaml, &bench.world()).await.unwrap();
    assert_eq!(told(&outcome), Told::Fail);
    match outcome.evidence() {
        Evidence::Condition(evidence) => assert!(matches!(evidence.finding, Finding::Missing { .. })),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_absence_of_an_object_can_be_waited_for() {
    let bench = Bench::start().await;
    let yaml = "condition: { api_version: v1, kind: ConfigMap, name: jamais, absent: true, within: 5 }";
    assert_eq!(told(&judge(yaml, &bench.world()).await.unwrap()), Told::Pass);
}

#[tokio::test]
async fn a_refusal_is_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let world = world_of(refusing(403, "configmaps is forbidden"), folder.path());
    assert!(matches!(judge(SECRET, &world).await, Err(Error::Forbidden { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_no_verdict_even_without_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let world = world_of(silent(), folder.path());
    let result = judge(SECRET, &world).await;
    assert!(matches!(result, Err(Error::TimedOut(_))), "{result:?}");
}

/// A server that answers at first and then falls silent, in the middle of a watch.
#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_no_verdict() {
    use axum::Json;
    use axum::extract::Query;
    use axum::routing::get;
    use std::collections::HashMap;

    let lists = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let app = axum::Router::new()
        .route(
            "/api/v1",
            get(|| async {
                Json(json!({
                    "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1",
                    "resources": [{ "name": "configmaps", "singularName": "configmap", "namespaced": true, "kind": "ConfigMap",
                        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"] }],
                }))
            }),
        )
        .route(
            "/api/v1/namespaces/default/configmaps",
            get(move |Query(query): Query<HashMap<String, String>>| {
                let first = lists.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                async move {
                    if query.contains_key("watch") || !first {
                        std::future::pending::<()>().await;
                    }
                    Json(json!({ "kind": "ConfigMapList", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [] }))
                }
            }),
        );
    let client = kube::Client::new(app, "default");
    let folder = tempfile::tempdir().unwrap();
    let result = judge(SECRET, &world_of(client, folder.path())).await;
    assert!(matches!(result, Err(Error::TimedOut(_))), "{result:?}");
}

#[tokio::test]
async fn a_wait_can_be_cancelled() {
    let bench = Bench::start().await;
    let cancel = CancellationToken::new();
    let (world, spec) = (bench.world(), spec(SECRET));
    let stop = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(crate::run(&spec, &world, &cancel), stop);
    assert!(matches!(result, Err(Error::Cancelled)));
}
