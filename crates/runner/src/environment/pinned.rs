//! A real cluster: read from the learner's kubeconfig, shown, confirmed once, then pinned in a private copy. The
//! learner's own file is never written.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Difference, Environment, EnvironmentError, FIRST_ANSWER, Kind, identity};
use crate::{ClusterError, Home, atomic};

/// The largest kubeconfig or certificate that is read.
const LIMIT: u64 = 4 << 20;

/// What makes a cluster the one that was confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pin {
    /// The context's name, for the header.
    pub(crate) context: String,
    /// The server's address.
    pub(crate) server: String,
    /// SHA-256 of the certificate authority, in hexadecimal; empty where the kubeconfig has none.
    pub(crate) authority: String,
    /// The uid of kube-system.
    pub(crate) cluster: String,
}

impl Pin {
    /// Compares the private copy, which the learner's shell uses, with the pin.
    pub(crate) fn compare_file(&self, copy: &Path) -> Result<(), EnvironmentError> {
        let found = Offer::read(&[copy.to_owned()], None)?;
        self.compare(&found)
    }

    fn compare(&self, offer: &Offer) -> Result<(), EnvironmentError> {
        if offer.server != self.server {
            return Err(EnvironmentError::Changed(Difference::Server));
        }
        if offer.authority != self.authority {
            return Err(EnvironmentError::Changed(Difference::Authority));
        }
        Ok(())
    }
}

/// A context of the learner's kubeconfig, alone in a kubeconfig of its own with its certificates inside.
pub(crate) struct Offer {
    pub(crate) context: String,
    pub(crate) server: String,
    authority: String,
    kubeconfig: Kubeconfig,
}

impl Offer {
    /// Reads the context that the learner means. Nothing is contacted.
    pub(crate) fn read(files: &[PathBuf], context: Option<&str>) -> Result<Offer, EnvironmentError> {
        let mut merged: Option<Kubeconfig> = None;
        for file in files.iter().filter(|file| file.exists()) {
            let next = Kubeconfig::read_from(file).map_err(kubeconfig)?;
            merged = Some(match merged {
                Some(before) => before.merge(next).map_err(kubeconfig)?,
                None => next,
            });
        }
        let all = merged.ok_or_else(|| EnvironmentError::NoKubeconfig(files.to_vec()))?;
        let name = match context {
            Some(name) => name.to_owned(),
            None => {
                all.current_context.clone().filter(|name| !name.is_empty()).ok_or(EnvironmentError::NoCurrentContext)?
            }
        };
        Offer::alone(all, name)
    }

    fn alone(mut all: Kubeconfig, name: String) -> Result<Offer, EnvironmentError> {
        let missing = || EnvironmentError::NoContext(name.clone());
        all.contexts.retain(|named| named.name == name);
        let context = all.contexts.first().and_then(|named| named.context.clone()).ok_or_else(missing)?;
        all.clusters.retain(|named| named.name == context.cluster);
        all.auth_infos.retain(|named| Some(&named.name) == context.user.as_ref());
        all.current_context = Some(name.clone());
        let cluster = all.clusters.first_mut().and_then(|named| named.cluster.as_mut()).ok_or_else(missing)?;
        let server = cluster.server.clone().ok_or_else(missing)?;
        inline(&mut cluster.certificate_authority, &mut cluster.certificate_authority_data)?;
        let authority = cluster.certificate_authority_data.as_ref().map(|data| fingerprint(data)).unwrap_or_default();
        if let Some(user) = all.auth_infos.first_mut().and_then(|named| named.auth_info.as_mut()) {
            inline(&mut user.client_certificate, &mut user.client_certificate_data)?;
            // The key's type keeps it out of logs; its file is read by the client where it is not inside already.
        }
        Ok(Offer { context: name, server, authority, kubeconfig: all })
    }

    /// Returns whether the learner confirmed this very context before, and with which pin.
    pub(crate) fn confirmed(&self, home: &Home) -> Option<Pin> {
        let content = atomic::read(&home.cluster_pin(), LIMIT).ok()??;
        let pin: Pin = serde_json::from_slice(&content).ok()?;
        (pin.context == self.context && pin.compare(self).is_ok()).then_some(pin)
    }

    /// Meets the cluster, and keeps the pin and the private copy.
    pub(crate) async fn connect(&self, home: &Home, before: Option<&Pin>) -> Result<Environment, EnvironmentError> {
        let client = self.client().await?;
        let reach = |source: ClusterError| EnvironmentError::Unreachable {
            server: self.server.clone(),
            source: Box::new(source),
        };
        let late = ClusterError::TimedOut { what: "meet the cluster".to_owned(), limit: FIRST_ANSWER };
        let meeting = tokio::time::timeout(FIRST_ANSWER, identity(&client)).await;
        let cluster = meeting.unwrap_or(Err(late)).map_err(reach)?;
        if before.is_some_and(|pin| pin.cluster != cluster) {
            // What was confirmed is gone; the next start asks again.
            drop(std::fs::remove_file(home.cluster_pin()));
            return Err(EnvironmentError::Changed(Difference::Cluster));
        }
        let pin = Pin {
            context: self.context.clone(),
            server: self.server.clone(),
            authority: self.authority.clone(),
            cluster,
        };
        let copy = home.cluster_kubeconfig();
        let text = serde_json::to_vec_pretty(&self.kubeconfig).map_err(std::io::Error::other);
        text.and_then(|text| atomic::write(&copy, &text))
            .map_err(|source| EnvironmentError::File { path: copy.clone(), source })?;
        let text = serde_json::to_vec_pretty(&pin).map_err(std::io::Error::other);
        text.and_then(|text| atomic::write(&home.cluster_pin(), &text))
            .map_err(|source| EnvironmentError::File { path: home.cluster_pin(), source })?;
        Environment::meet(client, copy, Kind::Cluster(pin)).await.map_err(reach)
    }

    async fn client(&self) -> Result<kube::Client, EnvironmentError> {
        let options = KubeConfigOptions::default();
        let loaded = kube::Config::from_custom_kubeconfig(self.kubeconfig.clone(), &options).await;
        client(loaded.map_err(kubeconfig)?, &self.server).await
    }
}

/// Makes a client that does not wait for ever to be connected.
pub(crate) async fn client(mut config: kube::Config, server: &str) -> Result<kube::Client, EnvironmentError> {
    config.connect_timeout = Some(FIRST_ANSWER / 2);
    let failed = |source| EnvironmentError::Client { server: server.to_owned(), source: Box::new(source) };
    // A credential plug-in runs here, and blocks.
    let made = tokio::task::spawn_blocking(move || crate::connect::client(config));
    match tokio::time::timeout(FIRST_ANSWER, made).await {
        Ok(Ok(client)) => client.map_err(failed),
        Ok(Err(broken)) => Err(EnvironmentError::Sandbox(Box::new(broken))),
        Err(_) => Err(EnvironmentError::Unreachable {
            server: server.to_owned(),
            source: Box::new(ClusterError::TimedOut { what: "get credentials".to_owned(), limit: FIRST_ANSWER }),
        }),
    }
}

fn kubeconfig(error: KubeconfigError) -> EnvironmentError {
    EnvironmentError::Kubeconfig(Box::new(error))
}

/// Takes the content of a file into the kubeconfig, so that the copy does not depend on it.
fn inline(file: &mut Option<String>, inside: &mut Option<String>) -> Result<(), EnvironmentError> {
    let Some(path) = file.take() else { return Ok(()) };
    if inside.is_some() {
        return Ok(());
    }
    let read = atomic::read(Path::new(&path), LIMIT);
    let content = read.and_then(|content| content.ok_or_else(|| std::io::ErrorKind::NotFound.into()));
    let content = content.map_err(|source| EnvironmentError::File { path: PathBuf::from(&path), source })?;
    *inside = Some(BASE64.encode(content));
    Ok(())
}

fn fingerprint(data: &str) -> String {
    let bytes = BASE64.decode(data.trim()).unwrap_or_else(|_| data.as_bytes().to_vec());
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: ca\n  cluster: {server: 'https://a.example:1', certificate-authority: ca.pem}\n- name: cb\n  cluster: {server: 'https://b.example:1'}\ncontexts:\n- name: a\n  context: {cluster: ca, user: u}\n- name: b\n  context: {cluster: cb, user: u}\n- name: broken\n  context: {cluster: none, user: u}\nusers:\n- name: u\n  user: {token: secret}\n- name: other\n  user: {token: other-secret}\n";

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), "authority").unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, CONFIG).unwrap();
        (folder, file)
    }

    #[test]
    fn the_copy_holds_one_context_and_what_it_needs() {
        let (_folder, file) = folder();
        let offer = Offer::read(&[file], None).unwrap();
        assert_eq!((offer.context.as_str(), offer.server.as_str()), ("a", "https://a.example:1"));
        let text = serde_json::to_string(&offer.kubeconfig).unwrap();
        assert!(text.contains(&BASE64.encode("authority")) && text.contains("secret"));
        assert!(!text.contains("other-secret") && !text.contains("b.example") && !text.contains("ca.pem"));
    }

    #[test]
    fn a_kubeconfig_that_cannot_serve_says_why() {
        let (folder, file) = folder();
        let read = |file: &Path, context| Offer::read(&[file.to_owned()], context).map(|_| ());
        assert!(matches!(read(&folder.path().join("none"), None), Err(EnvironmentError::NoKubeconfig(_))));
        assert!(matches!(read(&file, Some("none")), Err(EnvironmentError::NoContext(_))));
        assert!(matches!(read(&file, Some("broken")), Err(EnvironmentError::NoContext(_))));
        std::fs::remove_file(folder.path().join("ca.pem")).unwrap();
        assert!(matches!(read(&file, None), Err(EnvironmentError::File { .. })));
        std::fs::write(&file, "clusters: [").unwrap();
        assert!(matches!(read(&file, None), Err(EnvironmentError::Kubeconfig(_))));
        std::fs::write(&file, "apiVersion: v1\nkind: Config\n").unwrap();
        assert!(matches!(read(&file, None), Err(EnvironmentError::NoCurrentContext)));
    }

    #[test]
    fn a_changed_server_or_authority_is_seen() {
        let (folder, file) = folder();
        let offer = Offer::read(std::slice::from_ref(&file), None).unwrap();
        let pin = Pin {
            context: "a".into(),
            server: offer.server.clone(),
            authority: offer.authority.clone(),
            cluster: "uid".into(),
        };
        pin.compare_file(&file).unwrap();
        std::fs::write(folder.path().join("ca.pem"), "another").unwrap();
        assert!(matches!(pin.compare_file(&file), Err(EnvironmentError::Changed(Difference::Authority))));
        std::fs::write(&file, CONFIG.replace("a.example", "c.example")).unwrap();
        assert!(matches!(pin.compare_file(&file), Err(EnvironmentError::Changed(Difference::Server))));
    }

    #[tokio::test]
    async fn a_kubeconfig_that_points_nowhere_fails_within_a_bounded_time() {
        let (folder, file) = folder();
        // A port that was free a moment ago answers with a refusal.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::write(&file, CONFIG.replace("https://b.example:1", &format!("https://127.0.0.1:{port}"))).unwrap();
        let home = Home::below(folder.path());
        home.prepare().unwrap();
        let offer = Offer::read(&[file], Some("b")).unwrap();
        let start = std::time::Instant::now();
        let result = offer.connect(&home, None).await;
        assert!(matches!(result, Err(EnvironmentError::Unreachable { .. })));
        assert!(start.elapsed() < 2 * FIRST_ANSWER);
        assert!(!home.cluster_pin().exists() && !home.cluster_kubeconfig().exists());
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_fails_within_a_bounded_time() {
        let (folder, file) = folder();
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        std::fs::write(&file, CONFIG.replace("https://b.example:1", &format!("http://127.0.0.1:{port}"))).unwrap();
        let home = Home::below(folder.path());
        let offer = Offer::read(&[file], Some("b")).unwrap();
        let start = std::time::Instant::now();
        assert!(matches!(offer.connect(&home, None).await, Err(EnvironmentError::Unreachable { .. })));
        assert!(start.elapsed() < 2 * FIRST_ANSWER);
    }
}
