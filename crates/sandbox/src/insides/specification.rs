//! From a Pod to the inside of one of its containers: user, environment, mounts.

use std::sync::Arc;

use serde_json::Value;
use shell::{Allowance, Capability, Credentials, Image, Spec, VolumeMount, Writable};

use crate::fields::{is_true, list, name, namespace, number, text, uid};
use crate::kubelet::images;
use crate::resources::{CONFIG_MAPS, SECRETS};
use crate::server::streams::process::Inside;
use crate::store::Object;

use super::{Door, Insides, LAYER, catalogue, hostname, hosts, resolv};

impl Insides {
    /// Returns how a container's inside is made; `None` where its image is not simulated inside.
    pub(super) fn specification(&self, inside: &Inside) -> Option<Spec> {
        let pod = &inside.pod;
        let container = ["containers", "initContainers", "ephemeralContainers"]
            .iter()
            .flat_map(|part| list(pod, &format!("/spec/{part}")))
            .find(|container| text(container, "/name") == inside.container)?;
        let found = images::find(text(container, "/image")).ok()?;
        if found.family == images::Family::System {
            return None;
        }
        let image = catalogue::image(&found.name);
        let credentials = credentials(pod, container, &image)?;
        let words = |pointer: &str| -> Vec<String> {
            list(container, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (command, arguments) = (words("/command"), words("/args"));
        let mut argv = if command.is_empty() { image.config.entrypoint.clone() } else { command };
        argv.extend(match (argv.is_empty() || argv == image.config.entrypoint, arguments.is_empty()) {
            (true, true) => image.config.cmd.clone(),
            (_, false) => arguments,
            (false, true) => Vec::new(),
        });
        let memory = crate::amounts::of_container(container, crate::amounts::Side::Limits)
            .get("memory")
            .and_then(|limit| u64::try_from(limit.value()).ok());
        let mut mounts = Vec::new();
        for mount in list(container, "/volumeMounts") {
            let Some(volume) = self.volume(pod, text(mount, "/name")) else { continue };
            mounts.push(VolumeMount {
                path: text(mount, "/mountPath").to_owned(),
                volume,
                sub_path: text(mount, "/subPath").to_owned(),
                writable: if is_true(mount, "/readOnly") { Writable::No } else { Writable::Yes },
            });
        }
        let disk: &Arc<Allowance> = &self.shared.disk;
        Some(Spec {
            hostname: hostname(pod),
            env: self.environment(pod, container),
            seeming: catalogue::processes(&found.name, argv, credentials.uid),
            credentials,
            workdir: Some(text(container, "/workingDir").to_owned()),
            root: if is_true(container, "/securityContext/readOnlyRootFilesystem") {
                Writable::No
            } else {
                Writable::Yes
            },
            mounts,
            hosts: hosts(pod),
            resolv: resolv(&self.shared.api, pod),
            allowance: Allowance::new(LAYER, Some(Arc::clone(disk))),
            memory,
            surroundings: self.shared.network.surroundings(uid(pod)),
            cluster: Some(Arc::new(Door { shared: Arc::downgrade(&self.shared) })),
            events: Some(self.shared.events.clone()),
            image,
        })
    }

    /// Returns the variables of a container: those of Services, then its own.
    fn environment(&self, pod: &Object, container: &Value) -> Vec<(String, String)> {
        let api = &self.shared.api;
        let mut all: Vec<(String, String)> = Vec::new();
        let links = pod.pointer("/spec/enableServiceLinks").and_then(Value::as_bool).unwrap_or(true);
        let own_space = namespace(pod);
        for service in api.list_all(&crate::resources::SERVICES, None) {
            let is_master = namespace(&service) == "default" && name(&service) == "kubernetes";
            if (is_master || links && namespace(&service) == own_space)
                && let Ok(address) = text(&service, "/spec/clusterIP").parse::<std::net::IpAddr>()
            {
                all.extend(service_variables(&service, &address.to_string()));
            }
        }
        for source in list(container, "/envFrom") {
            let prefix = text(source, "/prefix");
            for (key, resource) in [("configMapRef", &CONFIG_MAPS), ("secretRef", &SECRETS)] {
                let Some(reference) = source.get(key) else { continue };
                let Ok(object) = api.get(resource, own_space, text(reference, "/name")) else { continue };
                for (key, value) in super::volumes::entries(&object) {
                    all.push((format!("{prefix}{key}"), String::from_utf8_lossy(&value).into_owned()));
                }
            }
        }
        for variable in list(container, "/env") {
            let key = text(variable, "/name").to_owned();
            let value = match variable.get("valueFrom") {
                Some(from) => self.value_from(pod, container, from),
                None => Some(expand(text(variable, "/value"), &all)),
            };
            if let Some(value) = value {
                all.retain(|(known, _)| *known != key);
                all.push((key, value));
            }
        }
        all
    }

    fn value_from(&self, pod: &Object, container: &Value, from: &Value) -> Option<String> {
        for (key, resource) in [("configMapKeyRef", &CONFIG_MAPS), ("secretKeyRef", &SECRETS)] {
            if let Some(reference) = from.get(key) {
                let object = self.shared.api.get(resource, namespace(pod), text(reference, "/name")).ok()?;
                let wanted = text(reference, "/key");
                let (_, value) = super::volumes::entries(&object).into_iter().find(|(key, _)| key == wanted)?;
                return Some(String::from_utf8_lossy(&value).into_owned());
            }
        }
        if let Some(reference) = from.get("fieldRef") {
            return field(pod, text(reference, "/fieldPath"));
        }
        let reference = from.get("resourceFieldRef")?;
        let (side, resource) = text(reference, "/resource").split_once('.')?;
        let side = if side == "limits" { crate::amounts::Side::Limits } else { crate::amounts::Side::Requests };
        let amounts = crate::amounts::of_container(container, side);
        Some(amounts.get(resource).map_or_else(|| "0".to_owned(), |amount| amount.value().to_string()))
    }
}

/// Returns a field of a Pod as the downward API gives it.
fn field(pod: &Object, path: &str) -> Option<String> {
    for part in ["labels", "annotations"] {
        if let Some(key) = path.strip_prefix(&format!("metadata.{part}['")).and_then(|key| key.strip_suffix("']")) {
            return Some(pod["metadata"][part][key].as_str().unwrap_or_default().to_owned());
        }
        if path == format!("metadata.{part}") {
            let map = pod["metadata"][part].as_object()?;
            let lines: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}={:?}", value.as_str().unwrap_or_default())).collect();
            return Some(lines.join("\n"));
        }
    }
    let pointer = format!("/{}", path.replace('.', "/"));
    Some(text(pod, &pointer).to_owned())
}

fn service_variables(service: &Value, address: &str) -> Vec<(String, String)> {
    let prefix = name(service).to_ascii_uppercase().replace(['-', '.'], "_");
    let ports = list(service, "/spec/ports");
    let mut all = Vec::new();
    let Some(first) = ports.first().and_then(|port| port["port"].as_i64()) else { return all };
    all.push((format!("{prefix}_SERVICE_HOST"), address.to_owned()));
    all.push((format!("{prefix}_SERVICE_PORT"), first.to_string()));
    let protocol = |port: &Value| match text(port, "/protocol") {
        "" => "TCP".to_owned(),
        protocol => protocol.to_owned(),
    };
    let url = |port: &Value, number: i64| format!("{}://{address}:{number}", protocol(port).to_ascii_lowercase());
    all.push((format!("{prefix}_PORT"), url(&ports[0], first)));
    for port in ports {
        let Some(number) = port["port"].as_i64() else { continue };
        let own = text(port, "/name");
        if !own.is_empty() {
            let own = own.to_ascii_uppercase().replace(['-', '.'], "_");
            all.push((format!("{prefix}_SERVICE_PORT_{own}"), number.to_string()));
        }
        let base = format!("{prefix}_PORT_{number}_{}", protocol(port));
        all.push((base.clone(), url(port, number)));
        all.push((format!("{base}_PROTO"), protocol(port).to_ascii_lowercase()));
        all.push((format!("{base}_PORT"), number.to_string()));
        all.push((format!("{base}_ADDR"), address.to_owned()));
    }
    all
}

/// Replaces `$(NAME)` by what came before; `$$` is a dollar sign.
pub(super) fn expand(value: &str, known: &[(String, String)]) -> String {
    let mut done = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        done.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            done.push('$');
            rest = after;
        } else if let Some((wanted, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            match known.iter().rev().find(|(name, _)| name == wanted) {
                Some((_, value)) => done.push_str(value),
                None => done.push_str(&format!("$({wanted})")),
            }
            rest = after;
        } else {
            done.push('$');
        }
    }
    done + rest
}

fn credentials(pod: &Object, container: &Value, image: &Image) -> Option<Credentials> {
    let setting = |key: &str| {
        number(container, &format!("/securityContext/{key}"))
            .or_else(|| number(pod, &format!("/spec/securityContext/{key}")))
            .and_then(|number| u32::try_from(number).ok())
    };
    let (image_uid, image_gid) = image.user(&image.config.user)?;
    let asked = setting("runAsUser");
    let uid = asked.unwrap_or(image_uid);
    let gid = setting("runAsGroup").unwrap_or(match asked {
        Some(uid) => image.user(&uid.to_string()).map_or(0, |(_, gid)| gid),
        None => image_gid,
    });
    let mut groups: Vec<u32> = Vec::new();
    groups.extend(number(pod, "/spec/securityContext/fsGroup").and_then(|group| u32::try_from(group).ok()));
    let more = list(pod, "/spec/securityContext/supplementalGroups").iter();
    groups.extend(more.filter_map(Value::as_u64).filter_map(|group| u32::try_from(group).ok()));
    if uid == 0 && groups.is_empty() {
        groups.push(0);
    }
    let mut capabilities: Vec<Capability> = match is_true(container, "/securityContext/privileged") {
        true => Capability::ALL.to_vec(),
        false => Capability::DEFAULT.to_vec(),
    };
    let names = |key: &str| -> Vec<&str> {
        list(container, &format!("/securityContext/capabilities/{key}")).iter().filter_map(Value::as_str).collect()
    };
    for dropped in names("drop") {
        match Capability::from_name(dropped) {
            _ if dropped.eq_ignore_ascii_case("all") => capabilities.clear(),
            Some(dropped) => capabilities.retain(|known| *known != dropped),
            None => {}
        }
    }
    for added in names("add") {
        match Capability::from_name(added) {
            _ if added.eq_ignore_ascii_case("all") => capabilities = Capability::ALL.to_vec(),
            Some(added) if !capabilities.contains(&added) => capabilities.push(added),
            Some(_) | None => {}
        }
    }
    if uid != 0 {
        // They stay in the bounding set, which gives a user nothing.
        capabilities.clear();
    }
    Some(Credentials { uid, gid, groups, capabilities })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_refer_to_those_before() {
        let known = [("A".to_owned(), "1".to_owned())];
        assert_eq!(expand("x$(A)$(B)$$(A)$", &known), "x1$(B)$(A)$");
    }
}
