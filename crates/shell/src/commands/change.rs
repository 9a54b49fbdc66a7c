//! Commands that change files: `cp`, `mv`, `rm`, `mkdir`, `ln`, `touch`, `chmod`, `chown`, `dd`.

use std::time::Duration;

use crate::errno::Errno;
use crate::files::{Access, Follow, StatKind, join};
use crate::limits;
use crate::process::{Halt, Process, Ran};
use crate::surroundings::Future;
use crate::tree::Flavour;

use super::{Grammar, Words, count};

fn base(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

async fn missing(process: &Process) -> Ran {
    Ok(process.fail("missing file operand").await)
}

/// Splits `a b folder`: the sources, and where they go.
async fn targets(process: &Process, words: &Words) -> Result<Vec<(String, String)>, Halt> {
    let (sources, target) = match (words.value('t'), words.rest.as_slice()) {
        (Some(folder), rest) => (rest.to_vec(), folder.to_owned()),
        (None, [sources @ .., target]) if !sources.is_empty() => (sources.to_vec(), target.clone()),
        _ => {
            process.complain("missing file operand").await;
            return Err(Halt(1));
        }
    };
    let is_folder = process.stat(&target, Follow::Yes).is_ok_and(|stat| stat.is_directory());
    if sources.len() > 1 && !is_folder {
        process
            .complain(match process.flavour {
                Flavour::Busybox => format!("can't stat '{target}': No such file or directory"),
                Flavour::Gnu => format!("target '{target}' is not a directory"),
            })
            .await;
        return Err(Halt(1));
    }
    Ok(sources
        .into_iter()
        .map(|source| {
            let to = if is_folder && !words.has('T') { join(&target, base(&source)) } else { target.clone() };
            (source, to)
        })
        .collect())
}

pub(super) async fn cp(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "rRapfdPLivut:Tnm:D",
        &[
            ("recursive", 'r'),
            ("archive", 'a'),
            ("force", 'f'),
            ("verbose", 'v'),
            ("target-directory", 't'),
            ("no-clobber", 'n'),
        ],
    );
    let words = GRAMMAR.read(process, argv).await?;
    let mut code = 0;
    for (from, to) in targets(process, &words).await? {
        code |= copy(process, &words, &from, &to, 0).await?;
    }
    Ok(code)
}

fn copy<'a>(process: &'a Process, words: &'a Words, from: &'a str, to: &'a str, depth: u32) -> Future<'a, Ran> {
    Box::pin(async move {
        process.step(2).await?;
        let recurses = words.has('r') || words.has('R') || words.has('a');
        let follow =
            if (recurses || words.has('P') || words.has('d')) && !words.has('L') { Follow::No } else { Follow::Yes };
        let stat = match process.stat(from, follow) {
            Ok(stat) => stat,
            Err(error) => {
                return Ok(process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("can't stat '{from}': {error}"),
                        Flavour::Gnu => format!("cannot stat '{from}': {error}"),
                    })
                    .await);
            }
        };
        let files = &process.kernel.files;
        let target = process.stat(to, Follow::Yes);
        if let Ok(target) = &target {
            if (target.mount, target.ino) == (stat.mount, stat.ino) {
                return Ok(process.fail(format!("'{from}' and '{to}' are the same file")).await);
            }
            if words.has('n') {
                return Ok(0);
            }
        }
        let mut code = 0;
        match &stat.kind {
            StatKind::Directory => {
                if !recurses {
                    return Ok(process
                        .fail(match process.flavour {
                            Flavour::Busybox => format!("omitting directory '{from}'"),
                            Flavour::Gnu => format!("-r not specified; omitting directory '{from}'"),
                        })
                        .await);
                }
                let inside = files.walk(process.walker(), to, Follow::Yes).is_ok_and(|found| {
                    files
                        .walk(process.walker(), from, Follow::Yes)
                        .is_ok_and(|source| found.path.starts_with(&format!("{}/", source.path)))
                });
                if inside || depth > 32 {
                    return Ok(process.fail(format!("recursion detected, omitting directory '{from}'")).await);
                }
                if target.is_err()
                    && let Err(error) = files.make_directory(process.walker(), to, (stat.mode & !process.umask) | 0o700)
                {
                    return Ok(process.fail(format!("can't create directory '{to}': {error}")).await);
                }
                match files.list(process.walker(), from) {
                    Ok(entries) => {
                        for (name, _) in entries {
                            code |= copy(process, words, &join(from, &name), &join(to, &name), depth + 1).await?;
                        }
                    }
                    Err(error) => code = process.fail(format!("can't open '{from}': {error}")).await,
                }
            }
            StatKind::Link(link) => {
                files.unlink(process.walker(), to).ok();
                if let Err(error) = files.make_link(process.walker(), link, to) {
                    return Ok(process.fail(format!("can't create symlink '{to}': {error}")).await);
                }
                return Ok(0);
            }
            StatKind::File if files.is_program(process.walker(), from) => {
                let made =
                    process.open(to, Access::Write).and_then(|_| files.share_content(process.walker(), from, to));
                if let Err(error) = made {
                    return Ok(cannot_create(process, to, error).await);
                }
            }
            StatKind::File | StatKind::Device(_) => {
                let source = match process.open(from, Access::Read) {
                    Ok(source) => source,
                    Err(error) => {
                        return Ok(process
                            .fail(match process.flavour {
                                Flavour::Busybox => format!("can't open '{from}': {error}"),
                                Flavour::Gnu => format!("cannot open '{from}' for reading: {error}"),
                            })
                            .await);
                    }
                };
                let mut opened = process.open(to, Access::Write);
                if words.has('f') && opened.is_err() && files.unlink(process.walker(), to).is_ok() {
                    opened = process.open(to, Access::Write);
                }
                let target = match opened {
                    Ok(target) => target,
                    Err(error) => return Ok(cannot_create(process, to, error).await),
                };
                loop {
                    let bytes = source.read(limits::PIPE).await.unwrap_or_default();
                    if bytes.is_empty() {
                        break;
                    }
                    process.step(4).await?;
                    if let Err(error) = target.write(&bytes, process.now()).await {
                        return Ok(process
                            .fail(match process.flavour {
                                Flavour::Busybox => format!("write error: {error}"),
                                Flavour::Gnu => format!("error writing '{to}': {error}"),
                            })
                            .await);
                    }
                }
            }
        }
        if words.has('v') {
            process.out(format!("'{from}' -> '{to}'\n")).await?;
        }
        let keeps = words.has('p') || words.has('a');
        let mode = if process.name == "install" {
            let asked = words.value('m').and_then(|mode| u32::from_str_radix(mode, 8).ok());
            asked.unwrap_or(0o755)
        } else if keeps {
            stat.mode
        } else {
            stat.mode & !process.umask & 0o777
        };
        if target.is_err() || keeps || process.name == "install" {
            files.set_mode(process.walker(), to, mode).ok();
        }
        if keeps {
            let owner = crate::files::Owner { uid: Some(stat.uid), gid: Some(stat.gid) };
            files.set_owner(process.walker(), (to, Follow::Yes), owner).ok();
            files.set_mode(process.walker(), to, mode).ok();
            files.set_time(process.walker(), to, stat.modified).ok();
        }
        Ok(code)
    })
}

async fn cannot_create(process: &Process, to: &str, error: Errno) -> i32 {
    process
        .fail(match process.flavour {
            Flavour::Busybox => format!("can't create '{to}': {error}"),
            Flavour::Gnu => format!("cannot create regular file '{to}': {error}"),
        })
        .await
}

pub(super) async fn mv(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("finvt:T", &[("force", 'f'), ("no-clobber", 'n'), ("verbose", 'v')]);
    let words = GRAMMAR.read(process, argv).await?;
    let mut code = 0;
    for (from, to) in targets(process, &words).await? {
        process.step(2).await?;
        if words.has('n') && process.stat(&to, Follow::No).is_ok() {
            continue;
        }
        let moved = process.kernel.files.rename(process.walker(), &from, &to);
        match moved {
            Ok(()) => {}
            Err(Errno::OtherDevice) => {
                let archive = Words { options: vec![('a', String::new())], rest: Vec::new() };
                let copied = copy(process, &archive, &from, &to, 0).await?;
                code |= copied;
                if copied == 0 {
                    code |= remove(
                        process,
                        &Words { options: vec![('r', String::new()), ('f', String::new())], rest: Vec::new() },
                        &from,
                        0,
                    )
                    .await?;
                }
            }
            Err(error) => {
                let is_there = process.stat(&from, Follow::No).is_ok();
                code = process
                    .fail(match (process.flavour, is_there) {
                        (Flavour::Busybox, _) => format!("can't rename '{from}': {error}"),
                        (Flavour::Gnu, false) => format!("cannot stat '{from}': {error}"),
                        (Flavour::Gnu, true) => format!("cannot move '{from}' to '{to}': {error}"),
                    })
                    .await;
            }
        }
    }
    Ok(code)
}

pub(super) async fn rm(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar =
        Grammar::new("rRfivdI", &[("recursive", 'r'), ("force", 'f'), ("verbose", 'v'), ("no-preserve-root", 'N')]);
    let words = Grammar { letters: "rRfivdIN", ..GRAMMAR }.read(process, argv).await?;
    if words.rest.is_empty() {
        return if words.has('f') { Ok(0) } else { missing(process).await };
    }
    let mut code = 0;
    for path in &words.rest {
        if process.kernel.files.walk(process.walker(), path, Follow::No).is_ok_and(|found| found.path == "/")
            && process.flavour == Flavour::Gnu
            && !words.has('N')
        {
            process.complain("it is dangerous to operate recursively on '/'").await;
            code = process.fail("use --no-preserve-root to override this failsafe").await;
            continue;
        }
        if [".", ".."].contains(&base(path)) {
            code = process.fail(format!("refusing to remove '.' or '..' directory: skipping '{path}'")).await;
            continue;
        }
        code |= remove(process, &words, path, 0).await?;
    }
    Ok(code)
}

fn remove<'a>(process: &'a Process, words: &'a Words, path: &'a str, depth: u32) -> Future<'a, Ran> {
    Box::pin(async move {
        process.step(1).await?;
        let files = &process.kernel.files;
        let stat = match process.stat(path, Follow::No) {
            Ok(stat) => stat,
            Err(Errno::NoEntry) if words.has('f') => return Ok(0),
            Err(error) => return Ok(cannot_remove(process, path, error).await),
        };
        let recurses = words.has('r') || words.has('R');
        let result = if stat.is_directory() {
            if !recurses && !words.has('d') {
                return Ok(process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("'{path}' is a directory"),
                        Flavour::Gnu => format!("cannot remove '{path}': Is a directory"),
                    })
                    .await);
            }
            let mut code = 0;
            if recurses && depth < 64 {
                match files.list(process.walker(), path) {
                    Ok(entries) => {
                        for (name, _) in entries {
                            code |= remove(process, words, &join(path, &name), depth + 1).await?;
                        }
                    }
                    Err(error) => return Ok(cannot_remove(process, path, error).await),
                }
            }
            if code != 0 {
                return Ok(code);
            }
            files.remove_directory(process.walker(), path)
        } else {
            files.unlink(process.walker(), path)
        };
        match result {
            Ok(()) => {
                if words.has('v') {
                    process.out(format!("removed '{path}'\n")).await?;
                }
                Ok(0)
            }
            Err(error) => Ok(cannot_remove(process, path, error).await),
        }
    })
}

async fn cannot_remove(process: &Process, path: &str, error: Errno) -> i32 {
    process
        .fail(match process.flavour {
            Flavour::Busybox => format!("can't remove '{path}': {error}"),
            Flavour::Gnu => format!("cannot remove '{path}': {error}"),
        })
        .await
}

/// `mkdir`, `rmdir`, `unlink`, `touch`, `truncate`: one path after the other.
pub(super) async fn one(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "pm:vcs:d:t:r:a",
        &[
            ("parents", 'p'),
            ("mode", 'm'),
            ("verbose", 'v'),
            ("no-create", 'c'),
            ("size", 's'),
            ("date", 'd'),
            ("reference", 'r'),
        ],
    );
    let words = GRAMMAR.read(process, argv).await?;
    if words.rest.is_empty() {
        return missing(process).await;
    }
    let mut code = 0;
    for path in &words.rest {
        process.step(1).await?;
        let files = &process.kernel.files;
        let gnu = process.flavour == Flavour::Gnu;
        let failed = match kind {
            "mkdir" => make_directory(process, &words, path).map_err(|error| {
                if gnu {
                    format!("cannot create directory '{path}': {error}")
                } else {
                    format!("can't create directory '{path}': {error}")
                }
            }),
            "rmdir" => files.remove_directory(process.walker(), path).map_err(|error| {
                if gnu { format!("failed to remove '{path}': {error}") } else { format!("'{path}': {error}") }
            }),
            "unlink" => {
                files.unlink(process.walker(), path).map_err(|error| format!("cannot unlink '{path}': {error}"))
            }
            "touch" => touch(process, &words, path).map_err(|error| {
                if gnu { format!("cannot touch '{path}': {error}") } else { format!("{path}: {error}") }
            }),
            _ => truncate(process, &words, path).map_err(|error| format!("failed to truncate '{path}': {error}")),
        };
        if let Err(message) = failed {
            code = process.fail(message).await;
        }
    }
    Ok(code)
}

fn make_directory(process: &Process, words: &Words, path: &str) -> Result<(), Errno> {
    let files = &process.kernel.files;
    let mode = match words.value('m') {
        Some(mode) => u32::from_str_radix(mode, 8).map_err(|_| Errno::Invalid)?,
        None => 0o777 & !process.umask,
    };
    if words.has('p') {
        let mut at = if path.starts_with('/') { String::from("/") } else { String::new() };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            at = if at.is_empty() { part.to_owned() } else { join(&at, part) };
            match files.make_directory(process.walker(), &at, mode) {
                Ok(()) => {}
                Err(Errno::Exists) if process.stat(&at, Follow::Yes).is_ok_and(|stat| stat.is_directory()) => {}
                Err(Errno::ReadOnly | Errno::Denied) if process.stat(&at, Follow::Yes).is_ok() => {}
                Err(error) => return Err(error),
            }
        }
        return Ok(());
    }
    files.make_directory(process.walker(), path, mode)
}

fn touch(process: &Process, words: &Words, path: &str) -> Result<(), Errno> {
    let files = &process.kernel.files;
    if process.stat(path, Follow::Yes).is_err() {
        if words.has('c') {
            return Ok(());
        }
        process.open(path, Access::Append)?;
    }
    let time = match (words.value('d'), words.value('r')) {
        (Some(text), _) => super::system::parse_time(text, process.now()).ok_or(Errno::Invalid)?,
        (None, Some(other)) => process.stat(other, Follow::Yes)?.modified,
        (None, None) => process.now(),
    };
    files.set_time(process.walker(), path, time)
}

fn truncate(process: &Process, words: &Words, path: &str) -> Result<(), Errno> {
    let text = words.value('s').ok_or(Errno::Invalid)?;
    let fd = process.open(path, Access::Append)?;
    let crate::stream::OpenFile::File(file) = &*fd else { return Err(Errno::Invalid) };
    let size = match text.strip_prefix('+') {
        Some(more) => file.len() + count(more).ok_or(Errno::Invalid)?,
        None => count(text).ok_or(Errno::Invalid)?,
    };
    file.truncate(size, process.now())
}

pub(super) async fn ln(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("sfnvrT", &[("symbolic", 's'), ("force", 'f'), ("no-dereference", 'n')]);
    let mut words = GRAMMAR.read(process, argv).await?;
    if words.rest.len() == 1 {
        words.rest.push(".".to_owned());
    }
    let mut code = 0;
    for (target, path) in targets(process, &words).await? {
        let path = match (words.has('n'), words.rest.last()) {
            (true, Some(last))
                if process.stat(last, Follow::No).is_ok_and(|stat| matches!(stat.kind, StatKind::Link(_))) =>
            {
                last.clone()
            }
            _ => path,
        };
        if words.has('f') {
            process.kernel.files.unlink(process.walker(), &path).ok();
        }
        let files = &process.kernel.files;
        let made = if words.has('s') {
            files.make_link(process.walker(), &target, &path)
        } else {
            files.link(process.walker(), &target, &path)
        };
        if let Err(error) = made {
            code = process
                .fail(match process.flavour {
                    Flavour::Busybox => format!("{path}: {error}"),
                    Flavour::Gnu if words.has('s') => format!("failed to create symbolic link '{path}': {error}"),
                    Flavour::Gnu => format!("failed to create hard link '{path}' => '{target}': {error}"),
                })
                .await;
        }
    }
    Ok(code)
}

/// Reads a mode: `755`, `u+x,go-w`. Returns the new one.
pub(super) fn mode(text: &str, old: u32, umask: u32, is_directory: bool) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    }
    let mut mode = old;
    for clause in text.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, acts) = clause.split_at(at);
        let mut mask = 0;
        for letter in who.chars() {
            mask |= match letter {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        let mask = if who.is_empty() { 0o7777 & !umask } else { mask };
        let mut sign = '+';
        let mut bits = 0;
        let mut signs = acts.chars().peekable();
        while let Some(letter) = signs.next() {
            if "+-=".contains(letter) {
                (sign, bits) = (letter, 0);
                if letter == '=' && signs.peek().is_none_or(|next| "+-=".contains(*next)) {
                    mode &= !mask;
                }
            } else {
                bits |= match letter {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if is_directory || old & 0o111 != 0 => 0o111,
                    'X' => 0,
                    's' => 0o6000,
                    't' => 0o1000,
                    _ => return None,
                };
                if signs.peek().is_none_or(|next| "+-=".contains(*next)) {
                    match sign {
                        '+' => mode |= bits & mask,
                        '-' => mode &= !(bits & mask),
                        _ => mode = (mode & !(mask & 0o777)) | (bits & mask),
                    }
                }
            }
        }
    }
    Some(mode)
}

/// Goes through paths, and what is below them with `-R`.
async fn below(process: &Process, paths: &[String], recurses: bool) -> Result<Vec<String>, Halt> {
    let mut open: Vec<String> = paths.iter().rev().cloned().collect();
    let mut all = Vec::new();
    while let Some(path) = open.pop() {
        process.step(1).await?;
        if recurses && process.stat(&path, Follow::No).is_ok_and(|stat| stat.is_directory()) && all.len() < 100_000 {
            for (name, _) in process.kernel.files.list(process.walker(), &path).unwrap_or_default().into_iter().rev() {
                open.push(join(&path, &name));
            }
        }
        all.push(path);
    }
    Ok(all)
}

pub(super) async fn chmod(process: &mut Process, argv: &[String]) -> Ran {
    let recurses = argv[1..].iter().any(|word| word == "-R" || word == "--recursive");
    let words: Vec<String> = argv[1..]
        .iter()
        .filter(|word| !["-R", "-v", "-f", "-c", "--recursive", "--"].contains(&word.as_str()))
        .cloned()
        .collect();
    let [wanted, paths @ ..] = words.as_slice() else { return missing(process).await };
    if paths.is_empty() {
        return missing(process).await;
    }
    let mut code = 0;
    for path in below(process, paths, recurses).await? {
        let old = match process.stat(&path, Follow::Yes) {
            Ok(stat) => stat,
            Err(error) => {
                code = process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("{path}: {error}"),
                        Flavour::Gnu => format!("cannot access '{path}': {error}"),
                    })
                    .await;
                continue;
            }
        };
        let Some(mode) = mode(wanted, old.mode, process.umask, old.is_directory()) else {
            return Ok(process
                .fail(match process.flavour {
                    Flavour::Busybox => format!("invalid mode '{wanted}'"),
                    Flavour::Gnu => format!("invalid mode: '{wanted}'"),
                })
                .await);
        };
        if let Err(error) = process.kernel.files.set_mode(process.walker(), &path, mode) {
            code = process
                .fail(match process.flavour {
                    Flavour::Busybox => format!("{path}: {error}"),
                    Flavour::Gnu => format!("changing permissions of '{path}': {error}"),
                })
                .await;
        }
    }
    Ok(code)
}

pub(super) async fn chown(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("Rhvfc", &[("recursive", 'R'), ("no-dereference", 'h')]);
    let words = GRAMMAR.read(process, argv).await?;
    let [wanted, paths @ ..] = words.rest.as_slice() else { return missing(process).await };
    let (user, group) = match (kind, wanted.split_once([':', '.'])) {
        ("chgrp", _) => ("", Some(wanted.as_str())),
        (_, Some((user, group))) => (user, Some(group)),
        (_, None) => (wanted.as_str(), None),
    };
    let uid = match user {
        "" => None,
        name => match name.parse().ok().or_else(|| super::identity::user(process, name)?.get(2)?.parse().ok()) {
            Some(uid) => Some(uid),
            None => {
                return Ok(process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("unknown user {name}"),
                        Flavour::Gnu => format!("invalid user: '{wanted}'"),
                    })
                    .await);
            }
        },
    };
    let gid = match group {
        None | Some("") => None,
        Some(name) => match name.parse().ok().or_else(|| super::identity::group(process, name)) {
            Some(gid) => Some(gid),
            None => {
                return Ok(process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("unknown group {name}"),
                        Flavour::Gnu => format!("invalid group: '{wanted}'"),
                    })
                    .await);
            }
        },
    };
    let mut code = 0;
    for path in below(process, paths, words.has('R')).await? {
        let follow = if words.has('h') { Follow::No } else { Follow::Yes };
        let owner = crate::files::Owner { uid, gid };
        if let Err(error) = process.kernel.files.set_owner(process.walker(), (&path, follow), owner) {
            code = process
                .fail(match process.flavour {
                    Flavour::Busybox => format!("{path}: {error}"),
                    Flavour::Gnu if error == Errno::NoEntry => format!("cannot access '{path}': {error}"),
                    Flavour::Gnu => {
                        format!("changing {} of '{path}': {error}", if kind == "chgrp" { "group" } else { "ownership" })
                    }
                })
                .await;
        }
    }
    Ok(code)
}

pub(super) async fn dd(process: &mut Process, argv: &[String]) -> Ran {
    let mut values = std::collections::BTreeMap::new();
    for word in &argv[1..] {
        let Some((key, value)) = word.split_once('=') else {
            return Ok(process.fail(format!("unrecognized operand '{word}'")).await);
        };
        values.insert(key, value);
    }
    let number = |key: &str, default: u64| values.get(key).map_or(Some(default), |text| count(text));
    let (Some(block), Some(skip), Some(seek)) = (number("bs", 512), number("skip", 0), number("seek", 0)) else {
        return Ok(process.fail("invalid number").await);
    };
    let most = match values.get("count").map(|text| count(text)) {
        None => u64::MAX,
        Some(Some(most)) => most,
        Some(None) => return Ok(process.fail("invalid number").await),
    };
    let block_size = usize::try_from(block).unwrap_or(0).clamp(1, limits::HELD);
    let input = match values.get("if") {
        Some(path) => match process.open(path, Access::Read) {
            Ok(fd) => fd,
            Err(error) => return Ok(dd_failed(process, path, error).await),
        },
        None => process.stdin(),
    };
    let output = match values.get("of") {
        Some(path) => {
            let access = if values.get("conv").is_some_and(|conv| conv.contains("notrunc")) {
                Access::ReadWrite
            } else {
                Access::Write
            };
            match process.open(path, access) {
                Ok(fd) => fd,
                Err(error) => return Ok(dd_failed(process, path, error).await),
            }
        }
        None => match process.fd(1) {
            Ok(fd) => fd,
            Err(error) => return Ok(dd_failed(process, "standard output", error).await),
        },
    };
    if let crate::stream::OpenFile::File(file) = &*output {
        file.seek(seek.saturating_mul(block));
    }
    for _ in 0..skip {
        process.step(1).await?;
        if input.read(block_size).await.unwrap_or_default().is_empty() {
            break;
        }
    }
    let began = process.now();
    let (mut whole, mut partial, mut bytes, mut turn, mut code) = (0_u64, 0_u64, 0_u64, 0, 0);
    while turn < most {
        turn += 1;
        let mut held = Vec::new();
        while held.len() < block_size {
            let more = input.read(block_size - held.len()).await.unwrap_or_default();
            if more.is_empty() {
                break;
            }
            held.extend(more);
            process.step(8).await?;
        }
        if held.is_empty() {
            break;
        }
        match output.write(&held, process.now()).await {
            Ok(()) => {}
            Err(Errno::BrokenPipe) => return Err(Halt(141)),
            Err(error) => {
                let name = values.get("of").copied().unwrap_or("standard output");
                code = process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("error writing '{name}': {error}"),
                        Flavour::Gnu => format!("error writing '{name}': {error}"),
                    })
                    .await;
                whole += 1;
                break;
            }
        }
        bytes += held.len() as u64;
        if held.len() == block_size { whole += 1 } else { partial += 1 }
    }
    let out = whole.saturating_sub(u64::from(code != 0));
    process.say(format!("{whole}+{partial} records in\n{out}+{partial} records out")).await;
    if values.get("status").is_none_or(|status| *status != "none") {
        let time = process.now().saturating_sub(began).max(Duration::from_millis(1)).as_secs_f64();
        process
            .say(format!(
                "{bytes} bytes ({}B) copied, {time:.6} seconds, {}B/s",
                super::list::human(bytes),
                super::list::human((bytes as f64 / time) as u64)
            ))
            .await;
    }
    Ok(code)
}

async fn dd_failed(process: &Process, path: &str, error: Errno) -> i32 {
    process
        .fail(match process.flavour {
            Flavour::Busybox => format!("can't open '{path}': {error}"),
            Flavour::Gnu => format!("failed to open '{path}': {error}"),
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_chmod_does() {
        let change = |text: &str, old: u32| mode(text, old, 0o022, false);
        assert_eq!(change("755", 0), Some(0o755));
        assert_eq!(change("u+x,go-w", 0o666), Some(0o744));
        assert_eq!(change("a=r", 0o777), Some(0o444));
        assert_eq!(change("+x", 0o644), Some(0o755));
        assert_eq!(change("o=", 0o777), Some(0o770));
        assert_eq!(change("u+s", 0o755), Some(0o4755));
        assert_eq!((change("9", 0), change("u*x", 0), change("99999999999", 0)), (None, None, None));
    }
}
