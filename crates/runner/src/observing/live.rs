//! Follows the cluster and the work folder while a step is open: what changed, and what was observed.
//!
//! Watches only wake; in the sandbox the audit log is the evidence. Reading never changes what is watched, so a
//! check that only looks cannot wake itself: reads of files are not reported, and reads of objects change none.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use check::{Observation, Watch};
use futures::stream::{self, BoxStream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};
use kube::runtime::{WatchStreamExt, watcher};
use lab::Step;
use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Tracker;
use crate::cluster::{bounded, control};
use crate::environment::Kind;
use crate::ground::Ground;

/// How long changes are gathered before they are told: an editor writes a file in several steps.
const GATHERING: Duration = Duration::from_millis(300);
/// How far behind the newest known entry the audit log is asked again, since several may carry the same time.
const OVERLAP: SignedDuration = SignedDuration::from_millis(1);

/// What was noticed while a step is open.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sighting {
    /// Objects of these kinds changed.
    Objects(BTreeSet<String>),
    /// Objects of these kinds were listed for the first time: they may have changed since a check looked at them.
    Listed(BTreeSet<String>),
    /// Files of the work folder changed.
    Files,
    /// Something was observed.
    Observed(Vec<Observation>),
}

/// Follows the work folder until `cancel`.
pub(crate) async fn files(folder: &Path, sightings: mpsc::Sender<Sighting>, cancel: CancellationToken) {
    // One place is enough: a wake that waits stands for all that follow.
    let (wake, mut woken) = mpsc::channel(1);
    let watching = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| changes(event.kind)) {
            wake.try_send(()).ok();
        }
    });
    let watching = watching.and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    let _watcher = match watching {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "the work folder cannot be watched; checks run on the key only");
            return;
        }
    };
    while let Some(Some(())) = until(&cancel, woken.recv()).await {
        if until(&cancel, tokio::time::sleep(GATHERING)).await.is_none() {
            return;
        }
        woken.try_recv().ok();
        if sightings.send(Sighting::Files).await.is_err() {
            return;
        }
    }
}

/// Tells whether a file event is a change: reading a file is none.
fn changes(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Any | EventKind::Other => true,
        EventKind::Access(_) => false,
    }
}

/// Follows the cluster until `cancel`. `tracker` holds what is known of the start, and `since` when that was.
pub(crate) async fn cluster(
    ground: Ground,
    step: Step,
    tracker: Tracker,
    since: Timestamp,
    sightings: mpsc::Sender<Sighting>,
    cancel: CancellationToken,
) {
    let mut audit = AuditTail { tracker, since, newest: since, known: 0 };
    let Some(streams) = until(&cancel, watches(&ground, &step)).await else { return };
    let mut streams = pin!(stream::select_all(streams));
    let mut changed = BTreeSet::new();
    let mut listed = BTreeSet::new();
    let mut observed = Vec::new();
    // The first turn looks at what happened before this session.
    let mut due = Some(Instant::now());
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            Some((kind, change)) = streams.next() => {
                if let (Change::Applied(object), Kind::Cluster(_)) = (&change, &ground.environment.kind) {
                    let object = serde_json::to_value(object).unwrap_or_default();
                    observed.extend(audit.tracker.see(&kind, &object, Timestamp::now()));
                }
                match change {
                    Change::Listed => listed.insert(kind),
                    Change::Applied(_) | Change::Other => changed.insert(kind),
                };
                due.get_or_insert(Instant::now() + GATHERING);
            }
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                due = None;
                if ground.environment.kind == Kind::Sandbox {
                    let Some(found) = until(&cancel, audit.read(&ground.environment.client)).await else { return };
                    observed.extend(found);
                }
                let news = [
                    (!observed.is_empty()).then(|| Sighting::Observed(std::mem::take(&mut observed))),
                    (!listed.is_empty()).then(|| Sighting::Listed(std::mem::take(&mut listed))),
                    (!changed.is_empty()).then(|| Sighting::Objects(std::mem::take(&mut changed))),
                ];
                for sighting in news.into_iter().flatten() {
                    if !matches!(until(&cancel, sightings.send(sighting)).await, Some(Ok(()))) {
                        return;
                    }
                }
            }
        }
    }
}

/// Returns what happened since `since` as far as the audit log shows, once: for commands that do not stay.
pub(crate) async fn once(ground: &Ground, tracker: Tracker, since: Timestamp) -> Vec<Observation> {
    match ground.environment.kind {
        Kind::Sandbox => AuditTail { tracker, since, newest: since, known: 0 }.read(&ground.environment.client).await,
        Kind::Cluster(_) => Vec::new(),
    }
}

/// The part of the audit log that was read.
struct AuditTail {
    tracker: Tracker,
    since: Timestamp,
    /// The time of the newest entry that was read …
    newest: Timestamp,
    /// … and how many entries of that very time.
    known: usize,
}

impl AuditTail {
    async fn read(&mut self, client: &kube::Client) -> Vec<Observation> {
        let since = self.newest.checked_sub(OVERLAP).unwrap_or(self.newest).max(self.since);
        let page = match control::audit(client, since).await {
            Ok(page) => page,
            Err(error) => {
                // The next change asks again, from the same place.
                tracing::debug!(%error, "the audit log cannot be read");
                return Vec::new();
            }
        };
        if !page.complete {
            tracing::warn!(%since, "the audit log no longer reaches back; something may not have been observed");
        }
        let mut skipped = 0;
        let mut observed = Vec::new();
        for entry in &page.entries {
            if entry.at < self.newest {
                continue;
            }
            if entry.at == self.newest {
                skipped += 1;
                if skipped <= self.known {
                    continue;
                }
                self.known += 1;
            } else {
                (self.newest, self.known, skipped) = (entry.at, 1, 1);
            }
            observed.extend(self.tracker.take(entry));
        }
        observed
    }
}

/// What a watch tells.
enum Change {
    /// The objects as they are were listed for the first time.
    Listed,
    /// An object is new or changed.
    Applied(Box<DynamicObject>),
    /// Something went, or may have changed while the watch was interrupted.
    Other,
}

/// Watches what tells observations, and what the step's checks look at. Each change comes with its kind.
async fn watches(ground: &Ground, step: &Step) -> Vec<BoxStream<'static, (String, Change)>> {
    let client = &ground.environment.client;
    let mut wanted: BTreeSet<(String, String, Option<String>)> = BTreeSet::new();
    wanted.insert(("v1".to_owned(), "Node".to_owned(), None));
    for namespace in &step.namespaces {
        for kind in ["Pod", "Event"] {
            wanted.insert(("v1".to_owned(), kind.to_owned(), Some(namespace.clone())));
        }
    }
    for check in &step.checks {
        for watch in check.spec.watches() {
            if let Watch::Objects { api_version, kind, namespace } = watch {
                wanted.insert((api_version, kind, namespace.or_else(|| Some(Ground::namespace(step)))));
            }
        }
    }
    let mut streams = Vec::new();
    for (api_version, kind, namespace) in wanted {
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let gvk = GroupVersionKind::gvk(group, version, &kind);
        let (resource, scope) = match bounded("find a kind to watch", pinned_kind(client, &gvk)).await {
            Ok((resource, capabilities)) => (resource, capabilities.scope),
            // The cluster does not know it (yet): the check says so, on the key.
            Err(error) => {
                tracing::debug!(%error, %kind, "not watched");
                continue;
            }
        };
        let api: Api<DynamicObject> = match (scope, namespace) {
            (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), &namespace, &resource),
            (Scope::Namespaced, None) | (Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
        };
        streams.push(watch(api, &resource));
    }
    streams
}

fn watch(api: Api<DynamicObject>, resource: &ApiResource) -> BoxStream<'static, (String, Change)> {
    let kind = resource.kind.clone();
    let mut listed_before = false;
    watcher(api, watcher::Config::default())
        .default_backoff()
        .filter_map(move |event| {
            let change = match event {
                Ok(watcher::Event::Apply(object)) => Some(Change::Applied(Box::new(object))),
                Ok(watcher::Event::Delete(_)) => Some(Change::Other),
                // The first list is what was there; a later one may hide changes.
                Ok(watcher::Event::InitDone) => match std::mem::replace(&mut listed_before, true) {
                    true => Some(Change::Other),
                    false => Some(Change::Listed),
                },
                Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => None,
                Err(error) => {
                    tracing::debug!(%error, %kind, "a watch was interrupted");
                    None
                }
            };
            std::future::ready(change.map(|change| (kind.clone(), change)))
        })
        .boxed()
}

async fn until<T>(cancel: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    cancel.run_until_cancelled(work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(sightings: &mut mpsc::Receiver<Sighting>) -> Sighting {
        tokio::time::timeout(Duration::from_secs(20), sightings.recv()).await.unwrap().unwrap()
    }

    /// Starts to follow a folder, and waits until it really does.
    async fn following(folder: &Path, tasks: &mut tokio::task::JoinSet<()>) -> mpsc::Receiver<Sighting> {
        let (sender, mut sightings) = mpsc::channel(8);
        let watched = folder.to_owned();
        tasks.spawn(async move { files(&watched, sender, CancellationToken::new()).await });
        for turn in 0.. {
            std::fs::write(folder.join("probe"), turn.to_string()).unwrap();
            if tokio::time::timeout(2 * GATHERING, sightings.recv()).await.is_ok() {
                break;
            }
        }
        // What the probes may still bring.
        while tokio::time::timeout(3 * GATHERING, sightings.recv()).await.is_ok() {}
        sightings
    }

    #[tokio::test]
    async fn a_written_or_renamed_file_is_noticed_and_a_read_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), "one").unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        let mut sightings = following(folder.path(), &mut tasks).await;
        for _ in 0..5 {
            assert_eq!(std::fs::read(folder.path().join("a.yaml")).unwrap(), b"one");
        }
        // An editor that writes beside and renames, many times at once, is one change or two.
        for turn in 0..20 {
            std::fs::write(folder.path().join(".a.swp"), turn.to_string()).unwrap();
            std::fs::rename(folder.path().join(".a.swp"), folder.path().join("a.yaml")).unwrap();
        }
        let start = Instant::now();
        assert_eq!(next(&mut sightings).await, Sighting::Files);
        assert!(start.elapsed() > GATHERING / 2, "the reads before were noticed");
        let mut more = 0;
        while tokio::time::timeout(3 * GATHERING, sightings.recv()).await.is_ok() {
            more += 1;
        }
        assert!(more <= 1, "{more} more");
    }
}
