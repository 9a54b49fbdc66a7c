//! Prepares a step, once, and puts it back to exactly that state.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams};
use lab::{Action, Step};
use tokio_util::sync::CancellationToken;

use crate::baseline::Baseline;
use crate::cluster::{ClusterError, bounded, control, manifest, objects};
use crate::command::{Script, run};
use crate::environment::{Kind, identity};
use crate::ground::{COMMAND, Ground};
use crate::{Error, work};

/// Prepares a step: copies its files, and, the first time in this cluster, runs its setup and keeps the starting
/// state. Returns that state.
pub(crate) async fn prepare(
    ground: &Ground,
    step: &Step,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Baseline, Error> {
    work::fill(&ground.work(&step.id)?, &step.files)?;
    let cluster = identity(&ground.environment.client).await?;
    let kept = Baseline::read(&ground.home, &step.id, &cluster)?;
    let mut baseline = match kept {
        Some(baseline) if baseline.prepared => return Ok(baseline),
        // The setup was cut short: what was there before it is known already.
        Some(baseline) => baseline,
        None => first_look(ground, step, cluster, now).await?,
    };
    baseline.write(&ground.home)?;
    ground.environment.verify().await?;
    act(ground, step, &step.setup, cancel).await?;
    finish(ground, &mut baseline, now).await?;
    Ok(baseline)
}

/// Puts a step back to its starting state. Returns the learner's files that were kept aside.
pub(crate) async fn reset(
    ground: &Ground,
    step: &Step,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<(Baseline, Vec<PathBuf>), Error> {
    let cluster = identity(&ground.environment.client).await?;
    let Some(mut baseline) = Baseline::read(&ground.home, &step.id, &cluster)? else {
        let moved = work::restore(&ground.work(&step.id)?, &step.files)?;
        return Ok((prepare(ground, step, now, cancel).await?, moved));
    };
    ground.environment.verify().await?;
    match (&ground.environment.kind, &baseline.snapshot) {
        (Kind::Sandbox, Some(snapshot)) => {
            // What the actions do to the cluster is undone by the snapshot; they may reach beyond it.
            act(ground, step, &step.reset, cancel).await?;
            control::restore(&ground.environment.client, snapshot).await?;
            baseline.since = now;
            baseline.write(&ground.home)?;
        }
        (Kind::Sandbox, None) | (Kind::Cluster(_), _) => {
            objects::delete_since(&ground.environment.client, &baseline.inventory, cancel).await?;
            act(ground, step, &step.reset, cancel).await?;
            act(ground, step, &step.setup, cancel).await?;
            finish(ground, &mut baseline, now).await?;
        }
    }
    let moved = work::restore(&ground.work(&step.id)?, &step.files)?;
    Ok((baseline, moved))
}

/// Removes what the step made and does not prepare it again: for an author's test. Returns what was removed.
pub(crate) async fn clean_up(ground: &Ground, step: &Step, cancel: &CancellationToken) -> Result<Vec<String>, Error> {
    let cluster = identity(&ground.environment.client).await?;
    let Some(baseline) = Baseline::read(&ground.home, &step.id, &cluster)? else { return Ok(Vec::new()) };
    ground.environment.verify().await?;
    // A node that is down never tells that its Pods are gone: what repairs comes first.
    act(ground, step, &step.reset, cancel).await?;
    Ok(objects::delete_since(&ground.environment.client, &baseline.inventory, cancel).await?)
}

/// Looks at the cluster before a step touches it.
async fn first_look(ground: &Ground, step: &Step, cluster: String, now: Timestamp) -> Result<Baseline, Error> {
    let client = &ground.environment.client;
    let inventory = objects::list(client, &step.namespaces).await?;
    if let Kind::Cluster(_) = ground.environment.kind {
        refuse_what_is_not_ours(ground, step, &cluster, &inventory).await?;
    }
    Ok(Baseline {
        format: 1,
        step: step.id.clone(),
        cluster,
        taken: now,
        since: now,
        prepared: false,
        nodes: BTreeMap::new(),
        inventory,
        snapshot: None,
    })
}

/// On a real cluster, an object of the step's setup that was there before the course is somebody else's.
async fn refuse_what_is_not_ours(
    ground: &Ground,
    step: &Step,
    cluster: &str,
    inventory: &objects::Inventory,
) -> Result<(), Error> {
    let earliest = Baseline::earliest(&ground.home, &step.id.course, cluster)?;
    let before = earliest.as_ref().map_or(inventory, |baseline| &baseline.inventory);
    let mut foreign = Vec::new();
    for action in &step.setup {
        if let Action::Apply(file) = action {
            let objects = manifest::read(file, content(step, file)?)?;
            let present = manifest::present(&ground.environment.client, &objects, &ground.bounds(step)).await?;
            foreign.extend(present.into_iter().filter(|(_, uid)| before.objects.contains_key(uid)));
        }
    }
    if foreign.is_empty() {
        return Ok(());
    }
    Err(ClusterError::AlreadyThere(foreign.into_iter().map(|(label, _)| label).collect()).into())
}

/// Keeps the state after the setup.
async fn finish(ground: &Ground, baseline: &mut Baseline, now: Timestamp) -> Result<(), Error> {
    baseline.nodes = ready_nodes(&ground.environment.client).await?;
    baseline.snapshot = match ground.environment.kind {
        Kind::Sandbox => Some(control::snapshot(&ground.environment.client).await?),
        Kind::Cluster(_) => None,
    };
    baseline.prepared = true;
    baseline.since = now;
    baseline.write(&ground.home)
}

/// Returns which nodes are Ready.
async fn ready_nodes(client: &kube::Client) -> Result<BTreeMap<String, bool>, ClusterError> {
    let nodes: Api<Node> = Api::all(client.clone());
    let listed = bounded("list the nodes", nodes.list(&ListParams::default())).await?;
    Ok(listed
        .items
        .into_iter()
        .filter_map(|node| {
            let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
            let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
            Some((node.metadata.name?, ready))
        })
        .collect())
}

/// Performs the acts of a setup or a reset, in order.
async fn act(ground: &Ground, step: &Step, actions: &[Action], cancel: &CancellationToken) -> Result<(), Error> {
    for action in actions {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match action {
            Action::Apply(file) => {
                let objects = manifest::read(file, content(step, file)?)?;
                manifest::apply(&ground.environment.client, &objects, &ground.bounds(step), cancel).await?;
            }
            Action::Run(line) => {
                let folder = ground.work(&step.id)?;
                let variables = ground.variables(&step.id);
                let script = Script { line, folder: &folder, variables: &variables, timeout: COMMAND };
                run(&script, cancel).await?;
            }
            Action::RepairNode(node) => match ground.environment.kind {
                Kind::Sandbox => control::repair(&ground.environment.client, node).await?,
                // A real node is repaired by its owner; the author says with `needs` where that matters.
                Kind::Cluster(_) => tracing::info!(%node, "a node of a real cluster is not repaired"),
            },
        }
    }
    Ok(())
}

/// Returns a file of the step as the course has it, whatever the learner made of the copy.
fn content<'a>(step: &'a Step, path: &str) -> Result<&'a [u8], ClusterError> {
    let found = step.files.iter().find(|file| file.path == path);
    found.map(|file| file.content.as_slice()).ok_or_else(|| ClusterError::NoManifest(path.to_owned()))
}
