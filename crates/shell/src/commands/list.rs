//! `ls`, `stat`, `du`, `df`.

use std::time::Duration;

use crate::errno::Errno;
use crate::files::{Follow, Stat, StatKind, join};
use crate::process::{Process, Ran};
use crate::surroundings::Future;
use crate::tree::Flavour;

use super::identity::{group_name, user_name};
use super::{Grammar, Words};

/// Writes a time as `ls -l` does: with the hour if it is recent, else with the year.
fn short_time(time: Duration, now: Duration) -> String {
    let at = timestamp(time);
    let half_a_year = Duration::from_secs(15_778_476);
    if time > now + Duration::from_secs(3600) || now.saturating_sub(time) > half_a_year {
        at.strftime("%b %e  %Y").to_string()
    } else {
        at.strftime("%b %e %H:%M").to_string()
    }
}

pub(super) fn timestamp(time: Duration) -> jiff::Timestamp {
    jiff::Timestamp::from_second(i64::try_from(time.as_secs()).unwrap_or(0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// Writes bytes as `-h` does: `4.0K`.
pub(super) fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < 5 {
        value /= 1024.0;
        unit += 1;
    }
    let letter = ["", "K", "M", "G", "T", "P"][unit];
    if unit == 0 {
        bytes.to_string()
    } else if value < 10.0 {
        format!("{:.1}{letter}", (value * 10.0).ceil() / 10.0)
    } else {
        format!("{:.0}{letter}", value.ceil())
    }
}

pub(super) async fn ls(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "1aAlhdRrtSFinpLHCxGgosUkcuvNbqmZI:w:T:X",
        &[
            ("all", 'a'),
            ("almost-all", 'A'),
            ("human-readable", 'h'),
            ("directory", 'd'),
            ("recursive", 'R'),
            ("reverse", 'r'),
            ("color", 'G'),
            ("full-time", 'e'),
            ("inode", 'i'),
            ("classify", 'F'),
            ("group-directories-first", 'U'),
        ],
    );
    let argv: Vec<String> = argv.iter().filter(|word| !word.starts_with("--color")).cloned().collect();
    let words = GRAMMAR.read(process, &argv).await?;
    let paths = if words.rest.is_empty() { vec![".".to_owned()] } else { words.rest.clone() };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let mut code = 0;
    let follow = if words.has('l') && !words.has('L') { Follow::No } else { Follow::Yes };
    for path in paths {
        let found = process.stat(&path, follow).or_else(|error| match error {
            Errno::NoEntry => process.stat(&path, Follow::No),
            other => Err(other),
        });
        match found {
            Ok(stat) if stat.is_directory() && !words.has('d') => folders.push(path),
            Ok(stat) => files.push((path, stat)),
            Err(error) => {
                code = if process.flavour == Flavour::Gnu { 2 } else { 1 };
                process
                    .complain(match process.flavour {
                        Flavour::Busybox => format!("{path}: {error}"),
                        Flavour::Gnu => format!("cannot access '{path}': {error}"),
                    })
                    .await;
            }
        }
    }
    sort(&mut files, &words);
    let had_files = !files.is_empty();
    let names_folders = folders.len() + files.len() > 1 || words.has('R');
    show(process, &words, None, &files).await?;
    for (index, folder) in folders.iter().enumerate() {
        let lead = if names_folders { Some(if index > 0 || had_files { "\n" } else { "" }) } else { None };
        code = code.max(list_folder(process, &words, folder, lead, 0).await?);
    }
    Ok(code)
}

fn list_folder<'a>(
    process: &'a Process,
    words: &'a Words,
    folder: &'a str,
    lead: Option<&'a str>,
    depth: u32,
) -> Future<'a, Ran> {
    Box::pin(async move {
        process.step(2).await?;
        let mut entries = match process.kernel.files.list(process.walker(), folder) {
            Ok(entries) => entries,
            Err(error) => {
                process
                    .complain(match process.flavour {
                        Flavour::Busybox => format!("can't open '{folder}': {error}"),
                        Flavour::Gnu => format!("cannot open directory '{folder}': {error}"),
                    })
                    .await;
                return Ok(if process.flavour == Flavour::Gnu { 2 } else { 1 });
            }
        };
        if words.has('a') {
            for name in [".", ".."] {
                if let Ok(stat) = process.stat(&join(folder, name), Follow::Yes) {
                    entries.push((name.to_owned(), stat));
                }
            }
        } else if !words.has('A') {
            entries.retain(|(name, _)| !name.starts_with('.'));
        }
        sort(&mut entries, words);
        if let Some(lead) = lead {
            process.out(format!("{lead}{folder}:\n")).await?;
        }
        show(process, words, Some(folder), &entries).await?;
        let mut code = 0;
        if words.has('R') && depth < 32 {
            for (name, stat) in entries {
                if stat.is_directory() && name != "." && name != ".." {
                    let path = join(folder, &name);
                    code = code.max(list_folder(process, words, &path, Some("\n"), depth + 1).await?);
                }
            }
        }
        Ok(code)
    })
}

fn sort(entries: &mut [(String, Stat)], words: &Words) {
    match words.last_of("tSU") {
        Some('t') => entries.sort_by(|(left, a), (right, b)| b.modified.cmp(&a.modified).then(left.cmp(right))),
        Some('S') => entries.sort_by(|(left, a), (right, b)| b.size.cmp(&a.size).then(left.cmp(right))),
        _ => entries.sort_by(|(left, _), (right, _)| left.cmp(right)),
    }
    if words.has('r') {
        entries.reverse();
    }
}

async fn show(process: &Process, words: &Words, folder: Option<&str>, entries: &[(String, Stat)]) -> Ran {
    let shown = |name: &str, stat: &Stat| {
        let mut text = name.to_owned();
        if words.has('F') || words.has('p') {
            match stat.kind {
                StatKind::Directory => text.push('/'),
                StatKind::Link(_) if words.has('F') => text.push('@'),
                StatKind::File if words.has('F') && stat.mode & 0o111 != 0 => text.push('*'),
                StatKind::File | StatKind::Link(_) | StatKind::Device(_) => {}
            }
        }
        text
    };
    let inode = |stat: &Stat| if words.has('i') { format!("{:>7} ", stat.ino) } else { String::new() };
    let is_long = words.has('l') || words.has('n') || words.has('g') || words.has('o');
    if is_long {
        let blocks: u64 = entries.iter().map(|(_, stat)| blocks(stat)).sum();
        if folder.is_some() {
            let total = if words.has('h') { human(blocks * 1024) } else { blocks.to_string() };
            process.out(format!("total {total}\n")).await?;
        }
        let name_of = |number: u32, name: Option<String>| {
            if words.has('n') { number.to_string() } else { name.unwrap_or_else(|| number.to_string()) }
        };
        let rows: Vec<[String; 6]> = entries
            .iter()
            .map(|(_, stat)| {
                let size = match &stat.kind {
                    StatKind::Device(device) => format!("{}, {:>3}", device.numbers().0, device.numbers().1),
                    _ if words.has('h') => human(stat.size),
                    _ => stat.size.to_string(),
                };
                [
                    stat.letters(),
                    stat.links.to_string(),
                    name_of(stat.uid, user_name(process, stat.uid)),
                    name_of(stat.gid, group_name(process, stat.gid)),
                    size,
                    if words.has('e') {
                        timestamp(stat.modified).strftime("%Y-%m-%d %H:%M:%S.000000000 +0000").to_string()
                    } else {
                        short_time(stat.modified, process.now())
                    },
                ]
            })
            .collect();
        let widest = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        // Busybox's columns have fixed widths.
        let (links, user, group, size) = match process.flavour {
            Flavour::Busybox => (5, 8, 8, 9),
            Flavour::Gnu => (widest(1), widest(2), widest(3), widest(4)),
        };
        for (row, (name, stat)) in rows.iter().zip(entries) {
            process.step(1).await?;
            let target = match &stat.kind {
                StatKind::Link(target) => format!(" -> {target}"),
                StatKind::File | StatKind::Directory | StatKind::Device(_) => String::new(),
            };
            let [letters, count, owner, of, bytes, time] = row;
            let line = match process.flavour {
                Flavour::Busybox => format!(
                    "{}{letters} {count:>links$} {owner:<user$} {of:<group$} {bytes:>size$} {time} {}{target}\n",
                    inode(stat),
                    shown(name, stat)
                ),
                Flavour::Gnu => format!(
                    "{}{letters} {count:>links$} {owner:<user$} {of:<group$} {bytes:>size$} {time} {}{target}\n",
                    inode(stat),
                    shown(name, stat)
                ),
            };
            process.out(line).await?;
        }
        return Ok(0);
    }
    let names: Vec<String> = entries.iter().map(|(name, stat)| inode(stat) + &shown(name, stat)).collect();
    let is_terminal = process.fd(1).is_ok_and(|fd| fd.is_terminal());
    if words.has('1') || (!is_terminal && !words.has('C')) {
        for block in names.chunks(200) {
            process.out(block.join("\n") + "\n").await?;
        }
        return Ok(0);
    }
    let width = process.session.size.as_ref().map_or(80, |size| usize::from(size.borrow().0).max(20));
    process.out(columns(&names, width)).await?;
    Ok(0)
}

/// Lays names out in columns, downwards.
fn columns(names: &[String], width: usize) -> String {
    if names.is_empty() {
        return String::new();
    }
    for rows in 1..=names.len() {
        let widths: Vec<usize> = names
            .chunks(rows)
            .map(|column| column.iter().map(|name| name.chars().count()).max().unwrap_or(0) + 2)
            .collect();
        if widths.iter().sum::<usize>().saturating_sub(2) > width && rows < names.len() {
            continue;
        }
        let mut text = String::new();
        for row in 0..rows {
            let mut line = String::new();
            for (column, width) in widths.iter().enumerate() {
                if let Some(name) = names.get(column * rows + row) {
                    line.push_str(name);
                    line.push_str(&" ".repeat(width - name.chars().count()));
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        return text;
    }
    String::new()
}

fn blocks(stat: &Stat) -> u64 {
    match stat.kind {
        StatKind::File => stat.size.div_ceil(4096) * 4,
        StatKind::Directory => 4,
        StatKind::Link(_) | StatKind::Device(_) => 0,
    }
}

pub(super) async fn stat(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("Lc:tfZ", &[("format", 'c'), ("dereference", 'L'), ("printf", 'c')]);
    let words = GRAMMAR.read(process, argv).await?;
    let mut code = 0;
    for path in &words.rest {
        let follow = if words.has('L') { Follow::Yes } else { Follow::No };
        let stat = match process.stat(path, follow) {
            Ok(stat) => stat,
            Err(error) => {
                code = 1;
                process
                    .complain(match process.flavour {
                        Flavour::Busybox => format!("can't stat '{path}': {error}"),
                        Flavour::Gnu => format!("cannot statx '{path}': {error}"),
                    })
                    .await;
                continue;
            }
        };
        let kind = match &stat.kind {
            StatKind::File if stat.size == 0 => "regular empty file",
            StatKind::File => "regular file",
            StatKind::Directory => "directory",
            StatKind::Link(_) => "symbolic link",
            StatKind::Device(_) => "character special file",
        };
        let (user, group) = (
            user_name(process, stat.uid).unwrap_or_else(|| "UNKNOWN".to_owned()),
            group_name(process, stat.gid).unwrap_or_else(|| "UNKNOWN".to_owned()),
        );
        let time = timestamp(stat.modified).strftime("%Y-%m-%d %H:%M:%S.000000000 +0000").to_string();
        let text = match words.value('c') {
            Some(format) => {
                let mut text = String::new();
                let mut letters = format.chars();
                while let Some(letter) = letters.next() {
                    if letter != '%' {
                        text.push(letter);
                        continue;
                    }
                    text.push_str(&match letters.next() {
                        Some('n') => path.clone(),
                        Some('a') => format!("{:o}", stat.mode),
                        Some('A') => stat.letters(),
                        Some('u') => stat.uid.to_string(),
                        Some('g') => stat.gid.to_string(),
                        Some('U') => user.clone(),
                        Some('G') => group.clone(),
                        Some('s') => stat.size.to_string(),
                        Some('F') => kind.to_owned(),
                        Some('i') => stat.ino.to_string(),
                        Some('h') => stat.links.to_string(),
                        Some('y' | 'x' | 'z') => time.clone(),
                        Some('Y' | 'X' | 'Z') => stat.modified.as_secs().to_string(),
                        Some('N') => format!("'{path}'"),
                        Some('%') => "%".to_owned(),
                        Some(other) => format!("?{other}"),
                        None => "%".to_owned(),
                    });
                }
                text + "\n"
            }
            None => {
                let target = match &stat.kind {
                    StatKind::Link(target) => format!(" -> {target}"),
                    StatKind::File | StatKind::Directory | StatKind::Device(_) => String::new(),
                };
                format!(
                    "  File: {path}{target}\n  Size: {:<10}\tBlocks: {:<10} IO Block: 4096   {kind}\n\
                     Device: {:x}h/{}d\tInode: {:<11} Links: {}\n\
                     Access: ({:04o}/{})  Uid: ({:>5}/{:>8})   Gid: ({:>5}/{:>8})\n\
                     Access: {time}\nModify: {time}\nChange: {time}\n",
                    stat.size,
                    blocks(&stat) * 2,
                    stat.mount + 48,
                    stat.mount + 48,
                    stat.ino,
                    stat.links,
                    stat.mode,
                    stat.letters(),
                    stat.uid,
                    user,
                    stat.gid,
                    group
                )
            }
        };
        process.out(text).await?;
    }
    Ok(code)
}

pub(super) async fn du(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar =
        Grammar::new("shakmcd:xb", &[("summarize", 's'), ("human-readable", 'h'), ("max-depth", 'd'), ("total", 'c')]);
    let words = GRAMMAR.read(process, argv).await?;
    let paths = if words.rest.is_empty() { vec![".".to_owned()] } else { words.rest.clone() };
    let most =
        if words.has('s') { 0 } else { words.value('d').and_then(|depth| depth.parse().ok()).unwrap_or(u32::MAX) };
    let mut code = 0;
    for path in paths {
        let mut lines = Vec::new();
        if measure(process, &words, &path, 0, most, &mut lines).await?.is_none() {
            code = 1;
        }
        for (size, path) in lines {
            let size = if words.has('h') {
                human(size * 1024)
            } else if words.has('m') {
                size.div_ceil(1024).to_string()
            } else {
                size.to_string()
            };
            process.out(format!("{size}\t{path}\n")).await?;
        }
    }
    Ok(code)
}

fn measure<'a>(
    process: &'a Process,
    words: &'a Words,
    path: &'a str,
    depth: u32,
    most: u32,
    lines: &'a mut Vec<(u64, String)>,
) -> Future<'a, Result<Option<u64>, crate::process::Halt>> {
    Box::pin(async move {
        process.step(1).await?;
        let stat = match process.stat(path, Follow::No) {
            Ok(stat) => stat,
            Err(error) => {
                process
                    .complain(match process.flavour {
                        Flavour::Busybox => format!("{path}: {error}"),
                        Flavour::Gnu => format!("cannot access '{path}': {error}"),
                    })
                    .await;
                return Ok(None);
            }
        };
        let mut size = blocks(&stat);
        if stat.is_directory() && depth < 32 {
            match process.kernel.files.list(process.walker(), path) {
                Ok(entries) => {
                    for (name, _) in entries {
                        size += measure(process, words, &join(path, &name), depth + 1, most, lines).await?.unwrap_or(0);
                    }
                }
                Err(error) => {
                    process
                        .complain(match process.flavour {
                            Flavour::Busybox => format!("can't open '{path}': {error}"),
                            Flavour::Gnu => format!("cannot read directory '{path}': {error}"),
                        })
                        .await;
                }
            }
        }
        if depth <= most && (stat.is_directory() || depth == 0 || words.has('a')) {
            lines.push((size, path.to_owned()));
        }
        Ok(Some(size))
    })
}

pub(super) async fn df(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("hkmiPTaH", &[("human-readable", 'h')]);
    let words = GRAMMAR.read(process, argv).await?;
    let head = if words.has('h') { "Size" } else { "1K-blocks" };
    let kind = if words.has('T') { format!("{:<10} ", "Type") } else { String::new() };
    process
        .out(format!("{:<20} {kind}{head:>10} {:>9} {:>9} {} Mounted on\n", "Filesystem", "Used", "Available", "Use%"))
        .await?;
    for mount in &process.kernel.files.mounts {
        if mount.access == crate::files::MountAccess::Proc {
            continue;
        }
        let (limit, used) = {
            let tree = crate::files::lock(&mount.tree);
            (tree.allowance().limit(), tree.allowance().used())
        };
        let shown = |bytes: u64| if words.has('h') { human(bytes) } else { bytes.div_ceil(1024).to_string() };
        let percent = (used * 100).checked_div(limit).unwrap_or(0);
        let kind = if words.has('T') { format!("{:<10} ", mount.kind) } else { String::new() };
        process
            .out(format!(
                "{:<20} {kind}{:>10} {:>9} {:>9} {percent:>3}% {}\n",
                mount.source,
                shown(limit),
                shown(used),
                shown(limit.saturating_sub(used)),
                mount.at
            ))
            .await?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_columns_are_laid_out() {
        assert_eq!((human(100), human(4096), human(1_500_000)), ("100".into(), "4.0K".into(), "1.5M".into()));
        let names: Vec<String> = ["bin", "dev", "etc", "home", "proc"].map(str::to_owned).to_vec();
        assert_eq!(columns(&names, 40), "bin  dev  etc  home  proc\n");
        assert_eq!(columns(&names, 12), "bin  home\ndev  proc\netc\n");
    }
}
