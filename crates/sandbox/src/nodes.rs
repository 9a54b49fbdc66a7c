//! What the node-side and the control-side of the sandbox know of each other besides the API: which kubelet
//! still gives signs of life, and the button that boots a node again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

/// How many orders to one node may wait.
const ORDERS: usize = 4;

/// The nodes of one sandbox. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Nodes {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    nodes: Mutex<BTreeMap<String, Node>>,
    heartbeat_changed: Notify,
}

struct Node {
    /// Since when the kubelet is silent; `None` while it posts.
    silent_since: Option<Instant>,
    orders: mpsc::Sender<Order>,
}

/// What a node is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Boot again.
    Repair,
}

/// There is no such node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no simulated node {0:?}")]
pub(crate) struct UnknownNode(pub(crate) String);

impl Nodes {
    /// Adds a node and returns where its orders come out.
    pub(crate) fn add(&self, name: &str) -> mpsc::Receiver<Order> {
        let (orders, receiver) = mpsc::channel(ORDERS);
        self.lock().insert(name.to_owned(), Node { silent_since: None, orders });
        receiver
    }

    /// Boots a node again, whatever its state. It is Ready some seconds later.
    pub(crate) fn repair(&self, name: &str) -> Result<(), UnknownNode> {
        let nodes = self.lock();
        let node = nodes.get(name).ok_or_else(|| UnknownNode(name.to_owned()))?;
        // A full channel means that the same order waits already.
        let _ = node.orders.try_send(Order::Repair);
        Ok(())
    }

    /// Notes that a kubelet gives no more signs of life.
    pub(crate) fn fall_silent(&self, name: &str) {
        if let Some(node) = self.lock().get_mut(name) {
            node.silent_since.get_or_insert_with(Instant::now);
        }
        self.shared.heartbeat_changed.notify_one();
    }

    /// Notes that a kubelet posts again.
    pub(crate) fn post_again(&self, name: &str) {
        if let Some(node) = self.lock().get_mut(name) {
            node.silent_since = None;
        }
        self.shared.heartbeat_changed.notify_one();
    }

    /// Returns since when a kubelet is silent.
    pub(crate) fn silent_since(&self, name: &str) -> Option<Instant> {
        self.lock().get(name).and_then(|node| node.silent_since)
    }

    /// Waits until a kubelet falls silent or posts again. One waiter at a time: the node controller.
    pub(crate) async fn heartbeat_changed(&self) {
        self.shared.heartbeat_changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Node>> {
        self.shared.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
