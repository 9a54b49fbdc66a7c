//! Commands that wait or run others: `sleep`, `timeout`, `env`, `xargs`, `watch`, `busybox`.

use std::time::Duration;

use crate::limits;
use crate::process::{Process, Ran};
use crate::tree::Flavour;

use super::{Grammar, Order};

/// The longest wait that is taken at its word.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Reads `5`, `1.5`, `2m`, `infinity`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    if ["infinity", "inf"].contains(&text) {
        return Some(LONGEST);
    }
    let (number, unit) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1.0),
        'm' => (&text[..text.len() - 1], 60.0),
        'h' => (&text[..text.len() - 1], 3600.0),
        'd' => (&text[..text.len() - 1], 86_400.0),
        _ => (text, 1.0),
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    Some(Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).unwrap_or(LONGEST).min(LONGEST))
}

pub(super) async fn sleep(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    if argv.len() < 2 {
        return Ok(process.fail("missing operand").await);
    }
    let mut total = Duration::ZERO;
    for word in &argv[1..] {
        let time = match kind {
            "usleep" => word.parse().ok().map(Duration::from_micros),
            _ => duration(word),
        };
        let Some(time) = time else {
            return Ok(process
                .fail(match process.flavour {
                    Flavour::Busybox => format!("invalid number '{word}'"),
                    Flavour::Gnu => format!("invalid time interval '{word}'"),
                })
                .await);
        };
        total = total.saturating_add(time).min(LONGEST);
    }
    process.kernel.surroundings.sleep(total).await;
    Ok(0)
}

/// Starts a command as a child and waits for it.
async fn run(process: &Process, argv: &[String]) -> i32 {
    match process.fork(argv) {
        Ok(mut child) => {
            child.name.clone_from(&process.name);
            child.run(argv.to_vec()).await
        }
        Err(error) => process.fail(format!("can't fork: {error}")).await,
    }
}

pub(super) async fn timeout(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar {
        letters: "s:k:vt:",
        long: &[("signal", 's'), ("kill-after", 'k'), ("preserve-status", 'v')],
        order: Order::First,
    };
    let words = GRAMMAR.read(process, argv).await?;
    let (time, command) = match (words.value('t'), words.rest.as_slice()) {
        (Some(time), command) => (time.to_owned(), command.to_vec()),
        (None, [time, command @ ..]) => (time.clone(), command.to_vec()),
        (None, []) => return Ok(process.fail("missing operand").await),
    };
    let Some(time) = duration(&time) else {
        process.complain(format!("invalid time interval '{time}'")).await;
        return Ok(125);
    };
    let surroundings = std::sync::Arc::clone(&process.kernel.surroundings);
    Ok(tokio::select! {
        code = run(process, &command) => code,
        () = surroundings.sleep(time) => if process.flavour == Flavour::Busybox { 143 } else { 124 },
    })
}

/// `env`, `nohup`, `nice`, `setsid`, `time`: they change something and run the rest.
pub(super) async fn through(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    let mut rest = &argv[1..];
    while let Some(word) = rest.first() {
        match (kind, word.as_str()) {
            ("env", "-i" | "-" | "--ignore-environment") => process.env.clear(),
            ("env", "-u") => {
                if let Some(name) = rest.get(1) {
                    process.env.remove(name);
                }
                rest = &rest[1..];
            }
            ("nice", "-n") => rest = &rest[1.min(rest.len())..],
            ("env", word) if word.contains('=') && !word.starts_with('=') => {
                if let Some((name, value)) = word.split_once('=') {
                    process.env.insert(name.to_owned(), value.to_owned());
                }
            }
            (_, word) if word.starts_with('-') => {}
            _ => break,
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    if rest.is_empty() {
        if kind == "env" {
            let text: String = process.env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
            process.out(text).await?;
        }
        return Ok(0);
    }
    let began = process.now();
    let code = match process.locate(&rest[0]) {
        Ok(_) => run(process, rest).await,
        Err(error) => {
            process
                .complain(match process.flavour {
                    Flavour::Busybox => format!("can't execute '{}': {error}", rest[0]),
                    Flavour::Gnu => format!("'{}': {error}", rest[0]),
                })
                .await;
            if error == crate::errno::Errno::Denied { 126 } else { 127 }
        }
    };
    if kind == "time" {
        let seconds = process.now().saturating_sub(began).as_secs_f64();
        process
            .say(format!(
                "real\t{:.0}m {:.2}s\nuser\t0m 0.00s\nsys\t0m 0.00s",
                (seconds / 60.0).floor(),
                seconds % 60.0
            ))
            .await;
    }
    Ok(code)
}

pub(super) async fn printenv(process: &mut Process, argv: &[String]) -> Ran {
    if argv.len() < 2 {
        let text: String = process.env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        process.out(text).await?;
        return Ok(0);
    }
    let mut code = 0;
    for name in &argv[1..] {
        match process.env.get(name) {
            Some(value) => process.out(format!("{value}\n")).await?,
            None => code = 1,
        }
    }
    Ok(code)
}

pub(super) async fn xargs(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar {
        letters: "0rtn:I:d:L:P:s:",
        long: &[
            ("null", '0'),
            ("no-run-if-empty", 'r'),
            ("max-args", 'n'),
            ("replace", 'I'),
            ("delimiter", 'd'),
            ("max-procs", 'P'),
        ],
        order: Order::First,
    };
    let words = GRAMMAR.read(process, argv).await?;
    let bytes = match process.read_all(&process.stdin()).await {
        Ok(bytes) => bytes,
        Err(error) => return Ok(process.fail(error.to_string()).await),
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let placeholder = words.value('I').map(str::to_owned);
    let items: Vec<String> = if words.has('0') {
        text.split('\0').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    } else if let Some(delimiter) = words.value('d') {
        let delimiter = super::print::unescape(delimiter, super::print::Escapes::Printf).0;
        text.trim_end_matches('\n').split(delimiter.as_str()).map(str::to_owned).collect()
    } else if placeholder.is_some() || words.has('L') {
        text.lines().map(|line| line.trim_start().to_owned()).filter(|line| !line.is_empty()).collect()
    } else {
        quoted_words(&text)
    };
    let command = if words.rest.is_empty() { vec!["echo".to_owned()] } else { words.rest.clone() };
    let most =
        words.value('n').or(words.value('L')).and_then(|text| text.parse::<usize>().ok()).filter(|most| *most > 0);
    let groups: Vec<Vec<String>> = match (&placeholder, most) {
        (Some(_), _) => items.into_iter().map(|item| vec![item]).collect(),
        (None, Some(most)) => items.chunks(most).map(<[String]>::to_vec).collect(),
        (None, None) if items.is_empty() => {
            if words.has('r') || process.flavour == Flavour::Busybox && text.is_empty() && words.has('r') {
                Vec::new()
            } else {
                vec![Vec::new()]
            }
        }
        (None, None) => items.chunks(2048).map(<[String]>::to_vec).collect(),
    };
    let mut code = 0;
    for group in groups {
        process.step(2).await?;
        let line: Vec<String> = match &placeholder {
            Some(mark) => command.iter().map(|word| word.replace(mark.as_str(), &group[0])).collect(),
            None => command.iter().chain(&group).cloned().collect(),
        };
        if line.iter().map(String::len).sum::<usize>() > limits::WORD {
            return Ok(process.fail("argument line too long").await);
        }
        if words.has('t') {
            process.say(line.join(" ")).await;
        }
        match process.locate(&line[0]) {
            Ok(_) => match run(process, &line).await {
                0 => {}
                255 => return Ok(124),
                _ => code = 123,
            },
            Err(error) => {
                process
                    .complain(match process.flavour {
                        Flavour::Busybox => format!("{}: {error}", line[0]),
                        Flavour::Gnu => format!("{}: {error}", line[0]),
                    })
                    .await;
                return Ok(if error == crate::errno::Errno::Denied { 126 } else { 127 });
            }
        }
    }
    Ok(code)
}

fn quoted_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

pub(super) async fn watch(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar =
        Grammar { letters: "n:td", long: &[("interval", 'n'), ("no-title", 't')], order: Order::First };
    let words = GRAMMAR.read(process, argv).await?;
    let every = words.value('n').and_then(duration).unwrap_or(Duration::from_secs(2)).max(Duration::from_millis(100));
    let line = words.rest.join(" ");
    if line.is_empty() {
        return Ok(process.fail("no command").await);
    }
    loop {
        process.out("\x1b[H\x1b[J").await?;
        if !words.has('t') {
            process.out(format!("Every {}s: {line}\n\n", every.as_secs_f64())).await?;
        }
        run(process, &["sh".to_owned(), "-c".to_owned(), line.clone()]).await;
        process.kernel.surroundings.sleep(every).await;
    }
}

pub(super) async fn busybox(process: &mut Process, argv: &[String]) -> Ran {
    match argv.get(1).map(String::as_str) {
        Some("--list") => {
            let mut names: Vec<&str> =
                process.kernel.files.list(process.walker(), "/bin").map(|_| super::NAMES.to_vec()).unwrap_or_default();
            names.retain(|name| {
                !["bash", "dash", "curl", "kubectl", "server", "nginx", "redis-cli", "redis-server"].contains(name)
            });
            process.out(names.join("\n") + "\n").await?;
            Ok(0)
        }
        None | Some("--help") => {
            process
                .out("BusyBox v1.36.1 (2024-09-26 21:31:42 UTC) multi-call binary (sandbox: simulated).\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list\n")
                .await?;
            Ok(0)
        }
        Some(name) => match super::known(name) {
            Some(known) if known != "busybox" => {
                name.clone_into(&mut process.name);
                super::run(known, process, &argv[1..]).await
            }
            _ => {
                process.say(format!("{name}: applet not found")).await;
                Ok(127)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_words_are_read() {
        assert_eq!(duration("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!((duration(""), duration("x"), duration("-1"), duration("s")), (None, None, None, None));
        assert_eq!(duration("99999999999999999999d"), Some(LONGEST));
        assert_eq!(quoted_words("a 'b c' \"d\"e\\ f\n"), ["a", "b c", "de f"]);
    }
}
