//! Reads the fixtures of the tests: several files in one text, each after a line `%% path`. `␛` stands for the escape
//! character, `␍` for a carriage return, `·` for a no-break space.

use proptest::prelude::*;

use crate::tree::Tree;

/// Returns the `labs` and the `solutions` of a fixture.
pub(crate) fn trees(text: &str) -> (Tree, Tree) {
    let mut labs: Vec<(String, Vec<u8>)> = Vec::new();
    let mut solutions: Vec<(String, Vec<u8>)> = Vec::new();
    for part in text.split("%% ").skip(1) {
        let (path, content) = part.split_once('\n').expect("a fixture's file begins on its own line");
        let content = content.replace('␛', "\u{1b}").replace('␍', "\r").replace('·', "\u{a0}").into_bytes();
        match path.trim().split_once('/').expect("a fixture's path begins with its folder") {
            ("labs", path) => labs.push((path.to_owned(), content)),
            ("solutions", path) => solutions.push((path.to_owned(), content)),
            (other, _) => panic!("no such folder in a fixture: {other}"),
        }
    }
    (Tree::from_files("labs", labs), Tree::from_files("solutions", solutions))
}

/// Calls `judge` with each fixture of a folder and compares what it says with the snapshot of the same name.
pub(crate) fn each(folder: &str, least: usize, judge: impl Fn(&str) -> String) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= least, "fixtures are missing in {folder}");
    for name in names {
        let text = std::fs::read_to_string(&name).unwrap();
        let stem = name.file_stem().unwrap().to_str().unwrap();
        insta::with_settings!({ snapshot_path => "../fixtures/snapshots", snapshot_suffix => stem, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(folder, judge(&text));
        });
    }
}

/// A course of one step that has nothing wrong, for tests that spoil it.
pub(crate) const GOOD: &str = include_str!("../fixtures/load/good.txt");

/// Text made of the pieces that mean something to the loader, and of anything.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "---\n", "format: 1\n", "title: x\n", "checks:\n", "  - id: a\n", "    expect:\n", "      question: {", "}\n",
            "```bash run\n", "```\n", "~~~", "> ", "- ", "![a](b)", "[a]: b\n", "[^1]", "&#27;", "&#x202e;", "\u{1b}[", "\t",
            "\r\n", "|\n", "&a ", "*a", "<<: ", "!!binary ", "\u{feff}", "\u{e9}", "# ", "<b>", "| a |\n|---|\n", "\"\\e\"", "\0",
            "\u{ab} ", " \u{bb}", " : ", " ! ", "50 %", "memoire ", "[a][b] ", "*x* ", "<!-- ", "https://a.fr/b:c ", "| - ", "chapters: [{ title: a, steps: [a] }]\n",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}
