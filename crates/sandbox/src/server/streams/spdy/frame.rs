//! The codec: bytes into frames, frames into bytes. It holds no more than one control frame, whatever it is fed.

use hyper::body::Bytes;

use super::headers::{Deflate, Headers, Inflate};

/// The length of a frame's head.
const HEAD: usize = 8;
/// How long a control frame may be.
const CONTROL: usize = 64 * 1024;
const VERSION: u16 = 3;
/// The most that a data frame can hold: its length has 24 bits.
pub(super) const DATA: usize = (1 << 24) - 1;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const SETTINGS: u16 = 4;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;
const WINDOW_UPDATE: u16 = 9;
const FIN: u8 = 1;

/// Why the bytes are no SPDY. Nothing can be read after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// A control frame of another version.
    #[error("unknown version")]
    Version,
    /// A control frame's length does not fit its type.
    #[error("a frame of a wrong length")]
    Length,
    /// More than is taken.
    #[error("a frame that is too long")]
    TooLong,
    /// A header block that cannot be read.
    #[error("a malformed header block")]
    Headers,
}

/// Why a stream is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Reset {
    /// The peer broke the rules.
    Protocol = 1,
    /// No such stream is open.
    InvalidStream = 2,
    /// The stream was not looked at.
    Refused = 3,
}

/// Whether more comes on a stream from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    /// More may come.
    Open,
    /// That was the last.
    Finished,
}

impl More {
    fn of(flags: u8) -> Self {
        if flags & FIN == 0 { More::Open } else { More::Finished }
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A stream is opened.
    Open {
        /// Its number.
        stream: u32,
        /// Its headers.
        headers: Headers,
        /// Whether the opener will send data.
        more: More,
    },
    /// A stream that this side opened is taken.
    Reply {
        /// Its number.
        stream: u32,
    },
    /// Data, or a part of a data frame.
    Data {
        /// Its stream.
        stream: u32,
        /// The bytes.
        bytes: Bytes,
        /// Whether they are the last.
        more: More,
    },
    /// A stream ends at once.
    Reset {
        /// Its number.
        stream: u32,
    },
    /// A sign of life is asked for, or given.
    Ping {
        /// Its number.
        id: u32,
    },
    /// The peer opens no more streams.
    GoAway,
    /// Something that is of no interest here.
    Other,
}

/// Reads frames.
pub(super) struct Decoder {
    buffer: Vec<u8>,
    /// How much of the buffer was read.
    at: usize,
    /// What is left of a data frame.
    data: Option<Rest>,
    inflate: Inflate,
}

struct Rest {
    stream: u32,
    left: usize,
    more: More,
}

impl Decoder {
    /// Returns a reader of a fresh connection.
    pub(super) fn new() -> Self {
        Self { buffer: Vec::new(), at: 0, data: None, inflate: Inflate::new() }
    }

    /// Takes bytes that came. Call [`Decoder::next`] until it gives nothing before the next time.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next frame, or part of a data frame; `None` if more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(rest) = &mut self.data {
            let taken = rest.left.min(self.buffer.len() - self.at);
            if taken == 0 && rest.left > 0 {
                return Ok(None);
            }
            rest.left -= taken;
            let bytes = Bytes::copy_from_slice(&self.buffer[self.at..self.at + taken]);
            self.at += taken;
            let more = if rest.left == 0 { rest.more } else { More::Open };
            let frame = Frame::Data { stream: rest.stream, bytes, more };
            if rest.left == 0 {
                self.data = None;
            }
            return Ok(Some(frame));
        }
        let Some((head, rest)) = self.buffer[self.at..].split_first_chunk::<HEAD>() else { return Ok(None) };
        let first = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let (flags, length) = (head[4], usize::from(head[5]) << 16 | usize::from(head[6]) << 8 | usize::from(head[7]));
        if first >> 31 == 0 {
            self.at += HEAD;
            self.data = Some(Rest { stream: first, left: length, more: More::of(flags) });
            return self.next();
        }
        if (first >> 16 & 0x7fff) != u32::from(VERSION) {
            return Err(FrameError::Version);
        }
        if length > CONTROL {
            return Err(FrameError::TooLong);
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        // The lower half of the word is the type.
        let frame = control((first & 0xffff) as u16, flags, body, &mut self.inflate)?;
        self.at += HEAD + length;
        Ok(Some(frame))
    }
}

fn control(kind: u16, flags: u8, body: &[u8], inflate: &mut Inflate) -> Result<Frame, FrameError> {
    let word = |at: usize| {
        let bytes = body.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        bytes.map(u32::from_be_bytes).ok_or(FrameError::Length)
    };
    Ok(match kind {
        SYN_STREAM => {
            // The stream, the one it belongs to, its priority and slot.
            let stream = word(0)? & 0x7fff_ffff;
            let headers = inflate.read(body.get(10..).ok_or(FrameError::Length)?)?;
            Frame::Open { stream, headers, more: More::of(flags) }
        }
        SYN_REPLY => {
            inflate.read(body.get(4..).ok_or(FrameError::Length)?)?;
            Frame::Reply { stream: word(0)? & 0x7fff_ffff }
        }
        HEADERS => {
            inflate.read(body.get(4..).ok_or(FrameError::Length)?)?;
            match More::of(flags) {
                More::Open => Frame::Other,
                more @ More::Finished => Frame::Data { stream: word(0)? & 0x7fff_ffff, bytes: Bytes::new(), more },
            }
        }
        RST_STREAM => {
            word(4)?;
            Frame::Reset { stream: word(0)? & 0x7fff_ffff }
        }
        PING => Frame::Ping { id: word(0)? },
        GOAWAY => {
            word(4)?;
            Frame::GoAway
        }
        // Peers of Kubernetes keep no windows; what is given is not counted (see `connection`).
        WINDOW_UPDATE | SETTINGS => Frame::Other,
        // A receiver ignores types that it does not know (section 2.2.1).
        _ => Frame::Other,
    })
}

/// Writes frames.
pub(super) struct Encoder(Deflate);

impl Encoder {
    /// Returns a writer of a fresh connection.
    pub(super) fn new() -> Self {
        Self(Deflate::new())
    }

    /// Takes a stream that the peer opened.
    pub(super) fn reply(&mut self, stream: u32, into: &mut Vec<u8>) -> Result<(), FrameError> {
        let start = begin(SYN_REPLY, 0, into);
        into.extend(stream.to_be_bytes());
        self.0.write(&[], into)?;
        end(start, into)
    }

    /// Opens a stream.
    #[cfg(test)]
    pub(super) fn open(
        &mut self,
        stream: u32,
        headers: &[(&str, &str)],
        more: More,
        into: &mut Vec<u8>,
    ) -> Result<(), FrameError> {
        let start = begin(SYN_STREAM, if more == More::Finished { FIN } else { 0 }, into);
        into.extend(stream.to_be_bytes());
        into.extend([0; 6]);
        self.0.write(headers, into)?;
        end(start, into)
    }
}

/// Writes data; at most [`DATA`] bytes.
pub(super) fn data(stream: u32, bytes: &[u8], more: More, into: &mut Vec<u8>) {
    debug_assert!(bytes.len() <= DATA);
    into.extend(stream.to_be_bytes());
    let length = u32::try_from(bytes.len()).unwrap_or_default() & 0x00ff_ffff;
    let flags = if more == More::Finished { FIN } else { 0 };
    into.extend((u32::from(flags) << 24 | length).to_be_bytes());
    into.extend_from_slice(bytes);
}

/// Ends a stream at once.
pub(super) fn reset(stream: u32, why: Reset, into: &mut Vec<u8>) {
    words(RST_STREAM, &[stream, why as u32], into);
}

/// Asks for a sign of life, or gives one.
pub(super) fn ping(id: u32, into: &mut Vec<u8>) {
    words(PING, &[id], into);
}

/// Lets the peer send more on a stream.
pub(super) fn window(stream: u32, bytes: u32, into: &mut Vec<u8>) {
    words(WINDOW_UPDATE, &[stream, bytes], into);
}

/// Says that no more streams are taken.
#[cfg(test)]
pub(super) fn go_away(last: u32, into: &mut Vec<u8>) {
    words(GOAWAY, &[last, 0], into);
}

fn words(kind: u16, words: &[u32], into: &mut Vec<u8>) {
    let start = begin(kind, 0, into);
    into.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    // A few words always fit.
    let _ = end(start, into);
}

/// Writes a control frame's head and returns where it starts; its length comes with [`end`].
fn begin(kind: u16, flags: u8, into: &mut Vec<u8>) -> usize {
    let start = into.len();
    into.extend((0x8000 | VERSION).to_be_bytes());
    into.extend(kind.to_be_bytes());
    into.extend([flags, 0, 0, 0]);
    start
}

fn end(start: usize, into: &mut [u8]) -> Result<(), FrameError> {
    let length = u32::try_from(into.len() - start - HEAD).ok().filter(|length| *length < 1 << 24);
    let length = length.ok_or(FrameError::TooLong)?.to_be_bytes();
    into[start + 5..start + HEAD].copy_from_slice(&length[1..]);
    Ok(())
}

#[cfg(test)]
mod tests;
