//! Answers: JSON bodies, refusals and warnings.

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::api::Status;

const WARNING: HeaderName = HeaderName::from_static("warning");
/// How many warnings an answer carries.
const WARNINGS: usize = 16;

/// Returns a JSON answer.
pub(super) fn json(code: u16, value: &impl Serialize) -> Response<Body> {
    let text = match serde_json::to_vec(value) {
        Ok(text) => text,
        Err(error) => return refusal(&Status::internal(&error.to_string())),
    };
    typed(code, "application/json", text)
}

/// Returns an answer of some type.
pub(super) fn typed(code: u16, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// Returns a refusal.
pub(super) fn refusal(status: &Status) -> Response<Body> {
    json(status.code, &status.to_value())
}

/// Adds warnings, as RFC 9110's predecessors define the header: `299 - "text"`.
pub(super) fn warn(response: &mut Response<Body>, warnings: &[String]) {
    for warning in warnings.iter().take(WARNINGS) {
        let mut quoted = String::with_capacity(warning.len() + 8);
        for character in warning.chars().filter(|character| !character.is_control()) {
            if character == '"' || character == '\\' {
                quoted.push('\\');
            }
            quoted.push(character);
        }
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(WARNING, value);
        }
    }
}
