//! The insides of containers: each run of a container whose image is known has files and processes of its own, made
//! when somebody first looks inside, dropped when the run or the Pod ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use serde_json::Value;
use shell::{Allowance, ApiAnswer, ApiRequest, Budget, Cluster, Container, Event, StartError, Volume};
use tokio::sync::broadcast;
use tokio_util::task::TaskTracker;

use crate::api::{Api, Caller};
use crate::fields::{list, name, namespace, text, uid};
use crate::network::Network;
use crate::resources::PODS;
use crate::server::Front;
use crate::server::streams::process::{Inside, Processes, Refusal, Run, Streams};
use crate::store::{ChangeKind, Object};

mod catalogue;
mod specification;
mod volumes;

/// What all containers together may write.
const DISK: u64 = 48 << 20;
/// What one container may write.
const LAYER: u64 = 12 << 20;
/// The most containers whose insides are kept.
const CONTAINERS: usize = 64;
/// How many events of containers wait for those who watch; older ones are lost.
const EVENTS: usize = 1024;

/// The insides of all containers. Clones share them.
#[derive(Clone)]
pub(crate) struct Insides {
    shared: Arc<Shared>,
}

struct Shared {
    api: Api,
    network: Network,
    tracker: TaskTracker,
    stop: tokio_util::sync::CancellationToken,
    state: Mutex<State>,
    disk: Arc<Allowance>,
    events: broadcast::Sender<Event>,
    /// The API's door for Pods, once it is open.
    front: OnceLock<Weak<Front>>,
}

#[derive(Default)]
struct State {
    containers: BTreeMap<Key, Arc<Container>>,
    /// The volumes of Pods that their containers share, by the Pod's uid and the volume's name.
    volumes: BTreeMap<(String, String), Volume>,
}

/// One run of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    pod: String,
    container: String,
    /// The runtime's name for the run, which another run does not have.
    run: String,
}

impl Insides {
    /// Returns the insides of the containers of an API.
    pub(crate) fn new(
        api: &Api,
        network: &Network,
        tracker: &TaskTracker,
        stop: &tokio_util::sync::CancellationToken,
    ) -> Insides {
        let (events, _) = broadcast::channel(EVENTS);
        Insides {
            shared: Arc::new(Shared {
                api: api.clone(),
                network: network.clone(),
                tracker: tracker.clone(),
                stop: stop.clone(),
                state: Mutex::default(),
                disk: Allowance::new(DISK, None),
                events,
                front: OnceLock::new(),
            }),
        }
    }

    /// Opens the way from containers to the API.
    pub(crate) fn lead_to(&self, front: &Arc<Front>) {
        // Told once, at the start.
        self.shared.front.set(Arc::downgrade(front)).ok();
    }

    /// Returns a container's inside, made if need be; `None` where its image is not simulated inside.
    fn container(&self, inside: &Inside) -> Option<Arc<Container>> {
        let key = key(&inside.pod, &inside.container)?;
        if let Some(known) = self.lock().containers.get(&key) {
            return Some(Arc::clone(known));
        }
        let spec = self.specification(inside)?;
        let made = Arc::new(Container::new(spec));
        let mut state = self.lock();
        let container = Arc::clone(state.containers.entry(key.clone()).or_insert(made));
        if state.containers.len() > CONTAINERS {
            // One of those in which nothing is asked for now makes room.
            let idle = state
                .containers
                .iter()
                .find(|(other, container)| **other != key && Arc::strong_count(container) == 1)
                .map(|(other, _)| other.clone());
            if let Some(idle) = idle {
                state.containers.remove(&idle);
            }
        }
        drop(state);
        self.keep(key);
        Some(container)
    }

    /// Drops a container's inside when its run or its Pod ends.
    fn keep(&self, key: Key) {
        let insides = self.clone();
        let stop = self.shared.stop.clone();
        self.shared.tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = insides.ended(&key) => {}
            }
            let mut state = insides.lock();
            state.containers.remove(&key);
            let pod = &key.pod;
            if !state.containers.keys().any(|other| other.pod == *pod) {
                state.volumes.retain(|(other, _), _| other != pod);
            }
        });
    }

    /// Waits for the end of a run.
    async fn ended(&self, key: &Key) {
        let mut changes = self.shared.api.subscribe();
        if !self.runs(key) {
            return;
        }
        loop {
            match changes.recv().await {
                Ok(change) if *change.resource != PODS || uid(&change.object) != key.pod => {}
                Ok(change) if change.kind == ChangeKind::Deleted => return,
                Ok(change) => {
                    if self::key(&change.object, &key.container).as_ref() != Some(key) {
                        return;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    if !self.runs(key) {
                        return;
                    }
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn runs(&self, wanted: &Key) -> bool {
        let pods = self.shared.api.list_all(&PODS, None);
        let pod = pods.iter().find(|pod| uid(pod) == wanted.pod);
        pod.and_then(|pod| key(pod, &wanted.container)).as_ref() == Some(wanted)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        Duration::try_from(self.shared.api.clock().now().as_duration()).unwrap_or_default()
    }
}

/// Returns which run of a container a Pod's status tells of; `None` if it does not run.
fn key(pod: &Value, container: &str) -> Option<Key> {
    let status = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]
        .iter()
        .flat_map(|part| list(pod, &format!("/status/{part}")))
        .find(|status| status["name"] == container)?;
    status.pointer("/state/running").filter(|running| !running.is_null())?;
    let run = text(status, "/containerID").to_owned();
    Some(Key { pod: uid(pod).to_owned(), container: container.to_owned(), run })
}

impl Processes for Insides {
    fn exec(&self, inside: Inside, command: Vec<String>, streams: Streams) -> Run {
        let insides = self.clone();
        Box::pin(async move {
            let container = insides.container(&inside).ok_or(Refusal::NotSimulated)?;
            let key = key(&inside.pod, &inside.container).ok_or(Refusal::NotRunning)?;
            let tty = streams.terminal.map(|terminal| {
                let (sender, size) = tokio::sync::watch::channel((80, 24));
                let mut terminal = terminal;
                let first = *terminal.borrow_and_update();
                sender.send_replace((first.columns, first.rows));
                insides.shared.tracker.spawn(async move {
                    while !sender.is_closed() && terminal.changed().await.is_ok() {
                        let size = *terminal.borrow_and_update();
                        sender.send_replace((size.columns, size.rows));
                    }
                });
                size
            });
            let streams =
                shell::Streams { stdin: Some(streams.stdin), stdout: streams.stdout, stderr: streams.stderr, tty };
            tokio::select! {
                ended = container.exec(&command, streams, Budget::default()) => ended.map_err(refusal),
                // The runtime kills what was started in a container that ends.
                () = insides.ended(&key) => Ok(137),
                () = insides.shared.stop.cancelled() => Ok(137),
            }
        })
    }
}

fn refusal(error: StartError) -> Refusal {
    match error {
        StartError::NotFound(name) => Refusal::NotInPath(name),
        StartError::NoSuchFile(path) => Refusal::NoSuchFile(path),
        StartError::Denied(path) => Refusal::NotExecutable(path),
        StartError::Empty => Refusal::NotInPath(String::new()),
        StartError::TooMany => Refusal::NotRunning,
    }
}

/// The way of one Pod's containers to the API.
struct Door {
    shared: Weak<Shared>,
}

impl Cluster for Door {
    fn is_at(&self, address: std::net::SocketAddr) -> bool {
        let Some(shared) = self.shared.upgrade() else { return false };
        let service = shared.api.get(&crate::resources::SERVICES, "default", "kubernetes");
        service
            .is_ok_and(|service| text(&service, "/spec/clusterIP").parse() == Ok(address.ip()) && address.port() == 443)
    }

    fn request(&self, request: ApiRequest) -> shell::Future<'_, ApiAnswer> {
        Box::pin(async move {
            let refused = |status: u16, body: &str| ApiAnswer {
                status,
                content_type: "text/plain".to_owned(),
                body: body.as_bytes().to_vec(),
            };
            let front = self.shared.upgrade().and_then(|shared| shared.front.get()?.upgrade());
            let Some(front) = front else { return refused(503, "the server is away") };
            let mut builder = Request::builder()
                .method(request.method.as_str())
                .uri(request.path.as_str())
                .header("accept", request.accept);
            if let Some(kind) = request.content_type {
                builder = builder.header("content-type", kind);
            }
            if let Some(token) = request.token {
                builder = builder.header("authorization", format!("Bearer {token}"));
            }
            let Ok(request) = builder.body(Body::from(request.body)) else { return refused(400, "bad request") };
            // As whom is for the token to say: the connection itself is nobody's.
            let response = front.answer(Caller::anonymous(), request).await;
            let status = response.status().as_u16();
            let header = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
            let content_type = header.unwrap_or("text/plain").to_owned();
            match axum::body::to_bytes(response.into_body(), 16 << 20).await {
                Ok(bytes) => ApiAnswer { status, content_type, body: bytes.to_vec() },
                Err(_) => refused(500, "the answer is too long"),
            }
        })
    }
}

/// Returns the name that a Pod's containers have for themselves.
fn hostname(pod: &Object) -> String {
    match text(pod, "/spec/hostname") {
        "" if pod.pointer("/spec/hostNetwork").and_then(Value::as_bool) == Some(true) => {
            text(pod, "/spec/nodeName").to_owned()
        }
        "" => name(pod).to_owned(),
        own => own.to_owned(),
    }
}

/// Returns the content of `/etc/hosts`, as the kubelet writes it.
fn hosts(pod: &Object) -> String {
    let mut hosts =
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
                     fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
            .to_owned();
    let address = text(pod, "/status/podIP");
    if !address.is_empty() {
        hosts.push_str(&format!("{address}\t{}\n", hostname(pod)));
    }
    let aliases = list(pod, "/spec/hostAliases");
    if !aliases.is_empty() {
        hosts.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in aliases {
        let names: Vec<&str> = list(alias, "/hostnames").iter().filter_map(Value::as_str).collect();
        hosts.push_str(&format!("{}\t{}\n", text(alias, "/ip"), names.join("\t")));
    }
    hosts
}

/// Returns the content of `/etc/resolv.conf`.
fn resolv(api: &Api, pod: &Object) -> String {
    let server = api
        .get(&crate::resources::SERVICES, "kube-system", "kube-dns")
        .map_or_else(|_| "10.96.0.10".to_owned(), |service| text(&service, "/spec/clusterIP").to_owned());
    match text(pod, "/spec/dnsPolicy") {
        "None" => {
            let words = |pointer: &str| -> Vec<&str> { list(pod, pointer).iter().filter_map(Value::as_str).collect() };
            let mut lines: Vec<String> =
                words("/spec/dnsConfig/nameservers").iter().map(|server| format!("nameserver {server}")).collect();
            let searches = words("/spec/dnsConfig/searches");
            if !searches.is_empty() {
                lines.push(format!("search {}", searches.join(" ")));
            }
            lines.join("\n") + "\n"
        }
        "Default" => "nameserver 192.0.2.53\n".to_owned(),
        _ => format!(
            "search {}.svc.cluster.local svc.cluster.local cluster.local\nnameserver {server}\noptions ndots:5\n",
            namespace(pod)
        ),
    }
}
