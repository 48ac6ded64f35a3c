//! The frame around every page: navigation, language, notices, the palette's door.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use crate::assets::path;
use crate::lang::Lang;
use crate::views::VIEWS;

/// What a page may load and do: only what this very server gives, and no text becomes HTML or code in the browser.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// What every page knows.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its language.
    pub lang: Lang,
    /// What every form sends back; empty where nobody is logged in.
    pub csrf: String,
    /// The time by which ages are told.
    pub now: Timestamp,
    /// The path of this page, to come back to after a change.
    pub path: String,
    /// What has just happened.
    pub notice: Option<Notice>,
}

/// What has just happened, at the head of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether it went wrong.
    pub bad: bool,
    /// What happened, one sentence.
    pub text: String,
}

/// A link on the way to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: String,
}

#[expect(clippy::needless_pass_by_value, reason = "pages hand over what they have just built")]
impl Frame {
    /// The text in the page's language.
    pub const fn say<'t>(&self, english: &'t str, german: &'t str) -> &'t str {
        self.lang.say(english, german)
    }

    /// A whole page: which view it belongs to, its title, the way to it, and its content.
    pub(crate) fn page(&self, view: &str, title: &str, way: &[Place], content: Markup) -> Markup {
        let body = html! {
            header.bar {
                a.brand href="/studio" { img src=(path("icon.svg")) width="20" height="20" alt=""; span { "Studio" } }
                nav.views aria-label=(self.say("Views", "Ansichten")) {
                    @for it in VIEWS {
                        a href=(it.path) data-key=(it.key) aria-current=[(it.id == view).then_some("page")] { (it.name(self.lang)) }
                    }
                }
                a.palette href="/studio/actions" { (self.say("All actions", "Alle Aktionen")) " " kbd { "Ctrl K" } }
            }
            main #main tabindex="-1" {
                @if !way.is_empty() {
                    nav.way aria-label=(self.say("The way here", "Der Weg hierher")) {
                        @for place in way { a href=(place.path) { (place.name) } span aria-hidden="true" { "/" } }
                    }
                }
                h1 { (title) }
                @if let Some(notice) = &self.notice {
                    p.notice.bad[notice.bad] role=(if notice.bad { "alert" } else { "status" }) { (notice.text) }
                }
                (content)
            }
            footer {
                form method="post" action="/studio/language" {
                    (self.hidden())
                    input type="hidden" name="back" value=(self.path);
                    button.quiet name="lang" value=(self.say("de", "en")) { (self.say("Deutsch", "English")) }
                }
                form method="post" action="/studio/logout" { (self.hidden()) button.quiet { (self.say("Log out", "Abmelden")) } }
            }
        };
        self.document(title, body)
    }

    /// A page for somebody who is not logged in, or for an error.
    pub(crate) fn bare(&self, title: &str, content: Markup) -> Markup {
        self.document(title, html! { main #main .alone tabindex="-1" { h1 { (title) } (content) } })
    }

    fn document(&self, title: &str, body: Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.lang.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · Studio" }
                    link rel="stylesheet" href=(path("studio.css"));
                    link rel="icon" href=(path("icon.svg"));
                    script type="module" src=(path("studio.js")) {}
                }
                body { a.skip href="#main" { (self.say("To the content", "Zum Inhalt")) } (body) }
            }
        }
    }

    /// What every form that changes something holds.
    pub(crate) fn hidden(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.csrf); }
    }
}
