//! MessagePack (msgpack.org, spec.md) as the field's older tools read it: each message behind its length in four bytes.

use serde_json::{Map, Value, json};

use super::figures::interval_ms;

/// Where such tools warn of a hot card, in °C. No temperature is ever told.
const OVERHEAT_WARNING: u64 = 60;

/// What is said to whoever connects: what to write above the figures.
pub(super) fn title(title: &str) -> Vec<u8> {
    message(&json!({
        "type": "cli_title", "cli_title": title, "is_cluster": false, "log_interval": interval_ms(),
        "temp_overheat_warning": OVERHEAT_WARNING,
    }))
}

/// A message of this value.
#[must_use]
pub fn message(value: &Value) -> Vec<u8> {
    framed(&packed(value))
}

/// What is packed as a message: behind its length.
#[must_use]
pub fn framed(packed: &[u8]) -> Vec<u8> {
    let len = u32::try_from(packed.len()).unwrap_or(u32::MAX);
    [&len.to_be_bytes(), packed].concat()
}

/// The bytes of a value.
#[must_use]
pub fn packed(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    emit(&mut out, value);
    out
}

/// How a collection or text begins: with few elements, with up to 65 535, and how many are few.
#[derive(Debug, Clone, Copy)]
struct Header {
    few: u8,
    many: u8,
    most_few: usize,
}

const MAP: Header = Header { few: 0x80, many: 0xde, most_few: 15 };
const ARRAY: Header = Header { few: 0x90, many: 0xdc, most_few: 15 };
const TEXT: Header = Header { few: 0xa0, many: 0xda, most_few: 31 };

fn emit(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(is) => out.push(if *is { 0xc3 } else { 0xc2 }),
        Value::Number(number) => emit_number(out, number),
        Value::String(text) => emit_text(out, text),
        Value::Array(values) => {
            emit_header(out, ARRAY, values.len());
            values.iter().for_each(|value| emit(out, value));
        }
        Value::Object(fields) => emit_map(out, fields),
    }
}

/// The bytes of a map with values that are packed already, which may have keys of any kind.
#[must_use]
pub fn packed_map(fields: &[(Value, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    emit_header(&mut out, MAP, fields.len());
    for (key, packed) in fields {
        emit(&mut out, key);
        out.extend_from_slice(packed);
    }
    out
}

fn emit_map(out: &mut Vec<u8>, fields: &Map<String, Value>) {
    emit_header(out, MAP, fields.len());
    fields.iter().for_each(|(name, value)| emit_field(out, name, value));
}

fn emit_field(out: &mut Vec<u8>, name: &str, value: &Value) {
    emit_text(out, name);
    emit(out, value);
}

/// The shortest of three sizes for whole numbers, which is all that tools ask for.
fn emit_number(out: &mut Vec<u8>, number: &serde_json::Number) {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(small @ 0..=0x7f), ..) => out.extend(small.to_be_bytes().last()),
        (Some(number), ..) => out.extend([&[0xcf][..], &number.to_be_bytes()].concat()),
        (None, Some(number), _) => out.extend([&[0xd3][..], &number.to_be_bytes()].concat()),
        (None, None, number) => out.extend([&[0xcb][..], &number.unwrap_or(0.0).to_be_bytes()].concat()),
    }
}

/// What is longer than 65 535 bytes is cut: no name here is.
fn emit_text(out: &mut Vec<u8>, text: &str) {
    let end = text.floor_char_boundary(usize::from(u16::MAX));
    let (text, _) = text.split_at(end);
    emit_header(out, TEXT, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn emit_header(out: &mut Vec<u8>, header: Header, len: usize) {
    let len = u16::try_from(len).unwrap_or(u16::MAX);
    match u8::try_from(len) {
        Ok(few) if usize::from(few) <= header.most_few => out.push(header.few | few),
        _ => out.extend([&[header.many][..], &len.to_be_bytes()].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_packed_as_the_specification_says() {
        for (value, bytes) in [
            (json!(null), &[0xc0][..]),
            (json!(true), &[0xc3]),
            (json!(127), &[0x7f]),
            (json!(128), &[0xcf, 0, 0, 0, 0, 0, 0, 0, 128]),
            (json!(-1), &[0xd3, 255, 255, 255, 255, 255, 255, 255, 255]),
            (json!(1.5), &[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
            (json!("ab"), &[0xa2, b'a', b'b']),
            (json!([1, 2]), &[0x92, 1, 2]),
            (json!({"a": []}), &[0x81, 0xa1, b'a', 0x90]),
        ] {
            assert_eq!(packed(&value), bytes, "{value}");
        }
        assert!(packed(&json!(vec![0; 16])).starts_with(&[0xdc, 0, 16]));
        assert!(packed(&json!("x".repeat(40))).starts_with(&[0xda, 0, 40]));
        let (key, value) = (json!([1]), packed(&json!(2)));
        assert_eq!(packed_map(&[(key, value)]), [0x81, 0x91, 1, 2], "keys of any kind");
        assert_eq!(message(&json!(1)), [0, 0, 0, 1, 1]);
    }
}
