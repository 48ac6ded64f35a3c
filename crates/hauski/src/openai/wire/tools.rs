//! Tools, and the choice among them.

use contracts::hauski::engine::{Tool, ToolChoice};

use super::fields::{Fields, Item};
use super::{Code, Invalid, MAX_TEXT, plain_name};

/// How a route writes a tool down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `{"type":"function","function":{"name":…}}`, as `/v1/chat/completions` does.
    Nested,
    /// `{"type":"function","name":…}`, as `/v1/responses` does.
    Flat,
}

/// `tools`.
pub(super) fn tools(body: &mut Fields, shape: Shape) -> Result<Vec<Tool>, Invalid> {
    let mut tools: Vec<Tool> = Vec::new();
    for item in body.list("tools", 0..=128)?.unwrap_or_default() {
        let path = item.path.clone();
        let tool = tool(item.object()?, shape)?;
        if tools.iter().any(|other| other.name == tool.name) {
            let message = format!("Invalid '{path}': another tool has the same name.");
            return Err(Invalid::at(&path, Code::InvalidValue, message));
        }
        tools.push(tool);
    }
    Ok(tools)
}

fn tool(mut outer: Fields, shape: Shape) -> Result<Tool, Invalid> {
    only_functions(&mut outer)?;
    let mut function = match shape {
        Shape::Flat => outer,
        Shape::Nested => {
            let function = outer.require("function")?.object()?;
            outer.finish()?;
            function
        }
    };
    let tool = Tool {
        name: plain_name(&mut function, "name")?,
        description: function.text("description", 0..=MAX_TEXT)?,
        parameters: function.object("parameters")?.map(|schema| schema.rest().into()),
        strict: function.flag("strict")?.unwrap_or(false),
    };
    function.finish()?;
    Ok(tool)
}

fn only_functions(tool: &mut Fields) -> Result<(), Invalid> {
    let kind = tool.required_text("type", 1..=64)?;
    if kind == "function" {
        return Ok(());
    }
    let why = "only tools of the type 'function' are; others would run outside this machine";
    Err(Invalid::unsupported_value(&tool.path("type"), why))
}

/// `tool_choice`.
pub(super) fn choice(
    body: &mut Fields,
    tools: &[Tool],
    shape: Shape,
) -> Result<ToolChoice, Invalid> {
    let Some(item) = body.take("tool_choice") else {
        return Ok(ToolChoice::Auto);
    };
    let path = item.path.clone();
    let choice = match item.value {
        serde_json::Value::String(_) => match item.word(&["none", "auto", "required"])? {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        },
        serde_json::Value::Object(_) => ToolChoice::Function(named(item, shape)?),
        _ => return Err(Invalid::kind(&path, "a string or an object", item.kind())),
    };
    let fault = match &choice {
        ToolChoice::Required if tools.is_empty() => {
            format!("'{path}' is only allowed when 'tools' are specified.")
        }
        ToolChoice::Function(name) if !tools.iter().any(|tool| tool.name == *name) => {
            format!("Invalid value for '{path}': the function is not among 'tools'.")
        }
        _ => return Ok(choice),
    };
    Err(Invalid::at(&path, Code::InvalidValue, fault))
}

fn named(item: Item, shape: Shape) -> Result<String, Invalid> {
    let mut choice = item.object()?;
    only_functions(&mut choice)?;
    let mut function = match shape {
        Shape::Flat => choice,
        Shape::Nested => {
            let function = choice.require("function")?.object()?;
            choice.finish()?;
            function
        }
    };
    let name = plain_name(&mut function, "name")?;
    function.finish()?;
    Ok(name)
}
