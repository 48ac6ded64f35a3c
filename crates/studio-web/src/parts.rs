//! Small parts that several pages share.

use contracts::wgx::runs::RunRow;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::frame::Frame;

/// A moment: how long ago, and the exact time for whoever points at it.
pub(crate) fn ago(frame: &Frame, moment: &str) -> Markup {
    let text = match moment.parse::<Timestamp>() {
        Ok(at) => age(frame, frame.now.duration_since(at)),
        Err(_) => moment.to_owned(),
    };
    html! { time datetime=(moment) title=(moment) { (text) } }
}

fn age(frame: &Frame, age: SignedDuration) -> String {
    let seconds = age.as_secs();
    let (count, english, german) = match seconds {
        ..0 => return frame.say("just now", "eben").to_owned(),
        0..=4 => return frame.say("just now", "eben").to_owned(),
        5..=89 => (seconds, "s", "s"),
        90..=5_399 => ((seconds + 30) / 60, "min", "min"),
        5_400..=129_599 => ((seconds + 1_800) / 3_600, "h", "h"),
        _ => ((seconds + 43_200) / 86_400, "d", "T"),
    };
    match frame.lang {
        crate::Lang::En => format!("{count} {english} ago"),
        crate::Lang::De => format!("vor {count} {german}"),
    }
}

/// A duration in the unit that suits it.
pub(crate) fn duration(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        1_000..=59_999 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..=3_599_999 => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {:02} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// Bytes in the unit that suits them.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..=1_023 => format!("{count} B"),
        1_024..=1_048_575 => format!("{:.1} KiB", count as f64 / 1_024.0),
        1_048_576..=1_073_741_823 => format!("{:.1} MiB", count as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", count as f64 / 1_073_741_824.0),
    }
}

/// How a run ended, in a word; colour only underlines it.
pub(crate) fn outcome(frame: &Frame, run: &RunRow) -> Markup {
    match run.exit_code {
        Some(0) => html! { span.tag.good { (frame.say("passed", "bestanden")) } },
        Some(code) => html! { span.tag.bad { (frame.say("failed", "gescheitert")) " " (code) } },
        None => html! { span.tag.warn { (frame.say("no end", "ohne Ende")) } },
    }
}

/// Runs in a table of this name.
pub(crate) fn runs(frame: &Frame, name: &str, runs: &[RunRow], with_repository: bool) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(name) {
            table {
                thead { tr {
                    th scope="col" { (frame.say("Result", "Ergebnis")) }
                    th scope="col" { (frame.say("Task", "Aufgabe")) }
                    @if with_repository { th scope="col" { (frame.say("Repository", "Repositorium")) } }
                    th scope="col" { (frame.say("Started", "Beginn")) }
                    th.number scope="col" { (frame.say("Duration", "Dauer")) }
                } }
                tbody {
                    @for run in runs {
                        tr {
                            td { (outcome(frame, run)) }
                            th.name scope="row" { a href={ "/studio/runs/" (run.id) } { (run.task) } @if !run.args.is_empty() { " " code { (run.args.join(" ")) } } }
                            @if with_repository { td { (run.repo) } }
                            td { (ago(frame, &run.started_at)) }
                            td.number { @if let Some(ms) = run.duration_ms { (duration(ms)) } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}

/// A button in a form of its own: what it does, where it is sent, and further fields.
pub(crate) fn action(frame: &Frame, path: &str, label: &str, fields: &[(&str, &str)]) -> Markup {
    html! {
        form.inline method="post" action=(path) {
            (frame.hidden())
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button { (label) }
        }
    }
}

/// What stands where there is nothing yet.
pub(crate) fn nothing(text: &str) -> Markup {
    html! { p.nothing { (text) } }
}
