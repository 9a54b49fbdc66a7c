//! The sandbox beside a real Kubernetes 1.20: what `cargo xtask record` wrote down is asked again, request by request,
//! and each answer has to be the same but for what no two clusters share (times, ids, addresses, hashes).
//!
//! What may differ stands in `differential/accepted.txt` with its reason; an entry that no longer applies fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::body::Body;
use futures::StreamExt as _;
use http::Request;
use http_body_util::BodyExt as _;
use sandbox::{Options, Pace, Sandbox, Version};
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt as _;

#[path = "differential/compare.rs"]
mod compare;

use compare::{Pairs, differences, essence};

/// How long a state that the real cluster reached is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential")
}

/// A difference that is known, and why it is left.
struct Accepted {
    scenario: String,
    place: String,
    line: usize,
}

impl Accepted {
    /// Reads lines `scenario place  reason`; `*` stands for any scenario, and for any part of a place.
    fn read() -> Vec<Accepted> {
        let text = std::fs::read_to_string(folder().join("accepted.txt")).unwrap();
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|(number, line)| {
                let mut words = line.splitn(3, ' ');
                let mut word = || words.next().unwrap_or_else(|| panic!("line {}: no reason", number + 1)).to_owned();
                let accepted = Accepted { scenario: word(), place: word(), line: number + 1 };
                assert!(word().trim().len() > 10, "line {}: no reason", accepted.line);
                accepted
            })
            .collect()
    }

    fn covers(&self, scenario: &str, place: &str) -> bool {
        (self.scenario == "*" || self.scenario == scenario) && fits(&self.place, place)
    }
}

/// Tells whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| fits(rest, &text[at..]))
        }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_answers_as_a_real_cluster_did() {
    let mut recordings: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    recordings.sort();
    assert!(recordings.len() >= 40, "only {} recordings", recordings.len());
    let accepted = Accepted::read();
    let mut applied = vec![false; accepted.len()];
    let mut unknown = Vec::new();
    for path in recordings {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let recording: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for (place, said) in replay(&recording).await {
            let covering = accepted.iter().position(|accepted| accepted.covers(&name, &place));
            match covering {
                Some(index) => applied[index] = true,
                None => unknown.push(format!("{name} {place}  {said}")),
            }
        }
    }
    for (accepted, _) in accepted.iter().zip(&applied).filter(|(_, applied)| !**applied) {
        unknown.push(format!("accepted.txt, line {}: this difference is gone", accepted.line));
    }
    assert!(unknown.is_empty(), "{} differences:\n{}", unknown.len(), unknown.join("\n"));
}

/// Asks again what was asked; returns where the answers differ, and how.
async fn replay(recording: &Value) -> BTreeMap<String, String> {
    let options = Options { version: Version::V1_20, state: None, address: None, pace: Pace::Fast };
    let sandbox = Sandbox::start(options).await.unwrap();
    let namespace = recording["namespace"].as_str().unwrap();
    let made = json!({"method": "POST", "path": "/api/v1/namespaces", "type": "application/json",
        "body": {"metadata": {"name": namespace}}});
    assert_eq!(ask(&sandbox, &made, &Pairs::default()).await.0, 201);
    let account = json!({"method": "GET", "path": format!("/api/v1/namespaces/{namespace}/serviceaccounts/default")});
    let begin = Instant::now();
    loop {
        let (code, object) = ask(&sandbox, &account, &Pairs::default()).await;
        if code == 200 && object["secrets"][0].is_object() {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "no ServiceAccount with a token: {object}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (mut found, mut pairs) = (BTreeMap::new(), Pairs::default());
    for (number, command) in recording["commands"].as_array().unwrap().iter().enumerate() {
        for exchange in command["exchanges"].as_array().unwrap() {
            let path = exchange["path"].as_str().unwrap().split('?').next().unwrap();
            let short = path.rsplit('/').take(2).collect::<Vec<_>>();
            let short = short.into_iter().rev().collect::<Vec<_>>().join("/");
            let place = format!("{}:{}:{short}", number + 1, exchange["method"].as_str().unwrap());
            if exchange["path"].as_str().unwrap().contains("watch=") {
                if let Some(said) = follow(&sandbox, exchange, &pairs).await {
                    found.insert(format!("{place}#watch"), said);
                }
                continue;
            }
            let begin = Instant::now();
            // What was read of a real cluster is a moment of something that goes on.
            let settled = loop {
                let (code, answer) = ask(&sandbox, exchange, &pairs).await;
                let (mut new, mut learned) = (Vec::new(), pairs.clone());
                if exchange["code"] == code {
                    differences(&exchange["answer"], &answer, &mut learned, &mut new);
                    let (wanted, found) = (essence(&exchange["answer"]), essence(&answer));
                    if command["command"].as_str().unwrap().contains(".status") && wanted != found {
                        new.push(("#status".to_owned(), format!("{wanted} → {found}")));
                    }
                } else {
                    let said = |code: &Value, answer: &Value| format!("{code} {}", answer["message"]);
                    let (wanted, found) = (said(&exchange["code"], &exchange["answer"]), said(&code.into(), &answer));
                    new.push(("#code".to_owned(), format!("{wanted} → {found}")));
                }
                let is_read = exchange["method"] == "GET";
                if new.is_empty() || !is_read || begin.elapsed() > Duration::from_secs(2) {
                    pairs = learned;
                    break new;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            for (pointer, said) in settled {
                found.insert(format!("{place}{pointer}"), said);
            }
        }
    }
    sandbox.stop().await;
    found
}

fn request(exchange: &Value, pairs: &Pairs) -> Request<Body> {
    let text = |name: &str| exchange[name].as_str().unwrap_or_default().to_owned();
    let mut request = Request::builder().method(text("method").as_str()).uri(pairs.in_text(&text("path")));
    for (header, value) in [("accept", text("accept")), ("content-type", text("type"))] {
        if !value.is_empty() {
            request = request.header(header, value);
        }
    }
    for header in exchange["as"].as_array().into_iter().flatten() {
        request = request.header(header[0].as_str().unwrap(), header[1].as_str().unwrap());
    }
    let body = match &exchange["body"] {
        Value::Null => String::new(),
        Value::String(text) => pairs.in_text(text),
        other => pairs.in_text(&other.to_string()),
    };
    request.body(Body::from(body)).unwrap()
}

async fn ask(sandbox: &Sandbox, exchange: &Value, pairs: &Pairs) -> (u16, Value) {
    let response = sandbox.service().oneshot(request(exchange, pairs)).await.unwrap();
    let code = response.status().as_u16();
    let bytes = timeout(PATIENCE, response.into_body().collect()).await.unwrap().unwrap().to_bytes();
    let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
    (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
}

/// Watches until what the real cluster came to is there; says what was missed.
async fn follow(sandbox: &Sandbox, exchange: &Value, pairs: &Pairs) -> Option<String> {
    let wanted = exchange["answer"].as_array()?.iter().rfind(|event| event["type"] != "BOOKMARK")?;
    let wanted = (wanted["type"].clone(), essence(&wanted["object"]));
    let response = sandbox.service().oneshot(request(exchange, pairs)).await.unwrap();
    let mut body = response.into_body().into_data_stream();
    let mut last = String::from("nothing");
    let search = async {
        while let Some(Ok(chunk)) = body.next().await {
            for event in serde_json::Deserializer::from_slice(&chunk).into_iter::<Value>().map_while(Result::ok) {
                let seen = (event["type"].clone(), essence(&event["object"]));
                if seen == wanted {
                    return true;
                }
                last = format!("{seen:?}");
            }
        }
        false
    };
    match timeout(PATIENCE, search).await {
        Ok(true) => None,
        Ok(false) | Err(_) => Some(format!("{wanted:?} → {last}")),
    }
}
