//! Removes what a trial created: at its end, and what a killed run left behind.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, PropagationPolicy};
use kube::core::ApiResource;
use tokio::time::Instant;

use crate::{Error, RunId};

/// How long removal may take; what is still there then is left to a later sweep.
pub(super) const BOUND: Duration = Duration::from_secs(30);

/// How many deletions are under way at once.
const AT_ONCE: usize = 8;

/// Removes what earlier runs left in these Namespaces: everything with the run's label whose deadline has passed, or
/// whose run `is_own` calls the caller's own (a run that is known to have ended). Returns how many objects went.
///
/// # Errors
///
/// Where the cluster does not answer or refuses.
pub async fn sweep(
    client: &kube::Client,
    namespaces: &[String],
    now: Timestamp,
    is_own: impl Fn(&RunId) -> bool + Sync,
) -> Result<u32, Error> {
    let mut swept = 0;
    for namespace in namespaces {
        let objects = Objects { client, namespace, selector: RunId::LABEL };
        let due = |object: &DynamicObject| {
            let run = object.metadata.labels.as_ref().and_then(|labels| labels.get(RunId::LABEL));
            let deadline = object.metadata.annotations.as_ref().and_then(|notes| notes.get(RunId::DEADLINE));
            let passed = deadline.and_then(|text| text.parse::<Timestamp>().ok()).is_none_or(|at| at <= now);
            run.is_some_and(|run| passed || is_own(&RunId(run.clone())))
        };
        swept += objects.remove(&due).await?;
        if swept > 0 {
            objects.remove_events().await;
        }
    }
    Ok(swept)
}

/// The objects of trials in a Namespace.
pub(super) struct Objects<'a> {
    pub(super) client: &'a kube::Client,
    pub(super) namespace: &'a str,
    pub(super) selector: &'a str,
}

impl Objects<'_> {
    /// Removes the objects that `due` picks and waits until they are gone. Returns how many went.
    async fn remove(&self, due: &(dyn Fn(&DynamicObject) -> bool + Sync)) -> Result<u32, Error> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(10);
        let mut most = 0;
        loop {
            let mut left = 0;
            // Owners first: what they would create anew is gone with the next round.
            for resource in resources() {
                left += self.remove_of(&resource, due).await?;
            }
            most = most.max(left);
            if left == 0 {
                return Ok(most);
            }
            if started.elapsed() > BOUND {
                return Err(Error::TimedOut(BOUND));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// Asks for the deletion of one kind's objects. Returns how many there were.
    async fn remove_of(
        &self,
        resource: &ApiResource,
        due: &(dyn Fn(&DynamicObject) -> bool + Sync),
    ) -> Result<u32, Error> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), self.namespace, resource);
        let list = api.list(&ListParams::default().labels(self.selector)).await.map_err(Error::from_kube)?;
        let due: Vec<DynamicObject> = list.items.into_iter().filter(|object| due(object)).collect();
        let params =
            DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
        // Collected, so that the future that awaits below is `Send` for every caller.
        let names: Vec<String> = due
            .iter()
            .filter(|object| object.metadata.deletion_timestamp.is_none())
            .filter_map(|object| object.metadata.name.clone())
            .collect();
        let mut deletions = futures::stream::iter(names)
            .map(|name| {
                let (api, params) = (&api, &params);
                async move { api.delete(&name, params).await }
            })
            .buffer_unordered(AT_ONCE);
        while let Some(result) = deletions.next().await {
            match result {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(Error::from_kube(error)),
            }
        }
        Ok(u32::try_from(due.len()).unwrap_or(u32::MAX))
    }

    /// Removes everything of the selector, within the bound. Returns how many objects are left.
    pub(super) async fn remove_all(&self) -> u32 {
        let all = |_: &DynamicObject| true;
        match tokio::time::timeout(BOUND, self.remove(&all)).await {
            Ok(Ok(_)) => {
                self.remove_events().await;
                0
            }
            Ok(Err(error)) => {
                tracing::warn!(namespace = self.namespace, selector = self.selector, %error, "trial left behind");
                self.count().await
            }
            Err(_) => {
                tracing::warn!(namespace = self.namespace, selector = self.selector, "removal takes too long");
                self.count().await
            }
        }
    }

    async fn count(&self) -> u32 {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), self.namespace);
        let params = ListParams::default().labels(self.selector);
        let listing = tokio::time::timeout(Duration::from_secs(2), api.list(&params));
        match listing.await {
            Ok(Ok(list)) => u32::try_from(list.items.len()).unwrap_or(u32::MAX).max(1),
            Ok(Err(_)) | Err(_) => 1,
        }
    }

    /// Removes the Events of trials, so that the learner reads their own only. They go by themselves within the hour
    /// where this fails.
    async fn remove_events(&self) {
        let api: Api<Event> = Api::namespaced(self.client.clone(), self.namespace);
        let Ok(list) = api.list(&ListParams::default()).await else { return };
        let names = list.items.into_iter().filter(|event| {
            event.involved_object.name.as_deref().is_some_and(|name| name.starts_with(super::NAME_PREFIX))
        });
        futures::stream::iter(names.filter_map(|event| event.metadata.name))
            .map(|name| {
                let api = &api;
                async move { api.delete(&name, &DeleteParams::default()).await.map(|_| ()) }
            })
            .buffer_unordered(AT_ONCE)
            .for_each(|_| async {})
            .await;
    }
}

/// The kinds that a trial creates or causes, owners first.
fn resources() -> [ApiResource; 3] {
    [ApiResource::erase::<Deployment>(&()), ApiResource::erase::<ReplicaSet>(&()), ApiResource::erase::<Pod>(&())]
}
