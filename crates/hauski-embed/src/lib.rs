//! The worker that turns texts into vectors: a model is read from a folder, texts become tokens, tokens go through
//! the encoder in batches, and the plugin protocol brings the vectors to the daemon.

mod engine;
mod folder;
mod kernels;
mod measure;
mod model;
mod plugin;
mod queue;
mod settings;
mod tokens;
mod weights;

pub use engine::{Arithmetic, Engine, EngineError};
pub use folder::{Folder, FolderError, Pooling};
pub use kernels::Level;
pub use measure::{Figures, encode, measure};
pub use model::{LoadError, Model};
pub use plugin::Worker;
pub use settings::{ModelEntry, Settings};
pub use tokens::{Encoded, Tokens};
