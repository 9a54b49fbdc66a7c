//! `atelier quota test`: the exhaustion test on any Namespace, apart from labs.

use check::kinds::quota_exhaustion::{Range, Report, Source, Trial, Verdict, test};
use jiff::Timestamp;

use crate::arguments::{Labs, Quota, QuotaTest, TextOrJson};
use crate::exit::{Ended, Exit, Failure, runner_failure};
use crate::output;
use crate::words::say;
use crate::{place, seat};

/// Does what the command says.
pub(crate) fn run(command: &Quota, labs: &Labs) -> Ended {
    match command {
        Quota::Test(arguments) => trial(arguments, labs),
    }
}

fn trial(arguments: &QuotaTest, labs: &Labs) -> Ended {
    let catalog = place::catalog(labs)?;
    let home = place::home()?;
    let trial = Trial {
        namespace: arguments.namespace.clone(),
        source: arguments.deployment.clone().map_or(Source::Plain, Source::Deployment),
        replicas: arguments.replicas,
        admitted: Range::default(),
        running: Range::default(),
    };
    let result = place::runtime()?.block_on(async {
        let (cancel, _listeners) = seat::cancelled_by_signals()?;
        let headless = seat::headless(&home, &catalog, &arguments.place, &cancel).await?;
        let verified = headless.verify().await.map_err(runner_failure);
        let cluster = headless.cluster(&arguments.namespace);
        let result = match verified {
            Ok(()) => Ok(test(&cluster, &trial, &headless.fresh_run(), Timestamp::now(), &cancel).await),
            Err(failure) => Err(failure),
        };
        headless.close().await;
        result
    })?;
    let report = result.map_err(|error| {
        let said = messages::check_error(&error);
        Failure::environment(said.found).hint(said.advice).source(error)
    })?;
    match arguments.format {
        TextOrJson::Json => output::print_json(&serde_json::to_value(&report).map_err(Failure::internal)?),
        TextOrJson::Text => output::print(&text(&report)),
    }
    Ok(exit(report.verdict))
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Right => Exit::Well,
        Verdict::NoQuota | Verdict::TooLoose | Verdict::TooTight | Verdict::OtherRefusal | Verdict::NotStarting => {
            Exit::Failed
        }
        Verdict::NothingToCopy | Verdict::NoNamespace => Exit::Unknown,
    }
}

fn text(report: &Report) -> String {
    let verdict = match report.verdict {
        Verdict::Right => say!("quota-right"),
        Verdict::NoQuota => say!("quota-none"),
        Verdict::TooLoose => say!("quota-too-loose"),
        Verdict::TooTight => say!("quota-too-tight"),
        Verdict::OtherRefusal => say!("quota-other-refusal"),
        Verdict::NotStarting => say!("quota-not-starting"),
        Verdict::NothingToCopy => say!("quota-nothing-to-copy"),
        Verdict::NoNamespace => say!("quota-no-namespace", namespace = messages::quoted(&report.namespace)),
    };
    let mut out = format!("{verdict}\n");
    out.push_str(&format!(
        "  {}\n",
        say!("quota-counts", asked = report.asked, admitted = report.admitted, running = report.running)
    ));
    for refusal in &report.refused_by {
        let name = messages::quoted(refusal.name.as_deref().unwrap_or("?"));
        out.push_str(&format!(
            "  {}\n    {}\n",
            say!("quota-refused", name = name),
            messages::quoted(&refusal.message)
        ));
    }
    if let Some(resource) = &report.resource {
        out.push_str(&format!("  {}\n", say!("quota-resource", resource = messages::quoted(resource))));
    }
    if report.left > 0 {
        out.push_str(&format!("  {}\n", say!("quota-left", count = report.left)));
    }
    out
}
