//! `command_output`.

use check::command::Exit;
use check::kinds::command_output::Evidence;

use super::{Explanation, sentences};
use crate::loader::say;
use crate::words::{all_quoted, list_and, list_or, quoted};

pub(super) fn explain(evidence: &Evidence) -> Explanation {
    let command = one_line(&evidence.command);
    match evidence.exit {
        Exit::Signal(signal) => Explanation {
            brief: say!("command-signal", "brief", signal = signal),
            found: sentences(&[say!("command-signal", "found", signal = signal), says(evidence)]),
            expected: say!("command-expected-exit", code = evidence.expected_exit),
            why: say!("command-signal", "why", signal = signal),
            advice: say!("command-signal", "advice"),
            command,
        },
        Exit::Code(code) if code != evidence.expected_exit => Explanation {
            brief: say!("command-exit", "brief", code = code, expected = evidence.expected_exit),
            found: sentences(&[say!("command-exit", "found", code = code), says(evidence)]),
            expected: say!("command-expected-exit", code = evidence.expected_exit),
            why: if code == 0 { say!("command-exit", "why-zero") } else { say!("command-exit", "why") },
            advice: say!("command-exit", "advice"),
            command,
        },
        Exit::Code(_) => output(evidence, command),
    }
}

fn output(evidence: &Evidence, command: Option<String>) -> Explanation {
    if let Some(first) = evidence.missing.first() {
        let texts = list_and(&all_quoted(&evidence.missing));
        return Explanation {
            brief: say!("command-missing", "brief", text = say!("in-quotes", text = quoted(first))),
            found: sentences(&[say!("command-missing", "found", texts = texts.clone()), says(evidence)]),
            expected: say!("command-expected-contains", texts = texts),
            why: say!("command-missing", "why"),
            advice: say!("command-missing", "advice"),
            command,
        };
    }
    if let Some(first) = evidence.unwanted.first() {
        let texts = all_quoted(&evidence.unwanted);
        return Explanation {
            brief: say!("command-unwanted", "brief", text = say!("in-quotes", text = quoted(first))),
            found: say!("command-unwanted", "found", texts = list_and(&texts)),
            expected: say!("command-expected-excludes", texts = list_or(&texts)),
            why: say!("command-unwanted", "why"),
            advice: say!("command-unwanted", "advice"),
            command,
        };
    }
    if let Some(pattern) = &evidence.unmatched {
        return Explanation {
            brief: say!("command-unmatched", "brief"),
            found: sentences(&[say!("command-unmatched", "found"), says(evidence)]),
            expected: say!("command-expected-matches", pattern = quoted(pattern)),
            why: say!("command-unmatched", "why"),
            advice: say!("command-unmatched", "advice"),
            command,
        };
    }
    Explanation {
        found: say!("command-found-pass"),
        expected: say!("command-expected-exit", code = evidence.expected_exit),
        command,
        ..Explanation::default()
    }
}

/// Quotes what tells most: the last line of the errors, else the first one of the output.
fn says(evidence: &Evidence) -> String {
    let errors = evidence.errors.text.lines().rev().find(|line| !line.trim().is_empty());
    let output = evidence.output.text.lines().find(|line| !line.trim().is_empty());
    let told = match evidence.exit {
        Exit::Code(0) => output.or(errors),
        Exit::Code(_) | Exit::Signal(_) => errors.or(output),
    };
    match told {
        Some(line) => say!("command-says", text = quoted(line)),
        None => say!("command-silent"),
    }
}

/// Returns the command where it can be typed on one line.
fn one_line(command: &str) -> Option<String> {
    let command = command.trim();
    let clean = crate::sanitize(command);
    (clean == command && !command.contains('\n')).then_some(clean)
}
