//! The HTTP server: one route table, one guard around every route, and the listeners.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod change;
pub(crate) mod connection;
pub(crate) mod denials;
pub(crate) mod error;
pub(crate) mod extract;
pub(crate) mod failures;
pub(crate) mod guard;
pub(crate) mod listen;
pub(crate) mod origin;
pub(crate) mod patient;
pub(crate) mod room;
pub(crate) mod router;
pub(crate) mod session;
pub(crate) mod table;
pub(crate) mod tls;

pub(crate) use router::router;
