//! The side of a plugin: serve requests of the host over fd 3 or standard input and output.

mod transport;

use std::future::Future;
use std::sync::Arc;

use contracts::hauski::protocol::{
    Event, Initialize, Initialized, MAX_MESSAGE_BYTES, RpcError, VERSION, code,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

pub use transport::{Transport, TransportError};

use crate::protocol::{Dialect, Endpoint, EndpointEnd, Incoming, Outbox, Peer, Reader, Service};

/// What a plugin does. Requests run beside each other; each is answered by what its method returns.
pub trait Handler: Send + Sync + 'static {
    /// The host begins: its settings for the plugin, and a way to ask back. Returns what the plugin can do now.
    fn initialize(
        &self,
        about: Initialize,
        peer: Peer,
    ) -> impl Future<Output = Result<Initialized, RpcError>> + Send;

    /// One request for a capability. It sends chunks and progress through `request` and ends with its result;
    /// when the caller cancels, it is dropped at its next `await`.
    fn call(&self, request: &mut Incoming) -> impl Future<Output = Result<Value, RpcError>> + Send;

    /// Something was published that the plugin listens to.
    fn event(&self, _event: Event) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Whether the plugin is well; asked every few seconds.
    fn ping(&self) -> impl Future<Output = Result<Value, RpcError>> + Send {
        async { Ok(json!({})) }
    }

    /// The host wants the plugin to end; it ends when this returns.
    fn shutdown(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// An answer to `initialize` that names the capabilities and speaks the version of this house.
pub fn initialized<'a>(capabilities: impl IntoIterator<Item = &'a str>) -> Initialized {
    Initialized {
        version: VERSION.to_owned(),
        capabilities: capabilities.into_iter().map(str::to_owned).collect(),
        models: Vec::new(),
    }
}

/// Why a plugin stopped serving.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The connection to the host could not be taken.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The host broke the protocol.
    #[error("the host broke the protocol: {0}")]
    Protocol(String),
}

/// Serves until the host says `shutdown` or is gone.
///
/// # Errors
///
/// When there is no connection to a host, or the host breaks the protocol.
pub async fn serve<H: Handler>(transport: Transport, handler: H) -> Result<(), ServeError> {
    let stream = Arc::new(transport.open()?);
    let outbox = Outbox::new(Arc::clone(&stream));
    let endpoint = Endpoint::new(outbox, Dialect::Plugin, MAX_MESSAGE_BYTES);
    let writer = tokio::spawn({
        let endpoint = Arc::clone(&endpoint);
        async move { endpoint.outbox().run().await }
    });
    let shut = Arc::new(Notify::new());
    let service = PluginSide {
        handler: Arc::new(handler),
        peer: Peer::new(&endpoint),
        shut: Arc::clone(&shut),
    };
    let reader = Reader::new(stream, MAX_MESSAGE_BYTES);
    let ended = tokio::select! {
        end = endpoint.read(reader, &service) => end,
        () = shut.notified() => EndpointEnd::Closed,
    };
    endpoint.outbox().drain().await;
    let gone = crate::CallError::new(crate::CallErrorKind::Cancelled, "the host is gone");
    endpoint.close(&gone);
    // It ends with the queue; nothing is lost by not waiting.
    writer.abort();
    match ended {
        EndpointEnd::Closed => Ok(()),
        EndpointEnd::Protocol(what) => Err(ServeError::Protocol(what)),
    }
}

struct PluginSide<H> {
    handler: Arc<H>,
    peer: Peer,
    shut: Arc<Notify>,
}

impl<H: Handler> Service for PluginSide<H> {
    fn request(&self, incoming: Incoming) {
        let handler = Arc::clone(&self.handler);
        let peer = self.peer.clone();
        let shut = Arc::clone(&self.shut);
        tokio::spawn(async move { answer(&*handler, peer, &shut, incoming).await });
    }

    fn notification(&self, method: &str, params: Value) {
        if method != "event" {
            return;
        }
        if let Ok(event) = serde_json::from_value::<Event>(params) {
            let handler = Arc::clone(&self.handler);
            tokio::spawn(async move { handler.event(event).await });
        }
    }

    fn oddity(&self, _what: &str) {}
}

async fn answer<H: Handler>(handler: &H, peer: Peer, shut: &Notify, mut incoming: Incoming) {
    match incoming.method.as_str() {
        "initialize" => {
            let params = std::mem::take(&mut incoming.params);
            let result = match serde_json::from_value::<Initialize>(params) {
                Ok(about) if !about.versions.iter().any(|version| version == VERSION) => {
                    let message = format!("this plugin speaks version {VERSION} only");
                    Err(RpcError { code: code::INVALID_PARAMS, message, data: None })
                }
                Ok(about) => handler.initialize(about, peer).await,
                Err(error) => {
                    let message = error.to_string();
                    Err(RpcError { code: code::INVALID_PARAMS, message, data: None })
                }
            };
            incoming.respond(result.map(|initialized| json!(initialized)));
        }
        "ping" => incoming.respond(handler.ping().await),
        "shutdown" => {
            handler.shutdown().await;
            incoming.respond(Ok(json!({})));
            shut.notify_one();
        }
        _ => {
            let watch = incoming.cancelled();
            let result = tokio::select! {
                result = handler.call(&mut incoming) => result,
                () = watch => Err(RpcError {
                    code: code::CANCELLED,
                    message: "the caller has cancelled".to_owned(),
                    data: None,
                }),
            };
            incoming.respond(result);
        }
    }
}
