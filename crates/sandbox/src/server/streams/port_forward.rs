//! `pods/portforward`: connections from the client's machine to ports of a Pod.
//!
//! `kubectl` opens two SPDY streams a connection, one for data and one for an error's words, raw or inside a
//! WebSocket; other clients use a WebSocket with two channels a port.
//!
//! Source: `k8s.io/client-go/tools/portforward`, and the kubelet's `portforward` server.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures::stream::FuturesUnordered;
use futures::{SinkExt as _, StreamExt as _};
use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use shell::ConnectError;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_tungstenite::tungstenite::Message;

use super::session::{Gone, PARTING, PING, SILENCE};
use super::spdy::{self, Incoming, Stream};
use super::tunnel::Tunnel;
use super::websocket;
use crate::Version;
use crate::clock::Clock;
use crate::fields::uid;
use crate::store::Object;

/// What is spoken over SPDY.
pub(super) const SPDY: &[(&str, ())] = &[("portforward.k8s.io", ())];
/// What is spoken over a WebSocket.
pub(super) const WEBSOCKET: &[(&str, Framing)] = &[
    ("SPDY/3.1+portforward.k8s.io", Framing::Tunnel),
    ("v4.channel.k8s.io", Framing::Channels),
    ("", Framing::Channels),
];
/// How many bytes are carried at once.
const CHUNK: usize = 16 * 1024;
/// How many chunks wait to be taken.
const WAITING: usize = 8;
/// How many ports one WebSocket may name: its channels have numbers of one byte.
const PORTS: usize = 64;

/// A connection to a port under way.
pub(crate) type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn shell::Stream>, ConnectError>> + Send>>;

/// What listens inside Pods.
pub(crate) trait Ports: Send + Sync {
    /// Connects to a port of a Pod, as from within it: no policy stands in the way.
    fn connect(&self, pod: Object, port: u16) -> Connecting;
}

/// How connections share a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// As SPDY streams.
    Tunnel,
    /// As two channels a port, for the ports that the query names.
    Channels,
}

/// The Pod that is forwarded to.
#[derive(Clone)]
pub(super) struct Destination {
    /// What listens inside Pods.
    pub(super) ports: Arc<dyn Ports>,
    /// The Pod.
    pub(super) pod: Object,
    /// The time, for the words of an error.
    pub(super) clock: Clock,
    /// The emulated version, whose words are used.
    pub(super) version: Version,
}

/// Serves SPDY until the client has gone.
pub(super) async fn serve(upgraded: Upgraded, destination: Destination) {
    over_spdy(TokioIo::new(upgraded), destination).await;
}

/// Serves SPDY inside a WebSocket until the client has gone.
pub(super) async fn serve_tunnel(upgraded: Upgraded, destination: Destination) {
    over_spdy(Tunnel::new(websocket::open(upgraded).await), destination).await;
}

async fn over_spdy(io: impl AsyncRead + AsyncWrite + Send, destination: Destination) {
    let (driver, mut connection) = spdy::serve(io);
    let work = async {
        let (mut halves, mut forwards) = (HashMap::new(), FuturesUnordered::new());
        loop {
            tokio::select! {
                incoming = connection.accept() => match incoming {
                    Some(incoming) => {
                        if let Some(pair) = pair(&mut halves, incoming).await {
                            forwards.push(forward(&destination, pair));
                        }
                    }
                    None => return,
                },
                Some(()) = forwards.next(), if !forwards.is_empty() => {}
            }
        }
    };
    tokio::select! {
        done = driver => {
            if let Err(error) = done {
                tracing::debug!(%error, "a SPDY connection ended");
            }
        }
        () = work => {}
    }
}

/// The two streams of one connection.
struct Pair {
    port: u16,
    data: Stream,
    error: Stream,
}

/// Puts a stream to the other one of its connection; gives both once they are there.
async fn pair(halves: &mut HashMap<String, Incoming>, incoming: Incoming) -> Option<Pair> {
    let port = incoming.header("port").parse().ok().filter(|port: &u16| *port > 0);
    let (Some(port), "data" | "error") = (port, incoming.header("streamtype")) else {
        incoming.stream.refuse().await;
        return None;
    };
    let id = incoming.header("requestid").to_owned();
    let Some(other) = halves.remove(&id) else {
        halves.insert(id, incoming);
        return None;
    };
    match (incoming.header("streamtype"), other.header("streamtype")) {
        ("data", "error") => Some(Pair { port, data: incoming.stream, error: other.stream }),
        ("error", "data") => Some(Pair { port, data: other.stream, error: incoming.stream }),
        _ => {
            incoming.stream.refuse().await;
            halves.insert(id, other);
            None
        }
    }
}

async fn forward(destination: &Destination, pair: Pair) {
    let Pair { port, data, error } = pair;
    match destination.ports.connect(Object::clone(&destination.pod), port).await {
        Ok(stream) => {
            tokio::select! {
                () = carry(stream, data.input, &data.output) => {}
                () = data.output.ended() => {}
            }
        }
        Err(why) => {
            let words = refusal(destination, port, &why);
            if error.output.write(Bytes::from(words)).await.is_err() {
                return;
            }
        }
    }
    let _ = error.output.finish().await;
    let _ = data.output.finish().await;
}

/// Returns the runtime's words for a port that cannot be reached.
fn refusal(destination: &Destination, port: u16, why: &ConnectError) -> String {
    let id = uid(&destination.pod).replace('-', "").repeat(2);
    let cause = match why {
        ConnectError::Refused => "connection refused",
        ConnectError::TimedOut => "connection timed out",
        ConnectError::NoRoute => "no route to host",
        ConnectError::Unreachable => "network is unreachable",
    };
    match destination.version {
        Version::V1_20 => format!(
            "error forwarding port {port} to pod {id}, uid : exit status 1: {} socat[{}] E connect(5, AF=2 \
             127.0.0.1:{port}, 16): {}{}\n",
            destination.clock.now().strftime("%Y/%m/%d %H:%M:%S"),
            10_000 + port / 10,
            cause[..1].to_uppercase(),
            &cause[1..]
        ),
        Version::V1_24 | Version::V1_34 => format!(
            "error forwarding port {port} to pod {id}, uid : failed to execute portforward in network namespace \
             \"/var/run/netns/cni-{}\": failed to connect to localhost:{port} inside namespace {id:?}, IPv4: dial \
             tcp4 127.0.0.1:{port}: connect: {cause} IPv6 dial tcp6: address localhost: no suitable address found ",
            uid(&destination.pod)
        ),
    }
}

/// The end of a connection that comes from the client.
trait Source {
    /// Returns the next bytes; `None` at the end.
    fn read(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// The end of a connection that goes to the client.
trait Drain {
    /// Sends bytes; waits while the client does not take them.
    fn write(&self, bytes: Bytes) -> impl Future<Output = Result<(), Gone>> + Send;
}

impl Source for spdy::Input {
    async fn read(&mut self) -> Option<Bytes> {
        spdy::Input::read(self).await
    }
}

impl Drain for spdy::Output {
    async fn write(&self, bytes: Bytes) -> Result<(), Gone> {
        spdy::Output::write(self, bytes).await
    }
}

/// Carries bytes both ways until the Pod's side has ended.
async fn carry(stream: Box<dyn shell::Stream>, mut source: impl Source, drain: &impl Drain) {
    let (mut from_pod, mut to_pod) = tokio::io::split(stream);
    let up = async {
        while let Some(bytes) = source.read().await {
            if to_pod.write_all(&bytes).await.is_err() || to_pod.flush().await.is_err() {
                break;
            }
        }
        let _ = to_pod.shutdown().await;
        // The Pod may still have something to say.
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = from_pod.read(&mut chunk).await {
            if drain.write(Bytes::copy_from_slice(&chunk[..length])).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

/// Reads the ports that a query names, each alone or several with commas.
pub(super) fn ports<'a>(values: impl Iterator<Item = &'a str>) -> Result<Vec<u16>, String> {
    let mut ports = Vec::new();
    for text in values.flat_map(|value| value.split(',')) {
        match text.parse::<u16>() {
            Ok(0) => return Err(format!("port {text:?} must be > 0")),
            Ok(port) if ports.len() < PORTS => ports.push(port),
            Ok(_) => return Err(format!("at most {PORTS} ports may be forwarded")),
            Err(_) => return Err(format!("unable to parse {text:?} as a port")),
        }
    }
    if ports.is_empty() { Err("query parameter \"port\" is required".to_owned()) } else { Ok(ports) }
}

/// One end of a channel of a WebSocket.
struct ChannelInput(mpsc::Receiver<Bytes>);
struct ChannelOutput {
    channel: u8,
    queue: mpsc::Sender<(u8, Bytes)>,
}

impl Source for ChannelInput {
    async fn read(&mut self) -> Option<Bytes> {
        self.0.recv().await
    }
}

impl Drain for ChannelOutput {
    async fn write(&self, bytes: Bytes) -> Result<(), Gone> {
        self.queue.send((self.channel, bytes)).await.map_err(|_| Gone)
    }
}

/// Serves the channels of a WebSocket until all connections have ended or the client has gone.
pub(super) async fn serve_channels(upgraded: Upgraded, destination: Destination, ports: Vec<u16>) {
    let (mut sink, mut source) = websocket::open(upgraded).await.split();
    let (queue, mut items) = mpsc::channel::<(u8, Bytes)>(WAITING);
    let (mut inputs, forwards) = (Vec::new(), FuturesUnordered::new());
    for (channel, port) in (0u8..).step_by(2).zip(ports) {
        let (sender, input) = mpsc::channel(WAITING);
        inputs.push(Some(sender));
        let (data, error) = (
            ChannelOutput { channel, queue: queue.clone() },
            ChannelOutput { channel: channel + 1, queue: queue.clone() },
        );
        let destination = &destination;
        forwards.push(async move {
            // Each channel begins with the number of its port.
            let number = Bytes::copy_from_slice(&port.to_le_bytes());
            if data.write(number.clone()).await.is_err() || error.write(number).await.is_err() {
                return;
            }
            match destination.ports.connect(Object::clone(&destination.pod), port).await {
                Ok(stream) => carry(stream, ChannelInput(input), &data).await,
                Err(why) => drop(error.write(Bytes::from(refusal(destination, port, &why))).await),
            }
        });
    }
    drop(queue);
    let reader = async {
        while let Ok(Some(Ok(message))) = tokio::time::timeout(SILENCE, source.next()).await {
            let bytes = match message {
                Message::Binary(bytes) => bytes,
                Message::Close(_) => return,
                Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            let Some((channel, rest)) = bytes.split_first() else { continue };
            // Even channels carry data; nothing comes on the others.
            let input = inputs.get_mut(usize::from(channel / 2)).filter(|_| channel % 2 == 0);
            if let Some(sender) = input.and_then(|input| input.as_ref()) {
                let _ = sender.send(bytes.slice_ref(rest)).await;
            }
        }
    };
    let writer = async {
        let mut pings = interval_at(Instant::now() + PING, PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                item = items.recv() => match item {
                    Some((channel, bytes)) => Message::binary([&[channel], bytes.as_ref()].concat()),
                    // All connections have ended.
                    None => break,
                },
                _ = pings.tick() => Message::Ping(Bytes::new()),
            };
            if sink.send(message).await.is_err() {
                return;
            }
        }
        let _ = sink.send(Message::Close(None)).await;
        tokio::time::sleep(PARTING).await;
    };
    let all = async {
        forwards.collect::<()>().await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = reader => {}
        () = writer => {}
        () = all => {}
    }
}
