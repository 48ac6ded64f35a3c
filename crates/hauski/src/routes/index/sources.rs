//! `/index/sources`: the folders that are taken in. Only their owner names them.

use audit::Event;
use axum::Json;
use axum::extract::State;
use contracts::hauski::index::{AddSource, NameSource, Source, Sources};
use hauski_index::{IndexError, NewSource};
use http::StatusCode;

use crate::record;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::JsonBody;
use crate::state::AppState;

/// What is taken in, and how that went.
pub(crate) async fn list(State(state): State<AppState>) -> Result<Json<Sources>, ApiError> {
    Ok(Json(state.index()?.sources().await?))
}

/// Adds a folder; who keeps up with the sources begins to read it. `GET /index/sources` tells how far that is.
pub(crate) async fn add(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(request): JsonBody<AddSource>,
) -> Result<(StatusCode, Json<Source>), ApiError> {
    let new = NewSource { root: request.path.into(), kind: request.kind, name: request.name };
    let source = state.index()?.add_source(new).await?;
    let event =
        Event::new(caller.owner_name(), "index.source.add", format!("source:{}", source.name));
    record::durable(&state, event).await?;
    Ok((StatusCode::ACCEPTED, Json(source)))
}

/// Looks at a source again, or at all of them.
pub(crate) async fn sync(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<NameSource>,
) -> Result<(StatusCode, Json<Sources>), ApiError> {
    let index = state.index()?;
    let mut sources = index.sources().await?;
    if let Some(name) = request.name {
        sources.sources = vec![index.source(&name).await?];
    }
    for source in &sources.sources {
        look(&state, source.name.clone());
    }
    Ok((StatusCode::ACCEPTED, Json(sources)))
}

/// Takes a source out, with its documents.
pub(crate) async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(request): JsonBody<NameSource>,
) -> Result<Json<Source>, ApiError> {
    let Some(name) = request.name else {
        let error = IndexError::Invalid {
            param: "name".to_owned(),
            what: "must name the source to take out".to_owned(),
        };
        return Err(error.into());
    };
    let source = state.index()?.remove_source(&name).await?;
    let event =
        Event::new(caller.owner_name(), "index.source.remove", format!("source:{}", source.name));
    record::durable(&state, event.with("documents", source.documents)).await?;
    Ok(Json(source))
}

fn look(state: &AppState, name: String) {
    let Ok(index) = state.index().cloned() else { return };
    tokio::spawn(async move {
        if let Err(error) = index.sync_source(&name).await {
            // The failure stands in the list of sources too.
            let cause = crate::exit::with_causes(&error);
            tracing::warn!(source = name, cause, "a source cannot be looked at");
        }
    });
}
