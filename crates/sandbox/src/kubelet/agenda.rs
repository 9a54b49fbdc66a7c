//! Which Pods of a node need work, now or later: a change of one Pod costs a look at that Pod alone.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

/// What is to be done, by the uids of Pods.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    now: BTreeSet<String>,
    later: BTreeSet<(Instant, String)>,
    dues: HashMap<String, Instant>,
}

impl Agenda {
    /// A Pod needs work now.
    pub(super) fn touch(&mut self, pod: &str) {
        self.now.insert(pod.to_owned());
    }

    /// A Pod needs work at a time, or never by itself.
    pub(super) fn plan(&mut self, pod: &str, due: Option<Instant>) {
        if let Some(before) = self.dues.remove(pod) {
            self.later.remove(&(before, pod.to_owned()));
        }
        if let Some(due) = due {
            self.dues.insert(pod.to_owned(), due);
            self.later.insert((due, pod.to_owned()));
        }
    }

    /// A Pod is gone.
    pub(super) fn drop(&mut self, pod: &str) {
        self.plan(pod, None);
        self.now.remove(pod);
    }

    /// Returns the Pods whose time has come, and takes them off the list.
    pub(super) fn take(&mut self, now: Instant) -> BTreeSet<String> {
        while let Some((due, pod)) = self.later.first().cloned().filter(|(due, _)| *due <= now) {
            self.later.remove(&(due, pod.clone()));
            self.dues.remove(&pod);
            self.now.insert(pod);
        }
        std::mem::take(&mut self.now)
    }

    /// Returns when the next Pod needs work.
    pub(super) fn next(&self) -> Option<Instant> {
        self.later.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_pod_has_one_time() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        let at = |seconds: u64| now + Duration::from_secs(seconds);
        agenda.plan("a", Some(at(5)));
        agenda.plan("a", Some(at(3)));
        agenda.plan("b", Some(at(4)));
        agenda.touch("c");
        let taken = |agenda: &mut Agenda, at: Instant| agenda.take(at).into_iter().collect::<Vec<_>>();
        assert_eq!(taken(&mut agenda, now), ["c"]);
        assert_eq!(agenda.next(), Some(at(3)));
        assert_eq!(taken(&mut agenda, at(4)), ["a", "b"]);
        assert_eq!(agenda.next(), None);
        agenda.plan("a", Some(at(6)));
        agenda.drop("a");
        assert!(taken(&mut agenda, at(9)).is_empty());
    }
}
