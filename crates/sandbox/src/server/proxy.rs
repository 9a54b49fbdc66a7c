//! `pods/x/proxy`, `services/x/proxy` and `nodes/x/proxy`: the API server passes requests on, over the simulated
//! network and from its own node, where the policies of Pods on other nodes see it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderName, HeaderValue, LOCATION, TRANSFER_ENCODING, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::Full;
use serde_json::{Value, json};
use shell::ConnectError;

use super::{Front, answer, body};
use crate::api::Status;
use crate::bootstrap::NODE_NAMES;
use crate::fields::{list, number, text};
use crate::network::{FetchError, Source, fetch};
use crate::resources::{ENDPOINTS, NODES, PODS, SERVICES};

/// How long the real server waits for a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest request that is passed on.
const LONGEST: usize = 1 << 20;

/// What a path below a group-version names, where it is to be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage<'a> {
    /// To a Pod: its Namespace, and `[scheme:]name[:port]`.
    Pod(&'a str, &'a str),
    /// To a Service, likewise.
    Service(&'a str, &'a str),
    /// To the kubelet of a node.
    Node(&'a str),
}

impl<'a> Passage<'a> {
    /// Reads the segments of a path; the rest are those to pass on.
    pub(super) fn of<'s>(segments: &'s [&'a str]) -> Option<(Passage<'a>, &'s [&'a str])> {
        match segments {
            ["api", "v1", "namespaces", space, "pods", name, "proxy", rest @ ..] => {
                Some((Passage::Pod(space, name), rest))
            }
            ["api", "v1", "namespaces", space, "services", name, "proxy", rest @ ..] => {
                Some((Passage::Service(space, name), rest))
            }
            ["api", "v1", "nodes", name, "proxy", rest @ ..] => Some((Passage::Node(name), rest)),
            _ => None,
        }
    }

    /// Returns how many segments of the path come before what is passed on.
    fn length(self) -> usize {
        match self {
            Passage::Pod(..) | Passage::Service(..) => 7,
            Passage::Node(_) => 5,
        }
    }
}

/// Passes a request on and its answer back.
pub(super) async fn answer(
    front: &Arc<Front>,
    request: Request<Body>,
    passage: Passage<'_>,
    rest: &[&str],
) -> Result<Response<Body>, Status> {
    if rest.is_empty() && !request.uri().path().ends_with('/') {
        return Ok(redirection(request.uri()));
    }
    let to = match passage {
        Passage::Pod(space, name) => pod(front, space, name)?,
        Passage::Service(space, name) => service(front, space, name)?,
        Passage::Node(name) => return node(front, name, rest),
    };
    let path = tail(request.uri(), passage.length());
    pass(front, request, to, &path).await
}

/// A place without its final slash leads to the one with it, so that relative links work.
fn redirection(uri: &Uri) -> Response<Body> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = answer::typed(301, "text/html; charset=utf-8", Body::empty());
    if let Ok(target) = HeaderValue::from_str(&format!("{}/{query}", uri.path())) {
        response.headers_mut().insert(LOCATION, target);
    }
    response
}

/// Returns the path behind the first segments as it was written, with the query.
fn tail(uri: &Uri, segments: usize) -> String {
    let path = uri.path();
    let start = path.match_indices('/').nth(segments).map_or(path.len(), |(place, _)| place);
    let path = if start < path.len() { &path[start..] } else { "/" };
    uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

/// Splits `[scheme:]name[:port]`. Only plain HTTP is passed on.
fn parts(reference: &str) -> Result<(&str, &str), Status> {
    match *reference.split(':').collect::<Vec<_>>() {
        [name] => Ok((name, "")),
        [name, port] => Ok((name, port)),
        ["http" | "", name, port] => Ok((name, port)),
        ["https", ..] => Err(unreachable("sandbox: https to Pods and Services is not simulated")),
        _ => Err(Status::bad_request(format!("invalid request {reference:?}"))),
    }
}

fn unreachable(message: impl Into<String>) -> Status {
    Status { code: 503, reason: "ServiceUnavailable", message: message.into(), details: None }
}

fn pod(front: &Front, space: &str, reference: &str) -> Result<SocketAddr, Status> {
    let (name, port) = parts(reference)?;
    let pod = front.api.get(&PODS, space, name)?;
    let ports = list(&pod, "/spec/containers").iter().flat_map(|container| list(container, "/ports"));
    let first = ports.clone().find_map(|port| number(port, "/containerPort"));
    let named = ports.clone().find(|candidate| text(candidate, "/name") == port);
    let port = match port {
        "" => first.and_then(|port| u16::try_from(port).ok()).unwrap_or(80),
        _ => named
            .and_then(|port| u16::try_from(number(port, "/containerPort")?).ok())
            .or_else(|| port.parse().ok())
            .ok_or_else(|| Status::bad_request(format!("invalid port {port:?}")))?,
    };
    let address: IpAddr =
        text(&pod, "/status/podIP").parse().map_err(|_| Status::bad_request("address not allowed"))?;
    Ok(SocketAddr::new(address, port))
}

fn service(front: &Front, space: &str, reference: &str) -> Result<SocketAddr, Status> {
    let (name, wanted) = parts(reference)?;
    let service = front.api.get(&SERVICES, space, name)?;
    let ports = list(&service, "/spec/ports");
    let port = match (wanted, ports) {
        ("", [only]) => Some(only),
        _ => ports.iter().find(|port| {
            text(port, "/name") == wanted || number(port, "/port").is_some_and(|number| number.to_string() == wanted)
        }),
    };
    let missing = || unreachable(format!("no service port {wanted:?} found for service {name:?}"));
    let port_name = text(port.ok_or_else(missing)?, "/name");
    let none = || unreachable(format!("no endpoints available for service {name:?}"));
    let endpoints = front.api.get(&ENDPOINTS, space, name).map_err(|_| none())?;
    let ready: Vec<SocketAddr> = list(&endpoints, "/subsets")
        .iter()
        .filter_map(|subset| {
            let port = list(subset, "/ports").iter().find(|port| text(port, "/name") == port_name)?;
            Some((subset, u16::try_from(number(port, "/port")?).ok()?))
        })
        .flat_map(|(subset, port)| {
            let addresses = list(subset, "/addresses").iter();
            addresses.filter_map(move |address| Some(SocketAddr::new(text(address, "/ip").parse().ok()?, port)))
        })
        .collect();
    let turn = usize::from(front.site.network().ephemeral_port());
    turn.checked_rem(ready.len()).and_then(|place| ready.get(place).copied()).ok_or_else(none)
}

/// Answers what a kubelet says of itself; most of its pages are not simulated.
fn node(front: &Front, reference: &str, rest: &[&str]) -> Result<Response<Body>, Status> {
    let (name, _) = parts(reference)?;
    let node = front.api.get(&NODES, "", name)?;
    let is_lost = list(&node, "/status/conditions")
        .iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "Unknown");
    if is_lost {
        let addresses = list(&node, "/status/addresses");
        let address = addresses.first().map_or(name, |address| text(address, "/address"));
        return Err(unreachable(format!(
            "error trying to reach service: dial tcp {address}:10250: connect: no route to host"
        )));
    }
    match rest {
        ["healthz"] => Ok(answer::typed(200, "text/plain; charset=utf-8", "ok")),
        ["pods" | "runningpods"] => {
            let mut pods = front.api.list_all(&PODS, None);
            pods.retain(|pod| text(pod, "/spec/nodeName") == name);
            let items: Vec<&Value> = pods.iter().map(|pod| &**pod).collect();
            let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items});
            Ok(answer::json(200, &list))
        }
        _ => {
            let mut response = answer::typed(404, "text/plain; charset=utf-8", "404 page not found\n");
            answer::warn(&mut response, &["sandbox: this page of the kubelet is not simulated".to_owned()]);
            Ok(response)
        }
    }
}

async fn pass(
    front: &Arc<Front>,
    request: Request<Body>,
    to: SocketAddr,
    path: &str,
) -> Result<Response<Body>, Status> {
    let (parts, content) = request.into_parts();
    let content = body::read_up_to(content, LONGEST).await?;
    let mut onward = Request::new(Full::new(content));
    *onward.method_mut() = parts.method;
    let path: PathAndQuery = path.parse().map_err(|_| Status::bad_request("the path cannot be passed on"))?;
    *onward.uri_mut() = Uri::from(path);
    *onward.headers_mut() = onward_headers(&parts.headers, to);
    let source = Source::Node(NODE_NAMES[0]);
    let reached = fetch(front.site.network(), source, to, onward, PATIENCE).await;
    let (mut parts, content) = reached.map_err(|error| failure(&error, to))?.into_parts();
    for name in hop_by_hop() {
        parts.headers.remove(name);
    }
    Ok(Response::from_parts(parts, Body::from(content)))
}

/// Headers that concern one connection only (RFC 9110, section 7.6.1).
fn hop_by_hop() -> [HeaderName; 6] {
    [
        CONNECTION,
        TRANSFER_ENCODING,
        UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("te"),
    ]
}

/// Returns the headers to pass on. What proves who asks stays here.
fn onward_headers(headers: &HeaderMap, to: SocketAddr) -> HeaderMap {
    let mut onward = headers.clone();
    for name in hop_by_hop().into_iter().chain([AUTHORIZATION]) {
        onward.remove(name);
    }
    if let Some(host) = onward.remove(HOST) {
        onward.insert("x-forwarded-host", host);
    }
    if let Ok(host) = HeaderValue::from_str(&to.to_string()) {
        onward.insert(HOST, host);
    }
    onward.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    onward
}

/// Words a failure as the real server does.
fn failure(error: &FetchError, to: SocketAddr) -> Status {
    let cause = match error {
        FetchError::Connect(ConnectError::Refused) => format!("dial tcp {to}: connect: connection refused"),
        FetchError::Connect(ConnectError::TimedOut) => format!("dial tcp {to}: i/o timeout"),
        FetchError::Connect(ConnectError::NoRoute) => format!("dial tcp {to}: connect: no route to host"),
        FetchError::Connect(ConnectError::Unreachable) => format!("dial tcp {to}: connect: network is unreachable"),
        FetchError::TimedOut => "net/http: timeout awaiting response headers".to_owned(),
        FetchError::Http(_) | FetchError::Body => "EOF".to_owned(),
    };
    unreachable(format!("error trying to reach service: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_on_is_the_path_as_it_was_written() {
        let check = |uri: &str, segments: usize, expected: &str| {
            assert_eq!(tail(&uri.parse().unwrap(), segments), expected, "{uri}");
        };
        check("/api/v1/namespaces/a/services/web/proxy/", 7, "/");
        check("/api/v1/namespaces/a/services/web:80/proxy/x%20y/z?q=1", 7, "/x%20y/z?q=1");
        check("/api/v1/nodes/node1/proxy/pods", 5, "/pods");
        assert_eq!(parts("web").unwrap(), ("web", ""));
        assert_eq!(parts("http:web:80").unwrap(), ("web", "80"));
        assert_eq!(parts("https:web:443").unwrap_err().code, 503);
        assert_eq!(parts("a:b:c:d").unwrap_err().code, 400);
    }
}
