//! Where a learner's things live on disk: state, work folders, the `kubectl` stand-in. Knows paths and modes,
//! not what is in the files.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use etcetera::BaseStrategy;
use lab::StepId;

/// The folders of one learner. Everything below the state folder is readable by its owner only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    state: PathBuf,
    work: PathBuf,
}

/// Why the learner's folders cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither `ATELIER_HOME` nor `HOME` says where the learner's files live.
    #[error("no home folder: neither ATELIER_HOME nor HOME is set")]
    NoHome,
    /// A folder could not be made or read.
    #[error("failed to prepare {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A name of a course or a step cannot be a folder's name.
    #[error("`{0}` cannot be a folder's name")]
    Name(String),
}

impl Home {
    /// Finds the learner's folders: `$ATELIER_HOME` (state and work below it), else the XDG state folder and
    /// `~/atelier`. `variable` looks up an environment variable.
    ///
    /// # Errors
    ///
    /// [`HomeError::NoHome`] where no variable says where to look.
    pub fn find(variable: impl Fn(&str) -> Option<OsString>) -> Result<Home, HomeError> {
        if let Some(root) = variable("ATELIER_HOME").filter(|root| !root.is_empty()) {
            let root = std::path::absolute(PathBuf::from(root)).map_err(|_| HomeError::NoHome)?;
            return Ok(Home::below(&root));
        }
        let strategy = etcetera::base_strategy::Xdg::new().map_err(|_| HomeError::NoHome)?;
        let state = strategy.state_dir().ok_or(HomeError::NoHome)?.join("atelier");
        Ok(Home { state, work: strategy.home_dir().join("atelier") })
    }

    /// Returns the home whose every folder is below `root`.
    pub fn below(root: &Path) -> Home {
        Home { state: root.join("state"), work: root.join("work") }
    }

    /// Creates the folders that are missing, mode 0700, and tightens the state folder where others could read it.
    ///
    /// # Errors
    ///
    /// A folder cannot be made, or is not a folder.
    pub fn prepare(&self) -> Result<(), HomeError> {
        for path in [self.state.clone(), self.logs(), self.baselines(), self.sandbox(), self.bin(), self.work.clone()] {
            make_private(&path)?;
        }
        let tighten = |path: &Path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o700));
        tighten(&self.state).map_err(|source| HomeError::Folder { path: self.state.clone(), source })
    }

    /// Returns the state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Returns the learner's history.
    pub fn progress(&self) -> PathBuf {
        self.state.join("progress.jsonl")
    }

    /// Returns where the end of the history is noted, so that a history that was cut short shows.
    pub(crate) fn progress_head(&self) -> PathBuf {
        self.state.join("progress.head")
    }

    /// Returns the folder of log files.
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// Returns the folder that keeps the sandbox between two starts.
    pub fn sandbox(&self) -> PathBuf {
        self.state.join("sandbox")
    }

    /// Returns the lock that the process serving the sandbox holds; its content is that process's id.
    pub fn sandbox_lock(&self) -> PathBuf {
        self.state.join("sandbox.lock")
    }

    /// Returns the list of digests of courses that the learner accepted.
    pub(crate) fn accepted(&self) -> PathBuf {
        self.state.join("accepted")
    }

    /// Returns the private copy of the kubeconfig of the real cluster that the learner confirmed.
    pub(crate) fn cluster_kubeconfig(&self) -> PathBuf {
        self.state.join("cluster.kubeconfig")
    }

    /// Returns the pin of the real cluster that the learner confirmed.
    pub(crate) fn cluster_pin(&self) -> PathBuf {
        self.state.join("cluster.pin.json")
    }

    /// Returns the folder of the steps' starting states.
    pub(crate) fn baselines(&self) -> PathBuf {
        self.state.join("baselines")
    }

    /// Returns the folder that holds the `kubectl` stand-in; it goes at the end of the learner's `PATH`, so that
    /// a real kubectl wins.
    pub fn bin(&self) -> PathBuf {
        self.state.join("bin")
    }

    /// Returns the work folder of a step. It is not created.
    ///
    /// # Errors
    ///
    /// [`HomeError::Name`] where the step's id would leave the folder.
    pub fn work(&self, step: &StepId) -> Result<PathBuf, HomeError> {
        Ok(self.work.join(name(&step.course.0)?).join(name(&step.step)?))
    }

    /// Returns the file that keeps the starting state of a step.
    pub(crate) fn baseline(&self, step: &StepId, environment: &str) -> Result<PathBuf, HomeError> {
        Ok(self.baselines().join(format!("{}--{}--{environment}.json", name(&step.course.0)?, name(&step.step)?)))
    }

    /// Puts the `kubectl` stand-in in place: a link to `program`, which answers to that name. A second link gives the
    /// learner's shell `atelier` itself, which may have been started from anywhere.
    ///
    /// # Errors
    ///
    /// A link cannot be made.
    pub fn install_stand_in(&self, program: &Path) -> Result<(), HomeError> {
        self.link("kubectl", program)?;
        self.link("atelier", program)
    }

    fn link(&self, name: &str, program: &Path) -> Result<(), HomeError> {
        let link = self.bin().join(name);
        if std::fs::read_link(&link).is_ok_and(|target| target == program) {
            return Ok(());
        }
        // Another process of the same learner may do the same: each makes its own link, the last rename stays.
        let fresh = self.bin().join(format!(".{name}-{}", std::process::id()));
        let made = std::fs::remove_file(&fresh).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        });
        made.and_then(|()| symlink(program, &fresh))
            .and_then(|()| std::fs::rename(&fresh, &link))
            .map_err(|source| HomeError::Folder { path: link, source })
    }
}

/// Creates a folder and its parents, mode 0700.
pub(crate) fn make_private(path: &Path) -> Result<(), HomeError> {
    let failed = |source| HomeError::Folder { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)
}

/// Returns `text` where it is one plain name of a folder.
fn name(text: &str) -> Result<&str, HomeError> {
    let mut parts = Path::new(text).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == text && !text.chars().any(char::is_control) => Ok(text),
        _ => Err(HomeError::Name(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab::CourseId;

    fn step(course: &str, step: &str) -> StepId {
        StepId { course: CourseId(course.to_owned()), step: step.to_owned() }
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn everything_is_below_atelier_home_where_it_is_set() {
        let home = Home::find(|name| (name == "ATELIER_HOME").then(|| "/srv/a".into())).unwrap();
        assert_eq!(home.state(), Path::new("/srv/a/state"));
        assert_eq!(home.work(&step("c", "s")).unwrap(), Path::new("/srv/a").join("work").join("c").join("s"));
    }

    #[test]
    fn a_step_id_cannot_leave_the_work_folder() {
        let home = Home::below(Path::new("/srv/a"));
        for (course, id) in [("..", "s"), ("c", ".."), ("c", "."), ("c", ""), ("c", "a/b"), ("/", "s"), ("c", "a\n")] {
            assert!(matches!(home.work(&step(course, id)), Err(HomeError::Name(_))), "{course:?}/{id:?}");
        }
    }

    #[test]
    fn folders_are_private_even_where_they_were_not() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::below(root.path());
        std::fs::create_dir(root.path().join("state")).unwrap();
        std::fs::set_permissions(root.path().join("state"), PermissionsExt::from_mode(0o755)).unwrap();
        home.prepare().unwrap();
        for path in [home.state().to_owned(), home.logs(), home.sandbox(), home.bin()] {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
    }

    #[test]
    fn the_stand_in_follows_the_program() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::below(root.path());
        home.prepare().unwrap();
        for program in ["/bin/old", "/bin/new", "/bin/new"] {
            home.install_stand_in(Path::new(program)).unwrap();
            assert_eq!(std::fs::read_link(home.bin().join("kubectl")).unwrap(), Path::new(program));
        }
        // The stand-in and the program itself, and nothing left over.
        assert_eq!(std::fs::read_dir(home.bin()).unwrap().count(), 2);
    }
}
