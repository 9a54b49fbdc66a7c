//! `atelier lab`: the author's verbs.

use std::fs;
use std::path::{Path, PathBuf};

use lab::{Severity, StepId};
use runner::{LabTest, Problem, Settings};
use serde_json::{Value, json};

use crate::arguments::{Lab, Labs, Place, TextOrJson};
use crate::exit::{Ended, Exit, Failure, Kind, runner_failure};
use crate::output::{self, Tone, paint};
use crate::words::say;
use crate::{place, seat};

/// Does what the command says.
pub(crate) fn run(command: &Lab, labs: &Labs) -> Ended {
    match command {
        Lab::New { step } => new(step, labs),
        Lab::Lint { path, format } => lint(path.as_deref(), *format, labs),
        Lab::Test { steps, place } => test(steps, place, labs),
    }
}

/// The folder where labs are written: the one named, else the current one.
fn root(labs: &Labs) -> PathBuf {
    labs.labs.clone().unwrap_or_else(|| PathBuf::from("."))
}

fn new(name: &str, labs: &Labs) -> Ended {
    let id = StepId::try_from(name.to_owned()).map_err(|_not_a_step| {
        Failure::learner(say!("lab-bad-name", name = messages::quoted(name))).hint(say!("lab-bad-name-hint"))
    })?;
    let root = root(labs);
    let course = fs::read_to_string(root.join(format!("labs/{}/course.yaml", id.course.0))).ok();
    let scaffold = lab::scaffold(&id, course.as_deref()).map_err(|error| {
        let said = messages::no_scaffold(&error);
        Failure::learner(said.what).hint(said.mend)
    })?;
    for (path, text) in &scaffold.new {
        let file = root.join(path);
        if file.exists() {
            return Err(Failure::learner(say!("lab-exists", path = file.display().to_string())));
        }
        write(&file, text)?;
        output::print(&format!("{}\n", file.display()));
    }
    match &scaffold.course {
        Some((path, text)) => {
            let file = root.join(path);
            write(&file, text)?;
            output::print(&format!("{}\n", file.display()));
        }
        None => output::note(&say!("lab-add-to-course", step = id.step.clone())),
    }
    Ok(Exit::Well)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::environment(say!("file-unwritable", path = file.display().to_string())).source(error)
    };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(file, text).map_err(failed)
}

fn lint(path: Option<&Path>, format: TextOrJson, labs: &Labs) -> Ended {
    let target = path.map_or_else(|| root(labs), Path::to_owned);
    let diagnostics = lab::lint_path(&target).map_err(|error| {
        let said = messages::unreadable(&error);
        Failure::new(Kind::Learner, said.what).hint(said.mend)
    })?;
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error).count();
    match format {
        TextOrJson::Json => {
            let items: Vec<Value> = diagnostics
                .iter()
                .map(|diagnostic| {
                    let said = messages::diagnostic(diagnostic);
                    let severity = match diagnostic.severity() {
                        Severity::Error => "error",
                        Severity::Warning => "warning",
                    };
                    json!({
                        "file": diagnostic.file, "line": diagnostic.line, "column": diagnostic.column,
                        "severity": severity, "message": said.what, "mend": said.mend,
                    })
                })
                .collect();
            output::print_json(&json!({ "format": 1, "errors": errors, "diagnostics": items }));
        }
        TextOrJson::Text => {
            for diagnostic in &diagnostics {
                let mend = messages::diagnostic(diagnostic).mend;
                output::print(&format!("{}\n    {mend}\n", messages::diagnostic_line(diagnostic)));
            }
            let warnings = diagnostics.len() - errors;
            output::note(&say!("lint-total", errors = errors, warnings = warnings));
        }
    }
    Ok(if errors > 0 { Exit::Failed } else { Exit::Well })
}

fn test(names: &[String], place: &Place, labs: &Labs) -> Ended {
    let mut catalog = place::catalog(labs)?;
    // An author's step lies where `lab new` wrote it: in the current folder, where the program has none of that name.
    let own = Labs { labs: Some(root(labs)), accept: labs.accept.clone() };
    if labs.labs.is_none() && root(labs).join("labs").is_dir() {
        let unknown = |name: &String| {
            let course = name.split('/').next().unwrap_or_default();
            catalog.courses().iter().all(|known| known.id.0 != course)
        };
        if names.iter().any(unknown) {
            catalog = place::catalog(&own)?;
        }
    }
    let mut steps = Vec::new();
    for name in names {
        match catalog.courses().iter().find(|course| course.id.0 == name.trim_end_matches('/')) {
            Some(course) => steps.extend(course.steps.iter().map(|step| step.id.clone())),
            None => steps.push(place::find(&catalog, name)?),
        }
    }
    if names.is_empty() {
        steps.extend(catalog.steps().map(|step| step.id.clone()));
    }
    let home = place::home()?;
    for course in catalog.courses().iter().filter(|course| steps.iter().any(|step| step.course == course.id)) {
        seat::accept(&home, course, labs)?;
    }
    let settings = Settings {
        catalog: catalog.clone(),
        choice: seat::choice(place, runner::Confirmation::Asked, sandbox::Pace::Fast),
        stand_in: std::env::current_exe().ok(),
        variables: runner::own_variables(),
    };
    let mut failed = 0;
    let mut impossible = 0;
    place::runtime()?.block_on(async {
        let (cancel, _listeners) = seat::cancelled_by_signals()?;
        for step in &steps {
            let result = runner::lab_test(&settings, step, &cancel).await.map_err(runner_failure)?;
            failed += usize::from(!result.problems.is_empty());
            impossible += usize::from(result.impossible.is_some());
            output::print(&report(&catalog, &result));
        }
        Ok::<(), Failure>(())
    })?;
    output::note(&say!("lab-test-total", steps = steps.len(), failed = failed, impossible = impossible));
    Ok(match (failed, impossible) {
        (0, 0) => Exit::Well,
        (0, _) => Exit::Unknown,
        (_, _) => Exit::Failed,
    })
}

fn report(catalog: &lab::Catalog, result: &LabTest) -> String {
    let took = messages::duration(result.took);
    if let Some(need) = &result.impossible {
        return format!("{} {}  {}\n", paint(Tone::Doubtful, "?"), result.step, messages::need(need));
    }
    if result.problems.is_empty() {
        return format!("{} {}  {took}\n", paint(Tone::Good, "✔"), result.step);
    }
    let mut out = format!("{} {}  {took}\n", paint(Tone::Bad, "✘"), result.step);
    for problem in &result.problems {
        for line in problem_text(catalog, &result.step, problem).lines() {
            out.push_str(&format!("    {line}\n"));
        }
    }
    out
}

fn problem_text(catalog: &lab::Catalog, step: &StepId, problem: &Problem) -> String {
    let with_result = |sentence: String, id: &lab::CheckId, result: &Result<check::Outcome, check::Error>| {
        let check = catalog.step(step).and_then(|step| step.checks.iter().find(|check| check.id == *id));
        match check.map(|check| messages::explain(check, result)) {
            Some(words) => format!("{sentence}\n  {} {}", say!("check-found"), words.found),
            None => sentence,
        }
    };
    match problem {
        Problem::PassesUntouched(id) => say!("lab-passes-untouched", check = id.0.clone()),
        Problem::UnknownUntouched(id, error) => {
            let words = messages::check_error(error);
            format!(
                "{}\n  {} {}",
                say!("lab-unknown-untouched", check = id.0.clone()),
                say!("check-found"),
                words.found
            )
        }
        Problem::GuardFails(id, result) => with_result(say!("lab-guard-fails", check = id.0.clone()), id, result),
        Problem::SolutionFails(id, result) => with_result(say!("lab-solution-fails", check = id.0.clone()), id, result),
        Problem::PassesAfterReset(id) => say!("lab-passes-after-reset", check = id.0.clone()),
        Problem::ResetDiffers(objects) => say!("lab-reset-differs", objects = messages::list_and(objects)),
        Problem::Left(objects) => say!("lab-left", objects = messages::list_and(objects)),
        Problem::Failed(error) => say!("lab-failed", why = messages::failure(error).what),
    }
}
