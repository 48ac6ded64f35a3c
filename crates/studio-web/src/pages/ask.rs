//! A question to everything that is indexed: passages, each with the place where it stands.

use contracts::hauski::index::{SearchReport, Stats};
use maud::{Markup, html};

use crate::frame::Frame;
use crate::parts;

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The question; empty before the first.
    pub question: String,
    /// What was found, or why nothing can be.
    pub found: Option<Result<SearchReport, String>>,
    /// How much there is to be found.
    pub stats: Option<Stats>,
    /// Chat models that could answer in words.
    pub models: Vec<String>,
}

/// The page.
pub fn page(frame: &Frame, shown: &Shown) -> Markup {
    frame.page("ask", frame.say("Ask", "Fragen"), &[], html! {
        form.row method="get" role="search" {
            label.hidden for="q" { (frame.say("Your question", "Deine Frage")) }
            input.wide #q type="search" name="q" value=(shown.question) autofocus[shown.question.is_empty()] placeholder=(frame.say("Where is the retry limit decided?", "Wo wird die Zahl der Versuche festgelegt?"));
            button.primary { (frame.say("Ask", "Fragen")) }
        }
        @if shown.models.is_empty() {
            p.quiet { (frame.say(
                "No chat model is installed, so nobody writes an answer; you see the passages themselves.",
                "Kein Sprachmodell ist installiert, darum formuliert niemand eine Antwort; du siehst die Fundstellen selbst.",
            )) }
        }
        @match &shown.found {
            None => { @if let Some(stats) = &shown.stats { (amount(frame, stats)) } },
            Some(Err(problem)) => p.notice.bad { (problem) },
            Some(Ok(report)) => (answer(frame, report)),
        }
    })
}

fn amount(frame: &Frame, stats: &Stats) -> Markup {
    html! {
        @if stats.total_documents == 0 {
            p.lead { (frame.say("Nothing is indexed yet.", "Noch ist nichts im Index.")) }
            p { (frame.say("In a terminal:", "In einem Terminal:")) }
            pre { code { "hauski index add ~/code/repository" } }
        } @else {
            p.quiet { (stats.total_documents) " " (frame.say("documents", "Dokumente")) " · " (stats.total_chunks) " " (frame.say("passages", "Fundstellen")) }
        }
    }
}

fn answer(frame: &Frame, report: &SearchReport) -> Markup {
    html! {
        @for note in &report.notes { p.quiet { (note) } }
        @if report.hidden > 0 { p.quiet { (report.hidden) " " (frame.say("passages are hidden: they may try to give orders to a model", "Fundstellen sind verborgen: sie könnten versuchen, einem Modell Befehle zu geben")) } }
        @if report.matches.is_empty() { (parts::nothing(frame.say("Nothing that is indexed speaks of this.", "Nichts im Index spricht davon."))) }
        ol.passages {
            @for found in &report.matches {
                @let place = &found.citation;
                li {
                    div.row.apart {
                        strong {
                            (place.path.as_deref().or(found.title.as_deref()).unwrap_or(&found.doc_id))
                            @if let (Some(first), Some(last)) = (place.first_line, place.last_line) { ":" (first) @if last != first { "–" (last) } }
                        }
                        small { (found.namespace) " · " (format!("{:.3}", found.score)) }
                    }
                    @if !found.header.is_empty() { p.quiet { (found.header) } }
                    pre.passage tabindex="0" { (found.text) }
                }
            }
        }
        p.quiet { (report.mode) " · " (format!("{:.1}", report.latency_ms)) " ms" }
    }
}
