//! `/v1/responses`: its answer, complete or as it grows.

use contracts::hauski::engine::{self, Format, Tool, ToolChoice};
use serde_json::{Value, json};

use super::Request;
use crate::openai::wire::chat::TokenLogprob;
use crate::openai::wire::usage::ResponseUsage;

/// How far an answer is.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// It grows.
    InProgress,
    /// It is whole.
    Completed(engine::Usage),
    /// It ended early: `max_output_tokens` or `content_filter`.
    Incomplete(&'static str, engine::Usage),
    /// It went wrong: a code and a message.
    Failed(String, String),
}

/// What stays the same while an answer grows.
#[derive(Clone, Debug)]
pub struct Frame {
    /// `resp_…`.
    pub id: String,
    /// Seconds since 1970.
    pub created_at: i64,
    /// What was asked for.
    pub request: Request,
}

impl Frame {
    /// The object `response`.
    pub fn response(&self, status: &Status, output: &[Value]) -> Value {
        let request = &self.request;
        let chat = &request.chat;
        let (name, error, details, usage) = match status {
            Status::InProgress => ("in_progress", Value::Null, Value::Null, None),
            Status::Completed(usage) => ("completed", Value::Null, Value::Null, Some(*usage)),
            Status::Incomplete(reason, usage) => {
                ("incomplete", Value::Null, json!({ "reason": reason }), Some(*usage))
            }
            Status::Failed(code, message) => {
                ("failed", json!({ "code": code, "message": message }), Value::Null, None)
            }
        };
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": name,
            "background": false,
            "error": error,
            "incomplete_details": details,
            "instructions": request.instructions,
            "max_output_tokens": chat.sampling.max_tokens,
            "max_tool_calls": request.max_tool_calls,
            "model": chat.model,
            "output": output,
            "parallel_tool_calls": chat.parallel_tool_calls,
            "previous_response_id": null,
            "prompt_cache_key": request.prompt_cache_key,
            "reasoning": { "effort": chat.reasoning_effort, "summary": null },
            "safety_identifier": request.safety_identifier,
            "service_tier": "default",
            "store": false,
            "temperature": chat.sampling.temperature,
            "text": { "format": format(&chat.format), "verbosity": "medium" },
            "tool_choice": choice(&chat.tool_choice),
            "tools": chat.tools.iter().map(tool).collect::<Vec<_>>(),
            "top_logprobs": chat.sampling.logprobs.unwrap_or(0),
            "top_p": chat.sampling.top_p,
            "truncation": "disabled",
            "usage": usage.map(ResponseUsage::from),
            "user": request.user,
            "metadata": request.metadata,
        })
    }
}

fn format(format: &Format) -> Value {
    match format {
        Format::Text => json!({ "type": "text" }),
        Format::JsonObject => json!({ "type": "json_object" }),
        Format::JsonSchema { name, description, schema, strict } => json!({
            "type": "json_schema",
            "name": name,
            "description": description,
            "schema": schema,
            "strict": strict,
        }),
    }
}

fn choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Function(name) => json!({ "type": "function", "name": name }),
    }
}

fn tool(tool: &Tool) -> Value {
    json!({
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    })
}

/// An item `message` of the output.
pub fn message(id: &str, status: &str, content: &[Value]) -> Value {
    json!({ "id": id, "type": "message", "status": status, "role": "assistant", "content": content })
}

/// A part `output_text` of a message.
pub fn output_text(text: &str, logprobs: &[TokenLogprob]) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": logprobs })
}

/// A part `refusal` of a message.
pub fn refusal(text: &str) -> Value {
    json!({ "type": "refusal", "refusal": text })
}

/// An item `function_call` of the output.
pub fn function_call(id: &str, status: &str, call: &engine::ToolCall) -> Value {
    json!({
        "id": id,
        "type": "function_call",
        "status": status,
        "arguments": call.arguments,
        "call_id": call.id,
        "name": call.name,
    })
}
