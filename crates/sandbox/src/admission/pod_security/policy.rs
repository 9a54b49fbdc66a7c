//! What the labels of a Namespace ask for: a level and a version for each of three modes.
//!
//! Labels and texts of `k8s.io/pod-security-admission/api`.

use std::fmt;

use serde_json::{Value, json};

use crate::api::Cause;

/// How much a Pod may do, from the most to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Everything.
    Privileged,
    /// Nothing that is known to lead to the node.
    Baseline,
    /// Only what a hardened Pod does.
    Restricted,
}

/// The Kubernetes version whose controls are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// The server's own.
    Latest,
    /// That of 1.`minor`.
    Minor(u32),
}

impl Edition {
    /// Returns the minor version whose controls apply on a server of 1.`server`.
    pub(crate) fn minor(self, server: u32) -> u32 {
        match self {
            Edition::Latest => server,
            Edition::Minor(minor) => minor.min(server),
        }
    }

    fn parse(text: &str) -> Option<Edition> {
        if text == "latest" {
            return Some(Edition::Latest);
        }
        let digits = text.strip_prefix("v1.")?;
        let plain = !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        // A number past all bounds reads as a version yet to come.
        plain.then(|| Edition::Minor(digits.parse().unwrap_or(u32::MAX)))
    }
}

/// A level of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standard {
    /// The level.
    pub(crate) level: Level,
    /// The version.
    pub(crate) edition: Edition,
}

impl fmt::Display for Standard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.edition {
            Edition::Latest => write!(formatter, "{level}:latest"),
            Edition::Minor(minor) => write!(formatter, "{level}:v1.{minor}"),
        }
    }
}

/// What a Namespace asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    /// What is refused.
    pub(crate) enforce: Standard,
    /// What is warned of.
    pub(crate) warn: Standard,
    /// What is written down.
    pub(crate) audit: Standard,
    /// The labels that cannot be read. Then `enforce` is the strictest, the other two ask for nothing.
    pub(crate) faults: Vec<Cause>,
}

impl Policy {
    /// Reads the labels of a Namespace.
    pub(crate) fn of(namespace: &Value) -> Policy {
        let mut faults = Vec::new();
        let mut mode = |mode: &str, fallback: Level| {
            let mut standard = Standard { level: Level::Privileged, edition: Edition::Latest };
            if let Some(level) = label(namespace, mode) {
                standard.level = match level {
                    "privileged" => Level::Privileged,
                    "baseline" => Level::Baseline,
                    "restricted" => Level::Restricted,
                    _ => {
                        faults.push(fault(mode, level, "must be one of privileged, baseline, restricted"));
                        fallback
                    }
                };
            }
            let key = format!("{mode}-version");
            if let Some(version) = label(namespace, &key) {
                standard.edition = Edition::parse(version).unwrap_or_else(|| {
                    faults.push(fault(&key, version, "must be \"latest\" or \"v1.x\""));
                    Edition::Latest
                });
            }
            standard
        };
        let enforce = mode("enforce", Level::Restricted);
        let audit = mode("audit", Level::Privileged);
        let warn = mode("warn", Level::Privileged);
        Policy { enforce, warn, audit, faults }
    }
}

fn label<'a>(namespace: &'a Value, mode: &str) -> Option<&'a str> {
    namespace.get("metadata")?.get("labels")?.get(format!("pod-security.kubernetes.io/{mode}"))?.as_str()
}

fn fault(mode: &str, value: &str, detail: &str) -> Cause {
    Cause::invalid(&format!("metadata.labels[pod-security.kubernetes.io/{mode}]"), &json!(value), detail)
}
