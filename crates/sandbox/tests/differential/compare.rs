//! When two answers are the same: all but what no two clusters share.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

/// Fields whose values are of one cluster and one moment; that they are there is compared.
const OWN: [&str; 25] = [
    "ca.crt",
    "clusterIP",
    "containerID",
    "completionTime",
    "creationTimestamp",
    "deletionTimestamp",
    "finishedAt",
    "hostIP",
    "image",
    "imageID",
    "ip",
    "lastProbeTime",
    "lastScheduleTime",
    "lastTransitionTime",
    "lastUpdateTime",
    "nodeName",
    "nodePort",
    "pod-template-hash",
    "podIP",
    "resourceVersion",
    "startTime",
    "startedAt",
    "controller-uid",
    "controller-revision-hash",
    "uid",
];

/// Texts of the recording and what they are called now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs(BTreeMap<String, String>);

impl Pairs {
    /// Replaces what was learned: versions and ids, as whole words.
    pub(crate) fn in_text(&self, text: &str) -> String {
        static WORDS: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r#"(resourceVersion(?:=|":"))(\d+)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"#)
                .expect("a fixed pattern")
        });
        let renamed = |found: &regex::Captures<'_>| match (found.get(1), found.get(2)) {
            (Some(before), Some(version)) => {
                let version = version.as_str();
                format!("{}{}", before.as_str(), self.0.get(version).map_or(version, String::as_str))
            }
            _ => self.0.get(&found[0]).map_or(&found[0], String::as_str).to_owned(),
        };
        WORDS.replace_all(text, renamed).into_owned()
    }
}

/// Collects where two answers differ, as JSON pointers, and learns how the same things are called in both.
pub(crate) fn differences(wanted: &Value, found: &Value, pairs: &mut Pairs, out: &mut Vec<(String, String)>) {
    walk(wanted, found, "", pairs, out);
}

fn walk(wanted: &Value, found: &Value, at: &str, pairs: &mut Pairs, out: &mut Vec<(String, String)>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            let generated = wanted.contains_key("generateName") && found.contains_key("generateName");
            let mut keys: Vec<&String> = wanted.keys().chain(found.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys.into_iter().filter(|key| *key != "managedFields") {
                let place = format!("{at}/{}", key.replace('/', "~1"));
                match (wanted.get(key), found.get(key)) {
                    (Some(Value::String(wanted)), Some(Value::String(found)))
                        if OWN.contains(&key.as_str()) && wanted.is_empty() == found.is_empty() =>
                    {
                        // An address that is no address is a choice.
                        if (wanted == "None") != (found == "None") {
                            out.push((place, format!("{wanted:?} → {found:?}")));
                        }
                        pairs.0.insert(wanted.clone(), found.clone());
                    }
                    (Some(Value::Number(_)), Some(Value::Number(_))) if OWN.contains(&key.as_str()) => {}
                    (Some(Value::String(_)), Some(Value::String(_))) if generated && key == "name" => {}
                    // What goes on is compared by its essence, where the scenario has waited for it.
                    (wanted, found) if key == "status" && [wanted, found].iter().any(|side| is_state(*side)) => {}
                    (Some(wanted), Some(found)) => walk(wanted, found, &place, pairs, out),
                    (Some(wanted), None) => out.push((place, format!("{} → nothing", brief(wanted)))),
                    (None, Some(found)) => out.push((place, format!("nothing → {}", brief(found)))),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let (wanted, found) = (ordered(wanted), ordered(found));
            for (index, (wanted, found)) in wanted.into_iter().zip(found).enumerate() {
                walk(wanted, found, &format!("{at}/{index}"), pairs, out);
            }
        }
        (Value::String(wanted), Value::String(found)) => {
            let (plain, other) = (plain(wanted), plain(found));
            if plain != other {
                out.push((at.to_owned(), format!("{plain:?} → {other:?}")));
            }
        }
        _ if wanted == found => {}
        _ => out.push((at.to_owned(), format!("{} → {}", brief(wanted), brief(found)))),
    }
}

/// Tells whether this is the status of an object, with something in it.
fn is_state(side: Option<&Value>) -> bool {
    side.and_then(Value::as_object).is_some_and(|map| !map.is_empty())
}

/// Conditions come in no particular order.
fn ordered(items: &[Value]) -> Vec<&Value> {
    let mut items: Vec<&Value> = items.iter().collect();
    if items.iter().all(|item| item["type"].is_string() && item["status"].is_string()) {
        items.sort_by_key(|item| item["type"].as_str().map(str::to_owned));
    }
    items
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 160 { text } else { format!("{}…", text.chars().take(160).collect::<String>()) }
}

/// A text without what is of one cluster and one moment.
fn plain(text: &str) -> String {
    static OWN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let own = |pattern: &str, word| (Regex::new(pattern).expect("a fixed pattern"), word);
        vec![
            own(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uid>"),
            own(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
            own(r"\b\d+\.\d+\.\d+\.\d+\b", "<address>"),
            own(r"-[bcdfghjklmnpqrstvwxz2456789]{8,10}\b", "-<hash>"),
            own(r"-<hash>-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-<hash>-<id>"),
            own(r"-token-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-token-<id>"),
            own(r"^(\d+[smhd])+$", "<age>"),
            own(r#""resourceVersion": ?"\d+""#, "<version>"),
        ]
    });
    OWN.iter().fold(text.to_owned(), |text, (pattern, word)| pattern.replace_all(&text, *word).into_owned())
}

/// What a watcher waits for: phase, conditions, numbers of Pods.
pub(crate) fn essence(object: &Value) -> Value {
    let status = &object["status"];
    let conditions: BTreeMap<&str, &Value> = status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|condition| Some((condition["type"].as_str()?, &condition["status"])))
        .collect();
    let numbers = ["replicas", "readyReplicas", "updatedReplicas", "availableReplicas", "succeeded", "failed"];
    let numbers: Vec<&Value> = numbers.iter().map(|name| &status[name]).collect();
    json!([status["phase"], conditions, numbers, status["hard"], status["used"]])
}
