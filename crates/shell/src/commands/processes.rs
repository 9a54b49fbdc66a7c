//! `ps`, `kill`, `pgrep` and kin, `top`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::event::Terminal;
use crate::files::Capability;
use crate::process::{Process, Ran};
use crate::table::{Entry, SIGNALS, SIGTERM, signal};
use crate::tree::Flavour;

use super::identity::user_name;

fn owner(process: &Process, uid: u32) -> String {
    user_name(process, uid).unwrap_or_else(|| uid.to_string())
}

fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn command(entry: &Entry) -> String {
    entry.argv().join(" ").replace(|letter: char| letter.is_control(), " ")
}

pub(super) async fn ps(process: &mut Process, argv: &[String]) -> Ran {
    let flags: String = argv[1..].concat();
    let entries = process.kernel.table.all();
    let now = process.now();
    let mut text = String::new();
    let all = flags.contains(['e', 'a', 'A', 'x']);
    let format = argv.iter().position(|word| word == "-o").and_then(|at| argv.get(at + 1)).cloned();
    if let Some(format) = format {
        let columns: Vec<&str> = format.split(',').map(|column| column.split('=').next().unwrap_or(column)).collect();
        text.push_str(
            &columns.iter().map(|column| format!("{:<8}", column.to_uppercase())).collect::<Vec<_>>().join(" "),
        );
        text = text.trim_end().to_owned() + "\n";
        for entry in &entries {
            let row: Vec<String> = columns
                .iter()
                .map(|column| {
                    let value = match *column {
                        "pid" => entry.pid.to_string(),
                        "ppid" => entry.parent.to_string(),
                        "user" | "ruser" => owner(process, entry.uid),
                        "uid" => entry.uid.to_string(),
                        "comm" => entry
                            .argv()
                            .first()
                            .map(|first| first.rsplit('/').next().unwrap_or(first).to_owned())
                            .unwrap_or_default(),
                        "args" | "cmd" | "command" => command(entry),
                        "stat" => "S".to_owned(),
                        "rss" => entry.memory.load(Ordering::Relaxed).to_string(),
                        "vsz" => (entry.memory.load(Ordering::Relaxed) * 3).to_string(),
                        "etime" | "time" => clock(now.saturating_sub(entry.started).as_secs()),
                        _ => "-".to_owned(),
                    };
                    format!("{value:<8}")
                })
                .collect();
            text.push_str(row.join(" ").trim_end());
            text.push('\n');
        }
        process.out(text).await?;
        return Ok(0);
    }
    match process.flavour {
        Flavour::Busybox => {
            text.push_str("PID   USER     TIME  COMMAND\n");
            for entry in entries {
                text.push_str(&format!(
                    "{:>5} {:<8} {:>5} {}\n",
                    entry.pid,
                    owner(process, entry.uid),
                    "0:00",
                    command(&entry)
                ));
            }
        }
        Flavour::Gnu if flags.contains('u') && !flags.contains('e') => {
            text.push_str("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n");
            for entry in entries {
                let memory = entry.memory.load(Ordering::Relaxed);
                let start = super::list::timestamp(entry.started).strftime("%H:%M");
                text.push_str(&format!(
                    "{:<8} {:>7}  0.0  0.0 {:>6} {memory:>5} {:<8} S    {start}   0:00 {}\n",
                    owner(process, entry.uid),
                    entry.pid,
                    memory * 3,
                    terminal(&entry),
                    command(&entry)
                ));
            }
        }
        Flavour::Gnu if flags.contains('f') => {
            text.push_str("UID          PID    PPID  C STIME TTY          TIME CMD\n");
            for entry in entries {
                let start = super::list::timestamp(entry.started).strftime("%H:%M");
                text.push_str(&format!(
                    "{:<8} {:>7} {:>7}  0 {start} {:<8} 00:00:00 {}\n",
                    owner(process, entry.uid),
                    entry.pid,
                    entry.parent,
                    terminal(&entry),
                    command(&entry)
                ));
            }
        }
        Flavour::Gnu => {
            text.push_str("    PID TTY          TIME CMD\n");
            for entry in entries {
                if !all && entry.terminal == Terminal::None && entry.pid == 1 {
                    continue;
                }
                let first = entry.argv().first().cloned().unwrap_or_default();
                let name = first.rsplit('/').next().unwrap_or(&first).to_owned();
                text.push_str(&format!("{:>7} {:<8} 00:00:00 {name}\n", entry.pid, terminal(&entry)));
            }
        }
    }
    process.out(text).await?;
    Ok(0)
}

fn terminal(entry: &Entry) -> &'static str {
    match entry.terminal {
        Terminal::Attached => "pts/0",
        Terminal::None => "?",
    }
}

/// Returns whether a process may signal another.
fn may_signal(process: &Process, entry: &Entry) -> bool {
    process.who.uid == 0 || process.who.uid == entry.uid || process.who.has(Capability::Kill)
}

pub(crate) async fn kill(process: &mut Process, argv: &[String]) -> Ran {
    let mut number = SIGTERM;
    let mut targets = Vec::new();
    let mut words = argv[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-l" | "-L" => {
                let names: Vec<String> = SIGNALS.iter().map(|(number, name)| format!("{number:>2}) {name}")).collect();
                process.out(names.join("\n") + "\n").await?;
                return Ok(0);
            }
            "-s" | "-n" => match words.next().and_then(|name| signal(name)) {
                Some(found) => number = found,
                None => return Ok(process.fail("bad signal name").await),
            },
            "--" => {}
            word if word.starts_with('-') && targets.is_empty() && word != "-1" || word == "-9" || word == "-15" => {
                match signal(&word[1..]) {
                    Some(found) => number = found,
                    None => return Ok(process.fail(format!("bad signal name '{}'", &word[1..])).await),
                }
            }
            word => targets.push(word.to_owned()),
        }
    }
    if targets.is_empty() {
        process.complain("you need to specify whom to kill").await;
        return Ok(1);
    }
    let mut code = 0;
    for target in targets {
        let Ok(pid) = target.parse::<i64>() else {
            code = process.fail(format!("invalid number '{target}'")).await;
            continue;
        };
        let own = process.pid();
        let chosen: Vec<Arc<Entry>> = if pid == -1 {
            process.kernel.table.all().into_iter().filter(|entry| entry.pid != 1 && entry.pid != own).collect()
        } else {
            u32::try_from(pid.abs()).ok().and_then(|pid| process.kernel.table.get(pid)).into_iter().collect()
        };
        if chosen.is_empty() {
            code = 1;
            process
                .complain(match process.flavour {
                    Flavour::Busybox => format!("can't kill pid {pid}: No such process"),
                    Flavour::Gnu => format!("({pid}) - No such process"),
                })
                .await;
        }
        for entry in chosen {
            if !may_signal(process, &entry) {
                code = 1;
                process
                    .complain(match process.flavour {
                        Flavour::Busybox => format!("can't kill pid {pid}: Operation not permitted"),
                        Flavour::Gnu => format!("({pid}) - Operation not permitted"),
                    })
                    .await;
                continue;
            }
            entry.send(number);
        }
    }
    Ok(code)
}

/// `killall`, `pkill`, `pgrep`, `pidof`.
pub(super) async fn by_name(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    let (mut number, mut full, mut names, mut shows) = (SIGTERM, false, Vec::new(), false);
    for word in &argv[1..] {
        match word.strip_prefix('-') {
            Some("f") => full = true,
            Some("l" | "a" | "fl" | "af") => {
                full |= word.contains('f');
                shows = true;
            }
            Some("x" | "n" | "o" | "s") => {}
            Some(other) => match signal(other) {
                Some(found) => number = found,
                None => return Ok(process.fail(format!("unrecognized option: {other}")).await),
            },
            None => names.push(word.clone()),
        }
    }
    let own = process.pid();
    let mut found = Vec::new();
    for entry in process.kernel.table.all() {
        let first = entry.argv().first().cloned().unwrap_or_default();
        let base = first.rsplit('/').next().unwrap_or(&first).to_owned();
        let matches = names.iter().any(|name| match kind {
            "killall" | "pidof" => base == *name || first == *name,
            _ => {
                let text = if full { command(&entry) } else { base.clone() };
                super::regexp::extended(name, super::regexp::Letters::Exact)
                    .is_some_and(|regex| regex.is_match(text.as_bytes()))
            }
        });
        if matches && entry.pid != own {
            found.push(entry);
        }
    }
    if found.is_empty() {
        if kind == "killall" {
            process.complain(format!("{}: no process killed", names.join(" "))).await;
        }
        return Ok(1);
    }
    match kind {
        "pidof" => {
            let pids: Vec<String> = found.iter().rev().map(|entry| entry.pid.to_string()).collect();
            process.out(pids.join(" ") + "\n").await?;
        }
        "pgrep" => {
            for entry in found {
                let line =
                    if shows { format!("{} {}\n", entry.pid, command(&entry)) } else { format!("{}\n", entry.pid) };
                process.out(line).await?;
            }
        }
        _ => {
            let mut code = 0;
            for entry in found {
                if may_signal(process, &entry) {
                    entry.send(number);
                } else {
                    code = process.fail(format!("can't kill pid {}: Operation not permitted", entry.pid)).await;
                }
            }
            return Ok(code);
        }
    }
    Ok(0)
}

pub(super) async fn top(process: &mut Process, _argv: &[String]) -> Ran {
    let total = crate::procfs::NODE_MEMORY / 1024;
    let mut text = format!(
        "Mem: {}K used, {}K free, 0K shrd, 65536K buff, 524288K cached\nCPU:   1% usr   1% sys   0% nic  98% idle   0% io   0% irq   0% sirq\n\
         Load average: 0.08 0.03 0.01 1/120 {}\n  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\n",
        total / 2,
        total / 2,
        process.pid()
    );
    for entry in process.kernel.table.all() {
        let size = entry.memory.load(Ordering::Relaxed) * 3;
        text.push_str(&format!(
            "{:>5} {:>5} {:<8} S    {size:>6}   0%   0   0% {}\n",
            entry.pid,
            entry.parent,
            owner(process, entry.uid),
            command(&entry)
        ));
    }
    process.out(text).await?;
    Ok(0)
}
