//! `atelier doctor`: what this machine has and lacks for which steps, and how to mend it. It looks, and changes nothing.

mod machine;

use runner::Outlook;
use serde_json::{Value, json};

use crate::arguments::{Doctor, Labs, TextOrJson};
use crate::exit::{Ended, Exit};
use crate::output::{self, Tone, paint};
use crate::place;
use crate::words::say;

/// One thing that was looked at.
pub(crate) struct Finding {
    /// A word for machines.
    id: &'static str,
    state: State,
    /// What it is about, in French.
    title: String,
    /// What was found, in French.
    found: String,
    /// What mends it, in French.
    mend: Option<String>,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Advice,
    /// Something will not work.
    Lack,
}

/// Looks at everything and prints it.
pub(crate) fn run(arguments: &Doctor, labs: &Labs) -> Ended {
    let catalog = place::catalog(labs)?;
    let runtime = place::runtime()?;
    let docker = runtime.block_on(runner::docker(|name| std::env::var_os(name)));
    let mut findings = vec![
        machine::terminal(),
        machine::colours(),
        machine::locale(),
        machine::clipboard(),
        runtime.block_on(machine::kubectl()),
        machine::docker(docker),
        machine::home(),
        machine::disk(),
        machine::contexts(),
    ];
    if arguments.contact {
        findings.push(runtime.block_on(machine::cluster()));
    }
    let steps: Vec<(String, &str, Option<String>)> = catalog
        .steps()
        .map(|step| {
            let missing = Outlook::Sandbox.lacks(step, docker);
            (step.id.to_string(), step.title.as_str(), missing.as_ref().map(messages::need))
        })
        .collect();
    match arguments.format {
        TextOrJson::Json => output::print_json(&document(&findings, &steps)),
        TextOrJson::Text => output::print(&text(&findings, &steps)),
    }
    Ok(Exit::Well)
}

fn document(findings: &[Finding], steps: &[(String, &str, Option<String>)]) -> Value {
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let state = match finding.state {
                State::Good => "good",
                State::Advice => "advice",
                State::Lack => "lack",
            };
            json!({ "id": finding.id, "state": state, "found": finding.found, "mend": finding.mend })
        })
        .collect();
    let steps: Vec<Value> =
        steps.iter().map(|(step, _, why)| json!({ "step": step, "runs": why.is_none(), "why": why })).collect();
    json!({ "format": 1, "findings": findings, "steps": steps })
}

fn text(findings: &[Finding], steps: &[(String, &str, Option<String>)]) -> String {
    let mut out = format!("{}\n", paint(Tone::Strong, &say!("doctor-machine")));
    for finding in findings {
        let (mark, tone) = match finding.state {
            State::Good => ("✔", Tone::Good),
            State::Advice => ("!", Tone::Doubtful),
            State::Lack => ("✘", Tone::Bad),
        };
        out.push_str(&format!("  {} {} {}\n", paint(tone, mark), finding.title, finding.found));
        if let Some(mend) = &finding.mend {
            out.push_str(&format!("      {mend}\n"));
        }
    }
    let here = steps.iter().filter(|(_, _, why)| why.is_none()).count();
    out.push_str(&format!("\n{}\n", paint(Tone::Strong, &say!("doctor-steps", here = here, total = steps.len()))));
    for (step, title, why) in steps {
        if let Some(why) = why {
            out.push_str(&format!("  {} {step}  {title}\n      {why}\n", paint(Tone::Bad, "✘")));
        }
    }
    out
}
