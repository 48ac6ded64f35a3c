//! `/index/*`: putting documents in, searching them, forgetting them. The work is that of `hauski-index`.

pub(crate) mod decisions;
pub(crate) mod forget;
pub(crate) mod search;
pub(crate) mod sources;
pub(crate) mod upkeep;
pub(crate) mod upsert;

use hauski_index::IndexError;
use hauski_index::truth::TruthError;

use crate::server::error::{ApiError, Code};

impl From<IndexError> for ApiError {
    fn from(error: IndexError) -> Self {
        match &error {
            IndexError::Invalid { param, what } => {
                Self::new(Code::InvalidValue, format!("`{param}`: {what}.")).param(param)
            }
            IndexError::MissingSourceRef { .. } => {
                Self::new(Code::MissingSourceRef, format!("{error}.")).param("source_ref")
            }
            IndexError::Ingest(_) => Self::new(Code::InvalidValue, format!("{error}.")),
            IndexError::NotFound { .. } => Self::new(Code::NotFound, format!("{error}.")),
            IndexError::Truth(TruthError::Full(_) | TruthError::ReadOnly(_)) => {
                let cause = crate::exit::with_causes(&error);
                tracing::error!(cause, "the index cannot be written");
                let message = "The index cannot be written: the disk is full or read-only. Nothing was changed.";
                Self::new(Code::Overloaded, message).retry_after(60)
            }
            IndexError::Truth(TruthError::Busy(_)) => {
                Self::new(Code::Overloaded, "Another process writes to the index.").retry_after(5)
            }
            _ => Self::internal(&error),
        }
    }
}
