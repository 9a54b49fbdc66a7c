//! Requests to the API server: one client, JSON in and out, the server's refusals as [`Trouble`].

use futures::io::AsyncBufReadExt as _;
use futures::{AsyncBufRead, TryStreamExt as _};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use super::flags::Given;
use super::trouble::Trouble;
use crate::output;

/// Answers as JSON objects.
pub(crate) const JSON: &str = "application/json";
/// Answers as a printed table where the server can, else as JSON objects.
pub(crate) const TABLE: &str =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
/// A strategic merge patch.
pub(crate) const STRATEGIC: &str = "application/strategic-merge-patch+json";
/// A JSON merge patch.
pub(crate) const MERGE: &str = "application/merge-patch+json";
/// A JSON patch.
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";

/// The largest answer that is read whole, in bytes.
const LARGEST_ANSWER: usize = 64 << 20;

/// A server, and the Namespace that is meant where none is named.
#[derive(Clone)]
pub(crate) struct Api {
    client: kube::Client,
    /// The Namespace of `-n`, else of the context, else `default`.
    pub(crate) namespace: String,
    /// The server's address, for messages.
    pub(crate) server: String,
}

/// Reads the kubeconfig that the flags and `KUBECONFIG` name.
///
/// # Errors
///
/// A named file cannot be read; no file at all gives an empty configuration, as kubectl does.
pub(crate) fn kubeconfig(given: &Given) -> Result<Kubeconfig, Trouble> {
    if let Some(path) = given.value("kubeconfig") {
        return Kubeconfig::read_from(path).map_err(|error| Trouble::error(chain(&error)));
    }
    if let Some(config) = Kubeconfig::from_env().map_err(|error| Trouble::error(chain(&error)))? {
        return Ok(config);
    }
    let home = std::env::var_os("HOME").map(|home| std::path::PathBuf::from(home).join(".kube/config"));
    match home {
        Some(path) if path.exists() => Kubeconfig::read_from(path).map_err(|error| Trouble::error(chain(&error))),
        Some(_) | None => Ok(Kubeconfig::default()),
    }
}

/// An error and its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let next = source.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = source.source();
    }
    text
}

impl Api {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The kubeconfig names no usable cluster.
    pub(crate) async fn open(given: &Given) -> Result<Api, Trouble> {
        let kubeconfig = kubeconfig(given)?;
        if kubeconfig.clusters.is_empty() {
            return Err(Trouble::Plain(
                "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
                    .to_owned(),
            ));
        }
        let options = KubeConfigOptions {
            context: given.value("context").map(str::to_owned),
            cluster: given.value("cluster").map(str::to_owned),
            user: given.value("user").map(str::to_owned),
        };
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| Trouble::error(chain(&error)))?;
        config.connect_timeout = Some(std::time::Duration::from_secs(10));
        config.read_timeout = given.duration("request-timeout")?.filter(|limit| !limit.is_zero());
        config.default_retry = false;
        if let Some(user) = given.value("as") {
            config.auth_info.impersonate = Some(user.to_owned());
            let groups = given.values("as-group");
            config.auth_info.impersonate_groups = (!groups.is_empty()).then_some(groups);
        }
        let namespace = given.value("namespace").map_or_else(|| config.default_namespace.clone(), str::to_owned);
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = runner::client(config).map_err(|error| Trouble::error(chain(&error)))?;
        Ok(Api { client, namespace, server })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<http::Response<Body>, Trouble> {
        let mut request = Request::builder().method(method).uri(path).header(http::header::ACCEPT, accept);
        let bytes = match body {
            Some((kind, bytes)) => {
                request = request.header(http::header::CONTENT_TYPE, kind);
                bytes
            }
            None => Vec::new(),
        };
        let request = request
            .body(Body::from(bytes))
            .map_err(|error| Trouble::error(format!("invalid request {path}: {error}")))?;
        let response = self.client.send(request).await.map_err(|error| self.unreachable(&error))?;
        for warning in response.headers().get_all(http::header::WARNING) {
            if let Some(text) = warning.to_str().ok().and_then(warning_text) {
                output::note(&format!("Warning: {}", visible(&text)));
            }
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status();
        let bytes = read_body(response).await?;
        let status: Status = serde_json::from_slice(&bytes)
            .ok()
            .filter(|status: &Status| status.message.is_some() || status.reason.is_some())
            .unwrap_or_else(|| Status {
                code: Some(code.as_u16().into()),
                reason: code.canonical_reason().map(|reason| reason.replace(' ', "")),
                message: Some(match String::from_utf8_lossy(&bytes).trim() {
                    "" => "the server could not find the requested resource".to_owned(),
                    text => visible(text),
                }),
                ..Status::default()
            });
        let status = Status { code: status.code.or(Some(code.as_u16().into())), ..status };
        Err(Trouble::Server { status: Box::new(status), doing: None })
    }

    fn unreachable(&self, error: &kube::Error) -> Trouble {
        let text = chain(error);
        let host = self.server.trim_start_matches("https://").trim_start_matches("http://");
        if text.contains("Connection refused") {
            return Trouble::Plain(format!(
                "The connection to the server {host} was refused - did you specify the right host or port?"
            ));
        }
        Trouble::Plain(format!("Unable to connect to the server: {text}"))
    }

    /// Asks, and reads the answer as JSON.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, refuses, or does not speak JSON.
    pub(crate) async fn json(&self, method: Method, path: &str, accept: &str) -> Result<Value, Trouble> {
        let response = self.send(method, path, accept, None).await?;
        parse(&read_body(response).await?)
    }

    /// Reads an object or a list.
    ///
    /// # Errors
    ///
    /// As [`Api::json`].
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.json(Method::GET, path, JSON).await
    }

    /// Reads an object that may not be there.
    ///
    /// # Errors
    ///
    /// As [`Api::json`], save for «not found».
    pub(crate) async fn find(&self, path: &str) -> Result<Option<Value>, Trouble> {
        match self.get(path).await {
            Ok(object) => Ok(Some(object)),
            Err(trouble) if trouble.is_not_found() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Creates.
    ///
    /// # Errors
    ///
    /// As [`Api::json`].
    pub(crate) async fn post(&self, path: &str, object: &Value) -> Result<Value, Trouble> {
        let response = self.send(Method::POST, path, JSON, Some((JSON, object.to_string().into_bytes()))).await?;
        parse(&read_body(response).await?)
    }

    /// Patches; `kind` is one of [`STRATEGIC`], [`MERGE`], [`JSON_PATCH`].
    ///
    /// # Errors
    ///
    /// As [`Api::json`].
    pub(crate) async fn patch(&self, path: &str, kind: &str, patch: &Value) -> Result<Value, Trouble> {
        let response = self.send(Method::PATCH, path, JSON, Some((kind, patch.to_string().into_bytes()))).await?;
        parse(&read_body(response).await?)
    }

    /// Deletes, with these options.
    ///
    /// # Errors
    ///
    /// As [`Api::json`].
    pub(crate) async fn delete(&self, path: &str, options: &Value) -> Result<Value, Trouble> {
        let response = self.send(Method::DELETE, path, JSON, Some((JSON, options.to_string().into_bytes()))).await?;
        parse(&read_body(response).await?)
    }

    /// Opens a stream of lines: a watch, or a followed log.
    ///
    /// # Errors
    ///
    /// As [`Api::json`].
    pub(crate) async fn stream(&self, path: &str, accept: &str) -> Result<Lines, Trouble> {
        let response = self.send(Method::GET, path, accept, None).await?;
        let reader = response.into_body().into_data_stream().map_err(std::io::Error::other).into_async_read();
        Ok(Lines { reader: Box::pin(reader) })
    }
}

/// Lines of a streamed answer, as they come.
pub(crate) struct Lines {
    reader: std::pin::Pin<Box<dyn AsyncBufRead + Send>>,
}

impl Lines {
    /// The next line with its end, or `None` when the stream is over.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let mut line = Vec::new();
        let read = self
            .reader
            .read_until(b'\n', &mut line)
            .await
            .map_err(|error| Trouble::error(format!("unable to read the answer: {}", chain(&error))))?;
        Ok((read > 0).then_some(line))
    }

    /// The next watch event.
    ///
    /// # Errors
    ///
    /// The connection broke, or the server ended the watch with an error.
    pub(crate) async fn event(&mut self) -> Result<Option<(String, Value)>, Trouble> {
        let Some(line) = self.next().await? else { return Ok(None) };
        let mut event = parse(&line)?;
        let object = event.get_mut("object").map(Value::take).unwrap_or_default();
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        if kind == "ERROR" {
            let status: Status = serde_json::from_value(object).unwrap_or_default();
            return Err(Trouble::Server { status: Box::new(status), doing: None });
        }
        Ok(Some((kind, object)))
    }
}

async fn read_body(response: http::Response<Body>) -> Result<Vec<u8>, Trouble> {
    let limited = http_body_util::Limited::new(response.into_body(), LARGEST_ANSWER);
    let collected =
        limited.collect().await.map_err(|error| Trouble::Plain(format!("Unable to connect to the server: {error}")))?;
    Ok(collected.to_bytes().to_vec())
}

fn parse(bytes: &[u8]) -> Result<Value, Trouble> {
    serde_json::from_slice(bytes).map_err(|error| Trouble::error(format!("the server's answer is not JSON: {error}")))
}

/// The quoted text of a `Warning` header (`299 - "text"`, RFC 7234 §5.5).
fn warning_text(header: &str) -> Option<String> {
    let quoted = header.split_once('"')?.1;
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            '"' => return Some(text),
            other => text.push(other),
        }
    }
    None
}

/// Text from the server without the control characters that a terminal would obey; lines and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect()
}
