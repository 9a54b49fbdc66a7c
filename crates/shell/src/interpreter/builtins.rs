//! What the shell does itself: its own built-ins, and small commands that it runs without a child.

use std::sync::Arc;

use crate::errno::Errno;
use crate::files::{Executable, Follow, Right};
use crate::process::Halt;
use crate::table::{SIGKILL, SIGNALS, signal};

use super::{Dialect, Exported, Jump, Setting, Shell, Source, Step, Writable};

mod reading;

/// Built-ins whose assignments stay, and whose errors end a script.
const SPECIAL: [&str; 15] = [
    ":", ".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times",
    "trap", "unset",
];

/// The others.
const ORDINARY: [&str; 36] = [
    "[", "alias", "bg", "cd", "chdir", "command", "declare", "echo", "false", "fg", "getopts", "hash", "help", "jobs",
    "kill", "let", "local", "printf", "pwd", "read", "source", "test", "true", "type", "typeset", "ulimit", "umask",
    "unalias", "wait", "builtin", "history", "shopt", "disown", "suspend", "logout", "mapfile",
];

pub(super) fn is_special(name: &str) -> bool {
    SPECIAL.contains(&name)
}

pub(super) fn is_builtin(name: &str) -> bool {
    SPECIAL.contains(&name) || ORDINARY.contains(&name)
}

/// Returns whether a text can name a variable.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|letter: char| letter.is_ascii_digit())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

impl Shell {
    /// Runs a built-in.
    pub(super) async fn builtin(&mut self, name: &str, argv: &[String]) -> Step {
        let arguments = &argv[1..];
        let first = arguments.first().map(String::as_str);
        match name {
            ":" | "true" | "suspend" | "disown" => Ok(0),
            "false" => Ok(1),
            "echo" | "printf" | "test" | "[" => {
                let shown = self.message_name(name);
                let kept = std::mem::replace(&mut self.process.name, shown);
                let code = match crate::commands::known(name) {
                    Some(known) => crate::commands::run(known, &mut self.process, argv).await,
                    None => Ok(127),
                };
                self.process.name = kept;
                match code {
                    Ok(code) => Ok(code),
                    // SIGPIPE ends the shell; a full disk does not.
                    Err(Halt(code)) if code > 128 => Err(Jump::Exit(code)),
                    Err(Halt(code)) => Ok(code),
                }
            }
            "kill" => self.kill(arguments).await,
            "cd" | "chdir" => self.change_folder(arguments).await,
            "pwd" => {
                self.process.out(format!("{}\n", self.process.cwd)).await?;
                Ok(0)
            }
            "exit" | "logout" => {
                let code = match first {
                    Some(text) => match text.parse::<i64>() {
                        Ok(code) => i32::from(code.to_le_bytes()[0]),
                        Err(_) => {
                            self.complain(match self.dialect {
                                Dialect::Ash | Dialect::Dash => format!("exit: Illegal number: {text}"),
                                Dialect::Bash => format!("exit: {text}: numeric argument required"),
                            })
                            .await;
                            2
                        }
                    },
                    None => self.status,
                };
                Err(Jump::Exit(code))
            }
            "return" => {
                let code = first.and_then(|text| text.parse::<i32>().ok()).unwrap_or(self.status);
                Err(Jump::Return(code & 255))
            }
            "break" | "continue" => {
                let levels = first.and_then(|text| text.parse::<u32>().ok()).unwrap_or(1).max(1).min(self.loops);
                match (name, levels) {
                    (_, 0) => Ok(0),
                    ("break", levels) => Err(Jump::Break(levels)),
                    (_, levels) => Err(Jump::Continue(levels)),
                }
            }
            "eval" => {
                let text = arguments.join(" ");
                self.depth += 1;
                if self.depth > 10 {
                    self.complain("eval nested too deep (not simulated)").await;
                    return Err(Jump::Exit(2));
                }
                let ran = self.evaluate(&text).await;
                self.depth -= 1;
                ran
            }
            "." | "source" => self.source_file(arguments).await,
            "exec" => {
                let words: Vec<String> = arguments.iter().skip_while(|word| *word == "--").cloned().collect();
                if words.is_empty() { Ok(0) } else { self.become_program(&words).await }
            }
            "export" | "readonly" => self.export_all(name, arguments).await,
            "local" | "declare" | "typeset" => self.local(name, arguments).await,
            "unset" => {
                let mut functions = false;
                for word in arguments {
                    match word.as_str() {
                        "-f" => functions = true,
                        "-v" => functions = false,
                        word if functions => drop(self.functions.remove(word)),
                        word if self.variables.get(word).is_some_and(|known| known.writable == Writable::No) => {
                            self.complain(format!("unset: {word}: is read only")).await;
                            return Ok(1);
                        }
                        word => {
                            self.variables.remove(word);
                            self.process.env.remove(word);
                        }
                    }
                }
                Ok(0)
            }
            "set" => self.set(arguments).await,
            "shopt" | "hash" | "help" | "history" | "bg" | "mapfile" => match (name, self.dialect) {
                ("hash", _) => Ok(0),
                ("shopt", Dialect::Bash) => Ok(0),
                _ => {
                    self.complain(format!("{name}: not simulated")).await;
                    Ok(1)
                }
            },
            "shift" => {
                let count = first.and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
                if count > self.arguments.len() {
                    if self.dialect != Dialect::Bash {
                        self.complain("shift: can't shift that many").await;
                        return if self.source == Source::Terminal { Ok(1) } else { Err(Jump::Exit(2)) };
                    }
                    return Ok(1);
                }
                self.arguments.drain(..count);
                Ok(0)
            }
            "read" => self.read(arguments).await,
            "getopts" => self.getopts(arguments).await,
            "trap" => self.trap(arguments).await,
            "wait" => self.wait(arguments).await,
            "jobs" => {
                for job in self.jobs.clone() {
                    let state = match *job.done.borrow() {
                        None => "Running",
                        Some(_) => "Done",
                    };
                    self.process.out(format!("[{}]+  {state:<24}{}\n", job.number, job.text)).await?;
                }
                Ok(0)
            }
            "fg" => match self.jobs.last().map(|job| job.pid.to_string()) {
                Some(pid) => self.wait(&[pid]).await,
                None => {
                    self.complain("fg: no current job").await;
                    Ok(1)
                }
            },
            "umask" => match first {
                None => {
                    self.process.out(format!("{:04o}\n", self.process.umask)).await?;
                    Ok(0)
                }
                Some(text) => match u32::from_str_radix(text, 8) {
                    Ok(mask) => {
                        self.process.umask = mask & 0o777;
                        Ok(0)
                    }
                    Err(_) => {
                        self.complain(format!("umask: {text}: invalid mode")).await;
                        Ok(1)
                    }
                },
            },
            "ulimit" => match arguments {
                [] => {
                    self.process.out("unlimited\n").await?;
                    Ok(0)
                }
                [flag] if flag == "-n" => {
                    self.process.out("1048576\n").await?;
                    Ok(0)
                }
                [flag] if flag.starts_with('-') => {
                    self.process.out("unlimited\n").await?;
                    Ok(0)
                }
                // Bounds are set by the container; those of a shell are taken and have no effect.
                _ => Ok(0),
            },
            "times" => {
                self.process.out("0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n").await?;
                Ok(0)
            }
            "let" => {
                let mut value = 0;
                for expression in arguments {
                    value = self.arithmetic(expression).await?;
                }
                Ok(i32::from(value == 0))
            }
            "alias" => {
                if arguments.is_empty() {
                    for (name, value) in self.aliases.clone() {
                        self.process.out(format!("alias {name}='{value}'\n")).await?;
                    }
                }
                for word in arguments {
                    match word.split_once('=') {
                        Some((name, value)) if self.aliases.len() < 256 => {
                            self.aliases.insert(name.to_owned(), value.to_owned());
                        }
                        _ => match self.aliases.get(word) {
                            Some(value) => self.process.out(format!("alias {word}='{value}'\n")).await?,
                            None => {
                                self.complain(format!("alias: {word} not found")).await;
                                return Ok(1);
                            }
                        },
                    }
                }
                Ok(0)
            }
            "unalias" => {
                for word in arguments {
                    if word == "-a" {
                        self.aliases.clear();
                    }
                    self.aliases.remove(word);
                }
                Ok(0)
            }
            "command" | "builtin" => match first {
                None => Ok(0),
                Some("-v" | "-V") => self.kinds(name, &arguments[1..]).await,
                Some(_) => {
                    let words: Vec<String> =
                        arguments.iter().skip_while(|word| *word == "-p" || *word == "--").cloned().collect();
                    match words.first().cloned() {
                        Some(word) if is_builtin(&word) => Box::pin(self.builtin(&word, &words)).await,
                        Some(_) => self.external(&words, &[]).await,
                        None => Ok(0),
                    }
                }
            },
            "type" => self.kinds("type", arguments).await,
            other => Ok(self.not_found(other).await),
        }
    }

    /// How the messages of a small command in this shell begin.
    fn message_name(&self, name: &str) -> String {
        let shell = self.short_name();
        match (self.dialect, self.source) {
            (Dialect::Ash, Source::Argument | Source::Terminal) | (Dialect::Bash, Source::Terminal) => {
                if self.dialect == Dialect::Ash { shell.to_owned() } else { format!("{shell}: {name}") }
            }
            (Dialect::Ash, Source::File) => format!("{}: line {}", self.called, self.line),
            (Dialect::Dash, _) => format!("{}: {}: {name}", self.called, self.line),
            (Dialect::Bash, Source::Argument | Source::File) => {
                format!("{}: line {}: {name}", self.called, self.line)
            }
        }
    }

    async fn change_folder(&mut self, arguments: &[String]) -> Step {
        let wanted: Vec<&String> =
            arguments.iter().filter(|word| !["-L", "-P", "--"].contains(&word.as_str())).collect();
        let (target, shows) = match wanted.first().map(|word| word.as_str()) {
            None => {
                let home = self.value("HOME");
                if home.is_empty() {
                    if self.dialect == Dialect::Bash {
                        self.complain("cd: HOME not set").await;
                        return Ok(1);
                    }
                    return Ok(0);
                }
                (home, false)
            }
            Some("-") => {
                if self.directory_before.is_empty() {
                    self.complain("cd: OLDPWD not set").await;
                    return Ok(if self.dialect == Dialect::Bash { 1 } else { 2 });
                }
                (self.directory_before.clone(), true)
            }
            Some(path) => (path.to_owned(), false),
        };
        let result =
            self.process.kernel.files.find(self.process.walker(), &target, Follow::Yes).and_then(|(found, _)| {
                let stat = self.process.stat(&target, Follow::Yes)?;
                if !stat.is_directory() {
                    return Err(Errno::NotDirectory);
                }
                self.process.kernel.files.may(self.process.walker(), &target, Right::Execute)?;
                Ok(found.path)
            });
        match result {
            Ok(path) => {
                let before = std::mem::replace(&mut self.process.cwd, path.clone());
                self.directory_before.clone_from(&before);
                self.put("OLDPWD", &before, Exported::No);
                self.put("PWD", &path, Exported::No);
                if shows {
                    self.process.out(format!("{path}\n")).await?;
                }
                Ok(0)
            }
            Err(error) => {
                self.complain(match self.dialect {
                    Dialect::Ash => format!("cd: can't cd to {target}: {error}"),
                    Dialect::Dash => format!("cd: can't cd to {target}"),
                    Dialect::Bash => format!("cd: {target}: {error}"),
                })
                .await;
                Ok(if self.dialect == Dialect::Dash { 2 } else { 1 })
            }
        }
    }

    async fn source_file(&mut self, arguments: &[String]) -> Step {
        let Some(path) = arguments.first() else {
            self.complain(".: filename argument required").await;
            return Ok(2);
        };
        let found = if path.contains('/') {
            path.clone()
        } else {
            let folders = self.value("PATH");
            folders
                .split(':')
                .map(|folder| crate::files::join(folder, path))
                .find(|path| self.process.stat(path, Follow::Yes).is_ok())
                .unwrap_or_else(|| path.clone())
        };
        match self.process.read_file(&found).await {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let kept =
                    (arguments.len() > 1).then(|| std::mem::replace(&mut self.arguments, arguments[1..].to_vec()));
                self.depth += 1;
                if self.depth > 10 {
                    self.complain(".: nested too deep (not simulated)").await;
                    return Err(Jump::Exit(2));
                }
                let ran = self.evaluate(&text).await;
                self.depth -= 1;
                if let Some(kept) = kept {
                    self.arguments = kept;
                }
                match ran {
                    Err(Jump::Return(code)) => Ok(code),
                    other => other,
                }
            }
            Err(error) => {
                self.complain(match self.dialect {
                    Dialect::Ash => format!(".: can't open '{path}': {error}"),
                    Dialect::Dash => format!(".: cannot open {path}: {}", super::short(error)),
                    Dialect::Bash => format!("{path}: {error}"),
                })
                .await;
                if self.dialect == Dialect::Bash || self.source == Source::Terminal {
                    Ok(1)
                } else {
                    Err(Jump::Exit(2))
                }
            }
        }
    }

    async fn export_all(&mut self, name: &str, arguments: &[String]) -> Step {
        if arguments.iter().all(|word| word == "-p") {
            for (known, variable) in self.variables.clone() {
                let shown = match name {
                    "export" => variable.exported == Exported::Yes,
                    _ => variable.writable == Writable::No,
                };
                if shown {
                    let value = variable.value.replace('\'', "'\\''");
                    let line = match self.dialect {
                        Dialect::Bash if name == "export" => format!("declare -x {known}=\"{}\"\n", variable.value),
                        Dialect::Bash => format!("declare -r {known}=\"{}\"\n", variable.value),
                        Dialect::Ash | Dialect::Dash => format!("{name} {known}='{value}'\n"),
                    };
                    self.process.out(line).await?;
                }
            }
            return Ok(0);
        }
        let mut removes = false;
        for word in arguments {
            if word.starts_with('-') {
                removes |= word.contains('n');
                continue;
            }
            let (known, value) =
                word.split_once('=').map_or((word.as_str(), None), |(known, value)| (known, Some(value)));
            if !is_name(known) {
                self.complain(match self.dialect {
                    Dialect::Ash | Dialect::Dash => format!("{name}: {known}: bad variable name"),
                    Dialect::Bash => format!("{name}: `{word}': not a valid identifier"),
                })
                .await;
                return if self.dialect == Dialect::Bash || self.source == Source::Terminal {
                    Ok(1)
                } else {
                    Err(Jump::Exit(2))
                };
            }
            if let Some(value) = value {
                self.assign(known, value).await?;
            }
            match (name, removes) {
                ("export", false) => self.export(known),
                ("export", true) => {
                    if let Some(variable) = self.variables.get_mut(known) {
                        variable.exported = Exported::No;
                    }
                    self.process.env.remove(known);
                }
                _ => self.variables.entry(known.to_owned()).or_default().writable = Writable::No,
            }
        }
        Ok(0)
    }

    async fn local(&mut self, name: &str, arguments: &[String]) -> Step {
        if name != "local" && self.dialect == Dialect::Dash {
            return Ok(self.not_found(name).await);
        }
        if name == "local" && self.scopes.is_empty() {
            self.complain(match self.dialect {
                Dialect::Ash | Dialect::Dash => "local: not in a function",
                Dialect::Bash => "local: can only be used in a function",
            })
            .await;
            return Ok(1);
        }
        let mut flags = String::new();
        for word in arguments {
            if let Some(letters) = word.strip_prefix('-') {
                if letters.contains(['a', 'A']) {
                    self.complain("arrays: not simulated").await;
                    return Ok(2);
                }
                flags.push_str(letters);
                continue;
            }
            let (known, value) =
                word.split_once('=').map_or((word.as_str(), None), |(known, value)| (known, Some(value)));
            if !is_name(known) {
                self.complain(format!("{name}: `{word}': not a valid identifier")).await;
                return Ok(1);
            }
            let before = self.variables.get(known).cloned();
            if let Some(scope) = self.scopes.last_mut().filter(|_| !flags.contains('g')) {
                scope.push((known.to_owned(), before));
                if value.is_none() {
                    self.variables.remove(known);
                }
            }
            if let Some(value) = value {
                let value =
                    if flags.contains('i') { self.arithmetic(value).await?.to_string() } else { value.to_owned() };
                self.assign(known, &value).await?;
            }
            if flags.contains('x') {
                self.export(known);
            }
            if flags.contains('r') {
                self.variables.entry(known.to_owned()).or_default().writable = Writable::No;
            }
        }
        Ok(0)
    }

    async fn set(&mut self, arguments: &[String]) -> Step {
        if arguments.is_empty() {
            for (name, variable) in self.variables.clone() {
                self.process.out(format!("{name}='{}'\n", variable.value.replace('\'', "'\\''"))).await?;
            }
            return Ok(0);
        }
        let mut at = 0;
        while let Some(word) = arguments.get(at) {
            if word == "--" {
                self.arguments = arguments[at + 1..].to_vec();
                return Ok(0);
            }
            let on = match word.chars().next() {
                Some('-') if word.len() > 1 => true,
                Some('+') if word.len() > 1 => false,
                _ => break,
            };
            at += 1;
            for letter in word[1..].chars() {
                let setting = if letter == 'o' {
                    at += 1;
                    match arguments.get(at - 1) {
                        Some(name) => Setting::from_name(name),
                        None => continue,
                    }
                } else {
                    Setting::from_letter(letter)
                };
                match setting {
                    Some(setting) if on => drop(self.settings.insert(setting)),
                    Some(setting) => drop(self.settings.remove(&setting)),
                    None if "bhBHkptET".contains(letter) || letter == 'o' => {}
                    None => {
                        self.complain(match self.dialect {
                            Dialect::Ash => format!("set: illegal option {}{letter}", if on { '-' } else { '+' }),
                            Dialect::Dash => format!("set: Illegal option -{letter}"),
                            Dialect::Bash => format!("set: -{letter}: invalid option"),
                        })
                        .await;
                        return if self.source == Source::Terminal { Ok(2) } else { Err(Jump::Exit(2)) };
                    }
                }
            }
        }
        if at < arguments.len() {
            self.arguments = arguments[at..].to_vec();
        }
        Ok(0)
    }

    async fn trap(&mut self, arguments: &[String]) -> Step {
        let number = |name: &str| if name == "EXIT" { Some(0) } else { signal(name) };
        let words: Vec<&String> = arguments.iter().filter(|word| *word != "--").collect();
        match words.as_slice() {
            [] => {
                for (signal, action) in self.traps.clone() {
                    let name = SIGNALS.iter().find(|(known, _)| *known == signal).map_or("EXIT", |(_, name)| name);
                    self.process.out(format!("trap -- '{action}' {name}\n")).await?;
                }
            }
            [flag] if *flag == "-l" => {
                let names: Vec<String> = SIGNALS.iter().map(|(number, name)| format!("{number}) SIG{name}")).collect();
                self.process.out(names.join("\n") + "\n").await?;
            }
            [action, signals @ ..] => {
                let (action, signals) =
                    if signals.is_empty() { ("-".to_owned(), words.as_slice()) } else { ((*action).clone(), signals) };
                for name in signals {
                    let Some(number) = number(name) else {
                        self.complain(match self.dialect {
                            Dialect::Ash => format!("trap: {name}: invalid signal specification"),
                            Dialect::Dash => format!("trap: {name}: bad trap"),
                            Dialect::Bash => format!("trap: {name}: invalid signal specification"),
                        })
                        .await;
                        return Ok(1);
                    };
                    if action == "-" {
                        self.traps.remove(&number);
                    } else {
                        self.traps.insert(number, action.clone());
                    }
                }
                self.process.place.entry.handles(self.traps.keys().copied().filter(|signal| *signal != 0).collect());
            }
        }
        Ok(0)
    }

    async fn wait(&mut self, arguments: &[String]) -> Step {
        let entry = Arc::clone(&self.process.place.entry);
        let mut code = 0;
        let wanted: Vec<super::Job> = if arguments.is_empty() {
            self.jobs.clone()
        } else {
            let mut found = Vec::new();
            for word in arguments {
                let job = match word.strip_prefix('%') {
                    Some(number) => self.jobs.iter().find(|job| job.number.to_string() == number),
                    None => self.jobs.iter().find(|job| job.pid.to_string() == *word),
                };
                match job {
                    Some(job) => found.push(job.clone()),
                    None => {
                        if self.dialect == Dialect::Bash {
                            self.complain(format!("wait: pid {word} is not a child of this shell")).await;
                        }
                        code = 127;
                    }
                }
            }
            found
        };
        for mut job in wanted {
            let ended = async {
                match job.done.wait_for(Option::is_some).await {
                    Ok(code) => code.unwrap_or(0),
                    Err(_) => 128 + SIGKILL,
                }
            };
            let done = tokio::select! {
                done = ended => done,
                // A signal that is caught ends the wait.
                () = entry.awaited() => {
                    self.handle_signals().await?;
                    return Ok(143);
                }
            };
            if !arguments.is_empty() {
                code = done;
            }
            self.jobs.retain(|known| known.pid != job.pid);
        }
        Ok(code)
    }

    async fn kill(&mut self, arguments: &[String]) -> Step {
        let mut words = arguments.to_vec();
        for word in &mut words {
            if let Some(number) = word.strip_prefix('%')
                && let Some(job) = self.jobs.iter().find(|job| job.number.to_string() == number)
            {
                *word = job.pid.to_string();
            }
        }
        let mut argv = vec!["kill".to_owned()];
        argv.extend(words);
        let shown = self.message_name("kill");
        let kept = std::mem::replace(&mut self.process.name, shown);
        let code = crate::commands::processes::kill(&mut self.process, &argv).await;
        self.process.name = kept;
        let code = code?;
        // One's own death comes at the next wait, which there may be none of.
        tokio::task::yield_now().await;
        Ok(code)
    }

    async fn kinds(&mut self, how: &str, names: &[String]) -> Step {
        let mut code = 0;
        for name in names {
            let short = how != "type";
            let line = if let Some(value) = self.aliases.get(name) {
                Some(if short { format!("alias {name}='{value}'") } else { format!("{name} is an alias for {value}") })
            } else if self.functions.contains_key(name) {
                Some(if short { name.clone() } else { format!("{name} is a function") })
            } else if is_builtin(name) {
                Some(if short { name.clone() } else { format!("{name} is a shell builtin") })
            } else {
                match self.process.locate(name) {
                    Ok((path, Executable::Program(..) | Executable::Script(..))) => {
                        Some(if short { path } else { format!("{name} is {path}") })
                    }
                    Err(_) => None,
                }
            };
            match line {
                Some(line) => self.process.out(line + "\n").await?,
                None => {
                    code = if !short || self.dialect == Dialect::Bash { 1 } else { 127 };
                    if !short {
                        match self.dialect {
                            Dialect::Bash => self.complain(format!("type: {name}: not found")).await,
                            Dialect::Ash | Dialect::Dash => {
                                self.process.out(format!("{name}: not found\n")).await?;
                                code = 127;
                            }
                        }
                    }
                }
            }
        }
        Ok(code)
    }
}
