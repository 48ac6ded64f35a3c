//! The owner's browser: `hauski login` makes a ticket, `/login` turns it into a session cookie.

use audit::Event;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::server::auth::{Actor, Caller};
use crate::server::change::change;
use crate::server::connection::Peer;
use crate::server::error::{ApiError, Code};
use crate::server::extract::Params;
use crate::server::session::{COOKIE, SESSION_MS, TICKET_MS};
use crate::state::AppState;

/// A ticket for the address `/login?ticket=…`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Ticket {
    /// Works once.
    ticket: String,
    /// Seconds within which it has to be used.
    seconds: i64,
}

/// The query of `/login`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Entry {
    /// The ticket of `hauski login`; it works once.
    ticket: String,
}

/// What a page needs to know.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct About {
    /// Who is logged in, as the audit log names them.
    caller: String,
    /// Value of the header `x-csrf-token` of every change; absent without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
}

/// Makes a ticket.
pub(crate) async fn ticket(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Ticket>, ApiError> {
    let event = Event::new(caller.owner_name(), "session.ticket", "session");
    let own = state.clone();
    let ticket = change(&state, event, async move {
        own.sessions.ticket().map_err(|error| ApiError::internal(&error))
    });
    Ok(Json(Ticket { ticket: ticket.await?, seconds: TICKET_MS / 1_000 }))
}

/// Turns a ticket into a cookie and goes on to the first page.
pub(crate) async fn login(
    State(state): State<AppState>,
    axum::Extension(peer): axum::Extension<Peer>,
    Params(entry): Params<Entry>,
) -> Result<Response, ApiError> {
    let (cookie, session) = state.sessions.redeem(&entry.ticket).ok_or_else(|| {
        ApiError::new(
            Code::InvalidApiKey,
            "This link has been used or is too old; run `hauski login`.",
        )
    })?;
    let name = format!("session:{}", session.id);
    let address = peer.address.map_or_else(|| "local".to_owned(), |address| address.to_string());
    let event = Event::new(name.clone(), "session.create", name).with("address", address);
    let (own, value) = (state.clone(), cookie.clone());
    change(&state, event, async move {
        own.sessions.admit(&value, session);
        Ok(())
    })
    .await?;
    let seconds = SESSION_MS / 1_000;
    let secure = if peer.scheme == "https" { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={cookie}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let cookie = HeaderValue::from_str(&cookie).map_err(|error| ApiError::internal(&error))?;
    let next = HeaderValue::from_static("/studio");
    Ok((StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, next)])
        .into_response())
}

/// Who asks.
pub(crate) async fn session(caller: Caller) -> Json<About> {
    let csrf = match &caller.actor {
        Actor::Session(session) => Some(session.csrf.clone()),
        _ => None,
    };
    Json(About { caller: caller.owner_name(), csrf })
}

/// Ends the session of the caller.
pub(crate) async fn logout(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<StatusCode, ApiError> {
    if let Actor::Session(session) = &caller.actor {
        let event = Event::new(caller.owner_name(), "session.end", caller.owner_name());
        let (own, id) = (state.clone(), session.id.clone());
        change(&state, event, async move {
            own.sessions.leave(&id);
            Ok(())
        })
        .await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
