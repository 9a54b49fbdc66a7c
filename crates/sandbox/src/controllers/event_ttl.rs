//! Events live an hour. In a real cluster the storage forgets them; here this controller does.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::api::{Api, Caller, DeleteOptions, Target};
use crate::fields::{name, namespace, text};
use crate::resources::EVENTS;
use crate::store::{Change, Key};

use super::{Controller, Next, Queue};

/// How long an event is kept after it was seen last.
const LIFETIME: i64 = 3600;
/// How often old events are looked for.
const SWEEP: Duration = Duration::from_secs(300);

/// The controller.
pub(crate) struct EventLifetime {
    api: Api,
}

impl EventLifetime {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone() }
    }
}

impl Controller for EventLifetime {
    fn name(&self) -> &'static str {
        "event-lifetime"
    }

    fn affected(&mut self, _change: &Change, _queue: &mut Queue) {}

    fn all(&mut self, queue: &mut Queue) {
        queue.add("", "sweep");
    }

    fn reconcile(&mut self, _key: &Key) -> Next {
        let now = self.api.clock().now().as_second();
        for event in self.api.list_all(&EVENTS, None) {
            if last_seen(&event).is_some_and(|seen| now - seen > LIFETIME) {
                let target = Target::new(&EVENTS, namespace(&event), name(&event));
                let _ = self.api.delete(&Caller::apiserver(), target, &DeleteOptions::default());
            }
        }
        Next::After(SWEEP)
    }
}

fn last_seen(event: &Value) -> Option<i64> {
    ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"]
        .iter()
        .find_map(|pointer| text(event, pointer).parse::<Timestamp>().ok())
        .map(|time| time.as_second())
}
