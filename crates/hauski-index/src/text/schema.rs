//! The fields of the tantivy index. No text is stored, and no lengths of tantivy's own: they are a column of ours.

use tantivy::schema::{
    FAST, Field as TantivyField, INDEXED, IndexRecordOption, NumericOptions, Schema,
    TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::analysis::{END, SKIP};

/// Named in the folder; another one means that everything is analysed anew.
pub(super) const FORMAT: &str = "hauski-text-1";

/// A field of terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    /// Every word of a passage of prose.
    Prose,
    /// Every word of a passage of code or log.
    Code,
    /// The words of titles, once more.
    Title,
    /// Parts of compounds and names, second readings.
    Parts,
    /// Whole names.
    Names,
}

impl Field {
    pub(super) const ALL: [Self; 5] =
        [Self::Prose, Self::Code, Self::Title, Self::Parts, Self::Names];

    fn name(self) -> &'static str {
        match self {
            Self::Prose => "prose",
            Self::Code => "code",
            Self::Title => "title",
            Self::Parts => "parts",
            Self::Names => "names",
        }
    }
}

pub(super) const ID: &str = "id";
pub(super) const COLLECTION: &str = "collection";
pub(super) const TAG: &str = "tag";
pub(super) const AT: &str = "at";
pub(super) const EXPIRES: &str = "expires";
pub(super) const WORDS: &str = "words";

/// The schema, and the numbers of its fields.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    text: [TantivyField; 5],
    pub(super) id: TantivyField,
    pub(super) collection: TantivyField,
    pub(super) tag: TantivyField,
    pub(super) at: TantivyField,
    pub(super) expires: TantivyField,
    pub(super) words: TantivyField,
}

impl Fields {
    pub(super) fn new() -> Self {
        let mut builder = Schema::builder();
        let text = Field::ALL.map(|field| {
            let record = match field {
                Field::Prose | Field::Code => IndexRecordOption::WithFreqsAndPositions,
                Field::Title | Field::Parts | Field::Names => IndexRecordOption::WithFreqs,
            };
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(TOKENIZER)
                .set_index_option(record)
                .set_fieldnorms(false);
            builder
                .add_text_field(field.name(), TextOptions::default().set_indexing_options(indexing))
        });
        let looked_up = || NumericOptions::from(INDEXED) | FAST;
        Self {
            text,
            id: builder.add_u64_field(ID, looked_up()),
            collection: builder.add_u64_field(COLLECTION, looked_up()),
            tag: builder.add_u64_field(TAG, looked_up()),
            at: builder.add_i64_field(AT, FAST),
            expires: builder.add_i64_field(EXPIRES, FAST),
            words: builder.add_u64_field(WORDS, FAST),
            schema: builder.build(),
        }
    }

    pub(super) fn text(&self, field: Field) -> TantivyField {
        self.text[field as usize]
    }
}

pub(super) const TOKENIZER: &str = "analysed";

/// Reads fields that are analysed already: terms closed by [`END`], [`SKIP`] for a position left out.
#[derive(Clone, Default)]
pub(super) struct Analysed;

impl Tokenizer for Analysed {
    type TokenStream<'a> = Terms<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Terms<'a> {
        Terms { rest: text, at: 0, position: 0, token: Token::default() }
    }
}

pub(super) struct Terms<'a> {
    rest: &'a str,
    at: usize,
    position: usize,
    token: Token,
}

impl TokenStream for Terms<'_> {
    fn advance(&mut self) -> bool {
        let Some((position, term, rest)) = next_term(self.rest, self.position) else {
            return false;
        };
        self.token.text.clear();
        self.token.text.push_str(term);
        self.token.offset_from = self.at;
        self.at += term.len();
        self.token.offset_to = self.at;
        self.token.position = position;
        self.position = position + 1;
        self.rest = rest;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// The next term of an analysed field: its position, itself, and what follows.
pub(super) fn next_term(field: &str, position: usize) -> Option<(usize, &str, &str)> {
    let skipped = field.bytes().take_while(|b| *b == SKIP as u8).count();
    let field = &field[skipped..];
    let end = memchr::memchr(END as u8, field.as_bytes())?;
    Some((position + skipped, &field[..end], &field[end + 1..]))
}

/// The terms of an analysed field with their positions.
pub(super) fn terms(field: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = field;
    let mut at = 0;
    std::iter::from_fn(move || {
        let (position, term, after) = next_term(rest, at)?;
        rest = after;
        at = position + 1;
        Some((position, term))
    })
}
