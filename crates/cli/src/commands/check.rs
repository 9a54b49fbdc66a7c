//! `atelier check`: the checks of a step or of a course, for people and for machines.

use lab::{Catalog, Course, StepId, Verdict};
use runner::{EnvironmentView, Report, StepReport};
use serde_json::{Value, json};

use crate::arguments::{Check, CheckFormat, Labs};
use crate::exit::{Ended, Exit, Failure, runner_failure};
use crate::output::{self, Tone, paint};
use crate::words::say;
use crate::{place, seat};

/// Runs checks and prints what they found.
pub(crate) fn run(arguments: &Check, labs: &Labs) -> Ended {
    let catalog = place::catalog(labs)?;
    let home = place::home()?;
    let (course, steps) = wanted(&catalog, &home, arguments.at.as_deref())?;
    seat::accept(&home, course, labs)?;
    let report = place::runtime()?.block_on(async {
        let (cancel, _listeners) = seat::cancelled_by_signals()?;
        let mut headless = seat::headless(&home, &catalog, &arguments.place, &cancel).await?;
        let report = headless.check(&steps).await;
        headless.close().await;
        report.map_err(runner_failure)
    })?;
    let steps = explained(course, report.steps.as_slice());
    match arguments.format {
        CheckFormat::Text => output::print(&text(&steps)),
        CheckFormat::Json => output::print_json(&document(course, &report, &steps)),
        CheckFormat::Junit => output::print(&junit(&steps)),
        CheckFormat::Tap => output::print(&tap(&steps)),
    }
    Ok(exit(&report))
}

/// The course and the steps that a word means: a whole course, one step, or the learner's current step.
fn wanted<'a>(
    catalog: &'a Catalog,
    home: &runner::Home,
    at: Option<&str>,
) -> Result<(&'a Course, Vec<StepId>), Failure> {
    let no_course = || Failure::learner(say!("no-current-step")).hint(say!("no-step-hint"));
    if let Some(at) = at {
        let name = at.trim_end_matches('/');
        if let Some(course) = catalog.courses().iter().find(|course| course.id.0 == name) {
            return Ok((course, course.steps.iter().map(|step| step.id.clone()).collect()));
        }
        let step = place::find(catalog, name)?;
        return Ok((catalog.course(&step.course).ok_or_else(no_course)?, vec![step]));
    }
    let current = place::store(home)?.progress().current.clone().ok_or_else(no_course)?;
    Ok((catalog.course(&current.course).ok_or_else(no_course)?, vec![current]))
}

/// A failure wins over «could not tell»: the learner has something to do.
fn exit(report: &Report) -> Exit {
    let outcomes: Vec<Verdict> = report.steps.iter().map(StepReport::outcome).collect();
    if outcomes.contains(&Verdict::Fail) {
        Exit::Failed
    } else if outcomes.contains(&Verdict::Unknown) {
        Exit::Unknown
    } else {
        Exit::Well
    }
}

struct Explained<'a> {
    report: &'a StepReport,
    title: &'a str,
    why_not: Option<String>,
    checks: Vec<ExplainedCheck<'a>>,
}

struct ExplainedCheck<'a> {
    check: &'a lab::Check,
    verdict: Verdict,
    words: messages::Explanation,
}

fn verdict(result: &Result<check::Outcome, check::Error>) -> Verdict {
    match result {
        Ok(check::Outcome::Pass(_)) => Verdict::Pass,
        Ok(check::Outcome::Fail(_)) => Verdict::Fail,
        Err(_) => Verdict::Unknown,
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Unknown => "unknown",
    }
}

fn explained<'a>(course: &'a Course, steps: &'a [StepReport]) -> Vec<Explained<'a>> {
    steps
        .iter()
        .filter_map(|report| {
            let step = course.step(&report.step.step)?;
            let checks = report
                .checks
                .iter()
                .filter_map(|(id, result)| {
                    let check = step.checks.iter().find(|check| check.id == *id)?;
                    Some(ExplainedCheck { check, verdict: verdict(result), words: messages::explain(check, result) })
                })
                .collect();
            let why_not = report.impossible.as_ref().map(messages::need);
            Some(Explained { report, title: &step.title, why_not, checks })
        })
        .collect()
}

fn text(steps: &[Explained<'_>]) -> String {
    let mut out = String::new();
    for step in steps {
        let score = say!("list-points", points = step.report.points, max = step.report.max);
        out.push_str(&format!("{}  {score}\n", paint(Tone::Strong, step.title)));
        if let Some(why) = &step.why_not {
            out.push_str(&format!("  {} {why}\n", paint(Tone::Doubtful, "?")));
        }
        for item in &step.checks {
            let (mark, state, tone) = match item.verdict {
                Verdict::Pass => ("✔", say!("verdict-pass"), Tone::Good),
                Verdict::Fail => ("✘", say!("verdict-fail"), Tone::Bad),
                Verdict::Unknown => ("?", say!("verdict-unknown"), Tone::Doubtful),
            };
            let points = messages::points(item.check.points);
            out.push_str(&format!("  {} {}  ({state}, {points})\n", paint(tone, mark), item.check.title));
            if item.verdict != Verdict::Pass {
                let lines = [
                    (say!("check-found"), &item.words.found),
                    (say!("check-expected"), &item.words.expected),
                    (say!("check-why"), &item.words.why),
                    (say!("check-try"), &item.words.advice),
                ];
                for (title, sentence) in lines.iter().filter(|(_, sentence)| !sentence.is_empty()) {
                    let sentence = sentence.replace('\n', "\n      ");
                    out.push_str(&format!("      {} {sentence}\n", paint(Tone::Faint, title)));
                }
                if let Some(command) = &item.words.command {
                    out.push_str(&format!("      $ {command}\n"));
                }
            }
        }
        out.push('\n');
    }
    out
}

fn document(course: &Course, report: &Report, steps: &[Explained<'_>]) -> Value {
    let (environment, kubernetes) = match &report.environment {
        EnvironmentView::Sandbox { version, .. } => ("sandbox", version.clone()),
        EnvironmentView::Cluster { version, .. } => ("cluster", version.clone()),
        EnvironmentView::Unconfirmed { .. } => ("cluster", String::new()),
        EnvironmentView::Starting | EnvironmentView::Missing => ("sandbox", String::new()),
    };
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| {
            let checks: Vec<Value> = step
                .checks
                .iter()
                .map(|item| {
                    json!({
                        "id": item.check.id.0,
                        "outcome": word(item.verdict),
                        "found": item.words.found,
                        "expected": item.words.expected,
                        "why": item.words.why,
                        "try": item.words.advice,
                    })
                })
                .collect();
            json!({
                "step": step.report.step.to_string(),
                "outcome": word(step.report.outcome()),
                "points": step.report.points,
                "max": step.report.max,
                "hints": step.report.hints,
                "solutionSeen": step.report.solution_seen,
                "checks": checks,
            })
        })
        .collect();
    json!({
        "format": 1,
        "course": course.id.0,
        "courseDigest": course.digest,
        "environment": environment,
        "kubernetes": kubernetes,
        "learner": report.learner,
        "at": report.at.to_string(),
        "steps": steps,
    })
}

/// JUnit's XML, as Jenkins and GitLab read it: one testsuite a step.
fn junit(steps: &[Explained<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"atelier\">\n");
    for step in steps {
        let count = |wanted: Verdict| step.checks.iter().filter(|item| item.verdict == wanted).count();
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
            escaped(&step.report.step.to_string()),
            step.checks.len().max(usize::from(step.why_not.is_some())),
            count(Verdict::Fail),
            count(Verdict::Unknown) + usize::from(step.why_not.is_some()),
        ));
        if let Some(why) = &step.why_not {
            out.push_str(&format!(
                "    <testcase classname=\"{0}\" name=\"{0}\">\n      <error message=\"{1}\"/>\n    </testcase>\n",
                escaped(&step.report.step.to_string()),
                escaped(why)
            ));
        }
        for item in &step.checks {
            let case = format!(
                "    <testcase classname=\"{}\" name=\"{}\"",
                escaped(&step.report.step.to_string()),
                escaped(&item.check.title)
            );
            let element = match item.verdict {
                Verdict::Pass => {
                    out.push_str(&format!("{case}/>\n"));
                    continue;
                }
                Verdict::Fail => "failure",
                Verdict::Unknown => "error",
            };
            let body = [&item.words.expected, &item.words.why, &item.words.advice]
                .into_iter()
                .filter(|sentence| !sentence.is_empty())
                .map(|sentence| escaped(sentence))
                .collect::<Vec<_>>()
                .join("\n");
            out.push_str(&format!(
                "{case}>\n      <{element} message=\"{}\">{body}</{element}>\n    </testcase>\n",
                escaped(&item.words.found)
            ));
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Escapes text for XML 1.0, which forbids most control characters even as references.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            other if other.is_control() || other == '\u{fffe}' || other == '\u{ffff}' => {}
            other => out.push(other),
        }
    }
    out
}

/// The Test Anything Protocol, version 14; `unknown` is a failure with a directive in its diagnostics.
fn tap(steps: &[Explained<'_>]) -> String {
    let impossible = steps.iter().filter(|step| step.why_not.is_some()).count();
    let total: usize = steps.iter().map(|step| step.checks.len()).sum::<usize>() + impossible;
    let mut out = format!("TAP version 14\n1..{total}\n");
    let mut number = 0;
    let line = |text: &str| text.replace('\n', " ").replace('#', "\\#");
    for step in steps {
        if let Some(why) = &step.why_not {
            number += 1;
            out.push_str(&format!(
                "not ok {number} - {}\n  ---\n  outcome: unknown\n  found: {}\n  ...\n",
                step.report.step,
                quoted(why)
            ));
        }
        for item in &step.checks {
            number += 1;
            let mark = if item.verdict == Verdict::Pass { "ok" } else { "not ok" };
            out.push_str(&format!("{mark} {number} - {}: {}\n", step.report.step, line(&item.check.title)));
            if item.verdict != Verdict::Pass {
                out.push_str(&format!(
                    "  ---\n  outcome: {}\n  found: {}\n  expected: {}\n  try: {}\n  ...\n",
                    word(item.verdict),
                    quoted(&item.words.found),
                    quoted(&item.words.expected),
                    quoted(&item.words.advice)
                ));
            }
        }
    }
    out
}

/// A YAML double-quoted scalar, which JSON's strings are.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_takes_no_control_characters() {
        assert_eq!(escaped("a<b>&\"\u{1b}[31m\n"), "a&lt;b&gt;&amp;&quot;[31m&#10;");
    }
}
