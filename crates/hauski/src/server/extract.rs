//! Takes JSON bodies and queries, and says what is wrong with them in the shape of all errors.

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::body::BodyFault;
use super::error::{ApiError, Code};

/// The whole body, within the bounds of the route.
pub(crate) struct RawBody(pub(crate) Bytes);

/// A JSON body; an empty one reads as `{}`.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// The query of the address.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = request.into_body().collect().await.map_err(|error| fault(&error))?;
        Ok(Self(body.to_bytes()))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| json_fault(&error))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0)).map_err(|_| {
            ApiError::new(Code::InvalidValue, "The query of the address cannot be read.")
        })
    }
}

/// What serde says about a body. It names fields and values of the client's own body only.
pub(crate) fn json_fault(error: &serde_json::Error) -> ApiError {
    match error.classify() {
        serde_json::error::Category::Data => {
            ApiError::new(Code::InvalidValue, format!("The body does not fit: {error}."))
        }
        _ => ApiError::new(Code::InvalidBody, format!("The body is no JSON: {error}.")),
    }
}

/// Why a body could not be read.
pub(crate) fn fault(error: &axum::Error) -> ApiError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<BodyFault>() {
            Some(BodyFault::TooLarge { limit }) => return too_large(*limit),
            Some(BodyFault::TooSlow) => {
                return ApiError::new(Code::RequestTimeout, "The body came too slowly.");
            }
            None => cause = error.source(),
        }
    }
    ApiError::new(Code::InvalidBody, "The body ended early or is malformed.")
}

/// A body over its bound.
pub(crate) fn too_large(limit: u64) -> ApiError {
    ApiError::new(
        Code::RequestTooLarge,
        format!("The body has more than the {limit} bytes that limits.yaml allows."),
    )
}
