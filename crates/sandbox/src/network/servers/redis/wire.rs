//! RESP2 requests and replies, and lines typed by hand.

/// How many words a request may have.
const WORDS: usize = 1024;
/// How long a word may be.
const WORD: usize = 512 * 1024;
/// How long a line typed by hand may be.
const LINE: usize = 64 * 1024;

/// What the bytes received so far are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A whole request of so many bytes; without words, an empty line.
    Request {
        /// The command and its arguments.
        words: Vec<Vec<u8>>,
        /// How many bytes it took.
        length: usize,
    },
    /// More is to come.
    Partial,
    /// Nothing that can be understood.
    Fault(String),
}

/// Reads the request at the start of the bytes.
pub(super) fn read(bytes: &[u8]) -> Reading {
    match bytes.first() {
        None => Reading::Partial,
        Some(b'*') => array(bytes),
        Some(_) => line(bytes),
    }
}

/// Reads a line up to its CRLF; returns it and where the next one begins.
fn header(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&rest[..end], at + end + 2))
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn array(bytes: &[u8]) -> Reading {
    let Some((count, mut at)) = header(bytes, 1) else {
        return if bytes.len() > 64 { Reading::Fault("invalid multibulk length".to_owned()) } else { Reading::Partial };
    };
    let count = match number(count) {
        Some(count) if count <= 0 => 0,
        Some(count) => match usize::try_from(count).ok().filter(|count| *count <= WORDS) {
            Some(count) => count,
            None => return Reading::Fault("invalid multibulk length".to_owned()),
        },
        None => return Reading::Fault("invalid multibulk length".to_owned()),
    };
    let mut words = Vec::new();
    for _ in 0..count {
        let Some((head, start)) = header(bytes, at) else { return Reading::Partial };
        let Some((b'$', length)) = head.split_first() else {
            let found = head.first().map_or(' ', |byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' });
            return Reading::Fault(format!("expected '$', got '{found}'"));
        };
        let length = match number(length).and_then(|length| usize::try_from(length).ok()) {
            Some(length) if length <= WORD => length,
            _ => return Reading::Fault("invalid bulk length".to_owned()),
        };
        let Some(word) = bytes.get(start..start + length + 2) else { return Reading::Partial };
        words.push(word[..length].to_vec());
        at = start + length + 2;
    }
    Reading::Request { words, length: at }
}

/// Reads a line as typed: words between spaces, quoted ones with spaces in them.
fn line(bytes: &[u8]) -> Reading {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return if bytes.len() > LINE { Reading::Fault("too big inline request".to_owned()) } else { Reading::Partial };
    };
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut escaped = false;
    for byte in bytes[..end].iter().copied().filter(|byte| *byte != b'\r') {
        match quote {
            Some(_) if escaped => {
                escaped = false;
                word.get_or_insert_default().push(byte);
            }
            Some(b'"') if byte == b'\\' => escaped = true,
            Some(open) if byte == open => quote = None,
            Some(_) => word.get_or_insert_default().push(byte),
            None if byte == b'"' || byte == b'\'' => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            None if byte == b' ' || byte == b'\t' => words.extend(word.take()),
            None => word.get_or_insert_default().push(byte),
        }
    }
    if quote.is_some() {
        return Reading::Fault("unbalanced quotes in request".to_owned());
    }
    words.extend(word);
    Reading::Request { words, length: end + 1 }
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// A word of its own, such as `OK`.
    Simple(&'static str),
    /// An error.
    Error(String),
    /// A number.
    Number(i64),
    /// A text.
    Text(Vec<u8>),
    /// Nothing there.
    Nothing,
    /// Several.
    List(Vec<Reply>),
    /// `OK`, and the connection ends.
    Bye,
}

impl Reply {
    /// Writes it as RESP2.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Reply::Simple(word) => out.extend(format!("+{word}\r\n").into_bytes()),
            Reply::Error(text) => out.extend(format!("-{text}\r\n").into_bytes()),
            Reply::Number(number) => out.extend(format!(":{number}\r\n").into_bytes()),
            Reply::Text(text) => {
                out.extend(format!("${}\r\n", text.len()).into_bytes());
                out.extend(text);
                out.extend(b"\r\n");
            }
            Reply::Nothing => out.extend(b"$-1\r\n"),
            Reply::List(items) => {
                out.extend(format!("*{}\r\n", items.len()).into_bytes());
                for item in items {
                    item.write(out);
                }
            }
            Reply::Bye => out.extend(b"+OK\r\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(list: &[&str], length: usize) -> Reading {
        Reading::Request { words: list.iter().map(|word| word.as_bytes().to_vec()).collect(), length }
    }

    #[test]
    fn requests_are_read_in_both_forms() {
        assert_eq!(read(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING"), words(&["GET", "k"], 20));
        assert_eq!(read(b"SET k \"a b\"\r\nx"), words(&["SET", "k", "a b"], 13));
        assert_eq!(read(b"\r\n"), words(&[], 2));
        for partial in ["", "PING", "*2\r\n$3\r\nGET\r\n", "*1\r\n$4\r\nPIN", "*"] {
            assert_eq!(read(partial.as_bytes()), Reading::Partial, "{partial:?}");
        }
        assert_eq!(read(b"*1\r\nGET\r\n"), Reading::Fault("expected '$', got 'G'".to_owned()));
        assert_eq!(read(b"*9999999\r\n"), Reading::Fault("invalid multibulk length".to_owned()));
        assert_eq!(read(b"*1\r\n$-1\r\n"), Reading::Fault("invalid bulk length".to_owned()));
        assert_eq!(read(b"GET 'x\r\n"), Reading::Fault("unbalanced quotes in request".to_owned()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_within_their_length(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Reading::Request { length, .. } = read(&bytes) {
                prop_assert!((1..=bytes.len()).contains(&length));
            }
        }
    }
}
