//! `/v1/completions`: its request, its answer and the chunks of its stream.

use std::collections::BTreeMap;

use contracts::hauski::engine::{Complete, FinishReason, Input};
use schemars::JsonSchema;
use serde::Serialize;

use super::fields::{Fields, Item};
use super::usage::Usage;
use super::{Bounds, Code, Invalid, MAX_TEXT, sampling};

/// Most prompts of one request.
pub const MAX_PROMPTS: usize = 64;

/// A request that was read: one call of an engine for each prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What engines are asked for, in the order of the prompts.
    pub prompts: Vec<Complete>,
    /// Whether the answer comes in chunks.
    pub stream: bool,
    /// Whether the last chunk carries the count of tokens.
    pub include_usage: bool,
}

impl Request {
    /// Reads a body.
    pub fn read(bytes: &[u8], bounds: Bounds) -> Result<Self, Invalid> {
        let mut body = Fields::body(bytes)?;
        let model = super::model(&mut body)?;
        let prompts = inputs(body.require("prompt")?, MAX_PROMPTS, true)?;
        let mut sampling = sampling::completions(&mut body, bounds)?;
        let answers = sampling.n.saturating_mul(u32::try_from(prompts.len()).unwrap_or(u32::MAX));
        sampling.ceiling_tokens = (bounds.max_output_tokens / answers).max(1);
        // The API gives 16 tokens where nothing is asked for.
        sampling.max_tokens = Some(
            sampling::max_tokens(&mut body, "max_tokens", answers, bounds)?
                .unwrap_or(sampling.ceiling_tokens.min(16)),
        );
        sampling.logprobs = body.count("logprobs", 0..=5)?;
        best_of(&mut body, sampling.n)?;
        let echo = body.flag("echo")?.unwrap_or(false);
        let suffix = body.text("suffix", 0..=MAX_TEXT)?;
        let streaming = sampling::streaming(&mut body)?;
        body.ignore(&["user"]);
        body.refuse(sampling::OF_OTHER_SERVERS)?;
        body.finish()?;
        let prompts = prompts.into_iter().map(|prompt| Complete {
            model: model.clone(),
            prompt,
            suffix: suffix.clone(),
            echo,
            sampling: sampling.clone(),
        });
        Ok(Self {
            prompts: prompts.collect(),
            stream: streaming.stream,
            include_usage: streaming.include_usage,
        })
    }
}

/// Drawing more answers than are given back is work for nobody here.
fn best_of(body: &mut Fields, n: u32) -> Result<(), Invalid> {
    match body.count("best_of", 1..=128)? {
        Some(best_of) if best_of < n => {
            let message = format!("Invalid 'best_of': it must be at least 'n', which is {n}.");
            Err(Invalid::at("best_of", Code::InvalidValue, message))
        }
        Some(best_of) if best_of > n => {
            let why = "every answer that is drawn is given; use 'n'";
            Err(Invalid::unsupported_value("best_of", why))
        }
        _ => Ok(()),
    }
}

/// One or several texts, or token ids of one or several texts.
pub(super) fn inputs(item: Item, most: usize, empty: bool) -> Result<Vec<Input>, Invalid> {
    let least = usize::from(!empty);
    let expected =
        "a string, an array of strings, an array of token ids or an array of such arrays";
    if matches!(item.value, serde_json::Value::String(_)) {
        return Ok(vec![Input::Text(item.text(least..=MAX_TEXT)?)]);
    }
    let serde_json::Value::Array(ref list) = item.value else {
        return Err(Invalid::kind(&item.path, expected, item.kind()));
    };
    if matches!(list.first(), Some(serde_json::Value::Number(_))) {
        return Ok(vec![Input::Tokens(tokens(item)?)]);
    }
    let items = item.list(1..=most)?;
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        read.push(match (&item.value, read.first()) {
            (serde_json::Value::String(_), None | Some(Input::Text(_))) => {
                Input::Text(item.text(least..=MAX_TEXT)?)
            }
            (serde_json::Value::Array(_), None | Some(Input::Tokens(_))) => {
                Input::Tokens(tokens(item)?)
            }
            _ => return Err(Invalid::kind(&item.path, expected, "a mixture")),
        });
    }
    Ok(read)
}

fn tokens(item: Item) -> Result<Vec<u32>, Invalid> {
    let ids = item.list(1..=1 << 20)?.into_iter().map(|id| id.integer(0..=i64::from(u32::MAX)));
    ids.map(|id| id.map(|id| u32::try_from(id).unwrap_or(u32::MAX))).collect()
}

/// The answer, and in the same shape each chunk of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Completion {
    /// `cmpl-…`.
    pub id: String,
    /// Always `text_completion`.
    pub object: &'static str,
    /// Seconds since 1970.
    pub created: i64,
    /// The model that was asked for.
    pub model: String,
    /// The answers; those of the first prompt first.
    pub choices: Vec<Choice>,
    /// What was counted; absent in streams unless asked for, `null` in all chunks but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<Usage>>,
    /// Which provider answered, in a few letters.
    pub system_fingerprint: Option<String>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Choice {
    /// The text.
    pub text: String,
    /// From 0.
    pub index: u32,
    /// Probabilities, where asked for.
    pub logprobs: Option<Logprobs>,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
}

/// Probabilities, as this older route writes them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Logprobs {
    /// The tokens.
    pub tokens: Vec<String>,
    /// Their logarithms.
    pub token_logprobs: Vec<f64>,
    /// The likeliest tokens at each place.
    pub top_logprobs: Vec<BTreeMap<String, f64>>,
    /// Where each token begins, in characters of the text.
    pub text_offset: Vec<usize>,
}
