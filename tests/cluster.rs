//! The second tier: the binary against a real cluster, named by `KUBECONFIG`, that may be thrown away.
//! Everything here fails, and does not skip, where that cluster or its Docker Engine is missing.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

/// The kubeconfig of the cluster under test. Its absence is a failure: this tier was asked for.
fn kubeconfig() -> PathBuf {
    PathBuf::from(std::env::var_os("KUBECONFIG").expect("KUBECONFIG names the cluster under test"))
}

#[expect(clippy::disallowed_methods, reason = "the binary under test, and the real kubectl beside it")]
fn run(program: &Path, arguments: &[&str], home: &Path) -> Output {
    std::process::Command::new(program)
        .args(arguments)
        .env("ATELIER_HOME", home)
        .env("KUBECONFIG", kubeconfig())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn atelier(arguments: &[&str], home: &Path) -> Output {
    run(Path::new(env!("CARGO_BIN_EXE_atelier-under-test")), arguments, home)
}

fn kubectl(arguments: &[&str]) -> String {
    let output = run(Path::new("kubectl"), arguments, Path::new("/"));
    assert!(output.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("kubectl writes UTF-8")
}

fn context() -> String {
    kubectl(&["config", "current-context"]).trim().to_owned()
}

/// A Namespace that goes with the test.
struct Namespace(&'static str);

impl Namespace {
    fn new(name: &'static str) -> Namespace {
        kubectl(&["delete", "namespace", name, "--ignore-not-found"]);
        kubectl(&["create", "namespace", name]);
        Namespace(name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        kubectl(&["delete", "namespace", self.0, "--wait=false"]);
    }
}

/// What lies in the Namespaces that learners use: names only.
fn objects() -> String {
    kubectl(&[
        "get",
        "pods,deployments,replicasets,limitranges,resourcequotas,configmaps,secrets",
        "-n",
        "default",
        "-o",
        "name",
    ])
}

/// The whole id of the step whose name begins so.
fn step_named(beginning: &str) -> String {
    let catalog = lab::embedded();
    let step = catalog.steps().find(|step| step.id.step.starts_with(beginning)).expect("such a step");
    step.id.to_string()
}

#[test]
fn steps_that_need_the_sandbox_say_so_and_are_neither_passed_nor_failed() {
    let home = tempfile::tempdir().expect("a home");
    let step = step_named("02-1-1-");
    let output = atelier(&["lab", "test", &step, "--env", "cluster", "--context", &context()], home.path());
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with('?'));
}

#[test]
fn every_step_that_a_real_cluster_can_take_passes_its_author_test_and_leaves_nothing() {
    let (home, learners) = (tempfile::tempdir().expect("a home"), std::fs::read(kubeconfig()).expect("a kubeconfig"));
    let before = objects();
    let context = context();
    // Without the steps that only the sandbox can take: they need node3, or would harm a real node.
    let steps = ["00-1-", "00-3-", "00-4-", "02-1-3-", "02-1-5-", "02-1-6-"].map(step_named);
    let mut arguments = vec!["lab", "test", "--env", "cluster", "--context", context.as_str()];
    arguments.extend(steps.iter().map(String::as_str));
    let output = atelier(&arguments, home.path());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().filter(|line| line.starts_with('✔')).count(), steps.len(), "{said}");
    assert_eq!(objects(), before, "the cluster is as it was");
    assert_eq!(std::fs::read(kubeconfig()).expect("a kubeconfig"), learners, "the learner's kubeconfig is as it was");
}

fn quota_test(namespace: &str) -> Value {
    let home = tempfile::tempdir().expect("a home");
    let output = atelier(
        &[
            "quota",
            "test",
            "-n",
            namespace,
            "--deployment",
            "dormeur",
            "--replicas",
            "4",
            "--format",
            "json",
            "--env",
            "cluster",
            "--context",
            &context(),
        ],
        home.path(),
    );
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

#[test]
fn the_quota_test_tells_the_cases_apart_and_removes_its_copy() {
    let namespace = Namespace::new("atelier-quota");
    let name = namespace.0;
    kubectl(&["-n", name, "create", "deployment", "dormeur", "--image=busybox:1.36", "--", "sleep", "3600"]);
    kubectl(&["-n", name, "wait", "--for=condition=Available", "deployment/dormeur", "--timeout=60s"]);

    let free = quota_test(name);
    assert_eq!((&free["outcome"], &free["admitted"]), (&"no_quota".into(), &4.into()), "{free}");

    kubectl(&["-n", name, "create", "quota", "plafond", "--hard=pods=3"]);
    let bounded = quota_test(name);
    assert_eq!((&bounded["admitted"], &bounded["own"]), (&3.into(), &1.into()), "one is the learner's own: {bounded}");
    assert_eq!(bounded["refusedBy"][0]["kind"], "ResourceQuota", "{bounded}");
    assert_eq!(bounded["refusedBy"][0]["name"], "plafond", "{bounded}");
    assert!(
        bounded["refusedBy"][0]["message"].as_str().is_some_and(|message| message.contains("exceeded quota: plafond")),
        "{bounded}"
    );

    let left = kubectl(&["-n", name, "get", "deployments,pods", "-l", "atelier.dev/run", "-o", "name"]);
    assert_eq!(left, "", "nothing of the test is left");
    assert_eq!(kubectl(&["-n", name, "get", "deployment", "dormeur", "-o", "jsonpath={.spec.replicas}"]), "1");
}

#[test]
fn a_real_cluster_is_touched_only_once_its_context_is_named() {
    let home = tempfile::tempdir().expect("a home");
    let before = objects();
    let output = atelier(&["check", "atelier-kubernetes/02-1-3-borner-la-memoire", "--env", "cluster"], home.path());
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&context()), "the context is shown: {said}");
    assert_eq!(objects(), before);
}

#[test]
fn the_kubectl_stand_in_prints_what_kubectl_prints() {
    let home = tempfile::tempdir().expect("a home");
    let stand_in = home.path().join("kubectl");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_atelier-under-test"), &stand_in).expect("a link");
    for arguments in [
        &["get", "pods", "-n", "kube-system", "-o", "name"][..],
        &["get", "nodes", "--no-headers", "-o", "custom-columns=N:.metadata.name"],
        &["get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}"],
        &["get", "deployment", "kube-dns", "-n", "kube-system", "-o", "jsonpath={.spec.selector.matchLabels}"],
    ] {
        let output = run(&stand_in, arguments, home.path());
        assert_eq!(String::from_utf8_lossy(&output.stdout), kubectl(arguments), "kubectl {arguments:?}");
    }
}

#[test]
fn doctor_sees_the_docker_engine() {
    let home = tempfile::tempdir().expect("a home");
    let output = atelier(&["doctor", "--format", "json"], home.path());
    let document: Value = serde_json::from_slice(&output.stdout).expect("a JSON document");
    let docker = document["findings"].as_array().expect("findings").iter().find(|finding| finding["id"] == "docker");
    assert_eq!(docker.expect("a finding on Docker")["state"], "good");
}
