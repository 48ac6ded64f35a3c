//! Secrets in files.

use contracts::wgx::FixKind;
use redact::Redactor;

use super::tree::{SourceFile, Tree};
use super::{Check, Context, Found, Rule};

pub(super) struct Secrets;

static RULE: Rule = Rule {
    id: "secrets",
    finds: "tokens, keys and passwords, plain or encoded; a line with `wgx:allow-secret` and \
         values \
            whose SHA-256 stands in `.wgx/allowed-secrets` aside",
    why: "whoever can read the repository, now or later, can use it",
    fix: "revoke it where it was issued, then remove it; if it is none, put `wgx:allow-secret` \
         into a \
          comment on the line",
    kind: FixKind::Manual,
};

/// One SHA-256 in 64 hex digits a line; `#` begins a comment.
const ALLOW_FILE: &str = ".wgx/allowed-secrets";

impl Check for Secrets {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn file(&self, file: &SourceFile, context: &Context<'_>) -> Vec<Found> {
        in_content(&file.path, &file.content, context)
    }

    fn tree(&self, context: &Context<'_>) -> Vec<Found> {
        let named = context.tree.all().filter(|file| file.wanted).filter_map(|file| {
            let finding = context.redactor.scan(&file.path).into_iter().next()?;
            let shown = context.redactor.mask(&file.path).text;
            Some(Found::new(&shown, None, format!("{} in the file's name", finding.reason)))
        });
        // Other checks pass over generated files, but a secret in one is a secret.
        let generated = context
            .tree
            .generated()
            .flat_map(|(path, content)| in_content(path, &content, context));
        named.chain(generated).chain(broken_entries(context.tree)).collect()
    }
}

fn in_content(path: &str, content: &[u8], context: &Context<'_>) -> Vec<Found> {
    let found = context.redactor.scan_bytes(content).into_iter();
    let place = |finding: redact::Finding| {
        let message = format!("{} (rule {})", finding.reason, finding.rule);
        Found { column: Some(finding.column), ..Found::new(path, Some(finding.line), message) }
    };
    found.map(place).collect()
}

fn entries(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let lines = (1_u32..).zip(text.lines());
    let bare = lines.map(|(number, line)| (number, line.split('#').next().unwrap_or("").trim()));
    bare.filter(|(_, entry)| !entry.is_empty())
}

/// The scanner, with the repository's list of allowed values.
pub(super) fn redactor(tree: &Tree) -> Redactor {
    // Nothing is masked into the report but file names, so the key guards nothing here.
    let plain = Redactor::new([0; 32]);
    let Some(text) = tree.text_of(ALLOW_FILE) else { return plain };
    let good = entries(&text).filter(|(_, entry)| plain.clone().with_allowed([*entry]).is_ok());
    plain.clone().with_allowed(good.map(|(_, entry)| entry)).unwrap_or(plain)
}

/// Entries of the list of allowed values that are no digest.
fn broken_entries(tree: &Tree) -> Vec<Found> {
    let Some(text) = tree.text_of(ALLOW_FILE) else { return Vec::new() };
    let broken = entries(&text).filter_map(|(line, entry)| {
        let error = Redactor::new([0; 32]).with_allowed([entry]).err()?;
        let advice = "write the SHA-256 of the allowed value, 64 hex digits a line";
        Some(Found::new(ALLOW_FILE, Some(line), error.to_string()).advise(advice))
    });
    broken.collect()
}
