//! Asks plugins, and reads what they answer.

use std::os::fd::OwnedFd;
use std::time::Duration;

use futures_util::StreamExt;
use hauski_plugins::{Call, CallError, CallEvent, CallOptions, Target};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure;
use crate::server::error::ApiError;
use crate::state::AppState;

/// Whom to ask for what.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The capability.
    pub(crate) capability: &'static str,
    /// The model, where the capability has models.
    pub(crate) model: Option<String>,
}

/// A call that runs.
pub(crate) struct Asked {
    call: Call,
    wanted: Wanted,
}

/// What a call brings.
pub(crate) enum Brought<C, D> {
    /// A chunk.
    Chunk(C),
    /// The end.
    Done(D),
}

impl Asked {
    /// Asks; the call begins at once.
    pub(crate) fn new(
        state: &AppState,
        wanted: Wanted,
        params: &impl Serialize,
        fds: Vec<OwnedFd>,
    ) -> Result<Self, ApiError> {
        let params = serde_json::to_value(params).map_err(|error| ApiError::internal(&error))?;
        let limits = state.policies.load().limits.request.max_seconds;
        let deadline = Duration::from_secs(u64::from(limits.max(1)));
        let target = match &wanted.model {
            Some(model) => Target::model(wanted.capability, model),
            None => Target::capability(wanted.capability),
        };
        let call = state.host.call(&target, params, CallOptions { deadline, fds });
        Ok(Self { call, wanted })
    }

    /// The plugin that answers.
    pub(crate) fn plugin(&self) -> &str {
        self.call.plugin().unwrap_or("-")
    }

    /// The next chunk or the result, as they stand. Safe to be given up while it waits.
    pub(crate) async fn raw(&mut self) -> Result<Brought<Value, Value>, CallError> {
        loop {
            match self.call.next().await {
                Some(CallEvent::Chunk(value)) => return Ok(Brought::Chunk(value)),
                Some(CallEvent::Progress(_)) => {}
                Some(CallEvent::Done(result)) => return result.map(Brought::Done),
                None => {
                    let kind = hauski_plugins::CallErrorKind::Protocol;
                    return Err(CallError::new(kind, "the call ended twice"));
                }
            }
        }
    }

    /// The next chunk or the result, read. Safe to be given up while it waits.
    pub(crate) async fn next<C, D>(&mut self) -> Result<Brought<C, D>, ApiError>
    where
        C: DeserializeOwned,
        D: DeserializeOwned,
    {
        let raw = self.raw().await.map_err(|error| self.failed(&error))?;
        Ok(match raw {
            Brought::Chunk(value) => Brought::Chunk(self.read(value)?),
            Brought::Done(value) => Brought::Done(self.read(value)?),
        })
    }

    /// Why the call failed, for clients.
    pub(crate) fn failed(&self, error: &CallError) -> ApiError {
        failure::of_call(self.wanted.capability, self.wanted.model.as_deref(), error)
    }

    /// Reads a value of the contract. What serde says could repeat contents, so it is not passed on.
    pub(crate) fn read<T: DeserializeOwned>(&self, value: Value) -> Result<T, ApiError> {
        T::deserialize(value)
            .map_err(|_| failure::broken(self.plugin(), "a value outside the contract"))
    }
}

/// Asks for a capability that takes JSON and gives JSON.
pub(crate) async fn ask(
    state: &AppState,
    capability: &'static str,
    params: &Value,
) -> Result<Value, ApiError> {
    let wanted = Wanted { capability, model: None };
    let mut asked = Asked::new(state, wanted, params, Vec::new())?;
    loop {
        if let Brought::Done(value) = asked.next::<Value, Value>().await? {
            return Ok(value);
        }
    }
}
