//! `wgx secrets`.

use std::fmt::Write;

use contracts::wgx::secrets::{SecretState, SecretsReport};
use redact::escape::escape_ctl_line;
use wgx_verbs::secrets::{self, NewSecret, SecretsError};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{BAD, DIM, GOOD, NAME, WARN, pad};

/// Which secrets this repository needs, and where they are kept. Never the secrets.
///
/// wgx remembers a name, a provider and what the secret is for. It asks no provider and sees no value: it
/// only looks whether a variable is set, or whether the provider's program is there. Known providers: env,
/// gh, 1password, sops, age, pass, bitwarden, vault, keyring.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// What is needed, and whether its provider is set up here
    List,
    /// The same; exit code 1 when a provider is missing here
    Check,
    /// Remember where a secret is kept
    Add {
        /// The name under which the provider knows it, for example GITHUB_TOKEN
        name: String,
        /// Where it is kept: env, gh, 1password, sops, age, pass, bitwarden, vault, keyring or another word
        #[arg(long, value_name = "PROVIDER", default_value = "env")]
        provider: String,
        /// What it is for, for example `publish packages`
        #[arg(long = "for", value_name = "TEXT", default_value = "")]
        scope: String,
        /// All repositories need it, not only this one
        #[arg(long)]
        everywhere: bool,
    },
    /// Forget where a secret is kept
    Forget {
        /// Its name
        name: String,
        /// Only with this provider
        #[arg(long, value_name = "PROVIDER")]
        provider: Option<String>,
    },
}

pub(crate) fn run(args: Args, face: &Face) -> anyhow::Result<Exit> {
    let context = &face.context;
    let what = args.what.unwrap_or(What::List);
    let checks = matches!(what, What::Check);
    let report = match what {
        What::List | What::Check => secrets::list(context),
        What::Add { name, provider, scope, everywhere } => {
            secrets::add(context, &NewSecret { name, provider, scope, everywhere })
        }
        What::Forget { name, provider } => secrets::forget(context, &name, provider.as_deref()),
    };
    let report = report.map_err(|error: SecretsError| Failure::of(1, &error, error.hint()))?;
    face.show(&report, || render(&report))?;
    let is_missing = report.secrets.iter().any(|secret| secret.state == SecretState::Missing);
    Ok(if checks && is_missing { Exit::Findings } else { Exit::Good })
}

fn render(report: &SecretsReport) -> String {
    let mut text = String::new();
    if report.forgotten > 0 {
        let _ = writeln!(text, "Forgot {} references", report.forgotten);
    }
    if report.secrets.is_empty() {
        let _ = writeln!(text, "No secrets are known; `wgx secrets add NAME` notes one.");
    }
    for secret in &report.secrets {
        let (style, word) = match secret.state {
            SecretState::Ready => (GOOD, "ready"),
            SecretState::Missing => (BAD, "missing"),
            SecretState::Unknown => (WARN, "unknown"),
        };
        let name = pad(&escape_ctl_line(&secret.name), 28);
        let provider = pad(&escape_ctl_line(&secret.provider), 10);
        let word = pad(word, 8);
        let reason = escape_ctl_line(&secret.reason);
        let _ = write!(text, "{style}{word}{style:#} {NAME}{name}{NAME:#} {provider} ");
        let _ = write!(text, "{DIM}{reason}{DIM:#}");
        if !secret.scope.is_empty() {
            let _ = write!(text, "; for {}", escape_ctl_line(&secret.scope));
        }
        if secret.everywhere {
            let _ = write!(text, " {DIM}(everywhere){DIM:#}");
        }
        text.push('\n');
    }
    text
}
