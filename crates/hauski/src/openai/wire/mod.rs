//! Requests and answers of the OpenAI API, field by field.
//!
//! Reading a request gives what an engine is asked for, or [`Invalid`] with the path of the first value
//! that does not fit. Nothing here knows who answers.

pub mod chat;
pub mod completions;
pub mod embeddings;
pub mod fields;
pub mod invalid;
mod messages;
pub mod models;
pub mod responses;
mod sampling;
pub mod speech;
mod structure;
mod tools;
pub mod transcription;
pub mod usage;

pub use invalid::{Code, Invalid};

/// Longest text of one field in characters; the bound of the body is met before.
const MAX_TEXT: usize = 64 << 20;

/// Bounds of `limits.yaml` that the readers hold requests to.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Tokens that one request may ask for as output, over all its answers.
    pub max_output_tokens: u32,
}

/// Name of a model, as every request gives it.
fn model(body: &mut fields::Fields) -> Result<String, Invalid> {
    body.required_text("model", 1..=256)
}

/// `metadata`: up to 16 short texts; they are read, answered where the API answers them, and never kept.
fn metadata(
    body: &mut fields::Fields,
) -> Result<serde_json::Map<String, serde_json::Value>, Invalid> {
    let Some(metadata) = body.object("metadata")? else {
        return Ok(serde_json::Map::new());
    };
    let path = metadata.own_path().to_owned();
    let entries = metadata.rest();
    if entries.len() > 16 {
        let message = format!("Invalid '{path}': too many properties. Expected at most 16.");
        return Err(Invalid::at(&path, Code::ObjectAboveMaxProperties, message));
    }
    for (key, value) in &entries {
        if key.chars().count() > 64 {
            let message = format!("Invalid '{path}': a key is longer than 64 characters.");
            return Err(Invalid::at(&path, Code::AboveMaxLength, message));
        }
        let item = fields::Item { path: path.clone(), value: value.clone() };
        item.text(0..=512)?;
    }
    Ok(entries)
}

/// `store`: nothing is kept here, so asking for it is refused instead of being forgotten.
fn refuse_store(body: &mut fields::Fields) -> Result<(), Invalid> {
    if body.flag("store")? == Some(true) {
        let why = "answers are never stored here; leave it out or set it to false";
        return Err(Invalid::unsupported_value(&body.path("store"), why));
    }
    Ok(())
}

/// `service_tier`: there is one.
fn service_tier(body: &mut fields::Fields) -> Result<(), Invalid> {
    let tiers = &["auto", "default", "flex", "scale", "priority", "fast"];
    match body.word("service_tier", tiers)? {
        None | Some("auto" | "default") => Ok(()),
        Some(_) => {
            let why = "there are no tiers here; leave it out or use 'auto' or 'default'";
            Err(Invalid::unsupported_value(&body.path("service_tier"), why))
        }
    }
}

/// A name of a function or schema: `[a-zA-Z0-9_-]{1,64}`.
fn plain_name(body: &mut fields::Fields, field: &str) -> Result<String, Invalid> {
    let name = body.required_text(field, 1..=64)?;
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
        return Ok(name);
    }
    let path = body.path(field);
    let message = format!(
        "Invalid '{path}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
    );
    Err(Invalid::at(&path, Code::InvalidValue, message))
}
