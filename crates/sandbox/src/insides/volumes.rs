//! The volumes of Pods as folders: `emptyDir`, `ConfigMap`, `Secret`, projections, the disk of a simulated node.

use serde_json::Value;
use shell::{Allowance, Volume, VolumeFile};

use crate::fields::{list, number, text, uid};
use crate::store::Object;
use crate::tokens::projection;

use super::{Insides, LAYER};

/// The size of a node's files that Pods may mount.
const HOST: u64 = 4 << 20;

impl Insides {
    /// Returns a Pod's volume, made if need be; the containers of the Pod share it.
    pub(super) fn volume(&self, pod: &Object, name: &str) -> Option<Volume> {
        let source = list(pod, "/spec/volumes").iter().find(|volume| text(volume, "/name") == name)?;
        // The disk of a node is one for all its Pods.
        let key = match source.get("hostPath") {
            Some(path) => (text(pod, "/spec/nodeName").to_owned(), text(path, "/path").to_owned()),
            None => (uid(pod).to_owned(), name.to_owned()),
        };
        if let Some(known) = self.lock().volumes.get(&key) {
            return Some(known.clone());
        }
        let made = self.make(pod, source)?;
        Some(self.lock().volumes.entry(key).or_insert(made).clone())
    }

    fn make(&self, pod: &Object, source: &Value) -> Option<Volume> {
        let now = self.now();
        let group = number(pod, "/spec/securityContext/fsGroup").and_then(|group| u32::try_from(group).ok());
        let above = Some(std::sync::Arc::clone(&self.shared.disk));
        if source.get("configMap").is_some()
            || source.get("secret").is_some()
            || source.get("projected").is_some()
            || source.get("downwardAPI").is_some()
        {
            return Some(Volume::projected(&self.files(pod, source), group, now));
        }
        if let Some(path) = source.get("hostPath") {
            let volume = Volume::folder(Allowance::new(HOST, above), None, now);
            host_files(&volume, text(path, "/path"), text(pod, "/spec/nodeName"), now);
            return Some(volume);
        }
        Some(Volume::folder(Allowance::new(LAYER, above), group, now))
    }

    fn files(&self, pod: &Object, source: &Value) -> Vec<VolumeFile> {
        // The kubelet does not start a container before its volumes can be made.
        let files = projection::files(&self.shared.api, pod, source).and_then(Result::ok).unwrap_or_default();
        files.into_iter().map(|file| VolumeFile { path: file.path, bytes: file.content, mode: file.mode }).collect()
    }
}

/// Returns the keys of a `ConfigMap` or a `Secret` with their bytes.
pub(super) fn entries(object: &Value) -> Vec<(String, Vec<u8>)> {
    use base64::Engine as _;
    let decode = |value: &Value| {
        base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default()
    };
    let is_secret = object["kind"] == "Secret" || object.get("type").is_some();
    let part = |key: &str| object.get(key).and_then(Value::as_object).into_iter().flatten();
    let mut all: Vec<(String, Vec<u8>)> = part("data")
        .map(|(key, value)| {
            let bytes = if is_secret { decode(value) } else { value.as_str().unwrap_or_default().as_bytes().to_vec() };
            (key.clone(), bytes)
        })
        .collect();
    all.extend(part("binaryData").map(|(key, value)| (key.clone(), decode(value))));
    all
}

/// Puts what a learner looks for on a node: its name, its users, the kubelet's files.
fn host_files(volume: &Volume, path: &str, node: &str, now: std::time::Duration) {
    let files: [(&str, String); 6] = [
        ("/etc/hostname", format!("{node}\n")),
        ("/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n".to_owned()),
        (
            "/etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n".to_owned(),
        ),
        ("/etc/shadow", "root:$y$j9T$simulated$simulated:19990:0:99999:7:::\n".to_owned()),
        (
            "/etc/kubernetes/kubelet.conf",
            "apiVersion: v1\nkind: Config\n# simulated: the key of this node is not here\n".to_owned(),
        ),
        ("/var/log/syslog", format!("{node} kubelet: Started kubelet\n")),
    ];
    let root = format!("/{}", path.trim_matches('/'));
    for (file, content) in files {
        let inside = match root.as_str() {
            "/" => Some(file.to_owned()),
            root => file.strip_prefix(root).filter(|rest| rest.starts_with('/')).map(str::to_owned),
        };
        if let Some(inside) = inside {
            let mode = if file == "/etc/shadow" { 0o600 } else { 0o644 };
            volume.add(&inside, Some(content.as_bytes()), mode, now);
        }
    }
}
