//! `hauski routes`: the route table for people and for tests.

use std::fmt::Write;

use contracts::hauski::routes::{Report, Route, SCHEMA};

use crate::exit::Exit;
use crate::output;
use crate::server::table::table;
use crate::settings::Settings;

/// Options of `hauski routes`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints the table.
pub(crate) fn run(_: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let routes = table().into_iter().map(|route| Route {
        method: route.method.to_string(),
        path: route.path.to_owned(),
        access: route.access.to_string(),
        class: route.class.name().to_owned(),
        summary: route.summary.to_owned(),
    });
    let report = Report { schema: SCHEMA.to_owned(), routes: routes.collect() };
    match settings.json {
        true => output::print_json(&report)?,
        false => output::print(&plain(&report))?,
    }
    Ok(Exit::Good)
}

fn plain(report: &Report) -> String {
    let width = |part: fn(&Route) -> &str| {
        report.routes.iter().map(|route| part(route).len()).max().unwrap_or_default()
    };
    let (path, access) = (width(|route| &route.path), width(|route| &route.access));
    report.routes.iter().fold(String::new(), |mut text, route| {
        let Route { method, path: at, access: who, summary, .. } = route;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{method:6} {at:path$}  {who:access$}  {summary}");
        text
    })
}
