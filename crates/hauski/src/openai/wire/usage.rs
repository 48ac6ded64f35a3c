//! Counted tokens in the shapes of the API.

use contracts::hauski::engine;
use schemars::JsonSchema;
use serde::Serialize;

/// `usage` of the completions routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Usage {
    /// Of the prompt.
    pub prompt_tokens: u64,
    /// Of all answers together.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// Kinds of prompt tokens.
    pub prompt_tokens_details: PromptDetails,
    /// Kinds of answer tokens.
    pub completion_tokens_details: CompletionDetails,
}

/// Kinds of prompt tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PromptDetails {
    /// Those that needed no work.
    pub cached_tokens: u64,
}

/// Kinds of answer tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CompletionDetails {
    /// Those of reasoning.
    pub reasoning_tokens: u64,
}

impl From<engine::Usage> for Usage {
    fn from(usage: engine::Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.prompt_tokens.saturating_add(usage.completion_tokens),
            prompt_tokens_details: PromptDetails { cached_tokens: usage.cached_tokens },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning_tokens,
            },
        }
    }
}

/// `usage` of `/v1/embeddings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PromptUsage {
    /// Of the inputs.
    pub prompt_tokens: u64,
    /// The same: nothing is generated.
    pub total_tokens: u64,
}

/// `usage` of `/v1/responses`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ResponseUsage {
    /// Of the prompt.
    pub input_tokens: u64,
    /// Kinds of prompt tokens.
    pub input_tokens_details: InputDetails,
    /// Of the answer.
    pub output_tokens: u64,
    /// Kinds of answer tokens.
    pub output_tokens_details: CompletionDetails,
    /// Both.
    pub total_tokens: u64,
}

/// Kinds of prompt tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InputDetails {
    /// Those that were put into a cache for money; none here.
    pub cache_write_tokens: u64,
    /// Those that needed no work.
    pub cached_tokens: u64,
}

impl From<engine::Usage> for ResponseUsage {
    fn from(usage: engine::Usage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens,
            input_tokens_details: InputDetails {
                cache_write_tokens: 0,
                cached_tokens: usage.cached_tokens,
            },
            output_tokens: usage.completion_tokens,
            output_tokens_details: CompletionDetails { reasoning_tokens: usage.reasoning_tokens },
            total_tokens: usage.prompt_tokens.saturating_add(usage.completion_tokens),
        }
    }
}
