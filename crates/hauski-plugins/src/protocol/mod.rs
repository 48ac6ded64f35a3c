//! JSON-RPC lines between the host and a plugin, the same code on both sides.

mod call;
mod endpoint;
mod error;
mod incoming;
mod link;
mod slot;

pub use call::{Call, CallEvent};
pub use error::{CallError, CallErrorKind};
pub use incoming::{Incoming, Peer};

pub(crate) use endpoint::{
    Dialect, Endpoint, EndpointEnd, Outgoing, Service, instant_after, method_not_found,
};
pub(crate) use link::{Outbox, Reader, Stream};
pub(crate) use slot::Slot;
