//! Connections as clients make them: kube's own client over WebSockets, and SPDY frames written by hand.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams, DeleteParams, LogParams, PostParams, TerminalSize};
use kube::client::ConfigExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::TaskTracker;

use self::toy::Toy;
use super::spdy::client::Client;
use super::spdy::{Frame, More};
use crate::{Options, Pace, Sandbox, Version};

mod toy;

/// Nothing here takes long; a hang is a failure.
const LONG: Duration = Duration::from_secs(20);

struct Lab {
    sandbox: Sandbox,
    toy: Toy,
    config: kube::Config,
    pods: Api<Pod>,
    tasks: TaskTracker,
}

impl Lab {
    /// Starts a sandbox with a Pod `web` that runs, and one `held` that cannot.
    async fn start(version: Version) -> Lab {
        let toy = Toy::default();
        let options = Options { version, state: None, address: None, pace: Pace::Fast };
        let sandbox =
            Sandbox::start_with(options, |_, _| (Arc::new(toy.clone()), Arc::new(toy.clone()))).await.unwrap();
        let kubeconfig = Kubeconfig::from_yaml(&sandbox.kubeconfig()).unwrap();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let pods: Api<Pod> = Api::default_namespaced(kube::Client::try_from(config.clone()).unwrap());
        for (name, image) in [("web", "nginx:1.27"), ("held", "nosuch:9")] {
            let policy = if name == "held" { "Never" } else { "IfNotPresent" };
            let pod = json!({
                "metadata": { "name": name },
                "spec": { "containers": [{ "name": "c", "image": image, "imagePullPolicy": policy }] },
            });
            tokio::time::timeout(LONG, async {
                while pods.create(&PostParams::default(), &serde_json::from_value(pod.clone()).unwrap()).await.is_err()
                {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await
            .unwrap();
        }
        let lab = Lab { sandbox, toy, config, pods, tasks: TaskTracker::new() };
        lab.until(async |lab| {
            let web = lab.pods.get("web").await.unwrap();
            web.status.and_then(|status| status.phase).as_deref() == Some("Running")
        })
        .await;
        lab
    }

    async fn until(&self, condition: impl AsyncFn(&Lab) -> bool) {
        let wait = async {
            while !condition(self).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LONG, wait).await.expect("the condition holds in time");
    }

    /// Sends a request that asks for another protocol.
    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> http::Response<hyper::body::Incoming> {
        let connector = TlsConnector::from(Arc::new(self.config.rustls_client_config().unwrap()));
        let stream = TcpStream::connect(self.sandbox.address()).await.unwrap();
        let stream = connector.connect(self.sandbox.address().ip().into(), stream).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        self.tasks.spawn(connection.with_upgrades());
        let path = format!("/api/v1/namespaces/default/pods/{path}");
        let mut request = Request::builder().method(method).uri(path).header("host", "sandbox");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap()
    }

    /// Opens a SPDY connection, as `kubectl` 1.20 does.
    async fn spdy(&self, path: &str, protocol: &str) -> Client<TokioIo<Upgraded>> {
        let headers = [("connection", "Upgrade"), ("upgrade", "SPDY/3.1"), ("x-stream-protocol-version", protocol)];
        let response = self.ask(Method::POST, path, &headers).await;
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()["x-stream-protocol-version"], protocol);
        Client::new(TokioIo::new(hyper::upgrade::on(response).await.unwrap()))
    }
}

async fn words(mut response: http::Response<hyper::body::Incoming>) -> (u16, String) {
    let body = response.body_mut().collect().await.unwrap().to_bytes();
    (response.status().as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

/// Runs a command through kube's client; gives what it wrote and its `Status`.
async fn exec(lab: &Lab, command: &[&str], stdin: &[u8]) -> (Vec<u8>, Vec<u8>, Value) {
    let run = async {
        let mut process = lab.pods.exec("web", command.to_vec(), &AttachParams::default().stdin(true)).await.unwrap();
        let mut input = process.stdin().unwrap();
        let (mut out, mut err) = (process.stdout().unwrap(), process.stderr().unwrap());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = process.take_status().unwrap();
        let write = async {
            input.write_all(stdin).await.unwrap();
            input.shutdown().await.unwrap();
            drop(input);
        };
        let (_, _, _, status) = tokio::join!(write, out.read_to_end(&mut stdout), err.read_to_end(&mut stderr), status);
        (stdout, stderr, serde_json::to_value(status.unwrap()).unwrap())
    };
    tokio::time::timeout(LONG, run).await.unwrap()
}

#[tokio::test]
async fn commands_run_over_a_web_socket() {
    let lab = Lab::start(Version::V1_34).await;
    let (out, err, status) = exec(&lab, &["say", "to one", "to the other"], b"").await;
    assert_eq!((out.as_slice(), err.as_slice()), (&b"to one"[..], &b"to the other"[..]));
    assert_eq!(status["status"], "Success");

    let (_, _, status) = exec(&lab, &["exit", "7"], b"").await;
    assert_eq!(status["reason"], "NonZeroExitCode");
    assert_eq!(status["details"]["causes"][0], json!({ "reason": "ExitCode", "message": "7" }));

    // Much, both ways; the end of the input ends it (v5).
    let much: Vec<u8> = (0..2_000_000u32).map(|number| (number % 251) as u8).collect();
    let (out, _, status) = exec(&lab, &["cat"], &much).await;
    assert!(out == much, "{} bytes came back", out.len());
    assert_eq!(status["status"], "Success");

    let (_, _, status) = exec(&lab, &["nosuch"], b"").await;
    let message = status["message"].as_str().unwrap();
    assert!(message.starts_with("Internal error occurred: error executing command in container: failed to exec"));
    assert!(message.ends_with("exec: \"nosuch\": executable file not found in $PATH: unknown"), "{message}");
    let (_, _, status) = exec(&lab, &["/nosuch"], b"").await;
    let message = status["message"].as_str().unwrap();
    assert!(message.ends_with("exec: \"/nosuch\": stat /nosuch: no such file or directory: unknown"), "{message}");
    let (_, _, status) = exec(&lab, &["/etc/passwd"], b"").await;
    let message = status["message"].as_str().unwrap();
    assert!(message.ends_with("exec: \"/etc/passwd\": permission denied: unknown"), "{message}");
    lab.until(async |lab| lab.toy.alive() == 0).await;
    lab.sandbox.stop().await;
}

#[tokio::test]
async fn terminals_change_their_size() {
    let lab = Lab::start(Version::V1_34).await;
    let mut process = lab.pods.exec("web", ["size"], &AttachParams::interactive_tty()).await.unwrap();
    let (mut sizes, mut out) = (process.terminal_size().unwrap(), process.stdout().unwrap());
    futures::SinkExt::send(&mut sizes, TerminalSize { width: 132, height: 43 }).await.unwrap();
    let mut line = [0; 7];
    tokio::time::timeout(LONG, out.read_exact(&mut line)).await.unwrap().unwrap();
    assert_eq!(&line, b"132x43\n");
    drop(out);
    process.abort();
    lab.until(async |lab| lab.toy.alive() == 0).await;
    lab.sandbox.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_takes_its_process_with_it() {
    let lab = Lab::start(Version::V1_34).await;
    let process = lab.pods.exec("web", ["sleep"], &AttachParams::default()).await.unwrap();
    lab.until(async |lab| lab.toy.alive() == 1).await;
    process.abort();
    drop(process);
    lab.until(async |lab| lab.toy.alive() == 0).await;

    let mut client = lab.spdy("web/exec?command=sleep&stdout=true", "v4.channel.k8s.io").await;
    client.open(1, &[("streamtype", "error")]).await;
    client.open(3, &[("streamtype", "stdout")]).await;
    lab.until(async |lab| lab.toy.alive() == 1).await;
    drop(client);
    lab.until(async |lab| lab.toy.alive() == 0).await;

    // The sandbox's end ends all that is open.
    let _process = lab.pods.exec("web", ["sleep"], &AttachParams::default()).await.unwrap();
    lab.until(async |lab| lab.toy.alive() == 1).await;
    let toy = lab.toy.clone();
    tokio::time::timeout(LONG, lab.sandbox.stop()).await.unwrap();
    assert_eq!(toy.alive(), 0);
}

#[tokio::test]
async fn commands_run_over_spdy() {
    let lab = Lab::start(Version::V1_20).await;
    let path = "web/exec?command=cat&stdin=true&stdout=true&stderr=true";
    let mut client = lab.spdy(path, "v4.channel.k8s.io").await;
    for (id, kind) in [(1, "error"), (3, "stdin"), (5, "stdout"), (7, "stderr")] {
        client.open(id, &[("streamtype", kind)]).await;
    }
    let much: Vec<u8> = (0..1_000_000u32).map(|number| (number % 241) as u8).collect();
    let (client, answers) = tokio::time::timeout(LONG, client.talk(3, &much, &[1, 5, 7])).await.unwrap();
    assert!(answers[&5] == much, "{} bytes came back", answers[&5].len());
    assert_eq!(serde_json::from_slice::<Value>(&answers[&1]).unwrap(), json!({"metadata": {}, "status": "Success"}));
    drop(client);
    lab.until(async |lab| lab.toy.alive() == 0).await;

    let mut client = lab.spdy("web/exec?command=nosuch&stdout=true", "v4.channel.k8s.io").await;
    client.open(1, &[("streamtype", "error")]).await;
    client.open(3, &[("streamtype", "stdout")]).await;
    client.open(5, &[("streamtype", "nonsense")]).await;
    let answers = tokio::time::timeout(LONG, client.listen(&[1, 3])).await.unwrap();
    assert_eq!(
        String::from_utf8(answers[&3].clone()).unwrap(),
        "OCI runtime exec failed: exec failed: unable to start container process: exec: \"nosuch\": executable file \
         not found in $PATH: unknown\r\n"
    );
    let status: Value = serde_json::from_slice(&answers[&1]).unwrap();
    assert_eq!(status["details"]["causes"][0]["message"], "126");
    lab.sandbox.stop().await;
}

#[tokio::test]
async fn the_output_of_a_main_process_can_be_attached_to() {
    let lab = Lab::start(Version::V1_34).await;
    let pod = json!({
        "metadata": { "name": "clock" },
        "spec": { "containers": [{
            "name": "c", "image": "busybox:1.36", "command": ["sh", "-c", "while true; do echo tick; sleep 1; done"],
        }] },
    });
    lab.pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    lab.until(async |lab| {
        let pod = lab.pods.get("clock").await.unwrap();
        pod.status.and_then(|status| status.phase).as_deref() == Some("Running")
    })
    .await;
    let mut process = lab.pods.attach("clock", &AttachParams::default()).await.unwrap();
    let mut out = process.stdout().unwrap();
    let mut text = [0; 10];
    tokio::time::timeout(LONG, out.read_exact(&mut text)).await.unwrap().unwrap();
    assert_eq!(&text, b"tick\ntick\n");
    let status = process.take_status().unwrap();
    drop(out);
    lab.pods.delete("clock", &DeleteParams::default().grace_period(0)).await.unwrap();
    let status = tokio::time::timeout(LONG, status).await.unwrap().unwrap();
    assert_eq!(status.status.as_deref(), Some("Success"));
    lab.sandbox.stop().await;
}

/// As `kubectl run -i --image=busybox:1.36 --restart=Never talk -- wget -O- web` does it.
#[tokio::test]
async fn a_main_process_with_an_input_runs_inside_its_container() {
    let lab = Lab::start(Version::V1_34).await;
    lab.sandbox.api().consoles().run_mains_by(Box::new(lab.toy.clone()));
    let pod = |name: &str| {
        json!({
            "metadata": { "name": name },
            "spec": { "restartPolicy": "Never", "containers": [{
                "name": "c", "image": "busybox:1.36", "args": ["wget", "-O-", "web"], "stdin": true, "stdinOnce": true,
            }] },
        })
    };
    let state = async |lab: &Lab, name: &str| {
        let pod = serde_json::to_value(lab.pods.get(name).await.unwrap()).unwrap();
        pod["status"]["containerStatuses"][0]["state"].clone()
    };
    for name in ["talk", "gone"] {
        lab.pods.create(&PostParams::default(), &serde_json::from_value(pod(name)).unwrap()).await.unwrap();
        lab.until(async |lab| !state(lab, name).await["running"].is_null()).await;
    }
    let mut process = lab.pods.attach("talk", &AttachParams::default().stdin(true)).await.unwrap();
    let (mut input, mut out) = (process.stdin().unwrap(), process.stdout().unwrap());
    input.write_all(b"hello\n").await.unwrap();
    input.shutdown().await.unwrap();
    drop(input);
    let mut text = String::new();
    tokio::time::timeout(LONG, out.read_to_string(&mut text)).await.unwrap().unwrap();
    assert_eq!(text, "talk 64: hello\n");
    lab.until(async |lab| state(lab, "talk").await["terminated"]["exitCode"] == 3).await;
    assert_eq!(lab.pods.logs("talk", &LogParams::default()).await.unwrap(), "talk 64: hello\n");

    assert_eq!(lab.toy.alive(), 1);
    lab.pods.delete("gone", &DeleteParams::default().grace_period(0)).await.unwrap();
    lab.until(async |lab| lab.toy.alive() == 0).await;
    lab.sandbox.stop().await;
}

#[tokio::test]
async fn garbage_ends_a_connection_and_harms_nobody() {
    let lab = Lab::start(Version::V1_34).await;
    let path = "web/exec?command=cat&stdin=true&stdout=true";
    let mut sound = lab.spdy(path, "v4.channel.k8s.io").await;
    for (id, kind) in [(1, "error"), (3, "stdin"), (5, "stdout")] {
        sound.open(id, &[("streamtype", kind)]).await;
    }
    let mut broken = lab.spdy(path, "v4.channel.k8s.io").await;
    broken.raw(b"\x80\x09GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(tokio::time::timeout(LONG, broken.next()).await.unwrap(), None);
    let (_, answers) = tokio::time::timeout(LONG, sound.talk(3, b"still here", &[1, 5])).await.unwrap();
    assert_eq!(answers[&5], b"still here");
    lab.sandbox.stop().await;
}

#[tokio::test]
async fn refusals_have_the_words_of_the_real_server() {
    let lab = Lab::start(Version::V1_20).await;
    let spdy = [("connection", "Upgrade"), ("upgrade", "SPDY/3.1"), ("x-stream-protocol-version", "v4.channel.k8s.io")];
    let said = async |path: &str| words(lab.ask(Method::POST, path, &spdy).await).await;
    let message = |text: &str| serde_json::from_str::<Value>(text).unwrap()["message"].as_str().unwrap().to_owned();

    let (code, text) = said("nosuch/exec?command=ls&stdout=true").await;
    assert_eq!((code, message(&text).as_str()), (404, "pods \"nosuch\" not found"));
    let (code, text) = said("web/exec?command=ls&stdout=true&container=zz").await;
    assert_eq!((code, message(&text).as_str()), (400, "container zz is not valid for pod web"));
    assert_eq!(
        said("web/exec?command=ls").await,
        (400, "you must specify at least 1 of stdin, stdout, stderr".to_owned())
    );
    assert_eq!(said("held/exec?command=ls&stdout=true").await, (500, "container not found (\"c\")".to_owned()));
    assert_eq!(said("held/attach?stdout=true").await, (500, "container c not found in pod held_default".to_owned()));
    let plain = words(lab.ask(Method::GET, "web/exec?command=ls&stdout=true", &[]).await).await;
    assert_eq!((plain.0, message(&plain.1).as_str()), (400, "Upgrade request required"));
    lab.sandbox.stop().await;
}

#[tokio::test]
async fn ports_are_forwarded_over_spdy() {
    let lab = Lab::start(Version::V1_34).await;
    let mut client = lab.spdy("web/portforward", "portforward.k8s.io").await;
    // Two connections at a time, to different ports, and one that is refused.
    for (id, port) in [("0", "7"), ("1", "13"), ("2", "99")] {
        let first = 1 + 4 * id.parse::<u32>().unwrap();
        client.open_with(first, &[("streamtype", "error"), ("port", port), ("requestid", id)], More::Finished).await;
        client.open(first + 2, &[("streamtype", "data"), ("port", port), ("requestid", id)]).await;
    }
    let (client, answers) = tokio::time::timeout(LONG, client.talk(3, b"echo", &[1, 3, 5, 7, 9, 11])).await.unwrap();
    assert_eq!((answers[&3].as_slice(), answers[&7].as_slice()), (&b"echo"[..], &b"13:00"[..]));
    assert_eq!((answers[&1].len(), answers[&5].len(), answers[&11].len()), (0, 0, 0));
    let refused = String::from_utf8(answers[&9].clone()).unwrap();
    assert!(refused.starts_with("error forwarding port 99 to pod "), "{refused}");
    assert!(refused.contains("dial tcp4 127.0.0.1:99: connect: connection refused"), "{refused}");
    drop(client);
    lab.until(async |lab| lab.toy.alive() == 0).await;
    lab.sandbox.stop().await;
}

#[tokio::test]
async fn ports_are_forwarded_to_kubes_own_client() {
    let lab = Lab::start(Version::V1_34).await;
    let mut forwarder = lab.pods.portforward("web", &[7, 13]).await.unwrap();
    let (mut echo, mut day) = (forwarder.take_stream(7).unwrap(), forwarder.take_stream(13).unwrap());
    let talk = async {
        let mut text = [0; 5];
        day.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"13:00");
        echo.write_all(b"hello").await.unwrap();
        let mut back = [0; 5];
        echo.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"hello");
    };
    tokio::time::timeout(LONG, talk).await.unwrap();
    drop((echo, day));
    forwarder.abort();
    lab.until(async |lab| lab.toy.alive() == 0).await;
    lab.sandbox.stop().await;
}

#[tokio::test]
async fn streams_that_break_the_rules_are_reset() {
    let lab = Lab::start(Version::V1_34).await;
    let mut client = lab.spdy("web/portforward", "portforward.k8s.io").await;
    client.open(2, &[("streamtype", "data"), ("port", "7"), ("requestid", "0")]).await;
    assert_eq!(client.next().await, Some(Frame::Reset { stream: 2 }));
    client.send(9, b"to nobody", More::Open).await;
    assert_eq!(client.next().await, Some(Frame::Reset { stream: 9 }));
    client.ping(5).await;
    assert_eq!(client.next().await, Some(Frame::Ping { id: 5 }));
    lab.sandbox.stop().await;
}
