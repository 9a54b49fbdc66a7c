//! What a request wants, as the authorizer sees it: a verb on a resource, or on a path.
//!
//! The parsing is that of `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`: it knows no table of
//! resources, since who may not ask is refused before anybody looks whether there is anything to ask for.

use http::Method;

use crate::api::{Details, Status};

/// What a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attributes {
    /// Something of the API's objects.
    Resource(ResourceAttributes),
    /// A path that is no object, such as `/version`.
    Path {
        /// The HTTP method in lower case.
        verb: String,
        /// The path.
        path: String,
    },
}

/// A verb on objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ResourceAttributes {
    /// Such as `list`.
    pub(crate) verb: String,
    /// The API group, empty for core.
    pub(crate) group: String,
    /// The version within the group.
    pub(crate) version: String,
    /// The Namespace, empty for all of them and for cluster-scoped objects.
    pub(crate) namespace: String,
    /// The plural.
    pub(crate) resource: String,
    /// The part, such as `log`, or empty.
    pub(crate) subresource: String,
    /// The object, or empty.
    pub(crate) name: String,
}

/// What the query of a list says about its attributes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish<'a> {
    /// Whether `watch` is set.
    pub(crate) watch: bool,
    /// The `fieldSelector`.
    pub(crate) field_selector: &'a str,
}

impl Attributes {
    /// Reads a request: its method, its path, the decoded segments of it, and its query.
    pub(crate) fn of(method: &Method, path: &str, segments: &[&str], wish: Wish<'_>) -> Attributes {
        let found = match segments {
            ["api", version, rest @ ..] if !rest.is_empty() => Some(("", *version, rest)),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => Some((*group, *version, rest)),
            _ => None,
        };
        match found {
            Some((group, version, rest)) => Attributes::Resource(resource(method, group, version, rest, wish)),
            None => Attributes::Path { verb: method.as_str().to_ascii_lowercase(), path: path.to_owned() },
        }
    }

    /// Returns the 403 for a user who may not; `reason` is what went wrong meanwhile, or empty.
    pub(crate) fn forbidden(&self, user: &str, reason: &str) -> Status {
        let mut detail = format!("User {user:?} cannot {}", self.sentence());
        if !reason.is_empty() {
            detail = format!("{detail}: {reason}");
        }
        let (subject, details) = match self {
            Attributes::Path { .. } => ("forbidden".to_owned(), Details::default()),
            Attributes::Resource(wanted) => {
                let dot = if wanted.group.is_empty() { "" } else { "." };
                let qualified = format!("{}{dot}{}", wanted.resource, wanted.group);
                let details = Details {
                    name: wanted.name.clone(),
                    group: wanted.group.clone(),
                    kind: wanted.resource.clone(),
                    ..Details::default()
                };
                let name = if wanted.name.is_empty() { String::new() } else { format!(" {:?}", wanted.name) };
                (format!("{qualified}{name} is forbidden"), details)
            }
        };
        Status {
            code: 403,
            reason: "Forbidden",
            message: format!("{subject}: {detail}"),
            details: Some(Box::new(details)),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Attributes::Path { verb, path } => format!("{verb} path {path:?}"),
            Attributes::Resource(wanted) => {
                let scope = if wanted.namespace.is_empty() {
                    "at the cluster scope".to_owned()
                } else {
                    format!("in the namespace {:?}", wanted.namespace)
                };
                let (verb, full, group) = (&wanted.verb, wanted.full_resource(), &wanted.group);
                format!("{verb} resource {full:?} in API group {group:?} {scope}")
            }
        }
    }
}

impl ResourceAttributes {
    /// Returns `pods` or `pods/log`.
    pub(crate) fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

fn resource(method: &Method, group: &str, version: &str, rest: &[&str], wish: Wish<'_>) -> ResourceAttributes {
    let mut verb = match *method {
        Method::POST => "create",
        Method::GET | Method::HEAD => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    };
    let mut rest = rest;
    if let ["watch", below @ ..] = rest {
        // The old way to watch.
        verb = "watch";
        rest = below;
    }
    // A Namespace lies in itself; its own parts are not resources in it.
    let (namespace, rest) = match rest {
        ["namespaces", namespace] | ["namespaces", namespace, "status" | "finalize", ..] => (*namespace, rest),
        ["namespaces", namespace, rest @ ..] => (*namespace, rest),
        _ => ("", rest),
    };
    let part = |index: usize| rest.get(index).copied().unwrap_or_default();
    let (plural, mut name, subresource) = (part(0), part(1), part(2));
    if name.is_empty() && verb == "get" {
        verb = if wish.watch { "watch" } else { "list" };
        name = single_name(wish.field_selector);
    } else if name.is_empty() && verb == "delete" {
        verb = "deletecollection";
    }
    ResourceAttributes {
        verb: verb.to_owned(),
        group: group.to_owned(),
        version: version.to_owned(),
        namespace: namespace.to_owned(),
        resource: plural.to_owned(),
        subresource: subresource.to_owned(),
        name: name.to_owned(),
    }
}

/// Returns the name that a field selector leaves as the only one.
fn single_name(selector: &str) -> &str {
    selector
        .split(',')
        .find_map(|term| {
            let name = term.strip_prefix("metadata.name=")?;
            Some(name.strip_prefix('=').unwrap_or(name))
        })
        .filter(|name| !matches!(*name, "." | "..") && !name.contains(['/', '%']))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, path: &str, wish: Wish<'_>) -> Attributes {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        Attributes::of(method, path, &segments, wish)
    }

    fn refusal(method: &Method, path: &str) -> String {
        parse(method, path, Wish::default()).forbidden("bob", "").message
    }

    #[test]
    fn refusals_have_the_real_servers_words() {
        let get = &Method::GET;
        assert_eq!(
            refusal(get, "/api/v1/namespaces/a/pods"),
            "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"a\""
        );
        assert_eq!(
            refusal(get, "/api/v1/namespaces/kube-system"),
            "namespaces \"kube-system\" is forbidden: User \"bob\" cannot get resource \"namespaces\" in API group \"\" \
             in the namespace \"kube-system\""
        );
        assert_eq!(
            refusal(&Method::POST, "/api/v1/namespaces/a/pods/b/exec"),
            "pods \"b\" is forbidden: User \"bob\" cannot create resource \"pods/exec\" in API group \"\" in the \
             namespace \"a\""
        );
        assert_eq!(
            refusal(get, "/apis/ex.com/v1/foos"),
            "foos.ex.com is forbidden: User \"bob\" cannot list resource \"foos\" in API group \"ex.com\" at the \
             cluster scope"
        );
        assert_eq!(refusal(&Method::POST, "/foo"), "forbidden: User \"bob\" cannot post path \"/foo\"");
        assert_eq!(refusal(get, "/api/v1"), "forbidden: User \"bob\" cannot get path \"/api/v1\"");
    }

    #[test]
    fn a_list_of_one_name_has_that_name() {
        let wish = Wish { watch: true, field_selector: "metadata.name=web" };
        let Attributes::Resource(found) = parse(&Method::GET, "/api/v1/namespaces/a/pods", wish) else { panic!() };
        assert_eq!((found.verb.as_str(), found.name.as_str()), ("watch", "web"));
        let Attributes::Resource(found) = parse(&Method::DELETE, "/api/v1/namespaces/a/pods", wish) else { panic!() };
        assert_eq!((found.verb.as_str(), found.name.as_str()), ("deletecollection", ""));
    }
}
