//! Finds hints that give the solution away: a long run of words that stands in the solution's files or commands, and
//! nowhere in what the learner has anyway.

use std::collections::HashSet;

use crate::model::{BlockKind, Page, Segment, Step};

/// How many words in a row are too many.
const RUN: usize = 5;

/// The largest file that is compared, in bytes: nobody copies more into a hint, and larger ones are not text.
const FILE_LIMIT: usize = 64 * 1024;

/// Returns, for each hint that copies the solution, its place in the list and the words in common.
pub(super) fn copies(step: &Step) -> Vec<(usize, String)> {
    let Some(solution) = &step.solution else { return Vec::new() };
    let mut secret = HashSet::new();
    for text in blocks(&solution.page) {
        runs(&words(text), &mut secret);
    }
    for file in solution.files.iter().filter(|file| file.content.len() <= FILE_LIMIT) {
        runs(&words(&String::from_utf8_lossy(&file.content)), &mut secret);
    }
    let mut known = HashSet::new();
    for segment in &step.page.segments {
        match segment {
            Segment::Prose(text) => runs(&words(text), &mut known),
            Segment::Block(block) => runs(&words(&block.text), &mut known),
            Segment::Image { .. } => {}
        }
    }
    for file in step.files.iter().filter(|file| file.content.len() <= FILE_LIMIT) {
        runs(&words(&String::from_utf8_lossy(&file.content)), &mut known);
    }
    step.hints
        .iter()
        .enumerate()
        .filter_map(|(index, hint)| {
            let found = words(&hint.text);
            let run = found.windows(RUN).find(|run| secret.contains(*run) && !known.contains(*run))?;
            Some((index, run.join(" ")))
        })
        .collect()
}

/// Returns the texts that a solution has the learner run or write.
fn blocks(page: &Page) -> impl Iterator<Item = &str> {
    page.segments.iter().filter_map(|segment| match segment {
        Segment::Block(block) => match &block.kind {
            BlockKind::Run | BlockKind::RunElsewhere(_) | BlockKind::File(_) => Some(block.text.as_str()),
            BlockKind::Output | BlockKind::Read => None,
        },
        Segment::Prose(_) | Segment::Image { .. } => None,
    })
}

/// Returns the words of a text in lower case, without the marks around them.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | '}' | '[' | ']' | '(' | ')'))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-').to_lowercase())
        .filter(|word| !word.is_empty() && word != "-")
        .collect()
}

fn runs(words: &[String], all: &mut HashSet<Vec<String>>) {
    all.extend(words.windows(RUN).map(<[String]>::to_vec));
}
