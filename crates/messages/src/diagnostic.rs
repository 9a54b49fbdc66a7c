//! What is wrong with labs, with carried progress and with the log, said in French: what, and how to mend it.

use lab::{
    CarryError, Diagnostic, DiagnosticKind as Kind, FindError, Flaw, FlawKind, FolderLimit, ScaffoldError, Severity,
    Unreadable,
};

use crate::loader::say;
use crate::words::{all_clean, list_and, list_or, points, quoted};

/// Something wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What is wrong, as a sentence.
    pub what: String,
    /// What to do about it, as a sentence.
    pub mend: String,
}

/// Says what is wrong with a lab.
pub fn diagnostic(diagnostic: &Diagnostic) -> Remark {
    let (what, mend) = sentences(&diagnostic.kind);
    Remark { what, mend }
}

/// Says where something is wrong with a lab, how bad it is, and what it is, in one line.
pub fn diagnostic_line(problem: &Diagnostic) -> String {
    say!(
        "diagnostic-line",
        file = quoted(&problem.file),
        line = problem.line.to_string(),
        column = problem.column.to_string(),
        severity = severity(problem.severity()),
        what = diagnostic(problem).what
    )
}

/// Says how bad it is: «erreur» or «remarque».
pub fn severity(severity: Severity) -> String {
    match severity {
        Severity::Error => say!("diagnostic-error"),
        Severity::Warning => say!("diagnostic-warning"),
    }
}

fn sentences(kind: &Kind) -> (String, String) {
    match kind {
        Kind::FileTooLarge { size, limit } => (
            say!("diagnostic-file-too-large", size = weight(*size), limit = weight(*limit)),
            say!("diagnostic-file-too-large", "mend"),
        ),
        Kind::FolderTooLarge { limit } => (
            say!("diagnostic-folder-too-large", limit = folder_limit(*limit)),
            say!("diagnostic-folder-too-large", "mend"),
        ),
        Kind::FileUnreadable { reason } => {
            (say!("diagnostic-file-unreadable", reason = quoted(reason)), say!("diagnostic-file-unreadable", "mend"))
        }
        Kind::NotARegularFile => (say!("diagnostic-not-a-regular-file"), say!("diagnostic-not-a-regular-file", "mend")),
        Kind::BadFileName => (say!("diagnostic-bad-file-name"), say!("diagnostic-bad-file-name", "mend")),
        Kind::NotUtf8 => (say!("diagnostic-not-utf8"), say!("diagnostic-not-utf8", "mend")),
        Kind::CourseFileMissing => {
            (say!("diagnostic-course-file-missing"), say!("diagnostic-course-file-missing", "mend"))
        }
        Kind::StepMissing { step } => {
            (say!("diagnostic-step-missing", step = quoted(step)), say!("diagnostic-step-missing", "mend"))
        }
        Kind::StepListedTwice { step } => {
            (say!("diagnostic-step-listed-twice", step = quoted(step)), say!("diagnostic-step-listed-twice", "mend"))
        }
        Kind::BadId { id } => (say!("diagnostic-bad-id", id = quoted(id)), say!("diagnostic-bad-id", "mend")),
        Kind::FormatUnsupported { found, supported } => (
            say!("diagnostic-format-unsupported", found = found.to_string(), supported = supported.to_string()),
            say!("diagnostic-format-unsupported", "mend", supported = supported.to_string()),
        ),
        Kind::FrontMatterMissing => {
            (say!("diagnostic-front-matter-missing"), say!("diagnostic-front-matter-missing", "mend"))
        }
        Kind::FrontMatterUnclosed => {
            (say!("diagnostic-front-matter-unclosed"), say!("diagnostic-front-matter-unclosed", "mend"))
        }
        Kind::YamlSyntax { detail } => {
            (say!("diagnostic-yaml-syntax", detail = quoted(detail)), say!("diagnostic-yaml-syntax", "mend"))
        }
        Kind::YamlTooComplex => (say!("diagnostic-yaml-too-complex"), say!("diagnostic-yaml-too-complex", "mend")),
        Kind::UnknownField { field, expected, nearest } => (
            say!("diagnostic-unknown-field", field = quoted(field), nearest = meant(nearest.as_deref())),
            say!("diagnostic-unknown-field", "mend", expected = list_and(&all_clean(expected))),
        ),
        Kind::MissingField { field } => {
            (say!("diagnostic-missing-field", field = quoted(field)), say!("diagnostic-missing-field", "mend"))
        }
        Kind::UnknownVariant { found, expected, nearest } => (
            say!("diagnostic-unknown-variant", found = quoted(found), nearest = meant(nearest.as_deref())),
            say!("diagnostic-unknown-variant", "mend", expected = list_and(&all_clean(expected))),
        ),
        Kind::WrongType { expected, found: _ } => {
            (say!("diagnostic-wrong-type", expected = expected_type(expected)), say!("diagnostic-wrong-type", "mend"))
        }
        Kind::DuplicateKey { key } => {
            (say!("diagnostic-duplicate-key", key = quoted(key)), say!("diagnostic-duplicate-key", "mend"))
        }
        Kind::OutOfRange { field, min, max } => (
            say!("diagnostic-out-of-range", field = (*field).to_owned()),
            say!("diagnostic-out-of-range", "mend", min = min.to_string(), max = max.to_string()),
        ),
        Kind::DuplicateCheck { id } => {
            (say!("diagnostic-duplicate-check", id = quoted(id)), say!("diagnostic-duplicate-check", "mend"))
        }
        Kind::ControlCharacter { code } => (
            say!("diagnostic-control-character", code = format!("U+{code:04X}")),
            say!("diagnostic-control-character", "mend"),
        ),
        Kind::BadPath { path } => {
            (say!("diagnostic-bad-path", path = quoted(path)), say!("diagnostic-bad-path", "mend"))
        }
        Kind::LabFileMissing { path } => {
            (say!("diagnostic-lab-file-missing", path = quoted(path)), say!("diagnostic-lab-file-missing", "mend"))
        }
        Kind::ActionFileMissing { path } => (
            say!("diagnostic-action-file-missing", path = quoted(path)),
            say!("diagnostic-action-file-missing", "mend"),
        ),
        Kind::UnknownBlockWord { word } => {
            (say!("diagnostic-unknown-block-word", word = quoted(word)), say!("diagnostic-unknown-block-word", "mend"))
        }
        Kind::BlockTwoKinds => (say!("diagnostic-block-two-kinds"), say!("diagnostic-block-two-kinds", "mend")),
        Kind::BlockNotShell { language } => (
            say!("diagnostic-block-not-shell", language = quoted(language)),
            say!("diagnostic-block-not-shell", "mend"),
        ),
        Kind::BlockNested => (say!("diagnostic-block-nested"), say!("diagnostic-block-nested", "mend")),
        Kind::BlockUnclosed => (say!("diagnostic-block-unclosed"), say!("diagnostic-block-unclosed", "mend")),
        Kind::ImageMissing { path } => {
            (say!("diagnostic-image-missing", path = quoted(path)), say!("diagnostic-image-missing", "mend"))
        }
        Kind::AnswerWithoutQuestion { check } => (
            say!("diagnostic-answer-without-question", check = quoted(check)),
            say!("diagnostic-answer-without-question", "mend"),
        ),
        Kind::QuestionWithoutAnswer { check } => (
            say!("diagnostic-question-without-answer", check = quoted(check)),
            say!("diagnostic-question-without-answer", "mend"),
        ),
        Kind::SolutionWithoutStep { step } => (
            say!("diagnostic-solution-without-step", step = quoted(step)),
            say!("diagnostic-solution-without-step", "mend"),
        ),
        Kind::PointsDoNotAddUp { stated, sum } => (
            say!("diagnostic-points-do-not-add-up", stated = points(*stated), sum = sum.to_string()),
            say!("diagnostic-points-do-not-add-up", "mend"),
        ),
        Kind::NoCheck => (say!("diagnostic-no-check"), say!("diagnostic-no-check", "mend")),
        Kind::OnlyGuards => (say!("diagnostic-only-guards"), say!("diagnostic-only-guards", "mend")),
        Kind::NoObjectives => (say!("diagnostic-no-objectives"), say!("diagnostic-no-objectives", "mend")),
        Kind::NoMinutes => (say!("diagnostic-no-minutes"), say!("diagnostic-no-minutes", "mend")),
        Kind::NoLearnt => (say!("diagnostic-no-learnt"), say!("diagnostic-no-learnt", "mend")),
        Kind::NoHints => (say!("diagnostic-no-hints"), say!("diagnostic-no-hints", "mend")),
        Kind::NoSolution => (say!("diagnostic-no-solution"), say!("diagnostic-no-solution", "mend")),
        Kind::StepNotListed => (say!("diagnostic-step-not-listed"), say!("diagnostic-step-not-listed", "mend")),
        Kind::SpecProblem { check, problem } => (
            say!("diagnostic-spec-problem", check = quoted(check), problem = spec_problem(problem)),
            say!("diagnostic-spec-problem", "mend"),
        ),
        Kind::LabFileUnused => (say!("diagnostic-lab-file-unused"), say!("diagnostic-lab-file-unused", "mend")),
        Kind::HintCopiesSolution { words } => (
            say!("diagnostic-hint-copies-solution", words = quoted(words)),
            say!("diagnostic-hint-copies-solution", "mend"),
        ),
        Kind::SolutionFileMissing { path } => (
            say!("diagnostic-solution-file-missing", path = quoted(path)),
            say!("diagnostic-solution-file-missing", "mend"),
        ),
        Kind::DeadLink { target } => {
            (say!("diagnostic-dead-link", target = quoted(target)), say!("diagnostic-dead-link", "mend"))
        }
        Kind::InsecureLink { target } => {
            (say!("diagnostic-insecure-link", target = quoted(target)), say!("diagnostic-insecure-link", "mend"))
        }
        Kind::RemoteImage { url } => {
            (say!("diagnostic-remote-image", url = quoted(url)), say!("diagnostic-remote-image", "mend"))
        }
        Kind::ImageWithoutAlt { path } => {
            (say!("diagnostic-image-without-alt", path = quoted(path)), say!("diagnostic-image-without-alt", "mend"))
        }
        Kind::HeadingSkips { from, to } => (
            say!("diagnostic-heading-skips", from = from.to_string(), to = to.to_string()),
            say!("diagnostic-heading-skips", "mend"),
        ),
        Kind::Html => (say!("diagnostic-html"), say!("diagnostic-html", "mend")),
        Kind::MissingAccent { found, expected } => (
            say!("diagnostic-missing-accent", found = quoted(found)),
            say!("diagnostic-missing-accent", "mend", expected = quoted(expected)),
        ),
        Kind::WordNotUsed { found, instead } => (
            say!("diagnostic-word-not-used", found = quoted(found)),
            say!("diagnostic-word-not-used", "mend", instead = quoted(instead)),
        ),
        Kind::NoBreakSpaceBefore { mark } => (
            say!("diagnostic-no-break-space-before", mark = mark.to_string()),
            say!("diagnostic-no-break-space-before", "mend"),
        ),
        Kind::NoBreakSpaceAfter { mark: _ } => {
            (say!("diagnostic-no-break-space-after"), say!("diagnostic-no-break-space-after", "mend"))
        }
        Kind::StraightQuotes => (say!("diagnostic-straight-quotes"), say!("diagnostic-straight-quotes", "mend")),
        Kind::Exclamation => (say!("diagnostic-exclamation"), say!("diagnostic-exclamation", "mend")),
        Kind::Emoji { found } => {
            (say!("diagnostic-emoji", found = found.to_string()), say!("diagnostic-emoji", "mend"))
        }
    }
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|word| say!("diagnostic-meant", word = quoted(word))).unwrap_or_default()
}

fn folder_limit(limit: FolderLimit) -> String {
    match limit {
        FolderLimit::Files(n) => say!("diagnostic-limit-files", n = n.to_string()),
        FolderLimit::Bytes(n) => weight(n),
        FolderLimit::Depth(n) => say!("diagnostic-limit-depth", n = n.to_string()),
    }
}

/// Says a number of bytes, rounded up.
fn weight(bytes: u64) -> String {
    let kibibytes = bytes.div_ceil(1024);
    if kibibytes < 1024 {
        say!("diagnostic-kibibytes", n = kibibytes.to_string())
    } else {
        say!("diagnostic-mebibytes", n = kibibytes.div_ceil(1024).to_string())
    }
}

/// Says a type as the YAML parser names it. What it has no words for stays in its own.
fn expected_type(expected: &str) -> String {
    match expected {
        "string" | "string scalar" | "scalar" => say!("diagnostic-type-text"),
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => say!("diagnostic-type-number"),
        "bool" | "boolean" => say!("diagnostic-type-truth"),
        "sequence" | "sequence start" => say!("diagnostic-type-list"),
        "mapping" | "mapping start" => say!("diagnostic-type-mapping"),
        other => quoted(other),
    }
}

fn spec_problem(problem: &check::Problem) -> String {
    use check::Problem;
    match problem {
        Problem::Contradiction { first, second } => {
            say!("diagnostic-spec-contradiction", first = (*first).to_owned(), second = (*second).to_owned())
        }
        Problem::Empty { field } => say!("diagnostic-spec-empty", field = (*field).to_owned()),
        Problem::ExpectsNothing => say!("diagnostic-spec-expects-nothing"),
        Problem::EscapingPath { path } => say!("diagnostic-spec-escaping-path", path = quoted(path)),
        Problem::BadPattern { pattern, reason } => {
            say!("diagnostic-spec-bad-pattern", pattern = quoted(pattern), reason = quoted(reason))
        }
        Problem::BadAddress { url } => say!("diagnostic-spec-bad-address", url = quoted(url)),
        Problem::NoAnswer => say!("diagnostic-spec-no-answer"),
        Problem::AnswerNotAChoice { answer } => {
            say!("diagnostic-spec-answer-not-a-choice", answer = quoted(answer))
        }
        Problem::OutOfBounds { field, min, max } => say!(
            "diagnostic-spec-out-of-bounds",
            field = (*field).to_owned(),
            min = min.to_string(),
            max = max.to_string()
        ),
    }
}

/// Says why a folder of labs cannot be read.
pub fn unreadable(error: &Unreadable) -> Remark {
    Remark {
        what: say!("lab-unreadable", path = quoted(&error.path), detail = quoted(&error.source.to_string())),
        mend: say!("lab-unreadable", "mend"),
    }
}

/// Says why a name does not lead to one step.
pub fn not_found(error: &FindError) -> Remark {
    match error {
        FindError::Unknown(name) => {
            Remark { what: say!("lab-step-unknown", name = quoted(name)), mend: say!("lab-step-unknown", "mend") }
        }
        FindError::Ambiguous { name, candidates } => {
            let candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
            Remark {
                what: say!("lab-step-ambiguous", name = quoted(name), candidates = list_or(&candidates)),
                mend: say!("lab-step-ambiguous", "mend"),
            }
        }
    }
}

/// Says why a new step cannot be made.
pub fn no_scaffold(error: &ScaffoldError) -> Remark {
    match error {
        ScaffoldError::BadName(name) => {
            Remark { what: say!("lab-bad-name", name = quoted(name)), mend: say!("lab-bad-name", "mend") }
        }
        ScaffoldError::Exists(step) => Remark {
            what: say!("lab-step-exists", step = quoted(&step.to_string())),
            mend: say!("lab-step-exists", "mend"),
        },
    }
}

/// Says why a file holds no progress.
pub fn not_carried(error: &CarryError) -> Remark {
    match error {
        CarryError::NotProgress(_) => {
            Remark { what: say!("carry-not-progress"), mend: say!("carry-not-progress", "mend") }
        }
        CarryError::Format { found } => {
            Remark { what: say!("carry-format", found = found.to_string()), mend: say!("carry-format", "mend") }
        }
    }
}

/// Says what is wrong with a line of the log.
pub fn flaw(flaw: &Flaw) -> String {
    let line = flaw.line.to_string();
    match flaw.kind {
        FlawKind::Unreadable => say!("flaw-unreadable", line = line),
        FlawKind::Torn => say!("flaw-torn", line = line),
        FlawKind::Changed => say!("flaw-changed", line = line),
        FlawKind::Missing { lines } => say!("flaw-missing", line = line, lines = lines),
        FlawKind::Moved => say!("flaw-moved", line = line),
    }
}

#[cfg(test)]
mod tests;
