//! Keys, budgets, decisions about destinations, and the audit log.

use contracts::hauski::audit::{Line, Verdict, VerifyReport};
use contracts::hauski::budget;
use contracts::hauski::egress;
use contracts::hauski::keys::{Key, State};
use maud::{Markup, html};

use crate::frame::Frame;
use crate::parts;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Every key.
    pub keys: Vec<Key>,
    /// A key that was just made: its secret, shown this once.
    pub secret: Option<String>,
    /// Budgets.
    pub budgets: budget::Report,
    /// Decisions about destinations.
    pub egress: egress::Report,
    /// The last lines of the audit log, newest first.
    pub audit: Vec<Line>,
    /// Whether these are all lines, or those of requests were left out.
    pub with_requests: bool,
    /// Whether the log is sound, where somebody asked.
    pub verified: Option<VerifyReport>,
    /// Scopes that a key may have.
    pub scopes: Vec<String>,
}

/// The page.
pub fn page(frame: &Frame, shown: &Shown) -> Markup {
    frame.page("admin", frame.say("Admin", "Verwaltung"), &[], html! {
        section { h2 #keys { (frame.say("API keys", "API-Schlüssel")) } (keys(frame, shown)) }
        section { h2 #budgets { (frame.say("Budgets", "Budgets")) } (budgets(frame, &shown.budgets)) }
        section { h2 #egress { (frame.say("Ways out of the house", "Wege aus dem Haus")) } (outside(frame, &shown.egress)) }
        section { h2 #audit { (frame.say("Audit log", "Prüfprotokoll")) } (audit(frame, shown)) }
    })
}

fn keys(frame: &Frame, shown: &Shown) -> Markup {
    html! {
        @if let Some(secret) = &shown.secret {
            div.notice role="status" { p { (frame.say("Copy it now; it is not shown again.", "Kopiere ihn jetzt; er wird nicht noch einmal gezeigt.")) } pre { code { (secret) } } }
        }
        @if shown.keys.is_empty() { (parts::nothing(frame.say("There is no key.", "Es gibt keinen Schlüssel."))) }
        @else { div.scroll tabindex="0" role="region" aria-label=(frame.say("API keys", "API-Schlüssel")) { table {
            thead { tr { th scope="col" { (frame.say("Name", "Name")) } th scope="col" { (frame.say("Key", "Schlüssel")) } th scope="col" { (frame.say("Scopes", "Rechte")) } th scope="col" { (frame.say("Used", "Genutzt")) } th { span.hidden { (frame.say("Actions", "Aktionen")) } } } }
            tbody { @for key in &shown.keys { tr {
                th.name scope="row" { (key.name) @if key.state != State::Active { " " span.tag.warn { (format!("{:?}", key.state).to_lowercase()) } } }
                td { code { (key.masked) } } td { (key.scopes.join(", ")) }
                td { (key.used_requests) " " (frame.say("requests", "Anfragen")) @if let Some(last) = &key.last_used { br; small { (parts::ago(frame, last)) } } }
                td { @if key.state == State::Active { (parts::action(frame, "/studio/admin/keys/revoke", frame.say("Revoke", "Entziehen"), &[("id", &key.id)])) } }
            } } }
        } } }
        form.panel method="post" action="/studio/admin/keys" {
            (frame.hidden())
            h3 { (frame.say("A new key", "Ein neuer Schlüssel")) }
            div.row {
                label { (frame.say("Name", "Name")) " " input name="name" required maxlength="100" autocomplete="off"; }
                fieldset.row { legend { (frame.say("What it may", "Was er darf")) }
                    @for scope in &shown.scopes { label.check { input type="checkbox" name=(format!("scope.{scope}")) value="yes"; " " (scope) } } }
                button.primary { (frame.say("Make", "Anlegen")) }
            }
        }
    }
}

fn budgets(frame: &Frame, report: &budget::Report) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label="Budgets" { table {
        thead { tr { th scope="col" { (frame.say("Budget", "Budget")) } th.number scope="col" { "p95" } th.number scope="col" { (frame.say("Limit", "Grenze")) } th scope="col" { (frame.say("Kept", "Eingehalten")) } } }
        tbody { @for it in &report.budgets { tr {
            th.name scope="row" { (it.name) br; small { (it.about) } }
            td.number { @if let Some(ms) = it.p95_ms { (format!("{ms:.1}")) " ms" } @else { "–" } }
            td.number { (it.limit_ms) " ms" }
            td { @match it.kept { Some(true) => span.tag.good { (frame.say("yes", "ja")) }, Some(false) => span.tag.bad { (frame.say("no", "nein")) }, None => span.tag { (frame.say("nothing measured", "nichts gemessen")) } } }
        } } }
    } } }
}

fn outside(frame: &Frame, report: &egress::Report) -> Markup {
    html! {
        @if report.allow.is_empty() { p.calm { (frame.say("No destination is allowed. Nothing leaves this machine.", "Kein Ziel ist erlaubt. Nichts verlässt diesen Rechner.")) } }
        @else { p { (frame.say("Allowed:", "Erlaubt:")) @for it in &report.allow { " " code { (it) } } } }
        @if !report.recent.is_empty() { div.scroll tabindex="0" role="region" aria-label=(frame.say("Decisions", "Entscheidungen")) { table {
            thead { tr { th scope="col" { (frame.say("Decision", "Entscheidung")) } th scope="col" { (frame.say("Who", "Wer")) } th scope="col" { (frame.say("Where to", "Wohin")) } th scope="col" { (frame.say("Why", "Warum")) } th scope="col" { (frame.say("When", "Wann")) } } }
            tbody { @for it in &report.recent { tr {
                td { @if it.allowed { span.tag.good { (frame.say("allowed", "erlaubt")) } } @else { span.tag.bad { (frame.say("refused", "abgewiesen")) } } }
                td { (it.actor) } td { code { (it.target) } } td { (it.reason) } td { (parts::ago(frame, &it.at)) }
            } } }
        } } }
        @if report.not_shown > 0 { p.quiet { (report.not_shown) " " (frame.say("older ones are not shown", "ältere sind nicht zu sehen")) } }
    }
}

fn audit(frame: &Frame, shown: &Shown) -> Markup {
    html! {
        form method="get" action="#audit" { button name="verify" value="yes" { (frame.say("Check that no line was changed", "Prüfen, dass keine Zeile geändert wurde")) } }
        @if shown.with_requests { p { a href="/studio/admin#audit" { (frame.say("Without plain requests", "Ohne gewöhnliche Anfragen")) } } }
        @else { p.quiet { (frame.say("Lines of plain requests are left out.", "Zeilen gewöhnlicher Anfragen sind weggelassen.")) " " a href="/studio/admin?requests=yes#audit" { (frame.say("Show them too", "Auch zeigen")) } } }
        @if let Some(report) = &shown.verified {
            @let (bad, text) = match report.verdict {
                Verdict::Sound => (false, frame.say("Every line is as it was written.", "Jede Zeile ist, wie sie geschrieben wurde.")),
                Verdict::Tampered => (true, frame.say("A line is not as it was written.", "Eine Zeile ist nicht, wie sie geschrieben wurde.")),
                Verdict::Unverifiable => (false, frame.say("All is sound up to the last signature; the lines after it are not signed yet.", "Bis zur letzten Unterschrift ist alles heil; die Zeilen danach sind noch nicht unterschrieben.")),
            };
            p.notice.bad[bad] role="status" { (text) " " (report.lines) " " (frame.say("lines", "Zeilen")) ", " (report.checkpoints) " " (frame.say("checkpoints", "Prüfpunkte"))
                @if let Some(found) = &report.tampering { br; (found.file) ", " (frame.say("line", "Zeile")) " " (found.seq) ": " (found.detail) } }
        }
        div.scroll tabindex="0" role="region" aria-label=(frame.say("Audit log", "Prüfprotokoll")) { table {
            thead { tr { th scope="col" { "#" } th scope="col" { (frame.say("What", "Was")) } th scope="col" { (frame.say("Who", "Wer")) } th scope="col" { (frame.say("On what", "Woran")) } th scope="col" { (frame.say("Outcome", "Ausgang")) } th scope="col" { (frame.say("When", "Wann")) } } }
            tbody { @for line in &shown.audit { tr { td.number { (line.seq) } th.name scope="row" { (line.action) } td { (line.actor) } td { (line.target) } td { (format!("{:?}", line.outcome).to_lowercase()) } td { (parts::ago(frame, &line.ts)) } } } }
        } }
    }
}
