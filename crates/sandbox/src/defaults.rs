//! What the API server fills in where an object says nothing.

use serde_json::Value;

use crate::resources::Resource;

/// Fills in the defaults of a decoded object.
pub(crate) fn apply(_resource: &Resource, _object: &mut Value) {}
