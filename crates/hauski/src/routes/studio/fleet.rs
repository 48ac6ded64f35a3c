//! The list of repositories, and putting them on it.

use audit::Event;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use studio_web::pages::fleet as pages;
use wgx_verbs::fleet::{self, AddRequest};

use super::at_work;
use crate::server::auth::Caller;
use crate::server::change::change;
use crate::server::error::{ApiError, Code};
use crate::state::AppState;
use crate::studio::form::Form;
use crate::studio::{self, frame, go, repositories};

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let frame = frame(&headers, &caller, "/studio/fleet");
    let (all, notes) = at_work(move || repositories::status(&state)).await?;
    Ok(studio::page(pages::page(&frame, &all, &notes)))
}

/// Puts the repositories of a folder on the list.
pub(crate) async fn add(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, ApiError> {
    let folder = form.need("folder")?.to_owned();
    if !folder.starts_with('/') {
        let message = "The folder begins with `/`: a page stands in no folder of its own.";
        return Err(ApiError::new(Code::InvalidValue, message).param("folder"));
    }
    let request =
        AddRequest { paths: vec![folder.clone().into()], scan: form.get("scan") == "yes" };
    let event = Event::new(caller.owner_name(), "fleet.add", folder);
    let own = state.clone();
    let report = change(&state, event, async move {
        at_work(move || {
            fleet::add(&repositories::anywhere(&own)?, &request)
                .map_err(|error| repositories::failed(&error))
        })
        .await
    });
    let report = report.await?;
    let mut frame = frame(&headers, &caller, "/studio/fleet");
    let (all, mut notes) = at_work(move || repositories::status(&state)).await?;
    let is_empty = report.repositories.is_empty();
    let count = report.repositories.len();
    frame.notice = studio::notice(
        is_empty,
        match is_empty {
            true => frame
                .say("No repository was found there.", "Dort wurde kein Repositorium gefunden.")
                .to_owned(),
            false => format!("{count} {}", frame.say("found.", "gefunden.")),
        },
    );
    notes.extend(report.notes);
    Ok(studio::page(pages::page(&frame, &all, &notes)))
}

/// Takes one off the list; nothing of it is touched.
pub(crate) async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    form: Form,
) -> Result<Response, ApiError> {
    let root = form.need("root")?.to_owned();
    let event = Event::new(caller.owner_name(), "fleet.remove", root.clone());
    let own = state.clone();
    change(&state, event, async move {
        at_work(move || {
            fleet::remove(&repositories::anywhere(&own)?, &root)
                .map_err(|error| repositories::failed(&error))
        })
        .await
    })
    .await?;
    Ok(go("/studio/fleet"))
}
