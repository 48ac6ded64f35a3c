//! `hauski-embed`: the worker that turns texts into vectors, started by the daemon as a plugin.

fn main() {}
