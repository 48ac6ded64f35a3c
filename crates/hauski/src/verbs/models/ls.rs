//! `hauski models ls`: the models of `models.yml`, and those that turn texts into vectors.

use std::fmt::Write;

use contracts::hauski::models::{EmbeddingModel, Report, SCHEMA};
use contracts::hauski::policy::Model;
use redact::escape::escape_ctl_line;
use unicode_width::UnicodeWidthStr;

use super::catalogue;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::{embed, output};

/// Prints the tables.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Exit> {
    let policies = policy::load(&settings.policies).map_err(Failure::from)?;
    let models = policies.models.models.clone();
    let embedding: Vec<EmbeddingModel> =
        embed::found(&settings.home, &models).iter().map(embed::Found::report).collect();
    let path = policies.models.path().display().to_string();
    let folder = settings.home.join(embed::FOLDER).display().to_string();
    if settings.json {
        let schema = SCHEMA.to_owned();
        output::print_json(&Report { schema, path, models, folder, embedding })?;
        return Ok(Exit::Good);
    }
    match models.as_slice() {
        [] => output::print(&format!("no models; {path} would name them\n"))?,
        models => output::print(&table(models))?,
    }
    match embedding.as_slice() {
        [] => output::note(&format!(
            "no embedding model in {folder}; `hauski models add {}` gets one",
            catalogue::ALL[0].id
        )),
        models => output::print(&embedding_table(models))?,
    }
    Ok(Exit::Good)
}

fn table(models: &[Model]) -> String {
    let rows = models.iter().map(|model| {
        let vram = model.vram_min_gb.map_or_else(|| "-".to_owned(), |gb| format!("{gb} GB"));
        [model.id.clone(), model.path.clone(), vram, model.canary.to_string()]
    });
    draw(["ID", "Path", "VRAM min", "Canary"], rows)
}

fn embedding_table(models: &[EmbeddingModel]) -> String {
    let mb = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let rows = models.iter().map(|model| {
        let size = format!("{} on disk, {} loaded", mb(model.disk_bytes), mb(model.memory_bytes));
        let licence = model.licence.clone().unwrap_or_else(|| "-".to_owned());
        [model.id.clone(), model.dimensions.to_string(), size, licence]
    });
    draw(["Embedding model", "Vectors", "Size", "Licence"], rows)
}

fn draw(head: [&str; 4], body: impl Iterator<Item = [String; 4]>) -> String {
    let mut rows = vec![head.map(str::to_owned)];
    // Names come from files: what would move the cursor is escaped before it is measured.
    rows.extend(body.map(|row| row.map(|cell| escape_ctl_line(&cell).into_owned())));
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
