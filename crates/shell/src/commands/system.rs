//! Commands about the machine: `date`, `uname`, `hostname`, `free`, `mount`; and those that are not simulated.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::files::Capability;
use crate::process::{Process, Ran};
use crate::procfs::{NODE_MEMORY, RELEASE};
use crate::tree::Flavour;

use super::Grammar;
use super::list::timestamp;

/// Reads a time as `date -d` and `touch -d` take it: `@seconds`, `2024-01-31`, `2024-01-31 12:00:00`, RFC 3339, `now`.
pub(super) fn parse_time(text: &str, now: Duration) -> Option<Duration> {
    let text = text.trim();
    if text == "now" {
        return Some(now);
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse().ok().map(Duration::from_secs);
    }
    let seconds = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.as_second(),
        Err(_) => {
            let text = text.trim_end_matches(" UTC").replacen(' ', "T", 1);
            let time: DateTime = match text.parse::<DateTime>() {
                Ok(time) => time,
                Err(_) => text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0),
            };
            time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()
        }
    };
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

pub(super) async fn date(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "uRI:d:r:s:D:",
        &[("utc", 'u'), ("date", 'd'), ("rfc-email", 'R'), ("set", 's'), ("reference", 'r')],
    );
    let argv: Vec<String> = argv
        .iter()
        .map(|word| if word == "-I" || word == "--iso-8601" { "-Idate".to_owned() } else { word.clone() })
        .collect();
    let words = GRAMMAR.read(process, &argv).await?;
    if words.has('s') {
        let message = if process.who.has(Capability::SysTime) {
            "setting the clock: not simulated".to_owned()
        } else {
            match process.flavour {
                Flavour::Busybox => "can't set date: Operation not permitted".to_owned(),
                Flavour::Gnu => "cannot set date: Operation not permitted".to_owned(),
            }
        };
        return Ok(process.fail(message).await);
    }
    let now = process.now();
    let time = match (words.value('d'), words.value('r')) {
        (Some(text), _) => match parse_time(text, now) {
            Some(time) => time,
            None => {
                return Ok(process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("invalid date '{text}'"),
                        Flavour::Gnu => format!("invalid date '{text}'"),
                    })
                    .await);
            }
        },
        (None, Some(path)) => process.stat(path, crate::files::Follow::Yes).map_or(now, |stat| stat.modified),
        (None, None) => now,
    };
    let at = timestamp(time).to_zoned(TimeZone::UTC);
    let nanos = if words.has('d') { 0 } else { time.subsec_nanos() };
    let text = match words.rest.first() {
        Some(format) => {
            let Some(format) = format.strip_prefix('+') else {
                return Ok(process.fail(format!("invalid date '{format}'")).await);
            };
            let format =
                format.replace("%N", &format!("{nanos:09}")).replace("%3N", &format!("{:03}", nanos / 1_000_000));
            match jiff::fmt::strtime::format(&format, &at) {
                Ok(text) => text,
                Err(_) => return Ok(process.fail(format!("format '{format}': not simulated")).await),
            }
        }
        None if words.has('R') => at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(),
        None => match words.value('I') {
            Some("seconds" | "s") => at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
            Some("minutes" | "m") => at.strftime("%Y-%m-%dT%H:%M+00:00").to_string(),
            Some(_) => at.strftime("%Y-%m-%d").to_string(),
            None => at.strftime("%a %b %e %H:%M:%S UTC %Y").to_string(),
        },
    };
    process.out(text + "\n").await?;
    Ok(0)
}

pub(super) async fn system(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    let flags: String =
        argv[1..].iter().filter(|word| word.starts_with('-')).map(|word| word.trim_start_matches('-')).collect();
    let words: Vec<&String> = argv[1..].iter().filter(|word| !word.starts_with('-')).collect();
    let hostname = process.kernel.hostname.clone();
    let text = match kind {
        "uname" => {
            let all = flags.contains('a') || flags == "all";
            let mut parts = Vec::new();
            for (letter, value) in [
                ('s', "Linux"),
                ('n', hostname.as_str()),
                ('r', RELEASE),
                ('v', "#1 SMP PREEMPT_DYNAMIC Debian 6.1.112-1 (2024-09-30)"),
                ('m', "x86_64"),
            ] {
                if all || flags.contains(letter) || (flags.is_empty() && letter == 's') {
                    parts.push(value);
                }
            }
            if all || flags.contains('o') {
                parts.push("GNU/Linux");
            }
            parts.join(" ") + "\n"
        }
        "arch" => "x86_64\n".to_owned(),
        "hostname" => {
            if let Some(name) = words.first() {
                let _ = name;
                return Ok(process
                    .fail(match process.flavour {
                        Flavour::Busybox => "sethostname: Operation not permitted",
                        Flavour::Gnu => "you must be root to change the host name",
                    })
                    .await);
            }
            match process.kernel.address() {
                Some(address) if flags.contains(['i', 'I']) => format!("{address}\n"),
                _ => format!(
                    "{}\n",
                    if flags.contains('s') { hostname.split('.').next().unwrap_or_default() } else { &hostname }
                ),
            }
        }
        "hostid" => "007f0100\n".to_owned(),
        "nproc" => "2\n".to_owned(),
        "tty" => {
            if process.stdin().is_terminal() {
                "/dev/pts/0\n".to_owned()
            } else {
                process.out("not a tty\n").await?;
                return Ok(1);
            }
        }
        "uptime" => {
            let up = process.now().saturating_sub(process.kernel.started).as_secs() + 3600;
            let time = timestamp(process.now()).strftime("%H:%M:%S");
            format!(" {time} up {:>2}:{:02},  0 users,  load average: 0.08, 0.03, 0.01\n", up / 3600, up / 60 % 60)
        }
        "free" => {
            let unit = if flags.contains('m') {
                1024 * 1024
            } else if flags.contains('g') {
                1 << 30
            } else {
                1024
            };
            let shown =
                |bytes: u64| if flags.contains('h') { super::list::human(bytes) } else { (bytes / unit).to_string() };
            format!(
                "              total        used        free      shared  buff/cache   available\n\
                 Mem:    {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\nSwap:   {:>11} {:>11} {:>11}\n",
                shown(NODE_MEMORY),
                shown(NODE_MEMORY / 4),
                shown(NODE_MEMORY / 2),
                shown(0),
                shown(NODE_MEMORY / 4),
                shown(NODE_MEMORY * 3 / 4),
                0,
                0,
                0
            )
        }
        "mount" if words.is_empty() => process
            .kernel
            .files
            .mounts
            .iter()
            .map(|mount| {
                let access = if mount.access == crate::files::MountAccess::ReadOnly { "ro" } else { "rw" };
                format!("{} on {} type {} ({access},relatime)\n", mount.source, mount.at, mount.kind)
            })
            .collect(),
        "mount" | "umount" => {
            let target = words.last().map(|word| word.as_str()).unwrap_or_default();
            let message = match (process.who.has(Capability::SysAdmin), kind, process.who.uid) {
                (true, ..) => "not simulated".to_owned(),
                (false, "mount", 0) => format!("permission denied (are you root?): {target}"),
                (false, "mount", _) => "must be superuser to use mount".to_owned(),
                _ => format!("can't unmount {target}: Operation not permitted"),
            };
            process.complain(message).await;
            return Ok(if kind == "mount" && process.flavour == Flavour::Gnu { 32 } else { 1 });
        }
        "sysctl" => {
            let mut text = String::new();
            for word in words {
                let (key, value) =
                    word.split_once('=').map_or((word.as_str(), None), |(key, value)| (key, Some(value)));
                if value.is_some() {
                    return Ok(process.fail(format!("error setting key '{key}': Read-only file system")).await);
                }
                match process.read_file(&format!("/proc/sys/{}", key.replace('.', "/"))).await {
                    Ok(bytes) => text.push_str(&format!("{key} = {}", String::from_utf8_lossy(&bytes))),
                    Err(error) => return Ok(process.fail(format!("error reading key '{key}': {error}")).await),
                }
            }
            text
        }
        "cal" => timestamp(process.now()).strftime("     %B %Y\n").to_string(),
        _ => String::new(),
    };
    process.out(text).await?;
    Ok(0)
}

/// Package managers: there is no way to their servers, and they say it in their own words.
pub(super) async fn packages(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    let act = argv[1..].iter().find(|word| !word.starts_with('-')).map_or("", String::as_str);
    let names: Vec<&String> = argv[1..].iter().filter(|word| !word.starts_with('-')).skip(1).collect();
    let is_root = process.who.uid == 0;
    match (kind, act) {
        ("apk", "add" | "update" | "upgrade") if !is_root => {
            process.say("ERROR: Unable to lock database: Permission denied\nERROR: Failed to open apk database: Permission denied").await;
            Ok(99)
        }
        ("apk", "add" | "update" | "upgrade") => {
            let list = process.read_file("/etc/apk/repositories").await.unwrap_or_default();
            let list = String::from_utf8_lossy(&list).into_owned();
            for line in list.lines() {
                process.out(format!("fetch {line}/x86_64/APKINDEX.tar.gz\n")).await?;
                process.say(format!("WARNING: fetching {line}: temporary error (try again later)")).await;
            }
            if act == "update" {
                process.say("2 errors; 14 distinct packages available").await;
                return Ok(2);
            }
            process.say("ERROR: unable to select packages:").await;
            for name in &names {
                process.say(format!("  {name} (no such package):\n    required by: world[{name}]")).await;
            }
            Ok(i32::try_from(names.len()).unwrap_or(1).max(1))
        }
        ("apt" | "apt-get", "update" | "install" | "upgrade") if !is_root => {
            process
                .say("E: Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)\nE: Unable to lock directory /var/lib/apt/lists/")
                .await;
            Ok(100)
        }
        ("apt" | "apt-get", "update") => {
            for suite in ["bookworm", "bookworm-updates"] {
                process.out(format!("Ign:1 http://deb.debian.org/debian {suite} InRelease\nErr:1 http://deb.debian.org/debian {suite} InRelease\n  Temporary failure resolving 'deb.debian.org'\n")).await?;
            }
            process.out("Reading package lists... Done\n").await?;
            process
                .say("W: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'\nW: Some index files failed to download. They have been ignored, or old ones used instead.")
                .await;
            Ok(0)
        }
        ("apt" | "apt-get", "install") => {
            process.out("Reading package lists... Done\nBuilding dependency tree... Done\n").await?;
            for name in &names {
                process.say(format!("E: Unable to locate package {name}")).await;
            }
            Ok(100)
        }
        ("pip", "install") => {
            for name in &names {
                process
                    .say(format!("ERROR: Could not find a version that satisfies the requirement {name} (from versions: none)\nERROR: No matching distribution found for {name}"))
                    .await;
            }
            Ok(1)
        }
        _ => not_simulated(kind, process).await,
    }
}

/// What is in the image and not simulated says so.
pub(super) async fn not_simulated(name: &str, process: &mut Process) -> Ran {
    let name = if name == "server" { process.name.clone() } else { name.to_owned() };
    process.say(format!("{name}: sandbox: this program is not simulated")).await;
    Ok(127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let now = Duration::from_secs(5);
        assert_eq!(parse_time("@10", now), Some(Duration::from_secs(10)));
        assert_eq!(parse_time("1970-01-02", now), Some(Duration::from_secs(86_400)));
        assert_eq!(parse_time("1970-01-01 00:01:00", now), Some(Duration::from_secs(60)));
        assert_eq!(parse_time("1970-01-01T00:00:01Z", now), Some(Duration::from_secs(1)));
        assert_eq!((parse_time("now", now), parse_time("x", now)), (Some(now), None));
    }
}
