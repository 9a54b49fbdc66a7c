//! PodSecurity: what the labels of a Namespace refuse, warn of and write down.
//!
//! Rules and texts of `k8s.io/pod-security-admission/admission`. Nobody is exempt: the sandbox has no
//! configuration file of this plug-in.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Version;
use crate::api::Status;
use crate::fields::{list, name, text};
use crate::resources::{NAMESPACES, PODS, Resource};

use super::{Operation, Plugin, Request, Transaction};
use evaluate::{describe, evaluate, reasons};
use policy::{Level, Policy, Standard};

mod controls;
pub(crate) mod evaluate;
pub(crate) mod policy;

/// How many Pods are looked at when a Namespace becomes stricter.
const PODS_LOOKED_AT: usize = 3000;

/// The plug-in, on by default since 1.23.
pub(crate) struct PodSecurity(pub(crate) Version);

impl Plugin for PodSecurity {
    fn name(&self) -> &'static str {
        "PodSecurity"
    }

    fn validate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if request.operation == Operation::Delete {
            return Ok(());
        }
        if *request.resource == NAMESPACES {
            return self.namespace(request, transaction);
        }
        if *request.resource == PODS {
            return self.pod(request, transaction);
        }
        if let Some(template) = template(request.resource)
            && request.subresource.is_none()
            && let Some(namespace) = transaction.get(&NAMESPACES, "", &request.namespace)
            && let Some(pod) = request.object.pointer(template)
        {
            let policy = Policy::of(&namespace);
            let pod = json!({ "metadata": pod["metadata"], "spec": pod["spec"] });
            self.note(request, &policy, &pod);
        }
        Ok(())
    }
}

/// Returns where a workload keeps the Pods that it will make.
fn template(resource: &Resource) -> Option<&'static str> {
    match (resource.group, resource.plural) {
        ("", "podtemplates") => Some("/template"),
        ("", "replicationcontrollers")
        | ("apps", "deployments" | "replicasets" | "daemonsets" | "statefulsets")
        | ("batch", "jobs") => Some("/spec/template"),
        ("batch", "cronjobs") => Some("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

/// The parts of a Pod that say nothing of how it runs.
const IGNORED_PARTS: [&str; 8] = ["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"];

impl PodSecurity {
    /// Returns what a Pod violates of a standard.
    fn violations(&self, standard: Standard, pod: &Value) -> Vec<evaluate::Violation> {
        evaluate(standard.level, standard.edition.minor(self.0.minor()), pod)
    }

    fn pod(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if request.subresource.as_deref().is_some_and(|part| IGNORED_PARTS.contains(&part)) {
            return Ok(());
        }
        let Some(namespace) = transaction.get(&NAMESPACES, "", &request.namespace) else {
            return Ok(());
        };
        let policy = Policy::of(&namespace);
        if [policy.enforce, policy.warn, policy.audit].iter().all(|standard| standard.level == Level::Privileged) {
            return Ok(());
        }
        if let Some(old) = &request.old
            && !is_significant(old, &request.object)
        {
            return Ok(());
        }
        let violations = self.violations(policy.enforce, &request.object);
        if !violations.is_empty() {
            let detail = format!("violates PodSecurity \"{}\": {}", policy.enforce, describe(&violations));
            return Err(request.forbid(&detail));
        }
        let pod = std::mem::take(&mut request.object);
        self.note(request, &policy, &pod);
        request.object = pod;
        Ok(())
    }

    /// Warns of what violates the Namespace's wishes for warnings.
    fn note(&self, request: &mut Request, policy: &Policy, pod: &Value) {
        let text = |standard: Standard| {
            let violations = self.violations(standard, pod);
            (!violations.is_empty())
                .then(|| format!("would violate PodSecurity \"{standard}\": {}", describe(&violations)))
        };
        request.warnings.extend(text(policy.warn));
        if let Some(text) = text(policy.audit) {
            request.annotations.insert("pod-security.kubernetes.io/audit-violations".to_owned(), text);
        }
    }

    /// Checks a Namespace's labels, and says which Pods a stricter level would not have let in.
    fn namespace(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if request.subresource.is_some() {
            return Ok(());
        }
        let policy = Policy::of(&request.object);
        let before = request.old.as_deref().map(Policy::of);
        let faults_before = before.as_ref().map(|before| before.faults.as_slice()).unwrap_or_default();
        if !policy.faults.is_empty() && policy.faults != faults_before {
            return Err(Status::invalid(request.resource, &request.name, policy.faults));
        }
        let (now, Some(before)) = (policy.enforce, before.map(|before| before.enforce)) else {
            return Ok(());
        };
        let relaxed = now.edition == before.edition && now.level <= before.level;
        if now == before || now.level == Level::Privileged || relaxed {
            return Ok(());
        }
        let pods = transaction.list(&PODS, Some(&request.name));
        let warnings = self.existing(&request.name, now, pods.iter().map(|pod| &**pod));
        request.warnings.extend(warnings);
        Ok(())
    }

    /// Returns the warnings about Pods that are there already.
    fn existing<'a>(
        &self,
        namespace: &str,
        standard: Standard,
        pods: impl ExactSizeIterator<Item = &'a Value>,
    ) -> Vec<String> {
        let total = pods.len();
        let mut warnings = Vec::new();
        let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for pod in pods.take(PODS_LOOKED_AT) {
            let violations = self.violations(standard, pod);
            if !violations.is_empty() {
                found.entry(reasons(&violations)).or_default().push(name(pod));
            }
        }
        if total > PODS_LOOKED_AT {
            warnings.push(format!(
                "new PodSecurity enforce level only checked against the first {PODS_LOOKED_AT} of {total} existing pods"
            ));
        }
        if !found.is_empty() {
            warnings.push(format!(
                "existing pods in namespace {namespace:?} violate the new PodSecurity enforce level \"{standard}\""
            ));
        }
        let mut of_pods: Vec<String> = found
            .into_iter()
            .map(|(reasons, mut names)| {
                names.sort_unstable();
                let first = names.first().copied().unwrap_or_default();
                match names.len() {
                    1 => format!("{first}: {reasons}"),
                    2 => format!("{first} (and 1 other pod): {reasons}"),
                    count => format!("{first} (and {} other pods): {reasons}", count - 1),
                }
            })
            .collect();
        of_pods.sort();
        warnings.extend(of_pods);
        warnings
    }
}

/// Tells whether a change of a Pod touches what the controls look at: images, containers, seccomp annotations.
fn is_significant(old: &Value, new: &Value) -> bool {
    let annotation = |pod: &Value, key: &str| pod["metadata"]["annotations"][key].as_str().map(str::to_owned);
    let changed = |key: &str| annotation(old, key) != annotation(new, key);
    let container_changed = |old: &Value, new: &Value| {
        text(old, "/image") != text(new, "/image")
            || changed(&format!("container.seccomp.security.alpha.kubernetes.io/{}", text(new, "/name")))
    };
    if changed("seccomp.security.alpha.kubernetes.io/pod") {
        return true;
    }
    for containers in ["/spec/containers", "/spec/initContainers"] {
        let (old, new) = (list(old, containers), list(new, containers));
        if old.len() != new.len() || old.iter().zip(new).any(|(old, new)| container_changed(old, new)) {
            return true;
        }
    }
    let known = list(old, "/spec/ephemeralContainers");
    list(new, "/spec/ephemeralContainers").iter().any(|container| {
        let before = known.iter().find(|known| text(known, "/name") == text(container, "/name"));
        before.is_none_or(|before| container_changed(before, container))
    })
}

#[cfg(test)]
mod tests;
