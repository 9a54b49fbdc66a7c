//! One rule of a role: what it matches, and whether one set of rules covers another.
//!
//! The semantics are those of `pkg/apis/rbac/v1/evaluation_helpers.go` and
//! `component-helpers/auth/rbac/validation`.

use serde_json::{Value, json};

use crate::fields::list;

use super::attributes::{Attributes, ResourceAttributes};

/// A rule, as a role holds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rule {
    /// What may be done; `*` for everything.
    pub(crate) verbs: Vec<String>,
    /// In which API groups.
    pub(crate) groups: Vec<String>,
    /// With which resources: `pods`, `pods/log`, `*/scale`, `*`.
    pub(crate) resources: Vec<String>,
    /// With which objects; empty for all.
    pub(crate) names: Vec<String>,
    /// With which paths; `*` at the end stands for anything.
    pub(crate) paths: Vec<String>,
}

impl Rule {
    /// Reads the JSON form; what is absent is empty.
    pub(crate) fn parse(value: &Value) -> Rule {
        let texts = |field: &str| {
            let items = list(value, field).iter();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Rule {
            verbs: texts("/verbs"),
            groups: texts("/apiGroups"),
            resources: texts("/resources"),
            names: texts("/resourceNames"),
            paths: texts("/nonResourceURLs"),
        }
    }

    /// Reads the rules of a role.
    pub(crate) fn all_of(role: &Value) -> Vec<Rule> {
        list(role, "/rules").iter().map(Rule::parse).collect()
    }

    /// Returns the JSON form.
    pub(crate) fn to_value(&self) -> Value {
        let mut value = json!({ "verbs": self.verbs });
        for (key, texts) in [
            ("apiGroups", &self.groups),
            ("resources", &self.resources),
            ("resourceNames", &self.names),
            ("nonResourceURLs", &self.paths),
        ] {
            if !texts.is_empty() {
                value[key] = json!(texts);
            }
        }
        value
    }

    /// Returns the rule that allows everything, split as `cluster-admin` has it.
    pub(crate) fn everything() -> [Rule; 2] {
        let all = || vec!["*".to_owned()];
        [
            Rule { verbs: all(), groups: all(), resources: all(), ..Rule::default() },
            Rule { verbs: all(), paths: all(), ..Rule::default() },
        ]
    }

    /// Tells whether the rule allows a request.
    pub(crate) fn allows(&self, wanted: &Attributes) -> bool {
        match wanted {
            Attributes::Resource(wanted) => {
                holds(&self.verbs, &wanted.verb)
                    && holds(&self.groups, &wanted.group)
                    && self.resources.iter().any(|resource| names_resource(resource, wanted))
                    && (self.names.is_empty() || self.names.contains(&wanted.name))
            }
            Attributes::Path { verb, path } => {
                holds(&self.verbs, verb) && self.paths.iter().any(|pattern| covers_path(pattern, path))
            }
        }
    }

    /// Splits the rule into rules of one verb each, on one thing each.
    fn atoms(&self) -> Vec<Rule> {
        let one = |text: &str| vec![text.to_owned()];
        let mut atoms = Vec::new();
        for group in &self.groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    let atom =
                        Rule { verbs: one(verb), groups: one(group), resources: one(resource), ..Rule::default() };
                    if self.names.is_empty() {
                        atoms.push(atom);
                        continue;
                    }
                    atoms.extend(self.names.iter().map(|name| Rule { names: one(name), ..atom.clone() }));
                }
            }
        }
        for path in &self.paths {
            atoms.extend(self.verbs.iter().map(|verb| Rule { verbs: one(verb), paths: one(path), ..Rule::default() }));
        }
        atoms
    }

    /// Tells whether whoever has this rule has an atom too.
    fn covers(&self, atom: &Rule) -> bool {
        let has_all = |own: &[String], wanted: &[String]| wanted.iter().all(|text| holds(own, text));
        let has_resource = |wanted: &String| {
            holds(&self.resources, wanted)
                || wanted.split_once('/').is_some_and(|(_, part)| self.resources.contains(&format!("*/{part}")))
        };
        has_all(&self.verbs, &atom.verbs)
            && has_all(&self.groups, &atom.groups)
            && atom.resources.iter().all(has_resource)
            && atom.paths.iter().all(|path| self.paths.iter().any(|own| covers_path(own, path)))
            && (self.names.is_empty()
                || (!atom.names.is_empty() && atom.names.iter().all(|name| self.names.contains(name))))
    }

    /// Returns the text of a refusal: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`.
    fn compact(&self) -> String {
        let parts: Vec<String> = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.paths),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ]
        .into_iter()
        .filter(|(_, texts)| !texts.is_empty())
        .map(|(field, texts)| format!("{field}:{}", quoted(texts)))
        .collect();
        format!("{{{}}}", parts.join(", "))
    }
}

/// Returns a list of texts as Go prints one with `%q`.
pub(crate) fn quoted(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", texts.join(" "))
}

/// Returns what `wanted` allows and `held` does not, one line each, sorted; empty if all is covered.
pub(crate) fn missing(held: &[Rule], wanted: &[Rule]) -> Vec<String> {
    let mut compacted: Vec<Rule> = Vec::new();
    for atom in wanted.iter().flat_map(Rule::atoms) {
        if held.iter().any(|rule| rule.covers(&atom)) {
            continue;
        }
        let same = compacted.iter_mut().find(|other| {
            atom.paths.is_empty()
                && other.groups == atom.groups
                && other.resources == atom.resources
                && other.names == atom.names
                && other.paths.is_empty()
        });
        match same {
            Some(other) if !other.verbs.iter().any(|verb| atom.verbs.contains(verb)) => other.verbs.extend(atom.verbs),
            Some(_) => {}
            None => compacted.push(atom),
        }
    }
    let mut lines: Vec<String> = compacted.iter().map(Rule::compact).collect();
    lines.sort();
    lines.dedup();
    lines
}

fn holds(list: &[String], text: &str) -> bool {
    list.iter().any(|item| item == "*" || item == text)
}

fn names_resource(pattern: &str, wanted: &ResourceAttributes) -> bool {
    if pattern == "*" {
        return true;
    }
    match pattern.split_once('/') {
        None => wanted.subresource.is_empty() && pattern == wanted.resource,
        Some((resource, part)) => {
            !wanted.subresource.is_empty()
                && part == wanted.subresource
                && (resource == "*" || resource == wanted.resource)
        }
    }
}

fn covers_path(pattern: &str, path: &str) -> bool {
    pattern == "*" || pattern == path || (pattern.ends_with('*') && path.starts_with(pattern.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(value: &Value) -> Rule {
        Rule::parse(value)
    }

    fn wanted(verb: &str, resource: &str, name: &str) -> Attributes {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Attributes::Resource(ResourceAttributes {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            name: name.to_owned(),
            ..ResourceAttributes::default()
        })
    }

    #[test]
    fn a_resource_is_not_its_parts() {
        let pods = rule(&json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}));
        assert!(pods.allows(&wanted("get", "pods", "a")));
        assert!(!pods.allows(&wanted("get", "pods/log", "a")));
        let log = rule(&json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*/scale", "pods/log"]}));
        assert!(log.allows(&wanted("get", "pods/log", "a")) && log.allows(&wanted("update", "deployments/scale", "a")));
        assert!(!log.allows(&wanted("get", "pods", "a")));
    }

    #[test]
    fn names_do_not_match_what_has_none() {
        let one = rule(&json!({"verbs": ["*"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["s"]}));
        assert!(one.allows(&wanted("get", "secrets", "s")) && one.allows(&wanted("list", "secrets", "s")));
        assert!(!one.allows(&wanted("list", "secrets", "")) && !one.allows(&wanted("create", "secrets", "")));
    }

    #[test]
    fn paths_match_by_their_beginning_only() {
        let rule = rule(&json!({"verbs": ["get"], "nonResourceURLs": ["/api/*", "/version"]}));
        let get = |path: &str| rule.allows(&Attributes::Path { verb: "get".to_owned(), path: path.to_owned() });
        assert!(get("/api/v1") && get("/version"));
        assert!(!get("/api") && !get("/version/x") && !rule.allows(&wanted("get", "pods", "")));
    }

    #[test]
    fn what_is_missing_is_told_by_resource() {
        let held = [rule(&json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "*/scale"]}))];
        let asked = [
            rule(&json!({"verbs": ["get", "list"], "apiGroups": ["", "apps"], "resources": ["pods"]})),
            rule(&json!({"verbs": ["get"], "apiGroups": [""], "resources": ["replicationcontrollers/scale"]})),
            rule(&json!({"verbs": ["get"], "nonResourceURLs": ["/metrics"]})),
        ];
        assert_eq!(
            missing(&held, &asked),
            [
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["list"]}"#,
                r#"{APIGroups:["apps"], Resources:["pods"], Verbs:["get" "list"]}"#,
                r#"{NonResourceURLs:["/metrics"], Verbs:["get"]}"#,
            ]
        );
        assert!(missing(&Rule::everything(), &asked).is_empty());
        let named =
            [rule(&json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}))];
        assert!(missing(&held, &named).is_empty());
        assert_eq!(missing(&named, &held[..1]).len(), 2);
    }
}
