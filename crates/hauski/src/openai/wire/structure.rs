//! What the text of an answer must be: `response_format` and the `text.format` of `/v1/responses`.

use contracts::hauski::engine::Format;

use super::fields::Fields;
use super::{Invalid, MAX_TEXT, plain_name};

/// `response_format` of `/v1/chat/completions`.
pub(super) fn response_format(body: &mut Fields) -> Result<Format, Invalid> {
    let Some(mut format) = body.object("response_format")? else {
        return Ok(Format::Text);
    };
    let read = match kind(&mut format)? {
        "json_schema" => {
            let mut inner = format.require("json_schema")?.object()?;
            let read = schema(&mut inner)?;
            inner.finish()?;
            read
        }
        other => plain(other),
    };
    format.finish()?;
    Ok(read)
}

/// `text.format` of `/v1/responses`.
pub(super) fn text_format(text: &mut Fields) -> Result<Format, Invalid> {
    let Some(mut format) = text.object("format")? else {
        return Ok(Format::Text);
    };
    let read = match kind(&mut format)? {
        "json_schema" => schema(&mut format)?,
        other => plain(other),
    };
    format.finish()?;
    Ok(read)
}

fn kind(format: &mut Fields) -> Result<&'static str, Invalid> {
    format.require("type")?.word(&["text", "json_object", "json_schema"])
}

fn plain(kind: &str) -> Format {
    if kind == "json_object" { Format::JsonObject } else { Format::Text }
}

fn schema(format: &mut Fields) -> Result<Format, Invalid> {
    Ok(Format::JsonSchema {
        name: plain_name(format, "name")?,
        description: format.text("description", 0..=MAX_TEXT)?,
        schema: format.require("schema")?.object()?.rest().into(),
        strict: format.flag("strict")?.unwrap_or(false),
    })
}
