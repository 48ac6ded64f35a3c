//! What the machine remembers: items, their layers, and how to forget them.

use contracts::hauski::memory::{ForgetReport, ItemReport};
use maud::{Markup, html};

use super::home::encoded;
use crate::frame::Frame;
use crate::parts;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Words that are looked for; empty for all.
    pub words: String,
    /// Items, or why they cannot be read.
    pub items: Result<Vec<ItemReport>, String>,
    /// How many there are.
    pub total: u64,
    /// What to give as `after` for the next page.
    pub next: Option<String>,
    /// What would go, before it goes: the item's id, and the report.
    pub preview: Option<(String, ForgetReport)>,
}

/// The page.
pub fn page(frame: &Frame, shown: &Shown) -> Markup {
    frame.page("memory", frame.say("Memory", "Gedächtnis"), &[], html! {
        form.row method="get" role="search" {
            label.hidden for="q" { (frame.say("Words", "Wörter")) }
            input.wide #q type="search" name="q" value=(shown.words) placeholder=(frame.say("Search what is remembered", "In dem suchen, was gemerkt ist"));
            button { (frame.say("Search", "Suchen")) }
        }
        @if let Some((id, preview)) = &shown.preview { (confirm(frame, id, preview)) }
        @match &shown.items {
            Err(problem) => p.notice.bad { (problem) },
            Ok(items) => {
                p.quiet { (shown.total) " " (frame.say("items", "Einträge")) }
                @if items.is_empty() { (parts::nothing(frame.say("Nothing is remembered here. wgx remember \"…\" keeps a fact.", "Hier ist nichts gemerkt. wgx remember \"…\" behält eine Tatsache."))) }
                ul.cards { @for item in items { li { (one(frame, item)) } } }
                @if let Some(next) = &shown.next { p { a.button href={ "?after=" (encoded(next)) } { (frame.say("Older ones", "Ältere")) } } }
            },
        }
    })
}

fn one(frame: &Frame, item: &ItemReport) -> Markup {
    let text = match &item.value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    html! {
        div.row.apart {
            span {
                @if let Some(key) = &item.key { strong { (key) } " " }
                span.tag { (item.layer) }
                @if item.pinned { " " span.tag.good { (frame.say("pinned", "angeheftet")) } }
                @if item.superseded { " " span.tag { (frame.say("replaced", "ersetzt")) } }
                @if item.quarantined { " " span.tag.bad { (frame.say("in quarantine", "in Quarantäne")) } }
            }
            small { (item.namespace) " · " (parts::ago(frame, &item.recorded_at))
                @if let Some(end) = &item.expires_at { " · " (frame.say("until", "bis")) " " time datetime=(end) { (end) } } }
        }
        pre.passage tabindex="0" { (text) }
        div.row {
            (parts::action(frame, "/studio/memory/pin", if item.pinned { frame.say("Unpin", "Lösen") } else { frame.say("Pin", "Anheften") }, &[("id", &item.id), ("pinned", if item.pinned { "no" } else { "yes" })]))
            a.button href={ "/studio/memory?forget=" (item.id) } { (frame.say("Forget …", "Vergessen …")) }
        }
    }
}

fn confirm(frame: &Frame, id: &str, preview: &ForgetReport) -> Markup {
    html! {
        section.panel role="alert" {
            h2 { (frame.say("Forget for good?", "Endgültig vergessen?")) }
            p { (preview.forgotten_count) " " (frame.say(
                "items would go, with all earlier values of the same key. No copy stays; only a receipt in the audit log.",
                "Einträge würden gehen, mit allen früheren Werten desselben Schlüssels. Keine Kopie bleibt; nur eine Quittung im Prüfprotokoll.",
            )) }
            div.row {
                (parts::action(frame, "/studio/memory/forget", frame.say("Forget", "Vergessen"), &[("id", id)]))
                a.button href="/studio/memory" { (frame.say("Keep", "Behalten")) }
            }
        }
    }
}
