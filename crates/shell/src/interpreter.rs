//! The shell: state, errors in the words of ash, dash and bash, and how it is started.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use brush_parser::ast;
use tokio::sync::watch;

use crate::errno::Errno;
use crate::limits;
use crate::process::{Halt, Process, Ran};
use crate::stream::Lines;
use crate::surroundings::Future;
use crate::tree::Flavour;

use self::grammar::{Missing, Syntax};

mod arithmetic;
mod builtins;
mod conditions;
mod execute;
mod expand;
pub(crate) mod grammar;
mod redirect;
pub(crate) mod words;

/// Why a command's list is left early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jump {
    /// Out of so many loops.
    Break(u32),
    /// To the next turn of the loop so many levels out.
    Continue(u32),
    /// Out of a function or a sourced file.
    Return(i32),
    /// Out of the shell.
    Exit(i32),
}

impl From<Halt> for Jump {
    fn from(halt: Halt) -> Self {
        Jump::Exit(halt.0)
    }
}

/// What running something comes to: an exit code, or a jump.
type Step = Result<i32, Jump>;

/// A variable.
#[derive(Debug, Clone, Default)]
struct Variable {
    value: String,
    exported: Exported,
    writable: Writable,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Exported {
    Yes,
    #[default]
    No,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Writable {
    #[default]
    Yes,
    No,
}

/// A process in the background.
#[derive(Debug, Clone)]
struct Job {
    number: u32,
    pid: u32,
    text: String,
    /// Its exit code, once it has one.
    done: watch::Receiver<Option<i32>>,
}

/// Whose shell it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Busybox's.
    Ash,
    /// Debian's `sh`.
    Dash,
    /// bash.
    Bash,
}

/// Where commands come from, for messages and prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// `-c`.
    Argument,
    /// A file or standard input.
    File,
    /// Somebody who types.
    Terminal,
}

/// What `set` and options switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Setting {
    /// `-e`.
    Errexit,
    /// `-u`.
    Nounset,
    /// `-x`.
    Xtrace,
    /// `-f`.
    Noglob,
    /// `-C`.
    Noclobber,
    /// `-a`.
    Allexport,
    /// `-n`.
    Noexec,
    /// `-o pipefail`.
    Pipefail,
    /// `-m`; nothing depends on it here.
    Monitor,
    /// `-v`.
    Verbose,
}

impl Setting {
    fn from_letter(letter: char) -> Option<Setting> {
        Some(match letter {
            'e' => Setting::Errexit,
            'u' => Setting::Nounset,
            'x' => Setting::Xtrace,
            'f' => Setting::Noglob,
            'C' => Setting::Noclobber,
            'a' => Setting::Allexport,
            'n' => Setting::Noexec,
            'm' => Setting::Monitor,
            'v' => Setting::Verbose,
            _ => return None,
        })
    }

    fn from_name(name: &str) -> Option<Setting> {
        Some(match name {
            "errexit" => Setting::Errexit,
            "nounset" => Setting::Nounset,
            "xtrace" => Setting::Xtrace,
            "noglob" => Setting::Noglob,
            "noclobber" => Setting::Noclobber,
            "allexport" => Setting::Allexport,
            "noexec" => Setting::Noexec,
            "pipefail" => Setting::Pipefail,
            "monitor" => Setting::Monitor,
            "verbose" => Setting::Verbose,
            _ => return None,
        })
    }

    fn letter(self) -> Option<char> {
        Some(match self {
            Setting::Errexit => 'e',
            Setting::Nounset => 'u',
            Setting::Xtrace => 'x',
            Setting::Noglob => 'f',
            Setting::Noclobber => 'C',
            Setting::Allexport => 'a',
            Setting::Noexec => 'n',
            Setting::Monitor => 'm',
            Setting::Verbose => 'v',
            Setting::Pipefail => return None,
        })
    }
}

/// A running shell.
struct Shell {
    process: Process,
    dialect: Dialect,
    source: Source,
    /// `$0`.
    called: String,
    /// `$1` and on.
    arguments: Vec<String>,
    variables: BTreeMap<String, Variable>,
    functions: BTreeMap<String, Arc<ast::FunctionBody>>,
    aliases: BTreeMap<String, String>,
    settings: BTreeSet<Setting>,
    /// What to run on a signal; 0 is the end of the shell.
    traps: BTreeMap<i32, String>,
    jobs: Vec<Job>,
    status: i32,
    last_background: Option<u32>,
    /// `$$`, which subshells keep.
    main_pid: u32,
    /// Variables that `local` hides, for each function that runs.
    scopes: Vec<Vec<(String, Option<Variable>)>>,
    loops: u32,
    /// How many conditions surround what runs: a failure in one ends nothing under `set -e`.
    conditions: u32,
    line: usize,
    options_at: (usize, usize),
    directory_before: String,
    /// How often expansion has entered itself.
    depth: u32,
}

/// Runs `sh`, `ash`, `dash` or `bash`.
pub(crate) fn main(process: &mut Process, argv: &[String]) -> Future<'static, Ran> {
    // The shell takes the place of the process: what is left behind is not used again.
    let argv = argv.to_vec();
    let own = Process {
        kernel: Arc::clone(&process.kernel),
        session: Arc::clone(&process.session),
        place: Arc::clone(&process.place),
        who: process.who.clone(),
        cwd: process.cwd.clone(),
        env: std::mem::take(&mut process.env),
        fds: std::mem::take(&mut process.fds),
        flavour: process.flavour,
        umask: process.umask,
        name: process.name.clone(),
        depth: process.depth,
    };
    Box::pin(async move { start(own, &argv).await })
}

async fn start(process: Process, argv: &[String]) -> Ran {
    let dialect = match (process.flavour, process.name.trim_start_matches('-')) {
        (_, "bash") => Dialect::Bash,
        (Flavour::Busybox, _) => Dialect::Ash,
        (Flavour::Gnu, _) => Dialect::Dash,
    };
    let mut settings = BTreeSet::new();
    let (mut command, mut interactive, mut at) = (false, false, 1);
    while let Some(word) = argv.get(at).filter(|word| word.len() > 1 && word.starts_with(['-', '+'])) {
        at += 1;
        match word.as_str() {
            "--" => break,
            "--login" | "--norc" | "--noprofile" | "--posix" | "-" => continue,
            "--version" => {
                process.out("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\n").await?;
                return Ok(0);
            }
            _ => {}
        }
        for letter in word[1..].chars() {
            match letter {
                'c' => command = true,
                'i' => interactive = true,
                'l' | 's' => {}
                'o' => {
                    let setting = argv.get(at).and_then(|name| Setting::from_name(name));
                    at += 1;
                    settings.extend(setting);
                }
                other => match Setting::from_letter(other) {
                    Some(setting) => drop(settings.insert(setting)),
                    None => {
                        let message = match dialect {
                            Dialect::Ash => format!("{}: invalid option -- '{other}'", process.name),
                            Dialect::Dash => format!("{}: 0: Illegal option -{other}", process.name),
                            Dialect::Bash => format!("{}: -{other}: invalid option", process.name),
                        };
                        process.say(message).await;
                        return Ok(2);
                    }
                },
            }
        }
    }
    let mut rest: Vec<String> = argv.get(at..).unwrap_or_default().to_vec();
    let mut variables: BTreeMap<String, Variable> = process
        .env
        .iter()
        .map(|(name, value)| {
            (name.clone(), Variable { value: value.clone(), exported: Exported::Yes, writable: Writable::Yes })
        })
        .collect();
    let mut preset = |name: &str, value: &str| {
        variables.entry(name.to_owned()).or_insert_with(|| Variable { value: value.to_owned(), ..Variable::default() });
    };
    preset("IFS", " \t\n");
    preset("PS4", "+ ");
    preset("PS2", "> ");
    preset("OPTIND", "1");
    preset("PATH", crate::process::PATH);
    if dialect == Dialect::Bash {
        preset("BASH_VERSION", "5.2.15(1)-release");
        preset("BASH", "/usr/bin/bash");
    }
    let (pid, called) = (process.pid(), argv.first().cloned().unwrap_or_else(|| "sh".to_owned()));
    let mut shell = Shell {
        process,
        dialect,
        source: Source::File,
        called,
        arguments: Vec::new(),
        variables,
        functions: BTreeMap::new(),
        aliases: BTreeMap::new(),
        settings,
        traps: BTreeMap::new(),
        jobs: Vec::new(),
        status: 0,
        last_background: None,
        main_pid: pid,
        scopes: Vec::new(),
        loops: 0,
        conditions: 0,
        line: 1,
        options_at: (1, 0),
        directory_before: String::new(),
        depth: 0,
    };
    let cwd = shell.process.cwd.clone();
    shell.put("PWD", &cwd, Exported::Yes);
    let parent = shell.process.place.entry.parent;
    shell.put("PPID", &parent.to_string(), Exported::No);
    let code = if command {
        let Some(text) = (!rest.is_empty()).then(|| rest.remove(0)) else {
            let message = match dialect {
                Dialect::Ash => format!("{}: -c requires an argument", shell.called),
                Dialect::Dash => format!("{}: 0: -c requires an argument", shell.called),
                Dialect::Bash => format!("{}: -c: option requires an argument", shell.called),
            };
            shell.process.say(message).await;
            return Ok(2);
        };
        if !rest.is_empty() {
            shell.called = rest.remove(0);
        }
        shell.arguments = rest;
        shell.source = Source::Argument;
        shell.whole(&text).await
    } else if rest.is_empty() {
        if interactive || shell.process.stdin().is_terminal() {
            shell.source = Source::Terminal;
        }
        shell.lines().await
    } else {
        let path = rest.remove(0);
        shell.called.clone_from(&path);
        shell.arguments = rest;
        match shell.process.read_file(&path).await {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                shell.whole(&text).await
            }
            Err(error) => {
                let message = match dialect {
                    Dialect::Ash => format!("{}: can't open '{path}': {error}", argv[0]),
                    Dialect::Dash => format!("{}: 0: cannot open {path}: {}", argv[0], short(error)),
                    Dialect::Bash => format!("{}: {path}: {error}", argv[0]),
                };
                shell.process.say(message).await;
                if error == Errno::NoEntry && dialect != Dialect::Ash { 127 } else { 2 }
            }
        }
    };
    Ok(shell.finish(code).await)
}

/// Errors as ash and dash tell of files: without capitals.
fn short(error: Errno) -> String {
    match error {
        Errno::NoEntry => "No such file".to_owned(),
        other => other.to_string(),
    }
}

impl Shell {
    /// Runs a whole script; returns its exit code.
    async fn whole(&mut self, text: &str) -> i32 {
        match self.evaluate(text).await {
            Ok(code) | Err(Jump::Exit(code) | Jump::Return(code)) => code,
            Err(Jump::Break(_) | Jump::Continue(_)) => self.status,
        }
    }

    /// Parses and runs a text in this shell.
    fn evaluate<'a>(&'a mut self, text: &'a str) -> Future<'a, Step> {
        Box::pin(async move {
            match grammar::parse(text) {
                Ok(program) if self.settings.contains(&Setting::Noexec) => {
                    drop(program);
                    Ok(0)
                }
                Ok(program) => {
                    let mut code = 0;
                    for list in &program.complete_commands {
                        code = self.list(list).await?;
                    }
                    Ok(code)
                }
                Err(error) => {
                    self.refuse(text, &error).await;
                    self.status = 2;
                    if self.source == Source::Terminal { Ok(2) } else { Err(Jump::Exit(2)) }
                }
            }
        })
    }

    /// Runs what comes line by line: from somebody who types, or from a pipe.
    async fn lines(&mut self) -> i32 {
        let mut text = String::new();
        loop {
            if self.source == Source::Terminal {
                let prompt = if text.is_empty() { self.prompt() } else { self.value("PS2") };
                let fd = self.process.fd(2).ok();
                if let Some(fd) = fd {
                    fd.write(prompt.as_bytes(), self.process.now()).await.ok();
                }
            }
            let stdin = self.process.stdin();
            let session = Arc::clone(&self.process.session);
            let read = async {
                let mut lines = Lines::new(stdin);
                let line = lines.next().await;
                lines.give_back();
                line
            };
            let line = tokio::select! {
                line = read => line,
                () = session.interrupt.notified() => {
                    text.clear();
                    self.status = 130;
                    continue;
                }
            };
            let Ok(Some(line)) = line else {
                if text.trim().is_empty() {
                    if self.source == Source::Terminal {
                        self.process.say(if self.dialect == Dialect::Bash { "exit" } else { "" }).await;
                    }
                    return self.status;
                }
                return self.whole(&text).await;
            };
            text.push_str(&String::from_utf8_lossy(&line.text));
            text.push('\n');
            if text.trim().is_empty() {
                text.clear();
                continue;
            }
            if text.len() < limits::SCRIPT
                && line.ended
                && (matches!(grammar::parse(&text), Err(Syntax::Incomplete(_))) || open_document(&text))
            {
                continue;
            }
            let whole = std::mem::take(&mut text);
            let fds = self.process.fds.clone();
            let ran = tokio::select! {
                ran = self.evaluate(&whole) => Some(ran),
                () = session.interrupt.notified(), if self.source == Source::Terminal => None,
            };
            match ran {
                Some(Ok(code)) => self.status = code,
                Some(Err(Jump::Exit(code))) => return code,
                Some(Err(Jump::Return(_) | Jump::Break(_) | Jump::Continue(_))) => {}
                None => {
                    // The line was cut off in the middle: what it had set for itself is set back.
                    self.process.fds = fds;
                    (self.loops, self.conditions, self.depth) = (0, 0, 0);
                    while let Some(scope) = self.scopes.pop() {
                        self.leave(scope);
                    }
                    self.status = 130;
                }
            }
            if self.source == Source::Terminal {
                self.tell_jobs().await;
            }
        }
    }

    /// Runs the trap of the end, then ends.
    async fn finish(&mut self, code: i32) -> i32 {
        let Some(action) = self.traps.remove(&0) else { return code };
        self.status = code;
        match self.evaluate(&action).await {
            Err(Jump::Exit(other)) => other,
            Ok(_) | Err(Jump::Return(_) | Jump::Break(_) | Jump::Continue(_)) => code,
        }
    }

    /// Runs the traps of signals that came.
    async fn handle_signals(&mut self) -> Result<(), Jump> {
        while let Some(signal) = self.process.place.entry.take_pending() {
            if let Some(action) = self.traps.get(&signal).cloned().filter(|action| !action.is_empty()) {
                let status = self.status;
                self.evaluate(&action).await?;
                self.status = status;
            }
        }
        Ok(())
    }

    fn prompt(&self) -> String {
        let set = self.variables.get("PS1").map(|variable| variable.value.clone());
        let is_root = self.process.who.uid == 0;
        let pattern = set.unwrap_or_else(|| match self.dialect {
            Dialect::Ash => "\\w \\$ ".to_owned(),
            Dialect::Dash => if is_root { "# " } else { "$ " }.to_owned(),
            Dialect::Bash => "\\u@\\h:\\w\\$ ".to_owned(),
        });
        let home = self.value("HOME");
        let cwd = match self.process.cwd.strip_prefix(&home) {
            Some(rest) if home.len() > 1 && (rest.is_empty() || rest.starts_with('/')) => format!("~{rest}"),
            _ => self.process.cwd.clone(),
        };
        let mut shown = String::new();
        let mut letters = pattern.chars();
        while let Some(letter) = letters.next() {
            if letter != '\\' {
                shown.push(letter);
                continue;
            }
            match letters.next() {
                Some('u') => shown.push_str(
                    &crate::commands::identity::user_name(&self.process, self.process.who.uid)
                        .unwrap_or_else(|| "I have no name!".to_owned()),
                ),
                Some('h') => shown.push_str(self.process.kernel.hostname.split('.').next().unwrap_or_default()),
                Some('H') => shown.push_str(&self.process.kernel.hostname),
                Some('w') => shown.push_str(&cwd),
                Some('W') => shown.push_str(cwd.rsplit('/').next().unwrap_or_default()),
                Some('$') => shown.push(if is_root { '#' } else { '$' }),
                Some('n') => shown.push('\n'),
                Some('e') => shown.push('\x1b'),
                Some('[' | ']') => {}
                Some(other) => shown.push(other),
                None => {}
            }
        }
        shown
    }

    /// Returns a variable's text; empty if it is not set.
    fn value(&self, name: &str) -> String {
        self.variables.get(name).map(|variable| variable.value.clone()).unwrap_or_default()
    }

    /// Sets a variable past `readonly`.
    fn put(&mut self, name: &str, value: &str, exported: Exported) {
        let variable = self.variables.entry(name.to_owned()).or_default();
        value.clone_into(&mut variable.value);
        if exported == Exported::Yes || self.settings.contains(&Setting::Allexport) {
            variable.exported = Exported::Yes;
        }
        if variable.exported == Exported::Yes {
            self.process.env.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Sets a variable unless it is read-only.
    async fn assign(&mut self, name: &str, value: &str) -> Result<(), Jump> {
        if self.variables.get(name).is_some_and(|variable| variable.writable == Writable::No) {
            self.complain(match self.dialect {
                Dialect::Ash | Dialect::Dash => format!("{name}: is read only"),
                Dialect::Bash => format!("{name}: readonly variable"),
            })
            .await;
            return Err(Jump::Exit(2));
        }
        if value.len() > limits::WORD {
            self.complain("out of memory").await;
            return Err(Jump::Exit(2));
        }
        self.put(name, value, Exported::No);
        Ok(())
    }

    /// Puts back what `local` hid.
    fn leave(&mut self, scope: Vec<(String, Option<Variable>)>) {
        for (name, before) in scope.into_iter().rev() {
            match before {
                Some(variable) => drop(self.variables.insert(name, variable)),
                None => drop(self.variables.remove(&name)),
            }
        }
    }

    /// Says something as the shell does: with its name, and the line where dash and bash tell it.
    async fn complain(&self, message: impl AsRef<str> + Send) {
        let message = message.as_ref();
        let line = match (self.dialect, self.source) {
            (Dialect::Ash, Source::Argument | Source::Terminal) | (Dialect::Bash, Source::Terminal) => {
                format!("{}: {message}", self.short_name())
            }
            (Dialect::Ash, Source::File) => format!("{}: line {}: {message}", self.called, self.line),
            (Dialect::Dash, _) => format!("{}: {}: {message}", self.called, self.line),
            (Dialect::Bash, Source::Argument | Source::File) => {
                format!("{}: line {}: {message}", self.called, self.line)
            }
        };
        self.process.say(line).await;
    }

    fn short_name(&self) -> &str {
        let name = self.called.trim_start_matches('-');
        if self.source == Source::Terminal { name.rsplit('/').next().unwrap_or(name) } else { name }
    }

    /// Tells of a text that is no script.
    async fn refuse(&self, text: &str, error: &Syntax) {
        let last = text.trim_end().lines().count().max(1);
        let message = match (self.dialect, error) {
            (_, Syntax::TooMuch) => "syntax error: script too long or nested too deep (not simulated)".to_owned(),
            (Dialect::Bash, Syntax::Incomplete(Missing::Quote(quote))) => {
                format!("unexpected EOF while looking for matching `{quote}'")
            }
            (Dialect::Bash, Syntax::Incomplete(Missing::Substitution)) => {
                "unexpected EOF while looking for matching `)'".to_owned()
            }
            (Dialect::Bash, Syntax::Incomplete(Missing::Word)) => "syntax error: unexpected end of file".to_owned(),
            (Dialect::Bash, Syntax::Unexpected(word)) => format!("syntax error near unexpected token `{word}'"),
            (Dialect::Ash, Syntax::Incomplete(Missing::Quote(_))) => {
                "syntax error: unterminated quoted string".to_owned()
            }
            (Dialect::Dash, Syntax::Incomplete(Missing::Quote(_))) => {
                "Syntax error: Unterminated quoted string".to_owned()
            }
            (Dialect::Ash, Syntax::Incomplete(_)) => "syntax error: unexpected end of file".to_owned(),
            (Dialect::Dash, Syntax::Incomplete(_)) => "Syntax error: end of file unexpected".to_owned(),
            (Dialect::Ash, Syntax::Unexpected(word)) => format!("syntax error: unexpected \"{word}\""),
            (Dialect::Dash, Syntax::Unexpected(word)) => format!("Syntax error: \"{word}\" unexpected"),
        };
        let line = match (self.dialect, self.source) {
            (Dialect::Bash, Source::Argument) => format!("{}: -c: line {last}: {message}", self.called),
            (Dialect::Bash, Source::File) => format!("{}: line {last}: {message}", self.called),
            (Dialect::Dash, _) => format!("{}: {last}: {message}", self.called),
            (Dialect::Ash, _) | (Dialect::Bash, Source::Terminal) => format!("{}: {message}", self.short_name()),
        };
        self.process.say(line).await;
    }

    /// Makes a copy of the shell in a child process.
    fn subshell(&self) -> Result<Shell, Errno> {
        let argv = self.process.place.entry.argv();
        let process = self.process.fork(&argv)?;
        Ok(Shell {
            process,
            dialect: self.dialect,
            source: self.source,
            called: self.called.clone(),
            arguments: self.arguments.clone(),
            variables: self.variables.clone(),
            functions: self.functions.clone(),
            aliases: self.aliases.clone(),
            settings: self.settings.clone(),
            // A child forgets what the parent catches.
            traps: BTreeMap::new(),
            jobs: Vec::new(),
            status: self.status,
            last_background: self.last_background,
            main_pid: self.main_pid,
            scopes: self.scopes.clone(),
            loops: self.loops,
            conditions: self.conditions,
            line: self.line,
            options_at: self.options_at,
            directory_before: self.directory_before.clone(),
            depth: self.depth,
        })
    }

    /// Tells of jobs that ended, as a shell does before its prompt.
    async fn tell_jobs(&mut self) {
        let mut over = Vec::new();
        self.jobs.retain(|job| match *job.done.borrow() {
            Some(code) => {
                over.push((job.number, job.text.clone(), code));
                false
            }
            None => true,
        });
        for (number, text, code) in over {
            let state = if code == 0 { "Done".to_owned() } else { format!("Done({code})") };
            self.process.say(format!("[{number}]+  {state:<24}{text}")).await;
        }
    }
}

/// Returns whether a text ends within a here-document.
fn open_document(text: &str) -> bool {
    let mut tags: Vec<(String, bool)> = Vec::new();
    for line in text.lines() {
        if let Some((tag, strips)) = tags.first() {
            let line = if *strips { line.trim_start_matches('\t') } else { line };
            if line == tag {
                tags.remove(0);
            }
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find("<<") {
            rest = &rest[at + 2..];
            if rest.starts_with('<') {
                rest = &rest[1..];
                continue;
            }
            let strips = rest.starts_with('-');
            let tag: String = rest
                .trim_start_matches('-')
                .trim_start()
                .chars()
                .take_while(|letter| !letter.is_whitespace() && !";|&)<>".contains(*letter))
                .filter(|letter| !"'\"\\".contains(*letter))
                .collect();
            if tag.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
                tags.push((tag, strips));
            }
        }
    }
    !tags.is_empty()
}

#[cfg(test)]
mod tests;
