//! Reads the API server's refusals of a Pod.
//!
//! Texts: `exceeded quota: NAME, requested: pods=1, used: pods=2, limited: pods=2`, `failed quota: NAME: must specify
//! limits.cpu for: c`, `status unknown for quota: NAME, …` (kubernetes, package resourcequota); `maximum memory usage
//! per Container is 1Gi, but limit is 2Gi` and its like (package limitranger).

use serde::Serialize;

/// Who refused a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RefusedBy {
    /// A ResourceQuota.
    ResourceQuota,
    /// A LimitRange.
    LimitRange,
    /// Anything else: Pod security, a webhook, validation.
    Other,
}

/// The refusal of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Who refused.
    pub kind: RefusedBy,
    /// The object's name; a LimitRange is not named by the server, and is known only where there is one.
    pub name: Option<String>,
    /// The server's message.
    pub message: String,
    /// The quota's resources that ran out.
    pub resources: Vec<String>,
    /// What a container must say and does not (`limits.memory`).
    pub unspecified: Vec<String>,
}

/// What a refusal means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// A refusal.
    Refused(Refusal),
    /// A quota was created a moment ago and has not been counted yet: ask again.
    NotYet,
    /// The account may not create Pods at all.
    NoRight,
}

/// Reads the message of a refused creation.
pub(super) fn read(code: u16, message: &str, limit_ranges: &[String]) -> Answer {
    let refused = |kind, name: Option<String>, resources, unspecified| {
        Answer::Refused(Refusal { kind, name, message: message.to_owned(), resources, unspecified })
    };
    if let Some(rest) = after(message, "exceeded quota: ") {
        let (name, rest) = rest.split_once(", requested: ").unwrap_or((rest, ""));
        let amounts = rest.split(", used: ").next().unwrap_or_default();
        return refused(RefusedBy::ResourceQuota, Some(name.to_owned()), keys(amounts), Vec::new());
    }
    if let Some(rest) = after(message, "failed quota: ") {
        let (name, rest) = rest.split_once(": must specify ").unwrap_or((rest, ""));
        let unspecified = rest
            .split([';', ','])
            .filter_map(|part| part.split(" for: ").next())
            .map(|part| part.trim().to_owned())
            .filter(|part| part.contains('.') || matches!(part.as_str(), "cpu" | "memory"))
            .collect();
        return refused(RefusedBy::ResourceQuota, Some(name.to_owned()), Vec::new(), unspecified);
    }
    if message.contains("status unknown for quota") {
        return Answer::NotYet;
    }
    if message.contains(" usage per ") || message.contains(" limit to request ratio per ") {
        let name = match limit_ranges {
            [only] => Some(only.clone()),
            _ => None,
        };
        let resource = message.split_once(" usage per ").and_then(|(before, _)| before.split_whitespace().last());
        return refused(RefusedBy::LimitRange, name, resource.map(str::to_owned).into_iter().collect(), Vec::new());
    }
    if code == 401 || (code == 403 && message.contains(" cannot create resource ")) {
        return Answer::NoRight;
    }
    refused(RefusedBy::Other, None, Vec::new(), Vec::new())
}

/// Returns the nodes' resource that a scheduler's message calls insufficient:
/// `0/3 nodes are available: 1 Insufficient memory, 2 node(s) didn't match …`.
pub(super) fn lacking(message: &str) -> Option<String> {
    let rest = after(message, "Insufficient ")?;
    let resource = rest.split([',', '.', ' ']).next()?;
    (!resource.is_empty()).then(|| resource.to_owned())
}

fn after<'m>(message: &'m str, marker: &str) -> Option<&'m str> {
    message.split_once(marker).map(|(_, rest)| rest)
}

/// Reads the keys of `limits.cpu=10m,limits.memory=512Mi`.
fn keys(amounts: &str) -> Vec<String> {
    amounts
        .split(',')
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(key, _)| key.to_owned())
        .filter(|key| !key.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(message: &str) -> Refusal {
        match read(403, message, &["bornes".to_owned()]) {
            Answer::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_exceeded_quota_names_itself_and_its_resources() {
        let refusal = refusal(
            "pods \"x\" is forbidden: exceeded quota: quota-memoire, requested: limits.memory=512Mi,pods=1, \
             used: limits.memory=2Gi,pods=4, limited: limits.memory=2Gi,pods=4",
        );
        assert_eq!(refusal.kind, RefusedBy::ResourceQuota);
        assert_eq!(refusal.name.as_deref(), Some("quota-memoire"));
        assert_eq!(refusal.resources, ["limits.memory", "pods"]);
    }

    #[test]
    fn a_quota_that_wants_limits_names_them() {
        let new = refusal(
            "pods \"x\" is forbidden: failed quota: q: must specify limits.cpu for: c1,c2; limits.memory for: c1",
        );
        assert_eq!(new.unspecified, ["limits.cpu", "limits.memory"]);
        let old = refusal("pods \"x\" is forbidden: failed quota: q: must specify limits.cpu,limits.memory");
        assert_eq!(old.unspecified, ["limits.cpu", "limits.memory"]);
        assert_eq!(old.name.as_deref(), Some("q"));
    }

    #[test]
    fn a_limit_range_is_known_where_there_is_one() {
        let message = "pods \"x\" is forbidden: maximum memory usage per Container is 256Mi, but limit is 512Mi";
        let refusal = refusal(message);
        assert_eq!(refusal.kind, RefusedBy::LimitRange);
        assert_eq!(refusal.name.as_deref(), Some("bornes"));
        assert_eq!(refusal.resources, ["memory"]);
        let two = read(403, message, &["a".to_owned(), "b".to_owned()]);
        assert!(matches!(two, Answer::Refused(Refusal { name: None, .. })));
    }

    #[test]
    fn the_rest_is_told_apart() {
        assert_eq!(
            read(403, "pods \"x\" is forbidden: status unknown for quota: q, resources: pods", &[]),
            Answer::NotYet
        );
        let rbac =
            "pods is forbidden: User \"eve\" cannot create resource \"pods\" in API group \"\" in the namespace \"a\"";
        assert_eq!(read(403, rbac, &[]), Answer::NoRight);
        let security =
            refusal("pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true");
        assert_eq!(security.kind, RefusedBy::Other);
    }

    #[test]
    fn the_scheduler_names_what_lacks() {
        for (message, resource) in [
            (
                "0/3 nodes are available: 1 Insufficient memory, 2 node(s) didn't match Pod's node affinity/selector.",
                Some("memory"),
            ),
            ("0/1 nodes are available: 1 Insufficient cpu.", Some("cpu")),
            ("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.", Some("nvidia")),
            ("0/3 nodes are available: 3 node(s) were unschedulable.", None),
        ] {
            assert_eq!(lacking(message).as_deref(), resource);
        }
    }
}
