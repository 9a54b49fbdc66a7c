//! `echo`, `printf`, `yes`, `seq`.

use crate::process::{Process, Ran};
use crate::tree::Flavour;

/// Whose escapes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// Those of `echo -e`: octal begins with `\0`.
    Echo,
    /// Those of `printf` and `$'…'`.
    Printf,
}

/// Whether output goes on after an escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goes {
    /// It does.
    On,
    /// `\c` ended it.
    NoFurther,
}

/// Replaces backslash escapes.
pub(crate) fn unescape(text: &str, escapes: Escapes) -> (String, Goes) {
    let mut done = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte != b'\\' {
            done.push(*byte);
            continue;
        }
        let Some(kind) = bytes.get(at) else {
            done.push(b'\\');
            break;
        };
        at += 1;
        let number = |radix: u32, most: usize, start: usize| {
            let mut value = 0_u32;
            let mut end = start;
            while end < start + most
                && let Some(digit) = bytes.get(end).and_then(|byte| (*byte as char).to_digit(radix))
            {
                value = value * radix + digit;
                end += 1;
            }
            (value.to_le_bytes()[0], end)
        };
        match kind {
            b'n' => done.push(b'\n'),
            b't' => done.push(b'\t'),
            b'r' => done.push(b'\r'),
            b'a' => done.push(7),
            b'b' => done.push(8),
            b'f' => done.push(12),
            b'v' => done.push(11),
            b'e' | b'E' => done.push(27),
            b'\\' => done.push(b'\\'),
            b'c' => return (String::from_utf8_lossy(&done).into_owned(), Goes::NoFurther),
            b'x' => {
                let (value, end) = number(16, 2, at);
                if end == at {
                    done.extend(b"\\x");
                } else {
                    done.push(value);
                }
                at = end;
            }
            b'0' if escapes == Escapes::Echo => {
                let (value, end) = number(8, 3, at);
                done.push(value);
                at = end;
            }
            b'0'..=b'7' => {
                let (value, end) = number(8, 3, at - 1);
                done.push(value);
                at = end;
            }
            b'"' | b'\'' if escapes == Escapes::Printf => done.push(*kind),
            other => done.extend([b'\\', *other]),
        }
    }
    (String::from_utf8_lossy(&done).into_owned(), Goes::On)
}

pub(super) async fn echo(process: &mut Process, argv: &[String]) -> Ran {
    let mut rest = &argv[1..];
    let (mut newline, mut escapes) = (true, false);
    // Dash's `echo` has only -n, and reads escapes always.
    let is_dash = process.flavour == Flavour::Gnu
        && process
            .place
            .entry
            .argv()
            .first()
            .is_some_and(|first| ["sh", "dash"].contains(&first.rsplit('/').next().unwrap_or(first)));
    while let Some(word) = rest.first() {
        let letters = word.strip_prefix('-').unwrap_or_default();
        let allowed = if is_dash { "n" } else { "neE" };
        if letters.is_empty() || !letters.chars().all(|letter| allowed.contains(letter)) {
            break;
        }
        for letter in letters.chars() {
            match letter {
                'n' => newline = false,
                'e' => escapes = true,
                _ => escapes = false,
            }
        }
        rest = &rest[1..];
    }
    let mut text = rest.join(" ");
    if escapes || is_dash {
        let (done, goes) = unescape(&text, Escapes::Echo);
        newline &= goes == Goes::On;
        text = done;
    }
    if newline {
        text.push('\n');
    }
    process.out(text).await?;
    Ok(0)
}

pub(super) async fn printf(process: &mut Process, argv: &[String]) -> Ran {
    let mut words = &argv[1..];
    if words.first().is_some_and(|word| word == "--") {
        words = &words[1..];
    }
    let Some((format, mut arguments)) = words.split_first() else {
        process.say("printf: usage: printf FORMAT [ARG]...").await;
        return Ok(if process.flavour == Flavour::Busybox { 1 } else { 2 });
    };
    let mut code = 0;
    let mut turns = 0;
    loop {
        let before = arguments.len();
        let (text, goes, bad) = format_once(format, &mut arguments);
        process.out(text).await?;
        for word in bad {
            code = 1;
            match process.flavour {
                Flavour::Busybox => process.complain(format!("invalid number '{word}'")).await,
                Flavour::Gnu => process.complain(format!("{word}: invalid number")).await,
            }
        }
        turns += 1;
        if goes == Goes::NoFurther || arguments.is_empty() || arguments.len() == before || turns > 100_000 {
            return Ok(code);
        }
    }
}

/// Formats once through; takes what it uses from the arguments. Returns also what was no number.
pub(crate) fn format_once(format: &str, arguments: &mut &[String]) -> (String, Goes, Vec<String>) {
    let (mut done, mut bad) = (String::new(), Vec::new());
    let letters: Vec<char> = format.chars().collect();
    let mut at = 0;
    let mut next = || {
        let (first, rest) = arguments.split_first()?;
        *arguments = rest;
        Some(first.clone())
    };
    let mut plain = String::new();
    while at < letters.len() {
        if letters[at] == '\\' {
            plain.push('\\');
            at += 1;
            plain.extend(letters.get(at));
            at += 1;
            continue;
        }
        if letters[at] != '%' {
            plain.push(letters[at]);
            at += 1;
            continue;
        }
        let (text, goes) = unescape(&std::mem::take(&mut plain), Escapes::Printf);
        done.push_str(&text);
        if goes == Goes::NoFurther {
            return (done, goes, bad);
        }
        at += 1;
        let mut flags = String::new();
        while let Some(flag) = letters.get(at).filter(|flag| "-+ 0#".contains(**flag)) {
            flags.push(*flag);
            at += 1;
        }
        let number = |at: &mut usize, next: &mut dyn FnMut() -> Option<String>| -> Option<i64> {
            if letters.get(*at) == Some(&'*') {
                *at += 1;
                return next().and_then(|word| word.parse().ok());
            }
            let start = *at;
            while letters.get(*at).is_some_and(char::is_ascii_digit) {
                *at += 1;
            }
            letters[start..*at].iter().collect::<String>().parse().ok()
        };
        let width = number(&mut at, &mut next);
        let precision = if letters.get(at) == Some(&'.') {
            at += 1;
            Some(number(&mut at, &mut next).unwrap_or(0))
        } else {
            None
        };
        while letters.get(at).is_some_and(|letter| "lhqLjzt".contains(*letter)) {
            at += 1;
        }
        let Some(kind) = letters.get(at) else {
            done.push('%');
            break;
        };
        at += 1;
        if width.is_some_and(|width| width < 0) {
            flags.push('-');
        }
        let width = usize::try_from(width.unwrap_or(0).unsigned_abs()).unwrap_or(0).min(4096);
        let precision = precision.and_then(|precision| usize::try_from(precision).ok()).map(|most| most.min(4096));
        let sign = |negative: bool| match () {
            () if negative => "-",
            () if flags.contains('+') => "+",
            () if flags.contains(' ') => " ",
            () => "",
        };
        let text = match kind {
            '%' => {
                done.push('%');
                continue;
            }
            's' => {
                let word = next().unwrap_or_default();
                match precision {
                    Some(most) => word.chars().take(most).collect(),
                    None => word,
                }
            }
            'b' => {
                let (text, goes) = unescape(&next().unwrap_or_default(), Escapes::Echo);
                if goes == Goes::NoFurther {
                    return (done + &text, goes, bad);
                }
                text
            }
            'q' => format!("'{}'", next().unwrap_or_default().replace('\'', "'\\''")),
            'c' => next().and_then(|word| word.chars().next()).map(String::from).unwrap_or_default(),
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                let word = next().unwrap_or_default();
                let value = match integer(&word) {
                    Some(value) => value,
                    None => {
                        bad.push(word);
                        0
                    }
                };
                let digits = match kind {
                    'x' => format!("{}{value:x}", if flags.contains('#') { "0x" } else { "" }),
                    'X' => format!("{}{value:X}", if flags.contains('#') { "0X" } else { "" }),
                    'o' => format!("{value:o}"),
                    _ => value.unsigned_abs().to_string(),
                };
                let least = precision.unwrap_or(0);
                let prefix = if matches!(kind, 'd' | 'i') { sign(value < 0) } else { "" };
                format!("{prefix}{digits:0>least$}")
            }
            'f' | 'F' | 'e' | 'g' | 'E' | 'G' => {
                let word = next().unwrap_or_default();
                let value = if word.is_empty() {
                    0.0
                } else {
                    word.parse::<f64>().unwrap_or_else(|_| {
                        bad.push(word.clone());
                        0.0
                    })
                };
                let precision = precision.unwrap_or(6);
                let prefix = sign(value < 0.0);
                match kind {
                    'f' | 'F' => format!("{prefix}{:.precision$}", value.abs()),
                    'e' | 'E' => format!("{prefix}{}", exponent(value.abs(), precision)),
                    _ => format!("{prefix}{}", general(value.abs(), precision)),
                }
            }
            other => {
                done.push('%');
                done.push(*other);
                continue;
            }
        };
        let missing = width.saturating_sub(text.chars().count());
        if flags.contains('-') {
            done.push_str(&text);
            done.push_str(&" ".repeat(missing));
        } else if flags.contains('0') && !matches!(kind, 's' | 'b' | 'c') {
            let (prefix, digits) = text.split_at(usize::from(text.starts_with(['-', '+', ' '])));
            done.push_str(prefix);
            done.push_str(&"0".repeat(missing));
            done.push_str(digits);
        } else {
            done.push_str(&" ".repeat(missing));
            done.push_str(&text);
        }
    }
    let (text, goes) = unescape(&plain, Escapes::Printf);
    (done + &text, goes, bad)
}

fn exponent(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let number: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if number < 0 { '-' } else { '+' }, number.abs())
}

/// Formats as `%g` does.
pub(crate) fn general(value: f64, precision: usize) -> String {
    let precision = precision.max(1);
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let strip = |text: String| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    if magnitude < -4 || magnitude >= i32::try_from(precision).unwrap_or(i32::MAX) {
        let text = exponent(value, precision - 1);
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{power}", strip(mantissa.to_owned()));
    }
    let digits = usize::try_from(i32::try_from(precision).unwrap_or(17) - 1 - magnitude).unwrap_or(0);
    strip(format!("{value:.digits$}"))
}

fn integer(word: &str) -> Option<i64> {
    let word = word.trim();
    if word.is_empty() {
        return Some(0);
    }
    if let Some(letter) = word.strip_prefix(['\'', '"']) {
        return letter.chars().next().map(|letter| i64::from(letter as u32));
    }
    let (negative, digits) = word.strip_prefix('-').map_or((false, word), |digits| (true, digits));
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let value = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(&digits[1..], 8).ok()?
    } else {
        digits.parse().ok()?
    };
    Some(if negative { value.wrapping_neg() } else { value })
}

pub(super) async fn yes(process: &mut Process, argv: &[String]) -> Ran {
    let line = if argv.len() > 1 { argv[1..].join(" ") } else { "y".to_owned() } + "\n";
    let block = line.repeat((8192 / line.len()).max(1));
    loop {
        process.out(&block).await?;
    }
}

pub(super) async fn seq(process: &mut Process, argv: &[String]) -> Ran {
    let (mut separator, mut wide, mut numbers) = ("\n".to_owned(), false, Vec::new());
    let mut at = 1;
    while let Some(word) = argv.get(at) {
        at += 1;
        match word.as_str() {
            "-w" => wide = true,
            "-s" => {
                separator = argv.get(at).cloned().unwrap_or_default();
                at += 1;
            }
            word => match word.parse::<f64>() {
                Ok(number) if number.is_finite() => numbers.push((number, word.to_owned())),
                _ => {
                    let message = match process.flavour {
                        Flavour::Busybox => format!("invalid number '{word}'"),
                        Flavour::Gnu => format!("invalid floating point argument: '{word}'"),
                    };
                    return Ok(process.fail(message).await);
                }
            },
        }
    }
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1.0, 1.0, last.0),
        [first, last] => (first.0, 1.0, last.0),
        [first, step, last] => (first.0, step.0, last.0),
        _ => return Ok(process.fail("missing operand").await),
    };
    if step == 0.0 {
        return Ok(process.fail("invalid Zero increment value").await);
    }
    let places = |text: &String| text.split_once('.').map_or(0, |(_, places)| places.len());
    let places = numbers.iter().take(2).map(|(_, text)| places(text)).max().unwrap_or(0);
    let width =
        if wide { [first, last].iter().map(|number| format!("{number:.places$}").len()).max().unwrap_or(0) } else { 0 };
    let mut turn = 0.0;
    let mut block = String::new();
    loop {
        let value = first + turn * step;
        if (step > 0.0 && value > last + 1e-9) || (step < 0.0 && value < last - 1e-9) {
            break;
        }
        if turn > 0.0 {
            block.push_str(&separator);
        }
        block.push_str(&format!("{value:0width$.places$}"));
        turn += 1.0;
        if block.len() > 8192 {
            process.out(std::mem::take(&mut block)).await?;
        }
    }
    if turn > 0.0 {
        block.push('\n');
    }
    process.out(block).await?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_c() {
        let words: Vec<String> = ["7", "abc", "-3", "2.5", "x\\ty"].map(str::to_owned).to_vec();
        let mut rest = words.as_slice();
        let (text, _, bad) = format_once("%03d|%-5s|%5d|%.2f|%b\\n", &mut rest);
        assert_eq!((text.as_str(), bad.len(), rest.len()), ("007|abc  |   -3|2.50|x\ty\n", 0, 0));
        assert_eq!(unescape("a\\x41\\101\\c b", Escapes::Printf), ("aAA".to_owned(), Goes::NoFurther));
        assert_eq!(
            (general(0.1, 6), general(1e10, 6), general(123.0, 6)),
            ("0.1".into(), "1e+10".into(), "123".into())
        );
    }
}
