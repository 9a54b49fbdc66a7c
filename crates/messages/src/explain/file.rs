//! `file_content`.

use check::kinds::file_content::{Evidence, Finding};

use super::{Explanation, fields, sentences};
use crate::loader::say;
use crate::words::{self, all_clean, all_quoted, list_and, list_or, quoted, shell_word};

pub(super) fn explain(evidence: &Evidence) -> Explanation {
    let path = quoted(&evidence.path);
    let expected = say!("file-expected", path = path.clone());
    let show = Some(format!("cat {}", shell_word(&evidence.path)));
    let look = Some("ls -l".to_owned());
    match &evidence.finding {
        Finding::Holds => Explanation {
            found: say!("file-holds-found", path = path),
            expected,
            command: show,
            ..Explanation::default()
        },
        Finding::Missing => Explanation {
            brief: say!("file-missing", "brief"),
            found: say!("file-missing", "found", path = path),
            expected,
            why: say!("file-missing", "why"),
            advice: say!("file-missing", "advice"),
            command: look,
        },
        Finding::NotAFile => Explanation {
            brief: say!("file-not-a-file", "brief"),
            found: say!("file-not-a-file", "found", path = path),
            expected,
            why: say!("file-not-a-file", "why"),
            advice: say!("file-not-a-file", "advice"),
            command: look,
        },
        Finding::Outside => Explanation {
            brief: say!("file-outside", "brief"),
            found: say!("file-outside", "found", path = path),
            expected,
            why: say!("file-outside", "why"),
            advice: say!("file-outside", "advice"),
            command: look,
        },
        Finding::TooBig { size } => Explanation {
            brief: say!("file-too-big", "brief"),
            found: say!("file-too-big", "found", path = path, size = weight(*size)),
            expected: say!("file-too-big", "expected"),
            why: say!("file-too-big", "why"),
            advice: say!("file-too-big", "advice"),
            command: look,
        },
        Finding::NotText => Explanation {
            brief: say!("file-not-text", "brief"),
            found: say!("file-not-text", "found", path = path),
            expected,
            why: say!("file-not-text", "why"),
            advice: say!("file-not-text", "advice"),
            command: Some(format!("file {}", shell_word(&evidence.path))),
        },
        Finding::Unreadable(unreadable) => {
            let place = if unreadable.line == 0 {
                say!("file-unreadable", "found-nowhere", path = path)
            } else {
                say!("file-unreadable", "found", path = path, line = unreadable.line, column = unreadable.column)
            };
            Explanation {
                brief: say!("file-unreadable", "brief", line = unreadable.line),
                found: sentences(&[place, say!("file-unreadable", "reason", reason = quoted(&unreadable.reason))]),
                expected,
                why: say!("file-unreadable", "why"),
                advice: say!("file-unreadable", "advice"),
                command: Some(format!("cat -n {}", shell_word(&evidence.path))),
            }
        }
        Finding::NoDocument { kinds } => no_document(evidence, path, kinds),
        Finding::Differs { fields } => differs(path, fields, show),
        Finding::Text { missing, unwanted } => text(path, missing, unwanted, show),
    }
}

fn no_document(evidence: &Evidence, path: String, kinds: &[String]) -> Explanation {
    let wanted: Vec<String> = evidence
        .document
        .iter()
        .map(|(key, value)| say!("field-is", path = quoted(key), value = words::value(value)))
        .collect();
    Explanation {
        brief: say!("file-no-document", "brief"),
        found: if kinds.is_empty() {
            say!("file-no-document", "found", path = path)
        } else {
            say!("file-no-document", "found-kinds", path = path, kinds = list_and(&all_clean(kinds)))
        },
        expected: say!("file-no-document", "expected", fields = list_and(&wanted)),
        why: say!("file-no-document", "why"),
        advice: say!("file-no-document", "advice"),
        command: Some(format!("cat {}", shell_word(&evidence.path))),
    }
}

fn differs(path: String, fields: &[check::FieldFinding], command: Option<String>) -> Explanation {
    Explanation {
        brief: fields::brief(fields),
        found: say!("file-differs", "found", path = path, fields = fields::found(fields)),
        expected: say!("file-differs", "expected", fields = fields::expected(fields)),
        why: fields::why(fields),
        advice: say!("file-differs", "advice"),
        command,
    }
}

fn text(path: String, missing: &[String], unwanted: &[String], command: Option<String>) -> Explanation {
    match (missing.first(), unwanted.first()) {
        (Some(first), _) => {
            let texts = list_and(&all_quoted(missing));
            Explanation {
                brief: say!("file-text-missing", "brief", text = say!("in-quotes", text = quoted(first))),
                found: say!("file-text-missing", "found", path = path, texts = texts.clone()),
                expected: say!("file-text-missing", "expected", texts = texts),
                why: say!("file-text-missing", "why"),
                advice: say!("file-text-missing", "advice"),
                command,
            }
        }
        (None, Some(first)) => {
            let texts = all_quoted(unwanted);
            Explanation {
                brief: say!("file-text-unwanted", "brief", text = say!("in-quotes", text = quoted(first))),
                found: say!("file-text-unwanted", "found", path = path, texts = list_and(&texts)),
                expected: say!("file-text-unwanted", "expected", texts = list_or(&texts)),
                why: say!("file-text-unwanted", "why"),
                advice: say!("file-text-unwanted", "advice"),
                command,
            }
        }
        (None, None) => Explanation::default(),
    }
}

/// Says a number of bytes, in mebibytes.
fn weight(bytes: u64) -> String {
    let tenths = bytes / (1024 * 1024 / 10);
    let (whole, tenth) = (tenths / 10, tenths % 10);
    say!("weight-mebibytes", whole = whole, tenth = tenth)
}
