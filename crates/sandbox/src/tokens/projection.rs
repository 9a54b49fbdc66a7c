//! The files that a Pod finds below `/var/run/secrets/kubernetes.io/serviceaccount`, and in every other volume that
//! projects a token.

#![expect(dead_code, reason = "the containers' file systems are about to use it")]

use serde_json::Value;

use crate::api::Api;
use crate::fields::{list, name, namespace, number, text};
use crate::resources::SERVICE_ACCOUNTS;
use crate::store::Object;

use super::claims::{self, Wanted};

/// How long a projected token is good if its volume does not say, in seconds.
const LIFETIME: i64 = 3600;

/// Returns the token that a volume's `serviceAccountToken` source asks for, bound to the Pod; `None` if the
/// account is gone or is not for the Pod.
pub(crate) fn token(api: &Api, pod: &Object, source: &Value) -> Option<String> {
    let account = match text(pod, "/spec/serviceAccountName") {
        "" => "default",
        account => account,
    };
    let account = api.get(&SERVICE_ACCOUNTS, namespace(pod), account).ok()?;
    let audience = text(source, "/audience");
    let wanted = Wanted {
        audiences: if audience.is_empty() { Vec::new() } else { vec![audience.to_owned()] },
        seconds: number(source, "/expirationSeconds").unwrap_or(LIFETIME),
        bound: Some(Object::clone(pod)),
    };
    claims::issue(api, &account, &wanted).map(|token| token.text)
}

/// Returns the files of the account's tokens that a Pod's projected volume holds: path within the volume and
/// content. The other sources of the volume are not looked at.
pub(crate) fn files(api: &Api, pod: &Object, volume: &Value) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for source in list(volume, "/projected/sources") {
        let Some(source) = source.get("serviceAccountToken") else { continue };
        match token(api, pod, source) {
            Some(token) => files.push((text(source, "/path").to_owned(), token)),
            None => tracing::warn!(pod = name(pod), "no token for a Pod"),
        }
    }
    files
}
