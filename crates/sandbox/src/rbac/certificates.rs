//! Certificates on request: whoever asks is written into the request, who may approve is checked, and what was
//! approved for clients of the API is signed.
//!
//! See `pkg/registry/certificates`, `plugin/pkg/admission/certificates` and
//! `pkg/controller/certificates/signer`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::admission::{Operation, Plugin, Request, Transaction};
use crate::api::{Api, Caller, Status, Target};
use crate::clock::rfc3339;
use crate::controllers::{Controller, Next, Queue, queue_all};
use crate::credentials::{Lifetime, subject_of_request};
use crate::fields::{as_map, list, map_at, number, text};
use crate::resources::{CERTIFICATE_SIGNING_REQUESTS, Resource};
use crate::store::{Change, Key};

use super::attributes::{Attributes, ResourceAttributes};

/// The signer of clients of the API.
const CLIENTS: &str = "kubernetes.io/kube-apiserver-client";
/// How long a certificate is good if nobody says, in seconds: kubeadm's year.
const YEAR: i64 = 365 * 24 * 60 * 60;

/// The step of the chain.
pub(crate) struct Certificates;

fn is_request(resource: &Resource) -> bool {
    *resource == CERTIFICATE_SIGNING_REQUESTS
}

impl Plugin for Certificates {
    fn name(&self) -> &'static str {
        "CertificateApproval"
    }

    fn mutate(&self, request: &mut Request, _transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if !is_request(request.resource) {
            return Ok(());
        }
        match (request.operation, request.subresource.as_deref()) {
            (Operation::Create, _) => {
                let info = request.caller.to_user_info();
                let spec = map_at(&mut request.object, "spec");
                for key in ["username", "uid", "groups", "extra"] {
                    spec.remove(key);
                    if let Some(value) = info.get(key) {
                        spec.insert(key.to_owned(), value.clone());
                    }
                }
                as_map(&mut request.object).remove("status");
            }
            // What was asked for never changes, nor does anybody sign who only approves.
            (Operation::Update, part) => {
                if let Some(old) = &request.old {
                    request.object["spec"] = old["spec"].clone();
                    if part != Some("status") {
                        keep(&mut request.object, old, "certificate");
                    }
                    if part.is_none() {
                        keep(&mut request.object, old, "conditions");
                    }
                }
            }
            (Operation::Delete, _) => {}
        }
        Ok(())
    }

    fn validate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if !is_request(request.resource) {
            return Ok(());
        }
        let signer = text(&request.object, "/spec/signerName");
        let verb = match (request.operation, request.subresource.as_deref()) {
            (Operation::Create, _) => return subject_is_allowed(request, signer),
            (Operation::Update, Some("approval")) => "approve",
            (Operation::Update, Some("status")) => "sign",
            (Operation::Update | Operation::Delete, _) => return Ok(()),
        };
        // A signer may be named whole, or by its domain.
        let domain = format!("{}/*", signer.split('/').next().unwrap_or_default());
        let may = [signer, &domain].into_iter().any(|name| {
            let wanted = Attributes::Resource(ResourceAttributes {
                verb: verb.to_owned(),
                group: "certificates.k8s.io".to_owned(),
                version: "*".to_owned(),
                resource: "signers".to_owned(),
                name: name.to_owned(),
                ..ResourceAttributes::default()
            });
            transaction.policy().authorize(&request.caller, &wanted).is_allowed()
        });
        if may {
            return Ok(());
        }
        Err(request.forbid(&format!("user not permitted to {verb} requests with signerName {signer:?}")))
    }
}

fn keep(object: &mut Value, old: &Value, field: &str) {
    let status = map_at(object, "status");
    match old["status"].get(field) {
        Some(value) => drop(status.insert(field.to_owned(), value.clone())),
        None => drop(status.remove(field)),
    }
}

/// The plug-in `CertificateSubjectRestriction`: nobody asks to be a master.
fn subject_is_allowed(request: &Request, signer: &str) -> Result<(), Status> {
    let pem = decoded(&request.object);
    let Some(groups) = subject_of_request(&pem) else {
        let detail = "unable to parse csr: the request is no PEM block of type CERTIFICATE REQUEST";
        let cause = crate::api::Cause::invalid("spec.request", &request.object["spec"]["request"], detail);
        return Err(Status::invalid(request.resource, request.shown_name(), vec![cause]));
    };
    if signer == CLIENTS && groups.iter().any(|group| group == Caller::MASTERS) {
        return Err(request.forbid(&format!("use of {CLIENTS} signer with {} group is not allowed", Caller::MASTERS)));
    }
    Ok(())
}

fn decoded(object: &Value) -> String {
    let bytes = BASE64_STANDARD.decode(text(object, "/spec/request")).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// The controller that signs.
pub(crate) struct Signing {
    api: Api,
    caller: Caller,
}

impl Signing {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone(), caller: Caller::controller("certificate-controller") }
    }
}

impl Controller for Signing {
    fn name(&self) -> &'static str {
        "csrsigning"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if is_request(change.resource) {
            queue.add("", &change.key.name);
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&CERTIFICATE_SIGNING_REQUESTS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(request) = self.api.get(&CERTIFICATE_SIGNING_REQUESTS, "", &key.name) else { return Next::Wait };
        let has = |kind: &str| list(&request, "/status/conditions").iter().any(|one| text(one, "/type") == kind);
        let is_signed = request["status"].get("certificate").is_some();
        let is_ours = text(&request, "/spec/signerName") == CLIENTS;
        if is_signed || !is_ours || !has("Approved") || has("Denied") || has("Failed") {
            return Next::Wait;
        }
        let Some(credentials) = self.api.credentials() else { return Next::Wait };
        let now = self.api.clock().now();
        let seconds = number(&request, "/spec/expirationSeconds").unwrap_or(YEAR).clamp(600, YEAR);
        let signed = credentials.sign_client(&decoded(&request), Lifetime { from: now, seconds });
        let target = Target::new(&CERTIFICATE_SIGNING_REQUESTS, "", &key.name).part("status");
        let written = self.api.update_with(&self.caller, target, |request| match &signed {
            Ok(pem) => request["status"]["certificate"] = BASE64_STANDARD.encode(pem).into(),
            Err(error) => {
                let mut conditions = list(request, "/status/conditions").to_vec();
                conditions.push(json!({"type": "Failed", "status": "True", "reason": "SigningError",
                    "message": format!("unable to sign: {error}"), "lastUpdateTime": rfc3339(now),
                    "lastTransitionTime": rfc3339(now)}));
                request["status"]["conditions"] = conditions.into();
            }
        });
        match written {
            Ok(_) => Next::Wait,
            Err(_) => Next::Retry,
        }
    }
}
