//! The daemon: gateway, plugin host, policies, audit and budgets, and the command line that operates it.

fn main() {}
