//! Everything that lives in a sandbox besides the API: controllers, scheduler and kubelets, as tasks that end
//! together.

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::controllers::{self, Controller};
use crate::fields::name;
use crate::kubelet::Kubelet;
use crate::network::{Network, node_ports};
use crate::nodes::{Nodes, UnknownNode};
use crate::rbac::certificates::Signing;
use crate::resources::NODES;
use crate::scheduler::Scheduler;
use crate::tokens::legacy::SecretTokens;

/// The living part of a sandbox. Dropping it ends it; [`World::stop`] also waits for its end.
///
/// It holds no state of its own that matters: after a snapshot was put in place, stop it and start another.
pub(crate) struct World {
    network: Network,
    nodes: Nodes,
    tasks: JoinSet<()>,
    cancel: CancellationToken,
}

impl World {
    /// Starts everything over an API that holds its nodes. `authority` is the PEM of the CA that Pods trust.
    pub(crate) fn start(api: &Api, network: &Network, authority: &str) -> World {
        let nodes = Nodes::default();
        let mut tasks = JoinSet::new();
        let cancel = CancellationToken::new();
        for node in api.list_all(&NODES, None) {
            let orders = nodes.add(name(&node));
            tasks.spawn(Kubelet::new(api, network, &nodes, &node).run(orders, cancel.child_token()));
        }
        let mut world = World { network: network.clone(), nodes, tasks, cancel };
        world.add(api, controllers::namespace::Namespaces::new(api, authority));
        world.add(api, controllers::definitions::Definitions::new(api));
        world.add(api, controllers::deployment::Deployments::new(api));
        world.add(api, controllers::replica_set::ReplicaSets::new(api));
        world.add(api, controllers::daemon_set::DaemonSets::new(api));
        world.add(api, controllers::stateful_set::StatefulSets::new(api));
        world.add(api, controllers::job::Jobs::new(api));
        world.add(api, controllers::cron_job::CronJobs::new(api));
        world.add(api, controllers::disruption::Disruptions::new(api));
        world.add(api, controllers::volumes::Volumes::new(api));
        world.add(api, controllers::autoscaler::Autoscalers::new(api));
        world.add(api, controllers::quota::Quotas::new(api));
        world.add(api, controllers::garbage::Garbage::new(api));
        world.add(api, controllers::endpoints::ServiceEndpoints::new(api));
        world.add(api, controllers::aggregation::ClusterRoleAggregation::new(api));
        world.add(api, SecretTokens::new(api, authority));
        world.add(api, Signing::new(api));
        world.add(api, controllers::event_ttl::EventLifetime::new(api));
        world.add(api, Scheduler::new(api));
        let lifecycle = controllers::node_lifecycle::NodeLifecycle::new(api, &world.nodes);
        world.add(api, lifecycle);
        world
    }

    fn add(&mut self, api: &Api, controller: impl Controller + 'static) {
        let (api, nodes, cancel) = (api.clone(), self.nodes.clone(), self.cancel.child_token());
        self.tasks.spawn(controllers::run(api, controller, nodes, cancel));
    }

    /// Opens the ports of nodes to programs of this machine.
    pub(crate) fn open_node_ports(&mut self, api: &Api) {
        let cancel = self.cancel.child_token();
        self.tasks.spawn(node_ports::keep(api.clone(), self.network.clone(), cancel));
    }

    /// Boots a node again.
    pub(crate) fn repair(&self, node: &str) -> Result<(), UnknownNode> {
        self.nodes.repair(node)
    }

    /// Ends everything and waits for it.
    pub(crate) async fn stop(mut self) {
        self.cancel.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.network.clear();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[cfg(test)]
mod tests;
