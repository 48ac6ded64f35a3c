//! Pages outside the frame: for who is not logged in, and for errors.

use maud::{Markup, html};

use crate::frame::Frame;

/// For somebody whom the Studio does not know.
pub fn login(frame: &Frame) -> Markup {
    let title = frame.say("Who are you?", "Wer bist du?");
    frame.bare(
        title,
        html! {
            p { (frame.say(
                "The Studio shows everything this machine remembers, so it opens with a link that works once.",
                "Das Studio zeigt alles, woran sich dieser Rechner erinnert; darum öffnet es sich mit einem Link, der einmal gilt.",
            )) }
            p { (frame.say("In a terminal of this machine:", "In einem Terminal dieses Rechners:")) }
            pre { code { "hauski login" } }
            p { (frame.say(
                "It prints the link; open it in this browser. The session then lasts twelve hours, or until you log out.",
                "Das gibt den Link aus; öffne ihn in diesem Browser. Die Sitzung gilt dann zwölf Stunden oder bis zur Abmeldung.",
            )) }
        },
    )
}

/// An error: what went wrong, what to do, and how to find it in the log.
pub fn error(frame: &Frame, status: u16, message: &str, hint: &str, request: &str) -> Markup {
    let title = match status {
        404 => frame.say("There is nothing here", "Hier ist nichts"),
        403 => frame.say("Not allowed", "Nicht erlaubt"),
        400..=499 => frame.say("That did not work", "Das ging nicht"),
        _ => frame.say("Something broke", "Etwas ist kaputt"),
    };
    frame.bare(
        title,
        html! {
            p { (message) }
            @if !hint.is_empty() { p { (hint) } }
            @if !request.is_empty() { p.quiet { (frame.say("Request", "Anfrage")) " " code { (request) } } }
            p { a href="/studio" { (frame.say("To the start", "Zum Start")) } }
        },
    )
}
