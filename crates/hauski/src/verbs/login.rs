//! `hauski login`: a link that logs a browser in once.

use contracts::hauski::daemon::{LOGIN, Login, Running};
use http::Method;
use serde::Deserialize;

use crate::exit::Exit;
use crate::local::{self, block_on};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski login`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
    seconds: u64,
}

/// Prints the link.
pub(crate) fn run(_: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    block_on(async {
        let ticket: Ticket =
            local::call(settings, Method::POST, "/admin/login-tickets", None::<&()>).await?;
        let text = std::fs::read(settings.run_folder().join("daemon.json"))?;
        let Running { url, .. } = serde_json::from_slice(&text)?;
        let link = format!("{url}/login?ticket={}", ticket.ticket);
        let login = Login { schema: LOGIN.to_owned(), link, seconds: ticket.seconds };
        if settings.json {
            output::print_json(&login)?;
            return Ok(Exit::Good);
        }
        let seconds = login.seconds;
        output::note(&format!("open this within {} minutes; it works once", seconds / 60));
        output::print(&format!("{}\n", login.link))?;
        Ok(Exit::Good)
    })
}
