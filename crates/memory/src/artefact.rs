//! Files that a run made: their digests are facts, their content lies in the content-addressed store.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::home::HomeError;
use crate::log::holds_secret;
use crate::run::Artefact;
use crate::store::{Store, StoreError};

/// How many artefacts of a run are not in the memory, or not whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtefactGaps {
    /// Beyond the limits, or unreadable: not even their digests are known.
    pub left_out: u64,
    /// Something in them looks like a secret: only their digests are known.
    pub without_content: u64,
}

impl ArtefactGaps {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Store {
    /// Stores a file that a run made under its digest. Content in which something looks like a secret is
    /// not stored; then the second value is `false`. `name` is what the fact calls it.
    ///
    /// # Errors
    /// The file cannot be read, or the content-addressed store not be written.
    pub fn keep_artefact(&self, name: &str, path: &Path) -> Result<(Artefact, bool), StoreError> {
        let unreadable = |error| StoreError::from(HomeError::from_io(path, error));
        let mut file = File::open(path).map_err(unreadable)?;
        if holds_secret(&self.mask, &mut file).map_err(unreadable)? {
            file.rewind().map_err(unreadable)?;
            let (sha256, bytes) = digest(&mut file).map_err(unreadable)?;
            return Ok((Artefact { path: name.to_owned(), sha256, bytes }, false));
        }
        file.rewind().map_err(unreadable)?;
        let stored = self.cas.put(&mut file)?;
        let sha256 = stored.digest.as_str().to_owned();
        Ok((Artefact { path: name.to_owned(), sha256, bytes: stored.bytes }, true))
    }
}

fn digest(file: &mut File) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => {
                hash.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
    let hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex, bytes))
}
