//! The files that a Pod finds in a volume whose content comes from the API: a projected volume with the token of its
//! account, a Secret, a ConfigMap, facts about the Pod itself.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::api::Api;
use crate::fields::{entries, is_true, list, namespace, number, text};
use crate::resources::{CONFIG_MAPS, Resource, SECRETS, SERVICE_ACCOUNTS};
use crate::store::Object;

use super::claims::{self, Wanted};

/// How long a projected token is good if its volume does not say, in seconds.
const LIFETIME: i64 = 3600;
/// The mode of a file if nobody says.
const MODE: u32 = 0o644;

/// One file of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Its path within the volume.
    pub(crate) path: String,
    /// Its content.
    pub(crate) content: Vec<u8>,
    /// Its mode.
    pub(crate) mode: u32,
}

/// Why a volume cannot be mounted: the sentence of the kubelet's event, after `MountVolume.SetUp failed for volume
/// "…" : `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missing {
    /// What is named is not there.
    #[error("{kind} {name:?} not found")]
    Object {
        /// `secret` or `configmap`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A key is not there.
    #[error("references non-existent {kind} key: {key}")]
    Key {
        /// `secret` or `config`.
        kind: &'static str,
        /// The key.
        key: String,
    },
    /// The account of the Pod is not there.
    #[error("failed to fetch token: serviceaccounts {0:?} not found")]
    Account(String),
}

/// Returns the files of a Pod's volume; `None` for a volume whose content does not come from the API.
pub(crate) fn files(api: &Api, pod: &Object, volume: &Value) -> Option<Result<Vec<File>, Missing>> {
    if let Some(projected) = volume.get("projected") {
        let mode = mode(projected, "/defaultMode").unwrap_or(MODE);
        let sources = list(projected, "/sources").iter().map(|source| from_source(api, pod, source, mode));
        return Some(sources.collect::<Result<Vec<_>, _>>().map(|files| files.concat()));
    }
    let source = ["secret", "configMap", "downwardAPI"].into_iter().find_map(|kind| volume.get(kind))?;
    let mode = mode(source, "/defaultMode").unwrap_or(MODE);
    Some(from_source(api, pod, volume, mode))
}

fn from_source(api: &Api, pod: &Object, source: &Value, mode: u32) -> Result<Vec<File>, Missing> {
    if let Some(wanted) = source.get("serviceAccountToken") {
        let content = token(api, pod, wanted)?.into_bytes();
        // Only its owner reads a token, unless the Pod has another group (`projected.go`).
        return Ok(vec![File { path: text(wanted, "/path").to_owned(), content, mode }]);
    }
    if let Some(wanted) = source.get("configMap") {
        return object(api, &CONFIG_MAPS, pod, (wanted, text(wanted, "/name")), mode);
    }
    if let Some(wanted) = source.get("secret") {
        // A volume says `secretName`, a source of a projected one `name`.
        let name = [text(wanted, "/secretName"), text(wanted, "/name")].concat();
        return object(api, &SECRETS, pod, (wanted, &name), mode);
    }
    let items = list(source, "/downwardAPI/items").iter();
    Ok(items
        .map(|item| File {
            path: text(item, "/path").to_owned(),
            content: fact(pod, text(item, "/fieldRef/fieldPath")).into_bytes(),
            mode: self::mode(item, "/mode").unwrap_or(mode),
        })
        .collect())
}

/// Returns the token that a `serviceAccountToken` source asks for, bound to the Pod.
fn token(api: &Api, pod: &Object, source: &Value) -> Result<String, Missing> {
    let account = match text(pod, "/spec/serviceAccountName") {
        "" => "default",
        account => account,
    };
    let missing = || Missing::Account(account.to_owned());
    let account = api.get(&SERVICE_ACCOUNTS, namespace(pod), account).map_err(|_| missing())?;
    let audience = text(source, "/audience");
    let wanted = Wanted {
        audiences: if audience.is_empty() { Vec::new() } else { vec![audience.to_owned()] },
        seconds: number(source, "/expirationSeconds").unwrap_or(LIFETIME),
        bound: Some(Object::clone(pod)),
    };
    claims::issue(api, &account, &wanted).map(|token| token.text).ok_or_else(missing)
}

/// Returns the files of a Secret or a ConfigMap: all of its keys, or those that the source lists.
fn object(
    api: &Api,
    resource: &'static Resource,
    pod: &Object,
    (source, name): (&Value, &str),
    mode: u32,
) -> Result<Vec<File>, Missing> {
    let is_optional = is_true(source, "/optional");
    let (kind, short) = if *resource == SECRETS { ("secret", "secret") } else { ("configmap", "config") };
    let Ok(found) = api.get(resource, namespace(pod), name) else {
        let missing = Missing::Object { kind, name: name.to_owned() };
        return if is_optional { Ok(Vec::new()) } else { Err(missing) };
    };
    let is_encoded = |part: &str| *resource == SECRETS || part == "binaryData";
    let mut contents: Vec<(String, Vec<u8>)> = Vec::new();
    for part in ["data", "binaryData"] {
        for (key, value) in entries(&found, &format!("/{part}")) {
            let value = value.as_str().unwrap_or_default();
            let bytes = if is_encoded(part) { BASE64_STANDARD.decode(value).ok() } else { Some(value.into()) };
            contents.extend(bytes.map(|bytes| (key.clone(), bytes)));
        }
    }
    let items = list(source, "/items");
    if items.is_empty() {
        return Ok(contents.into_iter().map(|(path, content)| File { path, content, mode }).collect());
    }
    let mut files = Vec::new();
    for item in items {
        let key = text(item, "/key");
        match contents.iter().find(|(other, _)| other == key) {
            Some((_, content)) => files.push(File {
                path: text(item, "/path").to_owned(),
                content: content.clone(),
                mode: self::mode(item, "/mode").unwrap_or(mode),
            }),
            None if is_optional => {}
            None => return Err(Missing::Key { kind: short, key: key.to_owned() }),
        }
    }
    Ok(files)
}

/// Returns a field of the Pod as a file shows it: a text, or a map as `key="value"` lines
/// (`pkg/fieldpath.FormatMap`).
fn fact(pod: &Value, path: &str) -> String {
    let map = |part: &str| {
        entries(pod, &format!("/metadata/{part}"))
            .map(|(key, value)| format!("{key}={:?}", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join("\n")
    };
    match path {
        "metadata.labels" => map("labels"),
        "metadata.annotations" => map("annotations"),
        _ => match path.split_once("['") {
            Some((part, key)) => {
                let part = part.strip_prefix("metadata.").unwrap_or_default();
                pod["metadata"][part][key.trim_end_matches("']")].as_str().unwrap_or_default().to_owned()
            }
            None => text(pod, &format!("/{}", path.replace('.', "/"))).to_owned(),
        },
    }
}

fn mode(value: &Value, pointer: &str) -> Option<u32> {
    number(value, pointer).and_then(|mode| u32::try_from(mode & 0o777).ok())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::Version;
    use crate::api::{Caller, WriteOptions};
    use crate::clock::Clock;

    fn api() -> Api {
        let api = Api::new(Clock::starting_at(jiff::Timestamp::now()), Version::V1_34, Vec::new());
        for (resource, object) in [
            (&SERVICE_ACCOUNTS, json!({"metadata": {"name": "app"}})),
            (&CONFIG_MAPS, json!({"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": "PEM", "other": "x"}})),
            (&SECRETS, json!({"metadata": {"name": "s"}, "data": {"key": "dmFsdWU="}})),
        ] {
            api.create(&Caller::admin(), resource, "default", object, &WriteOptions::default()).unwrap();
        }
        api
    }

    fn pod() -> Object {
        Arc::new(json!({
            "kind": "Pod", "metadata": {"name": "p", "namespace": "default", "uid": "u", "labels": {"app": "web"}},
            "spec": {"serviceAccountName": "app", "nodeName": "node1"},
        }))
    }

    fn shown(files: &[File]) -> String {
        let shown = |file: &File| format!("{}={}", file.path, String::from_utf8_lossy(&file.content));
        files.iter().map(shown).collect::<Vec<_>>().join(";")
    }

    #[test]
    fn a_pod_finds_its_token_the_authority_and_its_namespace() {
        let field = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
        let sources = json!([
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
        ]);
        let (api, pod) = (api(), pod());
        let volume = json!({"name": "v", "projected": {"defaultMode": 420, "sources": sources}});
        let files = files(&api, &pod, &volume).unwrap().unwrap();
        let names: Vec<(&str, u32)> = files.iter().map(|file| (file.path.as_str(), file.mode)).collect();
        assert_eq!(names, [("token", 0o644), ("ca.crt", 0o644), ("namespace", 0o644)]);
        assert_eq!((&*files[1].content, &*files[2].content), (&b"PEM"[..], &b"default"[..]));
        let claims = api.tokens().unwrap().verify(str::from_utf8(&files[0].content).unwrap()).unwrap();
        assert_eq!(claims["kubernetes.io"]["pod"], json!({"name": "p", "uid": "u"}));
        // Kubelets ask for an hour, and get a year: see the API server's extended tokens.
        assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() > 360 * 86_400);
    }

    #[test]
    fn other_volumes_come_from_their_objects() {
        let (api, pod) = (api(), pod());
        let of = |volume: Value| files(&api, &pod, &volume).map(|files| files.map(|files| shown(&files)));
        assert_eq!(of(json!({"secret": {"secretName": "s"}})), Some(Ok("key=value".to_owned())));
        assert_eq!(of(json!({"configMap": {"name": "none", "optional": true}})), Some(Ok(String::new())));
        assert_eq!(
            of(json!({"configMap": {"name": "none"}})).unwrap().unwrap_err().to_string(),
            "configmap \"none\" not found"
        );
        let labels = json!({"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]});
        assert_eq!(of(json!({"downwardAPI": labels})), Some(Ok("l=app=\"web\"".to_owned())));
        assert_eq!(of(json!({"emptyDir": {}})), None);
    }
}
