//! Evictions: deletions that respect disruption budgets (`pkg/registry/core/pod/storage/eviction.go`).

use serde_json::{Value, json};

use super::{Api, Caller, Cause, DeleteOptions, Details, Selector, Status, Target, meta, set_condition};
use crate::Version;
use crate::admission::DryRun;
use crate::amounts::is_active;
use crate::clock::rfc3339;
use crate::resources::{POD_DISRUPTION_BUDGETS, PODS};
use crate::store::Object;

/// How many disruptions a budget remembers at most.
const MEMORY: usize = 2000;

impl Api {
    /// Deletes a Pod if its disruption budget allows; 429 if it does not now.
    pub(crate) fn evict(
        &self,
        caller: &Caller,
        namespace: &str,
        pod: &str,
        options: &DeleteOptions,
    ) -> Result<(), Status> {
        let target = Target::new(&PODS, namespace, pod);
        let object = self.get(&PODS, namespace, pod)?;
        // What has not begun, or is over, disturbs nobody.
        let counts = is_active(&object) && object["status"]["phase"] != "Pending";
        let mut budgets: Vec<Object> = Vec::new();
        if counts {
            budgets = self.list_all(&POD_DISRUPTION_BUDGETS, Some(namespace));
            budgets.retain(|budget| {
                Selector::from_object(&budget["spec"]["selector"])
                    .is_some_and(|selector| selector.matches_labels(&object))
            });
        }
        match budgets.as_slice() {
            [] => {}
            [budget] => self.spend(budget, &object, options)?,
            [_, _, ..] => {
                return Err(Status {
                    code: 500,
                    reason: "",
                    message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does \
                              not support."
                        .to_owned(),
                    details: None,
                });
            }
        }
        if options.dry_run == DryRun::No && self.version() == Version::V1_34 && counts {
            let now = rfc3339(self.clock().now());
            // It may be gone by now, which is as good.
            let _ = self.update_with(&Caller::apiserver(), target.part("status"), |pod| {
                set_condition(
                    pod,
                    json!({"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                        "message": "Eviction API: evicting", "lastProbeTime": null, "lastTransitionTime": now}),
                );
            });
        }
        self.delete(caller, target, options).map(drop)
    }

    /// Takes one disruption out of a budget.
    fn spend(&self, budget: &Value, pod: &Value, options: &DeleteOptions) -> Result<(), Status> {
        let count = |key: &str| budget["status"][key].as_i64().unwrap_or_default();
        let ready = crate::controllers::replica_set::is_ready(pod);
        if !ready {
            if budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" {
                return Ok(());
            }
            // A Pod that is not ready is no loss to a budget that holds.
            if count("currentHealthy") >= count("desiredHealthy") && count("desiredHealthy") > 0 {
                return Ok(());
            }
        }
        let name = meta(budget, "name");
        if count("observedGeneration") < budget["metadata"]["generation"].as_i64().unwrap_or_default() {
            let detail = format!("The disruption budget {name} is still being processed by the server.");
            return Err(refuse(detail, Some(10)));
        }
        let disrupted = budget["status"]["disruptedPods"].as_object().map_or(0, serde_json::Map::len);
        if disrupted > MEMORY {
            let detail = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
            return Err(Status::forbidden(&POD_DISRUPTION_BUDGETS, name, detail));
        }
        if count("disruptionsAllowed") <= 0 {
            let detail = format!(
                "The disruption budget {name} needs {} healthy pods and has {} currently",
                count("desiredHealthy"),
                count("currentHealthy")
            );
            return Err(refuse(detail, None));
        }
        if options.dry_run == DryRun::All {
            return Ok(());
        }
        let now = rfc3339(self.clock().now());
        let version = meta(budget, "resourceVersion");
        let target = Target::new(&POD_DISRUPTION_BUDGETS, meta(budget, "namespace"), name).part("status");
        let mut is_stale = false;
        self.update_with(&Caller::apiserver(), target, |stored| {
            if meta(stored, "resourceVersion") != version {
                is_stale = true;
                return;
            }
            let left = stored["status"]["disruptionsAllowed"].as_i64().unwrap_or_default() - 1;
            stored["status"]["disruptionsAllowed"] = json!(left);
            stored["status"]["disruptedPods"][meta(pod, "name")] = json!(now);
        })?;
        if is_stale {
            let fresh = self.get(&POD_DISRUPTION_BUDGETS, meta(budget, "namespace"), name)?;
            return self.spend(&fresh, pod, options);
        }
        Ok(())
    }
}

fn refuse(detail: String, retry_after_seconds: Option<u32>) -> Status {
    let cause = Cause { reason: "DisruptionBudget", message: detail, field: String::new() };
    Status {
        code: 429,
        reason: "TooManyRequests",
        message: "Cannot evict pod as it would violate the pod's disruption budget.".to_owned(),
        details: Some(Box::new(Details { causes: vec![cause], retry_after_seconds, ..Details::default() })),
    }
}
