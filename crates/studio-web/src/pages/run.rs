//! One run: how it ended, why it may have, its log, its surroundings, and what became different.

use contracts::wgx::runs::{CompareReport, RunDetailReport};
use maud::{Markup, html};

use super::home::encoded;
use crate::ansi;
use crate::frame::{Frame, Place};
use crate::parts;

/// Lines of a log on one page.
pub const LINES: usize = 2_000;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The run.
    pub run: RunDetailReport,
    /// Its log, or why there is none.
    pub log: Result<String, String>,
    /// First line that is shown, from 0; none for the last page.
    pub from: Option<usize>,
    /// Only lines that hold this.
    pub find: String,
    /// The run of the same task before this one.
    pub before: Option<String>,
    /// Id of its repository, where that is on the list.
    pub repository: Option<String>,
}

/// The page.
pub fn page(frame: &Frame, shown: &Shown) -> Markup {
    let run = &shown.run.run;
    let way =
        [Place { name: frame.say("Runs", "Läufe").to_owned(), path: "/studio/runs".to_owned() }];
    frame.page("runs", &run.task, &way, html! {
        p { (parts::outcome(frame, run)) " "
            @if let Some(id) = &shown.repository { a href={ "/studio/repos/" (id) } { (run.repo) } } @else { (run.repo) }
            " · " (parts::ago(frame, &run.started_at))
            @if let Some(ms) = run.duration_ms { " · " (parts::duration(ms)) }
            @if let Some(signal) = shown.run.signal { " · " (frame.say("ended by signal", "beendet durch Signal")) " " (signal) }
            @if !run.args.is_empty() { " · " code { (run.args.join(" ")) } }
        }
        div.row {
            @if let Some(id) = &shown.repository { a.button.primary href={ "/studio/repos/" (id) "?task=" (encoded(&run.task)) "#chosen" } { (frame.say("Run again …", "Noch einmal …")) } }
            @if let Some(before) = &shown.before { a.button href={ "/studio/runs/" (before) "/compare/" (run.id) } { (frame.say("Compare with the run before", "Mit dem Lauf davor vergleichen")) } }
        }
        @if let Some(precedent) = &shown.run.precedent {
            section.panel {
                h2 { (frame.say("It failed like this before", "So ist es schon einmal gescheitert")) }
                p { a href={ "/studio/runs/" (precedent.failed.id) } { (precedent.failed.task) } " " (parts::ago(frame, &precedent.failed.started_at)) }
                @if let Some(fixed) = &precedent.fixed_by {
                    p { (frame.say("It passed again", "Danach bestand es wieder")) " " a href={ "/studio/runs/" (fixed.id) } { (parts::ago(frame, &fixed.started_at)) }
                        @if !precedent.changes.is_empty() { ", " (frame.say("with these differences:", "mit diesen Unterschieden:")) } }
                    ul { @for change in &precedent.changes { li { code { (change.field) } ": " (change.before.as_deref().unwrap_or("–")) " → " (change.after.as_deref().unwrap_or("–")) } } }
                }
            }
        }
        @if let Some(summary) = &shown.run.summary {
            @if summary.error_lines > 0 {
                section { h2 { (frame.say("Lines that tell of a failure", "Zeilen, die vom Scheitern erzählen")) " (" (summary.error_lines) ")" }
                    pre.log { (ansi::lines(&mut ansi::Reader::default(), 1, summary.first_errors.iter().map(String::as_str))) } }
            }
        }
        section { h2 #log { (frame.say("Log", "Protokoll")) } (log(frame, shown)) }
        details {
            summary { (frame.say("Surroundings", "Umgebung")) " (" (shown.run.environment.len()) ")" }
            dl { @for field in &shown.run.environment { dt { (field.field) } dd { (field.value) } } }
        }
        @if !shown.run.artefacts.is_empty() {
            details { summary { (frame.say("Files it made", "Dateien, die entstanden")) " (" (shown.run.artefacts.len()) ")" }
                ul { @for file in &shown.run.artefacts { li { code { (file.path) } " " (parts::bytes(file.bytes)) } } } }
        }
        p.quiet { (frame.say("Run", "Lauf")) " " code { (run.id) } @if let Some(log) = &run.log { " · " (frame.say("log", "Protokoll")) " sha256 " code { (log) } } }
    })
}

fn log(frame: &Frame, shown: &Shown) -> Markup {
    let text = match &shown.log {
        Ok(text) => text,
        Err(problem) => return parts::nothing(problem),
    };
    let all: Vec<&str> = text.lines().collect();
    let needle = shown.find.to_lowercase();
    let search = html! {
        form.row method="get" action="#log" role="search" {
            label.hidden for="find" { (frame.say("Only lines that hold", "Nur Zeilen mit")) }
            input #find type="search" name="find" value=(shown.find) placeholder=(frame.say("Only lines that hold …", "Nur Zeilen mit …"));
            button { (frame.say("Filter", "Filtern")) }
        }
    };
    if !needle.is_empty() {
        let found =
            all.iter().enumerate().filter(|(_, line)| line.to_lowercase().contains(&needle));
        let found: Vec<(usize, &str)> = found.map(|(at, line)| (at, *line)).collect();
        return html! {
            (search)
            p.quiet { (found.len()) " " (frame.say("of", "von")) " " (all.len()) " " (frame.say("lines", "Zeilen"))
                @if found.len() > LINES { ", " (frame.say("the first", "die ersten")) " " (LINES) " " (frame.say("are shown", "sind zu sehen")) } }
            pre.log tabindex="0" { @for (at, line) in found.into_iter().take(LINES) { (ansi::lines(&mut ansi::Reader::default(), at + 1, std::iter::once(line))) } }
        };
    }
    let last = all.len().saturating_sub(LINES);
    let from = shown.from.unwrap_or(last).min(last);
    let end = (from + LINES).min(all.len());
    let mut reader = ansi::Reader::default();
    html! {
        (search)
        @if all.len() > LINES {
            nav.row aria-label=(frame.say("Parts of the log", "Teile des Protokolls")) {
                @if from > 0 { a.button href={ "?from=" (from.saturating_sub(LINES)) "#log" } { (frame.say("Earlier", "Früher")) } }
                span { (frame.say("Lines", "Zeilen")) " " (from + 1) "–" (end) " " (frame.say("of", "von")) " " (all.len()) }
                @if end < all.len() { a.button href={ "?from=" (end) "#log" } { (frame.say("Later", "Später")) } }
            }
        }
        @if all.is_empty() { (parts::nothing(frame.say("It printed nothing.", "Es gab nichts aus."))) }
        @else { pre.log tabindex="0" { (ansi::lines(&mut reader, from + 1, all[from..end].iter().copied())) } }
    }
}

/// Two runs side by side.
pub fn compare(frame: &Frame, report: &CompareReport) -> Markup {
    let way = [
        Place { name: frame.say("Runs", "Läufe").to_owned(), path: "/studio/runs".to_owned() },
        Place {
            name: report.after.task.clone(),
            path: format!("/studio/runs/{}", report.after.id),
        },
    ];
    frame.page("runs", frame.say("What became different", "Was anders wurde"), &way, html! {
        (parts::runs(frame, frame.say("Both runs", "Beide Läufe"), &[report.before.clone(), report.after.clone()], true))
        section {
            h2 { (frame.say("Facts", "Tatsachen")) }
            @if report.changes.is_empty() { (parts::nothing(frame.say("No recorded fact differs.", "Keine festgehaltene Tatsache unterscheidet sich."))) }
            @else { div.scroll tabindex="0" role="region" aria-label=(frame.say("Facts", "Tatsachen")) { table {
                thead { tr { th scope="col" { (frame.say("Field", "Feld")) } th scope="col" { (frame.say("Before", "Vorher")) } th scope="col" { (frame.say("After", "Nachher")) } } }
                tbody { @for change in &report.changes { tr { th scope="row" { (change.field) } td { (change.before.as_deref().unwrap_or("–")) } td { (change.after.as_deref().unwrap_or("–")) } } } }
            } } }
        }
        section {
            h2 { (frame.say("Logs", "Protokolle")) }
            @if let Some(diff) = &report.log_diff { pre.log.diff tabindex="0" { @for line in diff.lines() { span.add[line.starts_with('+')].del[line.starts_with('-')].line { (line) "\n" } } } }
            @else { (parts::nothing(frame.say("The logs are equal, or one is missing.", "Die Protokolle sind gleich, oder eines fehlt."))) }
            @if report.diff_left_out_lines > 0 { p.quiet { (report.diff_left_out_lines) " " (frame.say("lines were left out of the comparison", "Zeilen blieben beim Vergleich außen vor")) } }
        }
    })
}
