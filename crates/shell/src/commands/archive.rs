//! `tar` and `gzip`. The format is POSIX.1-1988's `ustar`, with GNU's long names read and written as `kubectl cp` does.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::files::{Access, Follow, Owner, StatKind, join};
use crate::limits;
use crate::process::{Halt, Process, Ran};
use crate::stream::Fd;
use crate::tree::Flavour;

use super::{Grammar, Words};

const BLOCK: usize = 512;

/// One entry's head.
struct Head {
    name: String,
    mode: u32,
    owner: (u32, u32),
    size: u64,
    modified: u64,
    kind: u8,
    link: String,
}

fn octal(bytes: &[u8]) -> u64 {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).filter(|letter| letter.is_digit(8)).collect();
    u64::from_str_radix(&text, 8).unwrap_or(0)
}

fn string(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

impl Head {
    fn read(block: &[u8]) -> Option<Head> {
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
            .sum();
        if block.len() != BLOCK || sum != octal(&block[148..156]) {
            return None;
        }
        let prefix = if &block[257..262] == b"ustar" { string(&block[345..500]) } else { String::new() };
        let name = string(&block[..100]);
        let narrow = |number: u64| u32::try_from(number).unwrap_or(0);
        Some(Head {
            name: if prefix.is_empty() { name } else { format!("{prefix}/{name}") },
            mode: narrow(octal(&block[100..108])) & 0o7777,
            owner: (narrow(octal(&block[108..116])), narrow(octal(&block[116..124]))),
            size: octal(&block[124..136]),
            modified: octal(&block[136..148]),
            kind: block[156],
            link: string(&block[157..257]),
        })
    }

    fn write(&self) -> Vec<u8> {
        let mut all = Vec::new();
        if self.name.len() > 100 {
            let long = Head {
                name: "././@LongLink".to_owned(),
                size: self.name.len() as u64 + 1,
                kind: b'L',
                link: String::new(),
                ..*self
            };
            all.extend(long.block());
            all.extend(self.name.as_bytes());
            all.resize(all.len().next_multiple_of(BLOCK).max(all.len() + 1).next_multiple_of(BLOCK), 0);
        }
        all.extend(self.block());
        all
    }

    fn block(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        let mut put = |at: usize, bytes: &[u8], most: usize| {
            let count = bytes.len().min(most);
            block[at..at + count].copy_from_slice(&bytes[..count]);
        };
        put(0, self.name.as_bytes(), 100);
        put(100, format!("{:07o}", self.mode).as_bytes(), 8);
        put(108, format!("{:07o}", self.owner.0).as_bytes(), 8);
        put(116, format!("{:07o}", self.owner.1).as_bytes(), 8);
        put(124, format!("{:011o}", self.size).as_bytes(), 12);
        put(136, format!("{:011o}", self.modified).as_bytes(), 12);
        put(148, b"        ", 8);
        put(156, &[self.kind], 1);
        put(157, self.link.as_bytes(), 100);
        put(257, b"ustar\x0000", 8);
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

pub(super) async fn tar(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "cxtvzf:C:mpoOhkX:T:jJ",
        &[
            ("create", 'c'),
            ("extract", 'x'),
            ("list", 't'),
            ("verbose", 'v'),
            ("gzip", 'z'),
            ("file", 'f'),
            ("directory", 'C'),
            ("no-same-permissions", 'm'),
            ("no-same-owner", 'o'),
            ("exclude", 'X'),
        ],
    );
    // The first word may lack its dash.
    let mut argv = argv.to_vec();
    if let Some(first) = argv.get_mut(1)
        && !first.starts_with('-')
        && first.chars().all(|letter| "cxtvzfmpoOhk".contains(letter))
    {
        first.insert(0, '-');
    }
    let words = GRAMMAR.read(process, &argv).await?;
    if words.has('j') || words.has('J') {
        return Ok(process.fail("bzip2 and xz: not simulated").await);
    }
    if let Some(folder) = words.value('C') {
        match process.kernel.files.find(process.walker(), folder, Follow::Yes) {
            Ok((found, _)) => process.cwd = found.path,
            Err(error) => {
                process
                    .complain(match process.flavour {
                        Flavour::Busybox => format!("can't change directory to '{folder}': {error}"),
                        Flavour::Gnu => {
                            format!("{folder}: Cannot open: {error}\ntar: Error is not recoverable: exiting now")
                        }
                    })
                    .await;
                return Ok(if process.flavour == Flavour::Gnu { 2 } else { 1 });
            }
        }
    }
    match words.last_of("cxt") {
        Some('c') => create(process, &words).await,
        Some(_) => extract(process, &words).await,
        None => Ok(process.fail("must specify one of -c, -x or -t").await),
    }
}

async fn create(process: &Process, words: &Words) -> Ran {
    let mut archive = Vec::new();
    let mut code = 0;
    let mut open: Vec<String> = words.rest.iter().rev().cloned().collect();
    if open.is_empty() {
        return Ok(process.fail("empty archive").await);
    }
    while let Some(path) = open.pop() {
        process.step(2).await?;
        if words.values('X').any(|pattern| crate::pattern::Pattern::new(pattern).matches(&path)) {
            continue;
        }
        let stat = match process.stat(&path, Follow::No) {
            Ok(stat) => stat,
            Err(error) => {
                code = process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("{path}: {error}"),
                        Flavour::Gnu => format!("{path}: Cannot stat: {error}"),
                    })
                    .await;
                continue;
            }
        };
        let mut name = path.trim_start_matches('/').to_owned();
        let (kind, size, link) = match &stat.kind {
            StatKind::Directory => {
                name = name.trim_end_matches('/').to_owned() + "/";
                (b'5', 0, String::new())
            }
            StatKind::Link(target) => (b'2', 0, target.clone()),
            StatKind::File => (b'0', stat.size, String::new()),
            StatKind::Device(_) => continue,
        };
        let head = Head {
            name: name.clone(),
            mode: stat.mode,
            owner: (stat.uid, stat.gid),
            size,
            modified: stat.modified.as_secs(),
            kind,
            link,
        };
        let mut body = Vec::new();
        if kind == b'0' {
            match process.read_file(&path).await {
                Ok(bytes) => body = bytes,
                Err(error) => {
                    code = process.fail(format!("can't open '{path}': {error}")).await;
                    continue;
                }
            }
        }
        archive.extend(Head { size: body.len() as u64, ..head }.write());
        archive.extend(&body);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
        if archive.len() > limits::HELD * 2 {
            return Ok(process.fail("archive too large (sandbox: not simulated)").await);
        }
        if words.has('v') {
            process.say(&name).await;
        }
        if stat.is_directory() {
            match process.kernel.files.list(process.walker(), &path) {
                Ok(entries) => open.extend(entries.into_iter().rev().map(|(name, _)| join(&path, &name))),
                Err(error) => code = process.fail(format!("can't open '{path}': {error}")).await,
            }
        }
    }
    archive.resize((archive.len() + 2 * BLOCK).next_multiple_of(20 * BLOCK), 0);
    if words.has('z') {
        archive = compress(&archive);
    }
    match words.value('f') {
        None | Some("-") => process.out(archive).await?,
        Some(path) => {
            let written = match process.open(path, Access::Write) {
                Ok(fd) => fd.write(&archive, process.now()).await,
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                return Ok(process.fail(format!("can't open '{path}': {error}")).await);
            }
        }
    }
    Ok(code)
}

/// Reads an archive piece by piece.
struct Source {
    fd: Fd,
    held: Vec<u8>,
}

impl Source {
    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.held.len() < count {
            let more = self.fd.read(limits::PIPE).await.ok()?;
            if more.is_empty() {
                return None;
            }
            self.held.extend(more);
        }
        Some(self.held.drain(..count).collect())
    }
}

async fn extract(process: &Process, words: &Words) -> Ran {
    let fd = match words.value('f') {
        None | Some("-") => process.stdin(),
        Some(path) => match process.open(path, Access::Read) {
            Ok(fd) => fd,
            Err(error) => {
                return Ok(process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("can't open '{path}': {error}"),
                        Flavour::Gnu => {
                            format!("{path}: Cannot open: {error}\ntar: Error is not recoverable: exiting now")
                        }
                    })
                    .await);
            }
        },
    };
    let first = fd.read(limits::PIPE).await.unwrap_or_default();
    let mut source = Source { fd, held: first };
    if source.held.starts_with(&[0x1f, 0x8b]) {
        let rest = process.read_all(&source.fd).await.map_err(|_| Halt(1))?;
        source.held.extend(rest);
        match expand(&source.held) {
            Some(bytes) => source.held = bytes,
            None => return Ok(process.fail("corrupted data").await),
        }
        source.fd = std::sync::Arc::new(crate::stream::OpenFile::Device(crate::tree::Device::Null));
    }
    let mut code = 0;
    let mut long: Option<String> = None;
    loop {
        process.step(4).await?;
        let Some(block) = source.take(BLOCK).await else {
            return Ok(if source.held.is_empty() { code } else { process.fail("short read").await });
        };
        if block.iter().all(|byte| *byte == 0) {
            while source.take(BLOCK).await.is_some() {}
            return Ok(code);
        }
        let Some(mut head) = Head::read(&block) else { return Ok(process.fail("invalid tar magic").await) };
        let size = usize::try_from(head.size).unwrap_or(usize::MAX);
        if size > limits::HELD {
            return Ok(process.fail(format!("{}: too large (sandbox: not simulated)", head.name)).await);
        }
        let Some(mut body) = source.take(size.next_multiple_of(BLOCK)).await else {
            return Ok(process.fail("short read").await);
        };
        body.truncate(size);
        match head.kind {
            b'L' => {
                long = Some(string(&body));
                continue;
            }
            // Extended heads: times to the nanosecond and the like.
            b'x' | b'g' | b'K' => continue,
            _ => {}
        }
        if let Some(name) = long.take() {
            head.name = name;
        }
        let name = head.name.trim_start_matches('/').to_owned();
        if name.split('/').any(|part| part == "..") {
            code = process.fail(format!("name with '..' skipped: '{name}'")).await;
            continue;
        }
        if !words.rest.is_empty() && !words.rest.iter().any(|wanted| name.starts_with(wanted.trim_start_matches("./")))
        {
            continue;
        }
        if words.has('t') || words.has('v') {
            let line = if words.has('t') && words.has('v') {
                format!("{:o} {}/{} {:>9} {name}\n", head.mode, head.owner.0, head.owner.1, head.size)
            } else {
                format!("{name}\n")
            };
            process.out(line).await?;
        }
        if words.has('t') {
            continue;
        }
        if words.has('O') {
            process.out(&body).await?;
            continue;
        }
        if let Err(message) = unpack(process, words, &head, &name, &body).await {
            code = process.fail(message).await;
        }
    }
}

async fn unpack(process: &Process, words: &Words, head: &Head, name: &str, body: &[u8]) -> Result<(), String> {
    let files = &process.kernel.files;
    let path = name.trim_end_matches('/');
    if path.is_empty() || path == "." {
        return Ok(());
    }
    let mut at = String::new();
    for part in path.split('/').collect::<Vec<_>>().iter().rev().skip(1).rev() {
        at = if at.is_empty() { (*part).to_owned() } else { format!("{at}/{part}") };
        files.make_directory(process.walker(), &at, 0o777 & !process.umask).ok();
    }
    match head.kind {
        b'5' => {
            if let Err(error) = files.make_directory(process.walker(), path, head.mode)
                && error != crate::errno::Errno::Exists
            {
                return Err(format!("can't make dir {path}: {error}"));
            }
            return Ok(());
        }
        b'2' => {
            files.unlink(process.walker(), path).ok();
            return files
                .make_link(process.walker(), &head.link, path)
                .map_err(|error| format!("can't create symlink '{path}' to '{}': {error}", head.link));
        }
        b'1' => {
            return files
                .link(process.walker(), &head.link, path)
                .map_err(|error| format!("can't create hardlink '{path}' to '{}': {error}", head.link));
        }
        _ => {}
    }
    let cannot = |error: crate::errno::Errno| match process.flavour {
        Flavour::Busybox => format!("can't open '{path}': {error}"),
        Flavour::Gnu => format!("{path}: Cannot open: {error}"),
    };
    files.unlink(process.walker(), path).ok();
    let fd = process.open(path, Access::Write).map_err(cannot)?;
    fd.write(body, process.now()).await.map_err(|error| format!("write error: {error}"))?;
    files.set_mode(process.walker(), path, head.mode).ok();
    if process.who.uid == 0 && !words.has('o') {
        let owner = Owner { uid: Some(head.owner.0), gid: Some(head.owner.1) };
        files.set_owner(process.walker(), (path, Follow::No), owner).ok();
    }
    if !words.has('m') {
        files.set_time(process.walker(), path, Duration::from_secs(head.modified)).ok();
    }
    Ok(())
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    // Writing into memory does not fail.
    encoder.write_all(bytes).ok();
    encoder.finish().unwrap_or_default()
}

/// Expands gzip within what may be held; `None` for garbage.
fn expand(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut done = Vec::new();
    let limit = limits::HELD as u64 * 2;
    flate2::read::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut done).ok()?;
    Some(done)
}

pub(super) async fn gzip(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("cdkfqt123456789", &[("stdout", 'c'), ("decompress", 'd'), ("keep", 'k')]);
    let words = GRAMMAR.read(process, argv).await?;
    let expands = words.has('d') || kind != "gzip";
    let to_output = words.has('c') || kind == "zcat" || words.rest.is_empty();
    let mut code = 0;
    for path in super::inputs(&words) {
        let bytes = match process.read_file(&path).await {
            Ok(bytes) => bytes,
            Err(error) => {
                code = process.fail(format!("{path}: {error}")).await;
                continue;
            }
        };
        let made = if expands { expand(&bytes) } else { Some(compress(&bytes)) };
        let Some(made) = made else {
            code = process
                .fail(match process.flavour {
                    Flavour::Busybox => "invalid magic".to_owned(),
                    Flavour::Gnu => format!("{path}: not in gzip format"),
                })
                .await;
            continue;
        };
        if to_output || path == "-" {
            process.out(made).await?;
            continue;
        }
        let target = if expands {
            match path
                .strip_suffix(".gz")
                .map(str::to_owned)
                .or_else(|| path.strip_suffix(".tgz").map(|base| format!("{base}.tar")))
            {
                Some(target) => target,
                None => {
                    code = process.fail(format!("{path}: unknown suffix - ignored")).await;
                    continue;
                }
            }
        } else {
            format!("{path}.gz")
        };
        let written = match process.open(&target, Access::Write) {
            Ok(fd) => fd.write(&made, process.now()).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(()) if words.has('k') => {}
            Ok(()) => drop(process.kernel.files.unlink(process.walker(), &path).ok()),
            Err(error) => code = process.fail(format!("{target}: {error}")).await,
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back() {
        for name in ["a/b".to_owned(), "long/".repeat(40)] {
            let head = Head {
                name: name.clone(),
                mode: 0o644,
                owner: (1, 2),
                size: 3,
                modified: 4,
                kind: b'0',
                link: String::new(),
            };
            let bytes = head.write();
            assert_eq!(bytes.len() % BLOCK, 0);
            let last = Head::read(&bytes[bytes.len() - BLOCK..]).unwrap();
            assert_eq!((last.mode, last.owner, last.size, last.modified), (0o644, (1, 2), 3, 4));
            let found = if bytes.len() > BLOCK { string(&bytes[BLOCK..bytes.len() - BLOCK]) } else { last.name };
            assert_eq!(found, name);
        }
        assert!(Head::read(&[1; BLOCK]).is_none());
        assert!(expand(b"garbage").is_none());
        assert_eq!(expand(&compress(b"text")).unwrap(), b"text");
    }
}
