//! `redis-cli`: RESP over a simulated connection.

use std::time::Duration;

use crate::errno::Errno;
use crate::limits;
use crate::process::{Process, Ran};
use crate::stream::{Lines, OpenFile, Socket};
use crate::surroundings::Protocol;

use super::net::{DialError, PATIENCE, dial};
use super::{Grammar, Order};

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Option<Vec<u8>>),
    Array(Vec<Reply>),
}

/// How deep arrays may be nested.
const NESTING: u32 = 8;

/// Reads a reply; `None` while it is not whole, `Err` for what is none. Returns also how long it is.
fn parse(bytes: &[u8], depth: u32) -> Result<Option<(Reply, usize)>, ()> {
    if depth > NESTING {
        return Err(());
    }
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let line = String::from_utf8_lossy(&bytes[1.min(end)..end]).into_owned();
    let rest = end + 2;
    Ok(Some(match bytes.first() {
        Some(b'+') => (Reply::Simple(line), rest),
        Some(b'-') => (Reply::Error(line), rest),
        Some(b':') => (Reply::Integer(line.parse().map_err(|_| ())?), rest),
        Some(b'$') => {
            let length: i64 = line.parse().map_err(|_| ())?;
            let Ok(length) = usize::try_from(length) else { return Ok(Some((Reply::Bulk(None), rest))) };
            if length > limits::HELD {
                return Err(());
            }
            match bytes.get(rest..rest + length + 2) {
                Some(found) => (Reply::Bulk(Some(found[..length].to_vec())), rest + length + 2),
                None => return Ok(None),
            }
        }
        Some(b'*') => {
            let count = line.parse::<i64>().map_err(|_| ())?.max(0);
            let (mut replies, mut at) = (Vec::new(), rest);
            for _ in 0..count.min(100_000) {
                match parse(&bytes[at..], depth + 1)? {
                    Some((reply, length)) => {
                        replies.push(reply);
                        at += length;
                    }
                    None => return Ok(None),
                }
            }
            (Reply::Array(replies), at)
        }
        _ => return Err(()),
    }))
}

fn quoted(bytes: &[u8]) -> String {
    let inner: String = bytes
        .iter()
        .map(|byte| match byte {
            b'"' => "\\\"".to_owned(),
            b'\\' => "\\\\".to_owned(),
            b'\n' => "\\n".to_owned(),
            b'\r' => "\\r".to_owned(),
            b'\t' => "\\t".to_owned(),
            32..=126 => char::from(*byte).to_string(),
            byte => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("\"{inner}\"")
}

/// Shows a reply as at a terminal, or plainly in a pipe.
fn show(reply: &Reply, pretty: bool, indent: usize) -> String {
    match reply {
        Reply::Simple(text) => text.clone() + "\n",
        Reply::Error(text) if pretty => format!("(error) {text}\n"),
        Reply::Error(text) => format!("{text}\n"),
        Reply::Integer(number) if pretty => format!("(integer) {number}\n"),
        Reply::Integer(number) => format!("{number}\n"),
        Reply::Bulk(None) if pretty => "(nil)\n".to_owned(),
        Reply::Bulk(None) => "\n".to_owned(),
        Reply::Bulk(Some(bytes)) if pretty => quoted(bytes) + "\n",
        Reply::Bulk(Some(bytes)) => String::from_utf8_lossy(bytes).into_owned() + "\n",
        Reply::Array(all) if all.is_empty() && pretty => "(empty array)\n".to_owned(),
        Reply::Array(all) if all.is_empty() => "\n".to_owned(),
        Reply::Array(all) => all
            .iter()
            .enumerate()
            .map(|(index, one)| {
                let lead = match (pretty, index) {
                    (false, _) => String::new(),
                    (true, 0) => format!("{}) ", index + 1),
                    (true, _) => format!("{}{}) ", " ".repeat(indent), index + 1),
                };
                format!("{lead}{}", show(one, pretty, indent + 3))
            })
            .collect(),
    }
}

struct Client {
    connection: OpenFile,
    held: Vec<u8>,
}

impl Client {
    async fn ask(&mut self, process: &Process, words: &[String]) -> Option<Reply> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend(format!("${}\r\n", word.len()).bytes());
            request.extend(word.bytes());
            request.extend(b"\r\n");
        }
        self.connection.write(&request, process.now()).await.ok()?;
        loop {
            match parse(&self.held, 0) {
                Ok(Some((reply, length))) => {
                    self.held.drain(..length);
                    return Some(reply);
                }
                Ok(None) => {}
                Err(()) => return None,
            }
            let more = self.connection.read(limits::PIPE).await.unwrap_or_default();
            if more.is_empty() || self.held.len() > limits::HELD * 2 {
                return None;
            }
            self.held.extend(more);
        }
    }
}

pub(super) async fn cli(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar {
        letters: "h:p:a:n:t:r:i:xu:NRe",
        long: &[("pass", 'a'), ("raw", 'R'), ("no-raw", 'N'), ("no-auth-warning", 'e')],
        order: Order::First,
    };
    let words = GRAMMAR.read(process, argv).await?;
    let host = words.value('h').unwrap_or("127.0.0.1").to_owned();
    let Ok(port) = words.value('p').unwrap_or("6379").parse::<u16>() else {
        process.say("Invalid server port.").await;
        return Ok(1);
    };
    let within = words.value('t').and_then(|text| text.parse().ok()).map_or(PATIENCE, Duration::from_secs);
    let stream = match dial(process, &host, port, Protocol::Tcp, Some(within)).await {
        Ok(stream) => stream,
        Err(error) => {
            let cause = match error {
                DialError::Name(_) => "Name or service not known".to_owned(),
                DialError::Connect(error) => Errno::from(error).to_string(),
            };
            process.say(format!("Could not connect to Redis at {host}:{port}: {cause}")).await;
            return Ok(1);
        }
    };
    let mut client = Client { connection: OpenFile::Socket(Socket::new(stream)), held: Vec::new() };
    let password = words.value('a').map(str::to_owned).or_else(|| process.env.get("REDISCLI_AUTH").cloned());
    if let Some(password) = password {
        if words.has('a') && !words.has('e') {
            process
                .say(
                    "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.",
                )
                .await;
        }
        if let Some(Reply::Error(error)) = client.ask(process, &["AUTH".to_owned(), password]).await {
            process.say(format!("AUTH failed: {error}")).await;
        }
    }
    let is_terminal = process.fd(1).is_ok_and(|fd| fd.is_terminal());
    let pretty = (is_terminal || words.has('N')) && !words.has('R');
    if !words.rest.is_empty() {
        return match client.ask(process, &words.rest).await {
            Some(reply) => {
                process.out(show(&reply, pretty, 0)).await?;
                Ok(i32::from(words.has('e') && matches!(reply, Reply::Error(_))))
            }
            None => {
                process.say("Error: Server closed the connection").await;
                Ok(1)
            }
        };
    }
    let mut lines = Lines::new(process.stdin());
    loop {
        if is_terminal {
            process.out(format!("{host}:{port}> ")).await?;
        }
        let Ok(Some(line)) = lines.next().await else { return Ok(0) };
        let line = String::from_utf8_lossy(&line.text).into_owned();
        let words: Vec<String> = line.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect();
        match words.first().map(|word| word.to_ascii_lowercase()).as_deref() {
            None => {}
            Some("quit" | "exit") => return Ok(0),
            Some(_) => match client.ask(process, &words).await {
                Some(reply) => process.out(show(&reply, pretty, 0)).await?,
                None => {
                    process.say("Error: Server closed the connection").await;
                    return Ok(1);
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_and_shown() {
        let (reply, length) = parse(b"*2\r\n$1\r\na\r\n:5\r\n", 0).unwrap().unwrap();
        assert_eq!((show(&reply, true, 0).as_str(), length), ("1) \"a\"\n2) (integer) 5\n", 15));
        assert_eq!(show(&reply, false, 0), "a\n5\n");
        assert_eq!(parse(b"$5\r\nab", 0), Ok(None));
        assert_eq!(parse(&b"*1\r\n".repeat(5000), 0), Err(()));
        assert_eq!(parse(b"garbage\r\n", 0), Err(()));
        assert_eq!(parse(b"$-1\r\n", 0), Ok(Some((Reply::Bulk(None), 5))));
    }
}
