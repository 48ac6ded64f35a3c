//! The daemon as clients meet it: the real program, a free port, an empty home.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so and stops")]

mod access;
mod agents;
mod audit;
mod background;
mod beyond_loopback;
mod clients;
mod configuration;
mod conformance;
mod daemon;
mod doctor;
mod embeddings;
mod endings;
mod fake;
mod faults;
mod followers;
mod frame;
mod gateway;
mod hostile;
mod index;
mod interrupted;
mod items;
mod keys;
mod lifecycle;
mod measured;
mod mischief;
mod openai;
mod own_plugins;
mod plugin_proxy;
mod policy;
mod recordings;
mod sessions;
mod studio;
