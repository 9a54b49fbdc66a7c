//! The lint, by fixtures, and by what is no mistake.

use proptest::prelude::*;

use super::*;
use crate::fixture::{GOOD, each, hostile, trees};

fn linted(fixture: &str) -> Vec<String> {
    let (labs, solutions) = trees(fixture);
    lint(&labs, Some(&solutions)).iter().map(ToString::to_string).collect()
}

#[test]
fn every_fixture_gives_its_diagnostics() {
    each("lint", 5, |text| linted(text).iter().map(|line| format!("{line}\n")).collect());
}

#[test]
fn a_good_course_has_no_diagnostic() {
    assert_eq!(linted(GOOD), Vec::<String>::new());
}

#[test]
fn a_text_without_mistakes_has_no_diagnostic() {
    assert_eq!(linted(include_str!("../../fixtures/lint/no-mistakes.txt")), Vec::<String>::new());
}

#[test]
fn a_path_names_a_repository_a_folder_a_course_or_a_step() {
    let top = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = top.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let course = "format: 1\ntitle: x\nchapters: [{ title: y, steps: [a, b] }]\n";
    let step = "---\nformat: 1\ntitle: x\nminutes: 1\nobjectives: [x]\nlearnt: x\n---\n";
    for name in ["one", "two"] {
        write(&format!("labs/{name}/course.yaml"), course);
        write(&format!("labs/{name}/a.md"), step);
        write(&format!("labs/{name}/b.md"), step);
    }
    write("solutions/one/a/solution.md", "Il repare.\n");
    let found = |path: &str| -> Vec<(String, bool)> {
        let path = top.path().join(path);
        let strip = format!("{}/", top.path().display());
        lint_path(&path)
            .unwrap()
            .into_iter()
            .map(|problem| {
                let accent = matches!(problem.kind, crate::DiagnosticKind::MissingAccent { .. });
                (problem.file.replace(&strip, ""), accent)
            })
            .collect()
    };
    let expected = |files: &[(&str, bool)]| -> Vec<(String, bool)> {
        files.iter().map(|(file, accent)| ((*file).to_owned(), *accent)).collect()
    };
    let one = [("labs/one/a.md", false), ("labs/one/b.md", false), ("solutions/one/a/solution.md", true)];
    let all = [one[0], one[1], ("labs/two/a.md", false), ("labs/two/b.md", false), one[2]];
    assert_eq!(found(""), expected(&all));
    assert_eq!(found("labs"), expected(&all));
    assert_eq!(found("labs/one"), expected(&one));
    assert_eq!(found("labs/one/course.yaml"), expected(&one));
    assert_eq!(found("labs/one/a.md"), expected(&[one[0], one[2]]));
    assert_eq!(found("labs/two/b.md"), expected(&[("labs/two/b.md", false)]));
    assert!(lint_path(&top.path().join("absent")).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_lint_panic(body in hostile(), solution in hostile(), header in "[a-zé :?!«»%\"\\n\u{a0}-]{0,80}") {
        for text in [&body, &solution, &header] {
            let _ = (lint_page("a.md", text), lint_messages("a.ftl", text));
        }
        let solutions = Tree::from_files("solutions", [("one/a/solution.md", solution.into_bytes())]);
        let labs = Tree::from_files("labs", [
            ("one/course.yaml", b"format: 1\ntitle: x\nchapters: [{ title: y, steps: [a] }]\n".to_vec()),
            ("one/a.md", format!("---\nformat: 1\ntitle: |\n  {header}\nlearnt: >\n  {header}\n---\n{body}").into_bytes()),
        ]);
        let _ = lint(&labs, Some(&solutions));
    }
}

#[test]
fn large_and_nasty_texts_take_little_time() {
    let pieces = [
        "```bash run\n```\n",
        "&#27;",
        "&#",
        "[a][b]\n\n```\n```\n",
        "a: ",
        "*a* ",
        "![x](y) ",
        "[^1] ",
        "> ",
        "- ",
        "| a ",
        "\"",
        "[a](b) ",
        "memoire ",
        "&#27;\n\n```\n```\n",
        "<b> ",
        "« ",
    ];
    for piece in pieces {
        let many = piece.repeat(150_000 / piece.len());
        let header = format!("format: 1\ntitle: x\nlearnt: {:?}", "memoire: ".repeat(5_000));
        let step = format!("---\n{header}\n---\n{many}\n\n[b]: https://x.fr \"{}\"\n", "t".repeat(50_000));
        let labs = Tree::from_files(
            "labs",
            [
                ("one/course.yaml", b"format: 1\ntitle: x\nchapters: [{ title: y, steps: [a] }]\n".to_vec()),
                ("one/a.md", step.into_bytes()),
            ],
        );
        let start = std::time::Instant::now();
        let found = lint(&labs, None);
        assert!(found.len() > 1, "{piece:?} was read");
        // A tenth of a second where the work grows with the text, minutes where it grows with its square.
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "{piece:?} took {:?}", start.elapsed());
    }
}

#[test]
fn the_step_that_the_guide_offers_to_copy_passes_the_gate() {
    let guide = include_str!("../../../../labs/README.md");
    let examples: Vec<&str> = guide
        .split("````markdown\n")
        .skip(1)
        .map(|rest| rest.split("````\n").next().unwrap())
        .filter(|example| example.starts_with("---\n"))
        .collect();
    let [step, solution] = examples[..] else { panic!("the guide shows a step and its solution: {}", examples.len()) };
    let course = "format: 1\ntitle: x\nchapters: [{ title: y, steps: [a] }]\n";
    let file = "kind: Namespace\n";
    let labs = [("x/course.yaml", course), ("x/a.md", step), ("x/files/exemple/namespace.yaml", file)];
    let solutions = [("x/a/solution.md", solution), ("x/a/namespace.yaml", file)];
    let tree = |label, files: &[(&str, &str)]| {
        Tree::from_files(label, files.iter().map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec())))
    };
    assert_eq!(lint(&tree("labs", &labs), Some(&tree("solutions", &solutions))), []);
}

#[test]
fn messages_are_read_as_french() {
    let said = |text: &str| -> Vec<String> {
        lint_messages("a.ftl", text)
            .iter()
            .map(|problem| format!("{}:{} {:?}", problem.line, problem.column, problem.kind))
            .collect()
    };
    let good = "# Des memoires: non\npoints = { $n } { $n ->\n    [one] pt\n   *[other] pts\n}\na-b =\n    .what = « { $x } »\u{a0}: oui.\nc = { \"\\u00A0\" }: oui{ \" \" }.\n";
    assert_eq!(said(&good.replace("« ", "«\u{a0}").replace(" »", "\u{a0}»")), Vec::<String>::new());
    assert_eq!(
        said("a = La memoire de { $memoire }: vide.\n"),
        ["1:8 MissingAccent { found: \"memoire\", expected: \"mémoire\" }", "1:31 NoBreakSpaceBefore { mark: ':' }",]
    );
}
