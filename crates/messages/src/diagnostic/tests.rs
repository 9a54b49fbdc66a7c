//! Every diagnostic, read by a French reader through the snapshot.

use lab::{CourseId, StepId};

use super::*;

/// One of each kind.
fn every_kind() -> Vec<Kind> {
    let word = || "mot".to_owned();
    let expected = || vec!["title".to_owned(), "points".to_owned()];
    let mut kinds = vec![
        Kind::FileTooLarge { size: 10_485_760, limit: lab::TEXT_LIMIT },
        Kind::FolderTooLarge { limit: FolderLimit::Files(4_000) },
        Kind::FolderTooLarge { limit: FolderLimit::Bytes(67_108_864) },
        Kind::FolderTooLarge { limit: FolderLimit::Depth(12) },
        Kind::FileUnreadable { reason: "Permission denied (os error 13)".to_owned() },
        Kind::NotARegularFile,
        Kind::BadFileName,
        Kind::NotUtf8,
        Kind::CourseFileMissing,
        Kind::StepMissing { step: word() },
        Kind::StepListedTwice { step: word() },
        Kind::BadId { id: "\u{1b}[31mX".to_owned() },
        Kind::FormatUnsupported { found: 2, supported: 1 },
        Kind::FrontMatterMissing,
        Kind::FrontMatterUnclosed,
        Kind::YamlSyntax { detail: "mapping values are not allowed in this context".to_owned() },
        Kind::YamlTooComplex,
        Kind::UnknownField { field: "titel".to_owned(), expected: expected(), nearest: Some("title".to_owned()) },
        Kind::UnknownField { field: word(), expected: expected(), nearest: None },
        Kind::MissingField { field: word() },
        Kind::UnknownVariant { found: word(), expected: expected(), nearest: None },
        Kind::DuplicateKey { key: word() },
        Kind::OutOfRange { field: "timeout", min: 1, max: 1_800 },
        Kind::DuplicateCheck { id: word() },
        Kind::ControlCharacter { code: 27 },
        Kind::BadPath { path: "../secret".to_owned() },
        Kind::LabFileMissing { path: "quotas/a.yaml".to_owned() },
        Kind::ActionFileMissing { path: "a.yaml".to_owned() },
        Kind::UnknownBlockWord { word: "runn".to_owned() },
        Kind::BlockTwoKinds,
        Kind::BlockNotShell { language: "python".to_owned() },
        Kind::BlockNested,
        Kind::BlockUnclosed,
        Kind::ImageMissing { path: "images/a.png".to_owned() },
        Kind::AnswerWithoutQuestion { check: word() },
        Kind::QuestionWithoutAnswer { check: word() },
        Kind::SolutionWithoutStep { step: word() },
        Kind::PointsDoNotAddUp { stated: 5, sum: 4 },
        Kind::NoCheck,
        Kind::OnlyGuards,
        Kind::NoObjectives,
        Kind::NoMinutes,
        Kind::NoLearnt,
        Kind::NoHints,
        Kind::NoSolution,
        Kind::StepNotListed,
        Kind::LabFileUnused,
        Kind::HintCopiesSolution { words: "kubectl create quota bornes --hard=pods=5".to_owned() },
        Kind::SolutionFileMissing { path: "a.yaml".to_owned() },
        Kind::DeadLink { target: "absent.md".to_owned() },
        Kind::InsecureLink { target: "http://exemple.fr".to_owned() },
        Kind::RemoteImage { url: "https://exemple.fr/a.png".to_owned() },
        Kind::ImageWithoutAlt { path: "images/a.png".to_owned() },
        Kind::HeadingSkips { from: 1, to: 3 },
        Kind::Html,
        Kind::MissingAccent { found: "memoire".to_owned(), expected: "mémoire".to_owned() },
        Kind::WordNotUsed { found: "grappe".to_owned(), instead: "cluster".to_owned() },
        Kind::NoBreakSpaceBefore { mark: ':' },
        Kind::NoBreakSpaceAfter { mark: '«' },
        Kind::StraightQuotes,
        Kind::Exclamation,
        Kind::Emoji { found: '🚀' },
    ];
    for expected in ["string scalar", "u32", "bool", "sequence", "mapping", "something new"] {
        kinds.push(Kind::WrongType { expected: expected.to_owned(), found: None });
    }
    for problem in [
        check::Problem::Contradiction { first: "name", second: "selector" },
        check::Problem::Empty { field: "kind" },
        check::Problem::ExpectsNothing,
        check::Problem::EscapingPath { path: "../a".to_owned() },
        check::Problem::BadPattern { pattern: "(".to_owned(), reason: "unclosed group".to_owned() },
        check::Problem::BadAddress { url: "https://exemple.fr".to_owned() },
        check::Problem::NoAnswer,
        check::Problem::AnswerNotAChoice { answer: "c".to_owned() },
        check::Problem::OutOfBounds { field: "replicas", min: 2, max: 50 },
    ] {
        kinds.push(Kind::SpecProblem { check: word(), problem });
    }
    kinds
}

#[test]
fn every_diagnostic_says_what_and_how_to_mend_it() {
    let mut said = String::new();
    for kind in every_kind() {
        let problem = Diagnostic { file: "labs/demo/a.md".to_owned(), line: 12, column: 4, kind };
        let remark = diagnostic(&problem);
        said.push_str(&format!("{}\n    {}\n", diagnostic_line(&problem), remark.mend));
        for sentence in [&remark.what, &remark.mend] {
            assert!(sentence.ends_with(['.', '?']) && !sentence.contains(['{', '\u{1b}']), "{sentence}");
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn errors_about_courses_and_progress_are_said() {
    let step = |step: &str| StepId { course: CourseId("demo".to_owned()), step: step.to_owned() };
    let mut remarks = vec![
        not_found(&FindError::Unknown("x".to_owned())),
        not_found(&FindError::Ambiguous { name: "0".to_owned(), candidates: vec![step("00"), step("01")] }),
        no_scaffold(&ScaffoldError::BadName("É".to_owned())),
        no_scaffold(&ScaffoldError::Exists(step("00"))),
        not_carried(&CarryError::NotProgress(None)),
        not_carried(&CarryError::Format { found: 2 }),
    ];
    let source = std::io::Error::other("nowhere");
    remarks.push(unreadable(&Unreadable { path: "labs".to_owned(), source }));
    let flaws = [
        FlawKind::Unreadable,
        FlawKind::Torn,
        FlawKind::Changed,
        FlawKind::Missing { lines: 1 },
        FlawKind::Missing { lines: 3 },
        FlawKind::Moved,
    ];
    let flaws: Vec<String> = flaws.into_iter().map(|kind| flaw(&Flaw { line: 1_234, kind })).collect();
    insta::assert_debug_snapshot!((remarks, flaws));
}
