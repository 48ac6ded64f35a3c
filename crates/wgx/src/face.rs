//! What every verb's face works with: the resolved settings and the way to the terminal.

use contracts::wgx::Note;
use redact::escape::escape_ctl_line;
use serde::Serialize;
use wgx_verbs::context::{Context, UseMemory};

use crate::cli::{Language, Shared};
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::settings;

/// The face of one call.
pub(crate) struct Face {
    /// The world for the verb.
    pub(crate) context: Context,
    /// Where results go.
    pub(crate) output: Output,
    /// Whether the report is printed as JSON.
    pub(crate) json: bool,
    /// Language of plain help.
    pub(crate) language: Language,
}

impl Face {
    /// Resolves the settings of a call.
    pub(crate) fn new(shared: &Shared) -> anyhow::Result<Self> {
        let settings = settings::resolve(shared)?;
        if let Some(reason) = &settings.refused_home {
            output::note(reason);
            output::hint("docs/memory.md tells when a repository's own .hauski/ is used");
        }
        Ok(Self {
            output: Output::new(&settings.context.terminal),
            context: settings.context,
            json: shared.json,
            language: settings.language,
        })
    }

    /// Prints a report as JSON.
    pub(crate) fn print_json(&self, report: &impl Serialize) -> anyhow::Result<()> {
        self.output.json(report)
    }

    /// Prints a report: as JSON, or as its rendering for people.
    pub(crate) fn show(
        &self,
        report: &impl Serialize,
        render: impl FnOnce() -> String,
    ) -> anyhow::Result<Exit> {
        if self.json {
            self.output.json(report)?;
        } else {
            self.output.print(&render())?;
        }
        Ok(Exit::Good)
    }

    /// Says on standard error what a list lacks.
    pub(crate) fn print_notes(&self, notes: &[Note]) {
        for note in notes {
            let place = match note.line {
                Some(line) => format!("{}:{line}", escape_ctl_line(&note.file)),
                None => escape_ctl_line(&note.file).into_owned(),
            };
            let reason = escape_ctl_line(&note.reason);
            let text = format!("{place}: {reason} ({})", note.source);
            if note.broken { output::warning(&text) } else { output::note(&text) }
        }
        let mut hints: Vec<&String> = notes.iter().filter_map(|note| note.hint.as_ref()).collect();
        hints.sort_unstable();
        hints.dedup();
        for hint in hints {
            output::hint(&escape_ctl_line(hint));
        }
    }
}

impl Drop for Face {
    fn drop(&mut self) {
        if self.context.use_memory == UseMemory::Off {
            // It lies in the folder for temporary files; what cannot be removed now goes with that.
            let _ = std::fs::remove_dir_all(&self.context.home);
        }
    }
}
