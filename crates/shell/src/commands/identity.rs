//! `id`, `whoami`, `groups`, `su`, and who users are.

use crate::files::{Access, Capability, Credentials};
use crate::process::{Process, Ran};
use crate::tree::Flavour;

/// Reads a file of users or groups as root would: names are no secret.
fn table(process: &Process, path: &str) -> Vec<Vec<String>> {
    let root = Credentials::root();
    let walker = crate::files::Walker { who: &root, cwd: "/", pid: 1, now: process.now() };
    let text = match process.kernel.files.open(walker, path, Access::Read, 0) {
        Ok(crate::files::Opened::File(file)) => file.read(1 << 20).unwrap_or_default(),
        Ok(_) | Err(_) => Vec::new(),
    };
    String::from_utf8_lossy(&text).lines().map(|line| line.split(':').map(str::to_owned).collect()).collect()
}

fn named(process: &Process, file: &str, number: u32) -> Option<String> {
    let wanted = number.to_string();
    table(process, file).into_iter().find(|fields| fields.get(2) == Some(&wanted))?.into_iter().next()
}

/// Returns a user's name.
pub(crate) fn user_name(process: &Process, uid: u32) -> Option<String> {
    named(process, "/etc/passwd", uid)
}

/// Returns a group's name.
pub(crate) fn group_name(process: &Process, gid: u32) -> Option<String> {
    named(process, "/etc/group", gid)
}

/// Returns a user's home folder.
pub(crate) fn home(process: &Process, name: &str) -> Option<String> {
    user(process, name)?.get(5).cloned()
}

/// Returns a user's line of `/etc/passwd`.
pub(crate) fn user(process: &Process, name: &str) -> Option<Vec<String>> {
    table(process, "/etc/passwd").into_iter().find(|fields| fields.first().is_some_and(|known| known == name))
}

/// Returns a group's number by its name.
pub(crate) fn group(process: &Process, name: &str) -> Option<u32> {
    let fields =
        table(process, "/etc/group").into_iter().find(|fields| fields.first().is_some_and(|known| known == name))?;
    fields.get(2)?.parse().ok()
}

/// Returns the lines of a table that hold a name or number in their first or third column.
pub(crate) fn entries(process: &Process, file: &str, keys: &[String]) -> Vec<String> {
    table(process, file)
        .into_iter()
        .filter(|fields| {
            keys.is_empty() || keys.iter().any(|key| fields.first() == Some(key) || fields.get(2) == Some(key))
        })
        .map(|fields| fields.join(":"))
        .collect()
}

pub(super) async fn identity(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    let (uid, gid) = (process.who.uid, process.who.gid);
    match kind {
        "whoami" | "logname" => match user_name(process, uid) {
            Some(name) => {
                process.out(name + "\n").await?;
                Ok(0)
            }
            None => Ok(process
                .fail(match process.flavour {
                    Flavour::Busybox => format!("unknown uid {uid}"),
                    Flavour::Gnu => format!("cannot find name for user ID {uid}: No such file or directory"),
                })
                .await),
        },
        "users" | "who" | "w" => Ok(0),
        "su" => {
            if !process.who.has(Capability::SetUid) {
                return Ok(process.fail("must be suid to work properly").await);
            }
            let name = argv[1..].iter().find(|word| !word.starts_with('-')).map_or("root", String::as_str);
            let Some(fields) = user(process, name) else {
                return Ok(process.fail(format!("unknown user {name}")).await);
            };
            let number = |at: usize| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
            let (uid, gid) = (number(2), number(3));
            let shell =
                fields.get(6).filter(|shell| !shell.is_empty()).cloned().unwrap_or_else(|| "/bin/sh".to_owned());
            let mut words = vec![shell];
            if let Some(at) = argv.iter().position(|word| word == "-c") {
                words.push("-c".to_owned());
                words.extend(argv.get(at + 1).cloned());
            }
            let Ok(mut child) = process.fork(&words) else { return Ok(process.fail("can't fork").await) };
            child.who = Credentials {
                uid,
                gid,
                groups: vec![gid],
                capabilities: if uid == 0 { process.who.capabilities.clone() } else { Vec::new() },
            };
            child.env.insert("HOME".to_owned(), fields.get(5).cloned().unwrap_or_default());
            Ok(child.run(words).await)
        }
        "groups" => {
            let mut numbers = vec![gid];
            numbers.extend(process.who.groups.iter().filter(|group| **group != gid));
            let names: Vec<String> =
                numbers.iter().map(|gid| group_name(process, *gid).unwrap_or_else(|| gid.to_string())).collect();
            process.out(names.join(" ") + "\n").await?;
            Ok(0)
        }
        _ => id(process, argv).await,
    }
}

async fn id(process: &mut Process, argv: &[String]) -> Ran {
    let flags: String = argv[1..].iter().filter(|word| word.starts_with('-')).map(|word| &word[1..]).collect();
    let (mut uid, mut gid, mut groups) = (process.who.uid, process.who.gid, process.who.groups.clone());
    if let Some(name) = argv[1..].iter().find(|word| !word.starts_with('-')) {
        let Some(fields) = user(process, name) else {
            return Ok(process
                .fail(match process.flavour {
                    Flavour::Busybox => format!("unknown user {name}"),
                    Flavour::Gnu => format!("'{name}': no such user"),
                })
                .await);
        };
        let number = |at: usize| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
        (uid, gid) = (number(2), number(3));
        groups = table(process, "/etc/group")
            .iter()
            .filter(|fields| fields.get(3).is_some_and(|members| members.split(',').any(|member| member == name)))
            .filter_map(|fields| fields.get(2)?.parse().ok())
            .collect();
    }
    groups.retain(|group| *group != gid);
    groups.insert(0, gid);
    let shown = |number: u32, name: Option<String>| match name {
        Some(name) => format!("{number}({name})"),
        None => number.to_string(),
    };
    let by_name = flags.contains('n');
    let pick = |number: u32, name: Option<String>| {
        if by_name { name.unwrap_or_else(|| number.to_string()) } else { number.to_string() }
    };
    let line = if flags.contains('u') {
        pick(uid, user_name(process, uid))
    } else if flags.contains('g') {
        pick(gid, group_name(process, gid))
    } else if flags.contains('G') {
        groups.iter().map(|group| pick(*group, group_name(process, *group))).collect::<Vec<_>>().join(" ")
    } else {
        let mut line =
            format!("uid={} gid={}", shown(uid, user_name(process, uid)), shown(gid, group_name(process, gid)));
        let all: Vec<String> = groups.iter().map(|group| shown(*group, group_name(process, *group))).collect();
        // Busybox leaves the list out where it says nothing more.
        if process.flavour == Flavour::Gnu || all.len() > 1 || uid == 0 {
            line.push_str(&format!(" groups={}", all.join(",")));
        }
        line
    };
    process.out(line + "\n").await?;
    Ok(0)
}
