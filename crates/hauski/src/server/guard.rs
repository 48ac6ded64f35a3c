//! What stands before every handler: request id, log line, metrics, and the access of the route.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument;

use super::auth::{Access, Caller};
use super::error::{ApiError, Code};
use super::table::Class;
use crate::metrics::RequestLabels;
use crate::state::AppState;

/// Header with the id under which the log speaks of a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, for handlers that write it elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// One route and what it demands.
#[derive(Clone)]
pub(crate) struct Guarded {
    pub(crate) state: AppState,
    pub(crate) access: Access,
    pub(crate) class: Class,
}

/// Around every request, matched or not.
pub(crate) async fn every_request(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let id = uuid::Uuid::now_v7().simple().to_string();
    let method = method_name(request.method());
    let matched = request.extensions().get::<MatchedPath>();
    let path = matched.map_or("unmatched", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", request_id = id, method, path);

    state.metrics.in_flight.inc();
    let mut response = next.run(request).instrument(span.clone()).await;
    state.metrics.in_flight.dec();

    let status = response.status().as_u16();
    let duration = began.elapsed();
    state.metrics.observe(&RequestLabels { method, path, status }, duration);
    span.in_scope(|| {
        tracing::debug!(status, duration_us = duration.as_micros(), "request answered");
    });
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Lets the request through to its handler, or answers in its place.
pub(crate) async fn guard(State(route): State<Guarded>, request: Request, next: Next) -> Response {
    match admit(&route, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn admit(route: &Guarded, request: &Request) -> Result<(), ApiError> {
    if route.state.draining.is_cancelled() && route.class != Class::Probe {
        let error = ApiError::new(Code::ShuttingDown, "The daemon is ending; try again soon.");
        return Err(error.retry_after(5));
    }
    let caller = caller(request);
    match route.access {
        Access::Open => Ok(()),
        Access::Scope(scope) => caller.require(scope),
        Access::Plugin => caller.require("plugin"),
    }
}

fn caller(request: &Request) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or_else(Caller::nobody)
}

/// Nothing under this path; who has no key does not learn even that.
pub(crate) async fn unknown_path(caller: Caller) -> ApiError {
    caller.require("any").err().unwrap_or_else(ApiError::not_found)
}

/// The path is there, the method is not.
pub(crate) async fn unknown_method(caller: Caller) -> ApiError {
    let error = || ApiError::new(Code::MethodNotAllowed, "This address does not take this method.");
    caller.require("any").err().unwrap_or_else(error)
}

fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
