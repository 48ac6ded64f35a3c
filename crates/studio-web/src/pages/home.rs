//! What needs the person now, with reasons, and what was done lately.

use contracts::hauski::budget::Budget;
use contracts::hauski::plugin_status::PluginStatus;
use contracts::wgx::runs::RunRow;
use contracts::wgx::suggest::Suggestion;
use maud::{Markup, html};

use super::fleet;
use crate::frame::Frame;
use crate::parts;

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// How many repositories are on the list.
    pub repositories: usize,
    /// Tasks whose last run failed, newest first.
    pub red: Vec<RunRow>,
    /// Proposals: id and name of the repository, and the proposal.
    pub proposals: Vec<(String, String, Suggestion)>,
    /// Plugins that should run and do not.
    pub plugins: Vec<PluginStatus>,
    /// Budgets that are exceeded.
    pub budgets: Vec<Budget>,
    /// Runs, newest first.
    pub recent: Vec<RunRow>,
    /// What could not be looked at.
    pub notes: Vec<String>,
}

impl Home {
    fn is_calm(&self) -> bool {
        self.red.is_empty()
            && self.plugins.is_empty()
            && self.budgets.is_empty()
            && self.proposals.is_empty()
    }
}

/// The page.
pub fn page(frame: &Frame, home: &Home) -> Markup {
    let title = frame.say("What needs you now", "Was dich jetzt braucht");
    frame.page("home", title, &[], html! {
        @if home.repositories == 0 {
            p.lead { (frame.say(
                "No repository is on the list yet. Name a folder, and everything in it that is a repository appears with its tasks.",
                "Noch steht kein Repositorium auf der Liste. Nenne einen Ordner: alles darin, was ein Repositorium ist, erscheint mit seinen Aufgaben.",
            )) }
            (fleet::add(frame))
        } @else if home.is_calm() {
            p.calm { (frame.say("Nothing. All is green.", "Nichts. Alles ist grün.")) }
        }
        @if !home.red.is_empty() {
            section { h2 { (frame.say("Red", "Rot")) } (parts::runs(frame, frame.say("Red", "Rot"), &home.red, true)) }
        }
        @if !home.plugins.is_empty() || !home.budgets.is_empty() {
            section {
                h2 { (frame.say("In the house", "Im Haus")) }
                ul.cards {
                    @for plugin in &home.plugins {
                        li { a href={ "/studio/plugins/" (plugin.name) } { (plugin.name) } " " span.tag.bad { (super::plugins::state(plugin)) } p { (plugin.cause) } }
                    }
                    @for budget in &home.budgets {
                        li { a href="/studio/admin#budgets" { (budget.name) } " " span.tag.warn { (frame.say("over its limit", "über der Grenze")) }
                            p { "p95 " (budget.p95_ms.unwrap_or_default()) " ms · " (frame.say("limit", "Grenze")) " " (budget.limit_ms) " ms" } }
                    }
                }
            }
        }
        @if !home.proposals.is_empty() {
            section {
                h2 { (frame.say("Sensible next steps", "Sinnvolle nächste Schritte")) }
                ul.cards {
                    @for (id, name, it) in &home.proposals { li { (proposal(frame, id, Some(name), it)) } }
                }
            }
        }
        @if !home.recent.is_empty() {
            section { h2 { (frame.say("Lately", "Zuletzt")) } (parts::runs(frame, frame.say("Lately", "Zuletzt"), &home.recent, true)) }
        }
        @for note in &home.notes { p.quiet { (note) } }
    })
}

/// A proposal with its reason, and a button where it is a task.
pub(crate) fn proposal(frame: &Frame, id: &str, name: Option<&str>, it: &Suggestion) -> Markup {
    html! {
        div.row.apart {
            div { code { (it.command) } @if let Some(name) = name { " " a href={ "/studio/repos/" (id) } { (name) } } }
            @if let Some(task) = &it.task {
                a.button href={ "/studio/repos/" (id) "?task=" (encoded(task)) "#chosen" } { (frame.say("To the task", "Zur Aufgabe")) }
            }
        }
        p { (it.reason) }
    }
}

/// A text as a value in the query of an address.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(byte as char);
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
