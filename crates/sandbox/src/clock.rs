//! Time, as the sandbox sees it: wall time that moves with tokio's clock, so that tests can pause it.

use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that starts at a wall time and moves with tokio's.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    wall: Timestamp,
    start: Instant,
}

impl Clock {
    /// Returns a clock that shows `wall` now.
    pub(crate) fn starting_at(wall: Timestamp) -> Clock {
        Clock { wall, start: Instant::now() }
    }

    /// Returns the wall time.
    pub(crate) fn now(&self) -> Timestamp {
        self.wall.checked_add(self.start.elapsed()).unwrap_or(Timestamp::MAX)
    }
}

/// Writes a time as Kubernetes does, in whole seconds: `2026-01-31T12:00:00Z`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
