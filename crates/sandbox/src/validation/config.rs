//! ConfigMaps and Secrets.

use serde_json::{Value, json};

use crate::Version;
use crate::api::Cause;
use crate::fields::{entries, is_true, text};

use super::Faults;

const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
    'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
/// How many bytes of content fit.
const LIMIT: usize = 1024 * 1024;

/// Checks a ConfigMap.
pub(super) fn config_map(object: &Value) -> Vec<Cause> {
    let mut faults = Faults::new(Version::V1_34);
    keys(&mut faults, object, "data");
    keys(&mut faults, object, "binaryData");
    faults.causes
}

/// Checks a Secret; its type never changes.
pub(super) fn secret(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut faults = Faults::new(Version::V1_34);
    keys(&mut faults, object, "data");
    let kind = text(object, "/type");
    let needed: &[&str] = match kind {
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        _ => &[],
    };
    for key in needed {
        if object["data"].get(key).is_none() {
            faults.required(&format!("data[{key}]"), "");
        }
    }
    let account = "kubernetes.io/service-account.name";
    if kind == crate::tokens::legacy::TYPE && object["metadata"]["annotations"].get(account).is_none() {
        faults.required(&format!("metadata.annotations[{account}]"), "");
    }
    if let Some(old) = old
        && text(old, "/type") != kind
    {
        faults.invalid("type", &json!(kind), "field is immutable");
    }
    if let Some(old) = old.filter(|old| is_true(old, "/immutable"))
        && old.get("data") != object.get("data")
    {
        faults.forbidden("data", "field is immutable when `immutable` is set");
    }
    faults.causes
}

fn keys(faults: &mut Faults, object: &Value, part: &str) {
    let mut size = 0;
    for (key, value) in entries(object, &format!("/{part}")) {
        let field = format!("{part}[{key}]");
        size += value.as_str().map_or(0, str::len);
        let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if key.len() > 253 {
            faults.invalid(&field, &json!(key), "must be no more than 253 characters");
        } else if !plain {
            faults.invalid(&field, &json!(key), KEY);
        } else if key == "." || key == ".." {
            faults.invalid(&field, &json!(key), &format!("must not be '{key}'"));
        }
    }
    if size > LIMIT {
        faults.causes.push(Cause {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {LIMIT} bytes"),
            field: part.to_owned(),
        });
    }
}
