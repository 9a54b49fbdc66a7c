//! Redis: its protocol (RESP2, and lines as one types them into telnet), and a store of strings and lists.
//!
//! Texts of errors are those that the real server sends. The store is bounded: what goes past is refused as a full
//! server refuses it.

mod commands;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use shell::Peer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use commands::{Session, run};
use wire::{Reading, Reply, read};

/// How many bytes a store holds.
const ROOM: usize = 4 << 20;
/// The longest request.
const LONGEST: usize = 1 << 20;

/// What a server holds.
#[derive(Default)]
pub(super) struct Store {
    values: BTreeMap<Vec<u8>, Entry>,
    used: usize,
}

struct Entry {
    value: Kept,
    expires: Option<Instant>,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Text(Vec<u8>),
    List(VecDeque<Vec<u8>>),
}

impl Kept {
    fn size(&self) -> usize {
        match self {
            Kept::Text(text) => text.len(),
            Kept::List(items) => items.iter().map(|item| item.len() + 16).sum(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Kept::Text(_) => "string",
            Kept::List(_) => "list",
        }
    }
}

impl Store {
    /// Drops what has expired.
    fn expire(&mut self, now: Instant) {
        let gone: Vec<Vec<u8>> = self
            .values
            .iter()
            .filter(|(_, entry)| entry.expires.is_some_and(|at| at <= now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.remove(&key);
        }
    }

    fn get(&self, key: &[u8]) -> Option<&Kept> {
        self.values.get(key).map(|entry| &entry.value)
    }

    fn remove(&mut self, key: &[u8]) -> Option<Kept> {
        let entry = self.values.remove(key)?;
        self.used = self.used.saturating_sub(key.len() + entry.value.size() + 64);
        Some(entry.value)
    }

    /// Puts a value; `false` if there is no room for it.
    fn put(&mut self, key: &[u8], value: Kept, expires: Option<Instant>) -> bool {
        let old = self.values.get(key).map_or(0, |entry| key.len() + entry.value.size() + 64);
        let new = key.len() + value.size() + 64;
        let used = self.used.saturating_sub(old) + new;
        if used > ROOM {
            return false;
        }
        self.used = used;
        self.values.insert(key.to_vec(), Entry { value, expires });
        true
    }
}

/// Serves a connection.
pub(super) async fn serve(store: &Mutex<Store>, password: Option<&str>, mut peer: Peer) {
    let mut session = Session::new(password);
    let mut buffer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let mut replies = Vec::new();
        let mut is_over = false;
        loop {
            match read(&buffer) {
                Reading::Request { words, length } => {
                    buffer.drain(..length);
                    if words.is_empty() {
                        continue;
                    }
                    let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
                    store.expire(Instant::now());
                    let reply = run(&mut store, &mut session, &words, Instant::now());
                    is_over = matches!(reply, Reply::Bye);
                    reply.write(&mut replies);
                }
                Reading::Partial if buffer.len() <= LONGEST => {}
                Reading::Partial => {
                    Reply::Error("ERR Protocol error: too big bulk count string".to_owned()).write(&mut replies);
                    is_over = true;
                }
                Reading::Fault(fault) => {
                    Reply::Error(format!("ERR Protocol error: {fault}")).write(&mut replies);
                    is_over = true;
                }
            }
            if is_over || !matches!(read(&buffer), Reading::Request { .. } | Reading::Fault(_)) {
                break;
            }
        }
        if peer.stream.write_all(&replies).await.is_err() || is_over {
            return;
        }
        match peer.stream.read(&mut chunk).await {
            Ok(length) if length > 0 => buffer.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Ok(_) | Err(_) => return,
        }
    }
}
