//! The two ends of simulated connections, in memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use shell::{Protocol, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

/// How many bytes of a connection may be under way in one direction.
const WINDOW: usize = 16 * 1024;
/// How many datagrams may wait in one direction; more are lost, as on a real network.
const DATAGRAMS: usize = 32;
/// The longest datagram.
const LONGEST: usize = 65_507;

/// Returns both ends of a connection: the client's, the server's.
pub(super) fn pair(protocol: Protocol) -> (Box<dyn Stream>, Box<dyn Stream>) {
    match protocol {
        Protocol::Tcp => {
            let (client, server) = tokio::io::duplex(WINDOW);
            (Box::new(client), Box::new(server))
        }
        Protocol::Udp => {
            let (to_server, from_client) = mpsc::channel(DATAGRAMS);
            let (to_client, from_server) = mpsc::channel(DATAGRAMS);
            (Box::new(Datagrams::new(to_server, from_server)), Box::new(Datagrams::new(to_client, from_client)))
        }
    }
}

/// One end of a flow of datagrams: each write is one, each read gives one (what does not fit is lost).
struct Datagrams {
    sender: Option<PollSender<Vec<u8>>>,
    receiver: mpsc::Receiver<Vec<u8>>,
}

impl Datagrams {
    fn new(sender: mpsc::Sender<Vec<u8>>, receiver: mpsc::Receiver<Vec<u8>>) -> Datagrams {
        Datagrams { sender: Some(PollSender::new(sender)), receiver }
    }
}

impl AsyncRead for Datagrams {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.receiver.poll_recv(context) {
            Poll::Ready(Some(datagram)) => {
                let length = datagram.len().min(buffer.remaining());
                buffer.put_slice(&datagram[..length]);
                Poll::Ready(Ok(()))
            }
            // The other end is gone.
            Poll::Ready(None) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Datagrams {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if data.len() > LONGEST {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidInput, "message too long")));
        }
        let Some(sender) = self.sender.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        match sender.poll_reserve(context) {
            Poll::Ready(Ok(())) => {
                // The place was just reserved.
                let _ = sender.send_item(data.to_vec());
                Poll::Ready(Ok(data.len()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sender = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn datagrams_keep_their_bounds_and_bytes_do_not() {
        let (mut client, mut server) = pair(Protocol::Udp);
        let mut buffer = [0; 64];
        client.write_all(b"one").await.unwrap();
        client.write_all(b"two").await.unwrap();
        assert_eq!(server.read(&mut buffer).await.unwrap(), 3);
        assert_eq!(&buffer[..3], b"one");
        server.write_all(b"answer").await.unwrap();
        assert_eq!(client.read(&mut buffer).await.unwrap(), 6);
        drop(client);
        assert_eq!(server.read(&mut buffer).await.unwrap(), 3);
        assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
        assert!(server.write_all(b"late").await.is_err());
        let (mut client, mut server) = pair(Protocol::Tcp);
        client.write_all(b"one").await.unwrap();
        client.write_all(b"two").await.unwrap();
        assert_eq!(server.read(&mut buffer).await.unwrap(), 6);
    }
}
