//! DNS messages (RFC 1035; SRV: RFC 2782), as far as a cluster's name server and its clients need them.

use std::net::{IpAddr, Ipv4Addr};

/// The longest message over UDP where the client does not say more.
pub(super) const SHORT: usize = 512;
/// The longest message at all.
const LONGEST: usize = 65_535;
/// The class `IN`.
const INTERNET: u16 = 1;

/// The types that are spoken of.
pub(super) mod kind {
    /// An IPv4 address.
    pub(in crate::network::dns) const A: u16 = 1;
    /// A zone's start.
    pub(in crate::network::dns) const SOA: u16 = 6;
    /// Another name.
    pub(in crate::network::dns) const CNAME: u16 = 5;
    /// A name for an address.
    pub(in crate::network::dns) const PTR: u16 = 12;
    /// A service's place.
    pub(in crate::network::dns) const SRV: u16 = 33;
    /// Options of the message (EDNS).
    pub(in crate::network::dns) const OPT: u16 = 41;
    /// Whatever there is.
    pub(in crate::network::dns) const ANY: u16 = 255;
}

/// How an answer came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// The name exists.
    Ok,
    /// The question is not understood.
    Malformed,
    /// It does not exist.
    NoSuchName,
    /// The question is of a sort that is not answered.
    NotImplemented,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// The number that the answer repeats.
    pub(super) id: u16,
    /// Whether the client wants the server to ask others.
    pub(super) recursion: bool,
    /// The name, its labels joined by dots, as it was written, without the final one.
    pub(super) name: String,
    /// The type.
    pub(super) kind: u16,
    /// How long an answer over UDP may be.
    pub(super) most: usize,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The name that it is about, without the final dot.
    pub(super) name: String,
    /// How long it holds, in seconds.
    pub(super) ttl: u32,
    /// What it says.
    pub(super) says: Says,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Says {
    /// `A`.
    Address(Ipv4Addr),
    /// `CNAME`.
    Alias(String),
    /// `PTR`.
    Pointer(String),
    /// `SRV`, with weight 100 as the cluster's server says.
    Place {
        /// The port.
        port: u16,
        /// The host.
        host: String,
    },
    /// `SOA` of the cluster's zone, for what does not exist.
    Start,
}

/// Reads a question. `Err` is what can be answered to what is none; nothing where not even that is possible.
pub(super) fn read_question(message: &[u8]) -> Result<Question, Option<(u16, Code)>> {
    let id = word(message, 0).ok_or(None)?;
    let flags = word(message, 2).ok_or(None)?;
    if flags & 0x8000 != 0 {
        // An answer: never answer those.
        return Err(None);
    }
    let fault = Some((id, Code::Malformed));
    if flags & 0x7800 != 0 {
        return Err(Some((id, Code::NotImplemented)));
    }
    if word(message, 4) != Some(1) {
        return Err(fault);
    }
    let (name, mut at) = read_name(message, 12).ok_or(fault)?;
    let kind = word(message, at).ok_or(fault)?;
    let class = word(message, at + 2).ok_or(fault)?;
    if class != INTERNET && class != kind::ANY {
        return Err(Some((id, Code::NotImplemented)));
    }
    at += 4;
    // The options, if there are any, say how much the client takes.
    let mut most = SHORT;
    let counts = [word(message, 6), word(message, 8), word(message, 10)];
    for _ in 0..counts.iter().flatten().map(|count| u32::from(*count)).sum::<u32>().min(16) {
        let Some((_, end)) = read_name(message, at) else { break };
        if word(message, end) == Some(kind::OPT) {
            most = word(message, end + 2).map_or(SHORT, |most| usize::from(most).clamp(SHORT, 4096));
        }
        let Some(length) = word(message, end + 8) else { break };
        at = end + 10 + usize::from(length);
    }
    Ok(Question { id, recursion: flags & 0x0100 != 0, name, kind, most })
}

/// Writes a question about a name.
pub(super) fn write_question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = Vec::with_capacity(64);
    for part in [id, 0x0100, 1, 0, 0, 0] {
        message.extend(part.to_be_bytes());
    }
    write_name(&mut message, name);
    message.extend(kind.to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    message
}

/// Writes an answer of at most `most` bytes; what does not fit is left out, and the answer says so.
pub(super) fn write_answer(
    question: &Question,
    code: Code,
    (answers, authority): (&[Record], &[Record]),
    most: usize,
) -> Vec<u8> {
    let recursion = if question.recursion { 0x0180 } else { 0x0080 };
    let mut message = Vec::with_capacity(128);
    for part in [question.id, 0x8400 | recursion | code.number(), 1, 0, 0, 0] {
        message.extend(part.to_be_bytes());
    }
    write_name(&mut message, &question.name);
    message.extend(question.kind.to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    for (section, records) in [(6, answers), (8, authority)] {
        let mut count: u16 = 0;
        for record in records {
            let before = message.len();
            write_record(&mut message, record, &question.name);
            if message.len() > most.min(LONGEST) {
                message.truncate(before);
                // TC: the client may ask again over TCP.
                message[2] |= 0x02;
                break;
            }
            count += 1;
        }
        message[section..section + 2].copy_from_slice(&count.to_be_bytes());
    }
    message
}

/// Writes the answer to what is no question.
pub(super) fn write_refusal(id: u16, code: Code) -> Vec<u8> {
    [id, 0x8000 | code.number(), 0, 0, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect()
}

/// Reads the addresses in the answer to a question, and whether the name exists; `None` if it is no such answer.
pub(super) fn read_answer(message: &[u8], id: u16) -> Option<(Code, Vec<IpAddr>)> {
    let flags = word(message, 2)?;
    if word(message, 0)? != id || flags & 0x8000 == 0 {
        return None;
    }
    let code = match flags & 0x000f {
        0 => Code::Ok,
        3 => Code::NoSuchName,
        4 => Code::NotImplemented,
        _ => Code::Malformed,
    };
    let mut at = 12;
    for _ in 0..word(message, 4)? {
        at = read_name(message, at)?.1 + 4;
    }
    let mut found = Vec::new();
    for _ in 0..word(message, 6)? {
        let (_, end) = read_name(message, at)?;
        let length = usize::from(word(message, end + 8)?);
        let content = message.get(end + 10..end + 10 + length)?;
        if word(message, end)? == kind::A
            && let Ok(octets) = <[u8; 4]>::try_from(content)
        {
            found.push(IpAddr::from(octets));
        }
        at = end + 10 + length;
    }
    Some((code, found))
}

impl Code {
    fn number(self) -> u16 {
        match self {
            Code::Ok => 0,
            Code::Malformed => 1,
            Code::NoSuchName => 3,
            Code::NotImplemented => 4,
        }
    }
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]))
}

/// Reads a name and where it ends. Pointers are followed a bounded number of times.
fn read_name(message: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut name, mut at, mut end) = (String::new(), start, None);
    for _ in 0..128 {
        let length = usize::from(*message.get(at)?);
        match length {
            0 => return Some((name, end.unwrap_or(at + 1))),
            0xc0.. => {
                end.get_or_insert(at + 2);
                at = usize::from(word(message, at)? & 0x3fff);
            }
            1..=63 => {
                if !name.is_empty() {
                    name.push('.');
                }
                let label = message.get(at + 1..at + 1 + length)?;
                // Other bytes are allowed in DNS; no name of a cluster has them.
                name.extend(label.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' }));
                if name.len() > 255 {
                    return None;
                }
                at += 1 + length;
            }
            _ => return None,
        }
    }
    None
}

fn write_name(message: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = &label.as_bytes()[..label.len().min(63)];
        message.push(u8::try_from(label.len()).unwrap_or(63));
        message.extend(label);
    }
    message.push(0);
}

fn write_record(message: &mut Vec<u8>, record: &Record, question: &str) {
    if record.name.eq_ignore_ascii_case(question) {
        // A pointer to the question's name, which stands behind the header.
        message.extend([0xc0, 12]);
    } else {
        write_name(message, &record.name);
    }
    let mut content = Vec::new();
    let kind = match &record.says {
        Says::Address(address) => {
            content.extend(address.octets());
            kind::A
        }
        Says::Alias(name) => {
            write_name(&mut content, name);
            kind::CNAME
        }
        Says::Pointer(name) => {
            write_name(&mut content, name);
            kind::PTR
        }
        Says::Place { port, host } => {
            for number in [0, 100, *port] {
                content.extend(number.to_be_bytes());
            }
            write_name(&mut content, host);
            kind::SRV
        }
        Says::Start => {
            write_name(&mut content, "ns.dns.cluster.local");
            write_name(&mut content, "hostmaster.cluster.local");
            for number in [1_700_000_000_u32, 7200, 1800, 86_400, 30] {
                content.extend(number.to_be_bytes());
            }
            kind::SOA
        }
    };
    message.extend(kind.to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    message.extend(record.ttl.to_be_bytes());
    message.extend(u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes());
    message.extend(content);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_and_its_answer_come_back() {
        let message = write_question(7, "Web.app.svc.cluster.local", kind::A);
        let question = read_question(&message).unwrap();
        assert_eq!(
            (question.name.as_str(), question.kind, question.most),
            ("Web.app.svc.cluster.local", kind::A, SHORT)
        );
        let record = |octet| Record {
            name: question.name.to_ascii_lowercase(),
            ttl: 30,
            says: Says::Address(Ipv4Addr::new(10, 96, 0, octet)),
        };
        let answer = write_answer(&question, Code::Ok, (&[record(1), record(2)], &[]), SHORT);
        let expected = vec![[10, 96, 0, 1].into(), [10, 96, 0, 2].into()];
        assert_eq!(read_answer(&answer, 7), Some((Code::Ok, expected)));
        assert_eq!(read_answer(&answer, 8), None);
        let many: Vec<Record> = (0..100).map(record).collect();
        let cut = write_answer(&question, Code::Ok, (&many, &[]), SHORT);
        assert!(cut.len() <= SHORT && cut[2] & 0x02 != 0);
        assert_eq!(read_answer(&cut, 7).unwrap().1.len(), (SHORT - 43) / 16);
    }

    #[test]
    fn what_is_no_question_is_refused_or_not_answered() {
        assert_eq!(read_question(&[]), Err(None));
        let mut answer = write_question(9, "a", kind::A);
        answer[2] |= 0x80;
        assert_eq!(read_question(&answer), Err(None));
        let mut update = write_question(9, "a", kind::A);
        update[2] |= 0x28;
        assert_eq!(read_question(&update), Err(Some((9, Code::NotImplemented))));
        // A name that points at itself.
        let mut circle = write_question(9, "", kind::A);
        circle.splice(12..13, [0xc0, 12]);
        assert_eq!(read_question(&circle), Err(Some((9, Code::Malformed))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_question(&bytes);
            let _ = read_answer(&bytes, 0);
        }
    }
}
