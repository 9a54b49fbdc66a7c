//! The commands, by name, and how their words are read.

use crate::errno::Errno;
use crate::process::{Process, Ran};
use crate::surroundings::Future;
use crate::tree::Flavour;

mod archive;
mod change;
pub(crate) mod condition;
mod digest;
mod find;
mod grep;
mod http;
pub(crate) mod identity;
mod kubectl;
mod list;
mod names;
pub(crate) mod net;
pub(crate) mod print;
pub(crate) mod processes;
mod redis;
pub(crate) mod regexp;
mod run_others;
mod sort;
mod system;
mod text;
mod translate;

/// All names, so that a program's name outlives its image's builder.
const NAMES: &[&str] = &[
    "[",
    "[[",
    "apk",
    "apt",
    "apt-get",
    "arch",
    "arp",
    "ash",
    "awk",
    "base64",
    "basename",
    "bash",
    "busybox",
    "cal",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "clear",
    "cmp",
    "comm",
    "cp",
    "curl",
    "cut",
    "dash",
    "date",
    "dd",
    "df",
    "diff",
    "dig",
    "dirname",
    "dpkg",
    "du",
    "echo",
    "ed",
    "egrep",
    "env",
    "expand",
    "expr",
    "factor",
    "false",
    "fgrep",
    "find",
    "fold",
    "free",
    "getent",
    "getopt",
    "grep",
    "groups",
    "gunzip",
    "gzip",
    "head",
    "hexdump",
    "host",
    "hostid",
    "hostname",
    "httpd",
    "id",
    "ifconfig",
    "install",
    "ip",
    "iptables",
    "jq",
    "kill",
    "killall",
    "kubectl",
    "less",
    "link",
    "ln",
    "logger",
    "logname",
    "ls",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mkfs.ext2",
    "mktemp",
    "more",
    "mount",
    "mv",
    "nano",
    "nc",
    "ncat",
    "netstat",
    "nginx",
    "nice",
    "nl",
    "nmap",
    "node",
    "nohup",
    "nproc",
    "nslookup",
    "od",
    "paste",
    "perl",
    "pgrep",
    "pidof",
    "ping",
    "pip",
    "pkill",
    "poweroff",
    "printenv",
    "printf",
    "ps",
    "psql",
    "pwd",
    "python3",
    "readlink",
    "realpath",
    "reboot",
    "redis-cli",
    "redis-server",
    "renice",
    "reset",
    "rev",
    "rm",
    "rmdir",
    "route",
    "sed",
    "seq",
    "server",
    "setsid",
    "sh",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shuf",
    "sleep",
    "sort",
    "split",
    "ss",
    "stat",
    "strings",
    "su",
    "sync",
    "sysctl",
    "tac",
    "tail",
    "tar",
    "tcpdump",
    "tee",
    "telnet",
    "test",
    "time",
    "timeout",
    "top",
    "touch",
    "tr",
    "traceroute",
    "true",
    "truncate",
    "tty",
    "umount",
    "uname",
    "uniq",
    "unlink",
    "uptime",
    "users",
    "usleep",
    "vi",
    "vim",
    "vmstat",
    "w",
    "watch",
    "wc",
    "wget",
    "which",
    "who",
    "whoami",
    "xargs",
    "xxd",
    "yes",
    "zcat",
];

/// Returns a command's name if there is one such.
pub(crate) fn known(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|known| **known == name).copied()
}

/// Runs a command. `argv` has its name first, as it was called.
pub(crate) fn run<'a>(name: &'static str, process: &'a mut Process, argv: &'a [String]) -> Future<'a, Ran> {
    match name {
        "sh" | "ash" | "bash" | "dash" => crate::interpreter::main(process, argv),
        "busybox" => Box::pin(run_others::busybox(process, argv)),
        "[" | "[[" | "test" => Box::pin(condition::test(process, argv)),
        "true" | "sync" => Box::pin(async { Ok(0) }),
        "false" => Box::pin(async { Ok(1) }),
        "echo" => Box::pin(print::echo(process, argv)),
        "printf" => Box::pin(print::printf(process, argv)),
        "yes" => Box::pin(print::yes(process, argv)),
        "seq" => Box::pin(print::seq(process, argv)),
        "clear" | "reset" => Box::pin(async move {
            process.out("\x1b[H\x1b[2J").await?;
            Ok(0)
        }),
        "cat" => Box::pin(text::cat(process, argv)),
        "more" | "less" => Box::pin(text::cat(process, argv)),
        "head" => Box::pin(text::head(process, argv)),
        "tail" => Box::pin(text::tail(process, argv)),
        "wc" => Box::pin(text::wc(process, argv)),
        "tee" => Box::pin(text::tee(process, argv)),
        "cut" => Box::pin(text::cut(process, argv)),
        "tac" | "rev" | "nl" | "fold" | "expand" | "strings" | "shuf" => Box::pin(text::lines(name, process, argv)),
        "paste" => Box::pin(text::paste(process, argv)),
        "cmp" | "diff" | "comm" => Box::pin(text::compare(name, process, argv)),
        "tr" => Box::pin(translate::tr(process, argv)),
        "sort" => Box::pin(sort::sort(process, argv)),
        "uniq" => Box::pin(sort::uniq(process, argv)),
        "grep" | "egrep" | "fgrep" => Box::pin(grep::grep(name, process, argv)),
        "ls" => Box::pin(list::ls(process, argv)),
        "stat" => Box::pin(list::stat(process, argv)),
        "du" => Box::pin(list::du(process, argv)),
        "df" => Box::pin(list::df(process, argv)),
        "readlink" | "realpath" | "basename" | "dirname" | "pwd" | "which" | "mktemp" => {
            Box::pin(names::names(name, process, argv))
        }
        "cp" | "install" => Box::pin(change::cp(process, argv)),
        "mv" => Box::pin(change::mv(process, argv)),
        "rm" => Box::pin(change::rm(process, argv)),
        "rmdir" | "unlink" | "mkdir" | "touch" | "truncate" => Box::pin(change::one(name, process, argv)),
        "ln" | "link" => Box::pin(change::ln(process, argv)),
        "chmod" => Box::pin(change::chmod(process, argv)),
        "chown" | "chgrp" => Box::pin(change::chown(name, process, argv)),
        "dd" => Box::pin(change::dd(process, argv)),
        "find" => Box::pin(find::find(process, argv)),
        "tar" => Box::pin(archive::tar(process, argv)),
        "gzip" | "gunzip" | "zcat" => Box::pin(archive::gzip(name, process, argv)),
        "base64" => Box::pin(digest::base64(process, argv)),
        "md5sum" | "sha1sum" | "sha256sum" | "sha512sum" => Box::pin(digest::sums(name, process, argv)),
        "od" | "hexdump" | "xxd" => Box::pin(digest::dump(name, process, argv)),
        "id" | "whoami" | "groups" | "logname" | "users" | "who" | "w" | "su" => {
            Box::pin(identity::identity(name, process, argv))
        }
        "ps" => Box::pin(processes::ps(process, argv)),
        "kill" => Box::pin(processes::kill(process, argv)),
        "killall" | "pkill" | "pgrep" | "pidof" => Box::pin(processes::by_name(name, process, argv)),
        "top" => Box::pin(processes::top(process, argv)),
        "sleep" | "usleep" => Box::pin(run_others::sleep(name, process, argv)),
        "timeout" => Box::pin(run_others::timeout(process, argv)),
        "env" | "nohup" | "nice" | "renice" | "setsid" | "time" => Box::pin(run_others::through(name, process, argv)),
        "xargs" => Box::pin(run_others::xargs(process, argv)),
        "watch" => Box::pin(run_others::watch(process, argv)),
        "printenv" => Box::pin(run_others::printenv(process, argv)),
        "expr" => Box::pin(condition::expr(process, argv)),
        "date" => Box::pin(system::date(process, argv)),
        "uname" | "arch" | "hostname" | "hostid" | "nproc" | "free" | "uptime" | "mount" | "tty" | "cal" | "sysctl"
        | "logger" | "umount" => Box::pin(system::system(name, process, argv)),
        "nc" | "ncat" | "telnet" => Box::pin(net::nc(name, process, argv)),
        "nslookup" | "dig" | "host" | "getent" => Box::pin(net::names(name, process, argv)),
        "ping" | "traceroute" => Box::pin(net::ping(name, process, argv)),
        "ip" | "ifconfig" | "route" | "arp" | "netstat" | "ss" => Box::pin(net::interfaces(name, process, argv)),
        "wget" => Box::pin(http::wget(process, argv)),
        "curl" => Box::pin(http::curl(process, argv)),
        "redis-cli" => Box::pin(redis::cli(process, argv)),
        "kubectl" => Box::pin(kubectl::kubectl(process, argv)),
        "apt" | "apt-get" | "apk" | "dpkg" | "pip" => Box::pin(system::packages(name, process, argv)),
        other => Box::pin(system::not_simulated(other, process)),
    }
}

/// A command's words, read: options with their values, and the rest.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    options: Vec<(char, String)>,
    /// What is no option.
    pub(crate) rest: Vec<String>,
}

impl Words {
    /// Returns whether an option was given.
    pub(crate) fn has(&self, option: char) -> bool {
        self.options.iter().any(|(known, _)| *known == option)
    }

    /// Returns the last value of an option.
    pub(crate) fn value(&self, option: char) -> Option<&str> {
        self.options.iter().rev().find(|(known, _)| *known == option).map(|(_, value)| value.as_str())
    }

    /// Returns all values of an option.
    pub(crate) fn values(&self, option: char) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(known, _)| *known == option).map(|(_, value)| value.as_str())
    }

    /// Returns the last of several options that was given.
    pub(crate) fn last_of(&self, options: &str) -> Option<char> {
        self.options.iter().rev().map(|(known, _)| *known).find(|known| options.contains(*known))
    }
}

/// What a command takes: single letters, a colon after those with a value, and long names for some of them.
pub(crate) struct Grammar {
    pub(crate) letters: &'static str,
    pub(crate) long: &'static [(&'static str, char)],
    /// Whether options may follow other words.
    pub(crate) order: Order,
}

/// Where options may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Anywhere.
    Mixed,
    /// Before all other words.
    First,
}

impl Grammar {
    pub(crate) const fn new(letters: &'static str, long: &'static [(&'static str, char)]) -> Self {
        Self { letters, long, order: Order::Mixed }
    }

    fn takes_value(&self, letter: char) -> Option<bool> {
        let at = self.letters.find(letter).filter(|_| letter != ':')?;
        Some(self.letters[at + letter.len_utf8()..].starts_with(':'))
    }

    /// Reads a command's words; what it does not know it tells of, and gives the exit code 1 or 2.
    pub(crate) async fn read(&self, process: &Process, argv: &[String]) -> Result<Words, crate::process::Halt> {
        match self.split(argv) {
            Ok(words) => Ok(words),
            Err(bad) => {
                bad.tell(process).await;
                Err(crate::process::Halt(if ["ls", "grep", "sort", "tar"].contains(&process.name.as_str()) {
                    2
                } else {
                    1
                }))
            }
        }
    }

    fn split(&self, argv: &[String]) -> Result<Words, BadOption> {
        let mut words = Words::default();
        let mut ahead = argv.iter().skip(1);
        while let Some(word) = ahead.next() {
            if word == "--" {
                words.rest.extend(ahead.cloned());
                break;
            }
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let letter = self.long.iter().find(|(known, _)| *known == name).map(|(_, letter)| *letter);
                let Some(letter) = letter else { return Err(BadOption::Long(name.to_owned())) };
                let value = match (self.takes_value(letter), value) {
                    (Some(true), None) => match ahead.next() {
                        Some(value) => value.clone(),
                        None => return Err(BadOption::NoValue(letter)),
                    },
                    (_, value) => value.unwrap_or_default().to_owned(),
                };
                words.options.push((letter, value));
                continue;
            }
            if word.len() < 2 || !word.starts_with('-') {
                words.rest.push(word.clone());
                if self.order == Order::First {
                    words.rest.extend(ahead.cloned());
                    break;
                }
                continue;
            }
            for (at, letter) in word.char_indices().skip(1) {
                match self.takes_value(letter) {
                    None => return Err(BadOption::Letter(letter)),
                    Some(false) => words.options.push((letter, String::new())),
                    Some(true) => {
                        let glued = &word[at + letter.len_utf8()..];
                        let value = if !glued.is_empty() {
                            glued.to_owned()
                        } else {
                            match ahead.next() {
                                Some(value) => value.clone(),
                                None => return Err(BadOption::NoValue(letter)),
                            }
                        };
                        words.options.push((letter, value));
                        break;
                    }
                }
            }
        }
        Ok(words)
    }
}

enum BadOption {
    Letter(char),
    Long(String),
    NoValue(char),
}

impl BadOption {
    async fn tell(&self, process: &Process) {
        let name = &process.name;
        let lines = match (self, process.flavour) {
            (BadOption::Letter(letter), Flavour::Busybox) => format!("{name}: unrecognized option: {letter}"),
            (BadOption::Long(long), Flavour::Busybox) => format!("{name}: unrecognized option: {long}"),
            (BadOption::NoValue(letter), Flavour::Busybox) => format!("{name}: option requires an argument: {letter}"),
            (BadOption::Letter(letter), Flavour::Gnu) => format!("{name}: invalid option -- '{letter}'"),
            (BadOption::Long(long), Flavour::Gnu) => format!("{name}: unrecognized option '--{long}'"),
            (BadOption::NoValue(letter), Flavour::Gnu) => {
                format!("{name}: option requires an argument -- '{letter}'")
            }
        };
        process.say(lines).await;
        process
            .say(match process.flavour {
                Flavour::Busybox => {
                    "BusyBox v1.36.1 (2024-09-26 21:31:42 UTC) multi-call binary (sandbox: not all options are simulated)."
                        .to_owned()
                }
                Flavour::Gnu => format!("Try '{name} --help' for more information. (sandbox: not all options are simulated)"),
            })
            .await;
    }
}

/// Tells of a file that a command could not use, as its authors do.
pub(crate) async fn cannot_open(process: &Process, path: &str, error: Errno) {
    match process.flavour {
        Flavour::Busybox
            if !["head", "tail", "wc", "sort", "cut", "sed", "uniq", "tac", "nl"].contains(&process.name.as_str()) =>
        {
            process.complain(format!("can't open '{path}': {error}")).await;
        }
        Flavour::Busybox => process.complain(format!("{path}: {error}")).await,
        Flavour::Gnu if ["head", "tail"].contains(&process.name.as_str()) => {
            process.complain(format!("cannot open '{path}' for reading: {error}")).await;
        }
        Flavour::Gnu if process.name == "sed" => process.complain(format!("can't read {path}: {error}")).await,
        Flavour::Gnu => process.complain(format!("{path}: {error}")).await,
    }
}

/// Returns the files that a command reads: standard input if none is named.
pub(crate) fn inputs(words: &Words) -> Vec<String> {
    if words.rest.is_empty() { vec!["-".to_owned()] } else { words.rest.clone() }
}

/// Reads a number with a unit, as `head -c 1k` and `dd bs=1M` have.
pub(crate) fn count(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().ok()?;
    let unit = match &text[end..] {
        "" | "c" => 1,
        "b" => 512,
        "k" | "K" | "KiB" => 1 << 10,
        "M" | "m" | "MiB" => 1 << 20,
        "G" | "g" | "GiB" => 1 << 30,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}
