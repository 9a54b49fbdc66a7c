//! Tokens that Secrets hold: one is made for each account up to 1.23, and any Secret of the type
//! `kubernetes.io/service-account-token` is filled in every version.
//!
//! See `pkg/controller/serviceaccount/tokens_controller.go`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::Version;
use crate::api::{Api, Caller, DeleteOptions, Target, WriteOptions, random_suffix};
use crate::controllers::{Controller, Next, Queue};
use crate::fields::{is_deleted, list, name, namespace, text, uid};
use crate::resources::{SECRETS, SERVICE_ACCOUNTS};
use crate::store::{Change, ChangeKind, Key};

use super::claims;

/// The type of such Secrets.
pub(crate) const TYPE: &str = "kubernetes.io/service-account-token";
/// Names the account.
const ACCOUNT: &str = "kubernetes.io/service-account.name";
/// The account's uid.
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

/// The controller.
pub(crate) struct SecretTokens {
    api: Api,
    caller: Caller,
    authority: String,
}

impl SecretTokens {
    /// Returns the controller; `authority` is the PEM of the CA that Pods trust.
    pub(crate) fn new(api: &Api, authority: &str) -> Self {
        Self { api: api.clone(), caller: Caller::controller_manager(), authority: authority.to_owned() }
    }

    /// Gives an account its Secret, where the version does so.
    fn furnish(&self, account: &Value) {
        if self.api.version() != Version::V1_20 || is_deleted(account) || has_secret(&self.api, account) {
            return;
        }
        let (space, account_name) = (namespace(account), name(account));
        let secret = format!("{account_name}-token-{}", random_suffix(5));
        let object = json!({
            "metadata": {"name": secret, "annotations": {ACCOUNT: account_name, ACCOUNT_UID: uid(account)}},
            "type": TYPE, "data": self.content(account, &secret),
        });
        // Somebody may have deleted the Namespace meanwhile: there is nothing to do then.
        if self.api.create(&self.caller, &SECRETS, space, object, &WriteOptions::default()).is_ok() {
            let target = Target::new(&SERVICE_ACCOUNTS, space, account_name);
            let _ = self.api.update_with(&self.caller, target, |account| {
                let mut secrets = list(account, "/secrets").to_vec();
                secrets.push(json!({ "name": secret }));
                account["secrets"] = secrets.into();
            });
        }
    }

    /// Fills a Secret, or deletes the one whose account is gone.
    fn fill(&self, secret: &Value) {
        let (space, secret_name) = (namespace(secret), name(secret));
        let annotation = |key: &str| secret["metadata"]["annotations"][key].as_str().unwrap_or_default();
        let target = Target::new(&SECRETS, space, secret_name);
        let account = self.api.get(&SERVICE_ACCOUNTS, space, annotation(ACCOUNT));
        let account = account.ok().filter(|account| {
            let wanted = annotation(ACCOUNT_UID);
            wanted.is_empty() || wanted == uid(account)
        });
        let Some(account) = account else {
            let _ = self.api.delete(&self.caller, target, &DeleteOptions::default());
            return;
        };
        let is_filled = ["token", "ca.crt", "namespace"].iter().all(|key| secret["data"].get(*key).is_some());
        if is_filled && !annotation(ACCOUNT_UID).is_empty() {
            return;
        }
        let content = self.content(&account, secret_name);
        let _ = self.api.update_with(&self.caller, target, |secret| {
            secret["metadata"]["annotations"][ACCOUNT_UID] = uid(&account).into();
            for (key, value) in content.as_object().into_iter().flatten() {
                if secret["data"].get(key).is_none() {
                    secret["data"][key.as_str()] = value.clone();
                }
            }
        });
    }

    fn content(&self, account: &Value, secret: &str) -> Value {
        let token = claims::issue_for_secret(&self.api, account, secret).unwrap_or_default();
        let encode = |text: &str| BASE64_STANDARD.encode(text);
        json!({"ca.crt": encode(&self.authority), "namespace": encode(namespace(account)), "token": encode(&token)})
    }
}

/// Returns the name of the Secret with an account's token, if there is one.
pub(crate) fn secret_of(account: &Value) -> Option<&str> {
    let prefix = format!("{}-token-", name(account));
    list(account, "/secrets").iter().map(|secret| text(secret, "/name")).find(|secret| secret.starts_with(&prefix))
}

fn has_secret(api: &Api, account: &Value) -> bool {
    secret_of(account).is_some_and(|secret| api.get(&SECRETS, namespace(account), secret).is_ok())
}

impl Controller for SecretTokens {
    fn name(&self) -> &'static str {
        "serviceaccount-token"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == SERVICE_ACCOUNTS {
            queue.add(&change.key.namespace, &format!("account/{}", change.key.name));
            if change.kind == ChangeKind::Deleted {
                for secret in self.api.list_all(&SECRETS, Some(&change.key.namespace)) {
                    if secret["type"] == TYPE {
                        queue.add(&change.key.namespace, &format!("secret/{}", name(&secret)));
                    }
                }
            }
        } else if *change.resource == SECRETS && change.object["type"] == TYPE {
            queue.add(&change.key.namespace, &format!("secret/{}", change.key.name));
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        for account in self.api.list_all(&SERVICE_ACCOUNTS, None) {
            queue.add(namespace(&account), &format!("account/{}", name(&account)));
        }
        for secret in self.api.list_all(&SECRETS, None).iter().filter(|secret| secret["type"] == TYPE) {
            queue.add(namespace(secret), &format!("secret/{}", name(secret)));
        }
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        match key.name.split_once('/') {
            Some(("account", account)) => {
                if let Ok(account) = self.api.get(&SERVICE_ACCOUNTS, &key.namespace, account) {
                    self.furnish(&account);
                }
            }
            Some((_, secret)) => {
                if let Ok(secret) = self.api.get(&SECRETS, &key.namespace, secret)
                    && !is_deleted(&secret)
                {
                    self.fill(&secret);
                }
            }
            None => {}
        }
        Next::Wait
    }
}
