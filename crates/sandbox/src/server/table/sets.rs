//! The rows of what runs Pods, besides Deployments and ReplicaSets: sets, controllers, Jobs and CronJobs.

use serde_json::Value;

use super::workload::{pairs, selector, template_cells};
use super::{Column, Context, age, boolean, name, number, or_none, text, wide};
use crate::Version;
use crate::fields::{list, number as whole, text as string};

const WIDE: [&str; 3] = ["Containers", "Images", "Selector"];

fn with_wide(mut columns: Vec<Column>, count: usize) -> Vec<Column> {
    columns.extend(WIDE.iter().take(count).map(|column| wide(column)));
    columns
}

pub(super) fn daemon_set_columns() -> Vec<Column> {
    let columns = vec![
        name(),
        number("Desired"),
        number("Current"),
        number("Ready"),
        number("Up-to-date"),
        number("Available"),
        text("Node Selector"),
        text("Age"),
    ];
    with_wide(columns, 3)
}

pub(super) fn daemon_set_cells(context: Context, set: &Value) -> Vec<Value> {
    let status = |field: &str| Value::from(set["status"][field].as_i64().unwrap_or_default());
    let mut cells = vec![
        set["metadata"]["name"].clone(),
        status("desiredNumberScheduled"),
        status("currentNumberScheduled"),
        status("numberReady"),
        status("updatedNumberScheduled"),
        status("numberAvailable"),
        or_none(&pairs(&set["spec"]["template"]["spec"]["nodeSelector"]).join(",")),
        age::since(context.now, &set["metadata"]["creationTimestamp"]),
    ];
    cells.extend(template_cells(set));
    cells
}

pub(super) fn stateful_set_columns() -> Vec<Column> {
    with_wide(vec![name(), text("Ready"), text("Age")], 2)
}

pub(super) fn stateful_set_cells(context: Context, set: &Value) -> Vec<Value> {
    let ready = whole(set, "/status/readyReplicas").unwrap_or_default();
    let desired = whole(set, "/spec/replicas").unwrap_or_default();
    let mut cells = vec![
        set["metadata"]["name"].clone(),
        format!("{ready}/{desired}").into(),
        age::since(context.now, &set["metadata"]["creationTimestamp"]),
    ];
    cells.extend(template_cells(set).into_iter().take(2));
    cells
}

pub(super) fn replication_controller_cells(context: Context, controller: &Value) -> Vec<Value> {
    let status = |field: &str| Value::from(controller["status"][field].as_i64().unwrap_or_default());
    let mut cells = vec![
        controller["metadata"]["name"].clone(),
        whole(controller, "/spec/replicas").unwrap_or_default().into(),
        status("replicas"),
        status("readyReplicas"),
        age::since(context.now, &controller["metadata"]["creationTimestamp"]),
    ];
    let [containers, images, _] = template_cells(controller);
    cells.extend([containers, images, or_none(&pairs(&controller["spec"]["selector"]).join(","))]);
    cells
}

pub(super) fn revision_cells(context: Context, revision: &Value) -> Vec<Value> {
    let owner = list(revision, "/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true);
    let controller = owner.map(|owner| {
        let kind = string(owner, "/kind").to_lowercase();
        let group = string(owner, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
        let dot = if group.is_empty() { "" } else { "." };
        format!("{kind}{dot}{group}/{}", string(owner, "/name"))
    });
    vec![
        revision["metadata"]["name"].clone(),
        or_none(&controller.unwrap_or_default()),
        whole(revision, "/revision").unwrap_or_default().to_string().into(),
        age::since(context.now, &revision["metadata"]["creationTimestamp"]),
    ]
}

pub(super) fn pod_template_cells(template: &Value) -> Vec<Value> {
    let spec = serde_json::json!({ "spec": { "template": template["template"] } });
    let [containers, images, _] = template_cells(&spec);
    let labels = or_none(&pairs(&template["template"]["metadata"]["labels"]).join(","));
    vec![template["metadata"]["name"].clone(), containers, images, labels]
}

pub(super) fn job_columns(context: Context) -> Vec<Column> {
    let mut columns = vec![name(), text("Completions"), text("Duration"), text("Age")];
    if context.version >= Version::V1_34 {
        columns.insert(1, text("Status"));
    }
    with_wide(columns, 3)
}

pub(super) fn job_cells(context: Context, job: &Value) -> Vec<Value> {
    let succeeded = whole(job, "/status/succeeded").unwrap_or_default();
    let completions = match (whole(job, "/spec/completions"), whole(job, "/spec/parallelism").unwrap_or_default()) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, parallelism) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    };
    let time = |pointer: &str| string(job, pointer).parse::<jiff::Timestamp>().ok();
    let duration = match (time("/status/startTime"), time("/status/completionTime")) {
        (None, _) => String::new(),
        (Some(start), end) => age::human(end.unwrap_or(context.now).as_second() - start.as_second()),
    };
    let mut cells = vec![
        job["metadata"]["name"].clone(),
        completions.into(),
        duration.into(),
        age::since(context.now, &job["metadata"]["creationTimestamp"]),
    ];
    if context.version >= Version::V1_34 {
        cells.insert(1, job_status(job).into());
    }
    cells.extend(template_cells(job));
    cells
}

fn job_status(job: &Value) -> &'static str {
    let is = |kind: &str| {
        list(job, "/status/conditions")
            .iter()
            .any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    match () {
        () if is("Complete") => "Complete",
        () if is("Failed") => "Failed",
        () if job["metadata"]["deletionTimestamp"].is_string() => "Terminating",
        () if is("Suspended") => "Suspended",
        () if is("FailureTarget") => "FailureTarget",
        () if is("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

pub(super) fn cron_job_columns(context: Context) -> Vec<Column> {
    let mut columns =
        vec![name(), text("Schedule"), boolean("Suspend"), number("Active"), text("Last Schedule"), text("Age")];
    if context.version >= Version::V1_34 {
        columns.insert(2, text("Timezone"));
    }
    with_wide(columns, 3)
}

pub(super) fn cron_job_cells(context: Context, job: &Value) -> Vec<Value> {
    let last = &job["status"]["lastScheduleTime"];
    let suspended = if job["spec"]["suspend"] == true { "True" } else { "False" };
    let mut cells = vec![
        job["metadata"]["name"].clone(),
        job["spec"]["schedule"].clone(),
        suspended.into(),
        list(job, "/status/active").len().into(),
        if last.is_string() { age::since(context.now, last) } else { "<none>".into() },
        age::since(context.now, &job["metadata"]["creationTimestamp"]),
    ];
    if context.version >= Version::V1_34 {
        cells.insert(2, or_none(string(job, "/spec/timeZone")));
    }
    let [containers, images, _] = template_cells(&job["spec"]["jobTemplate"]);
    cells.extend([containers, images, selector(&job["spec"]["jobTemplate"]["spec"]["selector"])]);
    cells
}
