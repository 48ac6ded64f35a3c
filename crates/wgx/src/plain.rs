//! One plain paragraph a verb, in English and German; the texts lie in `plain/`.

use crate::cli::Language;

const ENGLISH: &str = include_str!("plain/en.txt");
const GERMAN: &str = include_str!("plain/de.txt");

/// The paragraph of a verb (`wgx` for the whole).
pub(crate) fn paragraph(verb: &str, language: Language) -> Option<&'static str> {
    let texts = match language {
        Language::En => ENGLISH,
        Language::De => GERMAN,
    };
    texts.split("\n\n").find_map(|block| {
        let (name, text) = block.trim().split_once(": ")?;
        (name == verb).then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_paragraph_in_both_languages() {
        let command = crate::cli::command();
        let verbs = command.get_subcommands().map(clap::Command::get_name).chain(["wgx"]);
        for verb in verbs {
            for language in [Language::En, Language::De] {
                let text = paragraph(verb, language).unwrap_or_default();
                assert!(text.len() > 80, "{verb} lacks a plain paragraph in {language:?}");
                assert!(!text.contains('\n'), "{verb}: one paragraph is one line");
            }
        }
    }
}
