//! The views of the Studio: one list from which navigation, keys and the palette are built.

use crate::lang::Lang;

/// A view that the navigation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Its name in addresses and code.
    pub id: &'static str,
    /// Where it is.
    pub path: &'static str,
    english: &'static str,
    german: &'static str,
    /// After `g`, this key leads there.
    pub key: char,
}

impl View {
    /// Its name for people.
    pub const fn name(&self, lang: Lang) -> &'static str {
        lang.say(self.english, self.german)
    }
}

/// Every view, in the order of the navigation.
#[rustfmt::skip]
pub const VIEWS: &[View] = &[
    View { id: "home", path: "/studio", english: "Home", german: "Start", key: 'h' },
    View { id: "fleet", path: "/studio/fleet", english: "Repositories", german: "Repositorien", key: 'f' },
    View { id: "runs", path: "/studio/runs", english: "Runs", german: "Läufe", key: 'r' },
    View { id: "ask", path: "/studio/ask", english: "Ask", german: "Fragen", key: 'a' },
    View { id: "memory", path: "/studio/memory", english: "Memory", german: "Gedächtnis", key: 'm' },
    View { id: "plugins", path: "/studio/plugins", english: "Plugins", german: "Plugins", key: 'p' },
    View { id: "admin", path: "/studio/admin", english: "Admin", german: "Verwaltung", key: 'd' },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_views_share_a_key_an_id_or_a_path() {
        let keys: BTreeSet<_> = VIEWS.iter().map(|view| view.key).collect();
        let ids: BTreeSet<_> = VIEWS.iter().map(|view| view.id).collect();
        let paths: BTreeSet<_> = VIEWS.iter().map(|view| view.path).collect();
        assert_eq!([keys.len(), ids.len(), paths.len()], [VIEWS.len(); 3]);
    }
}
