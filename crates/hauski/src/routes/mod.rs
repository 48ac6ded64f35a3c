//! The handlers, a file per topic; `server/table.rs` says where each hangs.

pub(crate) mod admin;
pub(crate) mod api_docs;
pub(crate) mod ask;
pub(crate) mod capabilities;
pub(crate) mod config;
pub(crate) mod health;
pub(crate) mod index;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod plugin_proxy;
pub(crate) mod session;
pub(crate) mod studio;
pub(crate) mod v1;
pub(crate) mod ws;
