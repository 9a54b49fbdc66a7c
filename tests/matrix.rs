//! Every step of the program, tested as its author would: in a fresh sandbox, after the solutions of the steps
//! before it. As it starts, every check fails save the guards; with the solution all pass; a reset brings back the
//! start; the clean-up leaves nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

use lab::StepId;
use runner::{Choice, LabTest, Settings, lab_test};
use sandbox::{Pace, Version};
use tokio_util::sync::CancellationToken;

/// Returns the settings of a test in a fresh sandbox. Our own stand-in for kubectl goes first in `PATH`, whatever
/// this machine has.
fn settings(bin: &Path) -> Settings {
    let program = Path::new(env!("CARGO_BIN_EXE_atelier-under-test"));
    symlink(program, bin.join("kubectl")).expect("a fresh folder takes a link");
    symlink(program, bin.join("atelier")).expect("a fresh folder takes a link");
    let path = std::env::var("PATH").expect("PATH is set");
    Settings {
        catalog: lab::embedded(),
        choice: Choice::Sandbox { version: Version::V1_34, pace: Pace::Fast },
        stand_in: Some(program.to_owned()),
        variables: BTreeMap::from([
            ("PATH".to_owned(), format!("{}:{path}", bin.display())),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ]),
    }
}

/// Tests the steps of one chapter, one after the other.
fn chapter(prefix: &str, least: usize) {
    let bin = tempfile::tempdir().expect("a temporary folder");
    let settings = settings(bin.path());
    let steps: Vec<StepId> = settings
        .catalog
        .steps()
        .map(|step| step.id.clone())
        .filter(|id| id.course.0 == "atelier-kubernetes" && id.step.starts_with(prefix))
        .collect();
    assert!(steps.len() >= least, "{steps:?}");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut wrong = Vec::new();
    for id in steps {
        let test = runtime.block_on(lab_test(&settings, &id, &CancellationToken::new()));
        match test {
            Ok(LabTest { impossible: None, problems, .. }) if problems.is_empty() => {}
            other => wrong.push(format!("{id}: {other:#?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_steps_of_chapter_00_keep_the_contract() {
    chapter("00-", 4);
}

#[test]
fn the_steps_of_chapter_02_1_keep_the_contract() {
    chapter("02-1-", 6);
}
