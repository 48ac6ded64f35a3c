//! The connection of repoagent: requests come in, each works on a thread of its own.

use std::sync::{Arc, OnceLock};

use contracts::hauski::protocol::{Initialize, Initialized, RpcError};
use hauski_plugins::client::{Handler, ServeError, Transport, initialized, serve as serve_plugin};
use hauski_plugins::{Incoming, Peer};
use serde_json::Value;
use wgx_tasks::process::Variables;

use super::{Agent, CAPABILITIES, Fault};

/// Serves until the host ends it.
///
/// # Errors
/// When there is no host, or it breaks the protocol.
pub(crate) async fn serve(transport: Transport, environment: Variables) -> Result<(), ServeError> {
    serve_plugin(transport, Plugin { environment, agent: OnceLock::new() }).await
}

struct Plugin {
    environment: Variables,
    agent: OnceLock<Arc<Agent>>,
}

impl Handler for Plugin {
    async fn initialize(&self, about: Initialize, _peer: Peer) -> Result<Initialized, RpcError> {
        let environment = self.environment.clone();
        let agent = at_work(move || Agent::new(Value::Object(about.config), environment)).await?;
        // A host initialises once; whoever asks again gets the first settings.
        let _ = self.agent.set(Arc::new(agent));
        Ok(initialized(CAPABILITIES.iter().copied()))
    }

    async fn call(&self, request: &mut Incoming) -> Result<Value, RpcError> {
        let Some(agent) = self.agent.get().cloned() else {
            return Err(Fault::failed("`initialize` comes first").into());
        };
        let capability = request.method.clone();
        let params = std::mem::take(&mut request.params);
        Ok(at_work(move || agent.answer(&capability, params)).await?)
    }
}

/// Files and git block, so the connection goes on beside them.
async fn at_work<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Fault::failed("the work broke off")))
}
