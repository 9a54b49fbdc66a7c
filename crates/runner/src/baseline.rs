//! The starting state of a step in one cluster, kept on disk so that a reset finds it after a restart too.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lab::{CourseId, StepId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cluster::objects::Inventory;
use crate::{Error, Home, atomic};

/// The largest starting state that is read: a sandbox's snapshot is some hundreds of kilobytes.
const LIMIT: u64 = 64 << 20;

/// The starting state of a step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Baseline {
    pub(crate) format: u32,
    /// The step.
    pub(crate) step: StepId,
    /// The uid of the cluster's kube-system.
    pub(crate) cluster: String,
    /// When it was taken first.
    pub(crate) taken: Timestamp,
    /// Since when observations count: the opening, or the latest reset.
    pub(crate) since: Timestamp,
    /// Whether the setup ran to its end.
    pub(crate) prepared: bool,
    /// Which nodes were Ready.
    pub(crate) nodes: BTreeMap<String, bool>,
    /// What was in the step's Namespaces before its setup.
    pub(crate) inventory: Inventory,
    /// The whole sandbox after the setup.
    pub(crate) snapshot: Option<Value>,
}

impl Baseline {
    /// Reads the step's starting state in this cluster; `None` where the step was never opened there.
    pub(crate) fn read(home: &Home, step: &StepId, cluster: &str) -> Result<Option<Baseline>, Error> {
        let path = home.baseline(step, &short(cluster))?;
        let Some(content) = atomic::read(&path, LIMIT).map_err(Error::Baseline)? else { return Ok(None) };
        match serde_json::from_slice::<Baseline>(&content) {
            Ok(baseline) if baseline.cluster == cluster => Ok(Some(baseline)),
            Ok(_) => Ok(None),
            Err(error) => {
                // Of another version of the program; the step is prepared again.
                tracing::warn!(%error, path = %path.display(), "a starting state cannot be read");
                Ok(None)
            }
        }
    }

    /// Writes it.
    pub(crate) fn write(&self, home: &Home) -> Result<(), Error> {
        let path = home.baseline(&self.step, &short(&self.cluster))?;
        let content = serde_json::to_vec(self).map_err(|error| Error::Baseline(error.into()))?;
        atomic::write(&path, &content).map_err(Error::Baseline)
    }

    /// Forgets it: the step is prepared anew when it is opened next.
    pub(crate) fn forget(home: &Home, step: &StepId, cluster: &str) -> Result<(), Error> {
        match std::fs::remove_file(home.baseline(step, &short(cluster))?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::Baseline(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Returns the earliest starting state of a course in this cluster that covers a Namespace: what is in it was
    /// there before the course.
    pub(crate) fn earliest(home: &Home, course: &CourseId, cluster: &str) -> Result<Option<Baseline>, Error> {
        let mut earliest: Option<Baseline> = None;
        for entry in std::fs::read_dir(home.baselines()).map_err(Error::Baseline)? {
            let path = entry.map_err(Error::Baseline)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !name.starts_with(&format!("{}--", course.0)) || !name.ends_with(&format!("--{}.json", short(cluster))) {
                continue;
            }
            let content = atomic::read(&path, LIMIT).map_err(Error::Baseline)?.unwrap_or_default();
            let Ok(baseline) = serde_json::from_slice::<Baseline>(&content) else { continue };
            let earlier = earliest.as_ref().is_none_or(|known| baseline.taken < known.taken);
            if baseline.cluster == cluster && earlier {
                earliest = Some(baseline);
            }
        }
        Ok(earliest)
    }
}

/// Returns the start of a uid, for a file's name.
fn short(cluster: &str) -> String {
    cluster.chars().filter(char::is_ascii_alphanumeric).take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(step: &str, cluster: &str, second: i64) -> Baseline {
        Baseline {
            format: 1,
            step: StepId::try_from(step.to_owned()).unwrap(),
            cluster: cluster.to_owned(),
            taken: Timestamp::from_second(second).unwrap(),
            since: Timestamp::from_second(second).unwrap(),
            prepared: true,
            nodes: BTreeMap::new(),
            inventory: Inventory::default(),
            snapshot: None,
        }
    }

    #[test]
    fn a_starting_state_belongs_to_one_cluster() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::below(root.path());
        home.prepare().unwrap();
        let one = baseline("c/s", "uid-one", 1);
        one.write(&home).unwrap();
        let read = |cluster: &str| Baseline::read(&home, &one.step, cluster).unwrap().map(|found| found.taken);
        assert_eq!(read("uid-one"), Some(one.taken));
        assert_eq!(read("uid-two"), None);
    }

    #[test]
    fn the_earliest_starting_state_of_a_course_is_found() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::below(root.path());
        home.prepare().unwrap();
        for (step, cluster, second) in [("c/b", "u1", 5), ("c/a", "u1", 7), ("c/z", "u2", 1), ("d/a", "u1", 2)] {
            baseline(step, cluster, second).write(&home).unwrap();
        }
        let found = Baseline::earliest(&home, &CourseId("c".to_owned()), "u1").unwrap().unwrap();
        assert_eq!(found.step.to_string(), "c/b");
    }
}
