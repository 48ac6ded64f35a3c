//! Folders that do not hold what they should say which file is at fault.

use std::fs;
use std::path::Path;

use hauski_embed::{Arithmetic, Folder, Model, Pooling};
use testkit::model::{self, Vocabulary};

/// What a model folder says after `change`.
fn said(change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    model::write(folder.path(), 1, Vocabulary::Json);
    change(folder.path());
    let error = Model::load(folder.path(), Arithmetic::F32).err().map(|error| error.to_string());
    let root = folder.path().display().to_string();
    error.unwrap_or_else(|| "loads".to_owned()).replace(&root, "M")
}

fn replace(folder: &Path, name: &str, from: &str, to: &str) {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).expect("a file");
}

#[test]
fn what_is_wrong_is_named() {
    let all = [
        said(|_| {}),
        said(|m| fs::remove_file(m.join("config.json")).expect("gone")),
        said(|m| replace(m, "config.json", "\"bert\"", "\"t5\"")),
        said(|m| replace(m, "config.json", "\"gelu\"", "\"relu\"")),
        said(|m| {
            replace(m, "config.json", "\"num_attention_heads\":4", "\"num_attention_heads\":5");
        }),
        said(|m| replace(m, "config.json", "\"hidden_size\":32", "\"hidden_size\":64")),
        said(|m| replace(m, "modules.json", "models.Normalize", "models.Dense")),
        said(|m| replace(m, "modules.json", "1_Pooling", "../elsewhere")),
        said(|m| replace(m, "1_Pooling/config.json", "mean_tokens", "max_tokens")),
        said(|m| fs::write(m.join("model.safetensors"), b"short").expect("written")),
        said(|m| {
            let path = m.join("model.safetensors");
            let bytes = fs::read(&path).expect("weights");
            fs::write(path, &bytes[..bytes.len() - 4]).expect("written");
        }),
        said(|m| {
            let path = m.join("model.safetensors");
            let mut bytes = fs::read(&path).expect("weights");
            let end = bytes.len();
            bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
            fs::write(path, bytes).expect("written");
        }),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    loads
    cannot read M/config.json: No such file or directory (os error 2)
    M/config.json: model_type "t5" is not a BERT-like encoder
    M/config.json: hidden_act "relu" is not supported, only gelu
    M/config.json: num_attention_heads does not divide hidden_size
    M/model.safetensors: the tensor "embeddings.position_embeddings.weight" has the shape [40, 32], not [40, 64]
    M/modules.json: the module "Dense" is not supported
    M/modules.json: "../elsewhere" is not a folder of the model
    M/1_Pooling/config.json: only the mean of the tokens or the first token is supported
    cannot read M/model.safetensors: failed to fill whole buffer
    M/model.safetensors: the tensor "encoder.layer.1.output.LayerNorm.bias" does not fit into the file
    M/model.safetensors: the tensor "encoder.layer.1.output.LayerNorm.bias" holds numbers that are none
    "#);
}

#[test]
fn a_revision_changes_with_whatever_shapes_a_vector() {
    let folder = tempfile::tempdir().expect("a folder");
    let revision = |arithmetic: &str| {
        let read = Folder::read(folder.path()).expect("a folder");
        read.revision(arithmetic).expect("a hash")
    };
    model::write(folder.path(), 1, Vocabulary::Json);
    let first = revision("f32");
    assert_eq!(first, revision("f32"));
    assert_ne!(first, revision("int8"));
    model::write(folder.path(), 2, Vocabulary::Json);
    let second = revision("f32");
    assert_ne!(first, second);
    replace(folder.path(), "sentence_bert_config.json", "24", "20");
    assert_ne!(second, revision("f32"));
    replace(folder.path(), "1_Pooling/config.json", "mean_tokens", "cls_token");
    assert_eq!(Folder::read(folder.path()).expect("a folder").pooling, Pooling::First);
}
