//! A connection's streams: one future reads and writes frames, and each stream has its two ends.
//!
//! Windows: peers of Kubernetes keep none (its SPDY library neither counts nor sends window updates), so what goes
//! out is not held back by them; for a client that counts, each byte that was passed on is given back. What holds
//! memory down are the bounds of the queues: a stream that nobody reads makes the connection wait, as in the kubelet.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::frame::{self, Decoder, Encoder, Frame, FrameError, More, Reset};
use super::headers::Headers;
use crate::server::streams::session::{Gone, PING, SILENCE};

/// How many streams a client may have open.
const STREAMS: usize = 256;
/// How many bytes are read at once.
const CHUNK: usize = 16 * 1024;
/// How many chunks of a stream wait to be taken.
const WAITING: usize = 8;
/// How many frames wait to be written.
const QUEUE: usize = 8;
/// How many bytes go out at once.
const BATCH: usize = 64 * 1024;

/// A connection, to take the streams from that the client opens.
pub(crate) struct Connection {
    incoming: mpsc::Receiver<Incoming>,
}

/// A stream that the client opened.
pub(crate) struct Incoming {
    /// What it is for. Names are in small letters.
    pub(crate) headers: Headers,
    /// Its two ends.
    pub(crate) stream: Stream,
}

impl Incoming {
    /// Returns a header, empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

/// The two ends of a stream. It is open as long as one of them is held.
pub(crate) struct Stream {
    /// What the client sends.
    pub(crate) input: Input,
    /// What the client gets.
    pub(crate) output: Output,
}

/// The end of a stream that comes from the client.
pub(crate) struct Input {
    _entry: Arc<Registration>,
    chunks: mpsc::Receiver<Bytes>,
}

/// The end of a stream that goes to the client.
pub(crate) struct Output {
    entry: Arc<Registration>,
    queue: mpsc::Sender<Item>,
}

impl Connection {
    /// Returns the next stream that the client opens; `None` once it has gone.
    pub(crate) async fn accept(&mut self) -> Option<Incoming> {
        self.incoming.recv().await
    }
}

impl Stream {
    /// Ends the stream at once, since it is not wanted.
    pub(crate) async fn refuse(self) {
        let _ = self.output.queue.send(Item::Reset(self.output.entry.id, Reset::Refused)).await;
    }
}

impl Input {
    /// Returns the next bytes; `None` at the end.
    pub(crate) async fn read(&mut self) -> Option<Bytes> {
        self.chunks.recv().await
    }
}

impl Output {
    /// Sends bytes; waits while the client does not take them.
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), Gone> {
        if self.entry.reset.is_cancelled() {
            return Err(Gone);
        }
        self.queue.send(Item::Data(self.entry.id, bytes)).await.map_err(|_| Gone)
    }

    /// Says that nothing more comes.
    pub(crate) async fn finish(&self) -> Result<(), Gone> {
        self.queue.send(Item::Finish(self.entry.id)).await.map_err(|_| Gone)
    }

    /// Waits until the client has ended the stream at once, or has gone.
    pub(crate) async fn ended(&self) {
        tokio::select! {
            () = self.entry.reset.cancelled() => {}
            () = self.queue.closed() => {}
        }
    }
}

/// What is to be written.
enum Item {
    Reply(u32),
    Data(u32, Bytes),
    Finish(u32),
    Reset(u32, Reset),
    Ping(u32),
    Window(u32, u32),
}

/// The streams that are open. Clones share them.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<HashMap<u32, Entry>>>);

struct Entry {
    /// `None` once the client sends no more.
    input: Option<mpsc::Sender<Bytes>>,
    reset: CancellationToken,
}

/// Keeps a stream in the table as long as somebody holds an end of it.
struct Registration {
    id: u32,
    table: Table,
    reset: CancellationToken,
    _seat: OwnedSemaphorePermit,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.table.lock().remove(&self.id);
    }
}

/// Why a connection ended, if not by the client's wish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// The bytes were no SPDY.
    #[error("the client does not speak SPDY/3.1")]
    Frame(#[from] FrameError),
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
    /// Nothing came for too long.
    #[error("the client was silent for {0:?}")]
    Silent(Duration),
}

/// Serves a connection: the future is to be polled until it ends, which is when the client goes.
pub(crate) fn serve<T: AsyncRead + AsyncWrite + Send>(
    io: T,
) -> (impl Future<Output = Result<(), ConnectionError>> + Send, Connection) {
    let (new, incoming) = mpsc::channel(WAITING);
    let (queue, items) = mpsc::channel(QUEUE);
    let (reader, writer) = tokio::io::split(io);
    let reader = Reader {
        table: Table::default(),
        seats: Arc::new(Semaphore::new(STREAMS)),
        last: 0,
        new,
        queue: queue.clone(),
    }
    .run(reader);
    let driver = async move {
        tokio::select! {
            done = reader => done,
            done = write(writer, items) => done,
            () = keep_alive(queue) => Ok(()),
        }
    };
    (driver, Connection { incoming })
}

struct Reader {
    table: Table,
    seats: Arc<Semaphore>,
    /// The greatest number of a stream so far.
    last: u32,
    new: mpsc::Sender<Incoming>,
    queue: mpsc::Sender<Item>,
}

impl Reader {
    async fn run<T: AsyncRead>(mut self, mut io: ReadHalf<T>) -> Result<(), ConnectionError> {
        let (mut decoder, mut chunk) = (Decoder::new(), vec![0; CHUNK]);
        loop {
            let read = tokio::time::timeout(SILENCE, io.read(&mut chunk)).await;
            let read = read.map_err(|_| ConnectionError::Silent(SILENCE))??;
            if read == 0 {
                return Ok(());
            }
            decoder.feed(&chunk[..read]);
            while let Some(frame) = decoder.next()? {
                self.take(frame).await;
            }
        }
    }

    async fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Open { stream, headers, more } => self.open(stream, headers, more).await,
            Frame::Data { stream, bytes, more } => self.data(stream, bytes, more).await,
            Frame::Reset { stream } => {
                if let Some(mut entry) = self.table.lock().remove(&stream) {
                    entry.input = None;
                    entry.reset.cancel();
                }
            }
            // Ours are even; answers to them need no answer.
            Frame::Ping { id } if !id.is_multiple_of(2) => self.put(Item::Ping(id)).await,
            Frame::Ping { .. } | Frame::Reply { .. } | Frame::GoAway | Frame::Other => {}
        }
    }

    async fn open(&mut self, id: u32, headers: Headers, more: More) {
        if id.is_multiple_of(2) || id <= self.last {
            return self.put(Item::Reset(id, Reset::Protocol)).await;
        }
        self.last = id;
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            return self.put(Item::Reset(id, Reset::Refused)).await;
        };
        let (sender, chunks) = mpsc::channel(WAITING);
        let reset = CancellationToken::new();
        let entry = Entry { input: (more == More::Open).then_some(sender), reset: reset.clone() };
        self.table.lock().insert(id, entry);
        let entry = Arc::new(Registration { id, table: self.table.clone(), reset, _seat: seat });
        let input = Input { _entry: Arc::clone(&entry), chunks };
        let stream = Stream { input, output: Output { entry, queue: self.queue.clone() } };
        self.put(Item::Reply(id)).await;
        // Whoever takes no more streams drops this one.
        let _ = self.new.send(Incoming { headers, stream }).await;
    }

    async fn data(&mut self, id: u32, bytes: Bytes, more: More) {
        let input = self.table.lock().get(&id).map(|entry| entry.input.clone());
        let Some(input) = input else {
            // What was on its way when a stream ended is dropped.
            if id > self.last || id.is_multiple_of(2) {
                self.put(Item::Reset(id, Reset::InvalidStream)).await;
            }
            return;
        };
        let length = u32::try_from(bytes.len()).unwrap_or_default();
        if let Some(input) = input.filter(|_| length > 0) {
            let _ = input.send(bytes).await;
        }
        if more == More::Finished {
            if let Some(entry) = self.table.lock().get_mut(&id) {
                entry.input = None;
            }
        } else if length > 0 {
            self.put(Item::Window(id, length)).await;
        }
    }

    async fn put(&self, item: Item) {
        // A writer that has ended ends the connection.
        let _ = self.queue.send(item).await;
    }
}

async fn write<T: AsyncWrite>(mut io: WriteHalf<T>, mut items: mpsc::Receiver<Item>) -> Result<(), ConnectionError> {
    let (mut encoder, mut batch) = (Encoder::new(), Vec::with_capacity(BATCH));
    while let Some(item) = items.recv().await {
        encode(&mut encoder, item, &mut batch)?;
        while batch.len() < BATCH
            && let Ok(item) = items.try_recv()
        {
            encode(&mut encoder, item, &mut batch)?;
        }
        io.write_all(&batch).await?;
        io.flush().await?;
        batch.clear();
    }
    Ok(())
}

fn encode(encoder: &mut Encoder, item: Item, batch: &mut Vec<u8>) -> Result<(), FrameError> {
    match item {
        Item::Reply(stream) => encoder.reply(stream, batch)?,
        Item::Data(stream, bytes) => {
            for part in bytes.chunks(frame::DATA) {
                frame::data(stream, part, More::Open, batch);
            }
        }
        Item::Finish(stream) => frame::data(stream, &[], More::Finished, batch),
        Item::Reset(stream, why) => frame::reset(stream, why, batch),
        Item::Ping(id) => frame::ping(id, batch),
        Item::Window(stream, bytes) => frame::window(stream, bytes, batch),
    }
    Ok(())
}

/// Asks the client for signs of life.
async fn keep_alive(queue: mpsc::Sender<Item>) {
    let mut ticks = interval_at(Instant::now() + PING, PING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut id = 2u32;
    loop {
        ticks.tick().await;
        if queue.send(Item::Ping(id)).await.is_err() {
            return;
        }
        id = id.checked_add(2).unwrap_or(2);
    }
}
