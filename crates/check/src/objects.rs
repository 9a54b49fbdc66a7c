//! Finding Kubernetes objects and judging their fields; shared by the kinds that look at the cluster.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::discovery::Scope;
use kube::core::{ApiResource, GroupVersionKind};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::expectation::{Expectation, FieldFinding, Fields, differences};
use crate::kinds::quota_exhaustion::NAME_PREFIX;
use crate::{Cluster, Error, RunId, Unobservable, World};

/// How many names evidence carries at most.
const NAMES: usize = 10;

/// Which objects a check looks at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    /// `v1`, `apps/v1` …
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The Namespace; none for kinds that have none.
    pub namespace: Option<String>,
    /// The name, if one is wanted.
    pub name: Option<String>,
    /// The label selector, if one is wanted.
    pub selector: Option<String>,
}

/// What was found of the objects.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// These objects are as expected; none where none may exist.
    Holds {
        /// Their names.
        names: Vec<String>,
    },
    /// There is no such object.
    Missing {
        /// Other objects of the kind in the Namespace, by name.
        others: Vec<String>,
        /// Namespaces where an object of that name (or any of that selector) is.
        elsewhere: Vec<String>,
    },
    /// These objects may not exist.
    Unwanted {
        /// Their names.
        names: Vec<String>,
    },
    /// The object that comes nearest has other fields.
    Differs {
        /// Its name.
        name: String,
        /// The fields that are not as expected.
        fields: Vec<FieldFinding>,
    },
    /// The number of objects is not as expected.
    Count {
        /// How many there are.
        found: usize,
        /// How many were expected.
        expected: Expectation,
    },
    /// The status says so, but it was last written by an account that no controller uses.
    Forged {
        /// The object's name.
        name: String,
        /// The account that wrote.
        user: String,
    },
}

impl Finding {
    pub(crate) fn holds(&self) -> bool {
        matches!(self, Finding::Holds { .. })
    }
}

/// What a kind of check that looks at objects says in its spec: which objects, and what is demanded of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sought<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) selector: Option<&'a str>,
    pub(crate) demand: Demand<'a>,
}

impl Sought<'_> {
    fn target(&self) -> Target {
        Target {
            api_version: self.api_version.to_owned(),
            kind: self.kind.to_owned(),
            namespace: self.namespace.map(str::to_owned),
            name: self.name.map(str::to_owned),
            selector: self.selector.map(str::to_owned),
        }
    }
}

/// What a check demands of the objects it finds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand<'a> {
    pub(crate) absent: bool,
    pub(crate) count: Option<&'a Expectation>,
    pub(crate) fields: &'a Fields,
}

impl World {
    /// Returns the cluster, or says that there is none.
    pub(crate) fn cluster(&self) -> Result<&Cluster, Error> {
        self.cluster.as_ref().ok_or(Error::NoCluster)
    }
}

impl Error {
    /// Sorts a client error: a refusal, or no usable answer.
    pub(crate) fn from_kube(error: kube::Error) -> Error {
        match error {
            kube::Error::Api(status) if status.code == 403 || status.code == 401 => {
                Error::Forbidden { message: status.message }
            }
            other => Error::Cluster(Box::new(other)),
        }
    }
}

/// Waits for `work` unless the check is cancelled first.
pub(crate) async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::Cancelled),
        result = work => result,
    }
}

/// The objects of a target, ready to be asked for.
pub(crate) struct Lookup<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) target: Target,
    pub(crate) resource: ApiResource,
    pub(crate) api: Api<DynamicObject>,
    now: Timestamp,
}

impl<'a> Lookup<'a> {
    /// Asks the server what the kind is and whether it lives in Namespaces.
    pub(crate) async fn new(world: &'a World, sought: Sought<'_>) -> Result<Lookup<'a>, Error> {
        let mut target = sought.target();
        let cluster = world.cluster()?;
        let (resource, scope) = discover(cluster, &target.api_version, &target.kind).await?;
        let api = match scope {
            Scope::Namespaced => {
                let namespace = target.namespace.get_or_insert_with(|| cluster.namespace.clone());
                Api::namespaced_with(cluster.client.clone(), namespace, &resource)
            }
            Scope::Cluster => {
                target.namespace = None;
                Api::all_with(cluster.client.clone(), &resource)
            }
        };
        Ok(Lookup { cluster, target, resource, api, now: world.now })
    }

    pub(crate) fn params(&self) -> ListParams {
        let mut params = ListParams::default();
        if let Some(name) = &self.target.name {
            params = params.fields(&format!("metadata.name={name}"));
        }
        if let Some(selector) = &self.target.selector {
            params = params.labels(selector);
        }
        params
    }

    /// Lists the target's objects.
    pub(crate) async fn list(&self) -> Result<Vec<DynamicObject>, Error> {
        let list = self.api.list(&self.params()).await.map_err(Error::from_kube)?;
        Ok(list.items.into_iter().filter(|object| self.is_wanted(object)).collect())
    }

    /// Lists the target's objects and judges them.
    pub(crate) async fn find(&self, demand: Demand<'_>) -> Result<Finding, Error> {
        let objects = self.list().await?;
        self.judge(&objects, demand).await
    }

    /// Returns whether an object has the target's name, whatever the server made of the selector. What a trial of
    /// our own created for a moment is nobody's work.
    pub(crate) fn is_wanted(&self, object: &DynamicObject) -> bool {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let is_marked = object.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(RunId::LABEL));
        let is_ours = is_marked && name.starts_with(NAME_PREFIX);
        !is_ours && self.target.name.as_deref().is_none_or(|wanted| wanted == name)
    }

    /// Judges the objects; where some are missing, looks for what the learner may have made instead.
    pub(crate) async fn judge(&self, objects: &[DynamicObject], demand: Demand<'_>) -> Result<Finding, Error> {
        let finding = judge(objects, demand);
        match finding {
            Finding::Missing { .. } => self.look_around().await,
            Finding::Holds { ref names } if demand.fields.keys().any(|path| path.starts_with("status")) => {
                Ok(self.forgery(objects, names).await?.unwrap_or(finding))
            }
            other => Ok(other),
        }
    }

    /// Looks for similar objects: the hint that a name or a Namespace is wrong.
    async fn look_around(&self) -> Result<Finding, Error> {
        let mut others = Vec::new();
        if self.target.name.is_some() || self.target.selector.is_some() {
            let list = self.api.list(&ListParams::default().limit(50)).await.map_err(Error::from_kube)?;
            others.extend(list.items.into_iter().filter_map(|object| object.metadata.name).take(NAMES));
        }
        let mut elsewhere = Vec::new();
        if let Some(namespace) = &self.target.namespace {
            let everywhere: Api<DynamicObject> = Api::all_with(self.cluster.client.clone(), &self.resource);
            // A learner whose rights end at the Namespace simply gets no hint about the others.
            if let Ok(list) = everywhere.list(&self.params().limit(200)).await {
                for object in list.items.iter().filter(|object| self.is_wanted(object)) {
                    if let Some(other) = &object.metadata.namespace
                        && other != namespace
                        && !is_system(other)
                        && !elsewhere.contains(other)
                        && elsewhere.len() < NAMES
                    {
                        elsewhere.push(other.clone());
                    }
                }
            }
        }
        Ok(Finding::Missing { others, elsewhere })
    }

    /// Where an audit log is at hand: finds a status that no controller wrote. The learner may write any status,
    /// and such a status proves nothing.
    async fn forgery(&self, objects: &[DynamicObject], names: &[String]) -> Result<Option<Finding>, Error> {
        let Some(audit) = &self.cluster.audit else { return Ok(None) };
        let objects: Vec<_> = objects
            .iter()
            .filter(|object| object.metadata.name.as_ref().is_some_and(|name| names.contains(name)))
            .collect();
        let oldest = objects.iter().filter_map(|object| created(object)).min().unwrap_or(Timestamp::UNIX_EPOCH);
        // A long session outlives its log: what the log still holds is enough, since controllers write anew.
        let entries = match audit.entries(oldest).await? {
            Some(entries) => entries,
            None => audit
                .entries(self.now - SignedDuration::from_mins(10))
                .await?
                .ok_or(Error::NotObservable { what: Unobservable::Status })?,
        };
        let mut forged = None;
        for object in &objects {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            let writer = entries.iter().rev().find(|entry| {
                entry.resource == self.resource.plural
                    && entry.group == self.resource.group
                    && entry.subresource.as_deref() == Some("status")
                    && entry.name == name
                    && entry.namespace == object.metadata.namespace.as_deref().unwrap_or_default()
                    && entry.code < 300
            });
            match writer {
                Some(entry) if !entry.component => {
                    forged = Some(Finding::Forged { name: name.to_owned(), user: entry.user.clone() });
                }
                // One object that is as expected, and honestly so, is enough.
                Some(_) | None => return Ok(None),
            }
        }
        Ok(forged)
    }
}

/// Asks the server for a kind.
pub(crate) async fn discover(cluster: &Cluster, api_version: &str, kind: &str) -> Result<(ApiResource, Scope), Error> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let gvk = GroupVersionKind::gvk(group, version, kind);
    match kube::discovery::pinned_kind(&cluster.client, &gvk).await {
        Ok((resource, capabilities)) => Ok((resource, capabilities.scope)),
        Err(kube::Error::Discovery(_)) => {
            Err(Error::UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned() })
        }
        Err(kube::Error::Api(status)) if status.code == 404 => {
            Err(Error::UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned() })
        }
        Err(error) => Err(Error::from_kube(error)),
    }
}

/// Judges a set of objects. Pure.
pub(crate) fn judge(objects: &[DynamicObject], demand: Demand<'_>) -> Finding {
    let name = |object: &DynamicObject| object.metadata.name.clone().unwrap_or_default();
    let judged: Vec<(String, Vec<FieldFinding>)> =
        objects.iter().map(|object| (name(object), differences(demand.fields, &as_value(object)))).collect();
    let matching: Vec<String> =
        judged.iter().filter(|(_, fields)| fields.is_empty()).map(|(name, _)| name.clone()).collect();
    if let Some(expected) = demand.count {
        let found = matching.len();
        return if expected.holds(&[&Value::from(found)]) {
            Finding::Holds { names: shortened(matching) }
        } else {
            Finding::Count { found, expected: expected.clone() }
        };
    }
    if demand.absent {
        return if matching.is_empty() {
            Finding::Holds { names: Vec::new() }
        } else {
            Finding::Unwanted { names: shortened(matching) }
        };
    }
    if !matching.is_empty() {
        return Finding::Holds { names: shortened(matching) };
    }
    match judged.into_iter().min_by_key(|(_, fields)| fields.len()) {
        Some((name, fields)) => Finding::Differs { name, fields },
        None => Finding::Missing { others: Vec::new(), elsewhere: Vec::new() },
    }
}

fn shortened(mut names: Vec<String>) -> Vec<String> {
    names.truncate(NAMES);
    names
}

fn as_value(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or(Value::Null)
}

fn created(object: &DynamicObject) -> Option<Timestamp> {
    object.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

fn is_system(namespace: &str) -> bool {
    matches!(namespace, "kube-system" | "kube-public" | "kube-node-lease")
}
