//! Running what was parsed: lists, pipelines, loops, functions, redirections, programs.

use std::sync::Arc;

use brush_parser::ast;
use futures::future::join_all;
use tokio::sync::watch;

use crate::errno::Errno;
use crate::files::{Executable, Follow};
use crate::limits;
use crate::process::Process;
use crate::stream::{Fd, Nature, OpenFile, pipe};
use crate::surroundings::Future;
use crate::tree::Device;

use super::{Dialect, Exported, Job, Jump, Setting, Shell, Source, Step, builtins};

impl Shell {
    /// Runs a list of commands.
    pub(super) fn list<'a>(&'a mut self, list: &'a ast::CompoundList) -> Future<'a, Step> {
        Box::pin(async move {
            let mut code = self.status;
            for ast::CompoundListItem(and_or, separator) in &list.0 {
                code = match separator {
                    ast::SeparatorOperator::Async => self.background(and_or).await?,
                    ast::SeparatorOperator::Sequence => self.and_or(and_or).await?,
                };
                self.status = code;
                self.handle_signals().await?;
            }
            Ok(code)
        })
    }

    async fn and_or(&mut self, list: &ast::AndOrList) -> Step {
        let last = list.additional.len();
        let mut code = self.guarded(&list.first, last > 0).await?;
        for (index, next) in list.additional.iter().enumerate() {
            let (pipeline, runs) = match next {
                ast::AndOr::And(pipeline) => (pipeline, code == 0),
                ast::AndOr::Or(pipeline) => (pipeline, code != 0),
            };
            if runs {
                code = self.guarded(pipeline, index + 1 < last).await?;
            }
        }
        Ok(code)
    }

    /// Runs a pipeline; its failure ends the shell under `set -e`, unless something is decided by it.
    async fn guarded(&mut self, pipeline: &ast::Pipeline, decides: bool) -> Step {
        let is_condition = decides || pipeline.bang;
        self.conditions += u32::from(is_condition);
        let ran = self.pipeline(pipeline).await;
        self.conditions -= u32::from(is_condition);
        let code = ran?;
        let code = if pipeline.bang { i32::from(code == 0) } else { code };
        self.status = code;
        if code != 0 && !is_condition && self.conditions == 0 && self.settings.contains(&Setting::Errexit) {
            return Err(Jump::Exit(code));
        }
        Ok(code)
    }

    /// Runs something on which a decision hangs.
    async fn condition(&mut self, list: &ast::CompoundList) -> Step {
        self.conditions += 1;
        let ran = self.list(list).await;
        self.conditions -= 1;
        ran
    }

    async fn pipeline(&mut self, pipeline: &ast::Pipeline) -> Step {
        let began = pipeline.timed.as_ref().map(|_| self.process.now());
        let code = match pipeline.seq.as_slice() {
            [] => 0,
            [only] => self.command(only).await?,
            many => self.piped(many).await?,
        };
        if let Some(began) = began {
            let time = self.process.now().saturating_sub(began).as_secs_f64();
            let (minutes, seconds) = ((time / 60.0).floor(), time % 60.0);
            self.process.say(format!("\nreal\t{minutes:.0}m{seconds:.3}s\nuser\t0m0.000s\nsys\t0m0.000s")).await;
        }
        Ok(code)
    }

    async fn piped(&mut self, commands: &[ast::Command]) -> Step {
        let mut running: Vec<Future<'_, i32>> = Vec::new();
        let mut input: Option<Fd> = None;
        for (index, command) in commands.iter().enumerate() {
            let Ok(mut shell) = self.subshell() else { return Ok(self.cannot_fork().await) };
            if let Some(input) = input.take() {
                shell.process.fds.insert(0, input);
            }
            if index + 1 < commands.len() {
                let (reader, writer) = pipe(Nature::Pipe);
                shell.process.fds.insert(1, Arc::new(OpenFile::Writer(writer)));
                input = Some(Arc::new(OpenFile::Reader(reader)));
            }
            running.push(Box::pin(async move {
                let entry = Arc::clone(&shell.process.place.entry);
                let work = async move {
                    let code = shell.alone(command).await;
                    shell.finish(code).await
                };
                tokio::select! {
                    biased;
                    signal = entry.killed() => 128 + signal,
                    code = work => code,
                }
            }));
        }
        let codes = join_all(running).await;
        let last = codes.last().copied().unwrap_or(0);
        if self.settings.contains(&Setting::Pipefail) {
            return Ok(codes.iter().rev().copied().find(|code| *code != 0).unwrap_or(0));
        }
        Ok(last)
    }

    /// Runs a command as all that a subshell does.
    async fn alone(&mut self, command: &ast::Command) -> i32 {
        match self.command(command).await {
            Ok(code) | Err(Jump::Exit(code) | Jump::Return(code)) => code,
            Err(Jump::Break(_) | Jump::Continue(_)) => self.status,
        }
    }

    async fn cannot_fork(&self) -> i32 {
        let message = match self.dialect {
            Dialect::Ash => "can't fork: Resource temporarily unavailable",
            Dialect::Dash => "Cannot fork",
            Dialect::Bash => "fork: retry: Resource temporarily unavailable",
        };
        self.complain(message).await;
        if self.dialect == Dialect::Bash { 254 } else { 2 }
    }

    async fn background(&mut self, list: &ast::AndOrList) -> Step {
        let Ok(mut shell) = self.subshell() else { return Ok(self.cannot_fork().await) };
        let pid = shell.process.pid();
        let (done, watched) = watch::channel(None);
        let number = self.jobs.iter().map(|job| job.number).max().unwrap_or(0) + 1;
        self.jobs.push(Job { number, pid, text: list.to_string().replace('\n', " "), done: watched });
        self.last_background = Some(pid);
        if self.source == Source::Terminal {
            self.process.say(format!("[{number}] {pid}")).await;
        } else {
            shell.process.fds.insert(0, Arc::new(OpenFile::Device(Device::Null)));
        }
        shell.source = if self.source == Source::Terminal { Source::Argument } else { self.source };
        let list = list.clone();
        self.process.kernel.spawn(async move {
            let entry = Arc::clone(&shell.process.place.entry);
            let work = async move {
                let code = match shell.and_or(&list).await {
                    Ok(code) | Err(Jump::Exit(code) | Jump::Return(code)) => code,
                    Err(Jump::Break(_) | Jump::Continue(_)) => shell.status,
                };
                shell.finish(code).await
            };
            let work: Future<'static, i32> = Box::pin(work);
            let code = tokio::select! {
                biased;
                signal = entry.killed() => 128 + signal,
                code = work => code,
            };
            done.send_replace(Some(code));
        });
        Ok(0)
    }

    fn command<'a>(&'a mut self, command: &'a ast::Command) -> Future<'a, Step> {
        Box::pin(async move {
            self.process.step(1).await?;
            match command {
                ast::Command::Simple(simple) => self.simple(simple).await,
                ast::Command::Compound(compound, redirects) => {
                    let kept = self.process.fds.clone();
                    if let Some(redirects) = redirects
                        && let Err(code) = self.redirect_all(&redirects.0).await?
                    {
                        self.process.fds = kept;
                        return Ok(code);
                    }
                    let ran = self.compound(compound).await;
                    self.process.fds = kept;
                    ran
                }
                ast::Command::Function(function) => {
                    self.functions.insert(function.fname.value.clone(), Arc::new(function.body.clone()));
                    Ok(0)
                }
                ast::Command::ExtendedTest(test) => {
                    if self.dialect == Dialect::Dash {
                        return Ok(self.not_found("[[").await);
                    }
                    let holds = self.extended(&test.expr).await?;
                    Ok(i32::from(!holds))
                }
            }
        })
    }

    async fn compound(&mut self, command: &ast::CompoundCommand) -> Step {
        match command {
            ast::CompoundCommand::BraceGroup(group) => self.list(&group.list).await,
            ast::CompoundCommand::Subshell(subshell) => {
                let Ok(mut shell) = self.subshell() else { return Ok(self.cannot_fork().await) };
                let entry = Arc::clone(&shell.process.place.entry);
                let list = &subshell.list;
                let work = async move {
                    let code = match shell.list(list).await {
                        Ok(code) | Err(Jump::Exit(code) | Jump::Return(code)) => code,
                        Err(Jump::Break(_) | Jump::Continue(_)) => shell.status,
                    };
                    shell.finish(code).await
                };
                let work: Future<'_, i32> = Box::pin(work);
                Ok(tokio::select! {
                    biased;
                    signal = entry.killed() => 128 + signal,
                    code = work => code,
                })
            }
            ast::CompoundCommand::IfClause(clause) => {
                if self.condition(&clause.condition).await? == 0 {
                    return self.list(&clause.then).await;
                }
                for other in clause.elses.iter().flatten() {
                    let holds = match &other.condition {
                        Some(condition) => self.condition(condition).await? == 0,
                        None => true,
                    };
                    if holds {
                        return self.list(&other.body).await;
                    }
                }
                Ok(0)
            }
            ast::CompoundCommand::WhileClause(ast::WhileOrUntilClauseCommand(condition, body, _)) => {
                self.repeat(condition, &body.list, true).await
            }
            ast::CompoundCommand::UntilClause(ast::WhileOrUntilClauseCommand(condition, body, _)) => {
                self.repeat(condition, &body.list, false).await
            }
            ast::CompoundCommand::ForClause(clause) => {
                let values = match &clause.values {
                    Some(words) => {
                        let words: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
                        self.fields(&words).await?
                    }
                    None => self.arguments.clone(),
                };
                let mut code = 0;
                for value in values {
                    self.process.step(1).await?;
                    self.assign(&clause.variable_name, &value).await?;
                    match self.turn(&clause.body.list).await? {
                        Turn::Done(done) => code = done,
                        Turn::Leave(done) => return Ok(done),
                    }
                }
                Ok(code)
            }
            ast::CompoundCommand::ArithmeticForClause(clause) => {
                if let Some(first) = &clause.initializer {
                    self.arithmetic(&first.value).await?;
                }
                let mut code = 0;
                loop {
                    self.process.step(1).await?;
                    if let Some(condition) = &clause.condition
                        && !condition.value.trim().is_empty()
                        && self.arithmetic(&condition.value).await? == 0
                    {
                        return Ok(code);
                    }
                    match self.turn(&clause.body.list).await? {
                        Turn::Done(done) => code = done,
                        Turn::Leave(done) => return Ok(done),
                    }
                    if let Some(step) = &clause.updater {
                        self.arithmetic(&step.value).await?;
                    }
                }
            }
            ast::CompoundCommand::Arithmetic(command) => {
                let value = self.arithmetic(&command.expr.value).await?;
                Ok(i32::from(value == 0))
            }
            ast::CompoundCommand::CaseClause(clause) => {
                let value = self.single(&clause.value.value).await?;
                let mut falls = false;
                let mut code = 0;
                for case in &clause.cases {
                    let mut matches = falls;
                    for pattern in &case.patterns {
                        matches = matches || self.pattern(&pattern.value).await?.matches(&value);
                    }
                    if !matches {
                        continue;
                    }
                    if let Some(list) = &case.cmd {
                        code = self.list(list).await?;
                    }
                    match case.post_action {
                        ast::CaseItemPostAction::ExitCase => return Ok(code),
                        ast::CaseItemPostAction::UnconditionallyExecuteNextCaseItem => falls = true,
                        ast::CaseItemPostAction::ContinueEvaluatingCases => falls = false,
                    }
                }
                Ok(code)
            }
        }
    }

    async fn repeat(&mut self, condition: &ast::CompoundList, body: &ast::CompoundList, wanted: bool) -> Step {
        let mut code = 0;
        loop {
            self.process.step(1).await?;
            self.loops += 1;
            let holds = self.condition(condition).await;
            self.loops -= 1;
            let holds = match holds {
                Ok(holds) => holds == 0,
                Err(Jump::Break(levels)) => return if levels > 1 { Err(Jump::Break(levels - 1)) } else { Ok(0) },
                Err(Jump::Continue(1)) => continue,
                Err(Jump::Continue(levels)) => return Err(Jump::Continue(levels - 1)),
                Err(other) => return Err(other),
            };
            if holds != wanted {
                return Ok(code);
            }
            match self.turn(body).await? {
                Turn::Done(done) => code = done,
                Turn::Leave(done) => return Ok(done),
            }
        }
    }

    /// Runs the body of a loop once.
    async fn turn(&mut self, body: &ast::CompoundList) -> Result<Turn, Jump> {
        self.loops += 1;
        let ran = self.list(body).await;
        self.loops -= 1;
        match ran {
            Ok(code) => Ok(Turn::Done(code)),
            Err(Jump::Break(1)) => Ok(Turn::Leave(0)),
            Err(Jump::Break(levels)) => Err(Jump::Break(levels - 1)),
            Err(Jump::Continue(1)) => Ok(Turn::Done(0)),
            Err(Jump::Continue(levels)) => Err(Jump::Continue(levels - 1)),
            Err(other) => Err(other),
        }
    }

    async fn simple(&mut self, command: &ast::SimpleCommand) -> Step {
        if let Some(word) = &command.word_or_name {
            self.line = word.loc.as_ref().map_or(self.line, |loc| loc.start.line.max(1));
        }
        let mut redirects = Vec::new();
        let mut assignments = Vec::new();
        let mut words: Vec<&str> = Vec::new();
        let prefix = command.prefix.iter().flat_map(|prefix| &prefix.0);
        let suffix = command.suffix.iter().flat_map(|suffix| &suffix.0);
        words.extend(command.word_or_name.as_ref().map(|word| word.value.as_str()));
        for (item, leads) in prefix.map(|item| (item, true)).chain(suffix.map(|item| (item, false))) {
            match item {
                ast::CommandPrefixOrSuffixItem::IoRedirect(redirect) => redirects.push(redirect),
                ast::CommandPrefixOrSuffixItem::Word(word) => words.push(&word.value),
                ast::CommandPrefixOrSuffixItem::AssignmentWord(assignment, _) if leads => assignments.push(assignment),
                ast::CommandPrefixOrSuffixItem::AssignmentWord(_, word) => words.push(&word.value),
                ast::CommandPrefixOrSuffixItem::ProcessSubstitution(..) => {
                    self.complain("process substitution: not simulated").await;
                    return Ok(2);
                }
            }
        }
        let declares =
            words.first().is_some_and(|first| ["export", "readonly", "local", "declare", "typeset"].contains(first));
        let status_before = self.status;
        let mut argv = if declares { self.declared(&words).await? } else { self.fields(&words).await? };
        self.unalias(&mut argv).await?;
        let mut values = Vec::new();
        for assignment in assignments {
            let ast::AssignmentName::VariableName(name) = &assignment.name else {
                self.complain("arrays: not simulated").await;
                return Ok(2);
            };
            let ast::AssignmentValue::Scalar(word) = &assignment.value else {
                self.complain("arrays: not simulated").await;
                return Ok(2);
            };
            let mut value = self.single(&word.value).await?;
            if assignment.append {
                value = self.value(name) + &value;
            }
            values.push((name.clone(), value));
        }
        if self.settings.contains(&Setting::Xtrace) {
            self.trace(&values, &argv).await;
        }
        let Some(first) = argv.first().cloned() else {
            // The status of `x=$(false)` is that of the substitution.
            let code = if words.is_empty() && values.is_empty() { 0 } else { self.status };
            let substituted = command_has_substitution(&values, command);
            for (name, value) in &values {
                self.assign(name, value).await?;
            }
            let kept = self.process.fds.clone();
            let redirected = self.redirect_refs(&redirects).await?;
            self.process.fds = kept;
            return Ok(match redirected {
                Ok(()) if substituted => code,
                Ok(()) => 0,
                Err(code) => code,
            });
        };
        self.status = status_before;
        let kept = self.process.fds.clone();
        if let Err(code) = self.redirect_refs(&redirects).await? {
            self.process.fds = kept;
            // An error in a special built-in's redirection ends a script.
            return if builtins::is_special(&first) && self.source != Source::Terminal && self.dialect != Dialect::Bash {
                Err(Jump::Exit(code))
            } else {
                Ok(code)
            };
        }
        let ran = self.run(&first, &argv, &values).await;
        if first != "exec" || argv.len() > 1 || ran.is_err() {
            self.process.fds = kept;
        }
        ran
    }

    /// Expands the words of `export x=$y`: assignments stay one word.
    async fn declared(&mut self, words: &[&str]) -> Result<Vec<String>, Jump> {
        let mut argv = Vec::new();
        for word in words {
            let is_assignment = word.split_once('=').is_some_and(|(name, _)| builtins::is_name(name));
            if is_assignment {
                argv.push(self.single(word).await?);
            } else {
                argv.extend(self.fields(&[word]).await?);
            }
        }
        Ok(argv)
    }

    async fn unalias(&mut self, argv: &mut Vec<String>) -> Result<(), Jump> {
        let Some(value) = argv.first().and_then(|first| self.aliases.get(first)).cloned() else { return Ok(()) };
        let words: Vec<&str> = value.split_whitespace().collect();
        let words = self.fields(&words).await?;
        argv.splice(..1, words);
        Ok(())
    }

    async fn trace(&self, values: &[(String, String)], argv: &[String]) {
        let quote = |word: &String| {
            let plain = |letter: char| letter.is_alphanumeric() || "_-./=:,+@%".contains(letter);
            if !word.is_empty() && word.chars().all(plain) {
                word.clone()
            } else {
                format!("'{}'", word.replace('\'', "'\\''"))
            }
        };
        let mut words: Vec<String> = values.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
        words.extend(argv.iter().map(quote));
        self.process.say(format!("{}{}", self.value("PS4"), words.join(" "))).await;
    }

    /// Runs a command that has its words: a function, a built-in or a program.
    pub(super) async fn run(&mut self, first: &str, argv: &[String], values: &[(String, String)]) -> Step {
        if let Some(body) = self.functions.get(first).cloned() {
            return self.call(&body, argv, values).await;
        }
        if builtins::is_builtin(first) {
            let kept: Vec<_> =
                values.iter().map(|(name, _)| (name.clone(), self.variables.get(name).cloned())).collect();
            for (name, value) in values {
                self.assign(name, value).await?;
            }
            let ran = self.builtin(first, argv).await;
            if !builtins::is_special(first) {
                self.leave(kept);
            }
            return ran;
        }
        self.external(argv, values).await
    }

    async fn call(&mut self, body: &Arc<ast::FunctionBody>, argv: &[String], values: &[(String, String)]) -> Step {
        if self.scopes.len() >= limits::DEPTH as usize {
            self.complain("maximum function nesting level exceeded (not simulated deeper)").await;
            return Err(Jump::Exit(2));
        }
        let arguments = std::mem::replace(&mut self.arguments, argv[1..].to_vec());
        let mut scope = Vec::new();
        for (name, value) in values {
            scope.push((name.clone(), self.variables.get(name).cloned()));
            self.assign(name, value).await?;
        }
        self.scopes.push(scope);
        let loops = std::mem::take(&mut self.loops);
        let kept = self.process.fds.clone();
        let redirected = match &body.1 {
            Some(redirects) => self.redirect_all(&redirects.0).await,
            None => Ok(Ok(())),
        };
        let ran = match redirected {
            Ok(Ok(())) => {
                let body = Arc::clone(body);
                let work: Future<'_, Step> = Box::pin(async { self.compound(&body.0).await });
                work.await
            }
            Ok(Err(code)) => Ok(code),
            Err(jump) => Err(jump),
        };
        self.process.fds = kept;
        self.loops = loops;
        if let Some(scope) = self.scopes.pop() {
            self.leave(scope);
        }
        self.arguments = arguments;
        match ran {
            Err(Jump::Return(code)) => Ok(code),
            Err(Jump::Break(_) | Jump::Continue(_)) => Ok(0),
            other => other,
        }
    }

    /// Starts a program and waits for it.
    pub(super) async fn external(&mut self, argv: &[String], values: &[(String, String)]) -> Step {
        let first = &argv[0];
        let found = self.process.locate(first);
        match found {
            Ok((_, Executable::Program(..) | Executable::Script(..))) => {}
            Err(error) => return Ok(self.cannot_run(first, error).await),
        }
        let Ok(mut child) = self.process.fork(argv) else { return Ok(self.cannot_fork().await) };
        child.env.extend(values.iter().cloned());
        child.name = self.short_name().to_owned();
        let code = child.run(argv.to_vec()).await;
        Ok(code)
    }

    /// Tells why a program cannot be run.
    pub(super) async fn cannot_run(&mut self, first: &str, error: Errno) -> i32 {
        match error {
            Errno::NoEntry if !first.contains('/') => return self.not_found(first).await,
            Errno::NoEntry | Errno::NotDirectory => {
                let message = match self.dialect {
                    Dialect::Ash | Dialect::Dash => format!("{first}: not found"),
                    Dialect::Bash => format!("{first}: {error}"),
                };
                self.complain(message).await;
                return 127;
            }
            _ => {}
        }
        let is_directory = self.process.stat(first, Follow::Yes).is_ok_and(|stat| stat.is_directory());
        if is_directory && self.dialect == Dialect::Bash {
            self.complain(format!("{first}: Is a directory")).await;
        } else {
            self.complain(format!("{first}: {error}")).await;
        }
        126
    }

    pub(super) async fn not_found(&self, first: &str) -> i32 {
        self.complain(match self.dialect {
            Dialect::Ash | Dialect::Dash => format!("{first}: not found"),
            Dialect::Bash => format!("{first}: command not found"),
        })
        .await;
        127
    }

    /// Replaces the shell by a program, as `exec` does.
    pub(super) async fn become_program(&mut self, argv: &[String]) -> Step {
        let found = match self.process.locate(&argv[0]) {
            Ok((_, found)) => found,
            Err(error) => {
                let code = self.cannot_run(&argv[0], error).await;
                return Err(Jump::Exit(code));
            }
        };
        drop(found);
        self.process.place.entry.handles(Default::default());
        let process = Process {
            kernel: Arc::clone(&self.process.kernel),
            session: Arc::clone(&self.process.session),
            place: Arc::clone(&self.process.place),
            who: self.process.who.clone(),
            cwd: self.process.cwd.clone(),
            env: self.process.env.clone(),
            fds: std::mem::take(&mut self.process.fds),
            flavour: self.process.flavour,
            umask: self.process.umask,
            name: self.short_name().to_owned(),
            depth: self.process.depth + 1,
        };
        if process.depth > limits::DEPTH {
            return Err(Jump::Exit(126));
        }
        let code = process.run(argv.to_vec()).await;
        // The traps of the shell went with it.
        self.traps.clear();
        Err(Jump::Exit(code))
    }

    /// Exports a variable, with the value that it has.
    pub(super) fn export(&mut self, name: &str) {
        let value = self.value(name);
        if self.variables.contains_key(name) {
            self.put(name, &value, Exported::Yes);
        } else {
            self.variables.insert(name.to_owned(), super::Variable { exported: Exported::Yes, ..Default::default() });
        }
    }
}

/// How a turn of a loop went.
enum Turn {
    /// Its body was run.
    Done(i32),
    /// The loop ends.
    Leave(i32),
}

/// Returns whether the values of a command without words come of a substitution, whose status is then theirs.
fn command_has_substitution(values: &[(String, String)], command: &ast::SimpleCommand) -> bool {
    if values.is_empty() && command.word_or_name.is_none() {
        return false;
    }
    let text = command.to_string();
    text.contains("$(") || text.contains('`')
}
