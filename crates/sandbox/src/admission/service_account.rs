//! ServiceAccount: gives each Pod an account and mounts its token: a projected volume since 1.21, before that the
//! Secret that holds it.

use serde_json::{Value, json};

use crate::Version;
use crate::api::{Status, random_suffix};
use crate::defaults::{map_at_value, pod};
use crate::fields::{as_map, list, list_mut, text};
use crate::resources::SERVICE_ACCOUNTS;
use crate::tokens::legacy;

use super::{Plugin, Request, Transaction};

/// Where containers find the token.
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The plug-in.
pub(crate) struct ServiceAccount(pub(crate) Version);

impl Plugin for ServiceAccount {
    fn name(&self) -> &'static str {
        "ServiceAccount"
    }

    fn mutate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if !request.creates_pod() {
            return Ok(());
        }
        let given = text(&request.object, "/spec/serviceAccountName");
        let name = if given.is_empty() { "default".to_owned() } else { given.to_owned() };
        let account = transaction.get(&SERVICE_ACCOUNTS, &request.namespace, &name);
        // A Namespace's `default` account is about to be made where it is not there yet; the real plug-in
        // waits a moment for it.
        if account.is_none() && name != "default" {
            let space = &request.namespace;
            let detail = format!("error looking up service account {space}/{name}: serviceaccount {name:?} not found");
            return Err(request.forbid(&detail));
        }
        let spec = map_at_value(&mut request.object, "spec");
        for key in ["serviceAccountName", "serviceAccount"] {
            as_map(spec).insert(key.to_owned(), json!(name));
        }
        let wish = |object: &Value, pointer| object.pointer(pointer).and_then(Value::as_bool);
        let mounts = wish(spec, "/automountServiceAccountToken")
            .or_else(|| account.as_deref().and_then(|account| wish(account, "/automountServiceAccountToken")))
            .unwrap_or(true);
        if let Some(account) = account.as_deref() {
            let secrets = list(account, "/imagePullSecrets");
            if list(spec, "/imagePullSecrets").is_empty() && !secrets.is_empty() {
                as_map(spec).insert("imagePullSecrets".to_owned(), secrets.into());
            }
        }
        if mounts {
            let secret = account.as_deref().and_then(legacy::secret_of).filter(|_| self.0 == Version::V1_20);
            mount_token(spec, secret);
        }
        let secrets = account.as_deref().map(|account| list(account, "/imagePullSecrets")).unwrap_or_default();
        if !secrets.is_empty() && list(spec, "/imagePullSecrets").is_empty() {
            as_map(spec).insert("imagePullSecrets".to_owned(), json!(secrets));
        }
        Ok(())
    }
}

/// Mounts the token: the Secret of 1.20 that holds it, else a projected one.
fn mount_token(spec: &mut Value, secret: Option<&str>) {
    let volume = secret.map_or_else(|| format!("kube-api-access-{}", random_suffix(5)), str::to_owned);
    let mut used = false;
    for containers in &pod::CONTAINER_LISTS[..2] {
        for container in list_mut(spec, containers) {
            if list(container, "/volumeMounts").iter().any(|mount| text(mount, "/mountPath") == MOUNT_PATH) {
                continue;
            }
            used = true;
            let mount = json!({"name": volume, "readOnly": true, "mountPath": MOUNT_PATH});
            push(container, "volumeMounts", mount);
        }
    }
    if !used {
        return;
    }
    if secret.is_some() {
        push(spec, "volumes", json!({"name": volume, "secret": {"defaultMode": 420, "secretName": volume}}));
    } else {
        let field = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
        let sources = json!([
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
        ]);
        push(spec, "volumes", json!({"name": volume, "projected": {"defaultMode": 420, "sources": sources}}));
    }
}

/// Appends to a list that may be absent.
fn push(object: &mut Value, key: &str, item: Value) {
    let entry = as_map(object).entry(key).or_insert(Value::Null);
    match entry {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}
