//! `base64`, checksums, `od`, `hexdump`, `xxd`.

use base64::Engine as _;
use sha2::Digest as _;

use crate::limits;
use crate::process::{Process, Ran};
use crate::tree::Flavour;

use super::text::input;
use super::{Grammar, inputs};

pub(super) async fn base64(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("dDw:i", &[("decode", 'd'), ("wrap", 'w')]);
    let words = GRAMMAR.read(process, argv).await?;
    let path = words.rest.first().map_or("-", String::as_str);
    let Some(fd) = input(process, path).await else { return Ok(1) };
    let bytes = match process.read_all(&fd).await {
        Ok(bytes) => bytes,
        Err(error) => return Ok(process.fail(error.to_string()).await),
    };
    let engine = &base64::engine::general_purpose::STANDARD;
    if words.has('d') || words.has('D') {
        let text: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        return match engine.decode(&text) {
            Ok(bytes) => {
                process.out(bytes).await?;
                Ok(0)
            }
            Err(_) => Ok(process
                .fail(match process.flavour {
                    Flavour::Busybox => "truncated input",
                    Flavour::Gnu => "invalid input",
                })
                .await),
        };
    }
    let text = engine.encode(bytes);
    let width = words.value('w').and_then(|width| width.parse::<usize>().ok()).unwrap_or(76);
    if width == 0 {
        process.out(text).await?;
        return Ok(0);
    }
    for line in text.as_bytes().chunks(width) {
        process.out([line, b"\n"].concat()).await?;
    }
    Ok(0)
}

/// `md5sum`, `sha1sum`, `sha256sum`, `sha512sum`.
pub(super) async fn sums(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("cbstw", &[("check", 'c'), ("binary", 'b'), ("status", 's')]);
    let words = GRAMMAR.read(process, argv).await?;
    let mut code = 0;
    for path in inputs(&words) {
        let Some(fd) = input(process, &path).await else {
            code = 1;
            continue;
        };
        if words.has('c') {
            let list = process.read_all(&fd).await.unwrap_or_default();
            let list = String::from_utf8_lossy(&list).into_owned();
            for line in list.lines() {
                let Some((wanted, file)) = line.split_once("  ") else { continue };
                let found = process.read_file(file).await.map(|bytes| hex(&sum(kind, &bytes)));
                let is_right = found.as_deref() == Ok(wanted);
                process.out(format!("{file}: {}\n", if is_right { "OK" } else { "FAILED" })).await?;
                code |= i32::from(!is_right);
            }
            continue;
        }
        match process.read_all(&fd).await {
            Ok(bytes) => process.out(format!("{}  {path}\n", hex(&sum(kind, &bytes)))).await?,
            Err(error) => code = process.fail(format!("{path}: {error}")).await,
        }
    }
    Ok(code)
}

fn sum(kind: &str, bytes: &[u8]) -> Vec<u8> {
    match kind {
        "md5sum" => md5::Md5::digest(bytes).to_vec(),
        "sha1sum" => sha1::Sha1::digest(bytes).to_vec(),
        "sha512sum" => sha2::Sha512::digest(bytes).to_vec(),
        _ => sha2::Sha256::digest(bytes).to_vec(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `od -c`, `hexdump -C`, `xxd`: all as offset, bytes in hexadecimal, and text.
pub(super) async fn dump(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new("Cctxvn:A:N:pl:g:", &[("canonical", 'C')]);
    let words = GRAMMAR.read(process, argv).await?;
    let path = words.rest.iter().find(|word| !word.starts_with('x')).map_or("-", String::as_str);
    let Some(fd) = input(process, path).await else { return Ok(1) };
    let most = words.value('n').or(words.value('N')).or(words.value('l')).and_then(|text| text.parse().ok());
    let mut left: usize = most.unwrap_or(usize::MAX);
    let mut offset = 0;
    let mut held: Vec<u8> = Vec::new();
    loop {
        let more = if left == 0 { Vec::new() } else { fd.read(left.min(limits::PIPE)).await.unwrap_or_default() };
        let is_over = more.is_empty();
        left -= more.len();
        held.extend(more);
        while held.len() >= 16 || (is_over && !held.is_empty()) {
            let row: Vec<u8> = held.drain(..held.len().min(16)).collect();
            process.out(line(kind, &words, offset, &row)).await?;
            offset += row.len();
        }
        if is_over {
            break;
        }
    }
    let end = match kind {
        "od" => format!("{offset:07o}\n"),
        "hexdump" => format!("{offset:08x}\n"),
        _ => String::new(),
    };
    process.out(end).await?;
    Ok(0)
}

fn line(kind: &str, words: &super::Words, offset: usize, row: &[u8]) -> String {
    let text: String = row.iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }).collect();
    match kind {
        "od" => {
            let cells: String = row
                .iter()
                .map(|byte| match byte {
                    _ if !words.has('c') => format!(" {byte:03o}"),
                    b'\n' => "  \\n".to_owned(),
                    b'\t' => "  \\t".to_owned(),
                    b'\r' => "  \\r".to_owned(),
                    0 => "  \\0".to_owned(),
                    32..=126 => format!("   {}", char::from(*byte)),
                    byte => format!(" {byte:03o}"),
                })
                .collect();
            format!("{offset:07o}{cells}\n")
        }
        "hexdump" => {
            let cells: String = row
                .iter()
                .enumerate()
                .map(|(at, byte)| format!("{}{byte:02x} ", if at == 8 { " " } else { "" }))
                .collect();
            format!("{offset:08x}  {cells:<50}|{text}|\n")
        }
        _ => {
            let cells: Vec<String> = row.chunks(2).map(hex).collect();
            format!("{offset:08x}: {:<39}  {text}\n", cells.join(" "))
        }
    }
}
