//! The courses that come with the program: nothing is wrong with them, and the author's guide lists every step.

use std::collections::BTreeMap;
use std::path::Path;

use lab::{Need, Step};

/// One line of the table of `labs/README.md`.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    checks: usize,
    guards: usize,
    points: u32,
    minutes: u32,
    sandbox: bool,
    cluster: bool,
}

impl Line {
    fn of(step: &Step) -> Line {
        let guards = step.checks.iter().filter(|check| check.guard).count();
        Line {
            checks: step.checks.len() - guards,
            guards,
            points: step.points,
            minutes: step.minutes,
            sandbox: !step.needs.contains(&Need::Docker),
            cluster: !step.needs.contains(&Need::Sandbox),
        }
    }

    /// Reads the cells after the step's name: checks, points, minutes, sandbox, cluster, Docker.
    fn read(cells: &[&str]) -> Option<Line> {
        let [checks, points, minutes, sandbox, cluster, _docker] = cells else { return None };
        let says = |cell: &str| match cell.split(|c: char| !c.is_alphabetic()).next() {
            Some("oui" | "si") => Some(true),
            Some("non") => Some(false),
            _ => None,
        };
        Some(Line {
            checks: checks.split(',').next()?.trim().parse().ok()?,
            guards: usize::from(checks.contains("une garde")),
            points: points.parse().ok()?,
            minutes: minutes.parse().ok()?,
            sandbox: says(sandbox)?,
            cluster: says(cluster)?,
        })
    }
}

#[test]
fn nothing_is_wrong_with_the_courses_of_the_program() {
    assert!(lab::embedded().steps().count() >= 10, "the courses are embedded");
    let diagnostics = lab::lint(&lab::labs(), lab::solutions().as_ref());
    let diagnostics: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    assert!(diagnostics.is_empty(), "{}", diagnostics.join("\n"));
}

#[test]
fn the_points_of_a_step_are_those_of_its_checks() {
    for step in lab::embedded().steps() {
        let sum: u32 = step.checks.iter().map(|check| check.points).sum();
        assert_eq!(step.points, sum, "{}", step.id);
    }
}

#[test]
fn the_authors_guide_lists_every_step() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../labs/README.md");
    let guide = std::fs::read_to_string(&guide).expect("labs/README.md");
    let (_, tables) = guide.split_once("## Toutes les étapes").expect("the guide has its table");
    let listed: BTreeMap<String, Line> = tables
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
            let step = cells.first()?.strip_prefix('`')?.strip_suffix('`')?;
            let line = Line::read(&cells[1..]).unwrap_or_else(|| panic!("cannot read {line}"));
            Some((step.to_owned(), line))
        })
        .collect();
    let catalog = lab::embedded();
    let real: BTreeMap<String, Line> = catalog.steps().map(|step| (step.id.step.clone(), Line::of(step))).collect();
    assert_eq!(listed, real);
}
