//! The documents for machines: their fields are a contract (see `atelier help` and the command line's description).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::atelier;

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn list_and_status_give_the_same_document() {
    let home = tempfile::tempdir().unwrap();
    let list = atelier(home.path(), &["list", "--format", "json"]);
    let status = atelier(home.path(), &["status", "--format", "json"]);
    assert_eq!((list.code, status.code), (Some(0), Some(0)), "{}", list.error);
    let document = list.json();
    assert_eq!(document, status.json());
    assert_eq!(document["format"], 1);
    let course = &document["courses"][0];
    assert_eq!(keys(course), ["course", "title", "steps"].into());
    assert_eq!(course["course"], "atelier-kubernetes");
    let step = &course["steps"][0];
    assert_eq!(keys(step), ["step", "title", "state", "why", "points", "max", "minutes"].into());
    assert_eq!((step["state"].as_str(), step["points"].as_u64()), (Some("todo"), Some(0)));
}

/// Returns the state that `list` gives a step in an environment.
fn state(home: &std::path::Path, environment: &str, step: &str) -> String {
    let listed = atelier(home, &["list", "--env", environment, "--format", "json"]);
    assert_eq!(listed.code, Some(0), "{}", listed.error);
    let document = listed.json();
    let steps = document["courses"][0]["steps"].as_array().expect("a list of steps");
    let is_meant = |known: &&Value| known["step"].as_str().is_some_and(|id| id.ends_with(step));
    let found = steps.iter().find(is_meant).expect("the step is in the list");
    assert_eq!(found["why"].is_string(), found["state"] == "impossible", "{found}");
    found["state"].as_str().expect("a state").to_owned()
}

#[test]
fn what_is_possible_depends_on_the_environment_that_was_chosen() {
    let home = tempfile::tempdir().unwrap();
    for (step, in_sandbox, nowhere) in [
        ("00-1-decouvrir-l-outil", "todo", "todo"),
        ("00-3-un-premier-pod", "todo", "impossible"),
        ("02-1-1-affamer-un-noeud", "todo", "impossible"),
    ] {
        assert_eq!(state(home.path(), "sandbox", step), in_sandbox, "{step}");
        assert_eq!(state(home.path(), "cluster", step), nowhere, "{step}");
    }
    // Nobody listens there, and nobody is asked.
    let kubeconfig = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        "clusters": [{"name": "lab", "cluster": {"server": "https://192.0.2.1:6443"}}],
        "users": [{"name": "me", "user": {}}],
    });
    std::fs::create_dir(home.path().join(".kube")).unwrap();
    std::fs::write(home.path().join(".kube/config"), kubeconfig.to_string()).unwrap();
    assert_eq!(state(home.path(), "cluster", "00-3-un-premier-pod"), "todo");
    assert_eq!(state(home.path(), "cluster", "02-1-1-affamer-un-noeud"), "impossible");
}

#[test]
fn check_gives_its_document_junit_and_tap() {
    let home = tempfile::tempdir().unwrap();
    let step = "atelier-kubernetes/00-1-decouvrir-l-outil";
    let answer = atelier(home.path(), &["check", step, "--format", "json"]);
    assert_eq!(answer.code, Some(1), "an untouched step fails: {}", answer.error);
    let document = answer.json();
    assert_eq!(
        keys(&document),
        ["format", "course", "courseDigest", "environment", "kubernetes", "learner", "at", "steps"].into()
    );
    assert_eq!(document["environment"], "sandbox");
    let found = &document["steps"][0];
    assert_eq!(keys(found), ["step", "outcome", "points", "max", "hints", "solutionSeen", "checks"].into());
    assert_eq!((found["step"].as_str(), found["outcome"].as_str()), (Some(step), Some("fail")));
    assert_eq!(keys(&found["checks"][0]), ["id", "outcome", "found", "expected", "why", "try"].into());

    let junit = atelier(home.path(), &["check", step, "--format", "junit"]);
    assert_eq!(junit.code, Some(1));
    assert!(junit.out.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites"), "{}", junit.out);
    assert!(junit.out.contains("<failure message="), "{}", junit.out);
    let tap = atelier(home.path(), &["check", step, "--format", "tap"]);
    assert_eq!(tap.code, Some(1));
    assert!(tap.out.starts_with("TAP version 14\n1..3\nnot ok 1 - "), "{}", tap.out);
}

#[test]
fn a_solution_applied_from_the_command_line_passes_the_check_and_leaves_its_trace() {
    let home = tempfile::tempdir().unwrap();
    let step = "00-1-decouvrir-l-outil";
    let hint = atelier(home.path(), &["hint", step]);
    assert_eq!(hint.code, Some(0), "{}", hint.error);
    assert!(hint.error.contains("Indice 1 sur"), "{}", hint.error);
    let solved = atelier(home.path(), &["solution", step, "--apply"]);
    assert_eq!(solved.code, Some(0), "{}", solved.error);
    let checked = atelier(home.path(), &["check", step, "--format", "json"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.out, checked.error);
    let found = &checked.json()["steps"][0];
    assert_eq!((found["outcome"].as_str(), found["points"].as_u64()), (Some("pass"), Some(0)));
    assert_eq!((found["hints"].as_u64(), found["solutionSeen"].as_bool()), (Some(1), Some(true)));

    let file = home.path().join("avancement.json");
    let carried = atelier(home.path(), &["progress", "export", "avancement.json"]);
    assert_eq!(carried.code, Some(0), "{}", carried.error);
    let elsewhere = tempfile::tempdir().unwrap();
    let merged = atelier(elsewhere.path(), &["progress", "import", file.to_str().unwrap()]);
    assert_eq!(merged.code, Some(0), "{}", merged.error);
    let status = atelier(elsewhere.path(), &["status", "--format", "json"]).json();
    assert_eq!(status["courses"][0]["steps"][0]["state"], "done");
}

#[test]
fn doctor_reports_findings_and_steps() {
    let home = tempfile::tempdir().unwrap();
    let answer = atelier(home.path(), &["doctor", "--format", "json"]);
    assert_eq!(answer.code, Some(0), "{}", answer.error);
    let document = answer.json();
    assert_eq!(document["format"], 1);
    let ids: Vec<&str> = document["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    let expected = ["terminal", "colours", "locale", "clipboard", "kubectl", "docker", "home", "disk", "contexts"];
    assert_eq!(ids, expected);
    assert_eq!(keys(&document["findings"][0]), ["id", "state", "found", "mend"].into());
    assert_eq!(keys(&document["steps"][0]), ["step", "runs", "why"].into());
    let text = atelier(home.path(), &["doctor"]);
    assert!(text.out.contains("Étapes possibles ici"), "{}", text.out);
    assert!(!text.out.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn a_new_step_passes_the_gate_and_a_broken_one_does_not() {
    let home = tempfile::tempdir().unwrap();
    let made = atelier(home.path(), &["lab", "new", "mon-parcours/01-essai"]);
    assert_eq!(made.code, Some(0), "{}", made.error);
    let clean = atelier(home.path(), &["lab", "lint", "--format", "json"]);
    assert_eq!(clean.code, Some(0), "{}{}", clean.out, clean.error);
    assert_eq!(clean.json()["errors"], 0);
    let file = home.path().join("labs/mon-parcours/01-essai.md");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("points:", "pionts:", 1)).unwrap();
    let broken = atelier(home.path(), &["lab", "lint"]);
    assert_eq!(broken.code, Some(1), "{}{}", broken.out, broken.error);
    assert!(broken.out.contains("01-essai.md:"), "{}", broken.out);
    let again = atelier(home.path(), &["lab", "new", "mon-parcours/01-essai"]);
    assert_eq!(again.code, Some(64), "{}", again.error);
}
