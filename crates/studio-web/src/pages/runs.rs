//! The history of all repositories, and a search over all logs.

use contracts::wgx::runs::{RunRow, SearchHit};
use maud::{Markup, html};

use super::home::encoded;
use crate::frame::Frame;
use crate::parts;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Words that the log holds.
    pub words: String,
    /// `passed`, `failed` or empty for all.
    pub outcome: String,
    /// How many.
    pub limit: u32,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// Runs, and whether there are more.
    Runs(Vec<RunRow>, bool),
    /// Places in logs, and whether there are more.
    Places(Vec<SearchHit>, bool),
    /// Why nothing can be read.
    Problem(String),
}

/// The page.
pub fn page(frame: &Frame, asked: &Asked, found: &Found) -> Markup {
    let title = frame.say("Runs", "Läufe");
    frame.page("runs", title, &[], html! {
        form.row method="get" role="search" {
            label.hidden for="words" { (frame.say("Words in logs", "Wörter in Protokollen")) }
            input #words type="search" name="q" value=(asked.words) placeholder=(frame.say("Search in all logs", "In allen Protokollen suchen"));
            label.hidden for="outcome" { (frame.say("Result", "Ergebnis")) }
            select #outcome name="outcome" {
                @for (value, english, german) in [("", "all", "alle"), ("failed", "failed", "gescheitert"), ("passed", "passed", "bestanden")] {
                    option value=(value) selected[asked.outcome == value] { (frame.say(english, german)) }
                }
            }
            button { (frame.say("Show", "Zeigen")) }
        }
        @match found {
            Found::Problem(problem) => p.notice.bad { (problem) },
            Found::Runs(runs, more) => {
                @if runs.is_empty() { (parts::nothing(frame.say("No run fits. Start a task of a repository, here or with wgx run.", "Kein Lauf passt. Starte eine Aufgabe eines Repositoriums, hier oder mit wgx run."))) }
                @else { (parts::runs(frame, title, runs, true)) }
                @if *more { (further(frame, asked)) }
            },
            Found::Places(hits, more) => {
                @if hits.is_empty() { (parts::nothing(frame.say("No log holds these words.", "Kein Protokoll enthält diese Wörter."))) }
                ul.cards { @for hit in hits { li {
                    div.row.apart { a href={ "/studio/runs/" (hit.run.id) "?find=" (encoded(&asked.words)) } { (hit.run.task) } span { (hit.run.repo) " · " (parts::ago(frame, &hit.run.started_at)) " " (parts::outcome(frame, &hit.run)) } }
                    pre.snippet { (hit.snippet) }
                } } }
                @if *more { (further(frame, asked)) }
            },
        }
    })
}

fn further(frame: &Frame, asked: &Asked) -> Markup {
    let limit = asked.limit.saturating_mul(2);
    let words = encoded(&asked.words);
    html! { p { a.button href={ "/studio/runs?q=" (words) "&outcome=" (asked.outcome) "&limit=" (limit) } { (frame.say("Show more", "Mehr zeigen")) } } }
}
