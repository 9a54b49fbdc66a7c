//! Commands about paths: `basename`, `dirname`, `pwd`, `readlink`, `realpath`, `which`, `mktemp`.

use crate::files::{Access, Follow, StatKind};
use crate::process::{Process, Ran};
use crate::tree::Flavour;

pub(super) async fn names(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    let words: Vec<&String> = argv[1..].iter().filter(|word| !word.starts_with('-') || word.as_str() == "-").collect();
    let flags: String =
        argv[1..].iter().filter(|word| word.starts_with('-')).map(|word| word.trim_start_matches('-')).collect();
    let missing = || match process.flavour {
        Flavour::Busybox => "missing operand".to_owned(),
        Flavour::Gnu => "missing operand".to_owned(),
    };
    match kind {
        "pwd" => {
            process.out(format!("{}\n", process.cwd)).await?;
            Ok(0)
        }
        "basename" => {
            let Some(path) = words.first() else { return Ok(process.fail(missing()).await) };
            let path = path.trim_end_matches('/');
            let name = if path.is_empty() { "/" } else { path.rsplit('/').next().unwrap_or(path) };
            let name = match words.get(1) {
                Some(suffix) if name != suffix.as_str() => name.strip_suffix(suffix.as_str()).unwrap_or(name),
                _ => name,
            };
            process.out(format!("{name}\n")).await?;
            Ok(0)
        }
        "dirname" => {
            if words.is_empty() {
                return Ok(process.fail(missing()).await);
            }
            for path in words {
                let trimmed = path.trim_end_matches('/');
                let folder = match trimmed.rsplit_once('/') {
                    _ if trimmed.is_empty() && !path.is_empty() => "/",
                    Some((folder, _)) if folder.trim_end_matches('/').is_empty() => "/",
                    Some((folder, _)) => folder.trim_end_matches('/'),
                    None => ".",
                };
                process.out(format!("{folder}\n")).await?;
            }
            Ok(0)
        }
        "readlink" | "realpath" => {
            let follows = kind == "realpath" || flags.contains(['f', 'e', 'm']);
            let mut code = 0;
            for path in words {
                let result = if follows {
                    process.kernel.files.walk(process.walker(), path, Follow::Yes).and_then(|found| {
                        if found.ino.is_none()
                            && (flags.contains('e') || (kind == "realpath" && process.flavour == Flavour::Busybox))
                        {
                            return Err(crate::errno::Errno::NoEntry);
                        }
                        Ok(found.path)
                    })
                } else {
                    process.stat(path, Follow::No).and_then(|stat| match stat.kind {
                        StatKind::Link(target) => Ok(target),
                        StatKind::File | StatKind::Directory | StatKind::Device(_) => Err(crate::errno::Errno::Invalid),
                    })
                };
                match result {
                    Ok(target) => process.out(target + if flags.contains('n') { "" } else { "\n" }).await?,
                    Err(error) => {
                        code = 1;
                        if kind == "realpath" {
                            process.complain(format!("{path}: {error}")).await;
                        }
                    }
                }
            }
            Ok(code)
        }
        "which" => {
            let mut code = i32::from(words.is_empty());
            for name in words {
                match process.locate(name) {
                    Ok((path, _)) => process.out(path + "\n").await?,
                    Err(_) => code = 1,
                }
            }
            Ok(code)
        }
        _ => mktemp(process, argv, &flags).await,
    }
}

async fn mktemp(process: &mut Process, argv: &[String], flags: &str) -> Ran {
    let template = argv[1..].iter().rfind(|word| word.contains("XXXXXX")).cloned();
    let template = match template {
        Some(template) if flags.contains(['p', 't']) => format!("/tmp/{template}"),
        Some(template) => template,
        None => format!("{}/tmp.XXXXXX", process.env.get("TMPDIR").map_or("/tmp", String::as_str)),
    };
    for _ in 0..32 {
        let letters: String = crate::stream::noise(6)
            .iter()
            .map(|byte| {
                char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[usize::from(*byte) % 62])
            })
            .collect();
        let path = template.replacen("XXXXXX", &letters, 1);
        let made = if flags.contains('d') {
            process.kernel.files.make_directory(process.walker(), &path, 0o700)
        } else {
            let kept = std::mem::replace(&mut process.umask, 0o077);
            let made = process.open(&path, Access::CreateNew).map(|_| ());
            process.umask = kept;
            made
        };
        match made {
            Ok(()) => {
                process.out(path + "\n").await?;
                return Ok(0);
            }
            Err(crate::errno::Errno::Exists) => {}
            Err(error) => {
                return Ok(process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!(": {error}"),
                        Flavour::Gnu => format!("failed to create file via template '{template}': {error}"),
                    })
                    .await);
            }
        }
    }
    Ok(1)
}
