//! The conversation of `/v1/chat/completions`.

use contracts::hauski::engine::{Message, Part, Role, ToolCall};

use super::fields::{Fields, Item};
use super::{Code, Invalid, MAX_TEXT};

/// `messages`: every call of a tool is answered before the conversation goes on.
pub(super) fn messages(body: &mut Fields) -> Result<Vec<Message>, Invalid> {
    let items = body.require("messages")?.list(1..=4096)?;
    let mut open: Vec<(String, String)> = Vec::new();
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        let path = item.path.clone();
        let message = message(item.object()?)?;
        if let Some(id) = &message.tool_call_id {
            let Some(at) = open.iter().position(|(call, _)| call == id) else {
                let message = format!(
                    "Invalid parameter: '{path}' has the role 'tool' and must answer one of the 'tool_calls' of the assistant's message before it."
                );
                return Err(Invalid::at(&path, Code::InvalidValue, message));
            };
            open.remove(at);
        } else {
            all_answered(&open)?;
            let calls = message.tool_calls.iter().map(|call| (call.id.clone(), path.clone()));
            open = calls.collect();
        }
        read.push(message);
    }
    all_answered(&open)?;
    Ok(read)
}

fn all_answered(open: &[(String, String)]) -> Result<(), Invalid> {
    let Some((_, path)) = open.first() else {
        return Ok(());
    };
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'; '{path}' is not."
    );
    Err(Invalid::at(path, Code::InvalidValue, message))
}

fn message(mut fields: Fields) -> Result<Message, Invalid> {
    let role = role(&mut fields)?;
    let mut message = Message {
        role,
        content: Vec::new(),
        name: fields.text("name", 1..=64)?,
        tool_calls: Vec::new(),
        tool_call_id: None,
    };
    if role == Role::Assistant {
        message.tool_calls = tool_calls(&mut fields)?;
        message.content = assistant_content(&mut fields, message.tool_calls.is_empty())?;
    } else {
        if role == Role::Tool {
            message.tool_call_id = Some(fields.required_text("tool_call_id", 1..=256)?);
        }
        message.content = content(fields.require("content")?, role)?;
    }
    fields.finish()?;
    Ok(message)
}

fn role(fields: &mut Fields) -> Result<Role, Invalid> {
    let names = &["system", "developer", "user", "assistant", "tool", "function"];
    Ok(match fields.require("role")?.word(names)? {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => {
            let why = "the role 'function' is deprecated; use 'tool'";
            return Err(Invalid::unsupported_value(&fields.path("role"), why));
        }
    })
}

fn assistant_content(fields: &mut Fields, needed: bool) -> Result<Vec<Part>, Invalid> {
    // Clients send back the message that they got; these parts of it carry nothing further.
    fields.ignore(&["annotations"]);
    fields.refuse(&[
        ("function_call", "it is deprecated; use 'tool_calls'"),
        ("audio", "no engine here keeps what it said"),
    ])?;
    let refusal = fields.text("refusal", 0..=MAX_TEXT)?;
    let mut parts = match fields.take("content") {
        Some(item) => content(item, Role::Assistant)?,
        None if needed && refusal.is_none() => {
            return Err(Invalid::missing(&fields.path("content")));
        }
        None => Vec::new(),
    };
    parts.extend(refusal.map(|text| Part::Text { text }));
    Ok(parts)
}

fn tool_calls(fields: &mut Fields) -> Result<Vec<ToolCall>, Invalid> {
    let Some(items) = fields.list("tool_calls", 1..=128)? else {
        return Ok(Vec::new());
    };
    items.into_iter().map(tool_call).collect()
}

fn tool_call(item: Item) -> Result<ToolCall, Invalid> {
    let mut call = item.object()?;
    // The streaming clients of some libraries keep the position.
    call.ignore(&["index"]);
    let id = call.required_text("id", 1..=256)?;
    if call.required_text("type", 1..=64)? != "function" {
        let why = "only calls of the type 'function' are";
        return Err(Invalid::unsupported_value(&call.path("type"), why));
    }
    let mut function = call.require("function")?.object()?;
    let name = super::plain_name(&mut function, "name")?;
    let arguments = function.required_text("arguments", 0..=MAX_TEXT)?;
    function.finish()?;
    call.finish()?;
    Ok(ToolCall { id, name, arguments })
}

/// `content`: text, or a list of parts that the role may have.
fn content(item: Item, role: Role) -> Result<Vec<Part>, Invalid> {
    match item.value {
        serde_json::Value::String(text) => Ok(vec![Part::Text { text }]),
        serde_json::Value::Array(_) => {
            item.list(1..=1024)?.into_iter().map(|part| self::part(part, role)).collect()
        }
        _ => Err(Invalid::kind(&item.path, "a string or an array of objects", item.kind())),
    }
}

fn part(item: Item, role: Role) -> Result<Part, Invalid> {
    let mut part = item.object()?;
    let kinds: &[&str] = match role {
        Role::User => &["text", "image_url", "input_audio", "file"],
        Role::Assistant => &["text", "refusal"],
        _ => &["text"],
    };
    // Marks where a cache may begin; it cannot change an answer.
    part.ignore(&["prompt_cache_breakpoint"]);
    let read = match part.require("type")?.word(kinds)? {
        "text" => Part::Text { text: part.required_text("text", 0..=MAX_TEXT)? },
        "refusal" => Part::Text { text: part.required_text("refusal", 0..=MAX_TEXT)? },
        "image_url" => {
            let mut image = part.require("image_url")?.object()?;
            let read = picture(&mut image, "url")?;
            image.finish()?;
            read
        }
        "input_audio" => audio(part.require("input_audio")?.object()?)?,
        _ => {
            let why = "files are not kept here; send their text";
            return Err(Invalid::unsupported_value(&part.path("type"), why));
        }
    };
    part.finish()?;
    Ok(read)
}

/// A picture given as a `data:` URL; nothing is fetched for a request.
pub(super) fn picture(image: &mut Fields, field: &str) -> Result<Part, Invalid> {
    let url = image.required_text(field, 1..=MAX_TEXT)?;
    let path = image.path(field);
    let detail = image.word("detail", &["auto", "low", "high", "original"])?.map(str::to_owned);
    let Some(rest) = url.strip_prefix("data:") else {
        let why = "only 'data:' URLs with base64 are; this gateway fetches nothing for a request";
        return Err(Invalid::unsupported_value(&path, why));
    };
    let picture = rest.split_once(";base64,").filter(|(kind, _)| {
        matches!(*kind, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
    });
    let Some((kind, data)) = picture else {
        let message = format!(
            "Invalid '{path}': expected base64 data of the type image/png, image/jpeg, image/gif or image/webp."
        );
        return Err(Invalid::at(&path, Code::InvalidValue, message));
    };
    Ok(Part::Image { media_type: kind.to_owned(), data: base64(data, &path)?, detail })
}

fn audio(mut audio: Fields) -> Result<Part, Invalid> {
    let data = audio.required_text("data", 1..=MAX_TEXT)?;
    let format = audio.require("format")?.word(&["wav", "mp3"])?.to_owned();
    let data = base64(&data, &audio.path("data"))?;
    audio.finish()?;
    Ok(Part::Audio { format, data })
}

fn base64(data: &str, path: &str) -> Result<String, Invalid> {
    use base64::Engine as _;
    match base64::engine::general_purpose::STANDARD.decode(data) {
        Ok(bytes) if !bytes.is_empty() => Ok(data.to_owned()),
        _ => {
            let message = format!("Invalid '{path}': expected base64 data.");
            Err(Invalid::at(path, Code::InvalidValue, message))
        }
    }
}
