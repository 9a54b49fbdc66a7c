//! `kubernetes_object` and `condition`.

use std::time::Duration;

use check::kinds::{condition, kubernetes_object};
use check::{Fields, Finding, Target};

use super::{Explanation, fields, sentences};
use crate::loader::say;
use crate::words::{all_clean, duration, list_and, quoted, shell_word};

pub(super) fn object(evidence: &kubernetes_object::Evidence) -> Explanation {
    let subject = Subject { target: &evidence.target, fields: &evidence.fields };
    explain(&subject, evidence.absent, &evidence.finding)
}

pub(super) fn condition(evidence: &condition::Evidence) -> Explanation {
    let subject = Subject { target: &evidence.target, fields: &evidence.fields };
    let mut explanation = explain(&subject, evidence.absent, &evidence.finding);
    if !matches!(evidence.finding, Finding::Holds { .. }) {
        let waited = say!("within-note", duration = duration(Duration::from_secs(evidence.within)));
        explanation.found = sentences(&[explanation.found, waited]);
    }
    explanation
}

struct Subject<'a> {
    target: &'a Target,
    fields: &'a Fields,
}

impl Subject<'_> {
    fn thing(&self) -> String {
        let kind = quoted(&self.target.kind);
        match (&self.target.name, &self.target.selector) {
            (Some(name), _) => say!("thing-named", kind = kind, name = quoted(name)),
            (None, Some(selector)) => say!("thing-selected", kind = kind, selector = quoted(selector)),
            (None, None) => kind,
        }
    }

    fn named(&self, name: &str) -> String {
        say!("thing-named", kind = quoted(&self.target.kind), name = quoted(name))
    }

    fn place(&self) -> String {
        match &self.target.namespace {
            Some(namespace) => say!("place-namespace", namespace = quoted(namespace)),
            None => say!("place-cluster"),
        }
    }

    fn expected(&self) -> String {
        if self.fields.is_empty() {
            say!("object-expected", thing = self.thing(), place = self.place())
        } else {
            say!(
                "object-expected-fields",
                thing = self.thing(),
                place = self.place(),
                fields = fields::all(self.fields)
            )
        }
    }

    /// Returns a command that lists the objects.
    fn list(&self) -> String {
        let labels = self.target.selector.as_deref().map(|selector| format!(" -l {}", shell_word(selector)));
        format!("kubectl get {}{}{}", self.resource(), self.in_namespace(), labels.unwrap_or_default())
    }

    fn list_everywhere(&self) -> String {
        let labels = self.target.selector.as_deref().map(|selector| format!(" -l {}", shell_word(selector)));
        format!("kubectl get {} -A{}", self.resource(), labels.unwrap_or_default())
    }

    fn yaml(&self, name: &str) -> String {
        format!("kubectl get {} {}{} -o yaml", self.resource(), shell_word(name), self.in_namespace())
    }

    fn describe(&self, name: &str) -> String {
        format!("kubectl describe {} {}{}", self.resource(), shell_word(name), self.in_namespace())
    }

    fn in_namespace(&self) -> String {
        self.target.namespace.as_deref().map(|namespace| format!(" -n {}", shell_word(namespace))).unwrap_or_default()
    }

    fn resource(&self) -> String {
        shell_word(&self.target.kind.to_lowercase())
    }
}

fn explain(subject: &Subject<'_>, absent: bool, finding: &Finding) -> Explanation {
    match finding {
        Finding::Holds { names } => holds(subject, names, absent),
        Finding::Missing { others, elsewhere } => missing(subject, others, elsewhere),
        Finding::Unwanted { names } => unwanted(subject, names),
        Finding::Differs { name, fields } => differs(subject, name, fields),
        Finding::Count { found, expected } => {
            let (found, expected) = (*found, fields::expectation(expected));
            Explanation {
                brief: say!("object-count", "brief", found = found, expected = expected.clone()),
                found: say!("object-count", "found", found = found, thing = subject.thing(), place = subject.place()),
                expected: say!("object-count", "expected", expected = expected),
                why: say!("object-count", "why"),
                advice: say!("object-count", "advice"),
                command: Some(subject.list()),
            }
        }
        Finding::Forged { name, user } => Explanation {
            brief: say!("object-forged", "brief", user = quoted(user)),
            found: say!("object-forged", "found", thing = subject.named(name), user = quoted(user)),
            expected: say!("object-forged", "expected"),
            why: say!("object-forged", "why"),
            advice: say!("object-forged", "advice"),
            command: Some(subject.describe(name)),
        },
    }
}

fn holds(subject: &Subject<'_>, names: &[String], absent: bool) -> Explanation {
    if absent {
        return Explanation {
            found: say!("object-gone-found", thing = subject.thing(), place = subject.place()),
            expected: say!("object-expected-absent", thing = subject.thing(), place = subject.place()),
            command: Some(subject.list()),
            ..Explanation::default()
        };
    }
    let named: Vec<String> = names.iter().map(|name| subject.named(name)).collect();
    Explanation {
        found: say!("object-holds-found", names = list_and(&named), place = subject.place()),
        expected: subject.expected(),
        command: Some(names.first().map_or_else(|| subject.list(), |name| subject.yaml(name))),
        ..Explanation::default()
    }
}

fn missing(subject: &Subject<'_>, others: &[String], elsewhere: &[String]) -> Explanation {
    let place = subject.place();
    let nothing = say!("object-missing", "found", thing = subject.thing(), place = place.clone());
    let expected = subject.expected();
    let brief = say!("object-missing", "brief", place = place);
    let namespace = subject.target.namespace.as_deref().map(quoted).unwrap_or_default();
    if !elsewhere.is_empty() {
        let list = list_and(&all_clean(elsewhere));
        let there = say!("object-missing", "elsewhere", count = elsewhere.len(), elsewhere = list);
        return Explanation {
            brief,
            found: sentences(&[nothing, there]),
            expected,
            why: say!("object-missing", "why-elsewhere"),
            advice: say!("object-missing", "advice-elsewhere", namespace = namespace),
            command: Some(subject.list_everywhere()),
        };
    }
    if !others.is_empty() {
        let there = say!("object-missing", "others", others = list_and(&all_clean(others)));
        return Explanation {
            brief,
            found: sentences(&[nothing, there]),
            expected,
            why: say!("object-missing", "why-others"),
            advice: say!("object-missing", "advice-others"),
            command: Some(format!("kubectl get {}{} --show-labels", subject.resource(), subject.in_namespace())),
        };
    }
    Explanation {
        brief,
        found: nothing,
        expected,
        why: say!("object-missing", "why"),
        advice: say!("object-missing", "advice"),
        command: Some(subject.list()),
    }
}

fn unwanted(subject: &Subject<'_>, names: &[String]) -> Explanation {
    let named: Vec<String> = names.iter().map(|name| subject.named(name)).collect();
    let are_pods = matches!(subject.target.kind.as_str(), "Pod" | "ReplicaSet");
    Explanation {
        brief: say!("object-unwanted", "brief", count = names.len()),
        found: say!("object-unwanted", "found", names = list_and(&named), place = subject.place()),
        expected: say!("object-expected-absent", thing = subject.thing(), place = subject.place()),
        why: if are_pods { say!("object-unwanted", "why-pods") } else { say!("object-unwanted", "why") },
        advice: if are_pods { say!("object-unwanted", "advice-pods") } else { say!("object-unwanted", "advice") },
        command: Some(subject.list()),
    }
}

fn differs(subject: &Subject<'_>, name: &str, fields: &[check::FieldFinding]) -> Explanation {
    let thing = subject.named(name);
    let is_status = fields.iter().all(|field| field.path.starts_with("status"));
    let why = if is_status { say!("object-differs", "why-status") } else { fields::why(fields) };
    Explanation {
        brief: fields::brief(fields),
        found: say!("object-differs", "found", thing = thing, fields = fields::found(fields)),
        expected: say!("object-differs", "expected", fields = fields::expected(fields)),
        why,
        advice: if is_status { say!("object-differs", "advice-status") } else { say!("object-differs", "advice") },
        command: Some(if is_status { subject.describe(name) } else { subject.yaml(name) }),
    }
}
