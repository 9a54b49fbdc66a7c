//! `sort` and `uniq`.

use std::cmp::Ordering;

use crate::limits;
use crate::process::{Process, Ran};
use crate::stream::Lines;

use super::text::{Output, input};
use super::{Grammar, Words, inputs};

/// One `-k`: from which field and letter to which, with its own letters.
struct Key {
    from: (usize, usize),
    to: Option<(usize, usize)>,
    flags: String,
}

impl Key {
    fn read(text: &str) -> Option<Key> {
        let mut flags = String::new();
        let mut place = |text: &str| -> Option<(usize, usize)> {
            let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
            flags.push_str(&text[end..]);
            let (field, letter) = text[..end].split_once('.').unwrap_or((&text[..end], "0"));
            Some((field.parse().ok()?, letter.parse().ok()?))
        };
        let (from, to) = text.split_once(',').map_or((text, None), |(from, to)| (from, Some(to)));
        let from = place(from).filter(|(field, _)| *field > 0)?;
        let to = match to {
            Some(to) => Some(place(to)?),
            None => None,
        };
        Some(Key { from, to, flags })
    }

    fn of<'a>(&self, line: &'a str, separator: Option<char>) -> &'a str {
        let fields = fields(line, separator);
        let start = fields
            .get(self.from.0 - 1)
            .map_or(line.len(), |(start, end)| (start + self.from.1.saturating_sub(1)).min(*end));
        let end = match self.to {
            None => line.len(),
            Some((field, letter)) => fields
                .get(field.saturating_sub(1))
                .map_or(line.len(), |(start, end)| if letter == 0 { *end } else { (start + letter).min(*end) }),
        };
        line.get(start..end.max(start)).unwrap_or("")
    }
}

fn fields(line: &str, separator: Option<char>) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    match separator {
        Some(separator) => {
            for (at, letter) in line.char_indices() {
                if letter == separator {
                    found.push((start, at));
                    start = at + letter.len_utf8();
                }
            }
            found.push((start, line.len()));
        }
        None => {
            // A field begins with the blanks before it.
            let mut in_word = false;
            for (at, letter) in line.char_indices() {
                if letter.is_whitespace() {
                    if in_word {
                        found.push((start, at));
                        start = at;
                        in_word = false;
                    }
                } else {
                    in_word = true;
                }
            }
            found.push((start, line.len()));
        }
    }
    found
}

fn number(text: &str) -> f64 {
    let text = text.trim_start();
    let end = text
        .char_indices()
        .find(|(at, letter)| !(letter.is_ascii_digit() || *letter == '.' || (*at == 0 && *letter == '-')))
        .map_or(text.len(), |(at, _)| at);
    text[..end].parse().unwrap_or(0.0)
}

fn human(text: &str) -> f64 {
    let value = number(text);
    let unit = text.trim().chars().last().unwrap_or('0').to_ascii_uppercase();
    let power = "KMGTPE".find(unit).map_or(0, |at| at + 1);
    value * 1024_f64.powi(i32::try_from(power).unwrap_or(0))
}

fn version(left: &str, right: &str) -> Ordering {
    let split = |text: &str| -> Vec<(String, u64)> {
        let mut parts = Vec::new();
        let (mut word, mut digits) = (String::new(), String::new());
        for letter in text.chars() {
            if letter.is_ascii_digit() {
                digits.push(letter);
            } else {
                if !digits.is_empty() {
                    parts.push((std::mem::take(&mut word), std::mem::take(&mut digits).parse().unwrap_or(u64::MAX)));
                }
                word.push(letter);
            }
        }
        parts.push((word, digits.parse().unwrap_or(0)));
        parts
    };
    split(left).cmp(&split(right))
}

fn compare(left: &str, right: &str, flags: &dyn Fn(char) -> bool) -> Ordering {
    let (left, right) = if flags('b') || flags('n') { (left.trim_start(), right.trim_start()) } else { (left, right) };
    let order = if flags('n') || flags('g') {
        number(left).total_cmp(&number(right))
    } else if flags('h') {
        human(left).total_cmp(&human(right))
    } else if flags('V') {
        version(left, right)
    } else if flags('f') {
        left.to_uppercase().cmp(&right.to_uppercase())
    } else {
        left.cmp(right)
    };
    if flags('r') { order.reverse() } else { order }
}

pub(super) async fn sort(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "nrufbghVk:t:o:csz",
        &[
            ("numeric-sort", 'n'),
            ("reverse", 'r'),
            ("unique", 'u'),
            ("key", 'k'),
            ("field-separator", 't'),
            ("output", 'o'),
            ("human-numeric-sort", 'h'),
            ("version-sort", 'V'),
            ("stable", 's'),
            ("check", 'c'),
        ],
    );
    let words = GRAMMAR.read(process, argv).await?;
    let mut keys = Vec::new();
    for text in words.values('k') {
        match Key::read(text) {
            Some(key) => keys.push(key),
            None => {
                process.complain(format!("bad field specification '{text}'")).await;
                return Ok(2);
            }
        }
    }
    let separator = words.value('t').and_then(|text| text.chars().next());
    let mut lines: Vec<String> = Vec::new();
    let mut held = 0;
    for path in inputs(&words) {
        let Some(fd) = input(process, &path).await else { return Ok(2) };
        let mut reader = Lines::new(fd);
        while let Ok(Some(line)) = reader.next().await {
            process.step(1).await?;
            held += line.text.len() + 32;
            if held > limits::HELD {
                process.complain("out of memory").await;
                return Ok(2);
            }
            lines.push(String::from_utf8_lossy(&line.text).into_owned());
        }
    }
    process.step(u32::try_from(lines.len()).unwrap_or(u32::MAX)).await?;
    let order = |left: &String, right: &String| by_keys(left, right, &keys, separator, &words);
    if words.has('c') {
        for pair in lines.windows(2) {
            if order(&pair[0], &pair[1]).is_gt() {
                process.complain(format!("disorder: {}", pair[1])).await;
                return Ok(1);
            }
        }
        return Ok(0);
    }
    let last_resort = |left: &String, right: &String| {
        let plain = if words.has('s') || words.has('u') { Ordering::Equal } else { left.cmp(right) };
        if words.has('r') { plain.reverse() } else { plain }
    };
    lines.sort_by(|left, right| order(left, right).then_with(|| last_resort(left, right)));
    if words.has('u') {
        lines.dedup_by(|right, left| order(left, right).is_eq());
    }
    let text = lines.join("\n") + if lines.is_empty() { "" } else { "\n" };
    match words.value('o') {
        Some(path) => match process.open(path, crate::files::Access::Write) {
            Ok(fd) => {
                if let Err(error) = fd.write(text.as_bytes(), process.now()).await {
                    return Ok(process.fail(format!("write error: {error}")).await);
                }
            }
            Err(error) => return Ok(process.fail(format!("{path}: {error}")).await),
        },
        None => process.out(text).await?,
    }
    Ok(0)
}

fn by_keys(left: &str, right: &str, keys: &[Key], separator: Option<char>, words: &Words) -> Ordering {
    if keys.is_empty() {
        return compare(left, right, &|flag| words.has(flag));
    }
    for key in keys {
        let own = key.flags.chars().any(|flag| flag != 'b');
        let flags =
            |flag: char| if own { key.flags.contains(flag) } else { words.has(flag) || key.flags.contains(flag) };
        let order = compare(key.of(left, separator), key.of(right, separator), &flags);
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

pub(super) async fn uniq(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar =
        Grammar::new("cduif:s:w:", &[("count", 'c'), ("repeated", 'd'), ("unique", 'u'), ("ignore-case", 'i')]);
    let words = GRAMMAR.read(process, argv).await?;
    let path = words.rest.first().map_or("-", String::as_str);
    let Some(fd) = input(process, path).await else { return Ok(1) };
    let number = |letter: char| words.value(letter).and_then(|text| text.parse::<usize>().ok());
    let key = |line: &str| -> String {
        let mut rest = line;
        for _ in 0..number('f').unwrap_or(0) {
            rest = rest.trim_start();
            rest = rest.find(char::is_whitespace).map_or("", |at| &rest[at..]);
        }
        let text: String =
            rest.chars().skip(number('s').unwrap_or(0)).take(number('w').unwrap_or(usize::MAX)).collect();
        if words.has('i') { text.to_lowercase() } else { text }
    };
    let mut lines = Lines::new(fd);
    let mut out = Output::new();
    let mut current: Option<(String, u64)> = None;
    let show = |out: &mut Output, line: &str, count: u64| {
        if (words.has('d') && count < 2) || (words.has('u') && count > 1) {
            return;
        }
        if words.has('c') {
            out.push(format!("{count:>7} ").as_bytes());
        }
        out.push(line.as_bytes());
        out.push(b"\n");
    };
    while let Ok(Some(line)) = lines.next().await {
        process.step(1).await?;
        let text = String::from_utf8_lossy(&line.text).into_owned();
        match &mut current {
            Some((same, count)) if key(same) == key(&text) => *count += 1,
            _ => {
                if let Some((line, count)) = current.replace((text, 1)) {
                    show(&mut out, &line, count);
                }
            }
        }
        if !lines.is_dry() {
            out.settle(process, &lines).await?;
        }
    }
    if let Some((line, count)) = current {
        show(&mut out, &line, count);
    }
    out.flush(process).await?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_numbers_are_compared() {
        let key = Key::read("2,2n").unwrap();
        assert_eq!((key.of("a 10 c", None).trim(), key.of("a:9:c", Some(':'))), ("10", "9"));
        assert!(compare("10", "9", &|flag| flag == 'n').is_gt());
        assert!(compare("2K", "1M", &|flag| flag == 'h').is_lt());
        assert!(version("v1.10", "v1.9").is_gt());
        assert!(Key::read("0").is_none());
    }
}
