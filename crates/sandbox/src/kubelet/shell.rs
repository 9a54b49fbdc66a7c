//! The few commands and the little shell that simulated containers understand.
//!
//! `sleep`, `echo`, `printf`, `exit`, `true`, `false`, `tail`, `cat`, `ulimit -v`, and `sh -c` with sequences (`;`, `&&`,
//! new lines) and an endless `while` loop of these. What needs more (pipes, redirections, variables) is not
//! understood: the caller lets a sleeping stand-in run instead and says so.

use std::time::Duration;

use super::images::{Memory, Program, Step, plain};

/// The longest pause that is taken at its word.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Returns the program of a command line; `None` where it is not understood.
pub(crate) fn run(line: &[&str]) -> Option<Program> {
    let mut script = Script::default();
    script.command(line)?;
    Some(Program { memory: script.memory, bound: script.bound, ..plain(script.steps) })
}

struct Script {
    steps: Vec<Step>,
    memory: Memory,
    bound: Option<u64>,
}

impl Default for Script {
    fn default() -> Self {
        Self { steps: Vec::new(), memory: Memory::Steady(super::images::MEBI), bound: None }
    }
}

impl Script {
    fn command(&mut self, line: &[&str]) -> Option<()> {
        let (first, rest) = line.split_first()?;
        let name = match first.rsplit_once('/') {
            None => *first,
            Some(("/bin" | "/usr/bin", name)) => name,
            Some(_) => return None,
        };
        match (name, rest) {
            ("sh" | "ash" | "bash", ["-c", script, ..]) => return self.script(script),
            ("sleep", times) if !times.is_empty() => {
                let total = times.iter().try_fold(Duration::ZERO, |sum, time| sum.checked_add(duration(time)?))?;
                self.steps.push(if total >= LONGEST { Step::Forever } else { Step::Sleep(total) });
            }
            ("echo", words) => {
                let words = words.strip_prefix(&["-n"]).or(words.strip_prefix(&["-e"])).unwrap_or(words);
                self.steps.push(Step::Log(words.join(" ")));
            }
            ("printf", [format, rest @ ..]) if rest.is_empty() && !format.contains('%') => {
                let lines = format.replace("\\n", "\n");
                self.steps.extend(lines.lines().map(|line| Step::Log(line.to_owned())));
            }
            ("true" | ":", _) => {}
            // A bound on the address space, in KiB.
            ("ulimit", ["-v", kibibytes]) => self.bound = Some(kibibytes.parse::<u64>().ok()?.saturating_mul(1024)),
            ("false", _) => self.steps.push(Step::Exit(1)),
            ("exit", []) => self.steps.push(Step::Exit(0)),
            ("exit", [code]) => self.steps.push(Step::Exit(i32::from(code.parse::<u8>().ok()?))),
            // Nothing comes to standard input: these end at once.
            ("sh" | "ash" | "bash" | "cat", []) => self.steps.push(Step::Exit(0)),
            // `tail` keeps the whole last line, and /dev/zero has no end of line.
            ("tail", ["/dev/zero"] | ["-c" | "-n", _, "/dev/zero"]) => {
                self.memory = Memory::Growing;
                self.steps.push(Step::Forever);
            }
            ("tail", ["-f" | "-F", "/dev/null"]) => self.steps.push(Step::Forever),
            _ => return None,
        }
        Some(())
    }

    fn script(&mut self, script: &str) -> Option<()> {
        if script.len() > 16 * 1024 {
            return None;
        }
        let commands = split(script)?;
        let mut at = 0;
        while at < commands.len() {
            let words: Vec<&str> = commands[at].iter().map(String::as_str).collect();
            match words.as_slice() {
                [] => {}
                ["while", "true" | ":"] => {
                    let end = (at + 1..commands.len()).find(|end| commands[*end] == ["done"])?;
                    let start = self.steps.len();
                    for (index, body) in commands[at + 1..end].iter().enumerate() {
                        let mut body: Vec<&str> = body.iter().map(String::as_str).collect();
                        if index == 0 {
                            (body.first() == Some(&"do")).then(|| body.remove(0))?;
                        }
                        if !body.is_empty() {
                            self.command(&body)?;
                        }
                    }
                    self.steps.push(Step::Repeat(start));
                    at = end;
                }
                ["exec", rest @ ..] => return self.command(rest),
                words => self.command(words)?,
            }
            at += 1;
        }
        Some(())
    }
}

/// Splits a script into commands and words; `None` where it uses what is not understood.
fn split(script: &str) -> Option<Vec<Vec<String>>> {
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = script.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some('"'), '$' | '`') | (None, '$' | '`' | '|' | '<' | '>' | '(' | ')' | '*' | '?') => return None,
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().push(letters.next()?),
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, ';' | '\n') => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            (None, '&') => {
                // A task in the background needs a real shell.
                letters.next_if_eq(&'&')?;
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return None;
    }
    words.extend(word);
    commands.push(words);
    Some(commands)
}

/// Reads `5`, `1.5`, `2m`, `1h`, `1d` or `infinity`.
fn duration(time: &str) -> Option<Duration> {
    if matches!(time, "infinity" | "inf") {
        return Some(LONGEST);
    }
    let unit = match time.chars().last()? {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86_400.0,
        _ => 0.0,
    };
    let (number, unit) = if unit == 0.0 { (time, 1.0) } else { (&time[..time.len() - 1], unit) };
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let seconds = number.parse::<f64>().ok()? * unit;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: &[Step]) {
        let program = run(&["sh", "-c", script]).unwrap_or_else(|| panic!("{script} is understood"));
        assert_eq!(program.steps, expected, "{script}");
    }

    #[test]
    fn simple_scripts_are_understood() {
        let log = |line: &str| Step::Log(line.to_owned());
        let second = Step::Sleep(Duration::from_secs(1));
        check("echo hi; exit 3", &[log("hi"), Step::Exit(3)]);
        check("echo 'a  b' && sleep 1", &[log("a  b"), second.clone()]);
        check("while true; do echo x; sleep 1; done", &[log("x"), second, Step::Repeat(0)]);
        check("sleep infinity", &[Step::Forever]);
        check("sleep 1m\n/bin/false", &[Step::Sleep(Duration::from_secs(60)), Step::Exit(1)]);
        assert_eq!(run(&["tail", "/dev/zero"]).unwrap().memory, Memory::Growing);
        let bounded = run(&["sh", "-c", "ulimit -v 1048576 && exec tail /dev/zero"]).unwrap();
        assert_eq!((bounded.memory, bounded.bound), (Memory::Growing, Some(1 << 30)));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        for script in
            ["echo $HOME", "ls | wc -l", "echo a > b", "sleep 5 &", "echo 'a", "wget x", "exit 999", "while true; do"]
        {
            assert_eq!(run(&["sh", "-c", script]), None, "{script}");
        }
        assert_eq!(run(&["sleep", "1e9"]), None);
    }
}
