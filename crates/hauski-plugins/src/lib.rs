//! Plugin protocol, supervisor, logs, limits and the sandbox of plugin processes.

pub mod limits;
pub mod sandbox;
