//! What a token says, and when it is believed.
//!
//! The claims are those of `pkg/serviceaccount/claims.go`, and of `legacy.go` for tokens that a Secret holds.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::Version;
use crate::api::{Api, Caller};
use crate::fields::{is_deleted, list, name, namespace, text, uid};
use crate::rbac::rule::quoted;
use crate::resources::{NODES, PODS, SECRETS, SERVICE_ACCOUNTS};
use crate::store::Object;

use super::ISSUER;

/// The lifetime that kubelets ask for in seconds; such tokens are good for a year, so that old clients that never
/// read the file again do not fail.
const EXTENDED: i64 = 3607;
/// That year, in seconds.
const YEAR: i64 = 365 * 24 * 60 * 60;
/// How far clocks may differ.
const LEEWAY: i64 = 10;

/// What a token is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// For whom it is; empty for the API server.
    pub(crate) audiences: Vec<String>,
    /// For how long, in seconds.
    pub(crate) seconds: i64,
    /// The Pod or the Secret whose end is the token's end.
    pub(crate) bound: Option<Object>,
}

/// A new token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The token.
    pub(crate) text: String,
    /// Until when it is good, as its owner is told.
    pub(crate) expires: Timestamp,
}

/// Issues a token for an account; `None` if it cannot be signed.
pub(crate) fn issue(api: &Api, account: &Value, wanted: &Wanted) -> Option<Token> {
    let now = api.clock().now();
    let space = namespace(account);
    let mut claims = json!({
        "iss": ISSUER, "sub": format!("system:serviceaccount:{space}:{}", name(account)),
        "iat": now.as_second(), "nbf": now.as_second(),
        "kubernetes.io": {"namespace": space, "serviceaccount": {"name": name(account), "uid": uid(account)}},
    });
    let is_default = wanted.audiences.is_empty() || wanted.audiences == [ISSUER];
    claims["aud"] = if is_default { json!([ISSUER]) } else { json!(wanted.audiences) };
    let expires = now.as_second().saturating_add(wanted.seconds);
    let is_extended = is_default && wanted.seconds == EXTENDED && api.version() != Version::V1_20;
    if is_extended {
        claims["kubernetes.io"]["warnafter"] = expires.into();
    }
    claims["exp"] = if is_extended { now.as_second().saturating_add(YEAR) } else { expires }.into();
    let is_new = api.version() == Version::V1_34;
    if is_new {
        claims["jti"] = uuid::Uuid::new_v4().to_string().into();
    }
    if let Some(bound) = &wanted.bound {
        let kind = text(bound, "/kind").to_ascii_lowercase();
        claims["kubernetes.io"][kind] = json!({"name": name(bound), "uid": uid(bound)});
        let node = text(bound, "/spec/nodeName");
        if is_new && let Ok(node) = api.get(&NODES, "", node) {
            claims["kubernetes.io"]["node"] = json!({"name": name(&node), "uid": uid(&node)});
        }
    }
    let expires = Timestamp::from_second(expires).unwrap_or(now);
    Some(Token { text: api.tokens()?.sign(&claims)?, expires })
}

/// Issues the token that a Secret holds, which never expires.
pub(crate) fn issue_for_secret(api: &Api, account: &Value, secret: &str) -> Option<String> {
    let (space, account_name) = (namespace(account), name(account));
    api.tokens()?.sign(&json!({
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": space,
        "kubernetes.io/serviceaccount/secret.name": secret,
        "kubernetes.io/serviceaccount/service-account.name": account_name,
        "kubernetes.io/serviceaccount/service-account.uid": uid(account),
        "sub": format!("system:serviceaccount:{space}:{account_name}"),
    }))
}

/// What is said of a token that is none of ours.
pub(crate) const UNKNOWN: &str = "invalid bearer token";

/// Who a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// The account.
    pub(crate) caller: Caller,
    /// For whom the token is, of those asked about.
    pub(crate) audiences: Vec<String>,
}

/// Returns who a token speaks for, or why for nobody. `audiences` are those of whom it may be meant; none means
/// the API server.
pub(crate) fn bearer(api: &Api, token: &str, audiences: &[String]) -> Result<Bearer, String> {
    let claims = api.tokens().and_then(|issuer| issuer.verify(token)).ok_or(UNKNOWN)?;
    let own = [ISSUER.to_owned()];
    let asked = if audiences.is_empty() { &own[..] } else { audiences };
    if claims["iss"] == ISSUER { bound(api, &claims, asked) } else { legacy(api, token, &claims, asked) }
}

fn bound(api: &Api, claims: &Value, asked: &[String]) -> Result<Bearer, String> {
    let now = api.clock().now();
    let time = |field: &str| claims[field].as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let leeway = SignedDuration::from_secs(LEEWAY);
    if time("exp").is_none_or(|expires| now > expires + leeway) {
        return Err("token has expired".to_owned());
    }
    if time("nbf").is_none_or(|begins| now + leeway < begins) {
        return Err("token is not valid yet".to_owned());
    }
    let audiences: Vec<String> = list(claims, "/aud")
        .iter()
        .filter_map(Value::as_str)
        .filter(|audience| asked.iter().any(|other| other == audience))
        .map(str::to_owned)
        .collect();
    if audiences.is_empty() {
        let own: Vec<String> = list(claims, "/aud").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        return Err(not_meant(&own, asked));
    }
    let private = &claims["kubernetes.io"];
    let space = text(private, "/namespace");
    let account = (text(private, "/serviceaccount/name"), text(private, "/serviceaccount/uid"));
    if !is_there(api, &SERVICE_ACCOUNTS, space, account) {
        return Err("service account has been deleted".to_owned());
    }
    let mut caller = Caller::account(space, account.0, account.1);
    let mut note = |key: &str, value: &str| {
        caller.extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value.to_owned()]);
    };
    for (resource, kind) in [(&PODS, "pod"), (&SECRETS, "secret")] {
        let Some(object) = private.get(kind) else { continue };
        let bound = (text(object, "/name"), text(object, "/uid"));
        if !is_there(api, resource, space, bound) {
            return Err("the object that the token is bound to has been deleted".to_owned());
        }
        if kind == "pod" {
            note("pod-name", bound.0);
            note("pod-uid", bound.1);
        }
    }
    if let Some(id) = claims["jti"].as_str() {
        note("credential-id", &format!("JTI={id}"));
    }
    if let Some(node) = private.get("node") {
        note("node-name", text(node, "/name"));
        note("node-uid", text(node, "/uid"));
    }
    Ok(Bearer { caller, audiences })
}

fn legacy(api: &Api, token: &str, claims: &Value, asked: &[String]) -> Result<Bearer, String> {
    let field = |name: &str| claims[format!("kubernetes.io/serviceaccount/{name}")].as_str().unwrap_or_default();
    let space = field("namespace");
    let account = (field("service-account.name"), field("service-account.uid"));
    let secret = api.get(&SECRETS, space, field("secret.name")).map_err(|_| "Token has been invalidated")?;
    let kept = crate::fields::text(&secret, "/data/token");
    if is_deleted(&secret) || kept != base64::Engine::encode(&base64::prelude::BASE64_STANDARD, token) {
        return Err("Token does not match server's copy".to_owned());
    }
    if !is_there(api, &SERVICE_ACCOUNTS, space, account) {
        return Err("service account has been deleted".to_owned());
    }
    // Such tokens are for the API server, and for nobody else.
    if !asked.iter().any(|audience| audience == ISSUER) {
        return Err(not_meant(&[ISSUER.to_owned()], asked));
    }
    Ok(Bearer { caller: Caller::account(space, account.0, account.1), audiences: vec![ISSUER.to_owned()] })
}

fn not_meant(own: &[String], asked: &[String]) -> String {
    format!("token audiences {} is invalid for the target audiences {}", quoted(own), quoted(asked))
}

/// Tells whether an object is still the one of that uid, or was deleted less than a minute ago: what is on its way
/// out still needs its token.
fn is_there(api: &Api, resource: &crate::resources::Resource, space: &str, (name, wanted): (&str, &str)) -> bool {
    let Ok(found) = api.get(resource, space, name) else { return false };
    let since = text(&found, "/metadata/deletionTimestamp").parse::<Timestamp>();
    let is_gone = since.is_ok_and(|since| api.clock().now().duration_since(since) > SignedDuration::from_secs(60));
    uid(&found) == wanted && !is_gone
}
