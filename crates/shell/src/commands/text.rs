//! Commands that read texts: `cat`, `head`, `tail`, `wc`, `tee`, `cut`, `paste`, `diff` and the small ones.

use crate::errno::Errno;
use crate::files::{Access, Follow, StatKind};
use crate::limits;
use crate::process::{Halt, Process, Ran};
use crate::stream::{Fd, Lines};
use crate::tree::Flavour;

use super::{Grammar, cannot_open, count, inputs};

/// Opens an input; `-` is standard input. A folder is told of as such.
pub(super) async fn input(process: &Process, path: &str) -> Option<Fd> {
    if path == "-" {
        return Some(process.stdin());
    }
    let opened = process.open(path, Access::Read).and_then(|fd| {
        if process.stat(path, Follow::Yes).is_ok_and(|stat| stat.kind == StatKind::Directory) {
            return Err(Errno::IsDirectory);
        }
        Ok(fd)
    });
    match opened {
        Ok(fd) => Some(fd),
        Err(Errno::IsDirectory) => {
            match process.flavour {
                Flavour::Busybox if process.name == "cat" => {
                    process.say("cat: read error: Is a directory").await;
                }
                Flavour::Gnu if ["head", "tail"].contains(&process.name.as_str()) => {
                    process.complain(format!("error reading '{path}': Is a directory")).await;
                }
                Flavour::Busybox | Flavour::Gnu => process.complain(format!("{path}: Is a directory")).await,
            }
            None
        }
        Err(error) => {
            cannot_open(process, path, error).await;
            None
        }
    }
}

/// Gathers output and hands it on in blocks, and before there is a wait for more input.
pub(super) struct Output {
    held: Vec<u8>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self { held: Vec::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.held.extend(bytes);
    }

    pub(super) async fn settle(&mut self, process: &Process, lines: &Lines) -> Result<(), Halt> {
        if self.held.len() > 8192 || lines.is_dry() {
            self.flush(process).await?;
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self, process: &Process) -> Result<(), Halt> {
        let held = std::mem::take(&mut self.held);
        process.out(held).await
    }
}

/// Tells of a read that failed.
pub(super) async fn read_failed(process: &Process, error: Errno) -> Halt {
    process.complain(format!("read error: {error}")).await;
    Halt(1)
}

pub(super) async fn cat(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("nbAsetuvETF", &[("number", 'n'), ("show-all", 'A'), ("show-ends", 'E')]);
    let words = GRAMMAR.read(process, argv).await?;
    let mut code = 0;
    let mut number = 0;
    for path in inputs(&words) {
        let Some(fd) = input(process, &path).await else {
            code = 1;
            continue;
        };
        if !["n", "b", "A", "s", "e", "t", "v", "E", "T"]
            .iter()
            .any(|letter| words.has(letter.chars().next().unwrap_or('n')))
        {
            loop {
                let bytes = match fd.read(limits::PIPE).await {
                    Ok(bytes) => bytes,
                    Err(error) => return Err(read_failed(process, error).await),
                };
                if bytes.is_empty() {
                    break;
                }
                process.out(bytes).await?;
            }
            continue;
        }
        let mut lines = Lines::new(fd);
        let mut out = Output::new();
        while let Ok(Some(line)) = lines.next().await {
            if words.has('n') || (words.has('b') && !line.text.is_empty()) {
                number += 1;
                out.push(format!("{number:>6}\t").as_bytes());
            }
            let show = words.has('A') || words.has('v') || words.has('e') || words.has('t');
            for byte in line.text {
                match byte {
                    b'\t' if words.has('A') || words.has('t') || words.has('T') => out.push(b"^I"),
                    0..=8 | 11..=31 if show => out.push(&[b'^', byte + 64]),
                    127 if show => out.push(b"^?"),
                    byte => out.push(&[byte]),
                }
            }
            if words.has('A') || words.has('e') || words.has('E') {
                out.push(b"$");
            }
            if line.ended {
                out.push(b"\n");
            }
            out.settle(process, &lines).await?;
        }
        out.flush(process).await?;
    }
    Ok(code)
}

/// Turns `-5` into `-n 5`, as `head` and `tail` allow.
fn with_count(argv: &[String]) -> Vec<String> {
    let mut words = argv.to_vec();
    if let Some(word) = words.get_mut(1)
        && let Some(number) = word.strip_prefix('-')
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        *word = format!("-n{number}");
    }
    words
}

async fn heading(process: &Process, paths: &[String], index: usize, quiet: bool) -> Result<(), Halt> {
    if paths.len() > 1 && !quiet {
        let name = if paths[index] == "-" { "standard input" } else { &paths[index] };
        process.out(format!("{}==> {name} <==\n", if index > 0 { "\n" } else { "" })).await?;
    }
    Ok(())
}

pub(super) async fn head(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar =
        Grammar::new("n:c:qv", &[("lines", 'n'), ("bytes", 'c'), ("quiet", 'q'), ("verbose", 'v')]);
    let words = GRAMMAR.read(process, &with_count(argv)).await?;
    let paths = inputs(&words);
    let mut code = 0;
    for (index, path) in paths.iter().enumerate() {
        let Some(fd) = input(process, path).await else {
            code = 1;
            continue;
        };
        heading(process, &paths, index, words.has('q')).await?;
        if let Some(bytes) = words.value('c') {
            let Some(mut left) = count(bytes) else {
                return Ok(process.fail(format!("invalid number '{bytes}'")).await);
            };
            while left > 0 {
                let most = usize::try_from(left).unwrap_or(limits::PIPE).min(limits::PIPE);
                let block = fd.read(most).await.unwrap_or_default();
                if block.is_empty() {
                    break;
                }
                left -= block.len() as u64;
                process.out(block).await?;
            }
            continue;
        }
        let text = words.value('n').unwrap_or("10");
        let (keeps_all_but, number) = text.strip_prefix('-').map_or((false, text), |number| (true, number));
        let Some(number) = count(number).and_then(|number| usize::try_from(number).ok()) else {
            return Ok(process.fail(format!("invalid number '{text}'")).await);
        };
        let mut lines = Lines::new(fd);
        let mut out = Output::new();
        let mut waiting = std::collections::VecDeque::new();
        let (mut shown, mut held) = (0, 0);
        while keeps_all_but || shown < number {
            let line = match lines.next().await {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => return Err(read_failed(process, error).await),
            };
            let mut text = line.text;
            if line.ended {
                text.push(b'\n');
            }
            if keeps_all_but {
                held += text.len();
                waiting.push_back(text);
                if waiting.len() <= number || held > limits::HELD {
                    continue;
                }
                text = waiting.pop_front().unwrap_or_default();
                held -= text.len();
            }
            out.push(&text);
            shown += 1;
            out.settle(process, &lines).await?;
        }
        lines.give_back();
        out.flush(process).await?;
    }
    Ok(code)
}

pub(super) async fn tail(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "n:c:fFqvs:",
        &[("lines", 'n'), ("bytes", 'c'), ("follow", 'f'), ("quiet", 'q'), ("retry", 'F'), ("sleep-interval", 's')],
    );
    let words = GRAMMAR.read(process, &with_count(argv)).await?;
    let paths = inputs(&words);
    let (mut code, mut followed) = (0, Vec::new());
    let unit = if words.has('c') { 'c' } else { 'n' };
    let text = words.value(unit).unwrap_or("10");
    let (from_start, number) = text.strip_prefix('+').map_or((false, text), |number| (true, number));
    let Some(number) = count(number.trim_start_matches('-')).and_then(|number| usize::try_from(number).ok()) else {
        return Ok(process.fail(format!("invalid number '{text}'")).await);
    };
    for (index, path) in paths.iter().enumerate() {
        let Some(fd) = input(process, path).await else {
            code = 1;
            continue;
        };
        heading(process, &paths, index, words.has('q')).await?;
        // Only the end is held: what comes before is forgotten while it is read.
        let mut held: Vec<u8> = Vec::new();
        let mut skipped = 0;
        loop {
            let bytes = match fd.read(limits::PIPE).await {
                Ok(bytes) => bytes,
                Err(error) => return Err(read_failed(process, error).await),
            };
            if bytes.is_empty() {
                break;
            }
            process.step(4).await?;
            if from_start {
                let mut bytes = bytes.as_slice();
                while skipped + 1 < number && !bytes.is_empty() {
                    let end = match unit {
                        'c' => Some(0),
                        _ => bytes.iter().position(|byte| *byte == b'\n'),
                    };
                    match end {
                        Some(end) => {
                            bytes = &bytes[end + 1..];
                            skipped += 1;
                        }
                        None => bytes = &[],
                    }
                }
                process.out(bytes).await?;
                continue;
            }
            held.extend(bytes);
            if held.len() > limits::HELD / 2 {
                held = last(&held, unit, number).to_vec();
            }
            if held.len() > limits::HELD {
                process.complain("out of memory").await;
                return Ok(1);
            }
        }
        process.out(last(&held, unit, number)).await?;
        followed.push(fd);
    }
    if (words.has('f') || words.has('F')) && !followed.is_empty() {
        loop {
            process.kernel.surroundings.sleep(std::time::Duration::from_millis(500)).await;
            for fd in &followed {
                let bytes = fd.read(limits::PIPE).await.unwrap_or_default();
                process.out(bytes).await?;
            }
        }
    }
    Ok(code)
}

fn last(held: &[u8], unit: char, number: usize) -> &[u8] {
    if unit == 'c' {
        return &held[held.len().saturating_sub(number)..];
    }
    if number == 0 {
        return &[];
    }
    let body = held.strip_suffix(b"\n").unwrap_or(held);
    let mut seen = 0;
    for (at, byte) in body.iter().enumerate().rev() {
        if *byte == b'\n' {
            seen += 1;
            if seen == number {
                return &held[at + 1..];
            }
        }
    }
    held
}

pub(super) async fn wc(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "lwcmL",
        &[("lines", 'l'), ("words", 'w'), ("bytes", 'c'), ("chars", 'm'), ("max-line-length", 'L')],
    );
    let words = GRAMMAR.read(process, argv).await?;
    let shown: Vec<char> = {
        let asked: Vec<char> = "lwmcL".chars().filter(|letter| words.has(*letter)).collect();
        if asked.is_empty() { vec!['l', 'w', 'c'] } else { asked }
    };
    let mut totals = [0_u64; 5];
    let mut code = 0;
    let paths = inputs(&words);
    let mut rows = Vec::new();
    for path in &paths {
        let Some(fd) = input(process, path).await else {
            code = 1;
            continue;
        };
        let mut counts = [0_u64; 5];
        let (mut in_word, mut width) = (false, 0);
        loop {
            let bytes = match fd.read(limits::PIPE).await {
                Ok(bytes) => bytes,
                Err(error) => return Err(read_failed(process, error).await),
            };
            if bytes.is_empty() {
                break;
            }
            process.step(4).await?;
            for byte in bytes {
                counts[3] += 1;
                counts[2] += u64::from(byte & 0xc0 != 0x80);
                width += 1;
                if byte == b'\n' {
                    counts[0] += 1;
                    counts[4] = counts[4].max(width - 1);
                    width = 0;
                }
                if byte.is_ascii_whitespace() {
                    in_word = false;
                } else if !in_word {
                    in_word = true;
                    counts[1] += 1;
                }
            }
        }
        counts[4] = counts[4].max(width);
        for (total, one) in totals.iter_mut().zip(counts) {
            *total += one;
        }
        rows.push((counts, if path == "-" && words.rest.is_empty() { String::new() } else { path.clone() }));
    }
    if paths.len() > 1 {
        rows.push((totals, "total".to_owned()));
    }
    let widest = rows.iter().flat_map(|(counts, _)| counts).max().map_or(1, |most| most.to_string().len());
    let width = match process.flavour {
        _ if shown.len() == 1 && rows.len() == 1 => 0,
        Flavour::Busybox => 9,
        Flavour::Gnu if words.rest.is_empty() => 7,
        Flavour::Gnu => widest,
    };
    for (counts, path) in rows {
        let columns: Vec<String> = shown
            .iter()
            .map(|letter| {
                let index = "lwmcL".find(*letter).unwrap_or(0);
                format!("{:>width$}", counts[index])
            })
            .collect();
        let line = format!("{} {path}", columns.join(" "));
        process.out(line.trim_end().to_owned() + "\n").await?;
    }
    Ok(code)
}

pub(super) async fn tee(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("ai", &[("append", 'a')]);
    let words = GRAMMAR.read(process, argv).await?;
    let mut code = 0;
    let mut files = Vec::new();
    for path in &words.rest {
        let access = if words.has('a') { Access::Append } else { Access::Write };
        match process.open(path, access) {
            Ok(fd) => files.push(fd),
            Err(error) => {
                code = 1;
                match process.flavour {
                    Flavour::Busybox => process.complain(format!("{path}: {error}")).await,
                    Flavour::Gnu => process.complain(format!("{path}: {error}")).await,
                }
            }
        }
    }
    let input = process.stdin();
    loop {
        let bytes = input.read(limits::PIPE).await.unwrap_or_default();
        if bytes.is_empty() {
            return Ok(code);
        }
        process.out(&bytes).await?;
        for file in &files {
            if let Err(error) = file.write(&bytes, process.now()).await {
                code = process.fail(format!("write error: {error}")).await;
            }
        }
    }
}

/// Reads a list such as `1,3-5,7-`.
fn ranges(list: &str) -> Option<Vec<(usize, usize)>> {
    list.split(',')
        .map(|part| {
            let number = |text: &str, default: usize| {
                if text.is_empty() { Some(default) } else { text.parse::<usize>().ok().filter(|number| *number > 0) }
            };
            match part.split_once('-') {
                Some((low, high)) if !(low.is_empty() && high.is_empty()) => {
                    Some((number(low, 1)?, number(high, usize::MAX)?))
                }
                Some(_) => None,
                None => number(part, 0).filter(|number| *number > 0).map(|number| (number, number)),
            }
        })
        .collect()
}

pub(super) async fn cut(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "d:f:c:b:snO:",
        &[
            ("delimiter", 'd'),
            ("fields", 'f'),
            ("characters", 'c'),
            ("bytes", 'b'),
            ("only-delimited", 's'),
            ("output-delimiter", 'O'),
        ],
    );
    let words = GRAMMAR.read(process, argv).await?;
    let Some(mode) = words.last_of("fcb") else {
        return Ok(process
            .fail(match process.flavour {
                Flavour::Busybox => "expected a list of bytes, characters, or fields",
                Flavour::Gnu => "you must specify a list of bytes, characters, or fields",
            })
            .await);
    };
    let list = words.value(mode).unwrap_or_default();
    let Some(ranges) = ranges(list) else {
        return Ok(process.fail(format!("invalid field value '{list}'")).await);
    };
    let delimiter = words.value('d').unwrap_or("\t");
    let between = words.value('O').unwrap_or(delimiter).to_owned();
    let takes = |number: usize| ranges.iter().any(|(low, high)| (*low..=*high).contains(&number));
    let mut code = 0;
    for path in inputs(&words) {
        let Some(fd) = input(process, &path).await else {
            code = 1;
            continue;
        };
        let mut lines = Lines::new(fd);
        let mut out = Output::new();
        while let Ok(Some(line)) = lines.next().await {
            let text = String::from_utf8_lossy(&line.text);
            let result = if mode == 'f' {
                if !text.contains(delimiter) {
                    if words.has('s') {
                        continue;
                    }
                    text.into_owned()
                } else {
                    let parts: Vec<&str> = text
                        .split(delimiter)
                        .enumerate()
                        .filter(|(at, _)| takes(at + 1))
                        .map(|(_, part)| part)
                        .collect();
                    parts.join(&between)
                }
            } else {
                text.chars().enumerate().filter(|(at, _)| takes(at + 1)).map(|(_, letter)| letter).collect()
            };
            out.push(result.as_bytes());
            out.push(b"\n");
            out.settle(process, &lines).await?;
        }
        out.flush(process).await?;
    }
    Ok(code)
}

/// `tac`, `rev`, `nl`, `fold`, `expand`, `strings`, `shuf`: each makes other lines of lines.
pub(super) async fn lines(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("w:n:b:st:ae:", &[("width", 'w')]);
    let words = GRAMMAR.read(process, argv).await?;
    let mut all: Vec<String> = Vec::new();
    let mut held = 0;
    for path in inputs(&words) {
        let Some(fd) = input(process, &path).await else { return Ok(1) };
        let mut lines = Lines::new(fd);
        while let Ok(Some(line)) = lines.next().await {
            process.step(1).await?;
            held += line.text.len();
            if held > limits::HELD {
                return Ok(process.fail("out of memory").await);
            }
            all.push(String::from_utf8_lossy(&line.text).into_owned());
        }
    }
    let made: Vec<String> = match kind {
        "tac" => all.into_iter().rev().collect(),
        "rev" => all.iter().map(|line| line.chars().rev().collect()).collect(),
        "nl" => {
            let mut number = 0;
            all.iter()
                .map(|line| {
                    if line.is_empty() && words.value('b') != Some("a") {
                        return "       ".to_owned();
                    }
                    number += 1;
                    format!("{number:>6}\t{line}")
                })
                .collect()
        }
        "fold" => {
            let width = words.value('w').and_then(|width| width.parse().ok()).unwrap_or(80).max(1);
            all.iter()
                .flat_map(|line| {
                    let letters: Vec<char> = line.chars().collect();
                    if letters.is_empty() {
                        return vec![String::new()];
                    }
                    letters.chunks(width).map(|part| part.iter().collect()).collect()
                })
                .collect()
        }
        "expand" => all.iter().map(|line| line.replace('\t', "        ")).collect(),
        "strings" => {
            let least = words.value('n').and_then(|least| least.parse().ok()).unwrap_or(4);
            all.iter()
                .flat_map(|line| line.split(|letter: char| letter.is_control() || letter == '\u{fffd}'))
                .filter(|part| part.chars().count() >= least)
                .map(str::to_owned)
                .collect()
        }
        _ => {
            let noise = crate::stream::noise(all.len() * 4);
            let mut keyed: Vec<(&[u8], String)> = noise.chunks(4).zip(all).collect();
            keyed.sort();
            let most = words.value('n').and_then(|most| most.parse().ok()).unwrap_or(usize::MAX);
            keyed.into_iter().map(|(_, line)| line).take(most).collect()
        }
    };
    for block in made.chunks(256) {
        process.out(block.join("\n") + "\n").await?;
    }
    Ok(0)
}

pub(super) async fn paste(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("d:s", &[("delimiters", 'd'), ("serial", 's')]);
    let words = GRAMMAR.read(process, argv).await?;
    let between =
        words.value('d').map_or("\t".to_owned(), |text| super::print::unescape(text, super::print::Escapes::Printf).0);
    let mut columns: Vec<Vec<String>> = Vec::new();
    for path in inputs(&words) {
        match process.read_file(&path).await {
            Ok(bytes) => columns.push(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()),
            Err(error) => {
                cannot_open(process, &path, error).await;
                return Ok(1);
            }
        }
    }
    let rows: Vec<String> = if words.has('s') {
        columns.iter().map(|lines| lines.join(&between)).collect()
    } else {
        let most = columns.iter().map(Vec::len).max().unwrap_or(0);
        (0..most)
            .map(|row| {
                let cells: Vec<&str> = columns.iter().map(|lines| lines.get(row).map_or("", String::as_str)).collect();
                cells.join(&between)
            })
            .collect()
    };
    for row in rows {
        process.out(row + "\n").await?;
    }
    Ok(0)
}

/// `cmp`, `diff` and `comm`.
pub(super) async fn compare(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("qusrN123bwU:", &[("brief", 'q'), ("unified", 'u')]);
    let words = GRAMMAR.read(process, argv).await?;
    let [left, right] = words.rest.as_slice() else {
        process.complain("missing operand").await;
        return Ok(2);
    };
    let mut texts = Vec::new();
    for path in [left, right] {
        match process.read_file(path).await {
            Ok(bytes) => texts.push(bytes),
            Err(error) => {
                cannot_open(process, path, error).await;
                return Ok(2);
            }
        }
    }
    let (one, two) = (&texts[0], &texts[1]);
    if kind != "comm" && one == two {
        return Ok(0);
    }
    if kind == "cmp" {
        let at = one.iter().zip(two).position(|(one, two)| one != two);
        let Some(at) = at else {
            process.say(format!("cmp: EOF on {}", if one.len() < two.len() { left } else { right })).await;
            return Ok(1);
        };
        let line = one[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        if !words.has('s') {
            process.out(format!("{left} {right} differ: char {}, line {line}\n", at + 1)).await?;
        }
        return Ok(1);
    }
    let split = |bytes: &[u8]| -> Vec<String> { String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect() };
    let (one, two) = (split(one), split(two));
    if kind == "comm" {
        let (mut left, mut right) = (one.iter().peekable(), two.iter().peekable());
        loop {
            let (column, line) = match (left.peek(), right.peek()) {
                (None, None) => return Ok(0),
                (Some(a), Some(b)) if a == b => {
                    right.next();
                    (3, left.next())
                }
                (Some(a), Some(b)) if a < b => (1, left.next()),
                (Some(_), None) => (1, left.next()),
                _ => (2, right.next()),
            };
            let letter = ['1', '2', '3'][column - 1];
            if words.has(letter) {
                continue;
            }
            let tabs = (1..column).filter(|before| !words.has(['1', '2', '3'][before - 1])).count();
            process.out(format!("{}{}\n", "\t".repeat(tabs), line.map_or("", String::as_str))).await?;
        }
    }
    if words.has('q') {
        process.out(format!("Files {left} and {right} differ\n")).await?;
        return Ok(1);
    }
    if one.len().saturating_mul(two.len()) > 4_000_000 {
        return Ok(process.fail("files too large (sandbox: not simulated)").await.max(2));
    }
    process.step(u32::try_from(one.len() * two.len() / 64).unwrap_or(1) + 1).await?;
    process.out(unified(left, right, &one, &two)).await?;
    Ok(1)
}

/// Writes a unified difference with three lines around each change.
fn unified(left: &str, right: &str, one: &[String], two: &[String]) -> String {
    // The longest common subsequence, by the table of Wagner and Fischer.
    let width = two.len() + 1;
    let mut table = vec![0_u32; (one.len() + 1) * width];
    for row in (0..one.len()).rev() {
        for column in (0..two.len()).rev() {
            table[row * width + column] = if one[row] == two[column] {
                table[(row + 1) * width + column + 1] + 1
            } else {
                table[(row + 1) * width + column].max(table[row * width + column + 1])
            };
        }
    }
    let (mut row, mut column, mut edits) = (0, 0, Vec::new());
    while row < one.len() || column < two.len() {
        if row < one.len() && column < two.len() && one[row] == two[column] {
            edits.push((' ', &one[row]));
            row += 1;
            column += 1;
        } else if column >= two.len()
            || (row < one.len() && table[(row + 1) * width + column] >= table[row * width + column + 1])
        {
            edits.push(('-', &one[row]));
            row += 1;
        } else {
            edits.push(('+', &two[column]));
            column += 1;
        }
    }
    let mut text = format!("--- {left}\n+++ {right}\n");
    let near = |at: usize| edits[at.saturating_sub(3)..edits.len().min(at + 4)].iter().any(|(sign, _)| *sign != ' ');
    let mut at = 0;
    let (mut from, mut to) = (1, 1);
    while at < edits.len() {
        if !near(at) {
            from += 1;
            to += 1;
            at += 1;
            continue;
        }
        let end = (at..edits.len()).find(|at| !near(*at)).unwrap_or(edits.len());
        let part = &edits[at..end];
        let (olds, news) = (
            part.iter().filter(|(sign, _)| *sign != '+').count(),
            part.iter().filter(|(sign, _)| *sign != '-').count(),
        );
        let span = |start: usize, count: usize| match count {
            0 => format!("{},0", start - 1),
            1 => start.to_string(),
            count => format!("{start},{count}"),
        };
        text.push_str(&format!("@@ -{} +{} @@\n", span(from, olds), span(to, news)));
        for (sign, line) in part {
            text.push_str(&format!("{sign}{line}\n"));
        }
        from += olds;
        to += news;
        at = end;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_ranges_and_differences() {
        assert_eq!(last(b"a\nb\nc\n", 'n', 2), b"b\nc\n");
        assert_eq!(last(b"a\nb\nc", 'n', 1), b"c");
        assert_eq!(last(b"abc", 'c', 2), b"bc");
        assert_eq!(ranges("1,3-5,7-"), Some(vec![(1, 1), (3, 5), (7, usize::MAX)]));
        assert_eq!((ranges("0"), ranges("-"), ranges("x")), (None, None, None));
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            unified("a", "b", &lines("1\n2\n3"), &lines("1\n3\n4")),
            "--- a\n+++ b\n@@ -1,3 +1,3 @@\n 1\n-2\n 3\n+4\n"
        );
    }
}
