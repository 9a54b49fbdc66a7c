//! The files of a new step, for `atelier lab new`: valid, listed, with checks that fail untouched and a solution that
//! passes. Pure: the caller writes them, and overwrites nothing.

use crate::load::{good_id, listed_steps};
use crate::model::StepId;

const STEP: &str = include_str!("../../../assets/templates/step.md");
const SOLUTION: &str = include_str!("../../../assets/templates/solution.md");
const COURSE: &str = include_str!("../../../assets/templates/course.yaml");

/// What a new step consists of. Paths are relative to the folder that holds `labs/` and `solutions/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaffold {
    /// Files that must not be there yet: the step and its solution.
    pub new: Vec<(String, String)>,
    /// `course.yaml` with the step in it. None where the file is written in a way that cannot be added to without
    /// guessing: the author adds the step.
    pub course: Option<(String, String)>,
}

/// Why there is no scaffold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScaffoldError {
    /// A course's or step's name has characters outside `a-z`, `0-9` and `-`.
    #[error("`{0}` is not made of a-z, 0-9 and -")]
    BadName(String),
    /// The course lists such a step already.
    #[error("the step {0} exists")]
    Exists(StepId),
}

/// Returns the files of a new step; `course` is the text of the course's `course.yaml`, where there is one.
///
/// # Errors
///
/// The name cannot be one of a step, or is taken.
pub fn scaffold(id: &StepId, course: Option<&str>) -> Result<Scaffold, ScaffoldError> {
    for name in [&id.course.0, &id.step] {
        if !good_id(name) {
            return Err(ScaffoldError::BadName(name.clone()));
        }
    }
    let file = format!("labs/{}/course.yaml", id.course.0);
    let text = match course {
        None => Some(COURSE.replace("{title}", &title(&id.course.0)).replace("{step}", &id.step)),
        Some(text) => {
            if listed_steps(text).is_some_and(|steps| steps.contains(&id.step)) {
                return Err(ScaffoldError::Exists(id.clone()));
            }
            with_step(text, &id.step)
        }
    };
    let title = title(&id.step);
    let step = format!("labs/{}/{}.md", id.course.0, id.step);
    let solution = format!("solutions/{}/{}/solution.md", id.course.0, id.step);
    Ok(Scaffold {
        new: vec![(step, STEP.replace("{title}", &title)), (solution, SOLUTION.replace("{title}", &title))],
        course: text.map(|text| (file, text)),
    })
}

/// Returns a title from a name: `02-1-3-borner-la-memoire` gives `Borner la memoire`, to be mended.
fn title(name: &str) -> String {
    let words: Vec<&str> = name.split('-').skip_while(|word| word.bytes().all(|byte| byte.is_ascii_digit())).collect();
    let words = if words.is_empty() { name.to_owned() } else { words.join(" ") };
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Returns a `course.yaml` with `step` at the end of its last chapter. The text is edited rather than written anew, so
/// that the author's comments stay; the result is read again, and counts only if it says just that.
fn with_step(text: &str, step: &str) -> Option<String> {
    let mut expected = listed_steps(text)?;
    let last = expected.last()?.clone();
    expected.push(step.to_owned());
    let at = text.rfind(last.as_str())?;
    let end = at + last.len();
    let line = text[..at].rfind('\n').map_or(0, |before| before + 1);
    let in_block = text[line..at].trim() == "-";
    let added = if in_block {
        // The rest of the line may hold a comment.
        let end_of_line = text[end..].find('\n').map_or(text.len(), |more| end + more);
        format!("{}\n{}{step}{}", &text[..end_of_line], &text[line..at], &text[end_of_line..])
    } else {
        format!("{}, {step}{}", &text[..end], &text[end..])
    };
    (listed_steps(&added)? == expected).then_some(added)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CourseId;
    use crate::tree::Tree;

    fn id(course: &str, step: &str) -> StepId {
        StepId { course: CourseId(course.to_owned()), step: step.to_owned() }
    }

    #[test]
    fn a_new_step_in_a_new_course_passes_the_gate() {
        let made = scaffold(&id("essai", "01-1-un-pas"), None).unwrap();
        let (mut labs, mut solutions) = (Vec::new(), Vec::new());
        for (path, content) in made.new.into_iter().chain(made.course) {
            let (folder, path) = path.split_once('/').unwrap();
            let files = if folder == "labs" { &mut labs } else { &mut solutions };
            files.push((path.to_owned(), content.into_bytes()));
        }
        let (labs, solutions) = (Tree::from_files("labs", labs), Tree::from_files("solutions", solutions));
        assert_eq!(crate::lint(&labs, Some(&solutions)), []);
        let (catalog, _) = crate::load(&labs, Some(&solutions));
        let step = catalog.find("essai/01-1-un-pas").unwrap();
        assert_eq!((step.title.as_str(), step.checks.len()), ("Un pas", 2));
        assert!(step.solution.is_some());
    }

    #[test]
    fn a_step_is_added_to_the_list_as_the_author_wrote_it() {
        let head = "format: 1\ntitle: x # a-1\nchapters:\n";
        let check = |chapters: &str, expected: Option<&str>| {
            let made = scaffold(&id("essai", "b"), Some(&format!("{head}{chapters}"))).unwrap();
            let expected = expected.map(|text| ("labs/essai/course.yaml".to_owned(), format!("{head}{text}")));
            assert_eq!(made.course, expected);
        };
        check("  - { title: y, steps: [a, a-1] }\n", Some("  - { title: y, steps: [a, a-1, b] }\n"));
        check(
            "  - title: y\n    steps: [a,\n      a-1\n    ]\n",
            Some("  - title: y\n    steps: [a,\n      a-1, b\n    ]\n"),
        );
        check(
            "  - title: y\n    steps:\n      - a\n      - a-1 # le dernier\n# fin\n",
            Some("  - title: y\n    steps:\n      - a\n      - a-1 # le dernier\n      - b\n# fin\n"),
        );
        check("  - title: y\n    steps:\n      - a", Some("  - title: y\n    steps:\n      - a\n      - b"));
        check("  - { title: y, steps: [\"a\"] }\n", None);
        check("  - { title: y, steps: [] }\n", None);
    }

    #[test]
    fn names_that_are_taken_or_impossible_are_refused() {
        let course = "format: 1\ntitle: x\nchapters: [{ title: y, steps: [a] }]\n";
        assert_eq!(scaffold(&id("essai", "a"), Some(course)), Err(ScaffoldError::Exists(id("essai", "a"))));
        assert_eq!(scaffold(&id("..", "a"), None), Err(ScaffoldError::BadName("..".to_owned())));
        assert_eq!(scaffold(&id("essai", "É"), None), Err(ScaffoldError::BadName("É".to_owned())));
    }
}
