//! What the index asks of a model that turns texts into vectors. The model itself runs in a process of its own
//! (`hauski-embed`); the daemon implements [`Embedder`] over its plugin host.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Which vectors belong together. Two models, and two sets of weights of one model, never share a space.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelId {
    /// How requests name it, for example `all-minilm-l6-v2`.
    pub name: String,
    /// Hash of the weights, the vocabulary and the settings that shape a vector, in hexadecimal digits.
    pub revision: String,
    /// Length of its vectors.
    pub dims: usize,
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.revision.get(..12).unwrap_or(&self.revision);
        write!(f, "{}@{short}", self.name)
    }
}

/// What a text is for. Some models put other words before a question than before a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text that is searched in.
    Passage,
    /// Text that is searched for.
    Query,
}

/// What became of a batch of texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedded {
    /// One vector of unit length for each text, in the order of the texts.
    pub vectors: Vec<Vec<f32>>,
    /// Which texts were longer than the model reads: their vectors speak for the beginning alone. Ascending.
    pub truncated: Vec<usize>,
    /// Tokens that the model has read.
    pub tokens: u64,
}

/// Why there are no vectors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// No model, or its process does not run. A search goes on without vectors and says so.
    #[error("no embedding model answers: {0}")]
    Unavailable(String),
    /// More work waits than the worker takes; trying again after this many milliseconds is right.
    #[error("the embedding worker is busy; try again in {retry_after_ms} ms")]
    Overloaded {
        /// Milliseconds.
        retry_after_ms: u64,
    },
    /// The texts cannot be embedded, and trying again will not help.
    #[error("the embedding model refuses: {0}")]
    Refused(String),
    /// The answer is not what was asked for; nothing of it is used.
    #[error("the embedding worker broke its protocol: {0}")]
    Broken(String),
}

impl EmbedError {
    /// Whether the same texts may work later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Overloaded { .. })
    }
}

/// The answer of [`Embedder::embed`] while it is being made. Dropping it cancels the work between two batches.
pub type Embedding<'a> = Pin<Box<dyn Future<Output = Result<Embedded, EmbedError>> + Send + 'a>>;

/// A model. Several may stand beside each other, for as long as a change of models takes.
pub trait Embedder: Send + Sync {
    /// Which one it is. It stays the same for as long as this value lives: other weights are another embedder.
    fn model(&self) -> &ModelId;

    /// Turns texts into vectors, however many they are; an empty text is refused. Texts beyond the model's length
    /// are cut and named in [`Embedded::truncated`].
    fn embed<'a>(&'a self, texts: &'a [String], kind: Kind) -> Embedding<'a>;
}
