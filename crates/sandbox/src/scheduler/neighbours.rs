//! Which nodes a Pod's relation to other Pods allows: affinity, anti-affinity (its own and that of those that are
//! there), and spreading over topologies. Rules of the plugins `interpodaffinity` and `podtopologyspread`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Version;
use crate::api::{Api, Selector};
use crate::fields::{is_deleted, list, name, namespace, number, text};
use crate::resources::NAMESPACES;
use crate::store::Object;

use super::filter::{Misfit, matches_node};
use super::load::Cluster;

/// What a preference's weight, and one Pod too many in a topology, are worth beside the room.
const PREFERENCE: i64 = 20;

/// What a Pod's relations to others mean for each value of each topology.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Of required affinity: the topology, and in which of its values somebody matches.
    wanted: Vec<(String, Vec<String>)>,
    /// Of required anti-affinity: the topology, and its values that are taken.
    avoided: Vec<(String, String)>,
    /// Values of topologies where a Pod that is there keeps this one away.
    repelled: Vec<(String, String)>,
    /// Hard spreads.
    spreads: Vec<Spread>,
    /// Points by topology and value.
    points: BTreeMap<(String, String), i64>,
    version: Option<Version>,
}

/// A constraint on how Pods spread over a topology.
#[derive(Debug)]
struct Spread {
    topology: String,
    skew: i64,
    /// Whether the Pod would count itself.
    own: i64,
    counts: BTreeMap<String, i64>,
    least: i64,
}

/// One term of an affinity.
struct Term<'a> {
    topology: &'a str,
    selector: Option<Selector>,
    spaces: Vec<String>,
}

impl<'a> Term<'a> {
    /// Reads a term of a Pod's affinity.
    fn of(api: &Api, term: &'a Value, pod: &Value) -> Term<'a> {
        let mut spaces: Vec<String> =
            list(term, "/namespaces").iter().filter_map(|space| space.as_str().map(str::to_owned)).collect();
        if let Some(selector) = Selector::from_object(&term["namespaceSelector"]) {
            let found = api.list_all(&NAMESPACES, None);
            spaces.extend(
                found.iter().filter(|space| selector.matches_labels(space)).map(|space| name(space).to_owned()),
            );
        } else if spaces.is_empty() {
            spaces.push(namespace(pod).to_owned());
        }
        let selector = Selector::from_object(&term["labelSelector"]);
        Term { topology: text(term, "/topologyKey"), selector, spaces }
    }

    fn matches(&self, pod: &Value) -> bool {
        self.spaces.iter().any(|space| space == namespace(pod))
            && self.selector.as_ref().is_some_and(|selector| selector.matches_labels(pod))
    }
}

fn value<'a>(node: &'a Value, topology: &str) -> Option<&'a str> {
    node["metadata"]["labels"].get(topology).and_then(Value::as_str)
}

impl Rules {
    /// Returns what the Pods that are there mean for a Pod.
    pub(super) fn of(api: &Api, pod: &Value, cluster: &Cluster, nodes: &[Object], version: Version) -> Rules {
        let mut rules = Rules { version: Some(version), ..Rules::default() };
        let affinity = pod.pointer("/spec/affinity");
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        let part = |kind: &str, strength: &str| {
            affinity.map_or(&[][..], |affinity| list(affinity, &format!("/{kind}/{strength}")))
        };
        let others = || nodes.iter().flat_map(|node| cluster.pods(name(node)).map(move |placed| (node, placed)));
        for term in part("podAffinity", required) {
            let term = Term::of(api, term, pod);
            let mut found: Vec<String> = others()
                .filter(|(_, placed)| term.matches(&placed.pod))
                .filter_map(|(node, _)| value(node, term.topology).map(str::to_owned))
                .collect();
            // The first of a group that wants to be together has to begin somewhere.
            if found.is_empty() && term.matches(pod) {
                found = nodes.iter().filter_map(|node| value(node, term.topology).map(str::to_owned)).collect();
            }
            rules.wanted.push((term.topology.to_owned(), found));
        }
        for term in part("podAntiAffinity", required) {
            let term = Term::of(api, term, pod);
            let taken = others().filter(|(_, placed)| term.matches(&placed.pod));
            rules.avoided.extend(
                taken.filter_map(|(node, _)| Some((term.topology.to_owned(), value(node, term.topology)?.to_owned()))),
            );
        }
        if cluster.shy > 0 {
            for (node, placed) in others() {
                for term in list(&placed.pod, &format!("/spec/affinity/podAntiAffinity/{required}")) {
                    let term = Term::of(api, term, &placed.pod);
                    if let Some(value) = value(node, term.topology).filter(|_| term.matches(pod)) {
                        rules.repelled.push((term.topology.to_owned(), value.to_owned()));
                    }
                }
            }
        }
        for (kind, sign) in [("podAffinity", 1), ("podAntiAffinity", -1)] {
            for weighted in part(kind, preferred) {
                let term = Term::of(api, &weighted["podAffinityTerm"], pod);
                let weight = number(weighted, "/weight").unwrap_or_default() * sign * PREFERENCE;
                for (node, _) in others().filter(|(_, placed)| term.matches(&placed.pod)) {
                    if let Some(value) = value(node, term.topology) {
                        *rules.points.entry((term.topology.to_owned(), value.to_owned())).or_default() += weight;
                    }
                }
            }
        }
        for constraint in list(pod, "/spec/topologySpreadConstraints") {
            rules.spread(constraint, pod, cluster, nodes);
        }
        rules
    }

    fn spread(&mut self, constraint: &Value, pod: &Value, cluster: &Cluster, nodes: &[Object]) {
        let topology = text(constraint, "/topologyKey").to_owned();
        let mut labels = constraint["labelSelector"].clone();
        for key in list(constraint, "/matchLabelKeys").iter().filter_map(Value::as_str) {
            if let Some(own) = pod["metadata"]["labels"].get(key) {
                labels["matchLabels"][key] = own.clone();
            }
        }
        let Some(selector) = Selector::from_object(&labels) else { return };
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        // Only nodes that the Pod's own selector allows count.
        for node in nodes.iter().filter(|node| matches_node(pod, node)) {
            let Some(value) = value(node, &topology) else { continue };
            let here = cluster.pods(name(node)).filter(|placed| {
                namespace(&placed.pod) == namespace(pod)
                    && !is_deleted(&placed.pod)
                    && selector.matches_labels(&placed.pod)
            });
            *counts.entry(value.to_owned()).or_default() += i64::try_from(here.count()).unwrap_or(i64::MAX);
        }
        let skew = number(constraint, "/maxSkew").unwrap_or(1);
        if text(constraint, "/whenUnsatisfiable") == "ScheduleAnyway" {
            for (value, count) in counts {
                *self.points.entry((topology.clone(), value)).or_default() -= count.saturating_mul(10 * PREFERENCE);
            }
            return;
        }
        let mut least = counts.values().min().copied().unwrap_or_default();
        let domains = number(constraint, "/minDomains").unwrap_or(1);
        if i64::try_from(counts.len()).unwrap_or(i64::MAX) < domains {
            least = 0;
        }
        let own = i64::from(selector.matches_labels(pod));
        self.spreads.push(Spread { topology, skew, own, counts, least });
    }

    /// Returns why the Pod's relation to others keeps it from a node.
    pub(super) fn refuse(&self, node: &Value) -> Option<Misfit> {
        for spread in &self.spreads {
            let reason = "node(s) didn't match pod topology spread constraints";
            let Some(value) = value(node, &spread.topology) else {
                return Some(Misfit::Final(vec![format!("{reason} (missing required label)")]));
            };
            let count = spread.counts.get(value).copied().unwrap_or_default();
            if count + spread.own - spread.least > spread.skew {
                return Some(Misfit::Full(vec![reason.to_owned()]));
            }
        }
        let says = |reason: &str| {
            let mut reasons = vec![reason.to_owned()];
            if self.version == Some(Version::V1_20) {
                reasons.insert(0, "node(s) didn't match pod affinity/anti-affinity".to_owned());
            }
            reasons
        };
        let is_here = |(topology, taken): &(String, String)| value(node, topology) == Some(taken.as_str());
        let lonely = self.wanted.iter().any(|(topology, found)| {
            value(node, topology).is_none_or(|value| !found.iter().any(|found| found == value))
        });
        if lonely {
            return Some(Misfit::Final(says("node(s) didn't match pod affinity rules")));
        }
        if self.avoided.iter().any(is_here) {
            return Some(Misfit::Full(says("node(s) didn't match pod anti-affinity rules")));
        }
        if self.repelled.iter().any(is_here) {
            return Some(Misfit::Full(says("node(s) didn't satisfy existing pods anti-affinity rules")));
        }
        None
    }

    /// Returns what the Pod's preferences for others are worth on a node.
    pub(super) fn points(&self, node: &Value) -> i64 {
        self.points
            .iter()
            .filter(|((topology, taken), _)| value(node, topology) == Some(taken.as_str()))
            .map(|(_, points)| points)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_without_the_label_is_told_apart() {
        let spread = Spread {
            topology: "zone".to_owned(),
            skew: 1,
            own: 1,
            counts: BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 0)]),
            least: 0,
        };
        let rules = Rules { spreads: vec![spread], version: Some(Version::V1_34), ..Rules::default() };
        let node = |zone: Value| json!({"metadata": {"labels": {"zone": zone}}});
        assert!(matches!(rules.refuse(&node(json!("a"))), Some(Misfit::Full(_))));
        assert_eq!(rules.refuse(&node(json!("b"))), None);
        assert!(matches!(rules.refuse(&node(Value::Null)), Some(Misfit::Final(_))));
    }
}
