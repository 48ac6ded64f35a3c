//! The daemon as `hauski mcp` sees it: asked over its Unix socket each time, and allowed to be away.

use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use policy::{Paths, Policies};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::tools::ToolError;
use super::world::House;
use crate::client;

/// The daemon behind a socket.
pub(crate) struct Distant {
    socket: PathBuf,
    runtime: Handle,
    policies: Paths,
}

impl Distant {
    /// A daemon that listens on `socket` and reads the same policy files.
    pub(crate) fn new(socket: PathBuf, runtime: Handle, policies: Paths) -> Self {
        Self { socket, runtime, policies }
    }
}

impl House for Distant {
    fn plugins(&self) -> Result<Value, ToolError> {
        let question = client::ask(&self.socket, Method::GET, "/admin/plugins", None);
        let answer = self.runtime.block_on(question);
        answer.map_err(|error| ToolError::failed(error.to_string(), error.hint()))
    }

    fn passages(&self, query: &str, k: u32) -> Result<Value, ToolError> {
        let body = json!({"query": query, "k": k});
        let question = client::ask(&self.socket, Method::POST, "/index/search", Some(&body));
        let answer = self.runtime.block_on(question);
        answer.map_err(|error| ToolError::failed(error.to_string(), error.hint()))
    }

    fn policies(&self) -> Result<Arc<Policies>, ToolError> {
        let policies = policy::load(&self.policies);
        policies
            .map(Arc::new)
            .map_err(|error| ToolError::failed(error.to_string(), "correct the file"))
    }
}
