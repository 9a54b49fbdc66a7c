//! `kubernetes_object`: an object is there with these fields, or is absent.
//!
//! ```yaml
//! kubernetes_object:
//!   api_version: v1
//!   kind: LimitRange
//!   namespace: default          # default: the session's Namespace
//!   name: bornes                # or `selector: app=exhauster`, or neither: any object of the kind
//!   fields:                     # path → expected value, compared by value (512Mi = 536870912)
//!     spec.limits[type=Container].default.memory: 512Mi
//!     spec.limits[type=Container].max.memory: { max: 1Gi }
//! ```
//!
//! With `absent: true` no such object (with these fields) may exist; with `count: 3` or `count: { min: 1, max: 5 }`
//! so many must. Operators of a field: see [`crate::Expectation`]. In the sandbox a field below `status` counts only
//! where a controller wrote it.

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::expectation::{Expectation, Fields};
use crate::objects::{Demand, Finding, Lookup, Sought, Target, unless_cancelled};
use crate::{Error, Outcome, World};

/// What the check expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// `v1`, `apps/v1` …
    pub api_version: String,
    /// The kind, such as `LimitRange`.
    pub kind: String,
    /// The Namespace; the session's one by default.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The object's name; any object of the kind where absent.
    #[serde(default)]
    pub name: Option<String>,
    /// A label selector, instead of a name.
    #[serde(default)]
    pub selector: Option<String>,
    /// `true`: no such object may exist.
    #[serde(default)]
    pub absent: bool,
    /// How many such objects must exist; at least one by default.
    #[serde(default)]
    pub count: Option<Expectation>,
    /// Paths and their expected values.
    #[serde(default)]
    pub fields: Fields,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What was looked for.
    pub target: Target,
    /// Whether none may exist.
    pub absent: bool,
    /// The expected fields.
    pub fields: Fields,
    /// What was found.
    pub finding: Finding,
}

impl Spec {
    pub(crate) fn sought(&self) -> Sought<'_> {
        Sought {
            api_version: &self.api_version,
            kind: &self.kind,
            namespace: self.namespace.as_deref(),
            name: self.name.as_deref(),
            selector: self.selector.as_deref(),
            demand: Demand { absent: self.absent, count: self.count.as_ref(), fields: &self.fields },
        }
    }
}

pub(crate) async fn run(spec: &Spec, world: &World, cancel: &CancellationToken) -> Result<Outcome, Error> {
    let evidence = unless_cancelled(cancel, look(spec, world)).await?;
    Ok(if evidence.finding.holds() {
        Outcome::Pass(crate::Evidence::KubernetesObject(evidence))
    } else {
        Outcome::Fail(crate::Evidence::KubernetesObject(evidence))
    })
}

async fn look(spec: &Spec, world: &World) -> Result<Evidence, Error> {
    let sought = spec.sought();
    let lookup = Lookup::new(world, sought).await?;
    let finding = lookup.find(sought.demand).await?;
    Ok(Evidence { target: lookup.target, absent: spec.absent, fields: spec.fields.clone(), finding })
}

#[cfg(test)]
mod tests;
