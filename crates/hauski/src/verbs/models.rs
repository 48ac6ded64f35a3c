//! `hauski models ls`: the models of `models.yml`.

use std::fmt::Write;

use clap::Subcommand;
use contracts::hauski::models::{Report, SCHEMA};
use contracts::hauski::policy::Model;
use unicode_width::UnicodeWidthStr;

use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski models`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the models of models.yml
    Ls,
}

/// Prints the table.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let What::Ls = args.what;
    let policies = policy::load(&settings.policies).map_err(Failure::from)?;
    let models = policies.models.models.clone();
    let path = policies.models.path().display().to_string();
    if settings.json {
        output::print_json(&Report { schema: SCHEMA.to_owned(), path, models })?;
    } else if models.is_empty() {
        output::print(&format!("no models; {path} would name them\n"))?;
    } else {
        output::print(&table(&models))?;
    }
    Ok(Exit::Good)
}

fn table(models: &[Model]) -> String {
    let mut rows = vec![["ID", "Path", "VRAM min", "Canary"].map(str::to_owned)];
    rows.extend(models.iter().map(|model| {
        let vram = model.vram_min_gb.map_or_else(|| "-".to_owned(), |gb| format!("{gb} GB"));
        // Names come from a file: what would move the cursor is escaped before it is measured.
        [&model.id, &model.path, &vram, &model.canary.to_string()]
            .map(|cell| redact::escape::escape_ctl_line(cell).into_owned())
    }));
    let width = |at: usize| rows.iter().map(|row| row[at].width()).max().unwrap_or_default();
    let widths: Vec<_> = (0..4).map(width).collect();
    let rule: String = widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect();
    let mut text = format!("{rule}+\n");
    for (at, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(text, "| {cell}{} ", " ".repeat(width - cell.width()));
        }
        text.push_str("|\n");
        if at == 0 || at + 1 == rows.len() {
            let _ = writeln!(text, "{rule}+");
        }
    }
    text
}
