//! `hauski egressd`: the broker of one plugin as a program of its own. The daemon starts it; people need not.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use contracts::hauski::egress;
use hauski_egress::{
    Broker, BrokerOptions, Decided, Egress, Observe, Observed, Options, Outcome, Unobserved,
};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Exit, Failure};
use crate::settings::Settings;

/// Options of `hauski egressd`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plugin that is served; its name stands in every decision
    #[arg(long, value_name = "NAME")]
    plugin: String,
    /// The Unix socket to listen on; it must not exist
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
}

/// Serves until a signal ends it; SIGHUP reads the policies again.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(args, settings)).map(|()| Exit::Good)
}

async fn serve(args: &Args, settings: &Settings) -> anyhow::Result<()> {
    let policies = policy::load(&settings.policies).map_err(Failure::from)?;
    let options = Options { observer: Some(Arc::new(Lines::default())), ..Options::default() };
    let egress = Egress::new(policies.egress, options).context("cannot prepare TLS")?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut again = signal(SignalKind::hangup())?;
    let listener = UnixListener::bind(&args.socket)
        .with_context(|| format!("cannot listen on {}", args.socket.display()))?;
    std::fs::set_permissions(&args.socket, std::fs::Permissions::from_mode(0o600))?;
    let actor = format!("plugin:{}", args.plugin);
    let broker = Broker::new(egress.clone(), actor, BrokerOptions::default());
    let mut serving = Box::pin(broker.serve(listener));
    let ended = loop {
        tokio::select! {
            ended = &mut serving => break ended.context("the socket broke"),
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = again.recv() => match policy::load(&settings.policies) {
                Ok(policies) => egress.reload(policies.egress),
                Err(error) => crate::output::error(&format!("the policies stay as they were: {error}")),
            },
        }
    };
    // What is gone already needs no removal.
    let _ = std::fs::remove_file(&args.socket);
    ended
}

/// Each decision is one line of JSON on standard output. Without a reader nothing is dialled.
#[derive(Default)]
struct Lines {
    one_at_a_time: Mutex<()>,
}

impl Observe for Lines {
    fn decided<'a>(&'a self, decided: &'a Decided) -> Observed<'a> {
        Box::pin(std::future::ready(self.write(decided).map_err(|error| Unobserved(error.into()))))
    }
}

impl Lines {
    fn write(&self, decided: &Decided) -> io::Result<()> {
        let mut line = serde_json::to_vec(&line(decided))?;
        line.push(b'\n');
        let _one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        out.write_all(&line)?;
        out.flush()
    }
}

/// A decision as reports show it.
pub(crate) fn line(decided: &Decided) -> egress::Decided {
    let at = jiff::Timestamp::try_from(decided.at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    egress::Decided {
        at: at.to_string(),
        actor: decided.actor.clone(),
        target: decided.target.clone(),
        allowed: decided.outcome == Outcome::Allowed,
        reason: decided.reason.to_owned(),
        address: decided.address.map(|address| address.to_string()),
        redirects: decided.redirects,
    }
}
