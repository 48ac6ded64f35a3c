//! The memory as a verb uses it: opened for one call, without async, everything masked at its edge.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

// The plainest executor there is: SQLite has a thread of its own, and this one only waits for it.
use futures_executor::block_on;
use memory::{Access, Home, Store, StoreError};
use redact::Redactor;

use crate::context::Context;
use crate::own_home;

/// An open memory.
pub struct Notebook {
    store: Store,
    redactor: Redactor,
}

/// Why the memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NotebookError {
    /// The store says why.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key of the masks cannot be read or written.
    #[error("the mask key {path} cannot be used: {source}")]
    Key {
        /// Its file.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl NotebookError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Store(error) => error.hint(),
            Self::Key { .. } => "make the folder writable, or choose another one with HAUSKI_HOME",
        }
    }
}

impl Notebook {
    /// Opens the memory at a home; with [`Access::Write`] it is made when it is missing.
    ///
    /// # Errors
    /// When the home cannot be used or its database is not ours.
    pub fn open(home: &Path, access: Access, context: &Context) -> Result<Self, NotebookError> {
        let home = Home::at(home);
        if access == Access::Write {
            home.create().map_err(StoreError::from)?;
        }
        let redactor = redactor(home.root(), access, context)?;
        let store = block_on(Store::open(&home, access, redactor.clone()))?;
        Ok(Self { store, redactor })
    }

    /// Opens this repository's memory for reading; `None` when there is none yet.
    ///
    /// # Errors
    /// As [`Notebook::open`].
    pub fn read(context: &Context) -> Result<Option<Self>, NotebookError> {
        match Self::open(&context.home, Access::Read, context) {
            Err(NotebookError::Store(error)) if error.is_missing() => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Opens this repository's memory for writing. A fresh `.hauski/` of the repository is adopted first.
    ///
    /// # Errors
    /// As [`Notebook::open`].
    pub fn write(context: &Context) -> Result<Self, NotebookError> {
        own_home::adopt(&context.home, &context.root.path, &context.user_home)
            .map_err(StoreError::from)?;
        Self::open(&context.home, Access::Write, context)
    }

    /// Does something with the store and waits for it.
    pub fn with<T>(&mut self, work: impl AsyncFnOnce(&mut Store) -> T) -> T {
        block_on(work(&mut self.store))
    }

    /// The store, for what needs no waiting.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The mask of this memory.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Also masks the values of these variables whose names say that they are secret, beside those of the
    /// caller's environment.
    pub fn mask_too<'a>(
        &mut self,
        context: &'a Context,
        variables: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        let mut variables = variables.peekable();
        if variables.peek().is_none() {
            return;
        }
        let redactor = self.redactor.clone();
        self.redactor = redactor.with_known_values(text_variables(context).chain(variables));
        self.store.set_mask(self.redactor.clone());
    }

    /// Closes the memory, folding its write-ahead log when nobody else has it open.
    pub fn close(self) {
        // What was committed is committed; nothing can be done about the rest here.
        let _ = block_on(self.store.close());
    }
}

/// A mask for reports when there is no memory: values look the same within one call only.
pub fn passing_redactor(context: &Context) -> Redactor {
    let mut key = [0; 32];
    // Without randomness the masks are still masks; only their tags could be compared.
    let _ = getrandom::fill(&mut key);
    with_secrets(Redactor::new(key), context)
}

fn redactor(home: &Path, access: Access, context: &Context) -> Result<Redactor, NotebookError> {
    let path = home.join("mask.key");
    let key = match access {
        Access::Write => mask_key(&path),
        Access::Read => read_key(&path).or_else(|_| random_key()),
    };
    let key =
        key.map_err(|source| NotebookError::Key { path: path.display().to_string(), source })?;
    Ok(with_secrets(Redactor::new(key), context))
}

/// Values of variables whose names say that they are secret are masked wherever they appear.
fn with_secrets(redactor: Redactor, context: &Context) -> Redactor {
    redactor.with_known_values(text_variables(context))
}

fn text_variables(context: &Context) -> impl Iterator<Item = (&str, &str)> {
    let kept = context.environment.kept.iter();
    kept.filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
}

fn mask_key(path: &Path) -> io::Result<[u8; 32]> {
    match read_key(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let key = random_key()?;
    // Written beside and linked into place: of many first starts one wins, and nobody reads half a key.
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    match linked {
        Ok(()) => fs::remove_file(&draft)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(&draft)?,
        // Android forbids hard links; there the last of two first starts wins.
        Err(_) => fs::rename(&draft, path)?,
    }
    read_key(path)
}

/// Writes a file whole or not at all, readable by its owner alone, making its folder where it is missing.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
    let written = open
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // Nothing of a failed attempt stays; the first error is the one that counts.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn read_key(path: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    fs::File::open(path)?.read_exact(&mut key)?;
    Ok(key)
}

fn random_key() -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(key)
}
