//! The daemon as the tools see it: asked over its Unix socket each time, and allowed to be away.

use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use policy::Policies;
use serde_json::Value;
use tokio::runtime::Handle;

use super::tools::ToolError;
use super::world::House;
use crate::client;

/// The policies in force, or why they cannot be read.
type ReadPolicies = dyn Fn() -> Result<Arc<Policies>, ToolError> + Send + Sync;

/// The daemon behind a socket.
pub(crate) struct Distant {
    socket: PathBuf,
    runtime: Handle,
    policies: Box<ReadPolicies>,
}

impl Distant {
    /// A daemon whose policies are read by `policies`: the same files without it, its own with it.
    pub(crate) fn new(
        socket: PathBuf,
        runtime: Handle,
        policies: impl Fn() -> Result<Arc<Policies>, ToolError> + Send + Sync + 'static,
    ) -> Self {
        Self { socket, runtime, policies: Box::new(policies) }
    }
}

impl House for Distant {
    fn plugins(&self) -> Result<Value, ToolError> {
        let question = client::ask(&self.socket, Method::GET, "/admin/plugins", None);
        let answer = self.runtime.block_on(question);
        answer.map_err(|error| ToolError::failed(error.to_string(), error.hint()))
    }

    fn policies(&self) -> Result<Arc<Policies>, ToolError> {
        (self.policies)()
    }
}
