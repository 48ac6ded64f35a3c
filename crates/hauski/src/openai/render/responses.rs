//! `/v1/responses`: the answer as it grows, event by event.
//!
//! Complete answers are built by the same events, so that both ways say the same.

use contracts::hauski::engine::{FinishReason, TextChunk, ToolCall, Usage};
use serde_json::{Value, json};

use super::id;
use crate::openai::wire::chat::TokenLogprob;
use crate::openai::wire::responses::answer::{self, Frame, Status};

/// One event: its type and its data.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// For example `response.output_text.delta`.
    pub kind: &'static str,
    /// What it carries.
    pub data: Value,
}

/// An answer that grows.
#[derive(Debug)]
pub struct Builder {
    frame: Frame,
    sequence: u64,
    output: Vec<Value>,
    open: Option<Open>,
    finish: Option<FinishReason>,
    events: Vec<Event>,
}

/// The item that grows.
#[derive(Debug)]
enum Open {
    Text { id: String, text: String, logprobs: Vec<TokenLogprob> },
    Refusal { id: String, text: String },
    Call { id: String, call: ToolCall },
}

impl Builder {
    /// Begins with `response.created` and `response.in_progress`.
    pub fn new(frame: Frame) -> Self {
        let mut builder = Self {
            frame,
            sequence: 0,
            output: Vec::new(),
            open: None,
            finish: None,
            events: Vec::new(),
        };
        let response = builder.frame.response(&Status::InProgress, &[]);
        builder.push("response.created", json!({ "response": response }));
        builder.push("response.in_progress", json!({ "response": response }));
        builder
    }

    /// The events since the last time.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn push(&mut self, kind: &'static str, mut data: Value) {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        self.events.push(Event { kind, data });
    }

    /// An event about the item that grows.
    fn push_item(&mut self, kind: &'static str, item_id: &str, mut data: Value) {
        data["item_id"] = json!(item_id);
        data["output_index"] = json!(self.output.len());
        self.push(kind, data);
    }

    /// Takes a chunk that [`crate::openai::track::Track`] has let through.
    pub fn take(&mut self, chunk: TextChunk) {
        match chunk {
            TextChunk::Text { text, tokens, .. } => {
                let new: Vec<TokenLogprob> = tokens.into_iter().map(Into::into).collect();
                self.text(&text, new);
            }
            TextChunk::Refusal { text, .. } => self.refusal(&text),
            TextChunk::ToolCall { id, name, arguments, .. } => self.call(id, name, &arguments),
            TextChunk::Finish { reason, .. } => {
                let cut = matches!(reason, FinishReason::Length | FinishReason::ContentFilter);
                self.close_as(if cut { "incomplete" } else { "completed" });
                self.finish = Some(reason);
            }
        }
    }

    fn text(&mut self, new: &str, new_logprobs: Vec<TokenLogprob>) {
        if !matches!(self.open, Some(Open::Text { .. })) {
            self.close();
            let id = id("msg_");
            self.begin_message(&id, &answer::output_text("", &[]));
            self.open = Some(Open::Text { id, text: String::new(), logprobs: Vec::new() });
        }
        let Some(Open::Text { id, text, logprobs }) = &mut self.open else {
            return;
        };
        text.push_str(new);
        let delta = json!({ "content_index": 0, "delta": new, "logprobs": new_logprobs });
        logprobs.extend(new_logprobs);
        let id = id.clone();
        self.push_item("response.output_text.delta", &id, delta);
    }

    fn refusal(&mut self, new: &str) {
        if !matches!(self.open, Some(Open::Refusal { .. })) {
            self.close();
            let id = id("msg_");
            self.begin_message(&id, &answer::refusal(""));
            self.open = Some(Open::Refusal { id, text: String::new() });
        }
        let Some(Open::Refusal { id, text }) = &mut self.open else {
            return;
        };
        text.push_str(new);
        let id = id.clone();
        self.push_item("response.refusal.delta", &id, json!({ "content_index": 0, "delta": new }));
    }

    fn begin_message(&mut self, id: &str, part: &Value) {
        let item = answer::message(id, "in_progress", &[]);
        let index = self.output.len();
        let added = json!({ "output_index": index, "item": item });
        self.push("response.output_item.added", added);
        let part = json!({ "content_index": 0, "part": part });
        self.push_item("response.content_part.added", id, part);
    }

    fn call(&mut self, call_id: Option<String>, name: Option<String>, new: &str) {
        if let (Some(call_id), Some(name)) = (call_id, name) {
            self.close();
            let id = id("fc_");
            let call = ToolCall { id: call_id, name, arguments: String::new() };
            let item = answer::function_call(&id, "in_progress", &call);
            let index = self.output.len();
            self.push("response.output_item.added", json!({ "output_index": index, "item": item }));
            self.open = Some(Open::Call { id, call });
        }
        let Some(Open::Call { id, call }) = &mut self.open else {
            return;
        };
        if new.is_empty() {
            return;
        }
        call.arguments.push_str(new);
        let id = id.clone();
        self.push_item("response.function_call_arguments.delta", &id, json!({ "delta": new }));
    }

    /// Ends the item that grows.
    fn close(&mut self) {
        self.close_as("completed");
    }

    fn close_as(&mut self, status: &str) {
        let item = match self.open.take() {
            None => return,
            Some(Open::Text { id, text, logprobs }) => {
                let done = json!({ "content_index": 0, "text": text, "logprobs": logprobs });
                self.push_item("response.output_text.done", &id, done);
                self.end_message(&id, status, answer::output_text(&text, &logprobs))
            }
            Some(Open::Refusal { id, text }) => {
                let done = json!({ "content_index": 0, "refusal": text });
                self.push_item("response.refusal.done", &id, done);
                self.end_message(&id, status, answer::refusal(&text))
            }
            Some(Open::Call { id, call }) => {
                let done = json!({ "arguments": call.arguments, "name": call.name });
                self.push_item("response.function_call_arguments.done", &id, done);
                answer::function_call(&id, status, &call)
            }
        };
        let done = json!({ "output_index": self.output.len(), "item": item });
        self.push("response.output_item.done", done);
        self.output.push(item);
    }

    fn end_message(&mut self, id: &str, status: &str, part: Value) -> Value {
        let done = json!({ "content_index": 0, "part": part });
        self.push_item("response.content_part.done", id, done);
        answer::message(id, status, &[part])
    }

    /// Ends the answer and gives the whole of it.
    pub fn finish(&mut self, usage: Usage) -> Value {
        let (kind, status) = match self.finish {
            Some(FinishReason::Length) => {
                ("response.incomplete", Status::Incomplete("max_output_tokens", usage))
            }
            Some(FinishReason::ContentFilter) => {
                ("response.incomplete", Status::Incomplete("content_filter", usage))
            }
            _ => ("response.completed", Status::Completed(usage)),
        };
        self.end(kind, &status)
    }

    /// Ends the answer because something went wrong.
    pub fn fail(&mut self, code: &str, message: &str) -> Value {
        self.open = None;
        let status = Status::Failed(code.to_owned(), message.to_owned());
        self.end("response.failed", &status)
    }

    fn end(&mut self, kind: &'static str, status: &Status) -> Value {
        let response = self.frame.response(status, &self.output);
        self.push(kind, json!({ "response": response }));
        response
    }
}
