//! The world around an API and its life: made on an empty store, stopped while a snapshot is put in place, started
//! again over it.

use std::net::IpAddr;

use tokio::sync::Mutex;

use crate::admission;
use crate::api::Api;
use crate::bootstrap;
use crate::network::Network;
use crate::nodes::UnknownNode;
use crate::rbac;
use crate::snapshot::Snapshot;
use crate::world::World;

/// Where a world lives.
pub(crate) struct Site {
    /// The address of the API server, from which those of the nodes follow.
    address: IpAddr,
    /// The PEM of the authority that Pods trust.
    authority: String,
    /// The simulated network, which outlives the worlds.
    network: Network,
    /// `None` once stopped.
    world: Mutex<Option<World>>,
}

impl Site {
    /// Starts a world over an API; fills the API first if it is fresh.
    pub(crate) fn start(api: &Api, address: IpAddr, authority: &str, origin: Origin) -> Site {
        match origin {
            Origin::Fresh => bootstrap::fill(api, address),
            Origin::Kept => rbac::defaults::reconcile(api),
        }
        let network = Network::new(api);
        let mut world = World::start(api, &network, authority);
        world.open_node_ports(api);
        Site { address, authority: authority.to_owned(), network, world: Mutex::new(Some(world)) }
    }

    /// Returns the simulated network.
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Brings a state back.
    pub(crate) async fn restore(&self, api: &Api, snapshot: Snapshot) {
        let mut world = self.world.lock().await;
        let Some(old) = world.take() else { return };
        old.stop().await;
        api.restore(snapshot);
        // What was kept by an older program may lack some.
        rbac::defaults::reconcile(api);
        let mut next = World::start(api, &self.network, &self.authority);
        next.open_node_ports(api);
        *world = Some(next);
    }

    /// Makes a fresh cluster.
    pub(crate) async fn reset(&self, api: &Api) {
        let fresh = Api::new(api.clock().clone(), api.version(), admission::chain(api.version()));
        bootstrap::fill(&fresh, self.address);
        api.logs().clear();
        self.restore(api, fresh.snapshot()).await;
    }

    /// Boots a node again.
    pub(crate) async fn repair(&self, node: &str) -> Result<(), UnknownNode> {
        match &*self.world.lock().await {
            Some(world) => world.repair(node),
            None => Ok(()),
        }
    }

    /// Ends the world and waits for it.
    pub(crate) async fn stop(&self) {
        let world = self.world.lock().await.take();
        if let Some(world) = world {
            world.stop().await;
        }
    }
}

/// Where the objects came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// There are none yet.
    Fresh,
    /// An earlier run kept them.
    Kept,
}
