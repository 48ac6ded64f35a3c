//! One repository: its state, its tasks as buttons, what ran, what would be sensible.

use contracts::wgx::runs::RunRow;
use contracts::wgx::suggest::Suggestion;
use contracts::wgx::{ListReport, Task};
use maud::{Markup, html};

use super::fleet::{self, Repository};
use super::home;
use crate::frame::{Frame, Place};
use crate::parts;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Which one.
    pub repository: Repository,
    /// Its tasks, or why they cannot be read.
    pub tasks: Result<ListReport, String>,
    /// Its last runs.
    pub runs: Vec<RunRow>,
    /// Proposals.
    pub suggestions: Vec<Suggestion>,
    /// Only tasks that hold this.
    pub filter: String,
    /// Id of the task that somebody came for.
    pub chosen: Option<String>,
    /// What could not be looked at.
    pub notes: Vec<String>,
}

/// The page.
pub fn page(frame: &Frame, shown: &Shown) -> Markup {
    let it = &shown.repository.known;
    let way = [Place {
        name: frame.say("Repositories", "Repositorien").to_owned(),
        path: "/studio/fleet".to_owned(),
    }];
    frame.page("fleet", &it.name, &way, html! {
        p.path { (it.root) }
        @if let Some(problem) = &it.problem { p.notice.bad { (problem) @if let Some(hint) = &it.hint { " " (hint) } } }
        @if it.state.is_some() { p { (fleet::branch(frame, it.state.as_ref())) " " (fleet::tree(frame, it.state.as_ref())) } }
        @if !shown.suggestions.is_empty() {
            section { h2 { (frame.say("Sensible next steps", "Sinnvolle nächste Schritte")) }
                ul.cards { @for it in &shown.suggestions { li { (home::proposal(frame, &shown.repository.id, None, it)) } } } }
        }
        section {
            h2 { (frame.say("Tasks", "Aufgaben")) }
            @match &shown.tasks {
                Err(problem) => p.notice.bad { (problem) },
                Ok(list) => (tasks(frame, shown, list)),
            }
        }
        section {
            h2 { (frame.say("Last runs", "Letzte Läufe")) }
            @if shown.runs.is_empty() { (parts::nothing(frame.say("Nothing ran here yet.", "Hier lief noch nichts."))) } @else { (parts::runs(frame, frame.say("Last runs", "Letzte Läufe"), &shown.runs, false)) }
        }
        @for note in &shown.notes { p.quiet { (note) } }
    })
}

fn tasks(frame: &Frame, shown: &Shown, list: &ListReport) -> Markup {
    let filter = shown.filter.to_lowercase();
    let fits = |task: &&Task| {
        let texts = [Some(task.name.as_str()), task.description.as_deref(), Some(task.id.as_str())];
        filter.is_empty()
            || texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&filter))
    };
    let found: Vec<&Task> = list.tasks.iter().filter(fits).collect();
    html! {
        form.row method="get" role="search" {
            label.hidden for="filter" { (frame.say("Filter tasks", "Aufgaben filtern")) }
            input #filter type="search" name="filter" value=(shown.filter) placeholder=(frame.say("Filter by name or purpose", "Nach Name oder Zweck filtern"));
            button { (frame.say("Filter", "Filtern")) }
        }
        p.quiet { (found.len()) " " (frame.say("of", "von")) " " (list.tasks.len()) " " (frame.say("tasks", "Aufgaben"))
            @if !list.complete { " · " (frame.say("the list is not complete:", "die Liste ist nicht vollständig:")) } }
        @if !list.notes.is_empty() {
            details { summary { (list.notes.len()) " " (frame.say("notes", "Anmerkungen")) }
                ul { @for note in &list.notes { li { code { (note.file) @if let Some(line) = note.line { ":" (line) } } " " (note.reason) @if let Some(hint) = &note.hint { " – " (hint) } } } } }
        }
        @if found.is_empty() { (parts::nothing(frame.say("No task fits.", "Keine Aufgabe passt."))) }
        ul.tasks { @for task in found { (one(frame, shown, task)) } }
    }
}

fn one(frame: &Frame, shown: &Shown, task: &Task) -> Markup {
    let is_chosen = shown.chosen.as_deref() == Some(task.id.as_str());
    let needs_more = task.destructive || !task.args.is_empty() || is_chosen;
    let start = html! {
        form method="post" action={ "/studio/repos/" (shown.repository.id) "/run" } {
            (frame.hidden())
            input type="hidden" name="task" value=(task.id);
            @if needs_more {
                label { (frame.say("Arguments", "Argumente")) " "
                    input name="args" autocomplete="off" spellcheck="false"
                        placeholder=(task.args.iter().map(|arg| arg.name.as_str()).collect::<Vec<_>>().join(" ")); }
            }
            @if task.destructive {
                label.check { input type="checkbox" name="confirm" value="yes" required; " " (frame.say("Yes, this may destroy or publish something", "Ja, das kann etwas zerstören oder veröffentlichen")) }
            }
            button.primary aria-label={ (frame.say("Run", "Starten")) " " (task.name) } { (frame.say("Run", "Starten")) }
        }
    };
    html! {
        li id=[is_chosen.then_some("chosen")] .chosen[is_chosen] {
            div.what {
                strong { (task.name) }
                @if task.destructive { " " span.tag.warn { (frame.say("careful", "Vorsicht")) } }
                @if let Some(text) = &task.description { p { (text) } }
                small { (task.source.to_string()) " · " (task.file) ":" (task.line) @if let Some(other) = &task.shadowed_by { " · " (frame.say("hidden by", "verdeckt von")) " " (other) } }
            }
            @if !task.runnable { span.tag { (frame.say("only shown", "nur gezeigt")) } }
            @else if needs_more && !is_chosen { details.start { summary { (frame.say("Run …", "Starten …")) } (start) } }
            @else { (start) }
        }
    }
}
