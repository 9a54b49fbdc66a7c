//! A Pod's `status`, as the kubelet writes it.

use serde_json::{Value, json};

use crate::Version;
use crate::amounts::{is_terminal, quality_of_service};
use crate::api::Target;
use crate::clock::rfc3339;
use crate::fields::{list, name, namespace, text};
use crate::resources::{NODES, PODS};

use super::Kubelet;
use super::container::{Container, Ended, Phase, Role};
use super::images;
use super::pod::{Freshness, PodRun};

impl PodRun {
    /// Writes the status if it changed.
    pub(super) fn write_status(&mut self, kubelet: &mut Kubelet) {
        if self.status_is == Freshness::Current {
            return;
        }
        self.status_is = Freshness::Current;
        if is_terminal(&self.object) {
            return;
        }
        let status = self.status(kubelet);
        self.store(kubelet, status);
    }

    /// Ends the Pod as failed for a reason of its own.
    pub(super) fn fail(&mut self, kubelet: &mut Kubelet, reason: &str, message: &str) {
        let mut status = self.status(kubelet);
        status["phase"] = json!("Failed");
        status["reason"] = json!(reason);
        status["message"] = json!(message);
        self.store(kubelet, status);
    }

    fn store(&mut self, kubelet: &Kubelet, status: Value) {
        if self.object["status"] == status {
            return;
        }
        let target = Target::new(&PODS, namespace(&self.object), name(&self.object)).part("status");
        let pod = crate::fields::uid(&self.object);
        let written = kubelet.api.update_with(&kubelet.caller, target, |stored| {
            // Another Pod may have taken the name.
            if crate::fields::uid(stored) == pod {
                stored["status"] = status;
            }
        });
        if let Ok(written) = written
            && crate::fields::uid(&written) == pod
        {
            self.object = written;
        }
    }

    fn status(&self, kubelet: &Kubelet) -> Value {
        let version = kubelet.api.version();
        let phase = self.phase();
        let now = rfc3339(kubelet.api.clock().now());
        let old = &self.object["status"];
        let mut status = json!({
            "phase": phase,
            "qosClass": quality_of_service(&self.object["spec"]),
        });
        if let Some(accepted) = self.accepted {
            status["startTime"] = json!(rfc3339(accepted));
        }
        if let Some(host) = kubelet.host_address() {
            if version == Version::V1_34 {
                status["hostIPs"] = json!([{"ip": host}]);
            }
            status["hostIP"] = json!(host);
        }
        if let Some(address) = &self.address {
            status["podIP"] = json!(address);
            status["podIPs"] = json!([{"ip": address}]);
        }
        let mut conditions = Vec::new();
        for (kind, holds, reason, message) in self.conditions(phase, version) {
            let value = if holds { "True" } else { "False" };
            let before = list(old, "/conditions").iter().find(|condition| condition["type"] == kind);
            let since = before
                .filter(|condition| condition["status"] == value)
                .map_or(now.as_str(), |condition| text(condition, "/lastTransitionTime"));
            let mut condition = json!({
                "type": kind, "status": value, "lastProbeTime": null, "lastTransitionTime": since,
            });
            if !reason.is_empty() {
                condition["reason"] = json!(reason);
            }
            if !message.is_empty() {
                condition["message"] = json!(message);
            }
            conditions.push(condition);
        }
        // What others wrote stays: PodScheduled, DisruptionTarget.
        for condition in list(old, "/conditions") {
            if !conditions.iter().any(|own| own["type"] == condition["type"]) {
                conditions.push(condition.clone());
            }
        }
        if !conditions.iter().any(|condition| condition["type"] == "PodScheduled") {
            conditions.push(json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null,
                "lastTransitionTime": now}));
        }
        status["conditions"] = json!(conditions);
        for (key, roles) in [
            ("initContainerStatuses", &[Role::Init, Role::Sidecar][..]),
            ("containerStatuses", &[Role::Main]),
            ("ephemeralContainerStatuses", &[Role::Ephemeral]),
        ] {
            let statuses: Vec<Value> = self
                .containers
                .iter()
                .filter(|container| roles.contains(&container.role))
                .map(|container| self.container_status(container, version))
                .collect();
            if !statuses.is_empty() {
                status[key] = json!(statuses);
            }
        }
        status
    }

    fn phase(&self) -> &'static str {
        if self.is_over() && self.containers.iter().any(Container::has_run) {
            let well = self
                .containers
                .iter()
                .filter(|container| matches!(container.role, Role::Init | Role::Main))
                .all(|container| container.latest_end().is_some_and(|end| end.exit == 0));
            return if well { "Succeeded" } else { "Failed" };
        }
        let main = || self.containers.iter().filter(|container| container.role == Role::Main);
        if self.is_initialized() && main().all(Container::has_run) { "Running" } else { "Pending" }
    }

    fn is_initialized(&self) -> bool {
        self.containers.iter().all(|container| match container.role {
            Role::Init => container.latest_end().is_some_and(|end| end.exit == 0),
            Role::Sidecar => container.has_run(),
            Role::Main | Role::Ephemeral => true,
        })
    }

    /// Returns the kubelet's conditions: type, whether it holds, reason, message.
    fn conditions(&self, phase: &str, version: Version) -> Vec<(&'static str, bool, &'static str, String)> {
        let names =
            |containers: Vec<&Container>| containers.into_iter().map(Container::name).collect::<Vec<_>>().join(" ");
        let ended = match (phase, version) {
            ("Succeeded", _) => "PodCompleted",
            ("Failed", Version::V1_34) => "PodFailed",
            _ => "",
        };
        let mut conditions = Vec::new();
        if version == Version::V1_34 {
            let up = self.address.is_some() && ended.is_empty();
            conditions.push(("PodReadyToStartContainers", up, "", String::new()));
        }
        let raw: Vec<&Container> = self
            .containers
            .iter()
            .filter(|container| match container.role {
                Role::Init => container.latest_end().is_none_or(|end| end.exit != 0),
                Role::Sidecar => !container.has_run(),
                Role::Main | Role::Ephemeral => false,
            })
            .collect();
        if raw.is_empty() {
            let reason = if ended == "PodCompleted" { ended } else { "" };
            conditions.push(("Initialized", true, reason, String::new()));
        } else {
            let message = format!("containers with incomplete status: [{}]", names(raw));
            conditions.push(("Initialized", false, "ContainersNotInitialized", message));
        }
        let unready: Vec<&Container> = self
            .containers
            .iter()
            .filter(|container| matches!(container.role, Role::Sidecar | Role::Main) && !container.is_ready())
            .collect();
        let ready = unready.is_empty();
        let (reason, message) = match (ready, ended) {
            (true, _) => ("", String::new()),
            (false, "") => ("ContainersNotReady", format!("containers with unready status: [{}]", names(unready))),
            (false, ended) => (ended, String::new()),
        };
        conditions.push(("Ready", ready, reason, message.clone()));
        conditions.push(("ContainersReady", ready, reason, message));
        conditions
    }

    fn container_status(&self, container: &Container, version: Version) -> Value {
        let scheme = if version == Version::V1_20 { "docker" } else { "containerd" };
        let terminated = |end: &Ended| {
            let mut state = json!({
                "exitCode": end.exit, "reason": end.reason, "startedAt": rfc3339(end.since),
                "finishedAt": rfc3339(end.at), "containerID": format!("{scheme}://{}", end.id),
            });
            if !end.message.is_empty() {
                state["message"] = json!(end.message);
            }
            json!({"terminated": state})
        };
        let waiting = |reason: &str, message: &str| {
            let mut state = json!({"reason": reason});
            if !message.is_empty() {
                state["message"] = json!(message);
            }
            json!({"waiting": state})
        };
        let beginning = match container.role {
            Role::Main if !self.is_initialized() => "PodInitializing",
            Role::Init | Role::Sidecar if self.accepted.is_some() && self.address.is_some() => "PodInitializing",
            _ => "ContainerCreating",
        };
        let state = match &container.phase {
            Phase::Idle | Phase::Pulling { shown: None, .. } => waiting(beginning, ""),
            Phase::Held { reason, message, .. } | Phase::Pulling { shown: Some((reason, message)), .. } => {
                waiting(reason, message)
            }
            Phase::Running(run) => json!({"running": {"startedAt": rfc3339(run.since)}}),
            Phase::Ended { end, .. } => terminated(end),
        };
        let id = match &container.phase {
            Phase::Running(run) => Some(&run.id),
            Phase::Ended { end, .. } => Some(&end.id),
            Phase::Idle | Phase::Pulling { .. } | Phase::Held { .. } => container.last.as_ref().map(|end| &end.id),
        };
        let reference = text(&container.spec, "/image");
        let image = images::find(reference).ok().filter(|_| container.has_run());
        let (image, image_id) = match (image, version) {
            (None, _) => (reference.to_owned(), String::new()),
            (Some(_), Version::V1_20) => {
                (reference.to_owned(), format!("docker://sha256:{}", super::pod::digest(reference)))
            }
            (Some(image), Version::V1_24 | Version::V1_34) => {
                let repository = image.name.rsplit_once(':').map_or(image.name.as_str(), |(repository, _)| repository);
                (image.name.clone(), format!("{repository}@sha256:{}", super::pod::digest(&image.name)))
            }
        };
        let last = container.last.as_ref().map_or(json!({}), terminated);
        let ready = match container.role {
            Role::Init => container.latest_end().is_some_and(|end| end.exit == 0),
            Role::Sidecar | Role::Main => container.is_ready(),
            Role::Ephemeral => false,
        };
        let mut status = json!({
            "name": container.name(), "image": image, "imageID": image_id, "ready": ready,
            "restartCount": container.restarts, "state": state, "lastState": last,
            "started": container.has_started(),
        });
        if let Some(id) = id {
            status["containerID"] = json!(format!("{scheme}://{id}"));
        }
        status
    }
}

impl Kubelet {
    /// Returns the node's internal address.
    pub(super) fn host_address(&self) -> Option<String> {
        let node = self.api.get(&NODES, "", &self.node).ok()?;
        list(&node, "/status/addresses")
            .iter()
            .find(|address| address["type"] == "InternalIP")
            .map(|address| text(address, "/address").to_owned())
    }
}
