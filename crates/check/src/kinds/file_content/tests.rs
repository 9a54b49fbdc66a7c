//! Files below the work folder.

use std::os::unix::fs::symlink;

use super::Finding;
use crate::Evidence;
use crate::testing::{Told, judge, told, world};

const TWO: &str = "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\n---\n# rien\n---\nkind: LimitRange\nspec:\n  limits:\n  - type: Container\n    default: { memory: 0.5Gi }\n";

async fn check(content: &[u8], body: &str) -> (Told, Finding) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.yaml"), content).unwrap();
    look(folder.path(), &format!("path: f.yaml, {body}")).await
}

async fn look(folder: &std::path::Path, body: &str) -> (Told, Finding) {
    let outcome = judge(&format!("file_content: {{ {body} }}"), &world(folder)).await.unwrap();
    match outcome.evidence() {
        Evidence::FileContent(evidence) => (told(&outcome), evidence.finding.clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn documents_are_compared_as_data() {
    let memory = "'spec.limits[type=Container].default.memory'";
    for (body, expected) in [
        (format!("document: {{ kind: LimitRange }}, fields: {{ {memory}: 512Mi }}"), Told::Pass),
        (format!("fields: {{ {memory}: 536870912 }}"), Told::Pass),
        (format!("document: {{ kind: Pod }}, fields: {{ {memory}: 512Mi }}"), Told::Fail),
        ("document: { kind: Service }".to_owned(), Told::Fail),
        ("document: { kind: Pod, metadata: { name: a } }".to_owned(), Told::Pass),
        ("contains: ['# rien']".to_owned(), Told::Pass),
        ("contains: [quota]".to_owned(), Told::Fail),
        ("excludes: [Pod]".to_owned(), Told::Fail),
    ] {
        assert_eq!(check(TWO.as_bytes(), &body).await.0, expected, "{body}");
    }
    assert_eq!(check(b"{\"kind\": \"Pod\"}", "document: { kind: Pod }").await.0, Told::Pass, "JSON is YAML");
}

#[tokio::test]
async fn what_cannot_be_compared_says_why() {
    let yaml = "document: { kind: Pod }";
    assert!(matches!(check(b"a: [\n b", yaml).await.1, Finding::Unreadable(place) if place.line > 0));
    assert_eq!(check(b"\xff\xfe", yaml).await.1, Finding::NotText);
    assert_eq!(check(b"  \n", yaml).await.1, Finding::NoDocument { kinds: vec![] });
    let others = Finding::NoDocument { kinds: vec!["Pod".to_owned(), "LimitRange".to_owned()] };
    assert_eq!(check(TWO.as_bytes(), "document: { kind: Service }").await.1, others);
    let big = vec![b'#'; 2_000_000];
    assert_eq!(check(&big, yaml).await.1, Finding::TooBig { size: 2_000_000 });
}

#[tokio::test]
async fn aliases_that_explode_are_refused() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, before) in ('b'..='i').zip('a'..='h') {
        let list = vec![format!("*{before}"); 10].join(",");
        bomb.push_str(&format!("{name}: &{name} [{list}]\n"));
    }
    assert!(matches!(check(bomb.as_bytes(), "document: { kind: Pod }").await.1, Finding::Unreadable(_)));
}

#[tokio::test]
async fn no_path_leaves_the_work_folder() {
    let outer = tempfile::tempdir().unwrap();
    let work = outer.path().join("work");
    std::fs::create_dir_all(work.join("sub")).unwrap();
    std::fs::write(outer.path().join("secret"), "x").unwrap();
    std::fs::write(work.join("dedans"), "x").unwrap();
    symlink(outer.path().join("secret"), work.join("lien")).unwrap();
    symlink(outer.path(), work.join("dossier")).unwrap();
    symlink(work.join("dedans"), work.join("interne")).unwrap();
    nix::unistd::mkfifo(&work.join("tube"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let any = "contains: [x]";
    for (path, expected) in [
        ("../secret", Finding::Outside),
        ("/etc/passwd", Finding::Outside),
        ("lien", Finding::Outside),
        ("dossier/secret", Finding::Outside),
        ("sub", Finding::NotAFile),
        ("tube", Finding::NotAFile),
        ("absent", Finding::Missing),
        ("dedans/absent", Finding::Missing),
        ("dedans", Finding::Holds),
        ("./dedans", Finding::Holds),
        ("interne", Finding::Holds),
    ] {
        assert_eq!(look(&work, &format!("path: '{path}', {any}")).await.1, expected, "{path}");
    }
    assert_eq!(look(&outer.path().join("nulle-part"), &format!("path: a, {any}")).await.1, Finding::Missing);
}
