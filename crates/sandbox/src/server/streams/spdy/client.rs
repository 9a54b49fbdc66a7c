//! The other side of a connection, for tests.

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::frame::{self, Decoder, Encoder, Frame, More};

/// A client.
pub(crate) struct Client<T> {
    reader: Reader<T>,
    writer: WriteHalf<T>,
    encoder: Encoder,
}

struct Reader<T> {
    io: ReadHalf<T>,
    decoder: Decoder,
}

impl<T: AsyncRead> Reader<T> {
    async fn next(&mut self) -> Option<Frame> {
        let mut chunk = vec![0; 4096];
        loop {
            match self.decoder.next().expect("the server speaks SPDY") {
                Some(Frame::Other | Frame::Reply { .. }) => {}
                Some(frame) => return Some(frame),
                None => match self.io.read(&mut chunk).await {
                    Ok(0) | Err(_) => return None,
                    Ok(length) => self.decoder.feed(&chunk[..length]),
                },
            }
        }
    }

    /// Reads until these streams have ended.
    async fn listen(&mut self, streams: &[u32]) -> BTreeMap<u32, Vec<u8>> {
        let mut answers: BTreeMap<u32, Vec<u8>> = streams.iter().map(|stream| (*stream, Vec::new())).collect();
        let mut open = streams.to_vec();
        while !open.is_empty() {
            match self.next().await.expect("the streams end before the connection") {
                Frame::Data { stream, bytes, more } => {
                    answers.entry(stream).or_default().extend_from_slice(&bytes);
                    if more == More::Finished {
                        open.retain(|one| *one != stream);
                    }
                }
                Frame::Reset { stream } => open.retain(|one| *one != stream),
                Frame::Open { .. } | Frame::Reply { .. } | Frame::Ping { .. } | Frame::GoAway | Frame::Other => {}
            }
        }
        answers
    }
}

impl<T: AsyncRead + AsyncWrite> Client<T> {
    /// Takes over a connection.
    pub(crate) fn new(io: T) -> Self {
        let (reader, writer) = tokio::io::split(io);
        Self { reader: Reader { io: reader, decoder: Decoder::new() }, writer, encoder: Encoder::new() }
    }

    /// Sends bytes as they are.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
        self.writer.flush().await.unwrap();
    }

    /// Opens a stream.
    pub(crate) async fn open(&mut self, stream: u32, headers: &[(&str, &str)]) {
        self.open_with(stream, headers, More::Open).await;
    }

    /// Opens a stream that this side may have ended at once.
    pub(crate) async fn open_with(&mut self, stream: u32, headers: &[(&str, &str)], more: More) {
        let mut bytes = Vec::new();
        self.encoder.open(stream, headers, more, &mut bytes).unwrap();
        self.raw(&bytes).await;
    }

    /// Sends data.
    pub(crate) async fn send(&mut self, stream: u32, bytes: &[u8], more: More) {
        let mut frame = Vec::new();
        frame::data(stream, bytes, more, &mut frame);
        self.raw(&frame).await;
    }

    /// Asks for a sign of life.
    pub(crate) async fn ping(&mut self, id: u32) {
        let mut frame = Vec::new();
        frame::ping(id, &mut frame);
        self.raw(&frame).await;
    }

    /// Returns the next frame that says something; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        self.reader.next().await
    }

    /// Reads until these streams have ended.
    pub(crate) async fn listen(&mut self, streams: &[u32]) -> BTreeMap<u32, Vec<u8>> {
        self.reader.listen(streams).await
    }

    /// Sends everything on a stream and ends it, and reads at the same time until these streams have ended.
    pub(crate) async fn talk(mut self, stream: u32, bytes: &[u8], until: &[u32]) -> (Self, BTreeMap<u32, Vec<u8>>) {
        let mut frames = Vec::new();
        for part in bytes.chunks(30_000) {
            frame::data(stream, part, More::Open, &mut frames);
        }
        frame::data(stream, &[], More::Finished, &mut frames);
        let write = async {
            self.writer.write_all(&frames).await.unwrap();
            self.writer.flush().await.unwrap();
        };
        let ((), answers) = tokio::join!(write, self.reader.listen(until));
        (self, answers)
    }
}
