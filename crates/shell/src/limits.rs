//! How much a container may take of the app, and what brakes what would take more.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The longest script that is read.
pub(crate) const SCRIPT: usize = 256 * 1024;
/// The most bytes that a command holds at a time: a line, a whole input that it sorts.
pub(crate) const HELD: usize = 4 * 1024 * 1024;
/// The most bytes that one variable or one expansion may have.
pub(crate) const WORD: usize = 512 * 1024;
/// The most processes of a container.
pub(crate) const PROCESSES: usize = 128;
/// How deep functions, subshells and substitutions may be nested.
pub(crate) const DEPTH: u32 = 24;
/// The bytes of a pipe.
pub(crate) const PIPE: usize = 64 * 1024;

/// Steps that a container has at once.
const BURST: f64 = 100_000.0;
/// Steps a second that it gets after that: an endless loop must not burn the learner's battery.
const REFILL: f64 = 20_000.0;

/// What one exec may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Commands, turns of loops, blocks of bytes; `None` for the main process, which may run for ever.
    pub steps: Option<u64>,
    /// Simulated time; `None` without end.
    pub time: Option<Duration>,
}

impl Budget {
    /// What a main process has: no end, only the brake.
    pub const ENDLESS: Budget = Budget { steps: None, time: None };
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: Some(50_000_000), time: None }
    }
}

/// Brakes a container that does too much.
pub(crate) struct Brake {
    state: Mutex<(f64, Instant, u32)>,
}

impl Brake {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new((BURST, Instant::now(), 0)) }
    }

    /// Counts steps; waits if there were too many.
    pub(crate) async fn step(&self, count: u32) {
        let wait = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 -= f64::from(count);
            state.2 += count;
            if state.0 < 0.0 {
                let now = Instant::now();
                state.0 = (state.0 + now.duration_since(state.1).as_secs_f64() * REFILL).min(BURST);
                state.1 = now;
                (state.0 < 0.0).then(|| Some(Duration::from_secs_f64(0.02 - state.0 / REFILL)))
            } else if state.2 >= 64 {
                state.2 = 0;
                Some(None)
            } else {
                None
            }
        };
        match wait {
            // Real time on purpose: it is the host's processor that is spared.
            Some(Some(time)) => tokio::time::sleep(time).await,
            Some(None) => tokio::task::yield_now().await,
            None => {}
        }
    }
}
