//! What every page shares: files, language, log out, the list of all actions.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use studio_web::Lang;
use studio_web::assets;
use studio_web::pages::actions::{self, Action};

use super::at_work;
use crate::routes::session;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::Params;
use crate::state::AppState;
use crate::studio::form::Form;
use crate::studio::{self, LANGUAGE, frame, go, repositories};

/// Seconds that a chosen language is remembered: a year.
const LANGUAGE_S: u32 = 31_536_000;

/// Query of the list of actions.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    filter: String,
}

/// The front door.
pub(crate) async fn root() -> Response {
    go("/studio")
}

/// A file that pages load. Its address changes with its content, so browsers may keep it.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, ApiError> {
    let asset = assets::asset(&name).ok_or_else(ApiError::not_found)?;
    let mut response = asset.text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    let for_good = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, for_good);
    Ok(response)
}

/// Remembers a language in the browser.
pub(crate) async fn language(form: Form) -> Response {
    let lang = Lang::named(form.get("lang")).unwrap_or_default().tag();
    let back = form.get("back");
    // Only pages of ours: `//host` would be another server.
    let is_ours = back == "/studio" || back.starts_with("/studio/") || back.starts_with("/studio?");
    let mut response = go(if is_ours { back } else { "/studio" });
    let cookie =
        format!("{LANGUAGE}={lang}; Path=/; Max-Age={LANGUAGE_S}; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Ends the session.
pub(crate) async fn logout(state: State<AppState>, caller: Caller) -> Result<Response, ApiError> {
    session::logout(state, caller).await?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, "/studio")]).into_response())
}

/// All actions as a page.
pub(crate) async fn actions(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, "/studio/actions");
    let all = all(&state, &frame).await?;
    Ok(studio::page(actions::page(&frame, &all, &query.filter)))
}

/// All actions for the palette.
pub(crate) async fn actions_json(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Json<Vec<Action>>, ApiError> {
    let frame = frame(&headers, &caller, "/studio");
    Ok(Json(all(&state, &frame).await?))
}

/// Views, plugins, repositories and their tasks.
async fn all(state: &AppState, frame: &studio_web::Frame) -> Result<Vec<Action>, ApiError> {
    use wgx_verbs::list::{ListRequest, list};
    let mut all = actions::views(frame);
    let group = frame.say("Plugin", "Plugin").to_owned();
    all.extend(state.host.plugins().into_iter().map(|plugin| Action {
        path: format!("/studio/plugins/{}", plugin.name),
        name: plugin.name,
        group: group.clone(),
    }));
    let own = state.clone();
    let (repository, task) =
        (frame.say("Repository", "Repositorium"), frame.say("Task of", "Aufgabe von"));
    let (repository, task) = (repository.to_owned(), task.to_owned());
    let more = at_work(move || {
        let mut more = Vec::new();
        for it in repositories::list(&own)? {
            let path = format!("/studio/repos/{}", it.id);
            let report = repositories::within(&own, &it.known.root)
                .ok()
                .and_then(|context| list(&context, &ListRequest::default()).ok());
            let tasks = report.map(|report| report.tasks).unwrap_or_default();
            more.extend(tasks.into_iter().filter(|it| it.runnable).map(|found| Action {
                path: format!(
                    "{path}?task={}#chosen",
                    url::form_urlencoded::byte_serialize(found.id.as_bytes()).collect::<String>()
                ),
                name: found.name,
                group: format!("{task} {}", it.known.name),
            }));
            more.push(Action { path, name: it.known.name, group: repository.clone() });
        }
        Ok(more)
    });
    all.extend(more.await?);
    Ok(all)
}
