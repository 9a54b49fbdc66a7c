//! Time, as the sandbox sees it: wall time that moves with tokio's clock, so that tests can pause it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::Pace;

/// How many times faster than lifelike [`Pace::Fast`] is.
pub(crate) const FAST: u32 = 10_000;

/// A clock that starts at a wall time and moves with tokio's.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    wall: Timestamp,
    start: Instant,
    pace: Pace,
}

impl Clock {
    /// Returns a clock that shows `wall` now.
    pub(crate) fn starting_at(wall: Timestamp) -> Clock {
        Clock { wall, start: Instant::now(), pace: Pace::Fast }
    }

    /// Returns the same clock, under which simulated things take place at `pace`.
    pub(crate) fn at_pace(self, pace: Pace) -> Clock {
        Clock { pace, ..self }
    }

    /// Returns how fast simulated things take place.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Returns how long a thing takes that lasts `lifelike` in a learner's cluster. At [`Pace::Fast`] a second
    /// takes a tenth of a millisecond.
    pub(crate) fn scaled(&self, lifelike: Duration) -> Duration {
        match self.pace {
            Pace::Lifelike => lifelike,
            Pace::Fast => lifelike / FAST,
        }
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

/// Writes a time as `metav1.MicroTime`: `2026-01-31T12:00:00.123456Z`.
pub(crate) fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
