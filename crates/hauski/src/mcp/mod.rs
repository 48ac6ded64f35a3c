//! The Model Context Protocol: the house as tools for agents, over standard input and output
//! (`hauski mcp`) or over HTTP (`/mcp` of the daemon). rmcp speaks the protocol; only this folder knows it.

pub(crate) mod child;
mod distant;
mod http;
pub(crate) mod install;
mod server;
pub(crate) mod tools;
mod world;

pub(crate) use child::run_task_child;
pub(crate) use distant::Distant;
pub(crate) use http::{Endpoint, mcp};
pub(crate) use server::Server;
pub(crate) use world::{Door, Surroundings, context, trusted};
