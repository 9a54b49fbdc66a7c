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
