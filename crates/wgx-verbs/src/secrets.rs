//! `wgx secrets`: which secrets a repository needs and where they are kept. Never the secrets: nothing is
//! asked of a provider, and a value never passes through here.

use contracts::wgx::secrets::{SCHEMA, Secret, SecretState, SecretsReport};
use memory::{SecretRef, StoreError};
use wgx_tasks::tools::find_program;

use crate::context::Context;
use crate::notebook::{Notebook, NotebookError};
use crate::observe;

/// The provider of variables of the environment.
const ENVIRONMENT: &str = "env";

/// The programs of known providers.
const PROGRAMS: [(&str, &str); 8] = [
    ("1password", "op"),
    ("age", "age"),
    ("bitwarden", "bw"),
    ("gh", "gh"),
    ("keyring", "secret-tool"),
    ("pass", "pass"),
    ("sops", "sops"),
    ("vault", "vault"),
];

/// A reference to remember.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The name under which the provider knows it.
    pub name: String,
    /// The provider.
    pub provider: String,
    /// What it is for.
    pub scope: String,
    /// Whether all repositories need it, not only this one.
    pub everywhere: bool,
}

/// Why references cannot be listed or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The memory cannot be used.
    #[error(transparent)]
    Memory(#[from] NotebookError),
    /// A value where a name belongs.
    #[error("the {0} looks like a secret itself, so it is not kept")]
    Value(&'static str),
    /// No word.
    #[error("the {0} must be one word without `=`")]
    Word(&'static str),
    /// There is no such reference.
    #[error("no reference to `{0}` is known here")]
    Unknown(String),
}

impl From<StoreError> for SecretsError {
    fn from(error: StoreError) -> Self {
        Self::Memory(error.into())
    }
}

impl SecretsError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Memory(error) => error.hint(),
            Self::Value(_) | Self::Word(_) => {
                "give the name under which the provider knows the secret, never the secret"
            }
            Self::Unknown(_) => "`wgx secrets` lists them",
        }
    }
}

/// The secrets that this repository needs, and whether their providers are set up here.
///
/// # Errors
/// When there is a memory that cannot be read.
pub fn list(context: &Context) -> Result<SecretsReport, SecretsError> {
    match Notebook::read(context)? {
        Some(mut notebook) => report(context, &mut notebook),
        None => Ok(SecretsReport { schema: SCHEMA.to_owned(), ..SecretsReport::default() }),
    }
}

/// Remembers where a secret is kept. A reference that is known stays one.
///
/// # Errors
/// When a part of it looks like a secret itself or is no word, or the memory cannot be written.
pub fn add(context: &Context, secret: &NewSecret) -> Result<SecretsReport, SecretsError> {
    let is_word = |text: &str| {
        !text.is_empty()
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '=')
    };
    for (what, text) in [("name", &secret.name), ("provider", &secret.provider)] {
        if !is_word(text) {
            return Err(SecretsError::Word(what));
        }
    }
    let mut notebook = Notebook::write(context)?;
    let parts = [("name", &secret.name), ("provider", &secret.provider), ("scope", &secret.scope)];
    for (what, text) in parts {
        if !notebook.redactor().mask(text).findings.is_empty() {
            return Err(SecretsError::Value(what));
        }
    }
    let key = observe::repository_key(context, &notebook);
    let reference = SecretRef {
        repo_key: (!secret.everywhere).then_some(key),
        name: secret.name.clone(),
        provider: secret.provider.clone(),
        scope: secret.scope.clone(),
    };
    notebook.with(async |store| store.record_secret_ref(&reference).await)?;
    let report = report(context, &mut notebook)?;
    notebook.close();
    Ok(report)
}

/// Forgets where a secret is kept: with every provider, or with one.
///
/// # Errors
/// When no such reference is known, or the memory cannot be written.
pub fn forget(
    context: &Context,
    name: &str,
    provider: Option<&str>,
) -> Result<SecretsReport, SecretsError> {
    if Notebook::read(context)?.is_none() {
        return Err(SecretsError::Unknown(name.to_owned()));
    }
    let mut notebook = Notebook::write(context)?;
    let key = observe::repository_key(context, &notebook);
    let forgotten =
        notebook.with(async |store| store.forget_secret_refs(&key, name, provider).await)?.facts;
    if forgotten == 0 {
        return Err(SecretsError::Unknown(name.to_owned()));
    }
    let report = report(context, &mut notebook)?;
    notebook.close();
    Ok(SecretsReport { forgotten, ..report })
}

fn report(context: &Context, notebook: &mut Notebook) -> Result<SecretsReport, SecretsError> {
    let key = observe::repository_key(context, notebook);
    let known = notebook.with(async |store| store.secret_refs(&key).await)?;
    let secrets = known.into_iter().map(|it| shown(context, it)).collect();
    Ok(SecretsReport { schema: SCHEMA.to_owned(), secrets, forgotten: 0 })
}

fn shown(context: &Context, reference: SecretRef) -> Secret {
    let (state, reason) = state(context, &reference);
    Secret {
        name: reference.name,
        provider: reference.provider,
        scope: reference.scope,
        everywhere: reference.repo_key.is_none(),
        state,
        reason,
    }
}

/// Looks only whether a variable is set and whether a program is there.
fn state(context: &Context, reference: &SecretRef) -> (SecretState, String) {
    let (name, provider) = (&reference.name, reference.provider.as_str());
    if provider == ENVIRONMENT {
        return match context.variable(name) {
            Some(value) if !value.is_empty() => (SecretState::Ready, format!("{name} is set")),
            _ => (SecretState::Missing, format!("the variable {name} is not set")),
        };
    }
    let Some((_, program)) = PROGRAMS.into_iter().find(|(known, _)| *known == provider) else {
        return (SecretState::Unknown, format!("wgx knows no program of `{provider}`"));
    };
    let path = context.variable("PATH").unwrap_or_default();
    match find_program(program, path.as_ref()) {
        Some(_) => (SecretState::Ready, format!("`{program}` is there")),
        None => (SecretState::Missing, format!("the program `{program}` is missing")),
    }
}
