//! A model folder as sentence-transformers writes it: what the small files in it say, checked, without the weights.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The longest of the small files that is read.
const MAX_JSON_BYTES: u64 = 1 << 20;
/// Name of the file with the weights.
const WEIGHTS: &str = "model.safetensors";
/// Files that decide how a vector comes out, beside the weights.
const SHAPING: [&str; 6] = [
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
];

/// What is wrong with a model folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file that is needed cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not say what it should.
    #[error("{}: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl FolderError {
    fn invalid(path: &Path, what: impl Into<String>) -> Self {
        Self::Invalid { path: path.to_owned(), what: what.into() }
    }
}

/// How the vectors of the tokens become the vector of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// That of the first token.
    First,
}

/// A model folder whose small files have been read and fit together.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// `config.json`.
    pub config: Config,
    /// How the vectors of the tokens become one.
    pub pooling: Pooling,
    /// Tokens of the longest input, special ones included.
    pub max_tokens: usize,
    /// What is put before a passage and before a question; empty for most models.
    pub prompts: Prompts,
    /// Whether letters are made small, for a vocabulary without `tokenizer.json`.
    pub lower_case: bool,
}

/// `config.json`, as far as it shapes the encoder.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Family of the encoder.
    pub model_type: String,
    /// Length of the vectors.
    pub hidden_size: usize,
    /// Width of the layer between.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads; they divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Rows of the table of positions.
    pub max_position_embeddings: usize,
    /// Rows of the table of kinds of token.
    #[serde(default = "two")]
    pub type_vocab_size: usize,
    /// Rows of the table of words.
    pub vocab_size: usize,
    /// Added below the root of a variance.
    #[serde(default = "default_eps")]
    pub layer_norm_eps: f64,
    /// The function between the two linear layers; only `gelu`.
    #[serde(default = "gelu")]
    pub hidden_act: String,
    /// How positions come in; only `absolute`.
    #[serde(default = "absolute")]
    pub position_embedding_type: String,
    /// Token that fills up; the RoBERTa family counts positions from behind it.
    #[serde(default)]
    pub pad_token_id: u32,
}

fn two() -> usize {
    2
}

fn default_eps() -> f64 {
    1e-12
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn absolute() -> String {
    "absolute".to_owned()
}

impl Config {
    /// The position of the first token.
    pub fn first_position(&self) -> usize {
        if self.model_type == "bert" { 0 } else { self.pad_token_id as usize + 1 }
    }

    /// Length of a head.
    pub fn head(&self) -> usize {
        self.hidden_size / self.num_attention_heads.max(1)
    }
}

/// Words that some models want before a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompts {
    /// Before what is searched in.
    pub passage: String,
    /// Before what is searched for.
    pub query: String,
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingFile {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SentenceFile {
    max_seq_length: Option<usize>,
    do_lower_case: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenizerFile {
    do_lower_case: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TransformersFile {
    prompts: std::collections::BTreeMap<String, String>,
}

impl Folder {
    /// Reads the small files of a model folder.
    ///
    /// # Errors
    ///
    /// When one is missing, or asks for what this encoder does not compute: it never guesses.
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        let file = |name: &str| path.join(name);
        let config: Config = required(&file("config.json"))?;
        check(&file("config.json"), &config)?;
        let sentence: SentenceFile = optional(&file("sentence_bert_config.json"))?;
        if sentence.do_lower_case {
            let what = "do_lower_case before the tokenizer is not supported";
            return Err(FolderError::invalid(&file("sentence_bert_config.json"), what));
        }
        let tokenizer: TokenizerFile = optional(&file("tokenizer_config.json"))?;
        let transformers: TransformersFile = optional(&file("config_sentence_transformers.json"))?;
        let positions = config.max_position_embeddings - config.first_position();
        let max_tokens = sentence.max_seq_length.unwrap_or(positions).min(positions);
        if max_tokens < 3 {
            let what = format!("the longest input has {max_tokens} tokens, it needs at least 3");
            return Err(FolderError::invalid(&file("sentence_bert_config.json"), what));
        }
        let prompt = |names: &[&str]| {
            let found = names.iter().find_map(|name| transformers.prompts.get(*name));
            found.cloned().unwrap_or_default()
        };
        Ok(Self {
            pooling: pooling(path)?,
            max_tokens,
            prompts: Prompts {
                passage: prompt(&["passage", "document"]),
                query: prompt(&["query"]),
            },
            lower_case: tokenizer.do_lower_case.unwrap_or(true),
            path: path.to_owned(),
            config,
        })
    }

    /// The file with the weights.
    pub fn weights(&self) -> PathBuf {
        self.path.join(WEIGHTS)
    }

    /// Bytes of memory that the weights take while they are loaded, at so many bytes a number. The table of words stays
    /// on the disk.
    pub fn memory_bytes(&self, number: usize) -> u64 {
        let Config { hidden_size: hidden, intermediate_size: wide, .. } = self.config;
        let layer = (4 * hidden * hidden + 2 * hidden * wide) * number;
        let positions = self.config.max_position_embeddings * hidden * size_of::<f32>();
        (self.config.num_hidden_layers * layer + positions) as u64
    }

    /// Hash of all files that shape a vector, and of `arithmetic`, the way of computing. Reads the weights once.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn revision(&self, arithmetic: &str) -> Result<String, FolderError> {
        let mut hash = Sha256::new();
        hash.update(format!("{arithmetic} {:?} {}", self.pooling, self.max_tokens));
        for name in SHAPING.iter().copied().chain([WEIGHTS, "1_Pooling/config.json"]) {
            let path = self.path.join(name);
            match File::open(&path) {
                Ok(mut file) => add(&mut hash, name, &mut file)
                    .map_err(|source| FolderError::Read { path, source })?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(FolderError::Read { path, source }),
            }
        }
        let prompts = [&self.prompts.passage, &self.prompts.query];
        for prompt in prompts {
            hash.update([0]);
            hash.update(prompt);
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Adds a file with its name and length, so that two files never look like one.
fn add(hash: &mut Sha256, name: &str, file: &mut File) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 18];
    hash.update(name);
    hash.update([0]);
    hash.update(file.metadata()?.len().to_le_bytes());
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some([]) | None => return Ok(()),
            Some(bytes) => hash.update(bytes),
        }
    }
}

fn check(path: &Path, config: &Config) -> Result<(), FolderError> {
    let refuse = |what: String| Err(FolderError::invalid(path, what));
    if !matches!(config.model_type.as_str(), "bert" | "roberta" | "xlm-roberta" | "camembert") {
        return refuse(format!("model_type {:?} is not a BERT-like encoder", config.model_type));
    }
    if config.hidden_act != "gelu" {
        return refuse(format!("hidden_act {:?} is not supported, only gelu", config.hidden_act));
    }
    if config.position_embedding_type != "absolute" {
        let kind = &config.position_embedding_type;
        return refuse(format!("position_embedding_type {kind:?} is not supported"));
    }
    let sizes = [
        ("hidden_size", config.hidden_size, 16_384),
        ("intermediate_size", config.intermediate_size, 65_536),
        ("num_hidden_layers", config.num_hidden_layers, 256),
        ("num_attention_heads", config.num_attention_heads, 256),
        ("max_position_embeddings", config.max_position_embeddings, 65_536),
        ("type_vocab_size", config.type_vocab_size, 256),
        ("vocab_size", config.vocab_size, 4_000_000),
    ];
    if let Some((name, size, most)) =
        sizes.iter().find(|(_, size, most)| !(1..=*most).contains(size))
    {
        return refuse(format!("{name} is {size}, it goes from 1 to {most}"));
    }
    if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
        return refuse("num_attention_heads does not divide hidden_size".to_owned());
    }
    if config.first_position() >= config.max_position_embeddings {
        return refuse("pad_token_id leaves no positions".to_owned());
    }
    if !(config.layer_norm_eps.is_finite() && config.layer_norm_eps >= 0.0) {
        return refuse(format!("layer_norm_eps is {}", config.layer_norm_eps));
    }
    Ok(())
}

/// Pooling as `modules.json` and the folder it names say; the mean where there is no such file.
fn pooling(path: &Path) -> Result<Pooling, FolderError> {
    let file = path.join("modules.json");
    let modules: Option<Vec<Module>> = optional(&file)?;
    let Some(modules) = modules else { return Ok(Pooling::Mean) };
    let mut found = Pooling::Mean;
    for module in modules {
        match module.kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" | "Normalize" => {}
            "Pooling" => found = mode(&path.join(plain(&file, &module.path)?).join("config.json"))?,
            other => {
                let what = format!("the module {other:?} is not supported");
                return Err(FolderError::invalid(&file, what));
            }
        }
    }
    Ok(found)
}

/// The name of a folder below the model's own.
fn plain<'a>(file: &Path, name: &'a str) -> Result<&'a str, FolderError> {
    let inside = !name.is_empty() && !name.contains(['/', '\\', '\0']) && !name.starts_with('.');
    let error = || FolderError::invalid(file, format!("{name:?} is not a folder of the model"));
    inside.then_some(name).ok_or_else(error)
}

fn mode(path: &Path) -> Result<Pooling, FolderError> {
    let file: PoolingFile = required(path)?;
    let others = file.pooling_mode_max_tokens
        || file.pooling_mode_mean_sqrt_len_tokens
        || file.pooling_mode_weightedmean_tokens
        || file.pooling_mode_lasttoken;
    match (file.pooling_mode_mean_tokens, file.pooling_mode_cls_token, others) {
        (true, false, false) => Ok(Pooling::Mean),
        (false, true, false) => Ok(Pooling::First),
        _ => {
            let what = "only the mean of the tokens or the first token is supported";
            Err(FolderError::invalid(path, what))
        }
    }
}

fn required<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    let read = || -> io::Result<String> {
        let mut text = String::new();
        File::open(path)?.take(MAX_JSON_BYTES).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|source| FolderError::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|error| FolderError::invalid(path, error.to_string()))
}

fn optional<T: DeserializeOwned + Default>(path: &Path) -> Result<T, FolderError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        _ => required(path),
    }
}
