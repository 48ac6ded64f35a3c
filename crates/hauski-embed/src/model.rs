//! A model that is loaded: its vocabulary and its encoder.

use std::path::Path;

use crate::engine::{self, Arithmetic, Engine, EngineError};
use crate::folder::{Folder, FolderError};
use crate::kernels::Level;
use crate::tokens::{Encoded, Tokens};

/// Why a model cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its folder does not hold what it should.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its vocabulary cannot be used.
    #[error("{0}")]
    Tokens(String),
    /// Its weights cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A model that is loaded.
pub struct Model {
    /// What its folder says.
    pub folder: Folder,
    tokens: Tokens,
    engine: Box<dyn Engine>,
}

impl Model {
    /// Loads a model folder with the widest registers of this processor.
    ///
    /// # Errors
    ///
    /// When something in the folder is missing or does not fit.
    pub fn load(path: &Path, arithmetic: Arithmetic) -> Result<Self, LoadError> {
        Self::of(Folder::read(path)?, arithmetic, Level::best())
    }

    /// Loads the rest of a folder.
    ///
    /// # Errors
    ///
    /// When something in the folder is missing or does not fit.
    pub fn of(folder: Folder, arithmetic: Arithmetic, level: Level) -> Result<Self, LoadError> {
        let tokens = Tokens::read(&folder).map_err(LoadError::Tokens)?;
        let engine = engine::load(&folder, arithmetic, level)?;
        Ok(Self { folder, tokens, engine })
    }

    /// The tokens of a text.
    ///
    /// # Errors
    ///
    /// When the vocabulary cannot say it.
    pub fn tokens(&self, text: &str) -> Result<Encoded, String> {
        self.tokens.encode(text)
    }

    /// Tokens that a client has counted out, between the special ones of the model.
    ///
    /// # Errors
    ///
    /// Names the first one that the model does not have.
    pub fn framed(&self, ids: &[u32]) -> Result<Encoded, String> {
        self.tokens.framed(ids)
    }

    /// Vectors of unit length.
    ///
    /// # Errors
    ///
    /// When the weights cannot be read, or give no numbers.
    pub fn encode(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.engine.encode(texts)
    }

    /// Bytes of memory that it keeps, without what single batches take.
    pub fn bytes(&self) -> usize {
        self.engine.bytes()
    }
}
