//! The objects of some Namespaces: listed when a step opens, so that a reset deletes only what came after.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, PartialObjectMeta, Preconditions};
use kube::core::ApiResource;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{ClusterError, bounded, refused_with};

/// Kinds that a cluster writes by itself and takes away by itself.
const WRITTEN_BY_THE_CLUSTER: [&str; 6] =
    ["bindings", "controllerrevisions", "endpoints", "endpointslices", "events", "leases"];
/// How many lists are asked for at a time.
const AT_A_TIME: usize = 8;
/// How long deleted objects may take to go: a Pod's grace period is 30 s.
const GOING: Duration = Duration::from_secs(90);

/// How long the first look after a deletion waits.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The objects of some Namespaces at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inventory {
    /// The uid of each Namespace; `None` where it was not there.
    pub(crate) namespaces: BTreeMap<String, Option<String>>,
    /// The objects, by uid.
    pub(crate) objects: BTreeMap<String, Object>,
}

/// One object, as far as a reset needs to know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The uids of its owners.
    pub(crate) owners: BTreeSet<String>,
}

impl Object {
    /// Returns `kind/name`, as kubectl writes it.
    pub(crate) fn label(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.name)
    }

    fn resource(&self) -> ApiResource {
        let api_version =
            if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) };
        ApiResource {
            group: self.group.clone(),
            version: self.version.clone(),
            api_version,
            kind: self.kind.clone(),
            plural: self.plural.clone(),
        }
    }

    /// Tells what every Namespace gets from the cluster itself.
    fn comes_with_the_namespace(&self) -> bool {
        match (self.kind.as_str(), self.name.as_str()) {
            ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt") => true,
            ("Secret", name) => name.starts_with("default-token-"),
            _ => false,
        }
    }
}

impl Inventory {
    /// Returns the objects of `self` that are not in `before`, save what a cluster makes for each Namespace.
    pub(crate) fn since(&self, before: &Inventory) -> BTreeMap<String, Object> {
        self.objects
            .iter()
            .filter(|(uid, object)| !before.objects.contains_key(*uid) && !object.comes_with_the_namespace())
            .map(|(uid, object)| (uid.clone(), object.clone()))
            .collect()
    }
}

/// Lists every object of the Namespaces, but for the kinds that a cluster writes by itself.
pub(crate) async fn list(client: &Client, namespaces: &[String]) -> Result<Inventory, ClusterError> {
    let mut inventory = Inventory::default();
    let spaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    for namespace in namespaces {
        let there = bounded("get a Namespace", spaces.get_opt(namespace)).await?;
        inventory.namespaces.insert(namespace.clone(), there.and_then(|there| there.metadata.uid));
    }
    let present: Vec<String> =
        inventory.namespaces.iter().filter(|(_, uid)| uid.is_some()).map(|(namespace, _)| namespace.clone()).collect();
    if present.is_empty() {
        return Ok(inventory);
    }
    let resources = kinds(client).await?;
    let mut asked = Vec::new();
    for resource in &resources {
        for namespace in &present {
            asked.push(list_one(client, resource, namespace));
        }
    }
    let pages: Vec<Vec<(String, Object)>> = stream::iter(asked).buffer_unordered(AT_A_TIME).try_collect().await?;
    inventory.objects = pages.into_iter().flatten().collect();
    Ok(inventory)
}

async fn list_one(
    client: &Client,
    resource: &ApiResource,
    namespace: &str,
) -> Result<Vec<(String, Object)>, ClusterError> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, resource);
    let listed = bounded(&format!("list {}", resource.plural), api.list_metadata(&ListParams::default())).await;
    let listed = match listed {
        Ok(listed) => listed,
        // A kind that went away meanwhile, or one that this account may not see and so cannot have made.
        Err(error) if matches!(refused_with(&error), Some(403..=405)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(listed.items.into_iter().filter_map(|item| known(resource, namespace, item)).collect())
}

fn known(resource: &ApiResource, namespace: &str, item: PartialObjectMeta<DynamicObject>) -> Option<(String, Object)> {
    let owners = item.metadata.owner_references.unwrap_or_default();
    let object = Object {
        group: resource.group.clone(),
        version: resource.version.clone(),
        kind: resource.kind.clone(),
        plural: resource.plural.clone(),
        namespace: namespace.to_owned(),
        name: item.metadata.name?,
        owners: owners.into_iter().map(|owner| owner.uid).collect(),
    };
    Some((item.metadata.uid?, object))
}

/// Finds the namespaced kinds that can be listed and deleted. An aggregated API that is down is left out, and so
/// cannot stop a reset.
async fn kinds(client: &Client) -> Result<Vec<ApiResource>, ClusterError> {
    let groups = bounded("list the API groups", client.list_api_groups()).await?;
    let versions = groups.groups.into_iter().filter_map(|group| {
        let preferred = group.preferred_version.map(|version| version.group_version);
        preferred.or_else(|| group.versions.into_iter().next().map(|version| version.group_version))
    });
    let mut found = Vec::new();
    let core = bounded("list the kinds of v1", client.list_core_api_resources("v1")).await?;
    let asked: Vec<_> = versions.map(|version| kinds_of(client, version)).collect();
    let others: Vec<_> = stream::iter(asked).buffer_unordered(AT_A_TIME).try_collect().await?;
    for list in std::iter::once(core).chain(others.into_iter().flatten()) {
        let (group, version) = list.group_version.split_once('/').unwrap_or(("", &list.group_version));
        for resource in list.resources {
            let can = |verb: &str| resource.verbs.iter().any(|known| known == verb);
            let wanted = resource.namespaced && can("list") && can("delete") && !resource.name.contains('/');
            if wanted && !WRITTEN_BY_THE_CLUSTER.contains(&resource.name.as_str()) {
                found.push(ApiResource {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    api_version: list.group_version.clone(),
                    kind: resource.kind,
                    plural: resource.name,
                });
            }
        }
    }
    Ok(found)
}

/// Lists the kinds of one group; `None` where the group's server is down or refuses.
async fn kinds_of(client: &Client, version: String) -> Result<Option<APIResourceList>, ClusterError> {
    let what = format!("list the kinds of {version}");
    match bounded(&what, client.list_api_group_resources(&version)).await {
        Ok(list) => Ok(Some(list)),
        Err(error) if matches!(refused_with(&error), Some(403 | 404 | 406 | 500..=599)) => {
            tracing::debug!(%version, "left out of the inventory");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Deletes every object of the Namespaces that is not in `before`, and a Namespace that was not there, and waits
/// until they are gone. Returns what was deleted, as `kind/name`.
pub(crate) async fn delete_since(
    client: &Client,
    before: &Inventory,
    cancel: &CancellationToken,
) -> Result<Vec<String>, ClusterError> {
    let namespaces: Vec<String> = before.namespaces.keys().cloned().collect();
    let now = list(client, &namespaces).await?;
    let mut deleted = Vec::new();
    let mut going = BTreeSet::new();
    let spaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    for (namespace, uid) in &now.namespaces {
        let was_there = before.namespaces.get(namespace).is_some_and(Option::is_some);
        if let (Some(uid), false) = (uid, was_there) {
            remove(&spaces, namespace, uid).await?;
            going.insert(uid.clone());
            deleted.push(format!("namespace/{namespace}"));
        }
    }
    let fresh = now.since(before);
    for (uid, object) in &fresh {
        let whole = before.namespaces.get(&object.namespace).is_none_or(Option::is_none);
        // What has an owner goes with it: its controller would only make it again.
        let owned = object.owners.iter().any(|owner| now.objects.contains_key(owner));
        if whole || owned {
            continue;
        }
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &object.namespace, &object.resource());
        remove(&api, &object.name, uid).await?;
        going.insert(uid.clone());
        deleted.push(object.label());
    }
    if !going.is_empty() {
        // Asked of what was there before the deletion: an owner may be gone by the first look, its Pods not.
        add_dependents(&mut going, &now);
        wait_until_gone(client, before, going, cancel).await?;
    }
    Ok(deleted)
}

async fn remove<K>(api: &Api<K>, name: &str, uid: &str) -> Result<(), ClusterError>
where
    K: Clone + std::fmt::Debug + for<'de> Deserialize<'de>,
{
    // Another object of the same name is not the one that was seen.
    let same = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    let parameters = DeleteParams { preconditions: Some(same), ..DeleteParams::background() };
    match bounded(&format!("delete {name}"), api.delete(name, &parameters)).await {
        Ok(_) => Ok(()),
        // It went by itself, or is another one by now.
        Err(error) if matches!(refused_with(&error), Some(404 | 409)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Deletes the object of this name, if there is one, and waits until it is gone.
pub(super) async fn remove_and_wait(
    api: &Api<DynamicObject>,
    name: &str,
    label: &str,
    cancel: &CancellationToken,
) -> Result<(), ClusterError> {
    let what = format!("get {label}");
    let uid = async || -> Result<Option<String>, ClusterError> {
        Ok(bounded(&what, api.get_metadata_opt(name)).await?.and_then(|there| there.metadata.uid))
    };
    let Some(going) = uid().await? else { return Ok(()) };
    remove(api, name, &going).await?;
    let start = tokio::time::Instant::now();
    let mut pause = FIRST_PAUSE;
    while uid().await?.is_some_and(|there| there == going) {
        if start.elapsed() > GOING || cancel.is_cancelled() {
            return Err(ClusterError::Stuck { waited: start.elapsed(), objects: vec![label.to_owned()] });
        }
        rest(&mut pause, cancel).await;
    }
    Ok(())
}

/// Waits a little before another look, and longer the next time.
async fn rest(pause: &mut Duration, cancel: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(*pause) => {}
        () = cancel.cancelled() => {}
    }
    *pause = (*pause * 2).min(Duration::from_secs(2));
}

/// Adds what is owned by something that goes: it goes as well.
fn add_dependents(going: &mut BTreeSet<String>, inventory: &Inventory) {
    // Owners of owners need another turn.
    while let Some((uid, _)) = inventory
        .objects
        .iter()
        .find(|(uid, object)| !going.contains(*uid) && object.owners.iter().any(|owner| going.contains(owner)))
    {
        going.insert(uid.clone());
    }
}

async fn wait_until_gone(
    client: &Client,
    before: &Inventory,
    mut going: BTreeSet<String>,
    cancel: &CancellationToken,
) -> Result<(), ClusterError> {
    let namespaces: Vec<String> = before.namespaces.keys().cloned().collect();
    let start = tokio::time::Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let now = list(client, &namespaces).await?;
        add_dependents(&mut going, &now);
        let mut left: Vec<String> = going.iter().filter_map(|uid| now.objects.get(uid)).map(Object::label).collect();
        let spaces = now.namespaces.iter().filter(|(_, uid)| uid.as_ref().is_some_and(|uid| going.contains(uid)));
        left.extend(spaces.map(|(namespace, _)| format!("namespace/{namespace}")));
        if left.is_empty() {
            return Ok(());
        }
        if start.elapsed() > GOING || cancel.is_cancelled() {
            return Err(ClusterError::Stuck { waited: start.elapsed(), objects: left });
        }
        rest(&mut pause, cancel).await;
    }
}
