//! What went wrong between the gateway and a provider, as clients are told. Words of providers do not
//! reach them: they could hold paths, prompts or memory. The log has them.

use contracts::hauski::engine::capability;
use contracts::hauski::protocol::code;
use hauski::openai::track::Fault;
use hauski::openai::wire::Invalid;
use hauski_plugins::{CallError, CallErrorKind};
use serde_json::Value;

use crate::server::error::{ApiError, Code};

/// Seconds until another try where nobody knows better.
const RETRY_AFTER_S: u64 = 2;

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        let error = Self::new(Code::Request(invalid.code), invalid.message);
        match invalid.param {
            Some(param) => error.param(param),
            None => error,
        }
    }
}

/// A provider that broke the contract.
pub(crate) fn fault(provider: &str, fault: &Fault) -> ApiError {
    broken(provider, &fault.to_string())
}

/// A provider that sent what cannot be read.
pub(crate) fn broken(provider: &str, cause: &str) -> ApiError {
    tracing::warn!(provider, cause, "a provider broke the contract");
    ApiError::new(Code::UpstreamError, "The engine sent something that is no answer.")
}

/// Why a plugin gave no answer.
pub(crate) fn of_call(capability: &str, model: Option<&str>, error: &CallError) -> ApiError {
    let plugin = error.plugin.as_deref().unwrap_or("-");
    tracing::debug!(plugin, capability, cause = %error, "a call of a plugin failed");
    let retry = error.retry_after_ms().map_or(RETRY_AFTER_S, |ms| ms.div_ceil(1000));
    match error.kind {
        CallErrorKind::NoProvider => unavailable(capability),
        CallErrorKind::UnknownModel => unknown_model(model.unwrap_or_default()),
        CallErrorKind::Unavailable { .. } => {
            let message = format!("The engine for `{capability}` does not run at the moment.");
            ApiError::new(Code::CapabilityUnavailable, message).retry_after(retry)
        }
        CallErrorKind::Overloaded { .. } => {
            let message = "The engine has as much work as it takes; try again soon.";
            ApiError::new(Code::EngineOverloaded, message).retry_after(retry)
        }
        CallErrorKind::TimedOut => {
            ApiError::new(Code::UpstreamTimeout, "The engine did not answer in time.")
        }
        CallErrorKind::Crashed | CallErrorKind::Cancelled => {
            ApiError::new(Code::UpstreamError, "The engine ended while it worked.")
        }
        CallErrorKind::TooLarge => {
            let message = "The request is larger than what an engine can be sent (8 MiB).";
            ApiError::new(Code::RequestTooLarge, message)
        }
        CallErrorKind::Plugin(code) => of_plugin(code, error.data.as_deref()),
        CallErrorKind::Forbidden => {
            let message = "The settings of the plugin do not allow this; its log says why.";
            ApiError::new(Code::InsufficientScope, message)
        }
        CallErrorKind::Protocol => {
            tracing::warn!(plugin, capability, cause = %error, "a plugin broke the protocol");
            ApiError::new(Code::UpstreamError, "The engine broke its protocol.")
        }
    }
}

fn of_plugin(code: i64, data: Option<&Value>) -> ApiError {
    let number = |name: &str| data.and_then(|data| data.get(name)?.as_u64());
    match code {
        code::INVALID_VALUE => {
            let param = data.and_then(|data| data.get("param")?.as_str()).filter(|p| is_path(p));
            let param = param.unwrap_or("body").to_owned();
            let message = format!("The engine does not take this value of '{param}'.");
            let code = Code::Request(hauski::openai::wire::Code::UnsupportedValue);
            ApiError::new(code, message).param(param)
        }
        code::CONTEXT_LENGTH => match (number("limit"), number("asked")) {
            (Some(limit), Some(asked)) => context_length(limit, asked),
            _ => broken("plugin", "context_length without limit and asked"),
        },
        _ => ApiError::new(Code::UpstreamError, "The engine could not do this; its log says why."),
    }
}

/// The context is too small for the prompt and what was asked for; nothing is cut.
pub(crate) fn context_length(limit: u64, asked: u64) -> ApiError {
    let message = format!(
        "This model's maximum context length is {limit} tokens. However, you requested {asked} tokens (the prompt and the tokens of the answer). Nothing has been cut; please shorten the messages or ask for fewer tokens."
    );
    ApiError::new(Code::ContextLengthExceeded, message).param("messages").context_limit(limit)
}

/// A path of a request, so that a plugin cannot write anything else into an answer.
fn is_path(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'[' | b']');
    (1..=128).contains(&text.len()) && text.bytes().all(plain)
}

/// Nobody has the model.
pub(crate) fn unknown_model(model: &str) -> ApiError {
    let shown: String = model.chars().take(64).collect();
    let shown = redact::escape::escape_ctl_line(&shown).into_owned();
    let message = format!(
        "The model '{shown}' does not exist or you do not have access to it. GET /v1/models lists those that there are."
    );
    ApiError::new(Code::ModelNotFound, message).param("model")
}

/// Nobody has the capability.
pub(crate) fn unavailable(name: &str) -> ApiError {
    let install = match name {
        capability::PR_DRAFT => {
            "the plugin `repoagent` of this house drafts pull requests; add it to plugins.json"
        }
        capability::CHAT | capability::COMPLETE => {
            "add an engine with this capability to plugins.json, or an upstream to routing.yaml"
        }
        _ => "add a plugin with this capability to plugins.json",
    };
    let message = format!(
        "No provider here has the capability `{name}`: {install} (docs/plugins.md), then look at `hauski plugins`."
    );
    ApiError::new(Code::CapabilityUnavailable, message).retry_after(30)
}
