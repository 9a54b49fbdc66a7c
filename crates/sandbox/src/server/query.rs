//! The query of a request, and what it says about lists, writes and deletions.

use axum::extract::Query as Form;
use http::Uri;

use crate::admission::DryRun;
use crate::api::{ListOptions, Selector, Status, WriteOptions};
use crate::ownership::Ownership;
use crate::resources::Resource;

/// The decoded pairs of a query.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a URI's query.
    pub(super) fn of(uri: &Uri) -> Result<Query, Status> {
        Form::<Vec<(String, String)>>::try_from_uri(uri)
            .map(|Form(pairs)| Query(pairs))
            .map_err(|_| Status::bad_request("the query cannot be decoded"))
    }

    /// Returns a value, empty if absent.
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value.as_str())
    }

    /// Returns the values of a key that may be given several times.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Tells whether a flag is set.
    pub(super) fn is_set(&self, key: &str) -> bool {
        matches!(self.get(key), "true" | "1" | "True" | "TRUE" | "t" | "T")
    }

    /// Returns a number.
    pub(super) fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, Status> {
        match self.get(key) {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))),
        }
    }

    /// Returns which objects are wanted.
    pub(super) fn list(&self, resource: &Resource) -> Result<ListOptions, Status> {
        let after = self.get("continue");
        Ok(ListOptions {
            labels: Selector::parse_labels(self.get("labelSelector"))?,
            fields: Selector::parse_fields(self.get("fieldSelector"), resource)?,
            limit: self.number("limit")?.unwrap_or_default(),
            after: (!after.is_empty()).then(|| after.to_owned()),
            at: self.exact()?,
        })
    }

    /// Returns the version of which a list is to be exactly.
    fn exact(&self) -> Result<Option<u64>, Status> {
        let forbidden = |detail: &str| {
            let message = format!("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: {detail}");
            Status { code: 422, reason: "Invalid", message, details: None }
        };
        let version = self.get("resourceVersion");
        // A watch has rules of its own.
        if self.is_set("watch") {
            return Ok(None);
        }
        let given = self.get("resourceVersionMatch");
        match given {
            "" => {}
            _ if !self.get("continue").is_empty() => {
                return Err(forbidden("Forbidden: resourceVersionMatch is forbidden when continue is provided"));
            }
            _ if version.is_empty() => {
                let detail = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided";
                return Err(forbidden(detail));
            }
            "Exact" if version == "0" => {
                let detail = "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                return Err(forbidden(detail));
            }
            "Exact" | "NotOlderThan" => {}
            other => {
                let detail =
                    format!("Unsupported value: {other:?}: supported values: \"Exact\", \"NotOlderThan\", \"\"");
                return Err(forbidden(&detail));
            }
        }
        let number: Option<u64> = match version {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                Status::bad_request(format!(
                    "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
                ))
            })?),
        };
        // An old client's limit with a version means that very version.
        let is_exact = given == "Exact" || (given.is_empty() && !matches!(self.get("limit"), "" | "0"));
        Ok(number.filter(|number| is_exact && *number > 0))
    }

    /// Returns whether anything is to be stored.
    pub(super) fn dry_run(&self) -> Result<DryRun, Status> {
        match self.get("dryRun") {
            "" => Ok(DryRun::No),
            "All" => Ok(DryRun::All),
            other => {
                Err(Status::bad_request(format!("dryRun: Unsupported value: {other:?}: supported values: \"All\"")))
            }
        }
    }

    /// Returns how a change is asked for.
    pub(super) fn write(&self, user_agent: &str) -> Result<WriteOptions, Status> {
        let manager = match self.get("fieldManager") {
            "" => user_agent.split('/').next().unwrap_or_default(),
            given => given,
        };
        Ok(WriteOptions { dry_run: self.dry_run()?, ownership: Ownership::Update(manager.to_owned()) })
    }
}
