//! `POST /index/upsert`: one document as JSON, or many, one a line.

use audit::Event;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::hauski::index::{Upsert, Upserted};
use hauski_index::{IndexError, Line};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::record;
use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::server::extract::{RawBody, json_fault};
use crate::state::AppState;

/// Lines of one body.
const MAX_LINES: usize = 100_000;

/// Puts one document or many; what is acknowledged is on the disk.
pub(crate) async fn upsert(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    let index = state.index()?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_lines = kind.is_some_and(|kind| kind.contains("ndjson") || kind.contains("jsonl"));
    if is_lines {
        let answer = index.upsert_lines(lines(&body)?).await?;
        note(&state, &caller, &answer);
        return Ok(Json(answer).into_response());
    }
    let document: Upsert = serde_json::from_slice(&body).map_err(|error| json_fault(&error))?;
    match index.upsert(document).await {
        Ok(answer) => {
            note(&state, &caller, &answer);
            let is_refused = !answer.refused.is_empty();
            let status = if is_refused { StatusCode::CONFLICT } else { StatusCode::OK };
            Ok((status, Json(answer)).into_response())
        }
        Err(error @ IndexError::MissingSourceRef { .. }) => Ok(missing_source(&error)),
        Err(error) => Err(error.into()),
    }
}

fn lines(body: &[u8]) -> Result<Vec<Line>, ApiError> {
    let mut lines = Vec::new();
    for (place, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if lines.len() == MAX_LINES {
            let message = format!("There are more than {MAX_LINES} lines; send them in parts.");
            return Err(ApiError::new(Code::InvalidValue, message));
        }
        let document = serde_json::from_slice(line).map_err(|error| error.to_string());
        lines.push(Line { number: place as u64 + 1, document });
    }
    Ok(lines)
}

fn note(state: &AppState, caller: &Caller, answer: &Upserted) {
    let event = Event::new(caller.owner_name(), "index.put", "index");
    let event = event.with("documents", answer.documents).with("chunks", answer.ingested);
    let event = event.with("refused", answer.refused.len() as u64).with("seq", answer.seq);
    record::ordinary(state, event);
}

/// The shape that clients of the older index know, beside the one of all errors.
fn missing_source(error: &IndexError) -> Response {
    let object = ApiError::new(Code::MissingSourceRef, format!("{error}.")).param("source_ref");
    let mut body = serde_json::to_value(object.body()).unwrap_or_default();
    body["code"] = json!("missing_source_ref");
    body["details"] = json!({"hint": error.hint()});
    let mut response = (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response();
    response.extensions_mut().insert(Code::MissingSourceRef);
    response
}
