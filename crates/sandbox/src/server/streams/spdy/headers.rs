//! Header blocks: name-value pairs, compressed by one zlib stream for each direction of a connection.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::frame::FrameError;

/// The dictionary that both sides start from. Protocol data: draft 3.1, section 2.6.10.1 (its Adler-32 is e3c6a7c2).
const DICTIONARY: &[u8] = include_bytes!("dictionary.bin");
/// How long a block may be, inflated.
const BLOCK: usize = 64 * 1024;
/// How many pairs a block may have.
const PAIRS: usize = 64;

/// The pairs of a block, in order. Names are in small letters.
pub(crate) type Headers = Vec<(String, String)>;

/// Reads blocks in the order in which they came.
pub(super) struct Inflate(Decompress);

impl Inflate {
    /// Returns a reader of a connection's first block.
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// Reads a block.
    pub(super) fn read(&mut self, mut input: &[u8]) -> Result<Headers, FrameError> {
        let mut block = Vec::with_capacity(1024);
        let mut had_dictionary = false;
        loop {
            if block.len() >= BLOCK {
                return Err(FrameError::TooLong);
            }
            if block.len() == block.capacity() {
                block.reserve(block.len());
            }
            let (read, written) = (self.0.total_in(), self.0.total_out());
            let outcome = self.0.decompress_vec(input, &mut block, FlushDecompress::Sync);
            let taken = usize::try_from(self.0.total_in() - read).unwrap_or(usize::MAX);
            input = input.get(taken..).unwrap_or_default();
            match outcome {
                Ok(Status::StreamEnd) => break,
                Ok(Status::Ok | Status::BufError) => {
                    let is_full = block.len() == block.capacity();
                    let has_moved = taken > 0 || self.0.total_out() > written;
                    if !is_full && (input.is_empty() || !has_moved) {
                        break;
                    }
                }
                Err(error) if error.needs_dictionary().is_some() && !had_dictionary => {
                    self.0.set_dictionary(DICTIONARY).map_err(|_| FrameError::Headers)?;
                    had_dictionary = true;
                }
                Err(_) => return Err(FrameError::Headers),
            }
        }
        if !input.is_empty() {
            return Err(FrameError::Headers);
        }
        parse(&block)
    }
}

/// Writes blocks in the order in which they go.
pub(super) struct Deflate(Compress);

impl Deflate {
    /// Returns a writer of a connection's first block.
    pub(super) fn new() -> Self {
        // Blocks are short: a small window is enough, and costs little memory.
        let mut compress = Compress::new_with_window_bits(Compression::fast(), true, 11);
        // Whoever sets a dictionary on a fresh stream cannot fail; a stream without one is valid as well.
        let _ = compress.set_dictionary(DICTIONARY);
        Self(compress)
    }

    /// Appends a block to a frame.
    pub(super) fn write(&mut self, headers: &[(&str, &str)], frame: &mut Vec<u8>) -> Result<(), FrameError> {
        let mut block = Vec::new();
        let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        block.extend(number(headers.len()));
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            block.extend(number(text.len()));
            block.extend(text.bytes());
        }
        let mut input = block.as_slice();
        loop {
            frame.reserve(256);
            let read = self.0.total_in();
            self.0.compress_vec(input, frame, FlushCompress::Sync).map_err(|_| FrameError::Headers)?;
            input = &input[usize::try_from(self.0.total_in() - read).unwrap_or(usize::MAX).min(input.len())..];
            // Room is left only once everything is out.
            if input.is_empty() && frame.len() < frame.capacity() {
                return Ok(());
            }
        }
    }
}

/// Parses an inflated block.
fn parse(block: &[u8]) -> Result<Headers, FrameError> {
    let mut rest = block;
    let count = number(&mut rest)?;
    if count > PAIRS {
        return Err(FrameError::TooLong);
    }
    (0..count).map(|_| Ok((text(&mut rest)?, text(&mut rest)?))).collect()
}

fn number(rest: &mut &[u8]) -> Result<usize, FrameError> {
    let (bytes, tail) = rest.split_first_chunk::<4>().ok_or(FrameError::Headers)?;
    *rest = tail;
    usize::try_from(u32::from_be_bytes(*bytes)).map_err(|_| FrameError::TooLong)
}

fn text(rest: &mut &[u8]) -> Result<String, FrameError> {
    let length = number(rest)?;
    let (bytes, tail) = rest.split_at_checked(length).ok_or(FrameError::Headers)?;
    *rest = tail;
    String::from_utf8(bytes.to_vec()).map_err(|_| FrameError::Headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_connection_share_their_state() {
        let (mut deflate, mut inflate) = (Deflate::new(), Inflate::new());
        for number in 0..200 {
            let (id, long) = (number.to_string(), "x".repeat(number * 40));
            let pairs = [("streamtype", "data"), ("port", "80"), ("requestid", &id), ("long", &long)];
            let mut frame = b"before".to_vec();
            deflate.write(&pairs, &mut frame).unwrap();
            let expected: Headers = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            assert_eq!(inflate.read(&frame[6..]).unwrap(), expected, "{number}");
        }
    }

    #[test]
    fn a_block_that_swells_is_refused() {
        let (mut deflate, mut inflate) = (Deflate::new(), Inflate::new());
        let mut frame = Vec::new();
        deflate.write(&[("bomb", &"0".repeat(BLOCK * 16))], &mut frame).unwrap();
        assert!(frame.len() < BLOCK);
        assert_eq!(inflate.read(&frame), Err(FrameError::TooLong));
    }
}
