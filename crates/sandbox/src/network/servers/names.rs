//! CoreDNS: names over UDP and TCP.

use shell::{Peer, Protocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::network::dns::{self, Scope, Transport};

use super::Running;

/// The longest question.
const LONGEST: usize = 4096;

/// Serves a client of the cluster's names.
pub(super) async fn serve(running: &Running, peer: Peer, protocol: Protocol) {
    let answer = |message: &[u8], by| {
        let network = running.network()?;
        dns::answer(Scope::Cluster(&network.topology()), message, by)
    };
    converse(peer, protocol, answer).await;
}

/// Serves a client of the names outside.
pub(super) async fn outside(peer: Peer, protocol: Protocol) {
    converse(peer, protocol, |message, by| dns::answer(Scope::Outside, message, by)).await;
}

/// Answers a client: each datagram, or each message with its length before it (RFC 1035, section 4.2.2).
async fn converse(mut peer: Peer, protocol: Protocol, answer: impl Fn(&[u8], Transport) -> Option<Vec<u8>>) {
    let mut buffer = vec![0; LONGEST];
    loop {
        let length = match protocol {
            Protocol::Udp => match peer.stream.read(&mut buffer).await {
                Ok(length) if length > 0 => length,
                Ok(_) | Err(_) => return,
            },
            Protocol::Tcp => {
                let Ok(length) = peer.stream.read_u16().await else { return };
                let length = usize::from(length);
                let Some(space) = buffer.get_mut(..length) else { return };
                if peer.stream.read_exact(space).await.is_err() {
                    return;
                }
                length
            }
        };
        let Some(message) = buffer.get(..length) else { return };
        let by = match protocol {
            Protocol::Udp => Transport::Datagram,
            Protocol::Tcp => Transport::Stream,
        };
        let Some(answer) = answer(message, by) else { continue };
        let framed = match by {
            Transport::Datagram => answer,
            Transport::Stream => {
                let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
                [length.to_be_bytes().as_slice(), &answer].concat()
            }
        };
        if peer.stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}
