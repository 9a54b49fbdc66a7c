//! What is wrong with a lab, as data: where, what, and all that a sentence about the mend needs. The sentences are
//! made in crate `messages`.

use std::fmt;

/// One thing wrong in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// The file, as the author would name it (`labs/atelier-kubernetes/course.yaml`).
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub kind: DiagnosticKind,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The lab does not work as written.
    Error,
    /// It works, but a learner deserves better.
    Warning,
}

impl Diagnostic {
    /// Returns how bad it is.
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }
}

impl fmt::Display for Diagnostic {
    /// Writes a line for logs and tests: the place and the kind, in English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}:{}:{}: {severity}: {:?}", self.file, self.line, self.column, self.kind)
    }
}

/// What is wrong. Each variant has its sentence and its mend in crate `messages`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiagnosticKind {
    // What the loader finds: files.
    /// The file is larger than a lab may have.
    FileTooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The folder holds more than a course may hold; the rest was not read.
    FolderTooLarge {
        /// The limit that was met first.
        limit: FolderLimit,
    },
    /// The file could not be read.
    FileUnreadable {
        /// The system's words.
        reason: String,
    },
    /// A symbolic link, or something else that is neither a file nor a folder; it is not followed.
    NotARegularFile,
    /// A name that is not portable: not UTF-8, or with a character that a path may not have.
    BadFileName,
    /// The text is not UTF-8; the place is the first wrong byte.
    NotUtf8,
    /// A folder under `labs/` has no `course.yaml`.
    CourseFileMissing,
    /// A step that `course.yaml` lists has no file.
    StepMissing {
        /// The step.
        step: String,
    },
    /// `course.yaml` lists a step twice.
    StepListedTwice {
        /// The step.
        step: String,
    },
    /// An id has characters outside `a-z`, `0-9` and `-`.
    BadId {
        /// The id.
        id: String,
    },

    // What the loader finds: YAML.
    /// The file's `format` is not one that this program reads.
    FormatUnsupported {
        /// What it says.
        found: u64,
        /// What is read.
        supported: u64,
    },
    /// The step does not begin with a front matter.
    FrontMatterMissing,
    /// The front matter has no closing `---`.
    FrontMatterUnclosed,
    /// The YAML cannot be parsed.
    YamlSyntax {
        /// The parser's words, in English.
        detail: String,
    },
    /// The YAML is larger or deeper than a lab may have, or expands aliases beyond reason.
    YamlTooComplex,
    /// A field that the format does not have.
    UnknownField {
        /// The field.
        field: String,
        /// The fields that exist here.
        expected: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// A required field is absent.
    MissingField {
        /// The field.
        field: String,
    },
    /// A word that is none of those allowed here, such as the kind of a check.
    UnknownVariant {
        /// The word.
        found: String,
        /// The words allowed here.
        expected: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// A value of another type.
    WrongType {
        /// What is expected, in the parser's words.
        expected: String,
        /// What stands there, where known.
        found: Option<String>,
    },
    /// The same key twice in one mapping.
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A number outside its bounds.
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// Two checks of a step have the same id.
    DuplicateCheck {
        /// The id.
        id: String,
    },

    // What the loader finds: text and files of a step.
    /// A terminal control character, or one that changes the direction of text; it was removed.
    ControlCharacter {
        /// Its code point.
        code: u32,
    },
    /// A path that is absolute, climbs with `..`, or is not portable.
    BadPath {
        /// The path.
        path: String,
    },
    /// `files` names a file that is not under the course's `files/`.
    LabFileMissing {
        /// The path under `files/`.
        path: String,
    },
    /// `setup` or `reset` applies a file that the step does not hand out.
    ActionFileMissing {
        /// The path in the work folder.
        path: String,
    },
    /// A word in a block's opening that the format does not have.
    UnknownBlockWord {
        /// The word.
        word: String,
    },
    /// A block says two things at once (`run` and `file=`).
    BlockTwoKinds,
    /// A block to run whose language is not a shell.
    BlockNotShell {
        /// Its language.
        language: String,
    },
    /// A block to run, to write or to compare stands in a list or a quotation, where it is only read.
    BlockNested,
    /// A block is never closed.
    BlockUnclosed,
    /// An image's file is missing.
    ImageMissing {
        /// The path.
        path: String,
    },
    /// A solution answers a check that is not a question of the step.
    AnswerWithoutQuestion {
        /// The check.
        check: String,
    },
    /// A solution leaves a question unanswered.
    QuestionWithoutAnswer {
        /// The check.
        check: String,
    },
    /// A folder of `solutions/` answers to no step.
    SolutionWithoutStep {
        /// The folder's name.
        step: String,
    },

    // What only the lint finds: the step as a whole.
    /// The stated points are not the sum of the checks' points.
    PointsDoNotAddUp {
        /// What the header says.
        stated: u32,
        /// What the checks sum up to.
        sum: u64,
    },
    /// Nothing proves the step.
    NoCheck,
    /// All checks are guards: the step passes untouched.
    OnlyGuards,
    /// The step says nothing about its aim.
    NoObjectives,
    /// The step says no duration.
    NoMinutes,
    /// The step has no closing line.
    NoLearnt,
    /// The step has no hint.
    NoHints,
    /// The step has no solution.
    NoSolution,
    /// A Markdown file of the course that `course.yaml` does not list.
    StepNotListed,
    /// A check whose spec contradicts itself or can never hold.
    SpecProblem {
        /// The check.
        check: String,
        /// What is wrong.
        problem: check::Problem,
    },
    /// A file under `files/` that no step hands out.
    LabFileUnused,
    /// A hint gives the solution away.
    HintCopiesSolution {
        /// The words in common.
        words: String,
    },
    /// The text has the learner write a file, or a check reads one, that the solution lacks.
    SolutionFileMissing {
        /// The path in the work folder.
        path: String,
    },

    // What only the lint finds: Markdown.
    /// A link to a file or an anchor that is not there.
    DeadLink {
        /// The target.
        target: String,
    },
    /// A link whose scheme is not `https`.
    InsecureLink {
        /// The target.
        target: String,
    },
    /// An image on the network: it would not show offline.
    RemoteImage {
        /// The address.
        url: String,
    },
    /// An image without alternative text.
    ImageWithoutAlt {
        /// The path.
        path: String,
    },
    /// A heading more than one level below the one before.
    HeadingSkips {
        /// The level before; 0 before the first.
        from: u8,
        /// The level found.
        to: u8,
    },
    /// HTML in the text, which a terminal cannot show.
    Html,

    // What only the lint finds: words.
    /// A French word without its accents.
    MissingAccent {
        /// As written.
        found: String,
        /// As it should be.
        expected: String,
    },
    /// A word that the house does not use.
    WordNotUsed {
        /// As written.
        found: String,
        /// What to write instead.
        instead: String,
    },
    /// No non-breaking space before a mark.
    NoBreakSpaceBefore {
        /// The mark.
        mark: char,
    },
    /// No non-breaking space after an opening guillemet.
    NoBreakSpaceAfter {
        /// The mark.
        mark: char,
    },
    /// Straight quotation marks in French text.
    StraightQuotes,
    /// An exclamation mark.
    Exclamation,
    /// An emoji.
    Emoji {
        /// Which.
        found: char,
    },
}

/// What bounds a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FolderLimit {
    /// The number of files.
    Files(u32),
    /// The bytes in all.
    Bytes(u64),
    /// The depth of folders.
    Depth(u32),
}

impl DiagnosticKind {
    /// Returns how bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            DiagnosticKind::FileTooLarge { .. }
            | DiagnosticKind::FolderTooLarge { .. }
            | DiagnosticKind::FileUnreadable { .. }
            | DiagnosticKind::NotARegularFile
            | DiagnosticKind::BadFileName
            | DiagnosticKind::NotUtf8
            | DiagnosticKind::CourseFileMissing
            | DiagnosticKind::StepMissing { .. }
            | DiagnosticKind::StepListedTwice { .. }
            | DiagnosticKind::BadId { .. }
            | DiagnosticKind::FormatUnsupported { .. }
            | DiagnosticKind::FrontMatterMissing
            | DiagnosticKind::FrontMatterUnclosed
            | DiagnosticKind::YamlSyntax { .. }
            | DiagnosticKind::YamlTooComplex
            | DiagnosticKind::UnknownField { .. }
            | DiagnosticKind::MissingField { .. }
            | DiagnosticKind::UnknownVariant { .. }
            | DiagnosticKind::WrongType { .. }
            | DiagnosticKind::DuplicateKey { .. }
            | DiagnosticKind::OutOfRange { .. }
            | DiagnosticKind::DuplicateCheck { .. }
            | DiagnosticKind::ControlCharacter { .. }
            | DiagnosticKind::BadPath { .. }
            | DiagnosticKind::LabFileMissing { .. }
            | DiagnosticKind::ActionFileMissing { .. }
            | DiagnosticKind::UnknownBlockWord { .. }
            | DiagnosticKind::BlockTwoKinds
            | DiagnosticKind::BlockNotShell { .. }
            | DiagnosticKind::BlockNested
            | DiagnosticKind::BlockUnclosed
            | DiagnosticKind::ImageMissing { .. }
            | DiagnosticKind::AnswerWithoutQuestion { .. }
            | DiagnosticKind::QuestionWithoutAnswer { .. }
            | DiagnosticKind::SolutionWithoutStep { .. }
            | DiagnosticKind::PointsDoNotAddUp { .. }
            | DiagnosticKind::NoCheck
            | DiagnosticKind::OnlyGuards
            | DiagnosticKind::NoSolution
            | DiagnosticKind::StepNotListed
            | DiagnosticKind::SpecProblem { .. }
            | DiagnosticKind::SolutionFileMissing { .. }
            | DiagnosticKind::DeadLink { .. } => Severity::Error,
            DiagnosticKind::NoObjectives
            | DiagnosticKind::NoMinutes
            | DiagnosticKind::NoLearnt
            | DiagnosticKind::NoHints
            | DiagnosticKind::LabFileUnused
            | DiagnosticKind::HintCopiesSolution { .. }
            | DiagnosticKind::InsecureLink { .. }
            | DiagnosticKind::RemoteImage { .. }
            | DiagnosticKind::ImageWithoutAlt { .. }
            | DiagnosticKind::HeadingSkips { .. }
            | DiagnosticKind::Html
            | DiagnosticKind::MissingAccent { .. }
            | DiagnosticKind::WordNotUsed { .. }
            | DiagnosticKind::NoBreakSpaceBefore { .. }
            | DiagnosticKind::NoBreakSpaceAfter { .. }
            | DiagnosticKind::StraightQuotes
            | DiagnosticKind::Exclamation
            | DiagnosticKind::Emoji { .. } => Severity::Warning,
        }
    }
}
