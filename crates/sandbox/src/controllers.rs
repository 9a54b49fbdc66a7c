//! Controllers: each watches the API, queues the names of what may need work, and reconciles one at a time.
//!
//! They act through the API only, under their own identities, so that admission and the audit log see them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::nodes::Nodes;
use crate::store::{Change, Key};

pub(crate) mod aggregation;
pub(crate) mod autoscaler;
pub(crate) mod cron_job;
pub(crate) mod daemon_set;
pub(crate) mod definitions;
pub(crate) mod deployment;
pub(crate) mod disruption;
pub(crate) mod endpoints;
pub(crate) mod event_ttl;
pub(crate) mod garbage;
pub(crate) mod job;
pub(crate) mod namespace;
pub(crate) mod node_lifecycle;
pub(crate) mod pods;
pub(crate) mod quota;
pub(crate) mod replica_set;
pub(crate) mod revisions;
pub(crate) mod stateful_set;
pub(crate) mod volumes;

/// The first pause after a failure; it doubles each time, as client-go's rate limiter does.
const FIRST_RETRY: Duration = Duration::from_millis(5);
/// The longest pause after a failure. The real one is 1000 s, too long for a workshop.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Something that brings the world nearer to what objects ask for.
pub(crate) trait Controller: Send {
    /// Returns the controller's name, for logs.
    fn name(&self) -> &'static str;

    /// Names what may need work after a change.
    fn affected(&mut self, change: &Change, queue: &mut Queue);

    /// Names everything that may need work: at the start, and when changes were missed.
    fn all(&mut self, queue: &mut Queue);

    /// Tells whether it also works when a kubelet falls silent or posts again.
    fn interest(&self) -> Interest {
        Interest::Objects
    }

    /// Does the work for one name.
    fn reconcile(&mut self, key: &Key) -> Next;
}

/// What is to be done about a name after its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, until something changes.
    Wait,
    /// The same again after a while, failure or not.
    After(Duration),
    /// It failed: the same again after a pause that doubles each time.
    Retry,
}

/// The names that wait for work.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: BTreeSet<Key>,
    later: BTreeMap<Key, Instant>,
    failures: BTreeMap<Key, u32>,
}

impl Queue {
    /// Queues a name.
    pub(crate) fn add(&mut self, namespace: &str, name: &str) {
        self.ready.insert(Key::new(namespace, name));
    }

    /// Queues a name that may be queued already for later; the earlier time counts.
    fn add_at(&mut self, key: Key, at: Instant) {
        let entry = self.later.entry(key).or_insert(at);
        *entry = (*entry).min(at);
    }

    fn due(&mut self, now: Instant) {
        let due: Vec<Key> = self.later.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
        for key in due {
            self.later.remove(&key);
            self.ready.insert(key);
        }
    }

    fn pop(&mut self) -> Option<Key> {
        self.ready.pop_first()
    }

    fn next_due(&self) -> Option<Instant> {
        self.later.values().min().copied()
    }

    fn settle(&mut self, key: Key, next: Next, now: Instant) {
        match next {
            Next::Wait => {
                self.failures.remove(&key);
            }
            Next::After(pause) => {
                self.failures.remove(&key);
                self.add_at(key, now + pause);
            }
            Next::Retry => {
                let failures = self.failures.entry(key.clone()).or_default();
                let pause = FIRST_RETRY.saturating_mul(1 << (*failures).min(20)).min(LAST_RETRY);
                *failures += 1;
                self.add_at(key, now + pause);
            }
        }
    }
}

/// What wakes a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Changes of objects.
    Objects,
    /// Changes of objects, and the kubelets' signs of life.
    Heartbeats,
}

async fn heartbeat(nodes: &Nodes, interest: Interest) {
    match interest {
        Interest::Objects => std::future::pending().await,
        Interest::Heartbeats => nodes.heartbeat_changed().await,
    }
}

/// Runs a controller until it is cancelled.
pub(crate) async fn run(api: Api, mut controller: impl Controller, nodes: Nodes, cancel: CancellationToken) {
    let mut changes = api.subscribe();
    let mut queue = Queue::default();
    controller.all(&mut queue);
    loop {
        loop {
            match changes.try_recv() {
                Ok(change) => controller.affected(&change, &mut queue),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Lagged(_)) => controller.all(&mut queue),
                Err(TryRecvError::Closed) => return,
            }
        }
        queue.due(Instant::now());
        if let Some(key) = queue.pop() {
            let next = controller.reconcile(&key);
            tracing::trace!(controller = controller.name(), namespace = key.namespace, name = key.name, ?next);
            queue.settle(key, next, Instant::now());
            if cancel.is_cancelled() {
                return;
            }
            tokio::task::yield_now().await;
            continue;
        }
        let due = queue.next_due();
        let timer = async move {
            match due {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            change = changes.recv() => match change {
                Ok(change) => controller.affected(&change, &mut queue),
                Err(RecvError::Lagged(_)) => controller.all(&mut queue),
                Err(RecvError::Closed) => return,
            },
            () = timer => {}
            () = heartbeat(&nodes, controller.interest()) => controller.all(&mut queue),
        }
    }
}

/// Queues all objects of a list.
pub(crate) fn queue_all(objects: &[Arc<serde_json::Value>], queue: &mut Queue) {
    for object in objects {
        queue.add(crate::fields::namespace(object), crate::fields::name(object));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_are_tried_again_ever_later() {
        let mut queue = Queue::default();
        let key = Key::new("a", "x");
        let mut pauses = Vec::new();
        for _ in 0..4 {
            let now = Instant::now();
            queue.settle(key.clone(), Next::Retry, now);
            pauses.push((queue.next_due().unwrap() - now).as_millis());
            tokio::time::advance(Duration::from_secs(60)).await;
            queue.due(Instant::now());
            assert_eq!(queue.pop(), Some(key.clone()));
        }
        assert_eq!(pauses, [5, 10, 20, 40]);
        queue.settle(key.clone(), Next::Wait, Instant::now());
        assert_eq!(queue.next_due(), None);
    }
}
