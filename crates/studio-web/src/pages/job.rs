//! A task that was started here and still runs: its output as it comes.

use maud::{Markup, html};

use crate::ansi;
use crate::frame::{Frame, Place};

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// Id of the task.
    pub task: String,
    /// Id and name of the repository.
    pub repository: (String, String),
    /// What it has printed so far, masked.
    pub text: String,
    /// Bytes in front of that which are no longer kept.
    pub dropped: u64,
    /// How it ended: what happened, and whether that is bad.
    pub end: Option<(String, bool)>,
    /// The runs it made.
    pub runs: Vec<String>,
}

/// The page.
pub fn page(frame: &Frame, shown: &Shown) -> Markup {
    let (id, name) = &shown.repository;
    let way = [
        Place {
            name: frame.say("Repositories", "Repositorien").to_owned(),
            path: "/studio/fleet".to_owned(),
        },
        Place { name: name.clone(), path: format!("/studio/repos/{id}") },
    ];
    let live = shown.end.is_none();
    frame.page("fleet", &shown.task, &way, html! {
        @match &shown.end {
            None => p role="status" { span.tag.warn { (frame.say("running", "läuft")) } " " span.quiet { noscript { (frame.say("Load the page again to see more.", "Lade die Seite neu, um mehr zu sehen.")) } } },
            Some((text, bad)) => p.notice.bad[*bad] role="status" { (text) },
        }
        div.row {
            @if live { (crate::parts::action(frame, &format!("/studio/jobs/{}/stop", shown.id), frame.say("Stop", "Anhalten"), &[])) }
            @for run in &shown.runs { a.button href={ "/studio/runs/" (run) } { (frame.say("The record of the run", "Die Aufzeichnung des Laufs")) } }
        }
        @if shown.dropped > 0 { p.quiet { (shown.dropped) " " (frame.say("bytes before this are only in the record of the run", "Bytes davor stehen nur in der Aufzeichnung des Laufs")) } }
        pre.log #live tabindex="0" aria-label=(frame.say("Output", "Ausgabe")) data-source=[live.then(|| format!("/studio/jobs/{}/events", shown.id))] {
            (ansi::lines(&mut ansi::Reader::default(), 1, shown.text.lines()))
        }
        @if live { script type="module" src=(crate::assets::path("live.js")) {} }
    })
}
