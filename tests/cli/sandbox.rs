//! `atelier sandbox`: up in the background, asked, repaired, down. And the quota test against it.

use crate::cli::{Answer, atelier};

/// Stops the background sandbox of a home, whatever the test did.
struct Background<'a>(&'a std::path::Path);

impl Drop for Background<'_> {
    fn drop(&mut self) {
        atelier(self.0, &["sandbox", "down"]);
    }
}

fn up(home: &std::path::Path) -> Answer {
    let answer = atelier(home, &["sandbox", "up", "--detach", "--kubeconfig", "config"]);
    assert_eq!(answer.code, Some(0), "{}", answer.error);
    answer
}

#[test]
fn a_sandbox_lives_in_the_background_until_it_is_stopped() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let _background = Background(home.path());
    assert_eq!(atelier(home.path(), &["sandbox", "repair", "node3"]).code, Some(2), "nothing to repair yet");
    let answer = up(home.path());
    assert_eq!(answer.out, "config\n");
    let mode = std::fs::metadata(home.path().join("config")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let status = atelier(home.path(), &["sandbox", "status", "--format", "json"]).json();
    assert_eq!((status["format"].as_u64(), status["running"].as_bool()), (Some(1), Some(true)));
    assert_eq!(atelier(home.path(), &["sandbox", "up"]).code, Some(2), "one a home");
    assert_eq!(atelier(home.path(), &["sandbox", "repair", "node3"]).code, Some(0));
    assert_eq!(atelier(home.path(), &["sandbox", "repair", "node9"]).code, Some(2));
    assert_eq!(atelier(home.path(), &["sandbox", "repair", "../../reset"]).code, Some(64));
    assert_eq!(atelier(home.path(), &["sandbox", "reset"]).code, Some(0));
    assert_eq!(atelier(home.path(), &["sandbox", "down"]).code, Some(0));
    let status = atelier(home.path(), &["sandbox", "status", "--format", "json"]).json();
    assert_eq!(status["running"], false);
}

#[test]
fn a_kubeconfig_that_is_not_ours_is_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let _background = Background(home.path());
    std::fs::write(home.path().join("config"), "à moi").unwrap();
    let answer = atelier(home.path(), &["sandbox", "up", "--kubeconfig", "config"]);
    assert_eq!(answer.code, Some(64), "{}", answer.error);
    assert_eq!(std::fs::read_to_string(home.path().join("config")).unwrap(), "à moi");
    let refused = atelier(home.path(), &["sandbox", "up", "--addr", "0.0.0.0:1"]);
    assert_eq!(refused.code, Some(64), "{}", refused.error);
}

#[test]
fn the_quota_test_tells_an_unbounded_namespace() {
    let home = tempfile::tempdir().unwrap();
    let answer = atelier(home.path(), &["quota", "test", "-n", "default", "--replicas", "3", "--format", "json"]);
    assert_eq!(answer.code, Some(1), "{}{}", answer.out, answer.error);
    let document = answer.json();
    for field in ["namespace", "asked", "admitted", "running", "outcome", "refusedBy", "resource"] {
        assert!(document.get(field).is_some(), "{field}");
    }
    assert_eq!((document["format"].as_u64(), document["outcome"].as_str()), (Some(1), Some("no_quota")));
    let nowhere = atelier(home.path(), &["quota", "test", "-n", "nulle-part"]);
    assert_eq!(nowhere.code, Some(2), "{}{}", nowhere.out, nowhere.error);
}

#[test]
fn a_cluster_that_is_not_there_is_not_a_wrong_answer() {
    let home = tempfile::tempdir().unwrap();
    let answer = atelier(home.path(), &["check", "00-1", "--env", "cluster", "--context", "rien"]);
    assert_eq!(answer.code, Some(2), "{}{}", answer.out, answer.error);
}
