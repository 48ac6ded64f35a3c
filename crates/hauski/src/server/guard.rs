//! What stands before every handler: names and origins, the request's id, log line and metrics, then the access of
//! the route, its bounds, and the end of what streams.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use audit::{Event, Outcome};
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt as _, Limited};
use tracing::Instrument;

use super::auth::{Access, Actor, Caller};
use super::body::{Bounded, Held};
use super::connection::Peer;
use super::denials::{self, Denial};
use super::error::{ApiError, Code};
use super::extract;
use super::origin::Door;
use super::session::{COOKIE, CSRF_HEADER};
use super::table::Class;
use crate::keys::scopes::Scope;
use crate::metrics::{InFlight, RequestLabels};
use crate::record;
use crate::state::AppState;
use crate::studio;
use crate::studio::form::{self, Form};
use crate::trace::{Parent, Span};

/// Header with the id under which the log speaks of a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a form may pause on its way.
const FORM_PAUSE: Duration = Duration::from_secs(10);

/// Stands in metrics for an answer that nobody was there to get.
const CLIENT_GONE: u16 = 499;

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
    let address = request.extensions().get::<Peer>().and_then(|peer| peer.address);
    let span = tracing::info_span!("request", request_id = id, method, path);

    let parent = state.tracer.as_ref().and_then(|_| Parent::of(request.headers()));
    let asked = Asked::default();
    request.extensions_mut().insert(asked.clone());
    let told = Told {
        state: state.clone(),
        id: id.clone(),
        method,
        path: path.clone(),
        address,
        asked,
        began,
    };
    let unanswered = Unanswered(Some(told));
    let in_flight = state.metrics.in_flight();
    let mut response = match foreign_origin(&state, &request) {
        Ok(Some(origin)) if is_preflight(&request) => preflight(&request, &origin),
        Ok(origin) => {
            request.extensions_mut().insert(in_flight);
            let mut response = next.run(request).instrument(span.clone()).await;
            if let Some(origin) = origin {
                allow_origin(response.headers_mut(), &origin);
            }
            response
        }
        Err(error) => error.into_response(),
    };

    let status = response.status().as_u16();
    let duration = began.elapsed();
    let denial = response.extensions_mut().remove::<Code>().filter(|code| code.is_denial());
    if let Some(told) = unanswered.answered() {
        told.record(status, duration, denial).await;
    }
    if let Some(tracer) = &state.tracer {
        tracer.note(Span::new(&id, parent.as_ref()).answered(method, &path, status, duration));
    }
    span.in_scope(|| {
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(status, duration_us, "request answered");
    });
    common_headers(response.headers_mut(), &id);
    response
}

/// Who asked, for the audit log; the guard writes it down as soon as it knows.
#[derive(Clone, Debug, Default)]
struct Asked(Arc<OnceLock<String>>);

/// What the audit log tells of a request.
struct Told {
    state: AppState,
    id: String,
    method: &'static str,
    path: String,
    address: Option<IpAddr>,
    asked: Asked,
    began: Instant,
}

impl Told {
    /// Denials are on the disk before the answer, unless there are very many; other requests of known callers follow
    /// within milliseconds. What nobody known asked of open routes is only counted.
    async fn record(self, status: u16, duration: Duration, denial: Option<Code>) {
        self.count(status, duration);
        let target = format!("{} {}", self.method, self.path);
        let asked = self.asked.0.get().cloned();
        let is_known = asked.is_some();
        let actor = asked.unwrap_or_else(|| "nobody".to_owned());
        if let Some(code) = denial {
            let denial = Denial { actor, target, code, address: self.address, request: self.id };
            denials::record(&self.state, denial).await;
        } else if is_known {
            let outcome = if status < 500 { Outcome::Ok } else { Outcome::Failed };
            let event = Event::new(actor, "request.finish", target).outcome(outcome);
            let event = event.with("status", status).with("duration_us", microseconds(duration));
            record::ordinary(&self.state, event.with("request", self.id));
        }
    }

    /// The client has gone before it had its answer: the request counts all the same.
    fn abandoned(self) {
        let duration = self.began.elapsed();
        self.count(CLIENT_GONE, duration);
        let Some(actor) = self.asked.0.get() else { return };
        let target = format!("{} {}", self.method, self.path);
        let event = Event::new(actor, "request.finish", target).outcome(Outcome::Failed);
        let event = event.with("code", "client_gone").with("duration_us", microseconds(duration));
        record::ordinary(&self.state, event.with("request", self.id));
    }

    fn count(&self, status: u16, duration: Duration) {
        let labels = RequestLabels { method: self.method, path: self.path.clone(), status };
        self.state.metrics.observe(&labels, duration);
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX >> 11)
}

/// A request that has no answer yet. When its client goes away, the server lets go of it, and so of this.
struct Unanswered(Option<Told>);

impl Unanswered {
    fn answered(mut self) -> Option<Told> {
        self.0.take()
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(told) = self.0.take() {
            told.abandoned();
        }
    }
}

/// Lets the request through to its handler, or answers in its place.
pub(crate) async fn guard(
    State(route): State<Guarded>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    if !matches!(route.class, Class::Page | Class::Form) {
        return admitted(&route, path, request, next)
            .await
            .unwrap_or_else(IntoResponse::into_response);
    }
    let headers = request.headers().clone();
    let looker = caller(&route.state, &request, route.class).unwrap_or_else(|_| Caller::nobody());
    let answered = admitted(&route, path, request, next).await;
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    // People get their errors as pages.
    match response.extensions_mut().remove::<ApiError>() {
        Some(error) => studio::error(&headers, &error, &looker),
        None => response,
    }
}

async fn admitted(
    route: &Guarded,
    path: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let state = &route.state;
    if route.access == Access::Open {
        return Ok(next.run(request).await);
    }
    let caller = caller(state, &request, route.class)?;
    if let Some(Asked(asked)) = request.extensions().get() {
        // It is written once.
        let _ = asked.set(caller.owner_name());
    }
    // Whoever is unknown learns nothing about addresses.
    let path = path.or_else(|_| {
        caller.require_known()?;
        Err(ApiError::not_found())
    })?;
    match route.access {
        Access::Open | Access::Ticket => {}
        Access::AnyKey => caller.require_known()?,
        Access::Scope(scope) => caller.require(scope)?,
        Access::Plugin => {
            caller.require_known()?;
            let name = path.iter().find(|(name, _)| *name == "name").map(|(_, value)| value);
            let scope = Scope::plugin(name.unwrap_or_default());
            caller.require(scope.ok_or_else(ApiError::not_found)?)?;
        }
    }
    if state.draining.is_cancelled() {
        let error = ApiError::new(Code::ShuttingDown, "The daemon is ending; try again soon.");
        return Err(error.retry_after(5));
    }
    caller.take_request()?;
    let limits = state.policies.load().limits.request.clone();
    content(route.class, request.headers(), limits.max_body_bytes)?;
    let place = match route.class {
        Class::Probe | Class::Live => None,
        Class::Read
        | Class::Write
        | Class::Lines
        | Class::Upload
        | Class::Talk
        | Class::Page
        | Class::Form
        | Class::Pass => Some(state.room.enter().await?),
    };
    if route.class == Class::Form {
        request = read_form(request, &caller).await?;
    }
    let in_flight = request.extensions_mut().remove::<InFlight>();
    request.extensions_mut().insert(caller.clone());
    let (most, pause) = (limits.max_body_bytes, state.options.load().client_timeout);
    let request = request.map(|body| Body::new(Bounded::new(body, most, pause)));

    let longest = Duration::from_secs(u64::from(limits.max_seconds.max(1)));
    let is_endless = matches!(route.class, Class::Live | Class::Talk | Class::Pass);
    let deadline = (!is_endless).then(|| tokio::time::Instant::now() + longest);
    let response = match deadline {
        None => next.run(request).await,
        Some(deadline) => {
            tokio::time::timeout_at(deadline, next.run(request)).await.map_err(|_| {
                let seconds = longest.as_secs();
                let message = format!("This took longer than the {seconds} s of limits.yaml.");
                ApiError::new(Code::UpstreamTimeout, message)
            })?
        }
    };
    let is_whole = response.body().size_hint().exact().is_some();
    if is_whole && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    let end = end_of_stream(state.clone(), caller, deadline);
    Ok(response.map(|body| Body::new(Held::new(body, end, (place, in_flight)))))
}

/// Reads a form of our own pages and checks its token: a form cannot send the header that modules send.
async fn read_form(request: Request, caller: &Caller) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let body =
        Limited::new(Bounded::new(body, form::MAX_BYTES as u64, FORM_PAUSE), form::MAX_BYTES);
    let body = body.collect().await.map_err(|_| {
        ApiError::new(Code::RequestTooLarge, "This form is too large, or came too slowly.")
    })?;
    let form = Form::read(&body.to_bytes());
    if let Actor::Session(session) = &caller.actor
        && !session.is_csrf(form.get(form::CSRF))
    {
        let message =
            "This page is from an earlier session. Load it again, then repeat what you did.";
        return Err(ApiError::new(Code::CsrfTokenMissing, message));
    }
    parts.extensions.insert(form);
    Ok(Request::from_parts(parts, Body::empty()))
}

/// When a stream must end: the caller's rights are gone, its time is over, or the daemon ends.
async fn end_of_stream(state: AppState, caller: Caller, deadline: Option<tokio::time::Instant>) {
    let time = deadline.unwrap_or_else(tokio::time::Instant::now);
    tokio::select! {
        () = caller.rights_end() => {}
        () = state.ended.cancelled() => {}
        () = tokio::time::sleep_until(time), if deadline.is_some() => {}
    }
}

/// What a request may carry.
fn content(class: Class, headers: &HeaderMap, max_body_bytes: u64) -> Result<(), ApiError> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.map_or(Ok(0), str::parse::<u64>);
    let length =
        length.map_err(|_| ApiError::new(Code::InvalidBody, "The length is no number."))?;
    if length > max_body_bytes {
        return Err(extract::too_large(max_body_bytes));
    }
    let has_body = length > 0 || headers.contains_key(header::TRANSFER_ENCODING);
    if !has_body {
        return Ok(());
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let (fits, wanted) = match class {
        Class::Probe | Class::Read | Class::Live | Class::Page => (false, "no body"),
        Class::Form => {
            let wanted = "application/x-www-form-urlencoded";
            (kind.eq_ignore_ascii_case(wanted), "`application/x-www-form-urlencoded`")
        }
        Class::Write | Class::Talk => {
            (kind.eq_ignore_ascii_case("application/json"), "`application/json`")
        }
        Class::Lines => {
            let known = ["application/json", "application/x-ndjson", "application/jsonl"];
            let fits = known.iter().any(|known| kind.eq_ignore_ascii_case(known));
            (fits, "`application/json` or `application/x-ndjson`")
        }
        Class::Pass => (true, "anything"),
        Class::Upload => {
            (kind.eq_ignore_ascii_case("multipart/form-data"), "`multipart/form-data`")
        }
    };
    let error =
        || ApiError::new(Code::UnsupportedMediaType, format!("This address takes {wanted}."));
    fits.then_some(()).ok_or_else(error)
}

/// Who asks: the connection's own caller, else the key, else the session cookie.
fn caller(state: &AppState, request: &Request, class: Class) -> Result<Caller, ApiError> {
    let peer = request.extensions().get::<Peer>();
    if let Some(Peer { caller, .. }) = peer
        && !matches!(caller.actor, Actor::Nobody)
    {
        return Ok(caller.clone());
    }
    let headers = request.headers();
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(first) = sent.next() {
        // Of two, other servers would believe the other one.
        let sent =
            if sent.next().is_none() { first } else { return Err(unknown_key(state, peer)) };
        let text = sent.to_str().ok().and_then(|text| text.split_once(' '));
        let key = text.filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        let key = key.and_then(|(_, key)| state.keys.verify(key.trim()));
        let Some(key) = key else {
            return Err(unknown_key(state, peer));
        };
        return Ok(Caller { actor: Actor::Key(key) });
    }
    let Some(session) = cookie(headers).and_then(|cookie| state.sessions.find(cookie)) else {
        return Ok(Caller::nobody());
    };
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    let token = headers.get(CSRF_HEADER).and_then(|token| token.to_str().ok());
    // A form brings its token in its body.
    let has_header = class != Class::Form;
    if is_change && has_header && !token.is_some_and(|token| session.is_csrf(token)) {
        let message =
            format!("Changes need the header `{CSRF_HEADER}` with the token of GET /session.");
        return Err(ApiError::new(Code::CsrfTokenMissing, message));
    }
    Ok(Caller { actor: Actor::Session(session) })
}

/// A key that does not work; who tries many is asked to wait.
fn unknown_key(state: &AppState, peer: Option<&Peer>) -> ApiError {
    let address = peer.and_then(|peer| peer.address);
    match address.map_or(Ok(()), |address| state.failures.count(address)) {
        Ok(()) => ApiError::new(Code::InvalidApiKey, "This API key does not work."),
        Err(wait) => {
            let error = ApiError::new(Code::RateLimitExceeded, "Too many keys that do not work.");
            error.retry_after(wait.as_secs() + 1)
        }
    }
}

/// The value of the session cookie.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).map(str::trim);
    pairs.find_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Nothing under this path; who has no key does not learn even that.
pub(crate) async fn unknown_path(State(state): State<AppState>, request: Request) -> ApiError {
    known(&state, &request).err().unwrap_or_else(ApiError::not_found)
}

/// The path is there, the method is not.
pub(crate) async fn unknown_method(State(state): State<AppState>, request: Request) -> ApiError {
    let error = || ApiError::new(Code::MethodNotAllowed, "This address does not take this method.");
    known(&state, &request).err().unwrap_or_else(error)
}

fn known(state: &AppState, request: &Request) -> Result<(), ApiError> {
    caller(state, request, Class::Read)?.require_known()
}

/// Refuses foreign names and origins; a foreign origin that is allowed comes back.
fn foreign_origin(state: &AppState, request: &Request) -> Result<Option<HeaderValue>, ApiError> {
    let peer = request.extensions().get::<Peer>();
    let options = state.options.load();
    let door = Door {
        local: peer.and_then(|peer| peer.local),
        scheme: peer.map_or("http", |peer| peer.scheme),
        hosts: &options.allowed_hosts,
        origins: &options.allowed_origins,
    };
    door.check(request.uri(), request.headers())
}

fn is_preflight(request: &Request) -> bool {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    request.method() == Method::OPTIONS && asks
}

/// The answer to a browser that asks before it calls from an allowed origin.
fn preflight(request: &Request, origin: &HeaderValue) -> Response {
    if request.headers().contains_key("access-control-request-private-network") {
        let message = "Pages of other networks may not call this daemon.";
        return ApiError::new(Code::OriginNotAllowed, message).into_response();
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    allow_origin(headers, origin);
    let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let allowed = HeaderValue::from_static("authorization, content-type");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

fn allow_origin(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let exposed = HeaderValue::from_static("x-request-id, retry-after");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

/// What every answer carries; a handler's own values win.
fn common_headers(headers: &mut HeaderMap, id: &str) {
    let constant = HeaderValue::from_static;
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(constant("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(constant("no-store"));
    headers.entry(header::REFERRER_POLICY).or_insert(constant("no-referrer"));
    let nothing = constant("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
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
