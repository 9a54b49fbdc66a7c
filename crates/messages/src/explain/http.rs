//! `http_answer`.

use check::kinds::http_answer::{Evidence, Finding};

use super::Explanation;
use crate::loader::say;
use crate::words::{all_quoted, list_and, list_or, quoted, shell_word};

pub(super) fn explain(evidence: &Evidence) -> Explanation {
    let url = quoted(&evidence.url);
    let wanted = evidence.expected_status;
    let expected = say!("http-expected", status = wanted, url = url.clone());
    let command = Some(format!("curl -i {}", shell_word(&evidence.url)));
    match &evidence.finding {
        Finding::Refused => Explanation {
            brief: say!("http-refused", "brief"),
            found: say!("http-refused", "found", url = url),
            expected,
            why: say!("http-refused", "why"),
            advice: say!("http-refused", "advice"),
            command,
        },
        Finding::NotHttp => Explanation {
            brief: say!("http-not-http", "brief"),
            found: say!("http-not-http", "found", url = url),
            expected,
            why: say!("http-not-http", "why"),
            advice: say!("http-not-http", "advice"),
            command,
        },
        Finding::Answer { status, location, .. } if *status != wanted => {
            let (status, class) = (*status, *status / 100);
            Explanation {
                brief: say!("http-status", "brief", status = status, expected = wanted),
                found: match location {
                    Some(location) => {
                        say!("http-status", "found-redirect", url = url, status = status, location = quoted(location))
                    }
                    None => say!("http-status", "found", url = url, status = status),
                },
                expected,
                why: say!("http-status", "why", class = class),
                advice: say!("http-status", "advice"),
                command,
            }
        }
        Finding::Answer { status, missing, unwanted, .. } => {
            let status = *status;
            if let Some(first) = missing.first() {
                let texts = list_and(&all_quoted(missing));
                return Explanation {
                    brief: say!("http-missing", "brief", text = say!("in-quotes", text = quoted(first))),
                    found: say!("http-missing", "found", url = url.clone(), status = status, texts = texts.clone()),
                    expected: say!("http-expected-contains", status = wanted, url = url, texts = texts),
                    why: say!("http-missing", "why"),
                    advice: say!("http-missing", "advice"),
                    command,
                };
            }
            if let Some(first) = unwanted.first() {
                let texts = all_quoted(unwanted);
                return Explanation {
                    brief: say!("http-unwanted", "brief", text = say!("in-quotes", text = quoted(first))),
                    found: say!("http-unwanted", "found", url = url.clone(), status = status, texts = list_and(&texts)),
                    expected: say!("http-expected-excludes", status = wanted, url = url, texts = list_or(&texts)),
                    why: say!("http-unwanted", "why"),
                    advice: say!("http-unwanted", "advice"),
                    command,
                };
            }
            Explanation {
                found: say!("http-holds-found", url = url, status = status),
                expected,
                command,
                ..Explanation::default()
            }
        }
    }
}
