//! What file descriptors lead to: files, devices, pipes, sockets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Notify;

use crate::Stream;
use crate::errno::Errno;
use crate::files::{Opened, OpenedFile};
use crate::limits;
use crate::tree::Device;

/// A descriptor's target. Descriptors that were duplicated share it.
pub(crate) type Fd = Arc<OpenFile>;

/// Something open.
pub(crate) enum OpenFile {
    /// A regular file.
    File(OpenedFile),
    /// A device.
    Device(Device),
    /// Bytes that were there when it was opened.
    Fixed(Mutex<VecDeque<u8>>),
    /// The end of a pipe that is read.
    Reader(Reader),
    /// The end of a pipe that is written.
    Writer(Writer),
    /// A connection.
    Socket(Socket),
}

/// A connection's two halves.
pub(crate) struct Socket {
    read: tokio::sync::Mutex<ReadHalf<Box<dyn Stream>>>,
    write: tokio::sync::Mutex<WriteHalf<Box<dyn Stream>>>,
}

impl Socket {
    pub(crate) fn new(stream: Box<dyn Stream>) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self { read: tokio::sync::Mutex::new(read), write: tokio::sync::Mutex::new(write) }
    }

    /// Tells the other side that nothing more comes.
    pub(crate) async fn finish(&self) {
        self.write.lock().await.shutdown().await.ok();
    }
}

/// Whether a pipe's end is a terminal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// It is a pipe.
    Pipe,
    /// It stands for a terminal.
    Terminal,
}

struct State {
    bytes: VecDeque<u8>,
    /// Ctrl-D: one reader finds nothing, once.
    ends: u32,
    readers: usize,
    writers: usize,
}

struct Pipe {
    state: Mutex<State>,
    changed: Notify,
    nature: Nature,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a pipe that is read.
pub(crate) struct Reader(Arc<Pipe>);

/// The end of a pipe that is written.
pub(crate) struct Writer(Arc<Pipe>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.lock().readers -= 1;
        self.0.changed.notify_waiters();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.lock().writers -= 1;
        self.0.changed.notify_waiters();
    }
}

/// Makes a pipe.
pub(crate) fn pipe(nature: Nature) -> (Reader, Writer) {
    let state = State { bytes: VecDeque::new(), ends: 0, readers: 1, writers: 1 };
    let pipe = Arc::new(Pipe { state: Mutex::new(state), changed: Notify::new(), nature });
    (Reader(Arc::clone(&pipe)), Writer(pipe))
}

impl Reader {
    /// Reads what is there, at most so much; waits for something; none when all writers are gone.
    pub(crate) async fn read(&self, most: usize) -> Vec<u8> {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.0.lock();
                if !state.bytes.is_empty() {
                    let count = state.bytes.len().min(most);
                    let taken = state.bytes.drain(..count).collect();
                    drop(state);
                    self.0.changed.notify_waiters();
                    return taken;
                }
                if state.ends > 0 {
                    state.ends -= 1;
                    return Vec::new();
                }
                if state.writers == 0 || most == 0 {
                    return Vec::new();
                }
            }
            changed.await;
        }
    }

    /// Returns whether somebody may still write.
    pub(crate) fn has_writers(&self) -> bool {
        self.0.lock().writers > 0
    }

    /// Puts bytes back that were read too far.
    fn give_back(&self, bytes: &[u8]) {
        let mut state = self.0.lock();
        for byte in bytes.iter().rev() {
            state.bytes.push_front(*byte);
        }
    }
}

impl Writer {
    /// Lets one reader find the end, as Ctrl-D does.
    pub(crate) fn end_once(&self) {
        self.0.lock().ends += 1;
        self.0.changed.notify_waiters();
    }

    /// Writes all, waiting for room; fails when nobody reads any more.
    pub(crate) async fn write(&self, mut bytes: &[u8]) -> Result<(), Errno> {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.0.lock();
                if state.readers == 0 {
                    return Err(Errno::BrokenPipe);
                }
                let room = limits::PIPE.saturating_sub(state.bytes.len()).min(bytes.len());
                state.bytes.extend(&bytes[..room]);
                bytes = &bytes[room..];
                if room > 0 {
                    self.0.changed.notify_waiters();
                }
            }
            if bytes.is_empty() {
                return Ok(());
            }
            changed.await;
        }
    }
}

impl From<Opened> for OpenFile {
    fn from(opened: Opened) -> Self {
        match opened {
            Opened::File(file) => OpenFile::File(file),
            Opened::Device(device) => OpenFile::Device(device),
            Opened::Fixed(bytes) => OpenFile::Fixed(Mutex::new(bytes.into())),
        }
    }
}

impl OpenFile {
    /// Returns whether it is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        match self {
            OpenFile::Reader(Reader(pipe)) | OpenFile::Writer(Writer(pipe)) => pipe.nature == Nature::Terminal,
            OpenFile::Device(device) => *device == Device::Terminal,
            OpenFile::File(_) | OpenFile::Fixed(_) | OpenFile::Socket(_) => false,
        }
    }

    /// Reads at most so many bytes; none at the end.
    pub(crate) async fn read(&self, most: usize) -> Result<Vec<u8>, Errno> {
        match self {
            OpenFile::File(file) => file.read(most),
            OpenFile::Device(Device::Null | Device::Terminal) => Ok(Vec::new()),
            OpenFile::Device(Device::Zero | Device::Full) => Ok(vec![0; most.min(limits::PIPE)]),
            OpenFile::Device(Device::Random) => Ok(noise(most.min(limits::PIPE))),
            OpenFile::Fixed(bytes) => {
                let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
                let count = bytes.len().min(most);
                Ok(bytes.drain(..count).collect())
            }
            OpenFile::Reader(reader) => Ok(reader.read(most).await),
            OpenFile::Writer(Writer(pipe)) if pipe.nature == Nature::Terminal => Ok(Vec::new()),
            OpenFile::Writer(_) => Err(Errno::BadDescriptor),
            OpenFile::Socket(socket) => {
                let mut buffer = vec![0; most.min(limits::PIPE)];
                let count = socket.read.lock().await.read(&mut buffer).await.map_err(|_| Errno::Io)?;
                buffer.truncate(count);
                Ok(buffer)
            }
        }
    }

    /// Writes all.
    pub(crate) async fn write(&self, bytes: &[u8], now: Duration) -> Result<(), Errno> {
        match self {
            OpenFile::File(file) => file.write(bytes, now),
            OpenFile::Device(Device::Full) => Err(Errno::NoSpace),
            OpenFile::Device(_) => Ok(()),
            OpenFile::Fixed(_) | OpenFile::Reader(_) => Err(Errno::BadDescriptor),
            OpenFile::Writer(writer) => writer.write(bytes).await,
            OpenFile::Socket(socket) => {
                let mut write = socket.write.lock().await;
                write.write_all(bytes).await.map_err(|_| Errno::BrokenPipe)?;
                write.flush().await.map_err(|_| Errno::BrokenPipe)
            }
        }
    }

    /// Puts bytes back that were read too far, so that the next reader gets them (as `read` and `head` must).
    pub(crate) fn give_back(&self, rest: &[u8]) {
        match self {
            OpenFile::File(file) => file.give_back(rest.len() as u64),
            OpenFile::Reader(reader) => reader.give_back(rest),
            OpenFile::Fixed(bytes) => {
                let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
                for byte in rest.iter().rev() {
                    bytes.push_front(*byte);
                }
            }
            OpenFile::Device(_) | OpenFile::Writer(_) | OpenFile::Socket(_) => {}
        }
    }
}

/// Returns bytes that look random. They are no secret: the standard library's hasher seeds are their source.
pub(crate) fn noise(count: usize) -> Vec<u8> {
    use std::hash::{BuildHasher as _, Hasher as _};
    let seed = std::collections::hash_map::RandomState::new();
    let mut bytes = Vec::with_capacity(count + 8);
    let mut turn = 0_u64;
    while bytes.len() < count {
        let mut hasher = seed.build_hasher();
        hasher.write_u64(turn);
        bytes.extend(hasher.finish().to_le_bytes());
        turn += 1;
    }
    bytes.truncate(count);
    bytes
}

/// Reads a descriptor by lines.
pub(crate) struct Lines {
    fd: Fd,
    held: Vec<u8>,
    start: usize,
    is_over: bool,
}

/// One line, without its end, and whether it had one.
pub(crate) struct Line {
    pub(crate) text: Vec<u8>,
    pub(crate) ended: bool,
}

impl Lines {
    pub(crate) fn new(fd: Fd) -> Self {
        Self { fd, held: Vec::new(), start: 0, is_over: false }
    }

    /// Returns the next line. A line that is longer than may be held comes in parts.
    pub(crate) async fn next(&mut self) -> Result<Option<Line>, Errno> {
        let mut from = self.start;
        loop {
            if let Some(end) = self.held[from..].iter().position(|byte| *byte == b'\n') {
                let text = self.held[self.start..from + end].to_vec();
                self.start = from + end + 1;
                return Ok(Some(Line { text, ended: true }));
            }
            from = self.held.len();
            if self.is_over || self.held.len() - self.start > limits::HELD {
                if self.start == self.held.len() {
                    return Ok(None);
                }
                let text = self.held.split_off(self.start);
                self.held.clear();
                self.start = 0;
                return Ok(Some(Line { text, ended: false }));
            }
            if self.start > 0 {
                self.held.drain(..self.start);
                from -= self.start;
                self.start = 0;
            }
            let more = self.fd.read(limits::PIPE).await?;
            self.is_over = more.is_empty();
            self.held.extend(more);
        }
    }

    /// Returns whether the next line may have to be waited for.
    pub(crate) fn is_dry(&self) -> bool {
        !self.held[self.start..].contains(&b'\n')
    }

    /// Gives what was not used to the next reader.
    pub(crate) fn give_back(&mut self) {
        let rest = self.held.split_off(self.start);
        self.fd.give_back(&rest);
        self.held.clear();
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pipe_gives_what_was_written_and_ends() {
        let (reader, writer) = pipe(Nature::Pipe);
        let big = vec![7; limits::PIPE * 3];
        let write = async move {
            writer.write(&big).await.unwrap();
        };
        let read = async move {
            let mut sum = 0;
            loop {
                let bytes = reader.read(1000).await;
                if bytes.is_empty() {
                    return sum;
                }
                sum += bytes.len();
            }
        };
        assert_eq!(tokio::join!(write, read).1, limits::PIPE * 3);
        let (reader, writer) = pipe(Nature::Pipe);
        drop(reader);
        assert_eq!(writer.write(b"x").await, Err(Errno::BrokenPipe));
    }

    #[tokio::test]
    async fn lines_come_one_by_one_and_the_rest_goes_back() {
        let (reader, writer) = pipe(Nature::Pipe);
        writer.write(b"a\nbb\nc").await.unwrap();
        drop(writer);
        let fd: Fd = Arc::new(OpenFile::Reader(reader));
        let mut lines = Lines::new(Arc::clone(&fd));
        assert_eq!(lines.next().await.unwrap().unwrap().text, b"a");
        lines.give_back();
        let mut lines = Lines::new(fd);
        assert_eq!(lines.next().await.unwrap().unwrap().text, b"bb");
        let last = lines.next().await.unwrap().unwrap();
        assert_eq!((last.text.as_slice(), last.ended), (b"c".as_slice(), false));
        assert!(lines.next().await.unwrap().is_none());
    }
}
