//! What Redis does with a request.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::wire::Reply;
use super::{Kept, Store};

/// What belongs to one connection.
pub(super) struct Session {
    password: Option<String>,
    is_known: bool,
}

impl Session {
    /// Returns a new connection to a server that asks for this password.
    pub(super) fn new(password: Option<&str>) -> Session {
        let password = password.filter(|password| !password.is_empty()).map(str::to_owned);
        Session { is_known: password.is_none(), password }
    }

    fn authenticate(&mut self, words: &[Vec<u8>]) -> Reply {
        let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
        match (&self.password, words) {
            (None, [_, _]) => Reply::Error(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
                 configuration is correct?"
                    .to_owned(),
            ),
            (Some(own), [_, given]) if own.as_bytes() == given => self.welcome(),
            (Some(own), [_, user, given]) if user == b"default" && own.as_bytes() == given => self.welcome(),
            (None, [_, user, _]) if user == b"default" => self.welcome(),
            (_, [_, _] | [_, _, _]) => Reply::Error(wrong.to_owned()),
            _ => Reply::Error("ERR wrong number of arguments for 'auth' command".to_owned()),
        }
    }

    fn welcome(&mut self) -> Reply {
        self.is_known = true;
        Reply::Simple("OK")
    }
}

fn error(text: &str) -> Reply {
    Reply::Error(text.to_owned())
}

fn wrong_type() -> Reply {
    error("WRONGTYPE Operation against a key holding the wrong kind of value")
}

fn not_a_number() -> Reply {
    error("ERR value is not an integer or out of range")
}

fn full() -> Reply {
    error("OOM command not allowed when used memory > 'maxmemory'.")
}

fn count(number: usize) -> Reply {
    Reply::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Does what a request asks; `words` is not empty.
pub(super) fn run(store: &mut Store, session: &mut Session, words: &[Vec<u8>], now: Instant) -> Reply {
    let Some((first, arguments)) = words.split_first() else { return Reply::Nothing };
    let command = String::from_utf8_lossy(first).to_ascii_uppercase();
    match command.as_str() {
        "AUTH" => return session.authenticate(words),
        "QUIT" => return Reply::Bye,
        "HELLO" => return error("NOPROTO unsupported protocol version"),
        _ if !session.is_known => return error("NOAUTH Authentication required."),
        _ => {}
    }
    let arity =
        || Reply::Error(format!("ERR wrong number of arguments for '{}' command", command.to_ascii_lowercase()));
    match (command.as_str(), arguments) {
        ("PING", []) => Reply::Simple("PONG"),
        ("PING" | "ECHO", [text]) => Reply::Text(text.clone()),
        ("GET", [key]) => match store.get(key) {
            None => Reply::Nothing,
            Some(Kept::Text(text)) => Reply::Text(text.clone()),
            Some(Kept::List(_)) => wrong_type(),
        },
        ("SET", [key, value, options @ ..]) => set(store, key, value, options, now),
        ("SETNX", [key, _]) if store.get(key).is_some() => Reply::Number(0),
        ("SETNX", [key, value]) => put(store, key, Kept::Text(value.clone()), Reply::Number(1)),
        ("SETEX", [key, seconds, value]) => {
            let options = [b"EX".to_vec(), seconds.clone()];
            set(store, key, value, &options, now)
        }
        ("GETSET", [key, value]) => {
            let old = match store.get(key) {
                None => Reply::Nothing,
                Some(Kept::Text(text)) => Reply::Text(text.clone()),
                Some(Kept::List(_)) => return wrong_type(),
            };
            put(store, key, Kept::Text(value.clone()), old)
        }
        ("MGET", keys @ [_, ..]) => Reply::List(
            keys.iter()
                .map(|key| match store.get(key) {
                    Some(Kept::Text(text)) => Reply::Text(text.clone()),
                    Some(Kept::List(_)) | None => Reply::Nothing,
                })
                .collect(),
        ),
        ("MSET", pairs @ [_, _, ..]) if pairs.len().is_multiple_of(2) => {
            for pair in pairs.chunks_exact(2) {
                if !store.put(&pair[0], Kept::Text(pair[1].clone()), None) {
                    return full();
                }
            }
            Reply::Simple("OK")
        }
        ("APPEND", [key, tail]) => match store.get(key).cloned().unwrap_or(Kept::Text(Vec::new())) {
            Kept::Text(mut text) => {
                text.extend(tail);
                let length = count(text.len());
                put(store, key, Kept::Text(text), length)
            }
            Kept::List(_) => wrong_type(),
        },
        ("STRLEN", [key]) => match store.get(key) {
            None => Reply::Number(0),
            Some(Kept::Text(text)) => count(text.len()),
            Some(Kept::List(_)) => wrong_type(),
        },
        ("INCR", [key]) => add(store, key, 1),
        ("DECR", [key]) => add(store, key, -1),
        ("INCRBY", [key, by]) => integer(by).map_or_else(not_a_number, |by| add(store, key, by)),
        ("DECRBY", [key, by]) => {
            integer(by).and_then(i64::checked_neg).map_or_else(not_a_number, |by| add(store, key, by))
        }
        ("DEL" | "UNLINK", keys @ [_, ..]) => count(keys.iter().filter(|key| store.remove(key).is_some()).count()),
        ("EXISTS", keys @ [_, ..]) => count(keys.iter().filter(|key| store.get(key).is_some()).count()),
        ("TYPE", [key]) => Reply::Simple(store.get(key).map_or("none", Kept::kind)),
        ("KEYS", [pattern]) => {
            let keys = store.values.keys().filter(|key| fits(pattern, key));
            Reply::List(keys.map(|key| Reply::Text(key.clone())).collect())
        }
        ("DBSIZE", []) => count(store.values.len()),
        ("FLUSHALL" | "FLUSHDB", _) => {
            *store = Store::default();
            Reply::Simple("OK")
        }
        ("TTL", [key]) => match store.values.get(key).map(|entry| entry.expires) {
            None => Reply::Number(-2),
            Some(None) => Reply::Number(-1),
            Some(Some(at)) => {
                let left = at.saturating_duration_since(now).as_secs_f64().ceil();
                Reply::Number(left as i64)
            }
        },
        ("EXPIRE", [key, seconds]) => {
            let Some(seconds) = integer(seconds) else { return not_a_number() };
            let at = u64::try_from(seconds).ok().and_then(|seconds| now.checked_add(Duration::from_secs(seconds)));
            match store.values.get_mut(key.as_slice()) {
                Some(entry) => {
                    entry.expires = at.or(Some(now));
                    Reply::Number(1)
                }
                None => Reply::Number(0),
            }
        }
        ("PERSIST", [key]) => match store.values.get_mut(key.as_slice()) {
            Some(entry) => Reply::Number(i64::from(entry.expires.take().is_some())),
            None => Reply::Number(0),
        },
        ("LPUSH" | "RPUSH", [key, items @ ..]) if !items.is_empty() => push(store, key, items, &command),
        ("LPOP" | "RPOP", [key]) => match store.get(key).cloned() {
            None => Reply::Nothing,
            Some(Kept::List(mut list)) => {
                let item = if command == "LPOP" { list.pop_front() } else { list.pop_back() };
                if list.is_empty() {
                    store.remove(key);
                } else {
                    store.put(key, Kept::List(list), None);
                }
                item.map_or(Reply::Nothing, Reply::Text)
            }
            Some(Kept::Text(_)) => wrong_type(),
        },
        ("LLEN", [key]) => match store.get(key) {
            None => Reply::Number(0),
            Some(Kept::List(list)) => count(list.len()),
            Some(Kept::Text(_)) => wrong_type(),
        },
        ("LRANGE", [key, from, to]) => match (store.get(key), integer(from), integer(to)) {
            (_, None, _) | (_, _, None) => not_a_number(),
            (None, ..) => Reply::List(Vec::new()),
            (Some(Kept::Text(_)), ..) => wrong_type(),
            (Some(Kept::List(list)), Some(from), Some(to)) => range(list, from, to),
        },
        ("SELECT", [number]) => match integer(number) {
            Some(0..=15) => Reply::Simple("OK"),
            Some(_) => error("ERR DB index is out of range"),
            None => not_a_number(),
        },
        ("INFO", _) => info(store),
        ("COMMAND", _) => Reply::List(Vec::new()),
        ("CLIENT", _) => Reply::Simple("OK"),
        ("CONFIG", [what, name]) if what.eq_ignore_ascii_case(b"get") => match name.as_slice() {
            b"maxmemory" => {
                Reply::List(vec![Reply::Text(name.clone()), Reply::Text(super::ROOM.to_string().into_bytes())])
            }
            b"requirepass" => {
                let own = session.password.clone().unwrap_or_default();
                Reply::List(vec![Reply::Text(name.clone()), Reply::Text(own.into_bytes())])
            }
            _ => Reply::List(Vec::new()),
        },
        (
            "PING" | "ECHO" | "GET" | "SET" | "SETNX" | "SETEX" | "GETSET" | "MGET" | "MSET" | "APPEND" | "STRLEN"
            | "INCR" | "DECR" | "INCRBY" | "DECRBY" | "DEL" | "UNLINK" | "EXISTS" | "TYPE" | "KEYS" | "DBSIZE" | "TTL"
            | "EXPIRE" | "PERSIST" | "LPUSH" | "RPUSH" | "LPOP" | "RPOP" | "LLEN" | "LRANGE" | "SELECT" | "CONFIG",
            _,
        ) => arity(),
        _ => unknown(first, arguments),
    }
}

fn unknown(command: &[u8], arguments: &[Vec<u8>]) -> Reply {
    let show = |word: &[u8]| -> String {
        String::from_utf8_lossy(word).chars().filter(|letter| !letter.is_control()).take(128).collect()
    };
    let arguments: String = arguments.iter().take(16).map(|word| format!("'{}' ", show(word))).collect();
    Reply::Error(format!("ERR unknown command '{}', with args beginning with: {arguments}", show(command)))
}

fn put(store: &mut Store, key: &[u8], value: Kept, reply: Reply) -> Reply {
    if store.put(key, value, None) { reply } else { full() }
}

fn set(store: &mut Store, key: &[u8], value: &[u8], options: &[Vec<u8>], now: Instant) -> Reply {
    let (mut expires, mut options, mut condition) = (None, options.iter(), None);
    while let Some(option) = options.next() {
        match option.to_ascii_uppercase().as_slice() {
            unit @ (b"EX" | b"PX") => {
                let Some(amount) = options.next() else { return error("ERR syntax error") };
                let Some(amount) = integer(amount) else { return not_a_number() };
                let Some(amount) = u64::try_from(amount).ok().filter(|amount| *amount > 0) else {
                    return error("ERR invalid expire time in 'set' command");
                };
                let time = if unit == b"EX" { Duration::from_secs(amount) } else { Duration::from_millis(amount) };
                expires = now.checked_add(time);
            }
            b"NX" => condition = Some(false),
            b"XX" => condition = Some(true),
            _ => return error("ERR syntax error"),
        }
    }
    if condition.is_some_and(|wanted| store.get(key).is_some() != wanted) {
        return Reply::Nothing;
    }
    if store.put(key, Kept::Text(value.to_vec()), expires) { Reply::Simple("OK") } else { full() }
}

fn add(store: &mut Store, key: &[u8], by: i64) -> Reply {
    let (old, expires) = match store.values.get(key).map(|entry| (&entry.value, entry.expires)) {
        None => (0, None),
        Some((Kept::Text(text), expires)) => match integer(text) {
            Some(number) => (number, expires),
            None => return not_a_number(),
        },
        Some((Kept::List(_), _)) => return wrong_type(),
    };
    let Some(new) = old.checked_add(by) else {
        return error("ERR increment or decrement would overflow");
    };
    if store.put(key, Kept::Text(new.to_string().into_bytes()), expires) { Reply::Number(new) } else { full() }
}

fn push(store: &mut Store, key: &[u8], items: &[Vec<u8>], command: &str) -> Reply {
    let mut list = match store.get(key).cloned() {
        None => VecDeque::new(),
        Some(Kept::List(list)) => list,
        Some(Kept::Text(_)) => return wrong_type(),
    };
    for item in items {
        if command == "LPUSH" {
            list.push_front(item.clone());
        } else {
            list.push_back(item.clone());
        }
    }
    let length = count(list.len());
    put(store, key, Kept::List(list), length)
}

fn range(list: &VecDeque<Vec<u8>>, from: i64, to: i64) -> Reply {
    let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let place = |index: i64| if index < 0 { (length.saturating_add(index)).max(0) } else { index };
    let (from, to) = (place(from), if to < 0 { length.saturating_add(to) } else { to.min(length - 1) });
    let items = list.iter().zip(0_i64..).filter(|(_, index)| (from..=to).contains(index));
    Reply::List(items.map(|(item, _)| Reply::Text(item.clone())).collect())
}

/// Returns whether a key fits a pattern with `*` and `?`. Time is bounded by the product of their lengths.
fn fits(pattern: &[u8], key: &[u8]) -> bool {
    let (mut at, mut next, mut star) = (0, 0, None);
    while next < key.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, next));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == key[next] => {
                at += 1;
                next += 1;
            }
            Some(_) | None => match star {
                Some((place, from)) => {
                    star = Some((place, from + 1));
                    at = place + 1;
                    next = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

fn info(store: &Store) -> Reply {
    let keys = store.values.len();
    let expiring = store.values.values().filter(|entry| entry.expires.is_some()).count();
    let space = if keys == 0 { String::new() } else { format!("db0:keys={keys},expires={expiring},avg_ttl=0\r\n") };
    Reply::Text(
        format!(
            "# Server\r\nredis_version:7.4.6\r\nredis_mode:standalone\r\nos:Linux 6.1.0-sandbox x86_64\r\n\
             process_id:1\r\ntcp_port:6379\r\n\r\n# Memory\r\nused_memory:{}\r\nmaxmemory:{}\r\n\r\n\
             # Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n# Keyspace\r\n{space}",
            store.used,
            super::ROOM,
        )
        .into_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialogue(password: Option<&str>, lines: &[(&str, Reply)]) {
        let (mut store, mut session, now) = (Store::default(), Session::new(password), Instant::now());
        for (line, expected) in lines {
            let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            store.expire(now);
            assert_eq!(run(&mut store, &mut session, &words, now), *expected, "{line}");
        }
    }

    fn text(text: &str) -> Reply {
        Reply::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn strings_numbers_and_lists() {
        let ok = || Reply::Simple("OK");
        dialogue(
            None,
            &[
                ("PING", Reply::Simple("PONG")),
                ("get k", Reply::Nothing),
                ("SET k v", ok()),
                ("GET k", text("v")),
                ("SET k w NX", Reply::Nothing),
                ("INCR k", not_a_number()),
                ("INCR n", Reply::Number(1)),
                ("INCRBY n 41", Reply::Number(42)),
                ("SET big 9223372036854775807", ok()),
                ("INCR big", error("ERR increment or decrement would overflow")),
                ("KEYS *", Reply::List(vec![text("big"), text("k"), text("n")])),
                ("KEYS b?g", Reply::List(vec![text("big")])),
                ("DEL big nothing", Reply::Number(1)),
                ("RPUSH l a b", Reply::Number(2)),
                ("LPUSH l z", Reply::Number(3)),
                ("LRANGE l 0 -1", Reply::List(vec![text("z"), text("a"), text("b")])),
                ("LRANGE l -2 5", Reply::List(vec![text("a"), text("b")])),
                ("GET l", wrong_type()),
                ("TYPE l", Reply::Simple("list")),
                ("TTL k", Reply::Number(-1)),
                ("SET t v EX 10", ok()),
                ("TTL t", Reply::Number(10)),
                ("EXPIRE k 0", Reply::Number(1)),
                ("EXISTS k t", Reply::Number(1)),
                ("GET", error("ERR wrong number of arguments for 'get' command")),
                ("NOPE x", error("ERR unknown command 'NOPE', with args beginning with: 'x' ")),
                ("QUIT", Reply::Bye),
            ],
        );
    }

    #[test]
    fn a_password_is_asked_for() {
        let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
        dialogue(
            Some("secret"),
            &[
                ("GET k", error("NOAUTH Authentication required.")),
                ("AUTH guess", error(wrong)),
                ("AUTH secret", Reply::Simple("OK")),
                ("PING", Reply::Simple("PONG")),
            ],
        );
    }

    #[test]
    fn the_store_is_bounded() {
        let (mut store, mut session, now) = (Store::default(), Session::new(None), Instant::now());
        let block = vec![b'x'; 512 * 1024];
        let replies: Vec<Reply> = (0..12)
            .map(|number| {
                let words = vec![b"SET".to_vec(), format!("k{number}").into_bytes(), block.clone()];
                run(&mut store, &mut session, &words, now)
            })
            .collect();
        assert_eq!(replies[0], Reply::Simple("OK"));
        assert_eq!(replies[11], full());
        assert!(store.used <= super::super::ROOM);
    }
}
