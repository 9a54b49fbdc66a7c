//! `question`.

use check::kinds::question::{Evidence, Finding, Form};

use super::Explanation;
use crate::loader::say;
use crate::words::{all_clean, list_or, quoted};

pub(super) fn explain(evidence: &Evidence) -> Explanation {
    let given = evidence.given.as_deref().map(quoted).unwrap_or_default();
    let expected = match &evidence.form {
        Form::Choice { letters } => say!("question-expected-choice", letters = list_or(&all_clean(letters))),
        Form::Number => say!("question-expected-number"),
        Form::Text => say!("question-expected-text"),
    };
    match evidence.finding {
        Finding::Right => {
            Explanation { found: say!("question-right-found", given = given), expected, ..Explanation::default() }
        }
        Finding::Unanswered => Explanation {
            brief: say!("question-unanswered", "brief"),
            found: say!("question-unanswered", "found"),
            expected,
            why: say!("question-unanswered", "why"),
            advice: say!("question-unanswered", "advice"),
            command: None,
        },
        Finding::NotAChoice => Explanation {
            brief: say!("question-not-a-choice", "brief"),
            found: say!("question-not-a-choice", "found", given = given),
            expected,
            why: say!("question-not-a-choice", "why"),
            advice: say!("question-not-a-choice", "advice"),
            command: None,
        },
        Finding::NotANumber => Explanation {
            brief: say!("question-not-a-number", "brief"),
            found: say!("question-not-a-number", "found", given = given),
            expected,
            why: say!("question-not-a-number", "why"),
            advice: say!("question-not-a-number", "advice"),
            command: None,
        },
        Finding::Wrong => Explanation {
            brief: say!("question-wrong", "brief"),
            found: say!("question-wrong", "found", given = given),
            expected,
            why: match evidence.form {
                Form::Text => say!("question-wrong", "why-text"),
                Form::Choice { .. } | Form::Number => say!("question-wrong", "why"),
            },
            advice: say!("question-wrong", "advice"),
            command: None,
        },
    }
}
