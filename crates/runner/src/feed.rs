//! The stream of events of a session, for any number of readers. A reader that is too slow misses announcements,
//! never the latest state.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use crate::{Event, Snapshot};

/// How many events wait for a slow reader.
const WAITING: usize = 256;

/// The writing end.
pub(crate) struct Feed {
    events: broadcast::Sender<Event>,
    latest: watch::Sender<Arc<Snapshot>>,
}

/// A reading end: see [`crate::Handle::subscribe`].
pub struct Events {
    events: broadcast::Receiver<Event>,
    latest: watch::Receiver<Arc<Snapshot>>,
    begun: Begun,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    Yes,
    /// The first event of a reader is the state as it is.
    NotYet,
}

impl Feed {
    pub(crate) fn new(first: Arc<Snapshot>) -> Feed {
        Feed { events: broadcast::Sender::new(WAITING), latest: watch::Sender::new(first) }
    }

    pub(crate) fn subscribe(&self) -> Events {
        Events { events: self.events.subscribe(), latest: self.latest.subscribe(), begun: Begun::NotYet }
    }

    pub(crate) fn tell(&self, event: Event) {
        if let Event::Changed(snapshot) = &event {
            self.latest.send_replace(Arc::clone(snapshot));
        }
        // An error means that nobody listens now.
        drop(self.events.send(event));
    }
}

impl Events {
    /// Returns the next event; the first one is the state as it is now. `None` after the end of the session.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        if self.begun == Begun::NotYet {
            self.begun = Begun::Yes;
            return Some(self.changed());
        }
        match self.events.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Closed) => None,
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "a reader of events is slow");
                // What waits is older than the state that is returned here.
                self.events = self.events.resubscribe();
                Some(self.changed())
            }
        }
    }

    /// Returns the latest state.
    pub fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.borrow())
    }

    fn changed(&mut self) -> Event {
        Event::Changed(Arc::clone(&self.latest.borrow_and_update()))
    }
}
