//! Why the stand-in could not do what was asked, in the very words of the real `kubectl`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// A sentence that follows `error: `.
    #[error("error: {0}")]
    Error(String),
    /// A sentence that stands alone.
    #[error("{0}")]
    Plain(String),
    /// The server refused.
    #[error("{}", server_sentence(.status, .doing.as_deref()))]
    Server {
        /// The server's own words.
        status: Box<Status>,
        /// What was being done, such as `error when creating "a.yaml"`.
        doing: Option<String>,
    },
    /// The stand-in has no such verb.
    #[error("unknown command {0:?}")]
    UnknownVerb(String),
    /// The stand-in has no such flag for this verb.
    #[error("unknown flag {flag:?} of {verb:?}")]
    UnknownFlag {
        /// The verb.
        verb: String,
        /// The flag as written.
        flag: String,
    },
    /// Several things failed; each was said already.
    #[error("several requests failed")]
    AlreadySaid,
}

impl Trouble {
    /// A sentence that follows `error: `.
    pub(crate) fn error(sentence: impl Into<String>) -> Trouble {
        Trouble::Error(sentence.into())
    }

    /// Says what was being done when the server refused.
    pub(crate) fn while_doing(self, what: String) -> Trouble {
        match self {
            Trouble::Server { status, doing: None } => Trouble::Server { status, doing: Some(what) },
            other => other,
        }
    }

    /// The HTTP code of the server's refusal, if it was one.
    pub(crate) fn code(&self) -> Option<i32> {
        match self {
            Trouble::Server { status, .. } => status.code,
            _ => None,
        }
    }

    /// Whether the server said that the thing is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }
}

/// The sentence for a `metav1.Status`, after `StandardErrorMessage` of
/// `k8s.io/kubectl/pkg/cmd/util/helpers.go` (behaviour, not text, is taken over; the words are the server's).
fn server_sentence(status: &Status, doing: Option<&str>) -> String {
    let message = status.message.clone().unwrap_or_default();
    let reason = status.reason.as_deref().unwrap_or_default();
    let details = status.details.as_ref();
    if reason == "Invalid"
        && let Some(details) = details
    {
        let causes: Vec<String> = details
            .causes
            .iter()
            .flatten()
            .map(|cause| {
                let field = cause.field.clone().unwrap_or_default();
                let text = cause.message.clone().unwrap_or_default();
                if field.is_empty() { text } else { format!("{field}: {text}") }
            })
            .collect();
        let kind = details.kind.clone().unwrap_or_default();
        let name = details.name.clone().unwrap_or_default();
        let head = if kind.is_empty() && name.is_empty() {
            "The request is invalid".to_owned()
        } else {
            format!("The {kind} {name:?} is invalid")
        };
        return match causes.as_slice() {
            [] => format!("{head}: {message}"),
            [one] => format!("{head}: {one}"),
            many => format!("{head}: {}", many.iter().map(|cause| format!("\n* {cause}")).collect::<String>()),
        };
    }
    let head = if reason.is_empty() { "Error from server".to_owned() } else { format!("Error from server ({reason})") };
    match doing {
        Some(doing) => format!("{head}: {doing}: {message}"),
        None => format!("{head}: {message}"),
    }
}
