//! `grep`.

use crate::files::{Follow, join};
use crate::process::{Process, Ran};
use crate::stream::Lines;
use crate::tree::Flavour;

use super::Grammar;
use super::regexp::{self, Kind, Letters};
use super::text::Output;

pub(super) async fn grep(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "EFGPivnclLoqswxrRhHe:f:m:A:B:C:az",
        &[
            ("extended-regexp", 'E'),
            ("fixed-strings", 'F'),
            ("ignore-case", 'i'),
            ("invert-match", 'v'),
            ("line-number", 'n'),
            ("count", 'c'),
            ("files-with-matches", 'l'),
            ("only-matching", 'o'),
            ("quiet", 'q'),
            ("silent", 'q'),
            ("no-messages", 's'),
            ("word-regexp", 'w'),
            ("line-regexp", 'x'),
            ("recursive", 'r'),
            ("regexp", 'e'),
            ("max-count", 'm'),
            ("color", 'z'),
            ("no-filename", 'h'),
            ("with-filename", 'H'),
        ],
    );
    let argv: Vec<String> = argv.iter().filter(|word| !word.starts_with("--color")).cloned().collect();
    let mut words = GRAMMAR.read(process, &argv).await?;
    let mut patterns: Vec<String> = words.values('e').flat_map(|text| text.split('\n')).map(str::to_owned).collect();
    if let Some(path) = words.value('f') {
        match process.read_file(path).await {
            Ok(bytes) => patterns.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned)),
            Err(error) => {
                process.complain(format!("{path}: {error}")).await;
                return Ok(2);
            }
        }
    } else if patterns.is_empty() {
        if words.rest.is_empty() {
            process
                .say(
                    "Usage: grep [-EFivnclLoqswxrhH] [-m N] [-A|B|C N] { PATTERN | -e PATTERN | -f FILE }... [FILE]...",
                )
                .await;
            return Ok(2);
        }
        patterns = words.rest.remove(0).split('\n').map(str::to_owned).collect();
    }
    let letters = if words.has('i') { Letters::Alike } else { Letters::Exact };
    let fixed = words.has('F') || kind == "fgrep";
    let extended = words.has('E') || words.has('P') || kind == "egrep";
    let mut parts = Vec::new();
    for pattern in &patterns {
        let part = match (fixed, extended, words.has('P')) {
            (true, _, _) => Some(regex::escape(pattern)),
            (_, _, true) => Some(pattern.clone()),
            (_, true, _) => regexp::translate(pattern, Kind::Extended),
            _ => regexp::translate(pattern, Kind::Basic),
        };
        let Some(part) = part else {
            process.complain(format!("bad regex '{pattern}': not simulated or invalid")).await;
            return Ok(2);
        };
        parts.push(match (words.has('w'), words.has('x')) {
            (_, true) => format!("^(?:{part})$"),
            (true, _) => format!("\\b(?:{part})\\b"),
            _ => format!("(?:{part})"),
        });
    }
    let Some(regex) = regexp::build(&parts.join("|"), letters) else {
        process.complain(format!("bad regex '{}': Invalid preceding regular expression", patterns.join("\n"))).await;
        return Ok(2);
    };
    let recurses = words.has('r') || words.has('R');
    let mut paths =
        if words.rest.is_empty() { vec![if recurses { "." } else { "-" }.to_owned()] } else { words.rest.clone() };
    let shows_names = (paths.len() > 1 || recurses || words.has('H')) && !words.has('h');
    let number = |letter: char| words.value(letter).and_then(|text| text.parse::<usize>().ok());
    let around = number('C').unwrap_or(0);
    let (before, after) = (number('B').unwrap_or(around), number('A').unwrap_or(around));
    let most = number('m').unwrap_or(usize::MAX);
    let (mut matched, mut failed) = (false, false);
    paths.reverse();
    while let Some(path) = paths.pop() {
        process.step(1).await?;
        if path != "-" && process.stat(&path, Follow::Yes).is_ok_and(|stat| stat.is_directory()) {
            if recurses {
                for (name, _) in
                    process.kernel.files.list(process.walker(), &path).unwrap_or_default().into_iter().rev()
                {
                    paths.push(join(&path, &name));
                }
            } else if process.flavour == Flavour::Gnu {
                process.complain(format!("{path}: Is a directory")).await;
            }
            continue;
        }
        let fd = if words.has('s') && path != "-" {
            process.open(&path, crate::files::Access::Read).ok()
        } else if path == "-" {
            Some(process.stdin())
        } else {
            match process.open(&path, crate::files::Access::Read) {
                Ok(fd) => Some(fd),
                Err(error) => {
                    process.complain(format!("{path}: {error}")).await;
                    None
                }
            }
        };
        let Some(fd) = fd else {
            failed = true;
            continue;
        };
        let shown = if path == "-" { "(standard input)" } else { &path };
        let mut lines = Lines::new(fd);
        let mut out = Output::new();
        let (mut count, mut line_number, mut trailing) = (0_usize, 0_usize, 0_usize);
        let mut held: std::collections::VecDeque<(usize, Vec<u8>)> = Default::default();
        let mut last_shown = 0;
        while let Ok(Some(line)) = lines.next().await {
            line_number += 1;
            process.step(1).await?;
            let is_match = regex.is_match(&line.text) != words.has('v');
            let lead = |number: usize, sign: char| {
                let mut lead = String::new();
                if shows_names {
                    lead.push_str(shown);
                    lead.push(sign);
                }
                if words.has('n') {
                    lead.push_str(&number.to_string());
                    lead.push(sign);
                }
                lead
            };
            if is_match {
                matched = true;
                count += 1;
                if words.has('q') {
                    return Ok(0);
                }
                if words.has('l') || words.has('L') {
                    break;
                }
                if !words.has('c') {
                    let first = held.front().map_or(line_number, |(number, _)| *number);
                    if (before > 0 || after > 0) && last_shown > 0 && first > last_shown + 1 {
                        out.push(b"--\n");
                    }
                    for (number, text) in held.drain(..) {
                        out.push(lead(number, '-').as_bytes());
                        out.push(&text);
                        out.push(b"\n");
                    }
                    if words.has('o') {
                        for found in regex.find_iter(&line.text).filter(|found| !found.is_empty()) {
                            out.push(lead(line_number, ':').as_bytes());
                            out.push(found.as_bytes());
                            out.push(b"\n");
                        }
                    } else {
                        out.push(lead(line_number, ':').as_bytes());
                        out.push(&line.text);
                        out.push(b"\n");
                    }
                    last_shown = line_number;
                    trailing = after;
                }
                if count >= most {
                    break;
                }
            } else if trailing > 0 && !words.has('c') {
                trailing -= 1;
                out.push(lead(line_number, '-').as_bytes());
                out.push(&line.text);
                out.push(b"\n");
                last_shown = line_number;
            } else if before > 0 {
                held.push_back((line_number, line.text));
                if held.len() > before {
                    held.pop_front();
                }
            }
            out.settle(process, &lines).await?;
        }
        if words.has('c') {
            out.push(format!("{}{count}\n", if shows_names { format!("{shown}:") } else { String::new() }).as_bytes());
        }
        if (words.has('l') && count > 0) || (words.has('L') && count == 0) {
            out.push(format!("{shown}\n").as_bytes());
        }
        out.flush(process).await?;
    }
    Ok(match (matched, failed) {
        (_, true) => 2,
        (true, false) => 0,
        (false, false) => 1,
    })
}
