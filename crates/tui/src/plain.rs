//! The linear mode, for screen readers and terminals that only show lines: the same features, one sentence after the
//! other, and a prompt that takes words. Nothing moves the cursor, nothing is drawn.

use std::collections::VecDeque;
use std::io::Write;
use std::process::Stdio;
use std::sync::mpsc::sync_channel;

use futures::{Stream, StreamExt};
use runner::{Event, Request};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::theme::ascii;
use crate::words::word;
use crate::{Characters, Error, Session};

mod dialogue;
mod page;

use dialogue::{Act, Dialogue};

/// Runs the linear mode until the learner quits, the session or the input ends, or a signal comes.
///
/// `next_line` waits for a line of input and returns it; it is only called while the learner is asked, so that
/// commands of the learner's have the input to themselves.
///
/// # Errors
///
/// Where the output fails or the session is gone.
pub async fn plain<E, L, W>(session: Session<E>, next_line: L, output: W, characters: Characters) -> Result<(), Error>
where
    E: Stream<Item = Event> + Unpin,
    L: FnMut() -> Option<String> + Send + 'static,
    W: Write,
{
    match converse(session, next_line, output, characters).await {
        // Nobody reads any more: the end of the conversation, not a fault.
        Err(Error::Terminal(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

async fn converse<E, L, W>(session: Session<E>, next_line: L, output: W, characters: Characters) -> Result<(), Error>
where
    E: Stream<Item = Event> + Unpin,
    L: FnMut() -> Option<String> + Send + 'static,
    W: Write,
{
    let mut linear = Linear { output, characters };
    let mut dialogue = Dialogue::default();
    let Session { requests, mut events } = session;
    let mut input = Input::start(next_line).map_err(Error::Terminal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Terminal)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Error::Terminal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Terminal)?;
    let mut acts: VecDeque<Act> = VecDeque::new();
    loop {
        while let Some(act) = acts.pop_front() {
            match act {
                Act::Say(text) => linear.say(&text)?,
                Act::Request(request) => {
                    if requests.send(request).await.is_err() {
                        return Err(Error::SessionGone);
                    }
                }
                Act::Run { command, work, variables } => {
                    linear.say(&word!("plain-running"))?;
                    let said = run(&command, &work, &variables).await;
                    // An interrupt that was meant for the command is not meant for us.
                    while futures::poll!(Box::pin(interrupt.recv())).is_ready() {}
                    linear.say(&said)?;
                }
                Act::Quit => {
                    // The session may have ended by itself.
                    let _ = requests.send(Request::Quit).await;
                    while !matches!(events.next().await, None | Some(Event::Ended)) {}
                    return Ok(());
                }
            }
        }
        if dialogue.wants_line() && !input.asked {
            linear.prompt()?;
            input.ask();
        }
        tokio::select! {
            biased;
            _ = terminate.recv() => acts.push_back(Act::Quit),
            _ = hangup.recv() => acts.push_back(Act::Quit),
            _ = interrupt.recv() => acts.extend(dialogue.interrupt()),
            event = events.next() => match event {
                Some(Event::Ended) => return Ok(()),
                Some(event) => {
                    let mut said = dialogue.event(event);
                    if input.asked && !said.is_empty() {
                        // What is announced starts on its own line; the prompt comes again after it.
                        said.insert(0, Act::Say(String::new()));
                    }
                    let spoke = !said.is_empty();
                    acts.extend(said);
                    if spoke && input.asked {
                        while let Some(act) = acts.pop_front() {
                            match act {
                                Act::Say(text) => linear.say(&text)?,
                                other => {
                                    acts.push_front(other);
                                    break;
                                }
                            }
                        }
                        linear.prompt()?;
                    }
                }
                None => return Err(Error::SessionGone),
            },
            line = input.lines.recv(), if input.asked => {
                input.asked = false;
                match line.flatten() {
                    Some(line) => acts.extend(dialogue.line(&line)),
                    None => acts.push_back(Act::Quit),
                }
            }
        }
    }
}

/// A thread that reads a line each time it is asked.
struct Input {
    asks: std::sync::mpsc::SyncSender<()>,
    lines: mpsc::Receiver<Option<String>>,
    asked: bool,
}

impl Input {
    fn start(mut next_line: impl FnMut() -> Option<String> + Send + 'static) -> std::io::Result<Input> {
        let (asks, asked) = sync_channel::<()>(1);
        let (to_loop, lines) = mpsc::channel(1);
        std::thread::Builder::new().name("plain-input".to_owned()).spawn(move || {
            while asked.recv().is_ok() {
                if to_loop.blocking_send(next_line()).is_err() {
                    break;
                }
            }
        })?;
        Ok(Input { asks, lines, asked: false })
    }

    fn ask(&mut self) {
        self.asked = self.asks.try_send(()).is_ok();
    }
}

struct Linear<W> {
    output: W,
    characters: Characters,
}

impl<W: Write> Linear<W> {
    fn say(&mut self, text: &str) -> Result<(), Error> {
        let text = crate::text::clean(text);
        let text = match self.characters {
            Characters::Unicode => text,
            Characters::Ascii => text.chars().map(ascii).collect(),
        };
        writeln!(self.output, "{text}").and_then(|()| self.output.flush()).map_err(Error::Terminal)
    }

    fn prompt(&mut self) -> Result<(), Error> {
        write!(self.output, "> ").and_then(|()| self.output.flush()).map_err(Error::Terminal)
    }
}

/// Runs a command in the learner's environment with the program's own terminal; returns what to say of its end.
async fn run(command: &str, work: &std::path::Path, variables: &[(String, String)]) -> String {
    let mut child = tokio::process::Command::new("bash");
    if command.is_empty() {
        child.arg("-i");
    } else {
        child.args(["-c", command]);
    }
    child.current_dir(work).envs(variables.iter().cloned());
    child.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit()).kill_on_drop(true);
    match child.status().await {
        Ok(status) if status.success() => word!("plain-ran"),
        Ok(status) => match status.code() {
            Some(code) => word!("plain-ran-code", code = code),
            None => word!("plain-ran-stopped"),
        },
        Err(error) => word!("plain-not-run", why = crate::text::one_line(&error.to_string())),
    }
}

#[cfg(test)]
mod tests;
