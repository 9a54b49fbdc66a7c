//! How a container begins: its image, what it needs, its program. Texts are those of the kubelet and containerd.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::Version;
use crate::consoles::Main;
use crate::events::Severity;
use crate::fields::{is_true, list, name, namespace, text, uid};
use crate::kubelet::Kubelet;
use crate::kubelet::container::{Container, Ended, Kill, Phase, Run};
use crate::kubelet::images::{self, Image, ImageError, Memory, Program, Step};
use crate::kubelet::probe::Probe;
use crate::network::{Network, Place, Server};
use crate::resources::{CONFIG_MAPS, SECRETS};
use crate::store::Object;

use super::{Freshness, LOOK_AGAIN, PodRun};

/// How long a pull takes.
const PULL: Duration = Duration::from_millis(1600);
/// How long a pull that fails is shown as failed before it is shown as waiting.
const SHOWN: Duration = Duration::from_secs(3);
/// The pauses between failed pulls: this, twice this …
const PULL_BACK_OFF: Duration = Duration::from_secs(10);
/// The pause before an image that cannot be is looked for again.
const HOPELESS: Duration = Duration::from_secs(15);

impl PodRun {
    /// Begins a container: finds its image, or pulls it.
    pub(super) fn begin(&mut self, kubelet: &mut Kubelet, index: usize, now: Instant) {
        self.status_is = Freshness::Stale;
        let reference = text(&self.containers[index].spec, "/image").to_owned();
        let policy = text(&self.containers[index].spec, "/imagePullPolicy").to_owned();
        let found = images::find(&reference);
        if let Err(ImageError::InvalidName(words)) = found {
            let message = format!(
                "Failed to apply default image tag {reference:?}: couldn't parse image reference {reference:?}: {words}"
            );
            self.say(kubelet, index, Severity::Warning, "InspectFailed", message.clone());
            self.say(kubelet, index, Severity::Warning, "Failed", "Error: InvalidImageName".to_owned());
            self.hold(index, "InvalidImageName", message, now + HOPELESS);
            return;
        }
        let present = found.as_ref().is_ok_and(|image| image.is_local || kubelet.pulled.contains(&image.name));
        match policy.as_str() {
            "Never" if !present => {
                let message = format!("Container image {reference:?} is not present with pull policy of Never");
                self.say(kubelet, index, Severity::Warning, "ErrImageNeverPull", message.clone());
                self.say(kubelet, index, Severity::Warning, "Failed", "Error: ErrImageNeverPull".to_owned());
                self.hold(index, "ErrImageNeverPull", message, now + HOPELESS);
            }
            "Always" => self.pull(kubelet, index, &reference, now),
            _ if present => {
                let message = format!("Container image {reference:?} already present on machine");
                self.say(kubelet, index, Severity::Normal, "Pulled", message);
                if let Ok(image) = found {
                    self.launch(kubelet, index, &image, now);
                }
            }
            _ => self.pull(kubelet, index, &reference, now),
        }
    }

    fn pull(&mut self, kubelet: &mut Kubelet, index: usize, reference: &str, now: Instant) {
        let failing = matches!(&self.containers[index].phase, Phase::Held { reason: "ErrImagePull", .. });
        if failing {
            // The back-off is shown after the failure.
            self.say(kubelet, index, Severity::Normal, "BackOff", format!("Back-off pulling image {reference:?}"));
            self.say(kubelet, index, Severity::Warning, "Failed", "Error: ImagePullBackOff".to_owned());
            let failures = self.containers[index].failed_pulls;
            let pause = PULL_BACK_OFF.saturating_mul(1 << failures.saturating_sub(1).min(5));
            let message = match kubelet.api.version() {
                Version::V1_20 | Version::V1_24 => format!("Back-off pulling image {reference:?}"),
                Version::V1_34 => {
                    let cause = images::find(reference).err().map(|error| pull_error(reference, &error));
                    format!("Back-off pulling image {reference:?}: ErrImagePull: {}", cause.unwrap_or_default())
                }
            };
            let until = now + kubelet.api.clock().scaled(pause).max(Duration::from_millis(50));
            self.hold(index, "ImagePullBackOff", message, until);
            return;
        }
        self.say(kubelet, index, Severity::Normal, "Pulling", format!("Pulling image {reference:?}"));
        let container = &mut self.containers[index];
        let shown = match &container.phase {
            Phase::Held { reason, message, .. } => Some((*reason, message.clone())),
            Phase::Idle | Phase::Pulling { .. } | Phase::Running(_) | Phase::Ended { .. } => None,
        };
        container.phase = Phase::Pulling { until: now + kubelet.api.clock().scaled(PULL), shown };
    }

    /// The pull is over, well or not.
    pub(super) fn pulled(&mut self, kubelet: &mut Kubelet, index: usize, now: Instant) {
        self.status_is = Freshness::Stale;
        let reference = text(&self.containers[index].spec, "/image").to_owned();
        match images::find(&reference) {
            Ok(image) => {
                kubelet.pulled.insert(image.name.clone());
                let time = "1.6s";
                let message = match kubelet.api.version() {
                    Version::V1_20 | Version::V1_24 => format!("Successfully pulled image {reference:?} in {time}"),
                    Version::V1_34 => format!(
                        "Successfully pulled image {reference:?} in {time} ({time} including waiting). \
                         Image size: {} bytes.",
                        image.size
                    ),
                };
                self.say(kubelet, index, Severity::Normal, "Pulled", message);
                self.containers[index].failed_pulls = 0;
                self.launch(kubelet, index, &image, now);
            }
            Err(error) => {
                let cause = pull_error(&reference, &error);
                self.containers[index].failed_pulls += 1;
                self.say(
                    kubelet,
                    index,
                    Severity::Warning,
                    "Failed",
                    format!("Failed to pull image {reference:?}: {cause}"),
                );
                self.say(kubelet, index, Severity::Warning, "Failed", "Error: ErrImagePull".to_owned());
                self.hold(index, "ErrImagePull", cause, now + kubelet.api.clock().scaled(SHOWN));
            }
        }
    }

    /// Creates and starts a container whose image is there.
    fn launch(&mut self, kubelet: &mut Kubelet, index: usize, image: &Image, now: Instant) {
        let refused = self.missing_reference(kubelet, index).or_else(|| self.root_refused(index, image));
        if let Some(missing) = refused {
            self.say(kubelet, index, Severity::Warning, "Failed", format!("Error: {missing}"));
            self.hold(index, "CreateContainerConfigError", missing, now + LOOK_AGAIN);
            return;
        }
        let name = self.containers[index].name().to_owned();
        let created = match kubelet.api.version() {
            Version::V1_20 | Version::V1_24 => format!("Created container {name}"),
            Version::V1_34 => format!("Created container: {name}"),
        };
        self.say(kubelet, index, Severity::Normal, "Created", created);
        let container = &mut self.containers[index];
        if container.last.is_some() {
            container.restarts += 1;
            container.failures += 1;
        }
        let id = digest(&uuid::Uuid::new_v4().to_string());
        let since = kubelet.api.clock().now();
        let server = Server::of(&image.name, &container.spec);
        match images::program(image.family, &container.spec) {
            Ok(program) => {
                let program = program.serving(server.as_ref());
                let (program, main) = self.main(kubelet, index, &id, program);
                let container = &mut self.containers[index];
                let missing = program.stand_in.clone().filter(|_| container.restarts == 0);
                let probes = Probe::all(&container.spec, now, kubelet.api.clock());
                container.phase = Phase::Running(Box::new(Run {
                    id,
                    since,
                    began: now,
                    program,
                    step: 0,
                    due: Some(now),
                    probes,
                    _main: main,
                    ends: None,
                }));
                self.tell_use(kubelet, index);
                self.say(kubelet, index, Severity::Normal, "Started", format!("Started container {name}"));
                self.open_port(&kubelet.network, index, server);
                if let Some(missing) = missing {
                    let message = format!("sandbox: {missing:?} is not simulated, a sleeping process stands in for it");
                    self.say(kubelet, index, Severity::Normal, "Simulated", message);
                }
                self.after_start(kubelet, index, now);
            }
            Err(program) => {
                let fault = if program.contains('/') {
                    format!("exec: {program:?}: stat {program}: no such file or directory")
                } else {
                    format!("exec: {program:?}: executable file not found in $PATH")
                };
                let runtime = format!(
                    "failed to create shim task: OCI runtime create failed: runc create failed: unable to start \
                     container process: {fault}: unknown"
                );
                let (message, exit, reason, event) = match kubelet.api.version() {
                    Version::V1_20 => {
                        let event =
                            format!("Error: failed to start container {name:?}: Error response from daemon: {runtime}");
                        (runtime, 127, "ContainerCannotRun", event)
                    }
                    Version::V1_24 | Version::V1_34 => {
                        let message = format!("failed to create containerd task: {runtime}");
                        let event = format!("Error: {message}");
                        (message, 128, "StartError", event)
                    }
                };
                let end = Ended { id, exit, reason: reason.to_owned(), message, since, at: since };
                container.phase = Phase::Ended { end, at: now };
                self.say(kubelet, index, Severity::Warning, "Failed", event);
            }
        }
    }

    /// Starts the main process inside the container where its program is not understood as steps, or has an input.
    fn main(&self, kubelet: &mut Kubelet, index: usize, id: &str, program: Program) -> (Program, Option<Kill>) {
        let spec = &self.containers[index].spec;
        let serves = !program.ports.is_empty() || program.memory == Memory::Growing;
        if serves || !(program.stand_in.is_some() || is_true(spec, "/stdin")) {
            return (program, None);
        }
        let main = Main { pod: Object::clone(&self.object), spec: spec.clone(), id: id.to_owned() };
        let instance = self.instance(index);
        let (logs, clock) = (kubelet.api.logs().clone(), kubelet.api.clock().clone());
        let Some(life) = kubelet.api.consoles().main(main, &instance, &logs, &clock) else { return (program, None) };
        let key = (uid(&self.object).to_owned(), id.to_owned());
        let handle = kubelet.mains.spawn(async move { (key, life.await) });
        let program = Program { stop: program.stop, ..images::plain(vec![Step::Forever]) };
        (program, Some(Kill(handle)))
    }

    /// Takes the end of a main process.
    pub(in crate::kubelet) fn main_ended(&mut self, kubelet: &mut Kubelet, id: &str, code: i32, now: Instant) {
        let is_it = |container: &Container| matches!(&container.phase, Phase::Running(run) if run.id == id);
        if let Some(index) = self.containers.iter().position(is_it) {
            let reason = if code == 0 { "Completed" } else { "Error" };
            self.end(kubelet, index, (code, reason), now);
        }
    }

    /// Starts the servers of all containers that run, as after a restart of the sandbox.
    pub(in crate::kubelet) fn open_ports(&self, network: &Network) {
        for index in 0..self.containers.len() {
            if self.containers[index].is_running() {
                let spec = &self.containers[index].spec;
                let image = images::find(text(spec, "/image")).ok();
                self.open_port(network, index, image.and_then(|image| Server::of(&image.name, spec)));
            }
        }
    }

    fn open_port(&self, network: &Network, index: usize, server: Option<Server>) {
        if let Some(server) = server {
            let hostname = crate::fields::name(&self.object).to_owned();
            network.serve(Place { log: self.instance(index), hostname }, server);
        }
    }

    /// Returns the message about a container that may not run as root and would (`verifyRunAsNonRoot`).
    fn root_refused(&self, index: usize, image: &Image) -> Option<String> {
        let spec = &self.containers[index].spec;
        let setting = |key: &str| {
            let own = spec.pointer(&format!("/securityContext/{key}"));
            own.or_else(|| self.object.pointer(&format!("/spec/securityContext/{key}")))
                .filter(|value| !value.is_null())
        };
        if setting("runAsNonRoot").and_then(Value::as_bool) != Some(true) {
            return None;
        }
        let pod = format!("{}_{}({})", name(&self.object), namespace(&self.object), uid(&self.object));
        let place = format!("(pod: {pod:?}, container: {})", self.containers[index].name());
        if let Some(user) = setting("runAsUser").and_then(Value::as_i64) {
            return (user == 0).then(|| format!("container's runAsUser breaks non-root policy {place}"));
        }
        match images::user(image).parse::<u32>() {
            Ok(0) => Some(format!("container has runAsNonRoot and image will run as root {place}")),
            Ok(_) => None,
            Err(_) => Some(format!(
                "container has runAsNonRoot and image has non-numeric user ({}), cannot verify user is non-root {place}",
                images::user(image)
            )),
        }
    }

    /// Returns the message about a ConfigMap or Secret that the environment needs and that is not there.
    fn missing_reference(&self, kubelet: &Kubelet, index: usize) -> Option<String> {
        let space = namespace(&self.object);
        let spec = &self.containers[index].spec;
        let whole = list(spec, "/envFrom")
            .iter()
            .flat_map(|source| [(source.get("configMapRef"), "configmap"), (source.get("secretRef"), "secret")]);
        let single = list(spec, "/env").iter().flat_map(|variable| {
            [
                (variable.pointer("/valueFrom/configMapKeyRef"), "configmap"),
                (variable.pointer("/valueFrom/secretKeyRef"), "secret"),
            ]
        });
        for (reference, word) in whole.chain(single) {
            let Some(reference) = reference.filter(|reference| !is_true(reference, "/optional")) else { continue };
            let wanted = text(reference, "/name");
            let resource = if word == "secret" { &SECRETS } else { &CONFIG_MAPS };
            let Ok(object) = kubelet.api.get(resource, space, wanted) else {
                return Some(format!("{word} {wanted:?} not found"));
            };
            let key = text(reference, "/key");
            let has =
                |part: &str| object.get(part).and_then(|part| part.get(key)).is_some_and(|v: &Value| !v.is_null());
            if !key.is_empty() && !has("data") && !has("binaryData") {
                let kind = if word == "secret" { "Secret" } else { "ConfigMap" };
                return Some(format!("couldn't find key {key} in {kind} {space}/{wanted}"));
            }
        }
        None
    }
}

/// Returns the words of containerd and Docker Hub about an image that cannot be had.
fn pull_error(reference: &str, error: &ImageError) -> String {
    let (repository, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
    let full = if repository.contains('/') {
        format!("docker.io/{}:{tag}", repository.trim_start_matches("docker.io/"))
    } else {
        format!("docker.io/library/{repository}:{tag}")
    };
    match error {
        ImageError::NoSuchTag => format!(
            "rpc error: code = NotFound desc = failed to pull and unpack image {full:?}: failed to resolve reference \
             {full:?}: {full}: not found"
        ),
        ImageError::NoSuchRepository | ImageError::InvalidName(_) => format!(
            "failed to pull and unpack image {full:?}: failed to resolve reference {full:?}: pull access denied, \
             repository does not exist or may require authorization: server message: insufficient_scope: \
             authorization failed"
        ),
    }
}

/// Returns the SHA-256 of a text in hexadecimal, for names that look like those of a runtime.
pub(in crate::kubelet) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
