//! Pools: what a person selected earlier, by repository (chapter 14 of the specification).
//!
//! A pool file is a JSON object from repository to entry. An entry is a list of paths (the old
//! form), or an object with `raw` and `compressed`. Only `compressed` decides: `null` is
//! everything, an empty list is nothing at all, a list is those paths and what lies below them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use thiserror::Error;

/// The entries of a pool file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pools {
    entries: BTreeMap<String, Pool>,
}

/// What is selected of one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pool {
    /// No restriction; also of a repository that the pool does not name.
    #[default]
    All,
    /// Nothing, not even what every merge shows.
    Block,
    /// These paths and their children.
    Partial(BTreeSet<String>),
}

/// Why a text is no pool file.
#[derive(Debug, Error)]
pub enum PoolError {
    /// Not JSON.
    #[error("the pool is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not an object from repositories to entries.
    #[error("the pool is not an object from repository names to entries")]
    NotAnObject,
    /// An entry of no known form.
    #[error(
        "the entry of `{repo}` is neither a list of paths nor an object with `compressed` (null, or a list of paths)"
    )]
    Entry {
        /// Its key.
        repo: String,
    },
    /// A path that leads out of the repository or is no text.
    #[error("the entry of `{repo}` lists {path}, which is no path inside the repository")]
    Path {
        /// Its key.
        repo: String,
        /// As JSON.
        path: String,
    },
    /// Two keys that mean one repository.
    #[error("`{repo}` and another key of the pool mean the same repository")]
    Twice {
        /// The second key.
        repo: String,
    },
}

impl Pools {
    /// Reads a pool file.
    pub fn parse(text: &str) -> Result<Self, PoolError> {
        let Value::Object(object) = serde_json::from_str(text)? else {
            return Err(PoolError::NotAnObject);
        };
        let mut entries = BTreeMap::new();
        for (repo, entry) in &object {
            if entries.insert(key(repo), pool(repo, entry)?).is_some() {
                return Err(PoolError::Twice { repo: repo.clone() });
            }
        }
        Ok(Self { entries })
    }

    /// What is selected of the repository of this name.
    pub fn of(&self, repo: &str) -> &Pool {
        self.entries.get(&key(repo)).unwrap_or(&Pool::All)
    }
}

impl Pool {
    /// Whether nothing may stand in the merge.
    pub fn is_blocked(&self) -> bool {
        *self == Self::Block
    }

    /// Whether the path, or a folder above it, is selected.
    pub fn lists(&self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Block => false,
            Self::Partial(paths) => {
                let above = path.match_indices('/').map(|(at, _)| &path[..at]);
                paths.contains("") || paths.contains(path) || { above }
                    .any(|path| paths.contains(path))
            }
        }
    }
}

/// Keys may be paths and differ in case: the last part counts.
fn key(repo: &str) -> String {
    let repo = repo.trim_end_matches('/');
    repo.rsplit('/').next().unwrap_or(repo).to_lowercase()
}

fn pool(repo: &str, entry: &Value) -> Result<Pool, PoolError> {
    let listed = match entry {
        Value::Array(_) => entry,
        Value::Object(object) => object
            .get("compressed")
            .filter(|_| object.get("raw").is_none_or(|raw| raw.is_array() || raw.is_null()))
            .ok_or_else(|| PoolError::Entry { repo: repo.to_owned() })?,
        _ => &Value::Bool(false),
    };
    match listed {
        Value::Null => Ok(Pool::All),
        Value::Array(paths) if paths.is_empty() => Ok(Pool::Block),
        Value::Array(paths) => {
            let paths: Result<_, _> = paths.iter().map(|path| inside(repo, path)).collect();
            Ok(Pool::Partial(paths?))
        }
        _ => Err(PoolError::Entry { repo: repo.to_owned() }),
    }
}

/// A path without `./` and a last `/`; `.` is the whole repository.
fn inside(repo: &str, path: &Value) -> Result<String, PoolError> {
    let error = || PoolError::Path { repo: repo.to_owned(), path: path.to_string() };
    let text = path.as_str().ok_or_else(error)?;
    if text.is_empty() || text.starts_with('/') {
        return Err(error());
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(error());
    }
    Ok(parts.join("/"))
}
