//! Counts what a request used: for the key's budget and for the metrics. What a client gave up in the
//! middle is counted by what was sent until then.

use std::time::Instant;

use contracts::hauski::engine::Usage;

use crate::metrics::Metrics;
use crate::server::auth::Caller;
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
        }
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
            self.charge(0, self.chunks);
        }
        self.metrics().engine_time(self.capability, self.began.elapsed());
    }
}
