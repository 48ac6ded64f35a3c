//! Finds the models: folders in `models/` of the home, and folders that `models.yml` names.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use contracts::hauski::models::{EmbeddingModel, Record};
use contracts::hauski::policy::Model;
use serde::Deserialize;

/// Folder of models in the home.
pub(crate) const FOLDER: &str = "models";
/// What tells where a model came from.
pub(crate) const RECORD_FILE: &str = "hauski-model.json";
/// The longest file beside the weights that is read here.
const MAX_BYTES: u64 = 1 << 20;

/// A folder that looks like such a model. The worker checks it closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// How requests name it.
    pub(crate) id: String,
    /// Its folder, without symbolic links.
    pub(crate) path: PathBuf,
    /// Length of its vectors.
    pub(crate) dimensions: u32,
    /// Bytes of memory while it is loaded.
    pub(crate) memory_bytes: u64,
    /// Bytes of its weights.
    pub(crate) disk_bytes: u64,
    /// Changes when other weights lie there.
    pub(crate) mark: String,
    /// Where it came from.
    pub(crate) record: Option<Record>,
}

/// The sizes of `config.json` that decide over memory.
#[derive(Deserialize)]
struct Sizes {
    hidden_size: u64,
    intermediate_size: u64,
    num_hidden_layers: u64,
    max_position_embeddings: u64,
}

impl Sizes {
    /// Layers and positions as 32-bit floats; the table of words stays on the disk.
    fn memory_bytes(&self) -> Option<u64> {
        let (hidden, wide) = (self.hidden_size, self.intermediate_size);
        let square = hidden.checked_mul(hidden)?.checked_mul(4)?;
        let layer = square.checked_add(hidden.checked_mul(wide)?.checked_mul(2)?)?;
        let layers = layer.checked_mul(self.num_hidden_layers)?;
        layers.checked_add(self.max_position_embeddings.checked_mul(hidden)?)?.checked_mul(4)
    }
}

impl Found {
    /// As reports show it.
    pub(crate) fn report(&self) -> EmbeddingModel {
        EmbeddingModel {
            id: self.id.clone(),
            path: self.path.display().to_string(),
            dimensions: self.dimensions,
            memory_bytes: self.memory_bytes,
            disk_bytes: self.disk_bytes,
            licence: self.record.as_ref().map(|record| record.licence.clone()),
            origin: self.record.as_ref().map(|record| record.origin.clone()),
        }
    }
}

/// The models of this home, by name; one that `models.yml` names goes before a folder of the same name.
pub(crate) fn found(home: &Path, named: &[Model]) -> Vec<Found> {
    let named = named.iter().filter_map(|model| look(&model.id, &home.join(&model.path)));
    let mut all: Vec<Found> = named.collect();
    let folders = fs::read_dir(home.join(FOLDER)).into_iter().flatten().flatten();
    for entry in folders {
        let name = entry.file_name();
        // What is being fetched has a name that begins with a dot.
        let Some(id) = name.to_str().filter(|id| is_name(id)) else { continue };
        if !all.iter().any(|model| model.id == id) {
            all.extend(look(id, &entry.path()));
        }
    }
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

fn is_name(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !id.starts_with('.') && id.len() <= 128 && id.chars().all(plain)
}

/// A folder with an encoder in it.
fn look(id: &str, path: &Path) -> Option<Found> {
    let path = path.canonicalize().ok().filter(|path| path.is_dir())?;
    let sizes: Sizes = serde_json::from_str(&short(&path.join("config.json"))?).ok()?;
    let weights = fs::metadata(path.join("model.safetensors")).ok()?;
    let record = short(&path.join(RECORD_FILE));
    Some(Found {
        id: id.to_owned(),
        dimensions: u32::try_from(sizes.hidden_size).ok()?,
        memory_bytes: sizes.memory_bytes()?,
        disk_bytes: weights.len(),
        mark: format!("{}-{}-{}", weights.ino(), weights.mtime(), weights.mtime_nsec()),
        record: record.and_then(|text| serde_json::from_str(&text).ok()),
        path,
    })
}

fn short(path: &Path) -> Option<String> {
    let is_short = fs::metadata(path).ok()?.len() <= MAX_BYTES;
    is_short.then(|| fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_an_encoder_are_models() {
        let home = tempfile::tempdir().unwrap();
        let models = home.path().join(FOLDER);
        for name in ["tiny", ".fetch-1", "no encoder", "other"] {
            fs::create_dir_all(models.join(name)).unwrap();
        }
        testkit::model::write(&models.join("tiny"), 1, testkit::model::Vocabulary::Json);
        testkit::model::write(&models.join(".fetch-1"), 1, testkit::model::Vocabulary::Json);
        let named = Model {
            id: "mine".to_owned(),
            path: "models/tiny".to_owned(),
            vram_min_gb: None,
            canary: false,
        };
        let all = found(home.path(), &[named]);
        let names: Vec<_> = all.iter().map(|model| model.id.as_str()).collect();
        assert_eq!(names, ["mine", "tiny"]);
        // Two layers of 4·32² + 2·32·80 weights and 40 positions of 32 numbers, four bytes each.
        assert_eq!((all[1].dimensions, all[1].memory_bytes), (32, 78_848));
        assert_eq!(found(&home.path().join("nowhere"), &[]), []);
    }
}
