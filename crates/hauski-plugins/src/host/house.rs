//! What the daemon itself offers to its plugins, as if a plugin had it. A manifest names it among its `calls`.

use std::future::Future;
use std::pin::Pin;

use contracts::hauski::protocol::RpcError;
use serde_json::Value;

/// The answer of the house, some time.
pub type HouseAnswer = Pin<Box<dyn Future<Output = Result<Value, RpcError>> + Send>>;

/// Capabilities of the daemon.
pub trait House: Send + Sync + 'static {
    /// Whether this capability is the daemon's own. Such a one is never looked for among the plugins.
    fn has(&self, capability: &str) -> bool;

    /// Does it for the plugin `from`, whose manifest allows the call.
    fn call(&self, from: &str, capability: &str, params: Value) -> HouseAnswer;
}
