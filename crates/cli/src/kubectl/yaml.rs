//! JSON objects written as kubectl writes YAML: sorted keys, lists at their key's depth, strings quoted only where
//! they would be read as something else. Reading is serde-saphyr's.

use serde_json::Value;

/// Writes one document, without `---`.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => write_map(map, 0, &mut out),
        Value::Array(items) if !items.is_empty() => write_list(items, 0, &mut out),
        scalar => {
            out.push_str(&scalar_text(scalar, 0));
            out.push('\n');
        }
    }
    out
}

fn write_map(map: &serde_json::Map<String, Value>, depth: usize, out: &mut String) {
    for (index, (key, value)) in map.iter().enumerate() {
        // The first key of a list item stands behind its dash.
        if index > 0 || !out.ends_with("- ") {
            indent(depth, out);
        }
        out.push_str(&key_text(key));
        out.push(':');
        write_value(value, depth, out);
    }
}

fn write_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            write_map(map, depth + 1, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_list(items, depth, out);
        }
        scalar => {
            out.push(' ');
            out.push_str(&scalar_text(scalar, depth + 1));
            out.push('\n');
        }
    }
}

fn write_list(items: &[Value], depth: usize, out: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || !out.ends_with("- ") {
            indent(depth, out);
        }
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => write_map(map, depth + 1, out),
            Value::Array(items) if !items.is_empty() => write_list(items, depth + 1, out),
            scalar => {
                out.push_str(&scalar_text(scalar, depth + 1));
                out.push('\n');
            }
        }
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn scalar_text(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => string_text(text, depth),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

fn key_text(key: &str) -> String {
    if key.contains('\n') { Value::from(key).to_string() } else { string_text(key, 0) }
}

fn string_text(text: &str, depth: usize) -> String {
    let has_odd = text.chars().any(|c| c.is_control() && c != '\n')
        || text.contains(['\u{feff}', '\u{85}', '\u{2028}', '\u{2029}']);
    if has_odd {
        return Value::from(text).to_string();
    }
    if text.contains('\n') {
        return block_text(text, depth);
    }
    if is_plain(text) {
        text.to_owned()
    } else if looks_like_another_type(text) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

fn block_text(text: &str, depth: usize) -> String {
    // A text that starts with a blank would lose it to the indentation that readers guess.
    if text.starts_with([' ', '\n']) {
        return Value::from(text).to_string();
    }
    let body = text.trim_end_matches('\n');
    let chomp = match text.len() - body.len() {
        0 => "-",
        1 => "",
        _ => "+",
    };
    let mut out = format!("|{chomp}");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(depth, &mut out);
            out.push_str(line);
        }
    }
    out
}

fn is_plain(text: &str) -> bool {
    let first_is_safe = text.chars().next().is_some_and(|first| {
        !"-?:,[]{}#&*!|>'\"%@`".contains(first)
            || (text.len() > 1 && "-?:".contains(first) && !text[1..].starts_with(' '))
    });
    first_is_safe
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains(": ")
        && !text.ends_with(':')
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !looks_like_another_type(text)
}

/// Whether YAML 1.1 (which Kubernetes reads) would take the bare text for a number, a boolean, null or a date.
fn looks_like_another_type(text: &str) -> bool {
    let lower = text.to_lowercase();
    if [
        "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".nan", ".inf", "-.inf", "+.inf", "<<",
        "=",
    ]
    .contains(&lower.as_str())
    {
        return !text.is_empty() || text == "~" || text.is_empty();
    }
    let digits = text.trim_start_matches(['-', '+']).replace('_', "");
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && (digits.parse::<f64>().is_ok()
            || digits
                .strip_prefix("0x")
                .is_some_and(|hex| !hex.is_empty() && hex.chars().all(|c| c.is_ascii_hexdigit()))
            || digits
                .strip_prefix("0b")
                .is_some_and(|binary| !binary.is_empty() && binary.chars().all(|c| "01".contains(c)))
            || digits
                .strip_prefix("0o")
                .is_some_and(|octal| !octal.is_empty() && octal.chars().all(|c| c.is_digit(8))));
    let date = text.len() >= 8
        && text.as_bytes().get(4) == Some(&b'-')
        && text.chars().take(4).all(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || "-:TtZz.+ ".contains(c));
    let sexagesimal = text.contains(':')
        && text.chars().all(|c| c.is_ascii_digit() || ":.".contains(c))
        && text.starts_with(|c: char| c.is_ascii_digit());
    numeric || date || sexagesimal
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_written_as_kubectl_writes_them() {
        let object = json!({
            "apiVersion": "v1",
            "metadata": { "creationTimestamp": "2026-11-22T10:06:13Z", "labels": { "a": "true", "b": "12" }, "empty": {} },
            "spec": { "args": ["-c", "echo a: b"], "containers": [{ "name": "x", "ports": [{ "p": 80 }] }], "none": [] },
            "text": "a\nb\n"
        });
        assert_eq!(
            write(&object),
            "apiVersion: v1\nmetadata:\n  creationTimestamp: \"2026-11-22T10:06:13Z\"\n  empty: {}\n  labels:\n    a: \"true\"\n    b: \"12\"\nspec:\n  args:\n  - -c\n  - 'echo a: b'\n  containers:\n  - name: x\n    ports:\n    - p: 80\n  none: []\ntext: |\n  a\n  b\n"
        );
    }

    #[test]
    fn whatever_is_written_reads_back() {
        for text in [
            "",
            "~",
            "no",
            "1e3",
            "0x1f",
            "a\n",
            "a\n\n",
            "a\nb",
            " a",
            "a ",
            "- a",
            "-",
            "a #b",
            "#",
            "é: è",
            "\u{1b}[31m",
            "'",
            "\"",
            "10m",
            "1.20",
            "12:30:45",
            "2026-11-22",
            "@x",
            "%",
            "a\n b\n",
            "\na",
            "{",
            "null",
            "-1",
            "a:",
        ] {
            let object = json!({ "key": [text, { text.to_owned() + "k": text }] });
            let read: Value = serde_saphyr::from_str(&write(&object)).unwrap();
            assert_eq!(read, object, "{text:?} written as {}", write(&object));
        }
    }
}
