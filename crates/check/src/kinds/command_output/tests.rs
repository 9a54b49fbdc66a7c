//! Commands and what they say.

use crate::testing::{Told, judge, told, world};
use crate::{Error, Evidence};

#[tokio::test]
async fn output_and_exit_code_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ici.txt"), "présent").unwrap();
    let world = world(folder.path());
    for (body, expected) in [
        ("command: 'echo bonjour', contains: [bonjour]", Told::Pass),
        ("command: 'echo bonjour', contains: [bonjour, adieu]", Told::Fail),
        ("command: 'echo bonjour', excludes: [adieu]", Told::Pass),
        ("command: 'echo bonjour', excludes: [jour]", Told::Fail),
        ("command: 'echo v1.34.1', matches: '^v1\\.34'", Told::Pass),
        ("command: 'printf \"a\\nb\\n\"', matches: '^b$'", Told::Pass),
        ("command: 'echo v1.20', matches: '^v1\\.34'", Told::Fail),
        ("command: 'exit 3'", Told::Fail),
        ("command: 'exit 3', exit_code: 3", Told::Pass),
        ("command: 'kill -9 $$'", Told::Fail),
        ("command: 'echo non >&2', contains: [non]", Told::Fail),
        ("command: 'echo oui 2>&1 >&1', contains: [oui]", Told::Pass),
        ("command: 'cat ici.txt', contains: [présent]", Told::Pass),
        ("command: \"printf '\\\\033[31mrouge\\\\033[0m vif'\", contains: [rouge vif]", Told::Pass),
        ("command: 'exit 127', exit_code: 127", Told::Pass),
    ] {
        let outcome = judge(&format!("command_output: {{ {body} }}"), &world).await.unwrap();
        assert_eq!(told(&outcome), expected, "{body}: {:?}", outcome.evidence());
    }
}

#[tokio::test]
async fn a_missing_program_is_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["kubectl-absent get pods", "kubectl-absent get pods 2>&1"] {
        let result = judge(&format!("command_output: {{ command: '{command}' }}"), &world(folder.path())).await;
        assert!(matches!(&result, Err(Error::NoProgram { program }) if program == "kubectl-absent"), "{result:?}");
    }
}

#[tokio::test]
async fn a_missing_work_folder_is_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let result = judge("command_output: { command: 'true' }", &world(&folder.path().join("absent"))).await;
    assert!(matches!(result, Err(Error::Command { .. })), "{result:?}");
}

#[tokio::test]
async fn a_flood_becomes_bounded_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "command_output: { command: 'head -c 2000000 /dev/zero', contains: [x] }";
    let outcome = judge(yaml, &world(folder.path())).await.unwrap();
    match outcome.evidence() {
        Evidence::CommandOutput(evidence) => {
            assert!(evidence.output.truncated);
            assert_eq!(evidence.output.text.len(), super::CAP);
        }
        other => panic!("{other:?}"),
    }
}
