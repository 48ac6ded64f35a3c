//! What the fake will do for a request, step by step, decided before the first of them.

use std::time::Duration;

use contracts::hauski::engine::{
    Chat, Complete, FinishReason, Format, Input, Part, Role, Sampling, TextChunk, ToolChoice, Usage,
};
use contracts::hauski::protocol::{RpcError, code};
use serde_json::{Value, json};

use super::numbers::Numbers;
use super::script::{self, Fault, Word};
use super::{CONTEXT, SCRIPT, SMALL, SMALL_CONTEXT, WORDS, instance, tokens};

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Sends a chunk.
    Chunk(TextChunk),
    /// Does nothing for a while.
    Wait(Duration),
    /// Does what no engine may.
    Fault(Fault),
    /// Answers with an error.
    Fail(RpcError),
    /// Answers with an error the first time that the key is met.
    Once(String, RpcError),
    /// Writes lines of log.
    Log(u32),
}

/// All steps, and what was counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// What was counted.
    pub usage: Usage,
}

/// A piece of an answer before it is counted and cut.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Refusal(String),
    Call(String),
    Arguments(String),
    Other(Step),
    Slow(Duration),
    Filter,
}

/// What to do for a chat.
///
/// # Errors
///
/// What an engine refuses: values that it cannot honour, and prompts beyond its context.
pub fn chat(chat: &Chat) -> Result<Plan, RpcError> {
    honourable(chat)?;
    let prompt = prompt_tokens(chat);
    let person = chat.messages.iter().rev().find(|message| message.role != Role::Assistant);
    let text = person.map(|message| text(&message.content)).unwrap_or_default();
    let forced = match &chat.tool_choice {
        ToolChoice::Function(name) => chat.tools.iter().find(|tool| tool.name == *name),
        ToolChoice::Required => chat.tools.first(),
        ToolChoice::Auto | ToolChoice::None => None,
    };
    let said = |choice: u32| -> Result<Vec<Piece>, RpcError> {
        let mut pieces = match chat.model.as_str() {
            SCRIPT => scripted(script::read(&text)?),
            _ => vec![Piece::Text(spoken(&chat.model, &text, &chat.sampling, choice))],
        };
        if let Some(tool) = forced {
            let schema = tool.parameters.clone().unwrap_or_else(|| json!({ "type": "object" }));
            let arguments = made(&schema, "tools")?.to_string();
            keep_other(&mut pieces);
            pieces.extend([Piece::Call(tool.name.clone()), Piece::Arguments(arguments)]);
        } else if let Some(json) = structured(&chat.format, &text)? {
            keep_other(&mut pieces);
            pieces.push(Piece::Text(json));
        }
        Ok(pieces)
    };
    plan(&chat.model, &chat.sampling, prompt, said)
}

/// What to do for a prompt.
///
/// # Errors
///
/// What an engine refuses: values that it cannot honour, and prompts beyond its context.
pub fn complete(complete: &Complete) -> Result<Plan, RpcError> {
    if complete.suffix.as_ref().is_some_and(|suffix| !suffix.is_empty()) {
        return Err(refused("suffix", "the fake engine fills no gaps"));
    }
    no_bias(&complete.sampling)?;
    let (text, prompt) = match &complete.prompt {
        Input::Text(text) => (text.clone(), tokens::count(text)),
        Input::Tokens(ids) => {
            let words: Vec<String> = ids.iter().map(|id| format!("t{id}")).collect();
            (words.join(" "), u32::try_from(ids.len()).unwrap_or(u32::MAX))
        }
    };
    let said = |choice: u32| -> Result<Vec<Piece>, RpcError> {
        let mut pieces = match complete.model.as_str() {
            SCRIPT => scripted(script::read(&text)?),
            model => vec![Piece::Text(spoken(model, &text, &complete.sampling, choice))],
        };
        if complete.echo {
            pieces.insert(0, Piece::Text(text.clone()));
        }
        Ok(pieces)
    };
    plan(&complete.model, &complete.sampling, prompt, said)
}

fn refused(param: &str, message: &str) -> RpcError {
    RpcError {
        code: code::INVALID_VALUE,
        message: message.to_owned(),
        data: Some(json!({ "param": param })),
    }
}

fn no_bias(sampling: &Sampling) -> Result<(), RpcError> {
    if sampling.logit_bias.is_empty() {
        return Ok(());
    }
    Err(refused("logit_bias", "the fake engine has no vocabulary"))
}

fn honourable(chat: &Chat) -> Result<(), RpcError> {
    no_bias(&chat.sampling)?;
    if chat.reasoning_effort.is_some() {
        return Err(refused("reasoning_effort", "the fake engine does not reason"));
    }
    for (at, message) in chat.messages.iter().enumerate() {
        let other = message.content.iter().position(|part| !matches!(part, Part::Text { .. }));
        if let Some(part) = other {
            let param = format!("messages[{at}].content[{part}]");
            return Err(refused(&param, "the fake engine neither sees nor hears"));
        }
    }
    Ok(())
}

fn text(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        Part::Image { .. } | Part::Audio { .. } => None,
    });
    texts.collect()
}

/// Every message costs its text and four tokens of a template.
fn prompt_tokens(chat: &Chat) -> u32 {
    let of_messages = chat.messages.iter().map(|message| {
        let calls = message.tool_calls.iter().map(|call| tokens::count(&call.arguments) + 2);
        tokens::count(&text(&message.content)) + calls.sum::<u32>() + 4
    });
    let of_tools = chat.tools.iter().map(|tool| tokens::count(&json!(tool.parameters).to_string()));
    of_messages.sum::<u32>() + of_tools.sum::<u32>()
}

fn spoken(model: &str, text: &str, sampling: &Sampling, choice: u32) -> String {
    if model != WORDS {
        return text.to_owned();
    }
    let mut numbers = match (sampling.temperature, sampling.seed) {
        (Some(0.0), _) => Numbers::of(text),
        (_, Some(seed)) => Numbers::of(&format!("{seed}:{choice}:{text}")),
        (_, None) => Numbers::of(&uuid::Uuid::new_v4().to_string()),
    };
    let length = 8 + numbers.draw() % 25;
    let syllables = ["ka", "lo", "mi", "ru", "té", "na", "sø", "pi", "高", "🦀"];
    let word = |numbers: &mut Numbers| -> String {
        let count = 1 + numbers.draw() % 3;
        (0..count).map(|_| syllables[(numbers.draw() % 10) as usize]).collect()
    };
    (0..length).map(|_| word(&mut numbers)).collect::<Vec<_>>().join(" ")
}

fn scripted(words: Vec<Word>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for word in words {
        match word {
            Word::Say(text) => pieces.push(Piece::Text(text)),
            Word::Words(count) => {
                pieces.extend((0..count).map(|number| Piece::Text(format!(" w{number}"))));
            }
            Word::Wait(time) => pieces.push(Piece::Other(Step::Wait(time))),
            Word::Slow(time) => pieces.push(Piece::Slow(time)),
            Word::Call(name, arguments) => {
                pieces.extend([Piece::Call(name), Piece::Arguments(arguments)]);
            }
            Word::Refuse(text) => pieces.push(Piece::Refusal(text)),
            Word::Fault(fault) => pieces.push(Piece::Other(Step::Fault(fault))),
            Word::Fail(error) => pieces.push(Piece::Other(Step::Fail(error))),
            Word::Once(key, error) => pieces.push(Piece::Other(Step::Once(key, error))),
            Word::Log(lines) => pieces.push(Piece::Other(Step::Log(lines))),
            Word::Filter => pieces.push(Piece::Filter),
        }
    }
    pieces
}

/// What is forced takes the place of what would be said; the rest of a script stays.
fn keep_other(pieces: &mut Vec<Piece>) {
    pieces.retain(|piece| matches!(piece, Piece::Other(_) | Piece::Slow(_)));
}

fn structured(format: &Format, text: &str) -> Result<Option<String>, RpcError> {
    Ok(match format {
        Format::Text => None,
        Format::JsonObject => Some(json!({ "echo": text }).to_string()),
        Format::JsonSchema { schema, .. } => Some(made(schema, "response_format")?.to_string()),
    })
}

fn made(schema: &Value, param: &str) -> Result<Value, RpcError> {
    instance::instance(schema).map_err(|unfit| refused(param, &unfit.to_string()))
}

fn plan(
    model: &str,
    sampling: &Sampling,
    prompt: u32,
    said: impl Fn(u32) -> Result<Vec<Piece>, RpcError>,
) -> Result<Plan, RpcError> {
    let context = if model == SMALL { SMALL_CONTEXT } else { CONTEXT };
    let asked = prompt.saturating_add(sampling.max_tokens.unwrap_or(1));
    if asked > context {
        return Err(RpcError {
            code: code::CONTEXT_LENGTH,
            message: "the prompt and the tokens asked for do not fit".to_owned(),
            data: Some(json!({ "limit": context, "asked": asked })),
        });
    }
    let budget =
        sampling.max_tokens.unwrap_or(u32::MAX).min(sampling.ceiling_tokens).min(context - prompt);
    let mut answers = Vec::new();
    let mut completion_tokens = 0;
    for choice in 0..sampling.n {
        let mut answer = Answer::new(choice, sampling, budget);
        answer.all(said(choice)?);
        completion_tokens += u64::from(answer.used);
        answers.push(answer.steps);
    }
    let usage = Usage { prompt_tokens: u64::from(prompt), completion_tokens, ..Usage::default() };
    Ok(Plan { steps: interleave(answers), usage })
}

/// Several answers grow at the same time.
fn interleave(answers: Vec<Vec<Step>>) -> Vec<Step> {
    let mut answers: Vec<_> = answers.into_iter().map(Vec::into_iter).collect();
    let mut steps = Vec::new();
    loop {
        let before = steps.len();
        steps.extend(answers.iter_mut().filter_map(Iterator::next));
        if steps.len() == before {
            return steps;
        }
    }
}

/// One answer while it is planned.
struct Answer<'a> {
    choice: u32,
    sampling: &'a Sampling,
    budget: u32,
    used: u32,
    calls: u32,
    slow: Option<Duration>,
    steps: Vec<Step>,
}

impl<'a> Answer<'a> {
    fn new(choice: u32, sampling: &'a Sampling, budget: u32) -> Self {
        Self { choice, sampling, budget, used: 0, calls: 0, slow: None, steps: Vec::new() }
    }

    fn all(&mut self, pieces: Vec<Piece>) {
        let mut reason = None;
        let (pieces, stopped) = stop(pieces, &self.sampling.stop);
        for piece in pieces {
            reason = self.piece(piece);
            if reason.is_some() {
                break;
            }
        }
        let natural = if self.calls > 0 { FinishReason::ToolCalls } else { FinishReason::Stop };
        let reason = match reason {
            Some(reason) => reason,
            None if stopped => FinishReason::Stop,
            None => natural,
        };
        let finish = TextChunk::Finish { choice: self.choice, reason };
        self.steps.push(Step::Chunk(finish));
    }

    fn piece(&mut self, piece: Piece) -> Option<FinishReason> {
        let choice = self.choice;
        match piece {
            Piece::Text(text) => self.tokens(&text, |answer, token| {
                let place = answer.used;
                let probabilities = answer.sampling.logprobs;
                let all = probabilities.map(|top| tokens::with_probabilities(&token, place, top));
                TextChunk::Text { choice, text: token, tokens: all.into_iter().collect() }
            }),
            Piece::Refusal(text) => {
                self.tokens(&text, |_, text| TextChunk::Refusal { choice, text })
            }
            Piece::Call(name) => {
                let index = self.calls;
                self.calls += 1;
                let mut numbers = Numbers::of(&format!("{choice}:{index}:{name}"));
                let id = Some(format!("call_{:016x}", numbers.draw()));
                let name = Some(name);
                let arguments = String::new();
                self.chunk(TextChunk::ToolCall { choice, index, id, name, arguments });
                None
            }
            Piece::Arguments(text) => self.tokens(&text, |answer, arguments| {
                let index = answer.calls.saturating_sub(1);
                TextChunk::ToolCall { choice, index, id: None, name: None, arguments }
            }),
            Piece::Other(step) => {
                self.steps.push(step);
                None
            }
            Piece::Slow(time) => {
                self.slow = Some(time);
                None
            }
            Piece::Filter => Some(FinishReason::ContentFilter),
        }
    }

    fn tokens(
        &mut self,
        text: &str,
        chunk: impl Fn(&Self, String) -> TextChunk,
    ) -> Option<FinishReason> {
        for token in tokens::split(text) {
            if self.used == self.budget {
                return Some(FinishReason::Length);
            }
            let chunk = chunk(self, token);
            self.used += 1;
            self.chunk(chunk);
        }
        None
    }

    fn chunk(&mut self, chunk: TextChunk) {
        self.steps.extend(self.slow.map(Step::Wait));
        self.steps.push(Step::Chunk(chunk));
    }
}

/// Cuts the text of an answer before the first of the stop texts, wherever its pieces begin and end.
fn stop(pieces: Vec<Piece>, stops: &[String]) -> (Vec<Piece>, bool) {
    let whole: String = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let Some(end) = stops.iter().filter_map(|stop| whole.find(stop.as_str())).min() else {
        return (pieces, false);
    };
    let mut left = end;
    let mut kept = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) if text.len() >= left => {
                kept.push(Piece::Text(text[..left].to_owned()));
                return (kept, true);
            }
            Piece::Text(text) => {
                left -= text.len();
                kept.push(Piece::Text(text));
            }
            other => kept.push(other),
        }
    }
    (kept, true)
}
