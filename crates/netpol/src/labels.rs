//! Labels and what selects by them (`metav1.LabelSelector`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::policy::PolicyError;

/// The labels of a Pod or a Namespace.
pub type Labels = BTreeMap<String, String>;

/// A label selector: all its requirements must hold. One without requirements selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Selector {
    /// The requirements, those of `matchLabels` first.
    pub requirements: Vec<Requirement>,
}

/// One requirement about one label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What is asked of it.
    pub operator: Operator,
}

/// What a requirement asks of a label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operator {
    /// It is there, with one of these values.
    In(Vec<String>),
    /// It is not there, or has none of these values.
    NotIn(Vec<String>),
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl Selector {
    /// Reads a selector from JSON; `field` is its path, for errors. `null` selects everything here: whoever gives a
    /// meaning to an absent selector looks before.
    pub fn from_object(selector: &Value, field: &str) -> Result<Selector, PolicyError> {
        let mut requirements = Vec::new();
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            let value = value.as_str().ok_or_else(|| PolicyError::at(format!("{field}.matchLabels.{key}")))?;
            requirements.push(Requirement { key: key.clone(), operator: Operator::In(vec![value.to_owned()]) });
        }
        for (index, expression) in selector["matchExpressions"].as_array().into_iter().flatten().enumerate() {
            let fault = |part: &str| PolicyError::at(format!("{field}.matchExpressions[{index}].{part}"));
            let key = expression["key"].as_str().ok_or_else(|| fault("key"))?.to_owned();
            let values = || -> Result<Vec<String>, PolicyError> {
                let values = expression["values"].as_array().filter(|values| !values.is_empty());
                let values = values.ok_or_else(|| fault("values"))?;
                values.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(|| fault("values"))).collect()
            };
            let operator = match expression["operator"].as_str() {
                Some("In") => Operator::In(values()?),
                Some("NotIn") => Operator::NotIn(values()?),
                Some("Exists") => Operator::Exists,
                Some("DoesNotExist") => Operator::DoesNotExist,
                Some(_) | None => return Err(fault("operator")),
            };
            requirements.push(Requirement { key, operator });
        }
        Ok(Selector { requirements })
    }

    /// Returns whether it selects what has these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }

    /// Returns whether it selects everything by asking nothing.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl Requirement {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match &self.operator {
            Operator::In(values) => value.is_some_and(|value| values.contains(value)),
            Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// Reads `metadata.labels`; what is not a text is left out.
pub(crate) fn labels_of(object: &Value) -> Labels {
    let labels = object["metadata"]["labels"].as_object();
    labels.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
