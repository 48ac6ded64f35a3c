//! Plugins: states with their causes, what they use, what they say, and buttons.

use std::sync::Arc;

use contracts::hauski::plugin_status::{LogLine, PluginState, PluginStatus};
use maud::{Markup, html};

use crate::frame::{Frame, Place};
use crate::parts;

/// A state as it is named everywhere.
pub(crate) fn state(plugin: &PluginStatus) -> &'static str {
    match plugin.state {
        PluginState::Stopped => "stopped",
        PluginState::Starting => "starting",
        PluginState::Running => "running",
        PluginState::Unhealthy => "unhealthy",
        PluginState::Backoff => "backoff",
        PluginState::Failed => "failed",
        PluginState::Stopping => "stopping",
        PluginState::Disabled => "disabled",
    }
}

fn tag(plugin: &PluginStatus) -> Markup {
    let class = match plugin.state {
        PluginState::Running => "tag good",
        PluginState::Unhealthy | PluginState::Failed => "tag bad",
        PluginState::Backoff => "tag warn",
        _ => "tag",
    };
    html! { span class=(class) { (state(plugin)) } }
}

/// All of them.
pub fn list(
    frame: &Frame,
    plugins: &[PluginStatus],
    search: &str,
    lines: &[Arc<LogLine>],
) -> Markup {
    frame.page("plugins", "Plugins", &[], html! {
        @if plugins.is_empty() { (parts::nothing(frame.say("No plugin is set up; plugins.json names them.", "Kein Plugin ist eingerichtet; plugins.json nennt sie."))) }
        @else {
            div.scroll tabindex="0" role="region" aria-label="Plugins" { table {
                thead { tr {
                    th scope="col" { (frame.say("Plugin", "Plugin")) } th scope="col" { (frame.say("State", "Zustand")) }
                    th.number scope="col" { "CPU" } th.number scope="col" { (frame.say("Memory", "Speicher")) }
                    th.number scope="col" { (frame.say("Queue", "Schlange")) } th.number scope="col" { (frame.say("Calls", "Aufrufe")) }
                    th.number scope="col" { (frame.say("Restarts", "Neustarts")) }
                } }
                tbody { @for it in plugins { tr {
                    th.name scope="row" { a href={ "/studio/plugins/" (it.name) } { (it.name) } @if let Some(text) = &it.description { br; small { (text) } } }
                    td { (tag(it)) br; small { (it.cause) } }
                    td.number { @if let Some(ms) = it.cpu_ms { (parts::duration(ms)) } @else { "–" } }
                    td.number { @if let Some(bytes) = it.memory_bytes { (parts::bytes(bytes)) } @else { "–" } }
                    td.number { (it.queue) } td.number { (it.calls) @if it.failures > 0 { " (" (it.failures) " " (frame.say("failed", "gescheitert")) ")" } } td.number { (it.restarts) }
                } } }
            } }
        }
        section {
            h2 { (frame.say("Search all logs", "Alle Protokolle durchsuchen")) }
            form.row method="get" role="search" {
                label.hidden for="q" { (frame.say("Text in a message", "Text in einer Meldung")) }
                input #q type="search" name="q" value=(search);
                button { (frame.say("Search", "Suchen")) }
            }
            @if !search.is_empty() { (log(frame, lines, true)) }
        }
    })
}

/// One plugin with its log.
pub fn one(frame: &Frame, it: &PluginStatus, search: &str, lines: &[Arc<LogLine>]) -> Markup {
    let way = [Place { name: "Plugins".to_owned(), path: "/studio/plugins".to_owned() }];
    let button = |order: &str, label| {
        parts::action(frame, &format!("/studio/plugins/{}/{order}", it.name), label, &[])
    };
    frame.page("plugins", &it.name, &way, html! {
        p { (tag(it)) " " (it.cause) " · " (parts::ago(frame, &it.since))
            @if let Some(ms) = it.next_try_ms { " · " (frame.say("next try in", "nächster Versuch in")) " " (parts::duration(ms)) } }
        @if let Some(text) = &it.description { p { (text) } }
        div.row {
            (button("start", frame.say("Start", "Starten")))
            (button("stop", frame.say("Stop", "Anhalten")))
            (button("restart", frame.say("Restart", "Neu starten")))
            (button("reload", frame.say("Replace without a failed call", "Ohne gescheiterten Aufruf ersetzen")))
        }
        @if let Some(error) = &it.last_error { p.notice.bad { (frame.say("Last failure:", "Letzter Fehler:")) " " (error.cause) } @if !error.stderr.is_empty() { pre.log tabindex="0" { @for line in &error.stderr { (line) "\n" } } } }
        dl {
            dt { (frame.say("Capabilities", "Fähigkeiten")) } dd { @if it.capabilities.is_empty() { "–" } (it.capabilities.join(", ")) }
            @if !it.models.is_empty() { dt { (frame.say("Models", "Modelle")) } dd { (it.models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", ")) } }
            @if let Some(pid) = it.pid { dt { (frame.say("Process", "Prozess")) } dd { (pid) } }
            @if let Some(bytes) = it.memory_bytes { dt { (frame.say("Memory", "Speicher")) } dd { (parts::bytes(bytes)) } }
            dt { (frame.say("Calls", "Aufrufe")) } dd { (it.calls) " · " (it.failures) " " (frame.say("failed", "gescheitert")) " · " (it.overloaded) " " (frame.say("refused", "abgewiesen")) }
        }
        section {
            h2 { (frame.say("Log", "Protokoll")) }
            form.row method="get" role="search" {
                label.hidden for="q" { (frame.say("Text in a message", "Text in einer Meldung")) }
                input #q type="search" name="q" value=(search);
                button { (frame.say("Search", "Suchen")) }
            }
            @if it.log_lines_dropped > 0 { p.quiet { (it.log_lines_dropped) " " (frame.say("lines were dropped: there were too many", "Zeilen fielen weg: es waren zu viele")) } }
            (log(frame, lines, false))
        }
    })
}

fn log(frame: &Frame, lines: &[Arc<LogLine>], with_plugin: bool) -> Markup {
    html! {
        @if lines.is_empty() { (parts::nothing(frame.say("No line fits.", "Keine Zeile passt."))) }
        @else {
            pre.log tabindex="0" { @for line in lines {
                span.line { span.f { (line.at) " " } @if with_plugin { span.c6 { (line.plugin) " " } }
                    span class=(level(line)) { (format!("{:?}", line.level).to_lowercase()) } " "
                    @for (at, part) in line.message.lines().enumerate() { @if at > 0 { "\n  " } @for piece in crate::ansi::Reader::default().line(part) { (piece.text) } } "\n" }
            } }
        }
    }
}

fn level(line: &LogLine) -> &'static str {
    use contracts::hauski::protocol::Level;
    match line.level {
        Level::Error => "c1",
        Level::Warn => "c3",
        _ => "f",
    }
}
