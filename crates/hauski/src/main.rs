//! The daemon: gateway, plugin host, policies, audit and budgets, and the command line that operates it.

mod budgets;
mod cli;
mod client;
mod embed;
mod entries;
mod exit;
mod gateway;
mod home;
mod keys;
mod load;
mod local;
mod mcp;
mod memories;
mod metrics;
mod openapi;
mod options;
mod output;
mod plugin_files;
mod plugins;
mod record;
mod reload;
mod routes;
mod server;
mod settings;
mod state;
mod store;
mod studio;
mod systemd;
mod trace;
mod upkeep;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse() {
        Ok(arguments) => verbs::run(arguments),
        Err(error) => exit::usage(&error).into(),
    }
}
