//! A tiny encoder with weights drawn by a formula: a folder as sentence-transformers writes it, of a few kilobytes.

use std::fs;
use std::path::Path;

use serde_json::{Map, json};

/// Length of its vectors.
pub const DIMENSIONS: usize = 32;
/// Tokens of its longest input.
pub const CONTEXT: usize = 24;

/// Words of its vocabulary behind the special ones; letters stand for what is left.
const WORDS: [&str; 16] = [
    "the", "a", "index", "never", "forgets", "man", "is", "eating", "food", "search", "and",
    "find", "##s", "##ing", ".", "?",
];

/// What is written down of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// `tokenizer.json`.
    Json,
    /// `vocab.txt`.
    Text,
}

/// Writes the model. Another seed makes other weights.
///
/// # Panics
///
/// When the folder cannot be written.
pub fn write(folder: &Path, seed: u32, vocabulary: Vocabulary) {
    let put = |name: &str, text: String| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    };
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let letters = ('a'..='z').flat_map(|letter| [letter.to_string(), format!("##{letter}")]);
    let words: Vec<String> =
        special.into_iter().chain(WORDS.map(str::to_owned)).chain(letters).collect();
    let mut unique: Vec<String> = Vec::new();
    for word in words {
        if !unique.contains(&word) {
            unique.push(word);
        }
    }
    let words = unique;
    let config = json!({
        "model_type": "bert", "hidden_size": DIMENSIONS, "intermediate_size": 80,
        "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 40,
        "type_vocab_size": 2, "vocab_size": words.len(), "layer_norm_eps": 1e-12,
        "hidden_act": "gelu", "pad_token_id": 0,
    });
    put("config.json", config.to_string());
    put("sentence_bert_config.json", json!({ "max_seq_length": CONTEXT }).to_string());
    let module = |idx: u32, path: &str, kind: &str| json!({ "idx": idx, "path": path, "type": format!("sentence_transformers.models.{kind}") });
    let modules = json!([
        module(0, "", "Transformer"),
        module(1, "1_Pooling", "Pooling"),
        module(2, "2_Normalize", "Normalize")
    ]);
    put("modules.json", modules.to_string());
    let pooling =
        json!({ "word_embedding_dimension": DIMENSIONS, "pooling_mode_mean_tokens": true });
    put("1_Pooling/config.json", pooling.to_string());
    put("tokenizer_config.json", json!({ "do_lower_case": true }).to_string());
    match vocabulary {
        Vocabulary::Text => put("vocab.txt", words.join("\n") + "\n"),
        Vocabulary::Json => put("tokenizer.json", tokenizer(&words).to_string()),
    }
    fs::write(folder.join("model.safetensors"), weights(seed, words.len())).expect("weights");
}

fn tokenizer(words: &[String]) -> serde_json::Value {
    let ids: Map<String, serde_json::Value> =
        words.iter().zip(0..).map(|(word, id)| (word.clone(), json!(id))).collect();
    let special = |id: u32, content: &str| {
        json!({ "id": id, "special": true, "content": content, "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false })
    };
    let added = [(0, "[PAD]"), (1, "[UNK]"), (2, "[CLS]"), (3, "[SEP]"), (4, "[MASK]")];
    json!({
        "version": "1.0",
        // As the real ones: lengths that are not the model's.
        "truncation": { "max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right" },
        "padding": { "strategy": { "Fixed": 8 }, "direction": "Right", "pad_to_multiple_of": null,
                     "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]" },
        "added_tokens": added.map(|(id, content)| special(id, content)),
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                        "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2] },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                   "max_input_chars_per_word": 100, "vocab": ids },
    })
}

/// The file of weights: a list of tensors in JSON behind its length, then their numbers.
fn weights(seed: u32, vocabulary: usize) -> Vec<u8> {
    let (hidden, wide) = (DIMENSIONS, 80);
    let mut tensors: Vec<(String, Vec<usize>)> = vec![
        ("embeddings.word_embeddings.weight".to_owned(), vec![vocabulary, hidden]),
        ("embeddings.position_embeddings.weight".to_owned(), vec![40, hidden]),
        ("embeddings.token_type_embeddings.weight".to_owned(), vec![2, hidden]),
        ("embeddings.LayerNorm.weight".to_owned(), vec![hidden]),
        ("embeddings.LayerNorm.bias".to_owned(), vec![hidden]),
    ];
    for layer in 0..2 {
        let mut add = |name: &str, columns: usize, depth: Option<usize>| {
            let name = format!("encoder.layer.{layer}.{name}");
            let shape = [Some(columns), depth].into_iter().flatten().collect();
            tensors.push((format!("{name}.weight"), shape));
            tensors.push((format!("{name}.bias"), vec![columns]));
        };
        for part in ["query", "key", "value"] {
            add(&format!("attention.self.{part}"), hidden, Some(hidden));
        }
        add("attention.output.dense", hidden, Some(hidden));
        add("attention.output.LayerNorm", hidden, None);
        add("intermediate.dense", wide, Some(hidden));
        add("output.dense", hidden, Some(wide));
        add("output.LayerNorm", hidden, None);
    }
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32
    };
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (name, shape) in tensors {
        let from = data.len();
        let is_scale = name.ends_with("LayerNorm.weight");
        for _ in 0..shape.iter().product() {
            let number = if is_scale { 1.0 + next() * 0.2 } else { next() * 0.6 };
            data.extend(number.to_le_bytes());
        }
        let about = json!({ "dtype": "F32", "shape": shape, "data_offsets": [from, data.len()] });
        header.insert(name, about);
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}
