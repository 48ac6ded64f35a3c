//! Why something is allowed or refused: the same code that decides, told step by step.

mod action;
mod url;

use contracts::hauski::explain::{Explain, Kind, SCHEMA, Step, Verdict};
use contracts::hauski::explain::{Outcome, Rule};
use contracts::hauski::plugin::Plugins;

use crate::load::Policies;

/// What can be asked, one form a line: the form and what it asks.
pub const FORMS: &[(&str, &str)] = &[
    ("https://host/path", "may this address be dialled"),
    ("CAPABILITY cloud", "may a provider outside the house answer, for example `chat cloud`"),
    ("CAPABILITY local", "is a local provider asked first"),
    ("memory pin KEY", "may this key be kept for good"),
    ("plugin:NAME call CAPABILITY", "may this plugin call this capability"),
    ("plugin:NAME publish TOPIC", "may this plugin send this topic"),
    ("plugin:NAME subscribe TOPIC", "may this plugin hear this topic"),
    ("plugin:NAME egress URL", "may this plugin reach this address through the broker"),
];

/// A question in none of the known forms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a question that the policies answer")]
pub struct UnknownQuestion;

impl UnknownQuestion {
    /// The forms that are known.
    pub fn hint(&self) -> String {
        let forms: Vec<&str> = FORMS.iter().map(|(form, _)| *form).collect();
        format!("ask one of: {}", forms.join(", "))
    }
}

/// Answers a question about an address or an action; [`FORMS`] lists them. Without `plugins` every plugin is
/// unknown.
///
/// # Errors
/// When the question has none of the known forms.
pub fn explain(
    subject: &str,
    policies: &Policies,
    plugins: Option<&Plugins>,
) -> Result<Explain, UnknownQuestion> {
    let words: Vec<&str> = subject.split_whitespace().collect();
    let known_action = match words.as_slice() {
        [plugin, verb, object] if plugin.starts_with("plugin:") => {
            let name = plugin.trim_start_matches("plugin:");
            action::plugin(name, verb, object, policies, plugins)
        }
        ["memory", "pin", key] => Some(action::pin(key, policies)),
        [capability, "cloud"] => action::cloud(capability, policies),
        [capability, "local"] => action::local(capability, policies),
        _ => None,
    };
    match known_action {
        Some(report) => Ok(report),
        None if looks_like_an_address(subject) => Ok(url::explain(subject, policies)),
        None => Err(UnknownQuestion),
    }
}

fn looks_like_an_address(subject: &str) -> bool {
    let Some((scheme, rest)) = subject.trim_start().split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    is_scheme && scheme != "plugin" && !rest.is_empty()
}

/// The parts that every answer has.
struct Answer<'a> {
    kind: Kind,
    subject: &'a str,
    steps: Vec<Step>,
    sha256: Option<&'a str>,
}

impl Answer<'_> {
    fn step(&mut self, check: &str, holds: bool) -> bool {
        let outcome = if holds { Outcome::Passed } else { Outcome::Failed };
        self.steps.push(Step { check: check.to_owned(), outcome });
        holds
    }

    fn allowed(self, reason: &str, message: &str, rule: Option<Rule>) -> Explain {
        self.report(Verdict::Allowed, reason, message, rule)
    }

    fn denied(self, reason: &str, message: &str, hint: &str, rule: Option<Rule>) -> Explain {
        let report = self.report(Verdict::Denied, reason, message, rule);
        Explain { hint: Some(hint.to_owned()), ..report }
    }

    fn report(self, verdict: Verdict, reason: &str, message: &str, rule: Option<Rule>) -> Explain {
        Explain {
            schema: SCHEMA.to_owned(),
            subject: self.subject.to_owned(),
            kind: self.kind,
            verdict,
            reason: reason.to_owned(),
            message: message.to_owned(),
            hint: None,
            origin: None,
            rule,
            steps: self.steps,
            policy_sha256: self.sha256.map(str::to_owned),
        }
    }
}
