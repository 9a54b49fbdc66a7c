//! Failures and notices, printed for a French reader to proofread.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use runner::Notice;

use super::*;

fn step() -> lab::StepId {
    "atelier-kubernetes/02-1-5-poser-un-quota".to_owned().try_into().unwrap()
}

fn io() -> std::io::Error {
    std::io::Error::other("Permission denied")
}

fn path() -> PathBuf {
    PathBuf::from("atelier/progression.jsonl")
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn failures() -> Vec<Error> {
    let server = || "https://127.0.0.1:6443".to_owned();
    let check = || lab::CheckId("pod-pret".to_owned());
    let refused = || Box::new(kube::Error::ReadEvents(std::io::Error::other("connection refused")));
    let late = || ClusterError::TimedOut { what: "list nodes".to_owned(), limit: Duration::from_secs(5) };
    let mut all = vec![
        Error::NoSuchStep(step()),
        Error::NoSteps,
        Error::NoSuchCheck(check()),
        Error::NoQuestion(check()),
        Error::NoMoreHints,
        Error::NoSolution(step()),
        Error::Impossible { step: step(), need: lab::Need::Node("node3".to_owned()) },
        Error::Held { step: step(), by: "Ada".to_owned(), why: "on attend\u{1b}[2J tout le monde".to_owned() },
        Error::NotAccepted { course: "mon-parcours".to_owned(), digest: "4f2a".to_owned() },
        Error::WrongDigest,
        Error::NotConfirmed { context: "prod".to_owned(), server: server() },
        Error::NoEnvironment,
        Error::Busy,
        Error::Cancelled,
        Error::NotVerified { step: step(), checks: vec![check(), lab::CheckId("quota-pose".to_owned())] },
        Error::Baseline(io()),
        Error::Broken("panicked".to_owned()),
        HomeError::NoHome.into(),
        HomeError::Folder { path: path(), source: io() }.into(),
        HomeError::Name("..".to_owned()).into(),
        StoreError::Full { path: path(), source: io() }.into(),
        StoreError::Held { path: path() }.into(),
        StoreError::File { path: path(), source: io() }.into(),
        StoreError::Carry { path: path(), source: lab::CarryError::NotProgress(None) }.into(),
        StoreError::Carry { path: path(), source: lab::CarryError::Format { found: 2 } }.into(),
        WorkError::Escape("../x".to_owned()).into(),
    ];
    let environments = [
        EnvironmentError::NoKubeconfig(vec![PathBuf::from("a"), PathBuf::from("b")]),
        EnvironmentError::NoContext("prod".to_owned()),
        EnvironmentError::NoCurrentContext,
        EnvironmentError::OwnSandbox,
        EnvironmentError::Client { server: server(), source: refused() },
        EnvironmentError::Unreachable { server: server(), source: Box::new(late()) },
        EnvironmentError::Changed(Difference::Server),
        EnvironmentError::Changed(Difference::Authority),
        EnvironmentError::Changed(Difference::Cluster),
        EnvironmentError::Sandbox(Box::new(io())),
        EnvironmentError::OtherVersion { pid: 42, version: "v1.20.15".to_owned() },
        EnvironmentError::SandboxHeld { pid: Some(42) },
        EnvironmentError::SandboxHeld { pid: None },
    ];
    all.extend(environments.into_iter().map(Error::from));
    let objects = || texts(&["Deployment/exhauster", "Pod/temoin"]);
    let clusters = [
        ClusterError::Request { what: "list pods".to_owned(), source: refused() },
        late(),
        ClusterError::NoManifest("quota.yaml".to_owned()),
        ClusterError::Manifest { path: "quota.yaml".to_owned(), problem: "line 3: no kind".to_owned() },
        ClusterError::Outside { object: "Pod/x".to_owned() },
        ClusterError::AlreadyThere(objects()),
        ClusterError::Stuck { waited: Duration::from_secs(30), objects: objects() },
        ClusterError::Nonsense("snapshot".to_owned()),
    ];
    all.extend(clusters.into_iter().map(Error::from));
    let line = || "kubectl apply -f quota.yaml".to_owned();
    let commands = [
        CommandError::TimedOut { line: line(), limit: Duration::from_secs(120) },
        CommandError::Failed { line: line(), code: Some(1), output: "error: no such file".to_owned() },
        CommandError::Failed { line: line(), code: None, output: String::new() },
    ];
    all.extend(commands.into_iter().map(Error::from));
    all
}

#[test]
fn every_failure_says_what_happened_and_what_to_do() {
    let mut page = String::new();
    for error in failures() {
        let said = failure(&error);
        assert!(!said.what.is_empty() && !said.advice.is_empty(), "{error:?}");
        assert_eq!(crate::sanitize(&said.what), said.what);
        writeln!(page, "{:?}: {}\n    {}", said.side, said.what, said.advice).unwrap();
    }
    insta::assert_snapshot!(page);
}

#[test]
fn notices_are_sentences() {
    let at = "2026-11-22T10:00:00Z".parse().unwrap();
    let seen = check::Observed::NodeNotReady { node: "node3".to_owned() };
    let all = [
        Notice::Failed(Arc::new(Error::Busy)),
        Notice::KeptAside(vec![path()]),
        Notice::KeptAside(vec![path(), PathBuf::from("quota.yaml")]),
        Notice::Swept(1),
        Notice::Swept(21),
        Notice::Recovered(17),
        Notice::HistoryChanged(vec![
            lab::Flaw { line: 3, kind: lab::FlawKind::Changed },
            lab::Flaw { line: 7, kind: lab::FlawKind::Missing { lines: 2 } },
        ]),
        Notice::HistoryShorter(12),
        Notice::Observed(check::Observation { at, what: seen, proven: true }),
        Notice::WasReset(step()),
        Notice::SolutionApplied(step()),
        Notice::CaughtUp(step()),
    ];
    let said: Vec<String> = all.iter().map(crate::notice).collect();
    insta::assert_snapshot!(said.join("\n"));
}
