//! What running containers use of CPU and memory, as kubelets tell the metrics API.
//!
//! Nobody samples: a kubelet says once how a container's use goes on with time, and who asks computes what it is now.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// What the containers of a sandbox use, by Pod uid and container name.
#[derive(Debug, Default)]
pub(crate) struct Usages {
    containers: Mutex<BTreeMap<String, BTreeMap<String, Demand>>>,
}

/// How a container's use goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Demand {
    /// Thousandths of a processor.
    pub(crate) cpu: u32,
    /// Bytes at `since`.
    pub(crate) memory: f64,
    /// Bytes a second from then on.
    pub(crate) growth: f64,
    /// Never more bytes than these.
    pub(crate) most: f64,
    /// When that began.
    pub(crate) since: Instant,
}

/// A use at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Used {
    /// Thousandths of a processor.
    pub(crate) cpu: u64,
    /// Bytes.
    pub(crate) memory: u64,
}

impl Used {
    /// Returns the sum of two.
    pub(crate) fn plus(self, other: Used) -> Used {
        Used { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }
}

impl Demand {
    /// Returns the use at a moment.
    pub(crate) fn at(&self, now: Instant) -> Used {
        let grown = self.memory + self.growth * now.saturating_duration_since(self.since).as_secs_f64();
        Used { cpu: u64::from(self.cpu), memory: grown.min(self.most).max(0.0) as u64 }
    }
}

impl Usages {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, Demand>>> {
        // Entries are replaced whole: a panic elsewhere leaves none half written.
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A container runs.
    pub(crate) fn begin(&self, pod: &str, container: &str, demand: Demand) {
        self.lock().entry(pod.to_owned()).or_default().insert(container.to_owned(), demand);
    }

    /// A container ended.
    pub(crate) fn end(&self, pod: &str, container: &str) {
        let mut all = self.lock();
        if let Some(containers) = all.get_mut(pod) {
            containers.remove(container);
            if containers.is_empty() {
                all.remove(pod);
            }
        }
    }

    /// A Pod is gone.
    pub(crate) fn forget(&self, pod: &str) {
        self.lock().remove(pod);
    }

    /// Returns what the containers of a Pod use now, by name.
    pub(crate) fn of(&self, pod: &str, now: Instant) -> Vec<(String, Used)> {
        let all = self.lock();
        all.get(pod).into_iter().flatten().map(|(container, demand)| (container.clone(), demand.at(now))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn memory_grows_with_time_up_to_its_bound() {
        let usages = Usages::default();
        let since = Instant::now();
        usages.begin("p", "c", Demand { cpu: 7, memory: 100.0, growth: 10.0, most: 150.0, since });
        let memory = |seconds: u64| usages.of("p", since + Duration::from_secs(seconds))[0].1.memory;
        assert_eq!((memory(0), memory(3), memory(60)), (100, 130, 150));
        usages.end("p", "c");
        assert_eq!(usages.of("p", since), []);
    }
}
