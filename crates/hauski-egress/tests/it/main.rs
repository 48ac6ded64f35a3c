//! Egress against real servers that speak TLS.

mod bounds;
mod broker;
mod lab;
mod redirects;
mod requests;
mod server;
mod setup;
