//! Why the index did not do what it was asked.

use crate::text::TextError;
use crate::truth::TruthError;
use crate::vectors::VectorError;

/// An error of the index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The database.
    #[error(transparent)]
    Truth(#[from] TruthError),
    /// The text index. It is derived: `hauski index rebuild` makes it anew.
    #[error("{0}")]
    Text(String),
    /// The vectors. They are derived, too.
    #[error("{0}")]
    Vectors(String),
    /// A request that makes no sense.
    #[error("{what}")]
    Invalid {
        /// The field at fault.
        param: String,
        /// What is wrong with it, and what is possible.
        what: String,
    },
    /// A document without a source.
    #[error("the document `{doc_id}` says not where it comes from: give it a source_ref")]
    MissingSourceRef {
        /// Which one.
        doc_id: String,
    },
    /// There is nothing of this name.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Under which name.
        name: String,
    },
    /// A source cannot be read; what is in the index stays.
    #[error("{0}")]
    Ingest(String),
    /// A thread of the index ended early.
    #[error("the index was interrupted: {0}")]
    Interrupted(String),
}

impl IndexError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Truth(error) => error.hint(),
            Self::Text(_) | Self::Vectors(_) => {
                "nothing of the truth is lost: `hauski index rebuild` derives it anew"
            }
            Self::Invalid { .. } => "correct the value and try again",
            Self::MissingSourceRef { .. } => {
                "add \"source_ref\": {\"origin\": …, \"id\": …, \"trust_level\": \"medium\"}"
            }
            Self::NotFound { .. } => "`hauski index status` shows what there is",
            Self::Ingest(_) => {
                "is the folder there, and may it be read? `hauski index sync` tries again"
            }
            Self::Interrupted(_) => "try again; `hauski index verify` looks for damage",
        }
    }

    pub(crate) fn invalid(param: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Invalid { param: param.into(), what: what.into() }
    }
}

pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl From<TextError> for IndexError {
    fn from(error: TextError) -> Self {
        Self::Text(with_causes(&error))
    }
}

impl From<VectorError> for IndexError {
    fn from(error: VectorError) -> Self {
        Self::Vectors(with_causes(&error))
    }
}

impl From<tokio::task::JoinError> for IndexError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Interrupted(error.to_string())
    }
}
