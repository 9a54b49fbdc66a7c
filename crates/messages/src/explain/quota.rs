//! `quota_exhaustion`.

use check::kinds::quota_exhaustion::{Evidence, Range, RefusedBy, Report, Verdict};
use check::{Expectation, kinds::quota_exhaustion::Refusal};
use serde_json::Value;

use super::{Explanation, fields, sentences};
use crate::loader::say;
use crate::words::{all_clean, all_quoted, list_and, quoted, shell_word};

pub(super) fn explain(evidence: &Evidence) -> Explanation {
    let report = &evidence.report;
    let namespace = quoted(&report.namespace);
    let found = found(report);
    let expected = expected(&evidence.admitted, report.asked);
    let (count, quotas) = (report.quotas.len(), list_and(&all_quoted(&report.quotas)));
    let describe = Some(format!("kubectl describe resourcequota -n {}", shell_word(&report.namespace)));
    let (admitted, asked) = (report.admitted, report.asked);
    match report.verdict {
        Verdict::Right => Explanation {
            brief: say!("quota-right", "brief", admitted = admitted, asked = asked),
            found,
            expected,
            command: describe,
            ..Explanation::default()
        },
        Verdict::NoQuota => Explanation {
            brief: say!("quota-none", "brief", admitted = admitted, asked = asked),
            found,
            expected,
            why: if report.limit_ranges.is_empty() {
                say!("quota-none", "why", namespace = namespace)
            } else {
                say!("quota-none", "why-limits", namespace = namespace)
            },
            advice: say!("quota-none", "advice"),
            command: Some(format!("kubectl get resourcequota,limitrange -n {}", shell_word(&report.namespace))),
        },
        Verdict::TooLoose => Explanation {
            brief: say!("quota-loose", "brief", admitted = admitted, asked = asked),
            found,
            expected,
            why: if report.pending > 0 {
                say!("quota-loose", "why-nodes", count = count, quotas = quotas)
            } else if report.refused_by.is_empty() {
                say!("quota-loose", "why", count = count, quotas = quotas)
            } else {
                say!("quota-loose", "why-range", count = count, quotas = quotas)
            },
            advice: say!("quota-loose", "advice"),
            command: describe,
        },
        Verdict::TooTight => tight(report, found, expected, describe),
        Verdict::OtherRefusal => Explanation {
            brief: say!("quota-other", "brief"),
            found,
            expected,
            why: say!("quota-other", "why"),
            advice: say!("quota-other", "advice"),
            command: Some(format!("kubectl get events -n {}", shell_word(&report.namespace))),
        },
        Verdict::NotStarting => Explanation {
            brief: say!("quota-not-starting", "brief"),
            found: match &report.stuck {
                Some(reason) => say!("quota-not-starting", "found", reason = quoted(reason)),
                None => say!("quota-not-starting", "found-no-reason"),
            },
            expected,
            why: say!("quota-not-starting", "why"),
            advice: say!("quota-not-starting", "advice"),
            command: Some(format!("kubectl describe pods -n {}", shell_word(&report.namespace))),
        },
        Verdict::NothingToCopy => Explanation {
            brief: say!("quota-nothing-to-copy", "brief"),
            found: say!("quota-nothing-to-copy", "found", namespace = namespace),
            expected,
            why: say!("quota-nothing-to-copy", "why"),
            advice: say!("quota-nothing-to-copy", "advice"),
            command: Some(format!("kubectl get deployments -n {}", shell_word(&report.namespace))),
        },
        Verdict::NoNamespace => Explanation {
            brief: say!("quota-no-namespace", "brief"),
            found: say!("quota-no-namespace", "found", namespace = namespace),
            expected,
            why: say!("quota-no-namespace", "why"),
            advice: say!("quota-no-namespace", "advice"),
            command: Some("kubectl get namespaces".to_owned()),
        },
    }
}

fn tight(report: &Report, found: String, expected: String, describe: Option<String>) -> Explanation {
    let refusal = report.refused_by.first();
    let brief = say!("quota-tight", "brief", admitted = report.admitted, asked = report.asked);
    let is_limit_range = refusal.is_some_and(|refusal| refusal.kind == RefusedBy::LimitRange);
    if is_limit_range {
        return Explanation {
            brief,
            found,
            expected,
            why: say!("quota-tight", "why-limit-range"),
            advice: say!("quota-tight", "advice-limit-range"),
            command: Some(format!("kubectl describe limitrange -n {}", shell_word(&report.namespace))),
        };
    }
    match refusal {
        Some(refusal) if !refusal.unspecified.is_empty() => Explanation {
            brief,
            found,
            expected,
            why: say!("quota-tight", "why-unspecified", fields = list_and(&all_clean(&refusal.unspecified))),
            advice: say!("quota-tight", "advice-unspecified"),
            command: describe,
        },
        Some(refusal) if is_used_up(refusal) => Explanation {
            brief: say!("quota-tight", "brief-used"),
            found,
            expected,
            why: say!("quota-tight", "why-used"),
            advice: say!("quota-tight", "advice-used"),
            command: describe,
        },
        Some(_) | None => Explanation {
            brief,
            found,
            expected,
            why: say!("quota-tight", "why"),
            advice: say!("quota-tight", "advice"),
            command: describe,
        },
    }
}

/// Returns whether something else uses the quota already: `used: pods=4` rather than `used: pods=0`.
fn is_used_up(refusal: &Refusal) -> bool {
    let used = refusal.message.split_once("used: ").and_then(|(_, rest)| rest.split(", limited: ").next());
    used.is_some_and(|used| used.split(',').any(|pair| pair.split_once('=').is_some_and(|(_, value)| value != "0")))
}

fn found(report: &Report) -> String {
    let mut parts =
        vec![say!("quota-numbers", asked = report.asked, admitted = report.admitted, running = report.running)];
    if report.own > 0 && report.own < report.admitted {
        parts.push(say!("quota-own", own = report.own));
    }
    if report.pending > 0 {
        parts.push(match &report.resource {
            Some(resource) => {
                say!("quota-pending-resource", pending = report.pending, resource = quoted(resource))
            }
            None => say!("quota-pending", pending = report.pending),
        });
    }
    for refusal in &report.refused_by {
        let message = quoted(&refusal.message);
        parts.push(match (refusal.kind, &refusal.name) {
            (RefusedBy::ResourceQuota, name) => {
                let name = name.as_deref().map(quoted).unwrap_or_default();
                say!("quota-refused-by-quota", name = name, message = message)
            }
            (RefusedBy::LimitRange, Some(name)) => {
                say!("quota-refused-by-limit-range", name = quoted(name), message = message)
            }
            (RefusedBy::LimitRange, None) => say!("quota-refused-by-a-limit-range", message = message),
            (RefusedBy::Other, _) => say!("quota-refused-otherwise", message = message),
        });
        if refusal.kind == RefusedBy::ResourceQuota && !refusal.resources.is_empty() {
            let (count, names) = (refusal.resources.len(), list_and(&all_clean(&refusal.resources)));
            parts.push(say!("quota-exhausted", count = count, resource = names));
        }
    }
    if report.left > 0 {
        parts.push(say!("quota-left", left = report.left));
    }
    sentences(&parts)
}

fn expected(admitted: &Range, asked: u32) -> String {
    if *admitted == Range::default() {
        return say!("quota-expected-default", asked = asked);
    }
    let bounds = Expectation::Between { min: admitted.min.map(Value::from), max: admitted.max.map(Value::from) };
    say!("quota-expected", admitted = fields::expectation(&bounds), asked = asked)
}
