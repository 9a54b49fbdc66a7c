//! The repository's own rules, as tests: which crate may use which, what may stand where.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The graph of `crates/README.md`: what a crate may depend on among ours. What is not listed is not allowed.
/// The last column lists what its tests may use besides.
const GRAPH: &[(&str, &[&str], &[&str])] = &[
    ("netpol", &[], &[]),
    ("shell", &[], &[]),
    ("sandbox", &["netpol", "shell"], &[]),
    ("check", &[], &["sandbox"]),
    ("lab", &["check"], &[]),
    ("runner", &["lab", "check", "sandbox"], &[]),
    ("messages", &["check", "lab", "runner", "sandbox"], &[]),
    ("tui", &["runner", "lab", "messages", "check"], &[]),
    ("cli", &["sandbox", "check", "lab", "runner", "messages", "tui"], &[]),
    ("xtask", &["sandbox", "check", "lab", "runner", "messages", "tui", "cli"], &[]),
    (
        "tests",
        &["sandbox", "check", "lab", "runner", "messages", "tui", "cli"],
        &["sandbox", "check", "lab", "runner", "messages", "tui", "cli"],
    ),
];

/// Libraries that only these crates may name directly: the walls.
const WALLS: &[(&str, &[&str])] = &[
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("tui-term", &["tui"]),
    ("vt100", &["tui", "tests", "xtask"]),
    ("portable-pty", &["tui", "tests", "xtask"]),
    ("anyhow", &["cli", "xtask"]),
    ("clap", &["cli", "xtask"]),
    ("axum", &["sandbox", "check"]),
    ("serde-saphyr", &["lab", "sandbox", "check", "cli", "runner"]),
    ("pulldown-cmark", &["lab", "tui"]),
];

/// A source file may not grow past this many lines.
const LINES: usize = 800;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

/// Files below `folder` whose name ends with `ending`, as paths relative to the workspace.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && !name.to_string_lossy().starts_with(".git") {
                    walk(&path, ending, found);
                }
            } else if name.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let top = top();
    let mut found = Vec::new();
    walk(&top.join(folder), ending, &mut found);
    found.sort();
    found.into_iter().map(|path| path.strip_prefix(&top).expect("below the top").to_owned()).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The dependency tables of one manifest: names under `[dependencies]` and under `[dev-dependencies]`.
fn dependencies(manifest: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut normal, mut development) = (BTreeSet::new(), BTreeSet::new());
    let mut table = "";
    for line in manifest.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
            continue;
        }
        let name: String = line.chars().take_while(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
        if name.is_empty() {
            continue;
        }
        match table {
            "dependencies" => normal.insert(name),
            "dev-dependencies" => development.insert(name),
            _ => false,
        };
    }
    (normal, development)
}

fn manifests() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let mut all: BTreeMap<_, _> = files("crates", "Cargo.toml")
        .iter()
        .map(|path| {
            let name = path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().into_owned();
            (name, dependencies(&read(path)))
        })
        .collect();
    all.insert("tests".to_owned(), dependencies(&read(Path::new("tests/Cargo.toml"))));
    all
}

#[test]
fn every_edge_between_crates_is_in_the_graph() {
    let manifests = manifests();
    let known: BTreeSet<&str> = GRAPH.iter().map(|(name, ..)| *name).collect();
    assert_eq!(manifests.keys().map(String::as_str).collect::<BTreeSet<_>>(), known, "GRAPH names every crate");
    for (name, allowed, in_tests) in GRAPH {
        let (normal, development) = &manifests[*name];
        for edge in normal.iter().filter(|edge| known.contains(edge.as_str())) {
            assert!(allowed.contains(&edge.as_str()), "{name} may not depend on {edge}");
        }
        for edge in development.iter().filter(|edge| known.contains(edge.as_str())) {
            assert!(
                allowed.contains(&edge.as_str()) || in_tests.contains(&edge.as_str()),
                "the tests of {name} may not use {edge}"
            );
        }
    }
}

#[test]
fn walled_libraries_stay_behind_their_walls() {
    for (name, (normal, development)) in manifests() {
        for (library, inside) in WALLS {
            assert!(
                !(normal.contains(*library) || development.contains(*library)) || inside.contains(&name.as_str()),
                "{name} may not name {library}"
            );
        }
    }
}

#[test]
fn the_map_names_every_crate() {
    let map = read(Path::new("crates/README.md"));
    for (name, ..) in GRAPH {
        assert!(map.contains(&format!("`{name}`")), "crates/README.md says nothing of `{name}`");
    }
}

#[test]
fn source_files_open_with_what_they_are_for_and_stay_short() {
    let sources = [files("crates", ".rs"), files("tests", ".rs")].concat();
    assert!(sources.len() > 20, "the walk found the sources");
    for path in sources {
        let text = read(&path);
        assert!(text.starts_with("//!"), "{}: begin with //! and what the file is for", path.display());
        let lines = text.lines().count();
        assert!(lines <= LINES, "{}: {lines} lines, split it by reason to change", path.display());
    }
}

/// The code of a source file, without its comments and its test module.
fn code(text: &str) -> String {
    let body = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn french_stays_in_assets_and_labs() {
    let typical = ['é', 'è', 'ê', 'à', 'ç', 'ù', 'î', 'ô', '«', '»', '\u{a0}', '\u{202f}'];
    for path in files("crates", ".rs") {
        let name = path.to_string_lossy().into_owned();
        // Tests and measurements read the screen in French; the lint's word list and the transliteration table are data about French.
        if ["/tests", "tests.rs", "xtask/", "french", "examples/", "sanitize", "symbols"]
            .iter()
            .any(|part| name.contains(part))
        {
            continue;
        }
        for (number, line) in code(&read(&path)).lines().enumerate() {
            let quoted = line.split('"').skip(1).step_by(2).any(|part| part.contains(typical));
            assert!(!quoted, "{name}: line {} of the code holds French words: {line}", number + 1);
        }
    }
}

#[test]
fn snapshots_belong_to_a_test() {
    let sources: String =
        [files("crates", ".rs"), files("tests", ".rs")].concat().iter().map(|path| read(path)).collect();
    for path in files("", ".snap") {
        let text = read(&path);
        let source = text.lines().find_map(|line| line.strip_prefix("source: ")).expect("a snapshot names its source");
        assert!(top().join(source).exists(), "{}: its source {source} is gone", path.display());
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let test = stem.rsplit("__").next().expect("a last part");
        let name =
            test.split('@').next().expect("a first part").trim_end_matches(|c: char| c == '-' || c.is_ascii_digit());
        assert!(sources.contains(name), "{}: no test or snapshot is named {name}", path.display());
    }
}

#[test]
fn every_message_is_used_and_every_used_message_exists() {
    for domain in files("assets/i18n/fr", ".ftl") {
        let name = domain.file_stem().expect("a name").to_string_lossy().into_owned();
        let used: String = files(&format!("crates/{name}"), ".rs").iter().map(|path| read(path)).collect();
        let text = read(&domain);
        for line in text.lines() {
            let Some((id, _)) = line.split_once(" =") else { continue };
            if id.is_empty() || id.starts_with([' ', '#', '-', '.', '*', '[', '}']) {
                continue;
            }
            assert!(
                used.contains(&format!("\"{id}\"")) || text.contains(&format!("{{ {id}")),
                "{}: nobody says {id}",
                domain.display()
            );
        }
    }
}

#[test]
fn no_path_of_a_machine_is_in_the_tree() {
    for ending in [".rs", ".md", ".toml", ".yaml", ".ftl", ".sh"] {
        for folder in ["crates", "labs", "solutions", "assets", "tests"] {
            for path in files(folder, ending) {
                let text = read(&path);
                for bad in [concat!("/wor", "k/"), concat!("/opt/kube", "ctl"), concat!("/root/.c", "ache")] {
                    assert!(!text.contains(bad), "{}: names {bad}", path.display());
                }
            }
        }
    }
}

#[test]
fn the_words_of_the_program_are_spelt_and_spaced_as_french_is() {
    let read_words = |path: &PathBuf, lint: fn(&str, &str) -> Vec<lab::Diagnostic>| {
        let text = read(path);
        let lines: Vec<&str> = text.lines().collect();
        lint(&path.to_string_lossy(), &text)
            .into_iter()
            // Names of commands and fields stand bare in messages.
            .filter(|problem| !matches!(problem.kind, lab::DiagnosticKind::WordNotUsed { .. }))
            .filter(|problem| {
                let line = lines.get(problem.line as usize - 1).copied().unwrap_or_default();
                // A place in a file and a field of YAML are no French colons.
                !["diagnostic-line =", "format: {"].iter().any(|known| line.contains(known))
            })
            .map(|problem| problem.to_string())
            .collect::<Vec<_>>()
    };
    let messages = files("assets/i18n/fr", ".ftl");
    let pages = [files("assets/tour", ".md"), vec![PathBuf::from("labs/README.md")]].concat();
    assert!(messages.len() >= 3 && pages.len() >= 2, "the walk found the words");
    let mut found: Vec<String> = messages.iter().flat_map(|path| read_words(path, lab::lint_messages)).collect();
    found.extend(pages.iter().flat_map(|path| read_words(path, lab::lint_page)));
    assert!(found.is_empty(), "{}", found.join("\n"));
}
