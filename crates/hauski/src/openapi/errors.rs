//! The errors of the document: from the closed list of codes, by status.

use std::collections::{BTreeMap, BTreeSet};

use hauski::openai::wire;
use http::Method;
use serde_json::{Value, json};

use super::shape::{Contract, add_schema};
use super::takes_body;
use crate::server::auth::Access;
use crate::server::error::{Code, ErrorBody};
use crate::server::table::{Class, Route};

/// The statuses of all errors that a route can give: those of the guard, and its own.
pub(super) fn statuses(route: &Route, own: &[Code]) -> BTreeSet<u16> {
    let mut codes = vec![Code::HostNotAllowed, Code::OriginNotAllowed];
    if route.access != Access::Open {
        codes.extend([
            Code::InvalidApiKey,
            Code::InvalidBody,
            Code::UnsupportedMediaType,
            Code::RequestTooLarge,
            Code::RateLimitExceeded,
            Code::ShuttingDown,
            Code::InternalError,
        ]);
        if matches!(route.access, Access::Scope(_) | Access::Plugin) {
            codes.push(Code::InsufficientScope);
        }
        if route.method != Method::GET {
            codes.push(Code::CsrfTokenMissing);
        }
        if !matches!(route.class, Class::Live | Class::Talk | Class::Pass) {
            codes.push(Code::UpstreamTimeout);
        }
        if takes_body(route.class) {
            codes.push(Code::RequestTimeout);
        }
        if route.path.contains('{') {
            codes.push(Code::NotFound);
        }
    }
    codes.iter().chain(own).map(|code| code.status().as_u16()).collect()
}

/// Every status that an error can have, and what it says.
pub(super) fn all() -> BTreeMap<u16, String> {
    let mut words: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in Code::every() {
        words.entry(code.status().as_u16()).or_default().push(code.as_str());
    }
    words.into_iter().map(|(status, words)| (status, format!("`{}`", words.join("`, `")))).collect()
}

/// Name of the response with this status.
pub(super) fn name(status: u16) -> String {
    format!("Error{status}")
}

/// The shape of all errors, and what path parameters and request ids are.
pub(super) fn schemas() -> BTreeMap<String, Value> {
    let mut schemas = BTreeMap::new();
    add_schema::<ErrorBody>("Error", Contract::Serialize, &mut schemas);
    let codes: BTreeSet<&str> = Code::every().into_iter().map(Code::as_str).collect();
    if let Some(object) = schemas.get_mut("Error.ErrorObject") {
        object["properties"]["code"]["enum"] = json!(codes);
    }
    schemas.insert("Name".to_owned(), json!({"type": "string", "minLength": 1}));
    schemas.insert("RequestId".to_owned(), json!({"type": "string", "pattern": "^[0-9a-f]{32}$"}));
    schemas
}

impl Code {
    /// Every code there is; the match makes sure that none is forgotten.
    fn every() -> Vec<Self> {
        let mut all: Vec<Self> = wire::Code::ALL.iter().copied().map(Self::Request).collect();
        let mut next = Some(Self::InvalidApiKey);
        while let Some(code) = next {
            all.push(code);
            next = code.next();
        }
        all
    }

    fn next(self) -> Option<Self> {
        Some(match self {
            Self::InvalidApiKey => Self::InsufficientScope,
            Self::InsufficientScope => Self::OriginNotAllowed,
            Self::OriginNotAllowed => Self::CsrfTokenMissing,
            Self::CsrfTokenMissing => Self::HostNotAllowed,
            Self::HostNotAllowed => Self::NotFound,
            Self::NotFound => Self::MethodNotAllowed,
            Self::MethodNotAllowed => Self::UnsupportedMediaType,
            Self::UnsupportedMediaType => Self::UpgradeRequired,
            Self::UpgradeRequired => Self::InvalidBody,
            Self::InvalidBody => Self::InvalidValue,
            Self::InvalidValue => Self::EngineOverloaded,
            Self::EngineOverloaded => Self::SecretInPrompt,
            Self::SecretInPrompt => Self::EgressDenied,
            Self::EgressDenied => Self::ModelNotFound,
            Self::ModelNotFound => Self::ContextLengthExceeded,
            Self::ContextLengthExceeded => Self::MissingSourceRef,
            Self::MissingSourceRef => Self::UnknownDecision,
            Self::UnknownDecision => Self::RequestTooLarge,
            Self::RequestTooLarge => Self::RequestTimeout,
            Self::RequestTimeout => Self::Conflict,
            Self::Conflict => Self::RateLimitExceeded,
            Self::RateLimitExceeded => Self::InsufficientQuota,
            Self::InsufficientQuota => Self::Overloaded,
            Self::Overloaded => Self::CapabilityUnavailable,
            Self::CapabilityUnavailable => Self::UpstreamTimeout,
            Self::UpstreamTimeout => Self::UpstreamError,
            Self::UpstreamError => Self::ShuttingDown,
            Self::ShuttingDown => Self::InternalError,
            Self::InternalError | Self::Request(_) => return None,
        })
    }
}
