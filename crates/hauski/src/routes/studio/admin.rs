//! Keys, budgets, ways out of the house, the audit log.

use axum::extract::{Path, State};
use axum::response::Response;
use contracts::hauski::keys::Create;
use http::HeaderMap;
use serde::Deserialize;
use studio_web::pages::admin::{self, Shown};

use super::at_work;
use crate::keys::scopes::Right;
use crate::routes::admin::{audit as log, budgets, egress, keys};
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::{JsonBody, Params};
use crate::state::AppState;
use crate::studio::form::Form;
use crate::studio::{self, frame, go};

/// Lines of the audit log on the page.
const LINES: usize = 50;
/// Lines that are looked at for them.
const LOOKED_AT: usize = 1_000;

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    verify: String,
    #[serde(default)]
    requests: String,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Result<Response, ApiError> {
    let mut shown = look(&state, query.requests == "yes").await?;
    if query.verify == "yes" {
        let axum::Json(report) = log::verify(State(state)).await?;
        shown.verified = Some(report);
    }
    Ok(studio::page(admin::page(&frame(&headers, &caller, "/studio/admin"), &shown)))
}

async fn look(state: &AppState, with_requests: bool) -> Result<Shown, ApiError> {
    let axum::Json(budgets) = budgets::budgets(State(state.clone())).await?;
    let axum::Json(egress) = egress::egress(State(state.clone())).await;
    let folder = state.audit.folder().to_owned();
    let mut audit = at_work(move || {
        audit::tail(&folder, LOOKED_AT, &audit::Filter::default())
            .map_err(|error| ApiError::internal(&error))
    })
    .await?;
    audit.reverse();
    audit.retain(|line| with_requests || line.action != "request.finish");
    audit.truncate(LINES);
    Ok(Shown {
        keys: state.keys.list(),
        secret: None,
        budgets,
        egress,
        audit,
        with_requests,
        verified: None,
        scopes: Right::ALL.iter().map(|right| right.name().to_owned()).collect(),
    })
}

/// Makes a key and shows its secret this once.
pub(crate) async fn create_key(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, ApiError> {
    let wish = Create {
        name: form.need("name")?.to_owned(),
        scopes: form.checked("scope."),
        ..Create::default()
    };
    let (_, axum::Json(created)) =
        keys::create(State(state.clone()), caller.clone(), JsonBody(wish)).await?;
    let mut shown = look(&state, false).await?;
    shown.secret = Some(created.secret);
    Ok(studio::page(admin::page(&frame(&headers, &caller, "/studio/admin"), &shown)))
}

/// Ends a key at once.
pub(crate) async fn revoke_key(
    state: State<AppState>,
    caller: Caller,
    form: Form,
) -> Result<Response, ApiError> {
    let id = form.need("id")?.to_owned();
    let _ = keys::revoke(state, caller, Path(id)).await?;
    Ok(go("/studio/admin#keys"))
}
