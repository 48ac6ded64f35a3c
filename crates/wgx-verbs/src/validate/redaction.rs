//! The receipt's own masking: the rules that upstream's receipts follow, so that both hide the
//! same.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands in a secret's place.
pub(super) const REDACTED: &str = "[REDACTED]";
const NAMES: &str = "SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE_KEY|APIKEY|API_KEY|ACCESS_KEY";
const VALUE: &str = r#"(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s;&|"'<>]+)"#;
const HEADER: &str = r"(?:Authorization\s*:\s*(?:Bearer|Basic)\s+|(?:X-)?API-Key\s*:\s*)";

/// Applied in order; group 1 stays, the rest is replaced, group 2 (a closing quote) stays.
static RULES: LazyLock<[Regex; 5]> = LazyLock::new(|| {
    let flag = "token|password|secret|api-key|access-key|private-key";
    [
        format!(r#"(?i)("{HEADER})[^"\n]*(")"#),
        format!(r"(?i)('{HEADER})[^'\n]*(')"),
        format!(r"(?i)(\b{HEADER}){VALUE}()"),
        format!(r"(?i)((?:[A-Z_][A-Z0-9_]*)?(?:{NAMES})[A-Z0-9_]*\s*[=:]\s*){VALUE}()"),
        format!(r"(?i)(--[A-Z0-9-]*(?:{flag})[A-Z0-9-]*(?:=|\s+)){VALUE}()"),
    ]
    .map(|rule| Regex::new(&rule).expect("the rules are constants and tested"))
});

static SECRET_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!("(?i){NAMES}")).expect("the rule is a constant and tested")
});

/// Replaces the values of assignments, flags and headers that look like secrets.
pub(super) fn redact(text: &str) -> String {
    let mut text = text.to_owned();
    for rule in RULES.iter() {
        let masked = |found: &Captures<'_>| format!("{}{REDACTED}{}", &found[1], &found[2]);
        text = rule.replace_all(&text, masked).into_owned();
    }
    text
}

/// Whether a variable's name says that it holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    SECRET_NAME.is_match(name)
}
