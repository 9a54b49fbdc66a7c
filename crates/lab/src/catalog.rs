//! The courses at hand, and how steps are found in them.

use crate::model::{Course, CourseId, Step, StepId};

/// Courses, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalog {
    courses: Vec<Course>,
}

/// Why a name does not lead to one step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// No step's name begins so.
    #[error("no step is called `{0}`")]
    Unknown(String),
    /// Several do.
    #[error("`{name}` may mean {} steps", .candidates.len())]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What it may mean.
        candidates: Vec<StepId>,
    },
}

impl Catalog {
    /// Makes a catalogue of courses; where two have the same id, the later one counts.
    pub fn new(courses: Vec<Course>) -> Catalog {
        let mut catalog = Catalog::default();
        catalog.extend(courses);
        catalog
    }

    /// Adds courses; one that has the id of another takes its place.
    pub fn extend(&mut self, courses: impl IntoIterator<Item = Course>) {
        for course in courses {
            match self.courses.binary_search_by(|other| other.id.cmp(&course.id)) {
                Ok(at) => self.courses[at] = course,
                Err(at) => self.courses.insert(at, course),
            }
        }
    }

    /// Returns the courses.
    pub fn courses(&self) -> &[Course] {
        &self.courses
    }

    /// Returns a course by its id.
    pub fn course(&self, id: &CourseId) -> Option<&Course> {
        self.courses.iter().find(|course| course.id == *id)
    }

    /// Returns every step, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.courses.iter().flat_map(|course| &course.steps)
    }

    /// Returns a step by its id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.course(&id.course)?.step(&id.step)
    }

    /// Finds the one step that a person means by `name`: `COURSE/STEP` or `STEP`, each either whole or an unambiguous
    /// beginning; or `COURSE` alone, which means its first step.
    ///
    /// # Errors
    ///
    /// No step or several have such a name.
    pub fn find(&self, name: &str) -> Result<&Step, FindError> {
        let (course, step) = match name.trim_end_matches('/').split_once('/') {
            Some((course, step)) => (Some(course), step),
            None => (None, name.trim_end_matches('/')),
        };
        if step.is_empty() {
            return Err(FindError::Unknown(name.to_owned()));
        }
        if course.is_none()
            && let Some(first) = self.courses.iter().find(|course| course.id.0 == step).and_then(|c| c.steps.first())
        {
            return Ok(first);
        }
        // Whole names win over beginnings: `02-1` is found although `02-1-bis` exists.
        let in_course = |candidate: &&Step| course.is_none_or(|course| candidate.id.course.0.starts_with(course));
        let whole: Vec<&Step> = self.steps().filter(in_course).filter(|candidate| candidate.id.step == step).collect();
        let mut found = if whole.is_empty() {
            self.steps().filter(in_course).filter(|candidate| candidate.id.step.starts_with(step)).collect()
        } else {
            whole
        };
        if let Some(course) = course {
            let exact: Vec<&Step> = found.iter().copied().filter(|candidate| candidate.id.course.0 == course).collect();
            if !exact.is_empty() {
                found = exact;
            }
        }
        match found.as_slice() {
            [] => Err(FindError::Unknown(name.to_owned())),
            [one] => Ok(one),
            several => Err(FindError::Ambiguous {
                name: name.to_owned(),
                candidates: several.iter().map(|step| step.id.clone()).collect(),
            }),
        }
    }

    /// Returns the step after this one in its course.
    pub fn next(&self, id: &StepId) -> Option<&Step> {
        let course = self.course(&id.course)?;
        course.steps.get(course.position(&id.step)? + 1)
    }

    /// Returns the step before this one in its course.
    pub fn previous(&self, id: &StepId) -> Option<&Step> {
        let course = self.course(&id.course)?;
        course.steps.get(course.position(&id.step)?.checked_sub(1)?)
    }
}

impl Course {
    /// Returns a step by the stem of its file.
    pub fn step(&self, step: &str) -> Option<&Step> {
        self.steps.iter().find(|candidate| candidate.id.step == step)
    }

    /// Returns a step's place in the course, from 0.
    pub fn position(&self, step: &str) -> Option<usize> {
        self.steps.iter().position(|candidate| candidate.id.step == step)
    }

    /// Returns the chapters in order, each with its steps.
    pub fn chapters(&self) -> Vec<(&str, &[Step])> {
        self.steps
            .chunk_by(|one, next| one.chapter == next.chapter)
            .filter_map(|steps| Some((steps.first()?.chapter.as_str(), steps)))
            .collect()
    }

    /// Returns the sum of the steps' points.
    pub fn points(&self) -> u32 {
        self.steps.iter().map(|step| step.points).fold(0, u32::saturating_add)
    }

    /// Returns what is accepted when a learner accepts to run the commands of a course that is not embedded: the
    /// digests of its files and of its solutions, whose commands run as well.
    pub fn trust_digest(&self) -> String {
        match &self.solution_digest {
            None => self.digest.clone(),
            Some(solutions) => format!("{}+{solutions}", self.digest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    fn catalog() -> Catalog {
        let step = b"---\nformat: 1\ntitle: t\npoints: 2\n---\n".to_vec();
        let course = |chapters: &str| format!("format: 1\ntitle: t\nchapters: {chapters}\n").into_bytes();
        let labs = Tree::from_files(
            "labs",
            [
                (
                    "alpha/course.yaml",
                    course("[{ title: A, steps: [01-un, 01-un-bis] }, { title: B, steps: [02-deux] }]"),
                ),
                ("alpha/01-un.md", step.clone()),
                ("alpha/01-un-bis.md", step.clone()),
                ("alpha/02-deux.md", step.clone()),
                ("alpha-plus/course.yaml", course("[{ title: A, steps: [02-deux, 03-trois] }]")),
                ("alpha-plus/02-deux.md", step.clone()),
                ("alpha-plus/03-trois.md", step),
            ],
        );
        crate::load(&labs, None).0
    }

    #[test]
    fn a_step_is_found_by_its_name_or_an_unambiguous_beginning() {
        let catalog = catalog();
        let found = |name: &str| match catalog.find(name) {
            Ok(step) => step.id.to_string(),
            Err(FindError::Unknown(name)) => format!("unknown {name}"),
            Err(FindError::Ambiguous { candidates, .. }) => format!("{} candidates", candidates.len()),
        };
        for (name, expected) in [
            ("alpha/01-un", "alpha/01-un"),
            ("01-un", "alpha/01-un"),
            ("01-un-", "alpha/01-un-bis"),
            ("01", "2 candidates"),
            ("03", "alpha-plus/03-trois"),
            ("alpha/02", "alpha/02-deux"),
            ("alpha-/02", "alpha-plus/02-deux"),
            ("02-deux", "2 candidates"),
            ("alpha", "alpha/01-un"),
            ("alpha/", "alpha/01-un"),
            ("alpha-plus", "alpha-plus/02-deux"),
            ("04", "unknown 04"),
            ("beta/01-un", "unknown beta/01-un"),
            ("", "unknown "),
            ("/", "unknown /"),
            ("../01-un", "unknown ../01-un"),
        ] {
            assert_eq!(found(name), expected, "{name:?}");
        }
    }

    #[test]
    fn steps_follow_each_other_inside_their_course() {
        let catalog = catalog();
        let id = |text: &str| StepId::try_from(text.to_owned()).unwrap();
        let named = |step: Option<&Step>| step.map(|step| step.id.to_string());
        assert_eq!(named(catalog.next(&id("alpha/01-un-bis"))), Some("alpha/02-deux".to_owned()));
        assert_eq!(named(catalog.next(&id("alpha/02-deux"))), None);
        assert_eq!(named(catalog.previous(&id("alpha/02-deux"))), Some("alpha/01-un-bis".to_owned()));
        assert_eq!(named(catalog.previous(&id("alpha/01-un"))), None);
        assert_eq!(named(catalog.next(&id("beta/01-un"))), None);
        let course = &catalog.courses()[0];
        let chapters: Vec<(&str, usize)> =
            course.chapters().into_iter().map(|(title, steps)| (title, steps.len())).collect();
        assert_eq!((chapters, course.points()), (vec![("A", 2), ("B", 1)], 6));
    }

    #[test]
    fn a_later_course_of_the_same_id_takes_the_place_of_the_earlier() {
        let mut catalog = catalog();
        let mut course = catalog.courses()[1].clone();
        course.title = "autre".to_owned();
        catalog.extend([course]);
        let titles: Vec<&str> = catalog.courses().iter().map(|course| course.title.as_str()).collect();
        assert_eq!(titles, ["t", "autre"]);
    }

    #[test]
    fn an_id_that_could_leave_its_folder_is_none() {
        for text in ["a", "a/", "/a", "a/b/c", "../a", "a/..", "a/.b", "a/b\n", "a/b\u{1b}[31m", "a b/c"] {
            assert!(StepId::try_from(text.to_owned()).is_err(), "{text:?}");
        }
        assert!(StepId::try_from("a/b-1.c_d".to_owned()).is_ok());
    }
}
