//! The kubelet of one simulated node: runs the Pods that are assigned to it, as programs over a model of memory.
//!
//! One task a node. Nothing ticks: at each step it computes when the next thing happens (a sleep ends, memory
//! reaches a limit, a back-off is over) and waits for that or for a change of the API.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Pace;
use crate::api::{Api, Caller, Target, WriteOptions, set_condition};
use crate::clock::{FAST, micros, rfc3339};
use crate::events::Recorder;
use crate::fields::{list, name, namespace, text, uid};
use crate::network::Network;
use crate::nodes::{Nodes, Order};
use crate::resources::{LEASES, NODES, PODS};
use crate::store::{Change, ChangeKind, Object};

use self::agenda::Agenda;
use self::images::MEBI;
use self::pod::PodRun;

mod agenda;
mod container;
pub(crate) mod images;
mod pod;
mod probe;
mod shell;
mod status;

/// How fast a program that grows takes memory, in bytes a second.
const GROWTH: u64 = 250 * MEBI;
/// What the system of a node takes for itself.
pub(crate) const SYSTEM: u64 = 450 * MEBI;
/// How long a node takes to boot.
const BOOT: Duration = Duration::from_secs(6);
/// How often a kubelet renews its lease; the real one does every 10 s, which would wake an idle laptop.
const LEASE: Duration = Duration::from_secs(40);
/// How often a kubelet writes its node's status if nothing changed.
const HEARTBEAT: Duration = Duration::from_secs(300);

/// The kubelet of one node.
pub(crate) struct Kubelet {
    api: Api,
    network: Network,
    node: String,
    caller: Caller,
    recorder: Recorder,
    nodes: Nodes,
    pods: BTreeMap<String, PodRun>,
    /// Which of them need work.
    agenda: Agenda,
    /// Those with a program that takes more and more memory.
    growers: BTreeSet<String>,
    /// Images that were pulled since the node booted.
    pulled: BTreeSet<String>,
    power: Power,
    memory: u64,
    next_address: u32,
    next_lease: Instant,
    next_heartbeat: Instant,
    /// Main processes that run inside their containers: each ends with its Pod's uid, its run and its exit code.
    mains: JoinSet<((String, String), i32)>,
}

/// What state the machine is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    /// It works.
    On,
    /// Its memory is gone: nothing moves until it boots again.
    Frozen,
    /// It boots.
    Booting {
        /// When it is up.
        until: Instant,
    },
}

impl Kubelet {
    /// Returns the kubelet of a node of the API.
    pub(crate) fn new(api: &Api, network: &Network, nodes: &Nodes, node: &Value) -> Self {
        let memory = crate::amounts::at(node, "/status/capacity")
            .get("memory")
            .map_or(4096 * MEBI, |amount| u64::try_from(amount.value()).unwrap_or_default());
        let now = Instant::now();
        Self {
            api: api.clone(),
            network: network.clone(),
            node: name(node).to_owned(),
            caller: Caller::node(name(node)),
            recorder: Recorder::kubelet(api, name(node)),
            nodes: nodes.clone(),
            pods: BTreeMap::new(),
            agenda: Agenda::default(),
            growers: BTreeSet::new(),
            pulled: BTreeSet::new(),
            power: Power::On,
            memory,
            next_address: 1,
            next_lease: now,
            next_heartbeat: now + HEARTBEAT,
            mains: JoinSet::new(),
        }
    }

    /// Works until it is cancelled.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>, cancel: CancellationToken) {
        let mut changes = self.api.subscribe();
        self.start();
        loop {
            loop {
                match changes.try_recv() {
                    Ok(change) => self.observe(&change),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Lagged(_)) => self.resync(),
                    Err(TryRecvError::Closed) => return,
                }
            }
            let wake = self.step(Instant::now());
            tokio::select! {
                () = cancel.cancelled() => return,
                order = orders.recv() => match order {
                    Some(Order::Repair) => self.reboot(),
                    None => return,
                },
                change = changes.recv() => match change {
                    Ok(change) => self.observe(&change),
                    Err(RecvError::Lagged(_)) => self.resync(),
                    Err(RecvError::Closed) => return,
                },
                Some(ended) = self.mains.join_next() => {
                    // Those that were killed have ended already.
                    if let Ok(((pod, id), code)) = ended {
                        self.main_ended(&pod, &id, code);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    fn main_ended(&mut self, pod: &str, id: &str, code: i32) {
        // Taken out, so that it can be worked on with the kubelet at hand.
        if let Some(mut run) = self.pods.remove(pod) {
            run.main_ended(self, id, code, Instant::now());
            self.pods.insert(pod.to_owned(), run);
            // What follows (a status, a restart) is no change of the object: the Pod has to be put on the list.
            self.agenda.touch(pod);
        }
    }

    /// Takes over what a former run of the sandbox left: a node that was lost stays lost.
    fn start(&mut self) {
        let ready = self.api.get(&NODES, "", &self.node).is_ok_and(|node| {
            list(&node, "/status/conditions")
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        });
        if !ready {
            self.power = Power::Frozen;
            self.nodes.fall_silent(&self.node);
            self.network.lose_node(&self.node);
            return;
        }
        for pod in self.assigned() {
            let run = PodRun::adopt(&pod, self.api.version(), self.api.clock());
            self.reserve(text(&pod, "/status/podIP"));
            run.tell_uses(self);
            run.open_ports(&self.network);
            self.take_over(uid(&pod), run);
        }
    }

    fn assigned(&self) -> Vec<Object> {
        let mut pods = self.api.list_all(&PODS, None);
        pods.retain(|pod| text(pod, "/spec/nodeName") == self.node);
        pods
    }

    fn observe(&mut self, change: &Change) {
        if self.power != Power::On || *change.resource != PODS || text(&change.object, "/spec/nodeName") != self.node {
            return;
        }
        match change.kind {
            ChangeKind::Deleted => {
                self.forget(uid(&change.object));
                self.mirror(&change.object);
            }
            ChangeKind::Added | ChangeKind::Modified => self.upsert(&change.object),
        }
    }

    fn take_over(&mut self, pod: &str, run: PodRun) {
        self.agenda.touch(pod);
        if run.growing() > 0 {
            self.growers.insert(pod.to_owned());
        }
        self.pods.insert(pod.to_owned(), run);
    }

    fn upsert(&mut self, pod: &Object) {
        self.agenda.touch(uid(pod));
        match self.pods.get_mut(uid(pod)) {
            Some(run) => run.observe(pod),
            None => {
                self.pods.insert(uid(pod).to_owned(), PodRun::new(pod));
            }
        }
    }

    fn forget(&mut self, pod: &str) {
        self.agenda.drop(pod);
        self.growers.remove(pod);
        if self.pods.remove(pod).is_some() {
            self.api.logs().forget(pod);
            self.api.usages().forget(pod);
            self.network.forget(pod);
        }
    }

    /// Shows a Pod again that comes out of a file and whose mirror somebody deleted.
    fn mirror(&self, gone: &Value) {
        if gone["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_null() {
            return;
        }
        let pod = json!({
            "metadata": {
                "name": name(gone), "labels": gone["metadata"]["labels"],
                "annotations": gone["metadata"]["annotations"],
                "ownerReferences": gone["metadata"]["ownerReferences"],
            },
            "spec": gone["spec"],
        });
        // A Namespace on its way out takes no mirrors.
        let _ = self.api.create(&self.caller, &PODS, namespace(gone), pod, &WriteOptions::default());
    }

    /// Compares with the API after changes were missed.
    fn resync(&mut self) {
        if self.power != Power::On {
            return;
        }
        let assigned = self.assigned();
        let gone: Vec<String> =
            self.pods.keys().filter(|known| !assigned.iter().any(|pod| uid(pod) == *known)).cloned().collect();
        for pod in gone {
            self.forget(&pod);
        }
        for pod in &assigned {
            self.upsert(pod);
        }
    }

    /// Does everything that is due and returns when the next thing is.
    fn step(&mut self, now: Instant) -> Instant {
        match self.power {
            Power::Frozen => return now + HEARTBEAT,
            Power::Booting { until } if now < until => return until,
            Power::Booting { .. } => self.come_up(),
            Power::On => {}
        }
        self.beat(now);
        for pod in self.agenda.take(now) {
            // Taken out, so that it can be worked on with the kubelet at hand.
            let Some(mut run) = self.pods.remove(&pod) else { continue };
            let due = run.step(self, now);
            if run.is_gone() {
                self.agenda.drop(&pod);
                self.growers.remove(&pod);
                continue;
            }
            self.agenda.plan(&pod, due);
            if run.growing() > 0 {
                self.growers.insert(pod.clone());
            } else {
                self.growers.remove(&pod);
            }
            self.pods.insert(pod, run);
        }
        let beat = self.next_lease.min(self.next_heartbeat);
        let wake = self.agenda.next().map_or(beat, |due| due.min(beat));
        match self.memory_gone_at(now) {
            Some(at) if at <= now => {
                self.run_out_of_memory(now);
                now
            }
            Some(at) => wake.min(at),
            None => wake,
        }
    }

    /// Returns how many bytes a second a growing program takes.
    fn growth(&self) -> f64 {
        let factor = match self.api.clock().pace() {
            Pace::Lifelike => 1,
            Pace::Fast => FAST,
        };
        (GROWTH * u64::from(factor)) as f64
    }

    /// Returns when the node's memory is gone, if the programs go on as they do.
    fn memory_gone_at(&self, now: Instant) -> Option<Instant> {
        let growing = self.growers.iter().filter_map(|pod| self.pods.get(pod)).map(PodRun::growing).sum::<usize>();
        if growing == 0 {
            return None;
        }
        let used: f64 = self.pods.values().map(|run| run.memory(self.growth(), now)).sum();
        let left = (self.memory.saturating_sub(SYSTEM)) as f64 - used;
        if left <= 0.0 {
            return Some(now);
        }
        Duration::try_from_secs_f64(left / (self.growth() * growing as f64)).ok().and_then(|wait| now.checked_add(wait))
    }

    /// The memory is gone. A program without a limit takes the node with it; where all are limited, but to more
    /// than there is, the kernel kills the greatest.
    fn run_out_of_memory(&mut self, now: Instant) {
        if self.pods.values().any(PodRun::grows_without_limit) {
            tracing::debug!(node = self.node, "memory gone, the node freezes");
            self.power = Power::Frozen;
            self.nodes.fall_silent(&self.node);
            self.network.lose_node(&self.node);
            return;
        }
        let growth = self.growth();
        let greatest = self
            .pods
            .iter()
            .filter(|(_, run)| run.growing() > 0)
            .max_by(|(_, left), (_, right)| left.memory(growth, now).total_cmp(&right.memory(growth, now)))
            .map(|(pod, _)| pod.clone());
        if let Some(mut run) = greatest.as_ref().and_then(|pod| self.pods.remove(pod)) {
            run.kill_growing(self, now);
            if let Some(pod) = greatest {
                self.agenda.touch(&pod);
                self.pods.insert(pod, run);
            }
            if let Ok(node) = self.api.get(&NODES, "", &self.node) {
                let message = "System OOM encountered, victim process: tail";
                self.recorder.warning(&node, "SystemOOM", message);
            }
        }
    }

    /// The power goes off and on again.
    fn reboot(&mut self) {
        self.nodes.fall_silent(&self.node);
        self.network.lose_node(&self.node);
        self.power = Power::Booting { until: Instant::now() + self.api.clock().scaled(BOOT) };
    }

    /// The machine is up again: its Pods lost their containers.
    fn come_up(&mut self) {
        self.power = Power::On;
        let known = std::mem::take(&mut self.pods);
        self.agenda = Agenda::default();
        self.growers.clear();
        for pod in self.assigned() {
            let mut run = match known.get(uid(&pod)) {
                Some(_) | None if text(&pod, "/status/startTime").is_empty() => PodRun::new(&pod),
                Some(_) | None => PodRun::adopt(&pod, self.api.version(), self.api.clock()),
            };
            run.lose_containers(self);
            self.take_over(uid(&pod), run);
        }
        // Before the status says so: the node controller must not find a node that is Ready and silent.
        self.nodes.post_again(&self.node);
        self.network.regain_node(&self.node);
        let boot_id = uuid::Uuid::new_v4().to_string();
        let now = rfc3339(self.api.clock().now());
        let written = self.write_node(|node| {
            node["status"]["nodeInfo"]["bootID"] = json!(boot_id);
            for (kind, status, reason, message) in CONDITIONS {
                let since = list(node, "/status/conditions")
                    .iter()
                    .find(|condition| condition["type"] == kind && condition["status"] == status)
                    .map_or(now.clone(), |condition| text(condition, "/lastTransitionTime").to_owned());
                set_condition(
                    node,
                    json!({"type": kind, "status": status, "reason": reason, "message": message,
                        "lastHeartbeatTime": now, "lastTransitionTime": since}),
                );
            }
        });
        let Some(node) = written else { return };
        let is_now = |state: &str| format!("Node {} status is now: {state}", self.node);
        let (memory, disk, pid, ready) = (
            is_now("NodeHasSufficientMemory"),
            is_now("NodeHasNoDiskPressure"),
            is_now("NodeHasSufficientPID"),
            is_now("NodeReady"),
        );
        self.recorder.normal(&node, "Starting", "Starting kubelet.");
        self.recorder.normal(&node, "NodeHasSufficientMemory", memory);
        self.recorder.normal(&node, "NodeHasNoDiskPressure", disk);
        self.recorder.normal(&node, "NodeHasSufficientPID", pid);
        self.recorder.normal(&node, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods");
        let rebooted = format!("Node {} has been rebooted, boot id: {boot_id}", self.node);
        self.recorder.warning(&node, "Rebooted", rebooted);
        self.recorder.normal(&node, "NodeReady", ready);
    }

    fn write_node(&self, change: impl FnOnce(&mut Value)) -> Option<Object> {
        let target = Target::new(&NODES, "", &self.node).part("status");
        self.api.update_with(&self.caller, target, change).ok()
    }

    /// Shows that the node lives: its lease often, its status seldom.
    fn beat(&mut self, now: Instant) {
        if now >= self.next_lease {
            self.next_lease = now + LEASE;
            let renewed = micros(self.api.clock().now());
            let target = Target::new(&LEASES, "kube-node-lease", &self.node);
            // A lease that somebody deleted is not made again until the next start.
            let _ = self.api.update_with(&self.caller, target, |lease| lease["spec"]["renewTime"] = json!(renewed));
        }
        if now >= self.next_heartbeat {
            self.next_heartbeat = now + HEARTBEAT;
            let beat = rfc3339(self.api.clock().now());
            self.write_node(|node| {
                for condition in crate::fields::list_mut(node, "/status/conditions") {
                    condition["lastHeartbeatTime"] = json!(beat);
                }
            });
        }
    }

    /// Keeps an address from being given twice.
    fn reserve(&mut self, address: &str) {
        let last = address.rsplit('.').next().and_then(|last| last.parse::<u32>().ok()).unwrap_or_default();
        if address.starts_with("10.244.") {
            self.next_address = self.next_address.max(last + 1);
        }
    }

    /// Returns a Pod's address out of the node's range.
    fn new_address(&mut self) -> String {
        let node: u32 =
            self.node.bytes().filter(u8::is_ascii_digit).fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        let taken: BTreeSet<&str> = self.pods.values().filter_map(|run| run.address.as_deref()).collect();
        for _ in 0..253 {
            self.next_address = self.next_address % 253 + 1;
            let address = format!("10.244.{}.{}", node.saturating_sub(1) % 250, self.next_address + 1);
            if !taken.contains(address.as_str()) {
                return address;
            }
        }
        format!("10.244.{}.254", node.saturating_sub(1) % 250)
    }
}

/// The conditions of a node that is well.
pub(crate) const CONDITIONS: [(&str, &str, &str, &str); 4] = [
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];
