//! Everything that can be done, in one list: the palette as a page, and the same as data for the palette itself.

use maud::{Markup, html};
use serde::Serialize;

use crate::frame::Frame;
use crate::views::VIEWS;

/// An action: what it is called and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// What it belongs to.
    pub group: String,
    /// Where it leads; a change asks there first.
    pub path: String,
}

/// The actions of all views; those of repositories and plugins come from outside.
pub fn views(frame: &Frame) -> Vec<Action> {
    let group = frame.say("View", "Ansicht").to_owned();
    let all = VIEWS.iter().map(|view| Action {
        name: view.name(frame.lang).to_owned(),
        group: group.clone(),
        path: view.path.to_owned(),
    });
    all.collect()
}

/// The page.
pub fn page(frame: &Frame, actions: &[Action], filter: &str) -> Markup {
    let needle = filter.to_lowercase();
    let fits = |action: &&Action| {
        format!("{} {}", action.group, action.name).to_lowercase().contains(&needle)
    };
    frame.page("actions", frame.say("All actions", "Alle Aktionen"), &[], html! {
        form.row method="get" role="search" {
            label.hidden for="filter" { (frame.say("Filter", "Filtern")) }
            input.wide #filter type="search" name="filter" value=(filter) autofocus;
            button { (frame.say("Filter", "Filtern")) }
        }
        ul.plain { @for action in actions.iter().filter(fits) { li { a href=(action.path) { (action.name) } " " small { (action.group) } } } }
    })
}
