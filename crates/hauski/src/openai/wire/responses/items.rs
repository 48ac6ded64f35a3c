//! `input` of `/v1/responses`: a text, or items that become messages.

use contracts::hauski::engine::{Message, Part, Role, ToolCall};

use crate::openai::wire::fields::{Fields, Item};
use crate::openai::wire::{Code, Invalid, MAX_TEXT, messages};

/// Adds the messages that the input stands for.
pub(super) fn read(input: Item, messages: &mut Vec<Message>) -> Result<(), Invalid> {
    if matches!(input.value, serde_json::Value::String(_)) {
        let text = input.text(0..=MAX_TEXT)?;
        messages.push(message(Role::User, vec![Part::Text { text }]));
        return Ok(());
    }
    if !matches!(input.value, serde_json::Value::Array(_)) {
        return Err(Invalid::kind(&input.path, "a string or an array of items", input.kind()));
    }
    let mut open: Vec<(String, String)> = Vec::new();
    for item in input.list(1..=4096)? {
        self::item(item, messages, &mut open)?;
    }
    match open.first() {
        None => Ok(()),
        Some((_, path)) => {
            let message = format!("No tool output found for the function call at '{path}'.");
            Err(Invalid::at(path, Code::InvalidValue, message))
        }
    }
}

fn item(
    item: Item,
    messages: &mut Vec<Message>,
    open: &mut Vec<(String, String)>,
) -> Result<(), Invalid> {
    let path = item.path.clone();
    let mut fields = item.object()?;
    // Identity and state of an item that an earlier answer held; nothing is looked up by them.
    fields.ignore(&["id", "status", "phase"]);
    let kind = fields.text("type", 1..=64)?;
    match kind.as_deref() {
        None | Some("message") => messages.push(said(&mut fields)?),
        Some("function_call") => {
            let call = call(&mut fields)?;
            open.push((call.id.clone(), path));
            match messages.last_mut() {
                Some(last) if last.role == Role::Assistant => last.tool_calls.push(call),
                _ => {
                    let mut called = message(Role::Assistant, Vec::new());
                    called.tool_calls.push(call);
                    messages.push(called);
                }
            }
        }
        Some("function_call_output") => {
            let answer = output(&mut fields)?;
            let id = answer.tool_call_id.as_ref();
            let Some(at) = open.iter().position(|(call, _)| Some(call) == id) else {
                let message =
                    format!("No tool call found for the function call output at '{path}'.");
                return Err(Invalid::at(&path, Code::InvalidValue, message));
            };
            open.remove(at);
            messages.push(answer);
        }
        Some(_) => {
            let why = "only messages, function calls and their outputs are; nothing is stored here to refer to";
            return Err(Invalid::unsupported_value(&fields.path("type"), why));
        }
    }
    fields.finish()
}

fn message(role: Role, content: Vec<Part>) -> Message {
    Message { role, content, name: None, tool_calls: Vec::new(), tool_call_id: None }
}

fn said(fields: &mut Fields) -> Result<Message, Invalid> {
    let role = match fields.require("role")?.word(&["user", "assistant", "system", "developer"])? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => Role::Developer,
    };
    Ok(message(role, content(fields.require("content")?, role)?))
}

fn content(item: Item, role: Role) -> Result<Vec<Part>, Invalid> {
    match item.value {
        serde_json::Value::String(text) => Ok(vec![Part::Text { text }]),
        serde_json::Value::Array(_) => {
            item.list(0..=1024)?.into_iter().map(|part| self::part(part, role)).collect()
        }
        _ => Err(Invalid::kind(&item.path, "a string or an array of objects", item.kind())),
    }
}

fn part(item: Item, role: Role) -> Result<Part, Invalid> {
    let mut part = item.object()?;
    let kinds: &[&str] = match role {
        Role::User => &["input_text", "input_image", "input_file"],
        Role::Assistant => &["output_text", "refusal", "input_text"],
        _ => &["input_text"],
    };
    part.ignore(&["prompt_cache_breakpoint"]);
    let read = match part.require("type")?.word(kinds)? {
        "input_text" => Part::Text { text: part.required_text("text", 0..=MAX_TEXT)? },
        "output_text" => {
            part.ignore(&["annotations", "logprobs"]);
            Part::Text { text: part.required_text("text", 0..=MAX_TEXT)? }
        }
        "refusal" => Part::Text { text: part.required_text("refusal", 0..=MAX_TEXT)? },
        "input_image" => {
            part.refuse(&[("file_id", "files are not kept here; send a 'data:' URL")])?;
            messages::picture(&mut part, "image_url")?
        }
        _ => {
            let why = "files are not kept here; send their text";
            return Err(Invalid::unsupported_value(&part.path("type"), why));
        }
    };
    part.finish()?;
    Ok(read)
}

fn call(fields: &mut Fields) -> Result<ToolCall, Invalid> {
    Ok(ToolCall {
        id: fields.required_text("call_id", 1..=256)?,
        name: crate::openai::wire::plain_name(fields, "name")?,
        arguments: fields.required_text("arguments", 0..=MAX_TEXT)?,
    })
}

fn output(fields: &mut Fields) -> Result<Message, Invalid> {
    let id = fields.required_text("call_id", 1..=256)?;
    let mut answer = message(Role::Tool, content(fields.require("output")?, Role::Tool)?);
    answer.tool_call_id = Some(id);
    Ok(answer)
}
