//! The loader, by fixtures, by hostile input and by what a disk may hold.

use proptest::prelude::*;

use crate::fixture::{GOOD, each, hostile, trees};
use crate::tree::{TEXT_LIMIT, Tree};
use crate::{BlockKind, Catalog, Diagnostic, DiagnosticKind, Segment, load, load_folder};

fn loaded(fixture: &str) -> (Catalog, Vec<Diagnostic>) {
    let (labs, solutions) = trees(fixture);
    load(&labs, Some(&solutions))
}

#[test]
fn every_fixture_gives_its_diagnostics_and_its_steps() {
    each("load", 6, |text| {
        let (catalog, problems) = loaded(text);
        let mut said: String = problems.iter().map(|problem| format!("{}\n", brief(problem))).collect();
        for step in catalog.steps() {
            said.push_str(&format!(
                "\n{} {:?} {} points, {} minutes\n",
                step.id, step.title, step.points, step.minutes
            ));
            said.push_str(&format!("{:?}\n{:#?}\n", step.setup, step.page.segments));
        }
        said
    });
}

/// A diagnostic without the list of words that would have been right: it grows with the kinds of check.
fn brief(problem: &Diagnostic) -> String {
    let line = problem.to_string();
    match (line.find("expected: ["), line.find("], nearest")) {
        (Some(start), Some(end)) => format!("{}expected: […{}", &line[..start], &line[end..]),
        _ => line,
    }
}

#[test]
fn a_good_course_has_no_diagnostic() {
    assert_eq!(loaded(GOOD).1, []);
}

#[test]
fn a_page_is_cut_into_prose_blocks_and_pictures() {
    let (catalog, _) = loaded(GOOD);
    let page = &catalog.courses()[0].steps[0].page;
    let kinds: Vec<String> = page
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Prose(text) => format!("prose {}", text.lines().count()),
            Segment::Block(block) => match &block.kind {
                BlockKind::Run => format!("run {}", block.line),
                BlockKind::RunElsewhere(host) => format!("run on {host}"),
                BlockKind::File(path) => format!("file {path}"),
                BlockKind::Output => "output".to_owned(),
                BlockKind::Read => "read".to_owned(),
            },
            Segment::Image { path, alt, content } => format!("image {path} {alt} {}", content.is_some()),
        })
        .collect();
    let expected = [
        "prose 5",
        "run 40",
        "run on controller",
        "file autre.yaml",
        "output",
        "image images/noeuds.png Trois nœuds true",
        "prose 10",
    ];
    assert_eq!(kinds, expected);
    let Segment::Prose(first) = &page.segments[0] else { panic!("prose comes first") };
    assert!(first.contains("[doc]: https://kubernetes.io/docs/"), "a link keeps its target: {first}");
}

#[test]
fn a_step_of_ten_megabytes_is_refused_and_the_others_stay() {
    let (labs, _) = trees(GOOD);
    let mut labs = labs;
    let content = vec![b'x'; 10 * 1024 * 1024];
    labs.insert("demo/02-grand.md".to_owned(), content.into(), [0; 32]);
    let course = "format: 1\ntitle: x\nchapters: [{ title: y, steps: [02-grand, 01-premier] }]\n";
    labs.insert("demo/course.yaml".to_owned(), course.as_bytes().into(), [0; 32]);
    let (catalog, problems) = load(&labs, None);
    let kind = DiagnosticKind::FileTooLarge { size: 10 * 1024 * 1024, limit: TEXT_LIMIT };
    assert_eq!(problems, [Diagnostic { file: "labs/demo/02-grand.md".to_owned(), line: 1, column: 1, kind }]);
    assert_eq!(catalog.courses()[0].steps.len(), 1);
}

#[cfg(unix)]
#[test]
fn a_folder_is_read_without_following_links() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    std::fs::create_dir_all(demo.join("files")).unwrap();
    std::fs::write(demo.join("course.yaml"), "format: 1\ntitle: x\nchapters: [{ title: y, steps: [a] }]\n").unwrap();
    std::fs::write(demo.join("a.md"), "---\nformat: 1\ntitle: a\nfiles: { p: passwd }\n---\n").unwrap();
    std::fs::write(demo.join("files/big"), vec![0_u8; 9 * 1024 * 1024]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", demo.join("files/passwd")).unwrap();
    let (catalog, problems) = load_folder(folder.path(), None).unwrap();
    assert_eq!(catalog.courses()[0].steps[0].files, []);
    let kinds: Vec<_> = problems.into_iter().map(|problem| problem.kind).collect();
    let big = DiagnosticKind::FileTooLarge { size: 9 * 1024 * 1024, limit: crate::FILE_LIMIT };
    let missing = DiagnosticKind::LabFileMissing { path: "passwd".to_owned() };
    assert_eq!(kinds, [missing, big, DiagnosticKind::NotARegularFile]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let error = load_folder(std::path::Path::new("/nowhere/labs"), None).unwrap_err();
    assert_eq!(error.to_string(), "failed to read the folder /nowhere/labs");
}

#[test]
fn not_utf8_is_placed() {
    let labs = Tree::from_files("labs", [("demo/course.yaml", b"format: 1\ntitle: d\xe9part\n".to_vec())]);
    let (_, problems) = load(&labs, None);
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].line, problems[0].column, &problems[0].kind), (2, 9, &DiagnosticKind::NotUtf8));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut yaml = String::from("format: 1\ntitle: x\nchapters:\n  - &a0 { title: x, steps: [a] }\n");
    let mut bomb = String::from("x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n");
    for level in 1..12 {
        let before = format!("*x{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("x{level}: &x{level} [{before}]\n"));
    }
    yaml.push_str(&bomb);
    let labs = Tree::from_files("labs", [("demo/course.yaml", yaml.into_bytes())]);
    let (_, problems) = load(&labs, None);
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn the_digest_is_that_of_sha256sum_and_sees_every_file() {
    let files = |content: &'static str| [("demo/a", content.as_bytes()), ("demo/b/c", b"c\n"), ("other/x", b"x")];
    let digest = |content| {
        let mut all = files(content).to_vec();
        all.push(("demo/course.yaml", b"format: 1\ntitle: t\nchapters: []\n"));
        load(&Tree::from_files("labs", all), None).0.courses()[0].digest.clone()
    };
    // printf 'a\n' > a; mkdir b; printf 'c\n' > b/c; printf 'format: 1\ntitle: t\nchapters: []\n' > course.yaml
    // find . -type f | LC_ALL=C sort | sed 's/^..//' | xargs sha256sum | sha256sum
    assert_eq!(digest("a\n"), "d19cc9fd881048e882158f6c2bf81e8aaf9b65cc39b2c7eaee90b62067c443f6");
    assert_ne!(digest("a\n"), digest("b\n"));
}

#[test]
fn the_embedded_courses_have_nothing_wrong() {
    let (catalog, problems) = crate::embedded_with_diagnostics();
    assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    assert!(catalog.courses().iter().all(|course| course.embedded));
}

proptest! {
    #[test]
    fn no_text_makes_the_loader_panic_or_lets_control_characters_through(
        course in hostile(), header in hostile(), body in hostile(), solution in hostile(),
    ) {
        let step = format!("---\nformat: 1\ntitle: x\n---\n{body}");
        let good = "format: 1\ntitle: x\nchapters: [{ title: y, steps: [a, b] }]\n";
        let labs = Tree::from_files("labs", [
            ("one/course.yaml", course.into_bytes()),
            ("two/course.yaml", good.as_bytes().to_vec()),
            ("two/a.md", step.into_bytes()),
            ("two/b.md", format!("---\nformat: 1\ntitle: t\n{header}\n---\n").into_bytes()),
        ]);
        let solutions = Tree::from_files("solutions", [("two/a/solution.md", solution.into_bytes())]);
        let (catalog, _) = load(&labs, Some(&solutions));
        for step in catalog.steps() {
            let pages = std::iter::once(&step.page).chain(step.solution.as_ref().map(|solution| &solution.page));
            for segment in pages.flat_map(|page| &page.segments) {
                let texts = match segment {
                    Segment::Prose(text) => vec![text],
                    Segment::Block(block) => vec![&block.text, &block.language],
                    Segment::Image { path, alt, .. } => vec![path, alt],
                };
                for text in texts {
                    prop_assert!(!text.chars().any(super::text::forbidden), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_the_loader_panic(course in any::<Vec<u8>>(), step in any::<Vec<u8>>()) {
        let good = b"format: 1\ntitle: x\nchapters: [{ title: y, steps: [a] }]\n";
        let labs = Tree::from_files("labs", [
            ("one/course.yaml", course), ("two/course.yaml", good.to_vec()), ("two/a.md", step),
        ]);
        let _ = load(&labs, None);
    }
}
