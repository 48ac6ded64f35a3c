//! Ending one instance: ask it, tell its tree, end it.

use std::sync::Arc;
use std::time::Duration;

use contracts::hauski::plugin::Kind;
use serde_json::json;

use super::instance::Instance;

/// Between looks whether the last call of a draining instance is over.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A killed tree that is not gone after this time hangs in the kernel.
const KILL_TAKES_AT_MOST: Duration = Duration::from_secs(6);

/// `shutdown`, after `grace` SIGTERM to the whole tree, after `grace` again its end.
pub(super) async fn stop(instance: &Arc<Instance>, grace: Duration) {
    instance.start_draining();
    let within = async {
        match instance.kind {
            Kind::Rpc | Kind::Stdio => {
                // A plugin that does not know the word or does not answer gets the signal.
                let _ = instance.ask("shutdown", json!({}), grace).await;
            }
            Kind::Mcp => instance.endpoint.outbox().finish(),
        }
        instance.process.ended().await
    };
    if tokio::time::timeout(grace, within).await.is_ok() {
        return;
    }
    instance.process.terminate();
    if tokio::time::timeout(grace, instance.process.ended()).await.is_ok() {
        return;
    }
    instance.process.kill();
    let _ = tokio::time::timeout(KILL_TAKES_AT_MOST, instance.process.ended()).await;
}

/// Waits until the calls at work are over. Each of them has a deadline, so this ends.
pub(super) async fn drain(instance: &Arc<Instance>) {
    instance.start_draining();
    while instance.endpoint.inflight() > 0 {
        instance.endpoint.expire();
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
