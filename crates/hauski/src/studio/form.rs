//! What a form of our own pages sent. The guard has read it and checked the token against forged requests.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::server::error::{ApiError, Code};

/// Bytes of a form.
pub(crate) const MAX_BYTES: usize = 256 << 10;
/// Name of the field with the token.
pub(crate) const CSRF: &str = "csrf";

/// The fields, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body of `application/x-www-form-urlencoded`.
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    /// The value of a field; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The value of a field that has to be there.
    pub(crate) fn need(&self, name: &'static str) -> Result<&str, ApiError> {
        match self.get(name).trim() {
            "" => Err(ApiError::new(Code::InvalidValue, format!("The field `{name}` is empty."))
                .param(name)),
            value => Ok(value),
        }
    }

    /// Names behind a prefix whose box is checked.
    pub(crate) fn checked(&self, prefix: &str) -> Vec<String> {
        let all = self.0.iter().filter_map(|(name, _)| name.strip_prefix(prefix));
        all.map(str::to_owned).collect()
    }
}

impl<S: Sync> FromRequestParts<S> for Form {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
