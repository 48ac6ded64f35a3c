//! Texts to tokens, with the vocabulary of the model: `tokenizer.json`, or `vocab.txt` beside `tokenizer_config.json`.

use std::path::Path;

use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer};

use crate::folder::Folder;

/// A text as the model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Token ids, special ones included, at most as many as the model takes.
    pub ids: Vec<u32>,
    /// How many there would have been.
    pub whole: usize,
}

impl Encoded {
    /// Whether the end of the text is missing.
    pub fn is_cut(&self) -> bool {
        self.whole > self.ids.len()
    }
}

/// The vocabulary of a model.
pub struct Tokens {
    tokenizer: Tokenizer,
    max: usize,
    vocabulary: u32,
}

impl Tokens {
    /// Reads the vocabulary of a model folder.
    ///
    /// # Errors
    ///
    /// When there is none, or it is damaged.
    pub fn read(folder: &Folder) -> Result<Self, String> {
        let file = folder.path.join("tokenizer.json");
        let mut tokenizer = if file.exists() {
            Tokenizer::from_file(&file).map_err(|error| format!("{}: {error}", file.display()))?
        } else {
            word_pieces(&folder.path.join("vocab.txt"), folder.lower_case)?
        };
        // Lengths are this worker's to decide: files bring 128 tokens, cut and filled up.
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        let vocabulary = u32::try_from(folder.config.vocab_size).unwrap_or(u32::MAX);
        Ok(Self { tokenizer, max: folder.max_tokens, vocabulary })
    }

    /// The tokens of a text.
    ///
    /// # Errors
    ///
    /// When the vocabulary has no token for a part of it, or one that the model does not know.
    pub fn encode(&self, text: &str) -> Result<Encoded, String> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        let special = encoding.get_special_tokens_mask();
        // Special tokens at the end stay where a text is cut: that is how models are trained.
        let tail = special.iter().rev().take_while(|mark| **mark == 1).count();
        self.fit(encoding.get_ids().to_vec(), tail)
    }

    /// Tokens that a client has counted out, between the special ones of the model.
    ///
    /// # Errors
    ///
    /// Names the first one that the model does not have.
    pub fn framed(&self, ids: &[u32]) -> Result<Encoded, String> {
        let empty = self.tokenizer.encode_fast("", true).map_err(|error| error.to_string())?;
        let (before, behind) = empty.get_ids().split_at(empty.len().min(1));
        self.fit([before, ids, behind].concat(), behind.len())
    }

    /// Cuts before the last `tail` tokens.
    fn fit(&self, mut ids: Vec<u32>, tail: usize) -> Result<Encoded, String> {
        let whole = ids.len();
        if whole > self.max {
            let tail = tail.min(self.max - 1);
            let end = ids.split_off(whole - tail);
            ids.truncate(self.max - tail);
            ids.extend(end);
        }
        match ids.iter().find(|id| **id >= self.vocabulary) {
            Some(id) => Err(format!("the model has no token {id}")),
            None if ids.is_empty() => Err("the text has no tokens".to_owned()),
            None => Ok(Encoded { ids, whole }),
        }
    }
}

fn word_pieces(file: &Path, lower_case: bool) -> Result<Tokenizer, String> {
    let place = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let name = file.to_str().ok_or_else(|| place(&"the name of the file is not UTF-8"))?;
    let model = WordPiece::from_file(name).unk_token("[UNK]".to_owned()).build();
    let mut tokenizer = Tokenizer::new(model.map_err(|error| place(&error))?);
    let id = |token: &str| {
        let id = tokenizer.token_to_id(token);
        id.ok_or_else(|| place(&format!("there is no {token}")))
    };
    let (sep, cls) = (id("[SEP]")?, id("[CLS]")?);
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let special = special.map(|token| AddedToken::from(token.to_owned(), true));
    tokenizer.add_special_tokens(special).map_err(|error| place(&error))?;
    tokenizer
        .with_normalizer(Some(BertNormalizer::new(true, true, None, lower_case)))
        .map_err(|error| place(&error))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_post_processor(Some(BertProcessing::new(
        ("[SEP]".to_owned(), sep),
        ("[CLS]".to_owned(), cls),
    )));
    Ok(tokenizer)
}
