//! Deployments: one ReplicaSet a version of the template, and the rollout from the old ones to the new one.
//!
//! Rules of `pkg/controller/deployment`; [`status`] says what came of it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::Version;
use crate::api::{Api, Caller, DeleteOptions, Selector, Status, Target, WriteOptions};
use crate::defaults::map_at_value;
use crate::events::Recorder;
use crate::fields::{
    as_map, controller, entries, is_controlled_by, is_deleted, is_true, map_at, name, namespace, number, text, uid,
};
use crate::resources::{DEPLOYMENTS, PODS, REPLICA_SETS, Resource};
use crate::store::{Change, ChangeKind, Key, Object};

use super::replica_set::{owner_reference, wanted};
use super::{Controller, Next, Queue, queue_all};

mod status;

/// The label that tells the ReplicaSets of one Deployment apart.
const HASH_LABEL: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The controller.
pub(crate) struct Deployments {
    api: Api,
    caller: Caller,
    recorder: Recorder,
}

/// How many Pods a rollout may have too many and too few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slack {
    surge: usize,
    unavailable: usize,
}

impl Deployments {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("deployment-controller");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller, "deployment-controller"),
        }
    }

    /// Returns the Deployment's ReplicaSets, oldest first; those without a controller that match are adopted.
    fn replica_sets(&self, deployment: &Value) -> Vec<Object> {
        let selector = Selector::from_object(&deployment["spec"]["selector"]);
        let mut sets = Vec::new();
        for set in self.api.list_all(&REPLICA_SETS, Some(namespace(deployment))) {
            if is_controlled_by(&set, uid(deployment)) {
                sets.push(set);
            } else if controller(&set).is_none()
                && !is_deleted(&set)
                && !is_deleted(deployment)
                && selector.as_ref().is_some_and(|selector| selector.matches_labels(&set))
            {
                let target = Target::new(&REPLICA_SETS, namespace(&set), name(&set));
                let adopted = self.api.update_with(&self.caller, target, |set| {
                    set["metadata"]["ownerReferences"] = json!([owner_reference(deployment)]);
                });
                sets.extend(adopted);
            }
        }
        sets.sort_by_key(|set| (revision(set), text(set, "/metadata/creationTimestamp").to_owned()));
        sets
    }

    /// Sets the number of replicas of a ReplicaSet and returns it as it is afterwards.
    fn scale(&mut self, deployment: &Value, set: &Object, replicas: usize) -> Object {
        let before = wanted(set);
        let maximum = wanted(deployment) + slack(deployment).surge;
        let target = Target::new(&REPLICA_SETS, namespace(set), name(set));
        let scaled = self.api.update_with(&self.caller, target, |set| {
            set["spec"]["replicas"] = json!(replicas);
            annotate_scale(set, wanted(deployment), maximum);
        });
        if scaled.is_ok() && before != replicas {
            self.say_scaled(deployment, set, before, replicas);
        }
        scaled.unwrap_or_else(|_| Object::clone(set))
    }

    fn say_scaled(&mut self, deployment: &Value, set: &Value, before: usize, after: usize) {
        let direction = if after > before { "up" } else { "down" };
        let message = match self.api.version() {
            Version::V1_20 | Version::V1_24 => format!("Scaled {direction} replica set {} to {after}", name(set)),
            Version::V1_34 => {
                format!("Scaled {direction} replica set {} from {before} to {after}", name(set))
            }
        };
        self.recorder.normal(deployment, "ScalingReplicaSet", message);
    }

    /// Returns the ReplicaSet of the current template, made where there is none.
    fn current(&mut self, deployment: &Value, sets: &[Object]) -> Result<Option<Object>, Status> {
        let revision_now = sets.iter().map(|set| revision(set)).max().unwrap_or_default();
        let found = sets.iter().find(|set| same_template(deployment, set));
        if let Some(set) = found {
            let others = sets.iter().filter(|other| uid(other) != uid(set)).map(|set| revision(set)).max();
            let wanted_revision = match others {
                Some(others) if others >= revision(set) => revision_now + 1,
                _ => revision(set),
            };
            let maximum = wanted(deployment) + slack(deployment).surge;
            let set = self.rewrite(&REPLICA_SETS, set, |set| {
                renumber(set, wanted_revision);
                copy_annotations(deployment, set);
                set["spec"]["minReadySeconds"] = deployment["spec"]["minReadySeconds"].clone();
                if set["spec"]["minReadySeconds"].is_null() {
                    as_map(&mut set["spec"]).remove("minReadySeconds");
                }
                if wanted(set) == wanted(deployment) && annotated(set, DESIRED).is_none() {
                    annotate_scale(set, wanted(deployment), maximum);
                }
            })?;
            self.write_revision(deployment, wanted_revision)?;
            return Ok(Some(set));
        }
        if is_true(deployment, "/spec/paused") {
            return Ok(None);
        }
        let set = self.create(deployment, sets, revision_now + 1)?;
        self.write_revision(deployment, revision_now + 1)?;
        Ok(Some(set))
    }

    fn create(&mut self, deployment: &Value, sets: &[Object], next_revision: i64) -> Result<Object, Status> {
        let hash = template_hash(&deployment["spec"]["template"]);
        let mut template = deployment["spec"]["template"].clone();
        map_at(map_at_value(&mut template, "metadata"), "labels").insert(HASH_LABEL.to_owned(), json!(hash));
        let mut selector = deployment["spec"]["selector"].clone();
        map_at(&mut selector, "matchLabels").insert(HASH_LABEL.to_owned(), json!(hash));
        let slack = slack(deployment);
        let total: usize = sets.iter().map(|set| wanted(set)).sum();
        let replicas = match strategy(deployment) {
            Strategy::Recreate => wanted(deployment),
            Strategy::Rolling => (wanted(deployment) + slack.surge).saturating_sub(total).min(wanted(deployment)),
        };
        let mut set = json!({
            "metadata": {
                "name": format!("{}-{hash}", name(deployment)),
                "labels": template["metadata"]["labels"],
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": template},
        });
        if let Some(minimum) = number(deployment, "/spec/minReadySeconds").filter(|minimum| *minimum > 0) {
            set["spec"]["minReadySeconds"] = json!(minimum);
        }
        annotations(&mut set).insert(REVISION.to_owned(), json!(next_revision.to_string()));
        copy_annotations(deployment, &mut set);
        annotate_scale(&mut set, wanted(deployment), wanted(deployment) + slack.surge);
        let space = namespace(deployment);
        let created = self.api.create(&self.caller, &REPLICA_SETS, space, set, &WriteOptions::default())?;
        if replicas > 0 {
            self.say_scaled(deployment, &created.object, 0, replicas);
        }
        Ok(created.object)
    }

    fn write_revision(&self, deployment: &Value, revision: i64) -> Result<(), Status> {
        if self::revision(deployment) == revision {
            return Ok(());
        }
        let target = Target::new(&DEPLOYMENTS, namespace(deployment), name(deployment));
        self.api
            .update_with(&self.caller, target, |deployment| {
                annotations(deployment).insert(REVISION.to_owned(), json!(revision.to_string()));
            })
            .map(drop)
    }

    /// Changes an object, and writes it only where that makes a difference.
    fn rewrite(
        &self,
        resource: &'static Resource,
        object: &Object,
        change: impl Fn(&mut Value),
    ) -> Result<Object, Status> {
        let mut changed = Value::clone(object);
        change(&mut changed);
        if changed == **object {
            return Ok(Object::clone(object));
        }
        self.api.update_with(&self.caller, Target::new(resource, namespace(object), name(object)), change)
    }

    /// Moves Pods from the old ReplicaSets to the new one, as far as it may now.
    fn roll(&mut self, deployment: &Value, new: &Object, old: &[Object]) {
        let (replicas, slack) = (wanted(deployment), slack(deployment));
        let total = wanted(new) + old.iter().map(|set| wanted(set)).sum::<usize>();
        if wanted(new) > replicas {
            self.scale(deployment, new, replicas);
            return;
        }
        if wanted(new) < replicas && total < replicas + slack.surge {
            let more = (replicas + slack.surge - total).min(replicas - wanted(new));
            self.scale(deployment, new, wanted(new) + more);
            return;
        }
        let minimum = replicas.saturating_sub(slack.unavailable);
        let new_unavailable = wanted(new).saturating_sub(available(new));
        let Some(mut may_go) = total.checked_sub(minimum + new_unavailable).filter(|may_go| *may_go > 0) else {
            return;
        };
        let mut left: Vec<(Object, usize)> = Vec::new();
        // Pods of old versions that do not work go first, then as many as are available beyond the minimum.
        for set in old {
            let sick = wanted(set).saturating_sub(available(set)).min(may_go);
            may_go -= sick;
            left.push((Object::clone(set), wanted(set) - sick));
        }
        let all_available = available(new) + old.iter().map(|set| available(set)).sum::<usize>();
        let mut spare = all_available.saturating_sub(minimum).min(may_go);
        for (set, remaining) in left {
            let gone = spare.min(remaining);
            spare -= gone;
            if remaining - gone != wanted(&set) {
                self.scale(deployment, &set, remaining - gone);
            }
        }
    }

    /// Brings the ReplicaSets to the number of replicas that is asked for now, each in proportion to its size
    /// (`scale` of `sync.go`).
    fn rescale(&mut self, deployment: &Value, new: Option<&Object>, old: &[Object]) {
        let (replicas, slack) = (wanted(deployment), slack(deployment));
        let active: Vec<&Object> = new.into_iter().chain(old.iter().rev()).filter(|set| wanted(set) > 0).collect();
        if active.len() < 2 {
            let only = active.first().copied().or(new).or(old.last());
            if let Some(only) =
                only.filter(|only| wanted(only) != replicas || annotated(only, DESIRED) != Some(replicas))
            {
                self.scale(deployment, only, replicas);
            }
            return;
        }
        let is_saturated = |set: &Object| {
            wanted(set) == replicas && annotated(set, DESIRED) == Some(replicas) && available(set) == replicas
        };
        if new.is_some_and(is_saturated) {
            for set in old.iter().filter(|set| wanted(set) > 0) {
                self.scale(deployment, set, 0);
            }
            return;
        }
        if strategy(deployment) == Strategy::Recreate {
            return;
        }
        let allowed = if replicas > 0 { signed(replicas + slack.surge) } else { 0 };
        let total: i64 = active.iter().map(|set| signed(wanted(set))).sum();
        let to_add = allowed - total;
        let mut sets = active;
        // Of equals, the newer one grows and the older one shrinks.
        sets.sort_by_key(|set| {
            let age = if to_add >= 0 { -revision(set) } else { revision(set) };
            (std::cmp::Reverse(wanted(set)), age)
        });
        let mut added = 0;
        let mut sizes: Vec<i64> = Vec::new();
        for set in &sets {
            let size = signed(wanted(set));
            let share = share(size, signed(replicas + slack.surge), annotated(set, MAXIMUM).map(signed));
            let left = to_add - added;
            let share = if to_add > 0 { share.min(left).max(0) } else { share.max(left).min(0) };
            added += share;
            sizes.push(size + share);
        }
        for (index, (set, size)) in sets.into_iter().zip(sizes).enumerate() {
            let size = if index == 0 { size + to_add - added } else { size };
            self.scale(deployment, set, usize::try_from(size).unwrap_or_default());
        }
    }

    /// Ends all old Pods before the first new one starts.
    fn recreate(&mut self, deployment: &Value, new: Option<&Object>, old: &[Object]) -> bool {
        for set in old.iter().filter(|set| wanted(set) > 0) {
            self.scale(deployment, set, 0);
        }
        let old_uids: Vec<&str> = old.iter().map(|set| uid(set)).collect();
        let running = self
            .api
            .list_all(&PODS, Some(namespace(deployment)))
            .iter()
            .any(|pod| !crate::amounts::is_terminal(pod) && old_uids.iter().any(|uid| is_controlled_by(pod, uid)));
        if running {
            return false;
        }
        if let Some(new) = new.filter(|new| wanted(new) != wanted(deployment)) {
            self.scale(deployment, new, wanted(deployment));
        }
        true
    }

    /// Removes the oldest ReplicaSets without Pods beyond the history that is kept.
    fn clean_up(&self, deployment: &Value, old: &[Object]) {
        let limit = number(deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
        let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
        for set in old.iter().take(surplus) {
            if wanted(set) == 0 && number(set, "/status/replicas").unwrap_or_default() == 0 && !is_deleted(set) {
                let target = Target::new(&REPLICA_SETS, namespace(set), name(set));
                // Somebody else may have been faster.
                let _ = self.api.delete(&self.caller, target, &DeleteOptions::default());
            }
        }
    }
}

impl Controller for Deployments {
    fn name(&self) -> &'static str {
        "deployment"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == DEPLOYMENTS {
            queue.add(&change.key.namespace, &change.key.name);
        } else if *change.resource == REPLICA_SETS {
            match controller(&change.object) {
                Some(owner) if owner["kind"] == "Deployment" => queue.add(&change.key.namespace, text(owner, "/name")),
                Some(_) => {}
                None => queue_all(&self.api.list_all(&DEPLOYMENTS, Some(&change.key.namespace)), queue),
            }
        } else if *change.resource == PODS && change.kind == ChangeKind::Deleted {
            // A recreation waits for the last old Pod.
            let space = &change.key.namespace;
            let set = controller(&change.object)
                .filter(|owner| owner["kind"] == "ReplicaSet")
                .map(|owner| self.api.get(&REPLICA_SETS, space, text(owner, "/name")));
            match set {
                Some(Ok(set)) => {
                    if let Some(owner) = controller(&set) {
                        queue.add(space, text(owner, "/name"));
                    }
                }
                Some(Err(_)) => queue_all(&self.api.list_all(&DEPLOYMENTS, Some(space)), queue),
                None => {}
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&DEPLOYMENTS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(deployment) = self.api.get(&DEPLOYMENTS, &key.namespace, &key.name) else { return Next::Wait };
        let sets = self.replica_sets(&deployment);
        if is_deleted(&deployment) {
            return self.write_status(&deployment, None, &sets, None);
        }
        let late = !sets.iter().any(|set| same_template(&deployment, set))
            && strategy(&deployment) == Strategy::Recreate
            && !self.recreate(&deployment, None, &sets);
        if late {
            return self.write_status(&deployment, None, &sets, None);
        }
        let new = match self.current(&deployment, &sets) {
            Ok(new) => new,
            Err(status) => {
                self.write_status(&deployment, None, &sets, Some(&status));
                return Next::Retry;
            }
        };
        let new_uid = new.as_deref().map(|new| uid(new).to_owned());
        let old: Vec<Object> =
            sets.iter().filter(|set| Some(uid(set)) != new_uid.as_deref()).map(Object::clone).collect();
        if is_true(&deployment, "/spec/paused") || is_scaled(&deployment, &sets) {
            // A paused Deployment scales, but does not roll; any other scales first.
            self.rescale(&deployment, new.as_ref(), &old);
        } else if let Some(new) = &new {
            match strategy(&deployment) {
                Strategy::Rolling => self.roll(&deployment, new, &old),
                Strategy::Recreate => {
                    self.recreate(&deployment, Some(new), &old);
                }
            }
            self.clean_up(&deployment, &old);
        }
        let sets = self.replica_sets(&deployment);
        self.write_status(&deployment, new_uid.as_deref(), &sets, None)
    }
}

impl Deployments {
    /// Returns when to look again, for the progress deadline.
    fn deadline(deployment: &Value) -> Duration {
        let seconds = number(deployment, "/spec/progressDeadlineSeconds").unwrap_or(600).clamp(1, i64::from(u32::MAX));
        Duration::from_secs(u64::try_from(seconds).unwrap_or(600))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strategy {
    Rolling,
    Recreate,
}

fn strategy(deployment: &Value) -> Strategy {
    if text(deployment, "/spec/strategy/type") == "Recreate" { Strategy::Recreate } else { Strategy::Rolling }
}

/// Returns what a rollout may have too many (rounded up) and too few (rounded down); never both none.
fn slack(deployment: &Value) -> Slack {
    if strategy(deployment) == Strategy::Recreate {
        return Slack { surge: 0, unavailable: 0 };
    }
    let replicas = wanted(deployment);
    let part = |key: &str, up: usize| match &deployment["spec"]["strategy"]["rollingUpdate"][key] {
        Value::Number(number) => number.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or_default(),
        Value::String(text) => {
            let percent = text.strip_suffix('%').and_then(|digits| digits.parse::<usize>().ok()).unwrap_or(25);
            replicas.saturating_mul(percent).saturating_add(up) / 100
        }
        _ => 0,
    };
    let (surge, unavailable) = (part("maxSurge", 99), part("maxUnavailable", 0).min(replicas));
    if surge == 0 && unavailable == 0 { Slack { surge: 0, unavailable: 1 } } else { Slack { surge, unavailable } }
}

fn available(set: &Value) -> usize {
    usize::try_from(number(set, "/status/availableReplicas").unwrap_or_default()).unwrap_or_default()
}

/// Returns whether the number of replicas was changed since a ReplicaSet that has some was last written.
fn is_scaled(deployment: &Value, sets: &[Object]) -> bool {
    sets.iter()
        .filter(|set| wanted(set) > 0)
        .any(|set| annotated(set, DESIRED).is_some_and(|desired| desired != wanted(deployment)))
}

/// Returns how many Pods a ReplicaSet of a size gets more or fewer, where the whole was `before` and is `now`.
fn share(size: i64, now: i64, before: Option<i64>) -> i64 {
    match before.filter(|before| *before > 0) {
        Some(before) => (size as f64 * now as f64 / before as f64).round() as i64 - size,
        None => 0,
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn annotated(set: &Value, key: &str) -> Option<usize> {
    set["metadata"]["annotations"][key].as_str()?.parse().ok()
}

fn revision(set: &Value) -> i64 {
    set["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn annotations(object: &mut Value) -> &mut Map<String, Value> {
    map_at(map_at_value(object, "metadata"), "annotations")
}

/// Gives a ReplicaSet its revision and remembers those that it had (`SetNewReplicaSetAnnotations`).
fn renumber(set: &mut Value, number: i64) {
    let before = revision(set);
    let annotations = annotations(set);
    annotations.insert(REVISION.to_owned(), json!(number.to_string()));
    if before > 0 && before < number {
        let history = annotations.get(HISTORY).and_then(Value::as_str).filter(|history| !history.is_empty());
        let history = history.map_or_else(|| before.to_string(), |history| format!("{history},{before}"));
        annotations.insert(HISTORY.to_owned(), json!(history));
    }
}

fn annotate_scale(set: &mut Value, desired: usize, maximum: usize) {
    let annotations = annotations(set);
    annotations.insert(DESIRED.to_owned(), json!(desired.to_string()));
    annotations.insert(MAXIMUM.to_owned(), json!(maximum.to_string()));
}

/// Copies the Deployment's annotations, save those that are its own.
fn copy_annotations(deployment: &Value, set: &mut Value) {
    for (key, value) in entries(deployment, "/metadata/annotations") {
        if ![REVISION, HISTORY, DESIRED, MAXIMUM, LAST_APPLIED].contains(&key.as_str()) {
            annotations(set).insert(key.clone(), value.clone());
        }
    }
}

/// Returns whether a ReplicaSet was made from the Deployment's template.
fn same_template(deployment: &Value, set: &Value) -> bool {
    let bare = |template: &Value| {
        let mut template = template.clone();
        let metadata = map_at_value(&mut template, "metadata");
        map_at(metadata, "labels").remove(HASH_LABEL);
        as_map(metadata).retain(|_, value| !value.is_null());
        template
    };
    bare(&deployment["spec"]["template"]) == bare(&set["spec"]["template"])
}

/// Returns the name of a template's version: FNV-1a of its JSON, in letters that make no words. (The real one
/// hashes Go's own print of the structure, so the letters differ.)
pub(super) fn template_hash(template: &Value) -> String {
    let hash = template
        .to_string()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let alphabet = b"bcdfghjklmnpqrstvwxz2456789";
    hash.to_string().bytes().map(|digit| char::from(alphabet[usize::from(digit) % alphabet.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_in_the_safe_direction() {
        let deployment = |replicas: usize, surge: Value, unavailable: Value| {
            json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}})
        };
        let check = |replicas, surge, unavailable, expected| {
            let slack = slack(&deployment(replicas, surge, unavailable));
            assert_eq!((slack.surge, slack.unavailable), expected);
        };
        check(1, json!("25%"), json!("25%"), (1, 0));
        check(6, json!("25%"), json!("25%"), (2, 1));
        check(10, json!(0), json!(0), (0, 1));
        check(3, json!(5), json!("100%"), (5, 3));
    }

    #[test]
    fn the_hash_is_stable_and_tells_templates_apart() {
        let hash = template_hash(&json!({"spec": {"containers": [{"image": "nginx:1.27"}]}}));
        assert_eq!(hash, template_hash(&json!({"spec": {"containers": [{"image": "nginx:1.27"}]}})));
        assert_ne!(hash, template_hash(&json!({"spec": {"containers": [{"image": "nginx:1.28"}]}})));
        assert!(hash.len() <= 10 && hash.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte)));
    }

    #[test]
    fn a_template_is_recognised_without_its_hash() {
        let deployment = json!({"spec": {"template": {"metadata": {"labels": {"app": "a"}, "creationTimestamp": null}, "spec": {}}}});
        let mut set = deployment.clone();
        set["spec"]["template"]["metadata"]["labels"][HASH_LABEL] = json!("x");
        assert!(same_template(&deployment, &set));
        set["spec"]["template"]["spec"]["hostname"] = json!("x");
        assert!(!same_template(&deployment, &set));
        assert!(crate::fields::list(&set, "/spec/none").is_empty());
    }
}
