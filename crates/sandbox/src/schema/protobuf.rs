//! Kubernetes' protobuf, as far as a server must read it: kubectl 1.32 and later send it and take JSON back.
//!
//! A body is `k8s\0` and a `runtime.Unknown` message around the object
//! (kubernetes.io/docs/reference/using-api/api-concepts, "Protobuf encoding").

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Field, Kind, Type, Zero, schema};
use crate::clock;

/// What every body begins with.
pub(crate) const MAGIC: &[u8] = b"k8s\0";
/// How deep messages may nest.
const DEPTH: usize = 64;

/// Why a body cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// It does not begin as it should.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    Magic,
    /// It ends within a field.
    #[error("unexpected EOF")]
    Cut,
    /// It has a wire type that does not exist, or one that does not fit the field.
    #[error("proto: wrong wireType = {0}")]
    Wire(u8),
    /// It nests too deep.
    #[error("proto: messages nest too deep")]
    Deep,
    /// Text is not UTF-8.
    #[error("proto: a string field contains invalid UTF-8")]
    Text,
    /// Raw JSON within it is none.
    #[error("a raw field is no JSON")]
    Raw,
    /// Its type is not in the table.
    #[error("no kind {kind:?} is registered for version {version:?}")]
    Kind {
        /// The API version.
        version: String,
        /// The kind.
        kind: String,
    },
}

/// Decodes a body. The object's type is `found`, or what the envelope says if that is `None`.
pub(crate) fn decode(bytes: &[u8], found: Option<&Type>) -> Result<Value, Error> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Error::Magic)?;
    let (mut version, mut kind, mut raw): (String, String, &[u8]) = Default::default();
    let mut reader = Reader(rest);
    while let Some((tag, wire)) = reader.next()? {
        match (tag, wire) {
            (1, Wire::Bytes(meta)) => {
                let mut reader = Reader(meta);
                while let Some((tag, wire)) = reader.next()? {
                    match (tag, wire) {
                        (1, Wire::Bytes(text)) => version = utf8(text)?,
                        (2, Wire::Bytes(text)) => kind = utf8(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let by_name = || {
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        schema().kind(group, version, &kind)
    };
    let found = match found {
        Some(found) => found,
        None => by_name().ok_or_else(|| Error::Kind { version: version.clone(), kind: kind.clone() })?,
    };
    let mut object = Map::new();
    message(found, raw, &mut object, 0)?;
    if !version.is_empty() {
        object.insert("apiVersion".to_owned(), version.into());
    }
    if !kind.is_empty() {
        object.insert("kind".to_owned(), kind.into());
    }
    Ok(Value::Object(object))
}

/// Decodes a message into a map.
fn message(found: &Type, bytes: &[u8], into: &mut Map<String, Value>, depth: usize) -> Result<(), Error> {
    if depth > DEPTH {
        return Err(Error::Deep);
    }
    let mut reader = Reader(bytes);
    while let Some((tag, wire)) = reader.next()? {
        let Some((key, field)) = found.by_tag(tag) else { continue };
        if key.starts_with('~') {
            // Go inlines this message: its fields are ours.
            if let (Some(inner), Wire::Bytes(bytes)) = (schema().of(&field.kind), wire) {
                message(inner, bytes, into, depth + 1)?;
            }
            continue;
        }
        take(field, key, wire, into, depth)?;
    }
    Ok(())
}

fn take(field: &Field, key: &str, wire: Wire<'_>, into: &mut Map<String, Value>, depth: usize) -> Result<(), Error> {
    match &field.kind {
        Kind::List(inner) => {
            let list = into.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            let Some(list) = list.as_array_mut() else { return Ok(()) };
            match (&**inner, wire) {
                // Numbers may come packed.
                (Kind::Integer(_), Wire::Bytes(bytes)) => {
                    let mut reader = Reader(bytes);
                    while !reader.0.is_empty() {
                        list.push(Value::from(reader.varint()? as i64));
                    }
                }
                (inner, wire) => list.push(value(inner, wire, depth)?),
            }
        }
        Kind::Map(inner) => {
            let Wire::Bytes(bytes) = wire else { return Err(wire.wrong()) };
            let (mut name, mut item) = (String::new(), None);
            let mut reader = Reader(bytes);
            while let Some((tag, wire)) = reader.next()? {
                match (tag, wire) {
                    (1, Wire::Bytes(text)) => name = utf8(text)?,
                    (2, wire) => item = Some(wrapped(inner, wire, depth)?),
                    _ => {}
                }
            }
            let map = into.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if let Some(map) = map.as_object_mut() {
                map.insert(name, item.unwrap_or_else(|| "".into()));
            }
        }
        kind => {
            let value = value(kind, wire, depth)?;
            let is_zero = match &value {
                Value::Null => true,
                Value::Bool(value) => !value && field.zero == Zero::Unset,
                Value::Number(value) => value.as_i64() == Some(0) && field.zero == Zero::Unset,
                Value::String(value) => value.is_empty() && field.zero == Zero::Unset,
                Value::Array(_) | Value::Object(_) => false,
            };
            if !is_zero {
                into.insert(key.to_owned(), value);
            }
        }
    }
    Ok(())
}

/// A map's list of strings is a message with the strings in field 1 (`ExtraValue`).
fn wrapped(kind: &Kind, wire: Wire<'_>, depth: usize) -> Result<Value, Error> {
    match (kind, wire) {
        (Kind::List(inner), Wire::Bytes(bytes)) => {
            let mut items = Vec::new();
            let mut reader = Reader(bytes);
            while let Some((tag, wire)) = reader.next()? {
                if tag == 1 {
                    items.push(value(inner, wire, depth)?);
                }
            }
            Ok(Value::Array(items))
        }
        (kind, wire) => value(kind, wire, depth),
    }
}

fn value(kind: &Kind, wire: Wire<'_>, depth: usize) -> Result<Value, Error> {
    Ok(match (kind, wire) {
        (Kind::String, Wire::Bytes(bytes)) => utf8(bytes)?.into(),
        (Kind::Bytes, Wire::Bytes(bytes)) => BASE64_STANDARD.encode(bytes).into(),
        // Negative numbers come sign-extended to 64 bits.
        (Kind::Integer(_), Wire::Varint(number)) => (number as i64).into(),
        (Kind::Boolean, Wire::Varint(number)) => (number != 0).into(),
        (Kind::Number, Wire::Fixed64(number)) => f64::from_bits(number).into(),
        (Kind::Quantity, Wire::Bytes(bytes)) => text_field(bytes)?.into(),
        (Kind::IntOrString, Wire::Bytes(bytes)) => int_or_string(bytes)?,
        (Kind::Time, Wire::Bytes(bytes)) => time(bytes, clock::rfc3339)?,
        (Kind::MicroTime, Wire::Bytes(bytes)) => time(bytes, clock::micros)?,
        (Kind::Object, Wire::Bytes(bytes)) => raw_json(bytes)?,
        (Kind::Message(name), Wire::Bytes(bytes)) => {
            let mut map = Map::new();
            if let Some(found) = schema().get(name) {
                message(found, bytes, &mut map, depth + 1)?;
            }
            Value::Object(map)
        }
        (_, wire) => return Err(wire.wrong()),
    })
}

/// `Quantity{string = 1}`.
fn text_field(bytes: &[u8]) -> Result<String, Error> {
    let (mut reader, mut found) = (Reader(bytes), String::new());
    while let Some((tag, wire)) = reader.next()? {
        if let (1, Wire::Bytes(text)) = (tag, wire) {
            found = utf8(text)?;
        }
    }
    Ok(found)
}

/// `IntOrString{type = 1, intVal = 2, strVal = 3}`; type 1 is text.
fn int_or_string(bytes: &[u8]) -> Result<Value, Error> {
    let (mut reader, mut is_text, mut number, mut text) = (Reader(bytes), false, 0, String::new());
    while let Some((tag, wire)) = reader.next()? {
        match (tag, wire) {
            (1, Wire::Varint(kind)) => is_text = kind == 1,
            (2, Wire::Varint(value)) => number = value as i64,
            (3, Wire::Bytes(bytes)) => text = utf8(bytes)?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}

/// `Time{seconds = 1, nanos = 2}`; an empty one is no time.
fn time(bytes: &[u8], write: impl Fn(Timestamp) -> String) -> Result<Value, Error> {
    let (mut reader, mut seconds, mut nanos) = (Reader(bytes), None, 0);
    while let Some((tag, wire)) = reader.next()? {
        match (tag, wire) {
            (1, Wire::Varint(value)) => seconds = Some(value as i64),
            (2, Wire::Varint(value)) => nanos = value as i32,
            _ => {}
        }
    }
    let time = seconds.and_then(|seconds| Timestamp::new(seconds, nanos).ok());
    Ok(time.map_or(Value::Null, |time| write(time).into()))
}

/// `FieldsV1{Raw = 1}`, `RawExtension{raw = 1}`: JSON within protobuf.
fn raw_json(bytes: &[u8]) -> Result<Value, Error> {
    let (mut reader, mut found) = (Reader(bytes), Value::Null);
    while let Some((tag, wire)) = reader.next()? {
        if let (1, Wire::Bytes(raw)) = (tag, wire)
            && !raw.is_empty()
        {
            found = serde_json::from_slice(raw).map_err(|_| Error::Raw)?;
        }
    }
    Ok(found)
}

fn utf8(bytes: &[u8]) -> Result<String, Error> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Error::Text)
}

/// A field's value on the wire.
#[derive(Debug, Clone, Copy)]
enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Bytes(&'a [u8]),
}

impl Wire<'_> {
    fn wrong(self) -> Error {
        Error::Wire(match self {
            Wire::Varint(_) => 0,
            Wire::Fixed64(_) => 1,
            Wire::Bytes(_) => 2,
            Wire::Fixed32 => 5,
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Returns the next field's tag and value, `None` at the end.
    fn next(&mut self) -> Result<Option<(u64, Wire<'a>)>, Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                let bytes = self.bytes(8)?;
                Wire::Fixed64(u64::from_le_bytes(bytes.try_into().map_err(|_| Error::Cut)?))
            }
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.bytes(usize::try_from(length).map_err(|_| Error::Cut)?)?)
            }
            5 => {
                self.bytes(4)?;
                Wire::Fixed32
            }
            other => return Err(Error::Wire(other as u8)),
        };
        Ok(Some((key >> 3, wire)))
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(Error::Cut)?;
        self.0 = tail;
        Ok(head)
    }

    fn varint(&mut self) -> Result<u64, Error> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first().ok_or(Error::Cut)?;
            self.0 = rest;
            number |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Error::Cut)
    }
}

#[cfg(test)]
mod tests;
