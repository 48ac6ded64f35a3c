//! Counts what a request used: for the key's budget and for the metrics. Tokens are set aside before any work and given
//! back after it; what a client gave up in the middle is counted by the length of its prompt and what was sent until then.

use std::time::Instant;

use contracts::hauski::engine::Usage;

use crate::keys::ring::Reserved;
use crate::metrics::Metrics;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::state::AppState;

/// Counts one request.
pub(crate) struct Meter {
    state: AppState,
    caller: Caller,
    capability: &'static str,
    began: Instant,
    /// Chunks of text or calls that were sent; about one token each.
    chunks: u64,
    exact: bool,
    /// About how many tokens the prompt has.
    prompt: u64,
    /// Given back with the meter, after what was used is counted.
    reserved: Option<Reserved>,
}

impl Meter {
    /// For a request that begins now.
    pub(crate) fn new(state: &AppState, caller: &Caller, capability: &'static str) -> Self {
        Self {
            state: state.clone(),
            caller: caller.clone(),
            capability,
            began: Instant::now(),
            chunks: 0,
            exact: false,
            prompt: 0,
            reserved: None,
        }
    }

    /// Sets tokens aside: for a prompt of about this length, and for up to `most` tokens of answer but at least `least`.
    /// Returns how many tokens the answer may have.
    pub(crate) fn reserve(&mut self, prompt: u64, least: u64, most: u64) -> Result<u64, ApiError> {
        let reserved =
            self.caller.reserve(prompt.saturating_add(least), prompt.saturating_add(most));
        self.reserved = reserved.inspect_err(|_| self.exact = true)?;
        self.prompt = prompt;
        let granted = self.reserved.as_ref().map(Reserved::tokens);
        Ok(granted.map_or(most, |granted| granted.saturating_sub(prompt)))
    }

    /// Counts something that was sent.
    pub(crate) fn chunk(&mut self) {
        if self.chunks == 0 {
            self.metrics().first_chunk(self.capability, self.began.elapsed());
        }
        self.chunks += 1;
    }

    /// Counts what the provider says that the request used.
    pub(crate) fn used(&mut self, usage: &Usage) {
        self.exact = true;
        self.charge(usage.prompt_tokens, usage.completion_tokens);
    }

    /// Nothing was used: the request failed before anything came of it.
    pub(crate) fn nothing(&mut self) {
        self.exact |= self.chunks == 0;
    }

    fn charge(&self, prompt: u64, completion: u64) {
        self.caller.charge_tokens(prompt.saturating_add(completion));
        self.metrics().tokens(self.capability, prompt, completion);
    }

    fn metrics(&self) -> &Metrics {
        &self.state.metrics
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if !self.exact {
            self.charge(self.prompt, self.chunks);
        }
        self.metrics().engine_time(self.capability, self.began.elapsed());
    }
}

/// About how many tokens a text has: a token is a word or less, and four bytes or more seldom.
pub(crate) fn estimate(text: &str) -> u64 {
    let words = text.split_whitespace().count();
    u64::try_from(words.max(text.len().div_ceil(4))).unwrap_or(u64::MAX)
}
