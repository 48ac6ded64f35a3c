//! The verbs: each is one file here, one variant and one line.
//!
//! A verb has `Args` and `run(Args, &Settings) -> anyhow::Result<Exit>`.

mod audit;
mod bench;
mod budget;
mod config;
mod doctor;
pub(crate) mod egressd;
mod fake_plugin;
mod index;
mod init;
mod keys;
mod login;
mod mcp;
mod memory;
mod models;
mod observability;
mod openapi;
mod plugin;
mod plugins;
mod policy;
mod routes;
mod sandbox_init;
pub(crate) mod serve;
mod start;
mod status;
mod stop;
mod task_child;

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::Arguments;
use crate::exit::{self, Exit};
use crate::settings::Settings;

/// The verbs, each in the file of its name.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Start the daemon and stay until it is told to end
    Serve(serve::Args),
    /// Start the daemon in the background; ready when this returns
    Start(start::Args),
    /// End the daemon of this home; open requests may finish
    Stop(stop::Args),
    /// How the daemon is
    Status(status::Args),
    /// Show, check and change the configuration
    Config(config::Args),
    /// Write the policy files that are missing
    Init(init::Args),
    /// Show the models of this machine
    Models(models::Args),
    /// Show plugins and their logs; start, stop and replace them
    Plugins(plugins::Args),
    /// Give one agent the tools of this house, over standard input and output
    Mcp(mcp::Args),
    /// What is remembered: read, set, pin, promote, forget
    Memory(memory::Args),
    /// Make, list, replace and revoke API keys
    Keys(keys::Args),
    /// Print a link that logs a browser in once
    Login(login::Args),
    /// Verify, prove, export and show the audit log
    Audit(Box<audit::Args>),
    /// Say what this machine gives to keep plugins in their sandbox, and try it
    Doctor(doctor::Args),
    /// What the index holds: status, search, verify, rebuild, forget
    Index(index::Args),
    /// Hold the budgets of limits.yaml against what was measured
    Budget(budget::Args),
    /// Put load on a daemon of this machine and say how fast it answers
    Bench(bench::Args),
    /// List every route with its method, access and class
    Routes(routes::Args),
    /// Print the OpenAPI document of every route
    Openapi(openapi::Args),
    /// Say what the policies allow and why; check a file of them
    Policy(policy::Args),
    /// The broker of one plugin; the daemon starts it
    #[command(hide = true)]
    Egressd(egressd::Args),
    #[command(hide = true)]
    SandboxInit(sandbox_init::Args),
    #[command(hide = true)]
    Observability(observability::Args),
    #[command(hide = true)]
    Plugin(plugin::Args),
    #[command(hide = true)]
    FakePlugin(fake_plugin::Args),
    #[command(hide = true)]
    TaskChild(task_child::Args),
}

/// Runs what was asked for.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let Arguments { shared, verb } = arguments;
    if let Verb::SandboxInit(args) = verb {
        return sandbox_init::run(&args);
    }
    let ended = Settings::resolve(&shared).and_then(|settings| match verb {
        Verb::Serve(args) => serve::run(args, settings),
        Verb::Status(args) => status::run(&args, &settings),
        Verb::Config(args) => config::run(args, &settings),
        Verb::Init(args) => init::run(&args, &settings),
        Verb::Models(args) => models::run(&args, &settings),
        Verb::Plugins(args) => plugins::run(args, &settings),
        // It has no settings of its own: `main` runs it before.
        Verb::SandboxInit(_) => Ok(Exit::Usage),
        Verb::Start(args) => start::run(args, settings),
        Verb::Stop(args) => stop::run(&args, &settings),
        Verb::Policy(args) => policy::run(&args, &settings),
        Verb::Egressd(args) => egressd::run(&args, &settings),
        Verb::Plugin(args) => plugin::run(&args, &settings),
        Verb::Mcp(args) => mcp::run(args, &settings),
        Verb::FakePlugin(args) => fake_plugin::run(&args, &settings),
        Verb::TaskChild(args) => task_child::run(&args, &settings),
        Verb::Memory(args) => memory::run(args, &settings),
        Verb::Keys(args) => keys::run(args, &settings),
        Verb::Login(args) => login::run(&args, &settings),
        Verb::Audit(args) => audit::run(*args, &settings),
        Verb::Doctor(args) => doctor::run(&args, &settings),
        Verb::Index(args) => index::run(args, &settings),
        Verb::Budget(args) => budget::run(args, &settings),
        Verb::Bench(args) => bench::run(args, &settings),
        Verb::Observability(args) => observability::run(&args),
        Verb::Openapi(args) => openapi::run(&args),
        Verb::Routes(args) => routes::run(&args, &settings),
    });
    ended.unwrap_or_else(|error| exit::failed(&error)).into()
}
