//! Processes over a WebSocket: one channel a message, named by its first byte (`v5.channel.k8s.io` and before).
//!
//! Source of the format: `k8s.io/apimachinery/pkg/util/remotecommand` and `k8s.io/apiserver`'s `wsstream`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::{SinkExt as _, Stream, StreamExt as _, stream::SplitSink};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::session::{Channel, Demand, Gone, Input, Insides, PARTING, SILENCE, Session, Wire};

/// The greatest message that a client may send; `kubectl` sends 32 KiB at most.
const MESSAGE: usize = 4 * 1024 * 1024;
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
/// Ends the channel that the next byte names (v5).
const CLOSE: u8 = 255;

/// A WebSocket of ours.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What differs between the protocols' versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    coding: Coding,
    verdict: Verdict,
}

/// How bytes are put in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// As they are, in binary messages; the channel is a number.
    Binary,
    /// As base64, in text messages; the channel is a digit.
    Base64,
}

/// How the end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// As a `Status`.
    Status,
    /// As a sentence; nothing if all went well.
    Sentence,
}

const fn dialect(coding: Coding, verdict: Verdict) -> Dialect {
    Dialect { coding, verdict }
}

/// What is spoken for `exec` and `attach`, the newest first. The last is for clients that name none.
pub(super) const PROTOCOLS: &[(&str, Dialect)] = &[
    ("v5.channel.k8s.io", dialect(Coding::Binary, Verdict::Status)),
    ("v4.channel.k8s.io", dialect(Coding::Binary, Verdict::Status)),
    ("v4.base64.channel.k8s.io", dialect(Coding::Base64, Verdict::Status)),
    ("channel.k8s.io", dialect(Coding::Binary, Verdict::Sentence)),
    ("base64.channel.k8s.io", dialect(Coding::Base64, Verdict::Sentence)),
    ("", dialect(Coding::Binary, Verdict::Sentence)),
];

/// Takes over a connection on which the handshake is done.
pub(super) async fn open(upgraded: Upgraded) -> Socket {
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(MESSAGE);
    config.max_frame_size = Some(MESSAGE);
    // A client that does not read makes the process wait, not the memory grow.
    config.write_buffer_size = 0;
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await
}

/// Serves one process until it has ended or the client has gone.
pub(super) async fn serve(insides: Insides, upgraded: Upgraded, demand: Demand, dialect: Dialect) {
    let (sink, source) = open(upgraded).await.split();
    let mut wire = Outputs { sink, dialect };
    // Tells clients that all is set up, as the real server does.
    let first = match (demand.stdout, demand.stderr) {
        (true, _) => STDOUT,
        (false, true) => STDERR,
        (false, false) => ERROR,
    };
    if wire.put(first, &[]).await.is_err() {
        return;
    }
    let (session, input) = Session::start(&insides, demand);
    let outputs = async {
        if session.drive(&mut wire).await.is_ok() {
            tokio::time::sleep(PARTING).await;
        }
    };
    tokio::select! {
        () = outputs => {}
        () = read(source, input, dialect) => {}
    }
}

/// Takes what the client sends, until it goes.
async fn read(mut source: impl Stream<Item = Result<Message, Error>> + Unpin, mut input: Input, dialect: Dialect) {
    while let Ok(Some(Ok(message))) = tokio::time::timeout(SILENCE, source.next()).await {
        let bytes = match (message, dialect.coding) {
            (Message::Binary(bytes), Coding::Binary) => bytes,
            (Message::Text(text), Coding::Binary) => Bytes::from(text),
            (Message::Text(text), Coding::Base64) => match unfold(text.as_bytes()) {
                Some(bytes) => bytes,
                None => return,
            },
            (Message::Binary(bytes), Coding::Base64) => match unfold(&bytes) {
                Some(bytes) => bytes,
                None => return,
            },
            (Message::Ping(_) | Message::Pong(_) | Message::Frame(_), _) => continue,
            (Message::Close(_), _) => return,
        };
        match (bytes.first(), bytes.get(1..).unwrap_or_default()) {
            (Some(&STDIN), bytes) => input.write(bytes).await,
            (Some(&RESIZE), size) => input.resize(size),
            (Some(&CLOSE), [STDIN]) => input.end(),
            _ => {}
        }
    }
}

/// Makes `[channel, bytes…]` of a digit and base64.
fn unfold(text: &[u8]) -> Option<Bytes> {
    let (channel, text) = text.split_first()?;
    let mut bytes = vec![channel.wrapping_sub(b'0')];
    BASE64_STANDARD.decode_vec(text, &mut bytes).ok()?;
    Some(Bytes::from(bytes))
}

struct Outputs {
    sink: SplitSink<Socket, Message>,
    dialect: Dialect,
}

impl Outputs {
    async fn put(&mut self, channel: u8, bytes: &[u8]) -> Result<(), Gone> {
        let message = match self.dialect.coding {
            Coding::Binary => {
                let mut message = Vec::with_capacity(bytes.len() + 1);
                message.push(channel);
                message.extend_from_slice(bytes);
                Message::binary(message)
            }
            Coding::Base64 => {
                let mut text = String::from(char::from(b'0' + channel));
                BASE64_STANDARD.encode_string(bytes, &mut text);
                Message::text(text)
            }
        };
        self.sink.send(message).await.map_err(|_| Gone)
    }
}

impl Wire for Outputs {
    async fn send(&mut self, channel: Channel, bytes: &[u8]) -> Result<(), Gone> {
        let channel = match channel {
            Channel::Stdout => STDOUT,
            Channel::Stderr => STDERR,
        };
        self.put(channel, bytes).await
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        self.sink.send(Message::Ping(Bytes::new())).await.map_err(|_| Gone)
    }

    async fn finish(&mut self, verdict: Value) -> Result<(), Gone> {
        let text = match self.dialect.verdict {
            Verdict::Status => verdict.to_string(),
            Verdict::Sentence => verdict["message"].as_str().unwrap_or_default().to_owned(),
        };
        if !text.is_empty() {
            self.put(ERROR, text.as_bytes()).await?;
        }
        let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        self.sink.send(Message::Close(Some(close))).await.map_err(|_| Gone)
    }
}
