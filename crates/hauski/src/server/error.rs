//! Errors as clients see them: OpenAI's shape, from a closed list of codes.
//!
//! Messages are made of what the client sent or may know; never of paths, memory or causes.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

/// The body of every error.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ErrorBody {
    /// The error.
    pub(crate) error: ErrorObject,
}

/// What went wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ErrorObject {
    /// For people.
    pub(crate) message: String,
    /// Kind of error, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Field of the request that is at fault, or null.
    pub(crate) param: Option<String>,
    /// For programs.
    pub(crate) code: &'static str,
}

/// Every code there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// No key, or none that is known, or one that is revoked or has expired.
    InvalidApiKey,
    /// The key lacks the scope of the route, or may not see the object.
    InsufficientScope,
    /// The browser's page is of another origin.
    OriginNotAllowed,
    /// The token against forged requests is missing or wrong.
    CsrfTokenMissing,
    /// The `Host` header names another server.
    HostNotAllowed,
    /// There is no such route or object.
    NotFound,
    /// The route does not take this method.
    MethodNotAllowed,
    /// The body is not JSON although it has to be.
    UnsupportedMediaType,
    /// The route is a WebSocket, and the request is not one.
    UpgradeRequired,
    /// The body cannot be read as what the route takes.
    InvalidBody,
    /// A field has a value that the route does not take.
    InvalidValue,
    /// A request of the OpenAI surface that cannot be taken.
    Request(hauski::openai::wire::Code),
    /// An engine or upstream has as much work as it takes.
    EngineOverloaded,
    /// A request that would leave the house holds something that looks like a secret.
    SecretInPrompt,
    /// `routing.yaml` does not allow the destination.
    EgressDenied,
    /// No model of this name.
    ModelNotFound,
    /// The request has more tokens than the model takes.
    ContextLengthExceeded,
    /// A document for the index says not where it comes from.
    MissingSourceRef,
    /// Feedback on a decision that is not there.
    UnknownDecision,
    /// The body is larger than `limits.yaml` allows.
    RequestTooLarge,
    /// The body came too slowly.
    RequestTimeout,
    /// What is asked for contradicts the present state.
    Conflict,
    /// Too many requests of this key or address.
    RateLimitExceeded,
    /// The key's budget is used up.
    InsufficientQuota,
    /// Too many requests at work.
    Overloaded,
    /// No provider for this capability is there.
    CapabilityUnavailable,
    /// A provider did not answer in time.
    UpstreamTimeout,
    /// A provider answered with nonsense or ended.
    UpstreamError,
    /// The daemon is ending.
    ShuttingDown,
    /// The daemon could not do its work; its log says why under the request's id.
    InternalError,
}

impl Code {
    /// For programs.
    pub(crate) fn as_str(self) -> &'static str {
        self.parts().2
    }

    /// Whether it says that somebody was not let in.
    pub(crate) fn is_denial(self) -> bool {
        matches!(
            self,
            Self::InvalidApiKey
                | Self::InsufficientScope
                | Self::OriginNotAllowed
                | Self::CsrfTokenMissing
                | Self::HostNotAllowed
        )
    }

    /// Status of the answer.
    pub(crate) fn status(self) -> StatusCode {
        self.parts().0
    }

    /// Status, `type` and `code` of the answer.
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        const INVALID: &str = "invalid_request_error";
        match self {
            Self::InvalidApiKey => (S::UNAUTHORIZED, "authentication_error", "invalid_api_key"),
            Self::InsufficientScope => (S::FORBIDDEN, "permission_error", "insufficient_scope"),
            Self::OriginNotAllowed => (S::FORBIDDEN, "permission_error", "origin_not_allowed"),
            Self::CsrfTokenMissing => (S::FORBIDDEN, "permission_error", "csrf_token_missing"),
            Self::HostNotAllowed => (S::MISDIRECTED_REQUEST, INVALID, "host_not_allowed"),
            Self::NotFound => (S::NOT_FOUND, INVALID, "not_found"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed"),
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, INVALID, "unsupported_media_type")
            }
            Self::UpgradeRequired => (S::UPGRADE_REQUIRED, INVALID, "upgrade_required"),
            Self::InvalidBody => (S::BAD_REQUEST, INVALID, "invalid_body"),
            Self::InvalidValue => (S::BAD_REQUEST, INVALID, "invalid_value"),
            Self::Request(code) => (S::BAD_REQUEST, INVALID, code.name()),
            Self::EngineOverloaded => {
                (S::TOO_MANY_REQUESTS, "rate_limit_error", "engine_overloaded")
            }
            Self::SecretInPrompt => (S::FORBIDDEN, "permission_error", "secret_in_prompt"),
            Self::EgressDenied => (S::FORBIDDEN, "permission_error", "egress_denied"),
            Self::ModelNotFound => (S::NOT_FOUND, INVALID, "model_not_found"),
            Self::ContextLengthExceeded => (S::BAD_REQUEST, INVALID, "context_length_exceeded"),
            Self::MissingSourceRef => (S::UNPROCESSABLE_ENTITY, INVALID, "missing_source_ref"),
            Self::UnknownDecision => (S::UNPROCESSABLE_ENTITY, INVALID, "unknown_decision"),
            Self::RequestTooLarge => (S::PAYLOAD_TOO_LARGE, INVALID, "request_too_large"),
            Self::RequestTimeout => (S::REQUEST_TIMEOUT, INVALID, "request_timeout"),
            Self::Conflict => (S::CONFLICT, INVALID, "conflict"),
            Self::RateLimitExceeded => {
                (S::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded")
            }
            Self::InsufficientQuota => {
                (S::TOO_MANY_REQUESTS, "insufficient_quota", "insufficient_quota")
            }
            Self::Overloaded => (S::SERVICE_UNAVAILABLE, "server_error", "overloaded"),
            Self::CapabilityUnavailable => {
                (S::SERVICE_UNAVAILABLE, "server_error", "capability_unavailable")
            }
            Self::UpstreamTimeout => (S::GATEWAY_TIMEOUT, "server_error", "upstream_timeout"),
            Self::UpstreamError => (S::BAD_GATEWAY, "server_error", "upstream_error"),
            Self::ShuttingDown => (S::SERVICE_UNAVAILABLE, "server_error", "shutting_down"),
            Self::InternalError => (S::INTERNAL_SERVER_ERROR, "server_error", "internal_error"),
        }
    }
}

/// An error of a request.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: Code,
    message: String,
    param: Option<String>,
    retry_after_s: Option<u64>,
    context_limit: Option<u64>,
}

impl ApiError {
    /// An error of this code; the message is for people and may only hold what the client may know.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            param: None,
            retry_after_s: None,
            context_limit: None,
        }
    }

    /// Names the field at fault, such as `messages[2].content`.
    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Says after how many seconds to try again.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Says in a header how many tokens the context of the model has.
    pub(crate) fn context_limit(mut self, tokens: u64) -> Self {
        self.context_limit = Some(tokens);
        self
    }

    /// The route or object does not exist, or the caller may not know that it does.
    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing under this address.")
    }

    /// Something went wrong that is not the client's fault; the cause goes to the log only.
    pub(crate) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let cause = crate::exit::with_causes(cause);
        tracing::error!(cause, "a request could not be served");
        Self::new(Code::InternalError, "The daemon could not do this; its log says why.")
    }

    /// For people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// The code of the answer.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The body, also for places without a status line such as a running stream.
    pub(crate) fn body(&self) -> ErrorBody {
        let (_, kind, code) = self.code.parts();
        let error =
            ErrorObject { message: self.message.clone(), kind, param: self.param.clone(), code };
        ErrorBody { error }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.body())).into_response();
        response.extensions_mut().insert(self.code);
        response.extensions_mut().insert(self.clone());
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(tokens) = self.context_limit {
            headers.insert(crate::gateway::stream::CONTEXT_LIMIT, HeaderValue::from(tokens));
        }
        if self.code == Code::InvalidApiKey {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
