//! Egress against real servers that speak TLS.

mod bounds;
mod redirects;
mod requests;
mod server;
mod setup;
