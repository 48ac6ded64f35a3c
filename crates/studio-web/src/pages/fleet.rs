//! All repositories of this machine: state of git, last run, and how to add more.

use contracts::wgx::fleet::{FleetRepository, GitState};
use maud::{Markup, html};

use crate::frame::Frame;
use crate::parts;

/// A repository and its name in addresses.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its name in addresses.
    pub id: String,
    /// What is known of it.
    pub known: FleetRepository,
}

/// The page.
pub fn page(frame: &Frame, repositories: &[Repository], notes: &[String]) -> Markup {
    let title = frame.say("Repositories", "Repositorien");
    frame.page("fleet", title, &[], html! {
        @if repositories.is_empty() {
            p.lead { (frame.say(
                "Tell the Studio where your repositories are. It reads their git state and their tasks; nothing is executed.",
                "Sag dem Studio, wo deine Repositorien liegen. Es liest ihren git-Stand und ihre Aufgaben; ausgeführt wird nichts.",
            )) }
        } @else {
            (table(frame, repositories))
        }
        @for note in notes { p.quiet { (note) } }
        (add(frame))
    })
}

fn table(frame: &Frame, repositories: &[Repository]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(frame.say("Repositories", "Repositorien")) {
            table {
                thead { tr {
                    th scope="col" { (frame.say("Repository", "Repositorium")) }
                    th scope="col" { (frame.say("Branch", "Zweig")) }
                    th scope="col" { (frame.say("Work tree", "Arbeitskopie")) }
                    th scope="col" { (frame.say("Last run", "Letzter Lauf")) }
                    th { span.hidden { (frame.say("Actions", "Aktionen")) } }
                } }
                tbody {
                    @for it in repositories {
                        tr {
                            th.name scope="row" { a href={ "/studio/repos/" (it.id) } { (it.known.name) } br; small.path { (it.known.root) } }
                            @if let Some(problem) = &it.known.problem {
                                td colspan="2" { span.tag.bad { (frame.say("not readable", "nicht lesbar")) } " " (problem) @if let Some(hint) = &it.known.hint { br; small { (hint) } } }
                            } @else {
                                td { (branch(frame, it.known.state.as_ref())) }
                                td { (tree(frame, it.known.state.as_ref())) }
                            }
                            td { @if let Some(run) = &it.known.last_run { (parts::outcome(frame, run)) " " a href={ "/studio/runs/" (run.id) } { (run.task) } br; small { (parts::ago(frame, &run.started_at)) } } @else { "–" } }
                            td { (parts::action(frame, "/studio/fleet/remove", frame.say("Take off the list", "Von der Liste nehmen"), &[("root", &it.known.root)])) }
                        }
                    }
                }
            }
        }
    }
}

/// The branch, and how far it is from where it comes from.
pub(crate) fn branch(frame: &Frame, state: Option<&GitState>) -> Markup {
    let Some(state) = state else { return html! { "–" } };
    html! {
        @if let Some(branch) = &state.branch { code { (branch) } } @else { span.tag { (frame.say("no branch", "kein Zweig")) } }
        @if state.ahead > 0 { " " span.tag { "↑ " (state.ahead) " " (frame.say("ahead", "voraus")) } }
        @if state.behind > 0 { " " span.tag.warn { "↓ " (state.behind) " " (frame.say("behind", "zurück")) } }
        @if let Some(operation) = &state.operation { " " span.tag.warn { (operation) } }
    }
}

/// What is changed in the work tree, in words.
pub(crate) fn tree(frame: &Frame, state: Option<&GitState>) -> Markup {
    let Some(state) = state else { return html! { "–" } };
    let counts = [
        (state.conflicts, frame.say("in conflict", "im Konflikt"), "tag bad"),
        (state.staged, frame.say("staged", "vorgemerkt"), "tag"),
        (state.unstaged, frame.say("changed", "geändert"), "tag warn"),
        (state.untracked, frame.say("new", "neu"), "tag"),
        (state.stashes, frame.say("stashed", "zurückgelegt"), "tag"),
    ];
    let shown: Vec<_> = counts.into_iter().filter(|(count, ..)| *count > 0).collect();
    html! {
        @if shown.is_empty() { span.tag.good { (frame.say("clean", "sauber")) } }
        @for (count, word, class) in shown { span class=(class) { (count) " " (word) } " " }
    }
}

/// The form that adds repositories.
pub(crate) fn add(frame: &Frame) -> Markup {
    html! {
        form.panel method="post" action="/studio/fleet/add" {
            (frame.hidden())
            h2 { (frame.say("Add repositories", "Repositorien hinzufügen")) }
            label for="folder" { (frame.say("Folder on this machine", "Ordner auf diesem Rechner")) }
            div.row {
                input #folder name="folder" required autocomplete="off" spellcheck="false" placeholder=(frame.say("/home/you/code", "/home/du/code"));
                button.primary { (frame.say("Add", "Hinzufügen")) }
            }
            label.check { input type="checkbox" name="scan" value="yes" checked; " " (frame.say("Also look in the folders below it", "Auch in den Ordnern darunter suchen")) }
        }
    }
}
