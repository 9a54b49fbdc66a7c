//! Arbitrary bytes and mutated bodies for what reads them: the protobuf decoder, the patch engines, JSON and YAML.
//! Whatever comes, the answer is a Status or an object, never a fault of the server, and the sandbox serves on.
//!
//! `cargo xtask fuzz --seconds N` runs this for longer: `ATELIER_FUZZ_SECONDS` says how long each takes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use axum::body::Body;
use base64::Engine as _;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sandbox::{Options, Pace, Sandbox, Version};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const NAMESPACE_LAB: &str = include_str!("../src/schema/protobuf/bodies/namespace.b64");
const QUOTA: &str = include_str!("../src/schema/protobuf/bodies/quota.b64");
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// A sandbox with one Deployment to be patched.
struct Subject {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
}

impl Subject {
    fn new() -> Subject {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let options = Options { version: Version::V1_34, state: None, address: None, pace: Pace::Fast };
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        let subject = Subject { runtime, sandbox };
        let container = json!({"name": "c", "image": "busybox:1.36", "env": [{"name": "A", "value": "1"}]});
        let template = json!({"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [container]}});
        let spec = json!({"replicas": 0, "selector": {"matchLabels": {"app": "d"}}, "template": template});
        let deployment = json!({"metadata": {"name": "d"}, "spec": spec}).to_string().into_bytes();
        assert_eq!(subject.send(&Method::POST, DEPLOYMENTS, "application/json", deployment), 201);
        subject
    }

    /// Sends a body and returns the code; the answer has to be JSON.
    fn send(&self, method: &Method, path: &str, kind: &str, body: Vec<u8>) -> u16 {
        self.runtime.block_on(async {
            let request = Request::builder().method(method).uri(path).header("content-type", kind);
            let response = self.sandbox.service().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
            let code = response.status().as_u16();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            let answer: Value = serde_json::from_slice(&bytes).expect("an object");
            assert!(answer.is_object() && answer["kind"].is_string(), "{answer}");
            code
        })
    }

    /// Feeds this input again and again, at least 64 times and as long as was asked for.
    fn feed<S: Strategy>(self, inputs: &S, give: impl Fn(&Subject, S::Value) -> u16)
    where
        S::Value: Clone,
    {
        let seconds = std::env::var("ATELIER_FUZZ_SECONDS").map_or(0, |text| text.parse().unwrap());
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
        loop {
            let ran = runner.run(inputs, |input| {
                let code = give(&self, input);
                prop_assert!((200..500).contains(&code), "the server failed: {code}");
                Ok(())
            });
            if let Err(error) = ran {
                panic!("{error}");
            }
            if Instant::now() >= end {
                break;
            }
        }
        let nodes = self.send(&Method::GET, "/api/v1/nodes", "application/json", Vec::new());
        assert_eq!(nodes, 200);
        self.runtime.block_on(self.sandbox.stop());
    }
}

/// A change of some bytes of a well-formed body.
#[derive(Debug, Clone)]
enum Mutation {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Cut(usize, usize),
    Repeat(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (any::<usize>(), prop::collection::vec(any::<u8>(), 1..16)).prop_map(|(at, new)| Mutation::Insert(at, new)),
        (any::<usize>(), any::<usize>()).prop_map(|(at, count)| Mutation::Cut(at, count)),
        (any::<usize>(), 1..64_usize).prop_map(|(at, count)| Mutation::Repeat(at, count)),
    ]
}

fn mutated(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match mutation {
            Mutation::Set(at, byte) => bytes[at % length] = *byte,
            Mutation::Insert(at, new) => drop(bytes.splice(at % length..at % length, new.iter().copied())),
            Mutation::Cut(at, count) => {
                let at = at % length;
                bytes.drain(at..(at + count % 32).min(length));
            }
            Mutation::Repeat(at, count) => {
                let part = bytes[at % length..(at % length + 16).min(length)].repeat(*count);
                bytes.splice(at % length..at % length, part);
            }
        }
    }
    bytes
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..2048)
}

#[test]
fn protobuf() {
    let real = |text: &str| base64::prelude::BASE64_STANDARD.decode(text.replace('\n', "")).unwrap();
    let real =
        [(real(NAMESPACE_LAB), "/api/v1/namespaces"), (real(QUOTA), "/api/v1/namespaces/default/resourcequotas")];
    let arbitrary = bytes().prop_map(|bytes| ([b"k8s\0".to_vec(), bytes].concat(), "/api/v1/namespaces/default/pods"));
    let changed = (prop::sample::select(real.to_vec()), prop::collection::vec(mutation(), 1..8))
        .prop_map(|((body, path), mutations)| (mutated(body, &mutations), path));
    Subject::new().feed(&prop_oneof![arbitrary, changed], |subject, (body, path)| {
        subject.send(&Method::POST, path, "application/vnd.kubernetes.protobuf", body)
    });
}

/// JSON of any shape, with names that a Deployment has as well as others.
fn shape() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "metadata",
        "labels",
        "annotations",
        "finalizers",
        "spec",
        "template",
        "containers",
        "name",
        "env",
        "value",
        "ports",
        "containerPort",
        "replicas",
        "strategy",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$deleteFromPrimitiveList/finalizers",
        "c",
        "A",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["replace", "merge", "delete", "c", "A", "é", "\u{0}", "1"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(word.clone(), inner, 0..6).prop_map(|map| {
                Value::from(
                    map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<serde_json::Map<_, _>>(),
                )
            }),
        ]
    })
}

#[test]
fn patches() {
    let kinds = prop::sample::select(vec![
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    ]);
    let spec = "{\"metadata\":{\"name\":\"d\"},\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"spec\":{\"template\":\
                {\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":\"A\",\"$patch\":\"delete\"}]}]}}}}";
    let changed = prop::collection::vec(mutation(), 0..6)
        .prop_map(move |mutations| mutated(spec.as_bytes().to_vec(), &mutations));
    let bodies = prop_oneof![bytes(), changed, shape().prop_map(|value| value.to_string().into_bytes())];
    Subject::new().feed(&(kinds, bodies), |subject, (kind, body)| {
        subject.send(&Method::PATCH, &format!("{DEPLOYMENTS}/d?fieldManager=fuzz&force=true&dryRun=All"), kind, body)
    });
}

#[test]
fn json_patches() {
    let path = prop::sample::select(vec![
        "",
        "/",
        "/spec",
        "/spec/replicas",
        "/metadata/labels/a~1b",
        "/spec/template/spec/containers/0",
        "/spec/template/spec/containers/-",
        "/spec/template/spec/containers/99999999999999999999",
        "/metadata",
        "~2",
    ]);
    let name = prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test", "fly"]);
    let operation = (name, path.clone(), path, shape())
        .prop_map(|(name, path, from, value)| json!({"op": name, "path": path, "from": from, "value": value}));
    let bodies = prop_oneof![
        prop::collection::vec(operation, 0..6).prop_map(|list| Value::from(list).to_string().into_bytes()),
        bytes(),
    ];
    Subject::new().feed(&bodies, |subject, body| {
        subject.send(&Method::PATCH, &format!("{DEPLOYMENTS}/d?dryRun=All"), "application/json-patch+json", body)
    });
}

#[test]
fn objects() {
    let kinds = prop::sample::select(vec!["application/json", "application/yaml"]);
    let path = prop::sample::select(vec![
        "/api/v1/namespaces/default/pods",
        DEPLOYMENTS,
        "/api/v1/namespaces/default/services",
        "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
        "/api/v1/namespaces/default/limitranges",
    ]);
    let bodies = prop_oneof![bytes(), shape().prop_map(|value| value.to_string().into_bytes())];
    Subject::new().feed(&(kinds, path, bodies), |subject, (kind, path, body)| {
        subject.send(&Method::POST, &format!("{path}?dryRun=All"), kind, body)
    });
}
