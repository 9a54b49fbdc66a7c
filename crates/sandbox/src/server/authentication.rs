//! Who asks: a certificate, a token, or nobody in particular; and as whom, where somebody impersonates another.
//!
//! The order is that of the real server: a certificate goes before a token, a bad token is refused rather than
//! taken for nobody, and impersonation is itself something that one must be allowed to do
//! (`k8s.io/apiserver/pkg/endpoints/filters/impersonation.go`).

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};

use crate::api::{Api, Caller, Status};
use crate::manifest::flags::Anonymous;
use crate::rbac::Decision;
use crate::rbac::attributes::{Attributes, ResourceAttributes};
use crate::tokens::claims;

/// The WebSocket protocol by which browsers bring a token.
const TOKEN_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";
/// Where the accounts' names begin.
const ACCOUNT: &str = "system:serviceaccount:";

/// Returns who asks: whom the connection's certificate names, else whom the token speaks for.
pub(super) fn authenticate(api: &Api, certified: &Caller, headers: &HeaderMap) -> Result<Caller, Status> {
    if certified.is_authenticated() {
        return Ok(certified.clone());
    }
    match token(headers) {
        Some(token) => match claims::bearer(api, &token, &[]) {
            Ok(bearer) => Ok(bearer.caller),
            Err(reason) => {
                tracing::debug!(reason, "refused a token");
                Err(Status::unauthorized())
            }
        },
        None => match api.access().anonymous {
            Anonymous::Accepted => Ok(Caller::anonymous()),
            Anonymous::Refused => Err(Status::unauthorized()),
        },
    }
}

fn token(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some((scheme, token)) = text.trim().split_once(' ')
        && scheme.eq_ignore_ascii_case("bearer")
        && !token.trim().is_empty()
    {
        return Some(token.trim().to_owned());
    }
    let protocols = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let encoded =
        protocols.flat_map(|value| value.split(',')).find_map(|name| name.trim().strip_prefix(TOKEN_PROTOCOL));
    let bytes =
        base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, encoded?.trim_end_matches('=')).ok()?;
    String::from_utf8(bytes).ok()
}

/// Returns as whom somebody asks, or why they may not.
pub(super) fn impersonate(api: &Api, caller: Caller, headers: &HeaderMap) -> Result<Caller, Status> {
    let texts = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
    };
    let user = texts("impersonate-user").into_iter().next().unwrap_or_default();
    let groups = texts("impersonate-group");
    let uid = texts("impersonate-uid").into_iter().next().unwrap_or_default();
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        if let (Some(key), Ok(value)) = (name.as_str().strip_prefix("impersonate-extra-"), value.to_str()) {
            extra.entry(super::route::decode(key)).or_default().push(value.to_owned());
        }
    }
    if user.is_empty() {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(caller);
        }
        return Err(Status::internal(
            "an impersonated group, uid or extra value was requested without impersonating a user",
        ));
    }
    let mut wanted = vec![match account_of(&user) {
        Some((namespace, name)) => thing("", "serviceaccounts", "", namespace, name),
        None => thing("", "users", "", "", &user),
    }];
    wanted.extend(groups.iter().map(|group| thing("", "groups", "", "", group)));
    for (key, values) in &extra {
        wanted.extend(values.iter().map(|value| thing("authentication.k8s.io", "userextras", key, "", value)));
    }
    if !uid.is_empty() {
        wanted.push(thing("authentication.k8s.io", "uids", "", "", &uid));
    }
    for wanted in wanted {
        if let Decision::Denied { reason } = api.authorize(&caller, &wanted) {
            let status = wanted.forbidden(&caller.user, &reason);
            api.record_refusal(&caller, &wanted, &status);
            return Err(status);
        }
    }
    Ok(Caller { groups: with_implied(&user, groups), user, uid, extra, impersonator: caller.user, ..Caller::default() })
}

/// Adds the groups that come with a name.
fn with_implied(user: &str, given: Vec<String>) -> Vec<String> {
    let mut groups = given;
    if groups.is_empty()
        && let Some((namespace, _)) = account_of(user)
    {
        groups.extend(["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]);
    }
    let says_which = groups.iter().any(|group| group == Caller::AUTHENTICATED || group == Caller::UNAUTHENTICATED);
    if !says_which {
        let implied = if user == Caller::ANONYMOUS { Caller::UNAUTHENTICATED } else { Caller::AUTHENTICATED };
        groups.push(implied.to_owned());
    }
    groups
}

/// Returns the Namespace and the name of a service account, if the user is one.
fn account_of(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix(ACCOUNT)?
        .split_once(':')
        .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty() && !name.contains(':'))
}

fn thing(group: &str, plural: &str, subresource: &str, namespace: &str, name: &str) -> Attributes {
    Attributes::Resource(ResourceAttributes {
        verb: "impersonate".to_owned(),
        group: group.to_owned(),
        version: "v1".to_owned(),
        namespace: namespace.to_owned(),
        resource: plural.to_owned(),
        subresource: subresource.to_owned(),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_bring_their_groups() {
        let groups =
            |user: &str, given: &[&str]| with_implied(user, given.iter().map(|&group| group.to_owned()).collect());
        assert_eq!(groups("bob", &[]), ["system:authenticated"]);
        assert_eq!(groups("bob", &["g"]), ["g", "system:authenticated"]);
        assert_eq!(groups("system:anonymous", &[]), ["system:unauthenticated"]);
        assert_eq!(
            groups("system:serviceaccount:a:b", &[]),
            ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"]
        );
        assert_eq!(groups("system:serviceaccount:a:b", &["g"]), ["g", "system:authenticated"]);
    }

    #[test]
    fn tokens_are_found_where_clients_put_them() {
        let of = |name: &'static str, value: &'static str| {
            token(&HeaderMap::from_iter([(http::HeaderName::from_static(name), http::HeaderValue::from_static(value))]))
        };
        assert_eq!(of("authorization", "Bearer a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(of("authorization", "Basic a"), None);
        let protocols = "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.YS5iLmM";
        assert_eq!(of("sec-websocket-protocol", protocols).as_deref(), Some("a.b.c"));
    }
}
