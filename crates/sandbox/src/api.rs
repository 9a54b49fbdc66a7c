//! The API, without HTTP: every reader and writer of objects goes through [`Api`], controllers included.
//!
//! All methods are synchronous: one lock is held for the length of a request, never across an await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use serde_json::Value;
use tokio::sync::{Notify, broadcast};

use crate::Version;
use crate::admission::{DryRun, Plugin};
use crate::audit;
use crate::clock::Clock;
use crate::consoles::Consoles;
use crate::credentials::Credentials;
use crate::custom::{self, Definition};
use crate::logs::Logs;
use crate::manifest::flags::Access;
use crate::resources::{Resource, Served};
use crate::store::{Change, ChangeKind, Store};
use crate::tokens::Issuer;
use crate::usage::Usages;

mod access;
mod caller;
mod delete;
mod evict;
mod metadata;
mod read;
mod selector;
mod status;
mod write;

pub(crate) use caller::{Caller, Origin};
pub(crate) use delete::{DeleteOptions, Deleted, Propagation};
pub(crate) use metadata::{label_faults, random_suffix, segment_fault, subdomain_fault};
pub(crate) use read::ListOptions;
pub(crate) use selector::Selector;
pub(crate) use status::{Cause, Details, Status};
pub(crate) use write::{Applied, Configuration, WriteOptions, Written, set_condition};

/// What is asked before an object is stored, in this order.
pub(crate) type Chain = Vec<Box<dyn Plugin>>;

/// The changes to come.
pub(crate) type Changes = broadcast::Receiver<Arc<Change>>;

/// How many changes a subscriber may lag behind before it has to list again.
const CHANNEL: usize = 4096;

/// The API of one sandbox. Clones share it.
#[derive(Clone)]
pub(crate) struct Api {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    chain: RwLock<Arc<Chain>>,
    access: RwLock<Access>,
    clock: Clock,
    version: Version,
    changes: broadcast::Sender<Arc<Change>>,
    changed: Notify,
    logs: Logs,
    usages: Usages,
    tokens: OnceLock<Option<Issuer>>,
    consoles: Consoles,
    credentials: OnceLock<Credentials>,
    served: RwLock<Served>,
}

/// What the lock guards.
#[derive(Default)]
pub(crate) struct State {
    /// The objects.
    pub(crate) store: Store,
    /// Who changed them.
    pub(crate) audit: audit::Log,
    /// What admission found about the request that is written down next.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Names one object, or part of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// The resource.
    pub(crate) resource: &'static Resource,
    /// The Namespace, empty for cluster-scoped objects.
    pub(crate) namespace: &'a str,
    /// The name.
    pub(crate) name: &'a str,
    /// The part, such as `status`.
    pub(crate) subresource: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Names a whole object.
    pub(crate) fn new(resource: &'static Resource, namespace: &'a str, name: &'a str) -> Target<'a> {
        Target { resource, namespace, name, subresource: None }
    }

    /// Names a part of the object.
    pub(crate) fn part(self, subresource: &'a str) -> Target<'a> {
        Target { subresource: Some(subresource), ..self }
    }
}

impl Api {
    /// Returns an empty API with an admission chain.
    pub(crate) fn new(clock: Clock, version: Version, chain: Chain) -> Api {
        let (changes, _) = broadcast::channel(CHANNEL);
        let shared = Shared {
            state: Mutex::default(),
            chain: RwLock::new(Arc::new(chain)),
            access: RwLock::default(),
            clock,
            version,
            changes,
            changed: Notify::new(),
            logs: Logs::default(),
            usages: Usages::default(),
            tokens: OnceLock::new(),
            consoles: Consoles::default(),
            credentials: OnceLock::new(),
            served: RwLock::new(Served::of(version)),
        };
        Api { shared: Arc::new(shared) }
    }

    /// Returns the clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Returns the emulated version.
    pub(crate) fn version(&self) -> Version {
        self.shared.version
    }

    /// Returns what is served at the moment.
    pub(crate) fn served(&self) -> Served {
        self.shared.served.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves what a CustomResourceDefinition says after a change, and no more what it said before.
    fn redefine(&self, change: &Change) {
        let (group, plural) = custom_name(&change.object);
        let mut served = self.shared.served.write().unwrap_or_else(PoisonError::into_inner);
        let others = served
            .custom
            .iter()
            .filter(|definition| (definition.resource.group, definition.resource.plural) != (group, plural));
        let mut custom: Vec<Definition> = others.cloned().collect();
        if change.kind != ChangeKind::Deleted {
            custom.extend(custom::definitions(&change.object));
        }
        served.custom = custom.into();
    }

    /// Serves what the stored CustomResourceDefinitions say.
    pub(crate) fn define(&self, state: &State) {
        let stored = state.store.list(&crate::resources::CUSTOM_RESOURCE_DEFINITIONS, None);
        let custom: Vec<Definition> = stored.flat_map(|(_, object)| custom::definitions(object)).collect();
        self.shared.served.write().unwrap_or_else(PoisonError::into_inner).custom = custom.into();
    }

    /// Returns the admission chain at the moment.
    pub(crate) fn chain(&self) -> Arc<Chain> {
        Arc::clone(&self.shared.chain.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks another admission chain from now on.
    pub(crate) fn admit_by(&self, chain: Chain) {
        *self.shared.chain.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(chain);
    }

    /// Returns who may ask, and who decides.
    pub(crate) fn access(&self) -> Access {
        *self.shared.access.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets others ask, or decide, from now on.
    pub(crate) fn set_access(&self, access: Access) {
        *self.shared.access.write().unwrap_or_else(PoisonError::into_inner) = access;
    }

    /// Returns what containers wrote.
    pub(crate) fn logs(&self) -> &Logs {
        &self.shared.logs
    }

    /// Returns what containers use.
    pub(crate) fn usages(&self) -> &Usages {
        &self.shared.usages
    }

    /// Returns the streams of main processes.
    pub(crate) fn consoles(&self) -> &Consoles {
        &self.shared.consoles
    }

    /// Returns the changes from now on. A receiver that lags lists again.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Change>> {
        self.shared.changes.subscribe()
    }

    /// Returns what is notified after each change, for whoever keeps the state on disk.
    pub(crate) fn changed(&self) -> &Notify {
        &self.shared.changed
    }

    /// Returns the audit entries since a time, and whether none was dropped.
    pub(crate) fn audit_since(&self, since: jiff::Timestamp) -> (Vec<audit::Entry>, bool) {
        self.lock().audit.since(since)
    }

    /// A panic while the lock was held cannot leave the store half written: a request's writes are
    /// applied at its end, each of them whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn publish(&self, change: Arc<Change>) {
        if *change.resource == crate::resources::CUSTOM_RESOURCE_DEFINITIONS {
            self.redefine(&change);
        }
        // A node's sign of life is not worth a write to the disk.
        let is_kept = *change.resource != crate::resources::LEASES;
        // Nobody may be listening.
        let _ = self.shared.changes.send(change);
        if is_kept {
            self.shared.changed.notify_one();
        }
    }
}

/// Returns the group and the plural that a CustomResourceDefinition defines.
fn custom_name(definition: &Value) -> (&str, &str) {
    (
        definition["spec"]["group"].as_str().unwrap_or_default(),
        definition["spec"]["names"]["plural"].as_str().unwrap_or_default(),
    )
}

/// Tells whether a dry run was asked for.
fn is_dry(options: &WriteOptions) -> bool {
    options.dry_run == DryRun::All
}

/// Returns a string field of `metadata`, empty if absent.
pub(crate) fn meta<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
