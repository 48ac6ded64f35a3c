//! The files that a pack can choose from, as far as ranking needs to know them.

use std::collections::HashMap;
use std::sync::Arc;

use super::role::{Role, companion_stem, role};
use super::terms::{Bag, Splitter};

/// All files of one repository.
#[derive(Debug, Default)]
pub struct Corpus {
    /// The files, in the order they were given.
    pub documents: Vec<Document>,
    /// Position of each path.
    pub places: HashMap<String, usize>,
    /// Mean number of words of a file.
    pub mean_length: f32,
}

/// One text file.
#[derive(Debug, Clone)]
pub struct Document {
    /// Relative to the root, with `/`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Terms of its content.
    pub content: Arc<Bag>,
    /// Terms of its path.
    pub name: Bag,
    /// What it is for.
    pub role: Role,
    /// By which a test finds what it tests.
    pub companion: String,
    /// Folder, empty for the root.
    pub folder: String,
}

impl Document {
    /// A file with its counted content.
    pub fn new(path: String, bytes: u64, content: Arc<Bag>, splitter: &mut Splitter) -> Self {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        Self {
            name: Bag::of(&path, splitter),
            role: role(&path),
            companion: companion_stem(&path),
            folder,
            path,
            bytes,
            content,
        }
    }
}

impl Corpus {
    /// Gathers files.
    #[must_use]
    pub fn new(documents: Vec<Document>) -> Self {
        let places =
            documents.iter().enumerate().map(|(place, file)| (file.path.clone(), place)).collect();
        let total: f64 = documents.iter().map(|file| f64::from(file.content.length())).sum();
        #[expect(clippy::cast_precision_loss, reason = "a mean of word counts")]
        let mean = (total / documents.len().max(1) as f64) as f32;
        Self { documents, places, mean_length: mean.max(1.0) }
    }
}
