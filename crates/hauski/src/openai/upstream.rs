//! The other direction: what an engine would be asked becomes a request to an OpenAI-compatible upstream,
//! and its stream becomes chunks.

use contracts::hauski::engine::{
    Alternative, Chat, Complete, FinishReason, Format, Input, Message, Part, Role, Sampling,
    TextChunk, Token, Tool, ToolChoice, Usage,
};
use serde_json::{Map, Value, json};

use super::sse::{Event, Reader};

/// The body of `/chat/completions` for the model that the upstream calls `model`.
pub fn chat_body(chat: &Chat, model: &str) -> Value {
    let mut body = sampling(&chat.sampling, model);
    body.insert("messages".into(), chat.messages.iter().map(message).collect());
    let tokens = chat.sampling.max_tokens.unwrap_or(chat.sampling.ceiling_tokens);
    body.insert("max_completion_tokens".into(), json!(tokens));
    if let Some(top) = chat.sampling.logprobs {
        body.insert("logprobs".into(), json!(true));
        body.insert("top_logprobs".into(), json!(top));
    }
    if !chat.tools.is_empty() {
        body.insert("tools".into(), chat.tools.iter().map(tool).collect());
        body.insert("tool_choice".into(), choice(&chat.tool_choice));
        body.insert("parallel_tool_calls".into(), json!(chat.parallel_tool_calls));
    }
    if let Some(effort) = &chat.reasoning_effort {
        body.insert("reasoning_effort".into(), json!(effort));
    }
    match &chat.format {
        Format::Text => {}
        Format::JsonObject => {
            body.insert("response_format".into(), json!({ "type": "json_object" }));
        }
        Format::JsonSchema { name, description, schema, strict } => {
            let mut inner = json!({ "name": name, "schema": schema, "strict": strict });
            if let Some(description) = description {
                inner["description"] = json!(description);
            }
            let format = json!({ "type": "json_schema", "json_schema": inner });
            body.insert("response_format".into(), format);
        }
    }
    Value::Object(body)
}

/// The body of `/completions` for the model that the upstream calls `model`.
pub fn complete_body(complete: &Complete, model: &str) -> Value {
    let mut body = sampling(&complete.sampling, model);
    let prompt = match &complete.prompt {
        Input::Text(text) => json!(text),
        Input::Tokens(ids) => json!(ids),
    };
    body.insert("prompt".into(), prompt);
    let tokens = complete.sampling.max_tokens.unwrap_or(complete.sampling.ceiling_tokens);
    body.insert("max_tokens".into(), json!(tokens));
    body.insert("echo".into(), json!(complete.echo));
    if let Some(suffix) = &complete.suffix {
        body.insert("suffix".into(), json!(suffix));
    }
    if let Some(top) = complete.sampling.logprobs {
        body.insert("logprobs".into(), json!(top));
    }
    Value::Object(body)
}

fn sampling(sampling: &Sampling, model: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    body.insert("stream".into(), json!(true));
    body.insert("stream_options".into(), json!({ "include_usage": true }));
    body.insert("n".into(), json!(sampling.n));
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.into(), value);
        }
    };
    put("temperature", sampling.temperature.map(|number| json!(number)));
    put("top_p", sampling.top_p.map(|number| json!(number)));
    put("seed", sampling.seed.map(|number| json!(number)));
    put("presence_penalty", sampling.presence_penalty.map(|number| json!(number)));
    put("frequency_penalty", sampling.frequency_penalty.map(|number| json!(number)));
    put("stop", (!sampling.stop.is_empty()).then(|| json!(sampling.stop)));
    put("logit_bias", (!sampling.logit_bias.is_empty()).then(|| json!(sampling.logit_bias)));
    body
}

fn message(message: &Message) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let content = match message.content.as_slice() {
        [] => Value::Null,
        [Part::Text { text }] => json!(text),
        parts => parts.iter().map(part).collect(),
    };
    let mut out = json!({ "role": role, "content": content });
    if let Some(name) = &message.name {
        out["name"] = json!(name);
    }
    if let Some(id) = &message.tool_call_id {
        out["tool_call_id"] = json!(id);
    }
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.name, "arguments": call.arguments },
            })
        });
        out["tool_calls"] = calls.collect();
    }
    out
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text { text } => json!({ "type": "text", "text": text }),
        Part::Image { media_type, data, detail } => {
            let url = format!("data:{media_type};base64,{data}");
            let detail = detail.as_deref().unwrap_or("auto");
            json!({ "type": "image_url", "image_url": { "url": url, "detail": detail } })
        }
        Part::Audio { format, data } => {
            json!({ "type": "input_audio", "input_audio": { "data": data, "format": format } })
        }
    }
}

fn tool(tool: &Tool) -> Value {
    let mut function = json!({ "name": tool.name, "strict": tool.strict });
    if let Some(description) = &tool.description {
        function["description"] = json!(description);
    }
    if let Some(parameters) = &tool.parameters {
        function["parameters"] = parameters.clone();
    }
    json!({ "type": "function", "function": function })
}

fn choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Function(name) => json!({ "type": "function", "function": { "name": name } }),
    }
}

/// Every text of a question that would leave the house, for the gate that looks for secrets.
pub fn texts(body: &Value) -> String {
    // The JSON itself: names, arguments and schemas can hold secrets as well as messages.
    body.to_string()
}

/// Why the stream of an upstream is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No framing of events.
    #[error(transparent)]
    Framing(#[from] super::sse::Malformed),
    /// An event that is no chunk.
    #[error("an event is not a chunk of a completion")]
    Chunk,
    /// It ended before `[DONE]`.
    #[error("the stream ended before its end")]
    Cut,
    /// The upstream reported an error in the middle.
    #[error("the upstream gave up in the middle")]
    GaveUp,
}

/// Turns the bytes of a stream into chunks.
#[derive(Debug, Default)]
pub struct Chunks {
    reader: Reader,
    usage: Usage,
    done: bool,
}

impl Chunks {
    /// Takes the next bytes and gives the chunks that they complete.
    ///
    /// # Errors
    ///
    /// When the bytes are no stream of completions; it is lost then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<TextChunk>, Malformed> {
        let mut chunks = Vec::new();
        for event in self.reader.push(bytes)? {
            if !self.done {
                self.event(&event, &mut chunks)?;
            }
        }
        Ok(chunks)
    }

    /// Whether `[DONE]` has come.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// What was counted, once it is done.
    ///
    /// # Errors
    ///
    /// When the stream ended early.
    pub fn usage(&self) -> Result<Usage, Malformed> {
        self.done.then_some(self.usage).ok_or(Malformed::Cut)
    }

    fn event(&mut self, event: &Event, chunks: &mut Vec<TextChunk>) -> Result<(), Malformed> {
        if event.data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let value: Value = serde_json::from_str(&event.data).map_err(|_| Malformed::Chunk)?;
        if value.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Malformed::GaveUp);
        }
        if let Some(usage) = value.get("usage").filter(|usage| usage.is_object()) {
            let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64);
            self.usage = Usage {
                prompt_tokens: count("/prompt_tokens").unwrap_or(0),
                completion_tokens: count("/completion_tokens").unwrap_or(0),
                cached_tokens: count("/prompt_tokens_details/cached_tokens").unwrap_or(0),
                reasoning_tokens: count("/completion_tokens_details/reasoning_tokens").unwrap_or(0),
            };
        }
        let choices = value.get("choices").and_then(Value::as_array).ok_or(Malformed::Chunk)?;
        for choice in choices {
            one(choice, chunks).ok_or(Malformed::Chunk)?;
        }
        Ok(())
    }
}

/// The chunks of one choice of an event.
fn one(choice: &Value, chunks: &mut Vec<TextChunk>) -> Option<()> {
    let index = u32::try_from(choice.get("index")?.as_u64()?).ok()?;
    let delta = choice.get("delta").unwrap_or(&Value::Null);
    // `/completions` has the text itself where chats have a delta.
    let text = delta.get("content").or_else(|| choice.get("text")).and_then(Value::as_str);
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        let tokens = tokens(choice.get("logprobs").unwrap_or(&Value::Null))?;
        chunks.push(TextChunk::Text { choice: index, text: text.to_owned(), tokens });
    }
    if let Some(text) = delta.get("refusal").and_then(Value::as_str).filter(|t| !t.is_empty()) {
        chunks.push(TextChunk::Refusal { choice: index, text: text.to_owned() });
    }
    let calls = delta.get("tool_calls").and_then(Value::as_array);
    for call in calls.map_or(&[][..], Vec::as_slice) {
        let text = |pointer: &str| call.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let filled = |pointer: &str| text(pointer).filter(|text| !text.is_empty());
        chunks.push(TextChunk::ToolCall {
            choice: index,
            index: u32::try_from(call.get("index")?.as_u64()?).ok()?,
            id: filled("/id"),
            name: filled("/function/name"),
            arguments: text("/function/arguments").unwrap_or_default(),
        });
    }
    match choice.get("finish_reason").unwrap_or(&Value::Null) {
        Value::Null => {}
        reason => {
            let reason = serde_json::from_value::<FinishReason>(reason.clone()).ok()?;
            chunks.push(TextChunk::Finish { choice: index, reason });
        }
    }
    Some(())
}

fn tokens(logprobs: &Value) -> Option<Vec<Token>> {
    if let Some(content) = logprobs.get("content").and_then(Value::as_array) {
        return content.iter().map(token).collect();
    }
    let Some(tokens) = logprobs.get("tokens").and_then(Value::as_array) else {
        return Some(Vec::new());
    };
    let numbers = logprobs.get("token_logprobs")?.as_array()?;
    let token = |(token, logprob): (&Value, &Value)| {
        let token = token.as_str()?.to_owned();
        let bytes = token.as_bytes().to_vec();
        Some(Token { token, bytes, logprob: logprob.as_f64()?, top: Vec::new() })
    };
    tokens.iter().zip(numbers).map(token).collect()
}

fn token(value: &Value) -> Option<Token> {
    let (token, bytes, logprob) = named(value)?;
    let top = value.get("top_logprobs").and_then(Value::as_array);
    let top = top.map_or(&[][..], Vec::as_slice).iter().map(|value| {
        let (token, bytes, logprob) = named(value)?;
        Some(Alternative { token, bytes, logprob })
    });
    Some(Token { token, bytes, logprob, top: top.collect::<Option<_>>()? })
}

fn named(value: &Value) -> Option<(String, Vec<u8>, f64)> {
    let token = value.get("token")?.as_str()?.to_owned();
    let bytes = match value.get("bytes").and_then(Value::as_array) {
        Some(bytes) => {
            let byte = |byte: &Value| u8::try_from(byte.as_u64()?).ok();
            bytes.iter().map(byte).collect::<Option<_>>()?
        }
        None => token.as_bytes().to_vec(),
    };
    Some((token, bytes, value.get("logprob")?.as_f64()?))
}
