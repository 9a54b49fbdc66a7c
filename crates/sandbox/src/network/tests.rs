//! Flows between Pods of a living cluster, on a paused clock: drops take their time without taking ours.

use std::net::IpAddr;

use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};
use shell::ResolveError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::servers::http::{FetchError, fetch};
use super::*;
use crate::api::{Api, Caller, DeleteOptions, Target, WriteOptions};
use crate::clock::Clock;
use crate::fields::{name, text, uid};
use crate::resources::{NAMESPACES, NETWORK_POLICIES, PODS, Resource, SERVICES};
use crate::store::Object;
use crate::world::World;
use crate::{Pace, Version, admission, bootstrap};

const SHORT: Duration = Duration::from_secs(2);

struct Stage {
    api: Api,
    network: Network,
    _world: World,
}

impl Stage {
    async fn new() -> Stage {
        let clock = Clock::starting_at("2026-01-05T08:00:00Z".parse().unwrap()).at_pace(Pace::Lifelike);
        let api = Api::new(clock, Version::V1_34, admission::chain(Version::V1_34));
        bootstrap::fill(&api, IpAddr::from([127, 20, 30, 1]));
        let network = Network::new(&api);
        let stage = Stage { _world: World::start(&api, &network, "CA"), network, api };
        stage.put(&NAMESPACES, "", json!({"metadata": {"name": "app"}}));
        stage
    }

    /// frontend, backend and redis in `app`, each with its Service, and a client of busybox.
    async fn with_application() -> Stage {
        let stage = Stage::new().await;
        for (part, image, port) in
            [("frontend", "frontend:1", 80), ("backend", "backend:1", 80), ("redis", "redis:7", 6379)]
        {
            stage.run(part, image, json!([]));
            stage.service(part, json!({"selector": {"app": part}, "ports": [{"port": port}]}));
        }
        stage.run("client", "busybox:1.36", json!(["sleep", "36000"]));
        stage.settled().await;
        stage
    }

    fn put(&self, resource: &'static Resource, space: &str, object: Value) -> Object {
        self.api.create(&Caller::admin(), resource, space, object, &WriteOptions::default()).unwrap().object
    }

    fn run(&self, pod: &str, image: &str, command: Value) {
        let mut container = json!({"name": "main", "image": image});
        if command != json!([]) {
            container["command"] = command;
        }
        self.put(
            &PODS,
            "app",
            json!({"metadata": {"name": pod, "labels": {"app": pod}}, "spec": {"containers": [container]}}),
        );
    }

    fn service(&self, service: &str, spec: Value) {
        self.put(&SERVICES, "app", json!({"metadata": {"name": service}, "spec": spec}));
    }

    fn policy(&self, policy: &str, spec: Value) {
        self.put(&NETWORK_POLICIES, "app", json!({"metadata": {"name": policy}, "spec": spec}));
    }

    /// Waits until all Pods run and the endpoints followed.
    async fn settled(&self) {
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let pods = self.api.list_all(&PODS, None);
            if pods.iter().all(|pod| text(pod, "/status/phase") == "Running") {
                tokio::time::sleep(Duration::from_millis(100)).await;
                return;
            }
        }
        panic!("Pods do not come up: {:#?}", self.api.list_all(&PODS, Some("app")));
    }

    fn pod(&self, pod: &str) -> Object {
        self.api.get(&PODS, "app", pod).unwrap()
    }

    fn around(&self, pod: &str) -> Arc<dyn Surroundings> {
        self.network.surroundings(uid(&self.pod(pod)))
    }

    /// Resolves and connects from a Pod as a program would.
    async fn connect(&self, from: &str, to: &str, port: u16) -> Result<Box<dyn Stream>, ConnectError> {
        let around = self.around(from);
        let address = around.resolve(to, Duration::from_secs(20)).await.unwrap();
        around.connect(SocketAddr::new(address[0], port), Protocol::Tcp, SHORT).await
    }

    async fn outcome(&self, from: &str, to: &str, port: u16) -> Result<(), ConnectError> {
        self.connect(from, to, port).await.map(|_| ())
    }

    async fn page(&self, from: &str, to: &str, path: &str) -> Result<(StatusCode, String), FetchError> {
        let around = self.around(from);
        let address = around.resolve(to, Duration::from_secs(20)).await.unwrap();
        let request =
            Request::get(path).header("Host", to).header("User-Agent", "test/1").body(Full::default()).unwrap();
        let source = uid(&self.pod(from)).to_owned();
        let answer = fetch(
            &self.network,
            Source::Pod(&source),
            SocketAddr::new(address[0], 80),
            request,
            Duration::from_secs(20),
        );
        let answer = answer.await?;
        Ok((answer.status(), String::from_utf8_lossy(answer.body()).into_owned()))
    }

    fn log(&self, pod: &str) -> Vec<String> {
        let log =
            crate::logs::Instance { pod: uid(&self.pod(pod)).to_owned(), container: "main".to_owned(), restarts: 0 };
        self.api.logs().read(&log, 0).lines.into_iter().map(|line| line.text).collect()
    }
}

fn from_app(app: &str) -> Value {
    json!({"podSelector": {"matchLabels": {"app": app}}})
}

#[tokio::test(start_paused = true)]
async fn the_application_works_through_names_services_and_ports() {
    let stage = Stage::with_application().await;
    let (status, body) = stage.page("client", "frontend", "/").await.unwrap();
    assert_eq!((status, body.contains("\"visits\":1")), (StatusCode::OK, true), "{body}");
    let (_, body) = stage.page("client", "frontend.app.svc.cluster.local", "/").await.unwrap();
    assert!(body.contains("\"visits\":2"), "{body}");
    assert_eq!(stage.log("frontend").len(), 2);
    let mut redis = stage.connect("client", "redis", 6379).await.unwrap();
    redis.write_all(b"GET visits\r\n").await.unwrap();
    let mut answer = [0; 16];
    let length = redis.read(&mut answer).await.unwrap();
    assert_eq!(&answer[..length], b"$1\r\n2\r\n");
}

#[tokio::test(start_paused = true)]
async fn refused_dropped_and_nowhere_are_kept_apart() {
    let stage = Stage::with_application().await;
    assert_eq!(stage.outcome("client", "redis", 6379).await, Ok(()));
    let address = text(&stage.pod("redis"), "/status/podIP").to_owned();
    assert_eq!(stage.outcome("client", &address, 80).await, Err(ConnectError::Refused));
    // A port that the Service does not have leads nowhere.
    assert_eq!(stage.outcome("client", "redis", 81).await, Err(ConnectError::TimedOut));
    // A sleeping container listens nowhere.
    assert_eq!(
        stage.outcome("redis", text(&stage.pod("client"), "/status/podIP"), 80).await,
        Err(ConnectError::Refused)
    );
    let around = stage.around("client");
    let nobody = "10.244.2.200:80".parse().unwrap();
    let begin = Instant::now();
    let outcome = around.connect(nobody, Protocol::Tcp, Duration::from_secs(10)).await.map(|_| ());
    assert_eq!((outcome, begin.elapsed()), (Err(ConnectError::NoRoute), Duration::from_secs(3)));
    stage.service("empty", json!({"selector": {"app": "nobody"}, "ports": [{"port": 80}]}));
    assert_eq!(stage.outcome("client", "empty", 80).await, Err(ConnectError::Refused));
    assert_eq!(around.resolve("nothing", SHORT).await, Err(ResolveError::NoSuchName));
    assert_eq!(stage.outcome("client", "localhost", 80).await, Err(ConnectError::Refused));
}

#[tokio::test(start_paused = true)]
async fn policies_drop_what_they_do_not_allow_and_take_their_time() {
    let stage = Stage::with_application().await;
    let redis = json!({"podSelector": {"matchLabels": {"app": "redis"}}, "ingress": [{"from": [from_app("backend")], "ports": [{"port": 6379}]}]});
    stage.policy("backend-redis-only-policy", redis);
    let begin = Instant::now();
    assert_eq!(stage.outcome("client", "redis", 6379).await, Err(ConnectError::TimedOut));
    assert_eq!(begin.elapsed(), SHORT);
    assert_eq!(stage.outcome("backend", "redis", 6379).await, Ok(()));
    assert!(stage.page("client", "frontend", "/").await.unwrap().1.contains("visits"));
    // What is not allowed to listen to anybody still answers its own node, for probes.
    let address = SocketAddr::new(text(&stage.pod("redis"), "/status/podIP").parse().unwrap(), 6379);
    let node = text(&stage.pod("redis"), "/spec/nodeName").to_owned();
    assert!(stage.network.connect_from(Source::Node(&node), address, Protocol::Tcp, SHORT).await.is_ok());
    assert!(stage.network.connect_from(Source::Node("node1"), address, Protocol::Tcp, SHORT).await.is_err());
    stage
        .api
        .delete(
            &Caller::admin(),
            Target::new(&NETWORK_POLICIES, "app", "backend-redis-only-policy"),
            &DeleteOptions::default(),
        )
        .unwrap();
    assert_eq!(stage.outcome("client", "redis", 6379).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_egress_policy_without_dns_cuts_the_names_off() {
    let stage = Stage::with_application().await;
    let egress = json!({"podSelector": {"matchLabels": {"app": "frontend"}}, "policyTypes": ["Egress"],
        "egress": [{"to": [from_app("backend")]}]});
    stage.policy("frontend-egress", egress);
    let around = stage.around("frontend");
    let begin = Instant::now();
    assert_eq!(around.resolve("backend", Duration::from_secs(20)).await, Err(ResolveError::TimedOut));
    assert_eq!(begin.elapsed(), Duration::from_secs(10), "two attempts of five seconds");
    let backend = SocketAddr::new(text(&stage.pod("backend"), "/status/podIP").parse().unwrap(), 80);
    assert!(around.connect(backend, Protocol::Tcp, SHORT).await.is_ok());
    let dns = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [
        {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}], "ports": [{"port": 53, "protocol": "UDP"}]}]});
    stage.policy("dns", dns);
    assert!(around.resolve("backend", SHORT).await.is_ok());
    let outside = around.resolve("google.fr", SHORT).await.unwrap();
    assert!(around.connect(SocketAddr::new(outside[0], 80), Protocol::Tcp, SHORT).await.is_err());
    let others = stage.around("redis");
    assert!(others.connect(SocketAddr::new(outside[0], 443), Protocol::Tcp, SHORT).await.is_err(), "dns selects all");
}

#[tokio::test(start_paused = true)]
async fn nginx_serves_its_page_its_errors_and_its_log() {
    let stage = Stage::new().await;
    stage.run("web", "nginx:1.27", json!([]));
    stage.run("asleep", "nginx:1.27", json!(["sleep", "36000"]));
    stage.settled().await;
    let address = text(&stage.pod("web"), "/status/podIP").to_owned();
    let (status, body) = stage.page("asleep", &address, "/").await.unwrap();
    assert_eq!((status, body.contains("<h1>Welcome to nginx!</h1>")), (StatusCode::OK, true));
    let (status, body) = stage.page("asleep", &address, "/nope").await.unwrap();
    assert_eq!((status, body.contains("<center>nginx/1.27.5</center>")), (StatusCode::NOT_FOUND, true));
    let log = stage.log("web");
    let from = text(&stage.pod("asleep"), "/status/podIP").to_owned();
    let access = log.iter().find(|line| line.contains("\"GET / HTTP/1.1\" 200")).unwrap();
    assert!(access.starts_with(&format!("{from} - - [05/Jan/2026:08:0")) && access.ends_with("\"-\" \"test/1\" \"-\""));
    assert!(log.iter().any(|line| line.contains("open() \"/usr/share/nginx/html/nope\" failed")));
    let asleep = text(&stage.pod("asleep"), "/status/podIP").to_owned();
    assert_eq!(stage.outcome("web", &asleep, 80).await, Err(ConnectError::Refused));
    let forwarded = stage.network.connect_to_pod(uid(&stage.pod("web")), 80).is_ok();
    let closed = stage.network.connect_to_pod(uid(&stage.pod("web")), 81).map(|_| ());
    assert_eq!((forwarded, closed), (true, Err(ConnectError::Refused)));
    let target = Target::new(&PODS, "app", "web");
    stage.api.delete(&Caller::admin(), target, &DeleteOptions { grace: Some(0), ..DeleteOptions::default() }).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.outcome("asleep", &address, 80).await, Err(ConnectError::TimedOut), "its address is nobody's now");
}

#[tokio::test(start_paused = true)]
async fn a_program_listens_on_a_port_of_its_pod() {
    let stage = Stage::with_application().await;
    let around = stage.around("client");
    let mut listener = around.listen(8080, Protocol::Tcp).unwrap();
    assert!(matches!(around.listen(8080, Protocol::Tcp), Err(ListenError::InUse)));
    let address = text(&stage.pod("client"), "/status/podIP").to_owned();
    let mut client = stage.connect("redis", &address, 8080).await.unwrap();
    let mut accepted = listener.recv().await.unwrap();
    assert_eq!(accepted.address.ip().to_string(), text(&stage.pod("redis"), "/status/podIP"));
    client.write_all(b"hello").await.unwrap();
    let mut received = [0; 5];
    accepted.stream.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"hello");
    assert!(stage.connect("client", "localhost", 8080).await.is_ok());
    drop(listener);
    assert_eq!(stage.outcome("redis", &address, 8080).await, Err(ConnectError::Refused));
    assert!(around.listen(8080, Protocol::Tcp).is_ok());
}

#[tokio::test(start_paused = true)]
async fn services_share_out_and_headless_ones_name_their_pods() {
    let stage = Stage::with_application().await;
    stage.run("backend-2", "backend:1", json!([]));
    stage.service(
        "both",
        json!({"clusterIP": "None", "selector": {"tier": "back"}, "ports": [{"name": "http", "port": 80}]}),
    );
    for pod in ["backend", "backend-2"] {
        let target = Target::new(&PODS, "app", pod);
        stage
            .api
            .update_with(&Caller::admin(), target, |pod| pod["metadata"]["labels"]["tier"] = json!("back"))
            .unwrap();
    }
    stage.settled().await;
    let around = stage.around("client");
    let mut found = around.resolve("both", SHORT).await.unwrap();
    found.sort();
    let mut expected: Vec<IpAddr> =
        ["backend", "backend-2"].iter().map(|pod| text(&stage.pod(pod), "/status/podIP").parse().unwrap()).collect();
    expected.sort();
    assert_eq!(found, expected);
    stage.service("outer", json!({"type": "ExternalName", "externalName": "example.com"}));
    let outer = around.resolve("outer", SHORT).await.unwrap();
    assert_eq!(outer, around.resolve("example.com", SHORT).await.unwrap());
    assert!(stage.page("client", "outer", "/").await.unwrap().1.contains("Example Domain"));
    assert_eq!(around.resolve("client", SHORT).await.unwrap(), [around.address().unwrap()]);
}

#[tokio::test(start_paused = true)]
async fn node_ports_lead_inside_from_outside() {
    let stage = Stage::with_application().await;
    stage.service(
        "door",
        json!({"type": "NodePort", "selector": {"app": "frontend"}, "ports": [{"port": 80, "nodePort": 30080}]}),
    );
    stage.settled().await;
    let outside = Source::Outside(IpAddr::from([127, 0, 0, 1]));
    for node in 1..=3 {
        let to = SocketAddr::from(([127, 20, 30, node], 30080));
        let request = Request::get("/").header("Host", "door").body(Full::<Bytes>::default()).unwrap();
        let answer = fetch(&stage.network, outside, to, request, SHORT).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let closed = SocketAddr::from(([127, 20, 30, 1], 30081));
    assert!(matches!(
        stage.network.connect_from(outside, closed, Protocol::Tcp, SHORT).await,
        Err(ConnectError::Refused)
    ));
    assert!(stage.outcome("client", "127.20.30.2", 30080).await.is_ok());
    assert!(stage.log("frontend").iter().any(|line| line.contains(" 127.20.30.")), "{:?}", stage.log("frontend"));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_node_loses_what_is_sent_to_it() {
    let stage = Stage::with_application().await;
    let redis = stage.pod("redis");
    let (address, node) = (text(&redis, "/status/podIP").to_owned(), text(&redis, "/spec/nodeName").to_owned());
    let other =
        stage.api.list_all(&PODS, Some("app")).into_iter().find(|pod| text(pod, "/spec/nodeName") != node).unwrap();
    stage.network.lose_node(&node);
    assert_eq!(stage.outcome(name(&other), &address, 6379).await, Err(ConnectError::TimedOut));
    stage.network.regain_node(&node);
    assert_eq!(stage.outcome(name(&other), &address, 6379).await, Ok(()));
}

#[tokio::test]
async fn a_pod_reaches_the_api_server_by_tls() {
    use rustls::pki_types::pem::PemObject as _;

    let options = crate::Options { version: Version::V1_34, state: None, address: None, pace: Pace::Fast };
    let mut inside = None;
    let sandbox = crate::Sandbox::start_with(options, |_, network| {
        inside = Some(network.clone());
        let processes =
            crate::server::streams::process::Refused(crate::server::streams::process::Refusal::NotSimulated);
        (Arc::new(processes), Arc::new(network.clone()))
    });
    let sandbox = sandbox.await.unwrap();
    let network = inside.unwrap();
    let pod = async {
        loop {
            let pods = network.shared.api.list_all(&PODS, Some("kube-system"));
            let running = |pod: &&Object| name(pod).starts_with("coredns-") && !text(pod, "/status/podIP").is_empty();
            if let Some(pod) = pods.iter().find(running) {
                return uid(pod).to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let pod = tokio::time::timeout(Duration::from_secs(20), pod).await.unwrap();
    let around = network.surroundings(&pod);
    let server = "10.96.0.1:443".parse().unwrap();
    let stream = around.connect(server, Protocol::Tcp, SHORT).await.unwrap();
    let kubeconfig = sandbox.kubeconfig();
    let authority = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("certificate-authority-data: "));
    let authority = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, authority.unwrap().trim()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(&authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let host = "kubernetes.default.svc".try_into().unwrap();
    let stream = connector.connect(host, stream).await.unwrap();
    let request = Request::get("/version").header("Host", "kubernetes.default.svc").body(Full::default()).unwrap();
    let answer = super::servers::http::exchange(Box::new(stream), request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(String::from_utf8_lossy(answer.body()).contains("v1.34"));
    sandbox.stop().await;
}

/// The page that somebody wrote into the container of one Pod.
struct Page(String);

impl super::servers::Files for Page {
    fn read(&self, pod: &str, container: &str, path: &str) -> super::servers::Found {
        use super::servers::Found;
        match path {
            _ if pod != self.0 || container != "main" => Found::Unknown,
            "/usr/share/nginx/html/index.html" => Found::File(b"my own page\n".to_vec()),
            _ => Found::Nothing,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nginx_serves_the_files_of_its_container() {
    let stage = Stage::new().await;
    stage.run("web", "nginx:1.27", json!([]));
    stage.run("other", "nginx:1.27", json!([]));
    stage.settled().await;
    let page: Arc<dyn super::servers::Files> = Arc::new(Page(uid(&stage.pod("web")).to_owned()));
    stage.network.read_files_of(Arc::downgrade(&page));
    let address = |pod: &str| text(&stage.pod(pod), "/status/podIP").to_owned();
    assert_eq!(stage.page("other", &address("web"), "/").await.unwrap().1, "my own page\n");
    assert_eq!(stage.page("other", &address("web"), "/50x.html").await.unwrap().0, StatusCode::NOT_FOUND);
    assert!(stage.page("web", &address("other"), "/").await.unwrap().1.contains("Welcome to nginx!"));
}

#[tokio::test(start_paused = true)]
async fn name_servers_answer_each_sort_of_question() {
    use super::dns::{Scope, Transport, answer, question};

    let stage = Stage::with_application().await;
    stage.service(
        "peers",
        json!({"clusterIP": "None", "selector": {"app": "redis"}, "ports": [{"name": "resp", "port": 6379}]}),
    );
    stage.settled().await;
    let topology = stage.network.topology();
    // The code of the answer, how many records it has, and the letters in it.
    let ask = |name: &str, kind: u16| {
        let message = answer(Scope::Cluster(&topology), &question(name, kind), Transport::Datagram).unwrap();
        (message[3] & 0x0f, message[7], String::from_utf8_lossy(&message).into_owned())
    };
    let (a, ptr, aaaa, srv) = (1, 12, 28, 33);
    let service = text(&stage.api.get(&SERVICES, "app", "redis").unwrap(), "/spec/clusterIP").to_owned();
    let reversed = |address: &str| {
        let mut numbers: Vec<&str> = address.split('.').collect();
        numbers.reverse();
        format!("{}.in-addr.arpa", numbers.join("."))
    };
    assert_eq!((ask("redis.app.svc.cluster.local", a).0, ask("redis.app.svc.cluster.local", a).1), (0, 1));
    assert_eq!((ask("REDIS.app.svc.CLUSTER.local", a).0, ask("REDIS.app.svc.CLUSTER.local", a).1), (0, 1));
    assert_eq!((ask("redis.app.svc.cluster.local", aaaa).0, ask("redis.app.svc.cluster.local", aaaa).1), (0, 0));
    assert_eq!(ask("redis.other.svc.cluster.local", a).0, 3);
    assert_eq!(ask("app.svc.cluster.local", a).0, 0);
    assert_eq!(ask("nowhere.example", a).0, 3);
    let (code, count, text_of) = ask(&reversed(&service), ptr);
    assert_eq!((code, count, text_of.contains("redis\u{3}app\u{3}svc")), (0, 1, true), "{text_of:?}");
    let pod = text(&stage.pod("redis"), "/status/podIP").to_owned();
    let dashed = pod.replace('.', "-");
    assert!(ask(&reversed(&pod), ptr).2.contains(&dashed));
    let (code, count, text_of) = ask("_resp._tcp.peers.app.svc.cluster.local", srv);
    assert_eq!((code, count, text_of.contains(&dashed)), (0, 1, true));
    assert_eq!(
        (
            ask(&format!("{dashed}.peers.app.svc.cluster.local"), a).0,
            ask(&format!("{dashed}.app.pod.cluster.local"), a).0
        ),
        (0, 0)
    );
    let outside = answer(Scope::Outside, &question("redis.app.svc.cluster.local", a), Transport::Stream).unwrap();
    assert_eq!(outside[3] & 0x0f, 3, "others know nothing of the cluster");
}
