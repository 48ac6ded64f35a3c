//! What the Studio's pages stand on: who looks and in which language, the repositories of this machine, tasks at work.

pub(crate) mod form;
pub(crate) mod jobs;
pub(crate) mod repositories;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use studio_web::{CONTENT_SECURITY_POLICY, Frame, Lang, Markup, Notice, pages};

use crate::server::auth::{Actor, Caller};
use crate::server::error::{ApiError, Code};

/// Cookie with the language that somebody chose.
pub(crate) const LANGUAGE: &str = "hauski_lang";

/// Header of pages that tell of an error: its code, for programs.
const ERROR_CODE: HeaderName = HeaderName::from_static("x-error-code");

/// The frame for whoever looks at a page.
pub(crate) fn frame(headers: &HeaderMap, caller: &Caller, path: &str) -> Frame {
    let csrf = match &caller.actor {
        Actor::Session(session) => session.csrf.clone(),
        _ => String::new(),
    };
    Frame {
        lang: language(headers),
        csrf,
        now: Timestamp::now(),
        path: path.to_owned(),
        notice: None,
    }
}

/// The language that was chosen, else the one that the browser asks for.
fn language(headers: &HeaderMap) -> Lang {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut pairs = text(header::COOKIE).split(';').map(str::trim);
    let chosen = pairs.find_map(|pair| pair.strip_prefix(LANGUAGE)?.strip_prefix('='));
    chosen.and_then(Lang::named).unwrap_or_else(|| Lang::accepted(text(header::ACCEPT_LANGUAGE)))
}

/// A page as an answer.
pub(crate) fn page(markup: Markup) -> Response {
    answer(StatusCode::OK, markup)
}

fn answer(status: StatusCode, markup: Markup) -> Response {
    let mut response = (status, markup.into_string()).into_response();
    let headers = response.headers_mut();
    let constant = HeaderValue::from_static;
    headers.insert(header::CONTENT_TYPE, constant("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, constant(CONTENT_SECURITY_POLICY));
    // With `no-referrer` browsers send forms of our own pages with the origin `null`, which nobody may have.
    headers.insert(header::REFERRER_POLICY, constant("same-origin"));
    response
}

/// Goes on to another page after a change.
pub(crate) fn go(path: &str) -> Response {
    // What cannot stand in a header cannot be a page of ours.
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/studio"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

/// An error as a page: for who is not logged in, the way in.
pub(crate) fn error(headers: &HeaderMap, error: &ApiError, caller: &Caller) -> Response {
    let frame = frame(headers, caller, "/studio");
    let code = error.code();
    let markup = match code {
        Code::InvalidApiKey => pages::plain::login(&frame),
        _ => pages::plain::error(&frame, error.status().as_u16(), error.message(), "", ""),
    };
    let mut response = answer(error.status(), markup);
    response.headers_mut().insert(ERROR_CODE, HeaderValue::from_static(code.as_str()));
    response.extensions_mut().insert(code);
    response
}

/// A sentence about what has just happened.
pub(crate) fn notice(bad: bool, text: impl Into<String>) -> Option<Notice> {
    Some(Notice { bad, text: text.into() })
}
