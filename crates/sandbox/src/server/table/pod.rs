//! The row of a Pod, after the real server's printer (`pkg/printers/internalversion`).

use serde_json::{Value, json};

use super::{Column, Context, age, name, or_none, text, wide};
use crate::Version;
use crate::resources::{PODS, Resource};

pub(super) fn columns() -> Vec<Column> {
    vec![
        name(),
        text("Ready"),
        text("Status"),
        text("Restarts"),
        text("Age"),
        wide("IP"),
        wide("Node"),
        wide("Nominated Node"),
        wide("Readiness Gates"),
    ]
}

pub(super) fn cells(context: Context, pod: &Value) -> Vec<Value> {
    let summary = Summary::of(pod);
    let restarts: Value = match (context.version, &summary.last_restart) {
        (Version::V1_24 | Version::V1_34, Some(last)) if summary.restarts > 0 => {
            let ago = age::since(context.now, &Value::from(last.as_str()));
            format!("{} ({} ago)", summary.restarts, ago.as_str().unwrap_or_default()).into()
        }
        (Version::V1_20, _) => summary.restarts.into(),
        (Version::V1_24 | Version::V1_34, _) => summary.restarts.to_string().into(),
    };
    let status = &pod["status"];
    let gates = pod["spec"]["readinessGates"].as_array().map_or(0, Vec::len);
    vec![
        pod["metadata"]["name"].clone(),
        format!("{}/{}", summary.ready, summary.total).into(),
        summary.reason.into(),
        restarts,
        age::since(context.now, &pod["metadata"]["creationTimestamp"]),
        or_none(status["podIP"].as_str().unwrap_or_default()),
        or_none(pod["spec"]["nodeName"].as_str().unwrap_or_default()),
        or_none(status["nominatedNodeName"].as_str().unwrap_or_default()),
        if gates == 0 { "<none>".into() } else { format!("0/{gates}").into() },
    ]
}

/// Marks the rows of Pods that have ended, which kubectl may hide.
pub(super) fn row_conditions(resource: &Resource, pod: &Value) -> Value {
    if *resource != PODS {
        return Value::Null;
    }
    match pod["status"]["phase"].as_str() {
        Some("Succeeded") => json!([{
            "type": "Completed", "status": "True", "reason": "Succeeded",
            "message": "The pod has completed successfully.",
        }]),
        Some("Failed") => json!([{
            "type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed.",
        }]),
        _ => Value::Null,
    }
}

struct Summary {
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<String>,
    reason: String,
}

impl Summary {
    fn of(pod: &Value) -> Summary {
        let status = &pod["status"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let phase = text(&status["phase"]);
        let mut summary = Summary {
            ready: 0,
            total: pod["spec"]["containers"].as_array().map_or(0, Vec::len),
            restarts: 0,
            last_restart: None,
            reason: if status["reason"].is_string() { text(&status["reason"]) } else { phase },
        };
        let is_gated = status["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated");
        if is_gated {
            summary.reason = "SchedulingGated".to_owned();
        }
        if !summary.take_init_containers(pod) {
            summary.take_containers(pod);
        }
        if pod["metadata"]["deletionTimestamp"].is_string() {
            summary.reason =
                if status["reason"] == "NodeLost" { "Unknown".to_owned() } else { "Terminating".to_owned() };
        }
        summary
    }

    /// Returns whether the Pod is still initialising.
    fn take_init_containers(&mut self, pod: &Value) -> bool {
        let total = pod["spec"]["initContainers"].as_array().map_or(0, Vec::len);
        let statuses = pod["status"]["initContainerStatuses"].as_array().into_iter().flatten();
        let mut restarts = 0;
        for (index, container) in statuses.enumerate() {
            restarts += container["restartCount"].as_i64().unwrap_or_default();
            let terminated = &container["state"]["terminated"];
            if terminated["exitCode"] == 0 {
                continue;
            }
            self.restarts = restarts;
            let waiting = container["state"]["waiting"]["reason"].as_str().unwrap_or_default();
            self.reason = if terminated.is_object() {
                format!("Init:{}", terminated_reason(terminated))
            } else if waiting.is_empty() || waiting == "PodInitializing" {
                format!("Init:{index}/{total}")
            } else {
                format!("Init:{waiting}")
            };
            return true;
        }
        false
    }

    fn take_containers(&mut self, pod: &Value) {
        let mut has_running = false;
        for container in pod["status"]["containerStatuses"].as_array().into_iter().flatten().rev() {
            self.restarts += container["restartCount"].as_i64().unwrap_or_default();
            let finished = container["lastState"]["terminated"]["finishedAt"].as_str();
            if let Some(finished) = finished
                && self.last_restart.as_deref().is_none_or(|last| last < finished)
            {
                self.last_restart = Some(finished.to_owned());
            }
            let state = &container["state"];
            let waiting = state["waiting"]["reason"].as_str().unwrap_or_default();
            if !waiting.is_empty() {
                self.reason = waiting.to_owned();
            } else if state["terminated"].is_object() {
                self.reason = terminated_reason(&state["terminated"]);
            } else if container["ready"] == true && state["running"].is_object() {
                has_running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" && has_running {
            let is_ready = pod["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            self.reason = if is_ready { "Running".to_owned() } else { "NotReady".to_owned() };
        }
    }
}

fn terminated_reason(terminated: &Value) -> String {
    match terminated["reason"].as_str() {
        Some(reason) if !reason.is_empty() => reason.to_owned(),
        _ => match terminated["signal"].as_i64().unwrap_or_default() {
            0 => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or_default()),
            signal => format!("Signal:{signal}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn check(version: Version, status: Value, expected: [&str; 3]) {
        let pod = json!({
            "metadata": {"name": "p", "creationTimestamp": "1970-01-01T00:00:00Z"},
            "spec": {"containers": [{"name": "c"}]}, "status": status,
        });
        let context = Context { now: Timestamp::from_second(300).unwrap(), version };
        let cells = cells(context, &pod);
        let shown: Vec<String> =
            cells[1..4].iter().map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_pod_shows_what_its_containers_do() {
        check(Version::V1_34, json!({"phase": "Pending"}), ["0/1", "Pending", "0"]);
        let running = json!({"phase": "Running", "containerStatuses": [
            {"ready": true, "restartCount": 2, "state": {"running": {}},
             "lastState": {"terminated": {"finishedAt": "1970-01-01T00:04:00Z"}}}]});
        check(Version::V1_34, running.clone(), ["1/1", "Running", "2 (60s ago)"]);
        check(Version::V1_20, running, ["1/1", "Running", "2"]);
        let killed = json!({"phase": "Running", "containerStatuses": [
            {"ready": false, "restartCount": 1, "state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]});
        check(Version::V1_20, killed, ["0/1", "OOMKilled", "1"]);
        let looping = json!({"phase": "Running", "containerStatuses": [
            {"ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
        check(Version::V1_20, looping, ["0/1", "CrashLoopBackOff", "3"]);
    }
}
