//! What is compared: the text index as it is, with English analysis alone, tantivy with its own tokens, vectors, hybrids.

use hauski_index::fuse::{FusionParams, Method, Ranked, fuse};
use hauski_index::text::{
    Kind, Language, TextChange, TextIndex, TextOptions, TextParams, TextQuery,
};
use hauski_index::{Attributes, ChunkId};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{FAST, IndexRecordOption, Schema, TEXT};
use tantivy::tokenizer::TokenStream as _;
use tantivy::{Index, TantivyDocument, Term};

use super::Fault;
use super::collection::Collection;

/// Candidates of each leg; as many as the facade takes.
const DEPTH: usize = 200;
const WRITER_BYTES: usize = 64 << 20;

/// What one system found, by question: places of passages, best first.
pub(super) struct Ranking {
    pub(super) name: String,
    pub(super) found: Vec<Vec<usize>>,
    pub(super) dense: bool,
}

/// Product defaults, unless changed with `--set`.
#[derive(Default)]
pub(super) struct Settings {
    params: TextParams,
    alpha: Option<f32>,
}

impl Settings {
    pub(super) fn set(&mut self, change: &str) -> Result<(), Fault> {
        let (name, value) = change.split_once('=').ok_or("--set takes NAME=VALUE")?;
        let value: f32 = value.parse()?;
        let weights = &mut self.params.weights;
        *match name {
            "k1" => &mut self.params.bm25.k1,
            "b" => &mut self.params.bm25.b,
            "title" => &mut weights.title,
            "parts" => &mut weights.parts,
            "names" => &mut weights.names,
            "query-parts" => &mut self.params.query_parts,
            "alpha" => self.alpha.insert(value),
            _ => return Err(format!("--set knows no {name:?}; {}", super::USAGE).into()),
        } = value;
        Ok(())
    }
}

pub(super) fn all(collection: &Collection, settings: &Settings) -> Result<Vec<Ranking>, Fault> {
    let lexical = text(collection, settings, TextOptions::default())?;
    let english = TextOptions { language: Some(Language::English) };
    let mut rankings = vec![
        ranking("BM25", &lexical, false),
        ranking("BM25, all analysed as English", &text(collection, settings, english)?, false),
        ranking("tantivy, its default tokens", &plain_tantivy(collection)?, false),
    ];
    if let Some(vectors) = collection.vectors()? {
        let dense = nearest(&vectors.passages, &vectors.questions);
        rankings.push(ranking("dense", &dense, true));
        let alpha = settings.alpha.unwrap_or(0.7);
        for (name, method) in [
            (format!("hybrid, convex {alpha}"), Method::Convex { alpha }),
            ("hybrid, reciprocal ranks 60".to_owned(), Method::ReciprocalRank { k: 60.0 }),
        ] {
            let fused: Vec<Vec<Ranked>> = lexical
                .iter()
                .zip(&dense)
                .map(|(lexical, dense)| {
                    let fused = fuse(lexical, dense, &FusionParams { method });
                    fused.iter().map(|hit| Ranked { id: hit.id, score: hit.score }).collect()
                })
                .collect();
            rankings.push(ranking(&name, &fused, true));
        }
    }
    Ok(rankings)
}

fn ranking(name: &str, found: &[Vec<Ranked>], dense: bool) -> Ranking {
    let found =
        found.iter().map(|hits| hits.iter().map(|hit| hit.id.0 as usize).collect()).collect();
    Ranking { name: name.to_owned(), found, dense }
}

fn text(
    collection: &Collection,
    settings: &Settings,
    options: TextOptions,
) -> Result<Vec<Vec<Ranked>>, Fault> {
    let folder = tempfile::tempdir()?;
    let index = TextIndex::open_with(folder.path(), options)?;
    let changes = collection.passages.iter().enumerate().map(|(at, passage)| TextChange::Put {
        id: ChunkId(at as u64),
        attributes: Attributes::default(),
        title: passage.title.clone(),
        text: passage.text.clone(),
        kind: Kind::Prose,
        language: None,
    });
    index.load(&changes.collect::<Vec<_>>(), 1)?;
    index.commit()?;
    let mut found = Vec::new();
    for question in &collection.questions {
        let words = as_sentence(&question.text);
        let query =
            TextQuery { words, k: DEPTH, params: settings.params.clone(), ..TextQuery::default() };
        let hits = index.search(&query)?.hits;
        found.push(hits.iter().map(|hit| Ranked { id: hit.id, score: hit.score }).collect());
    }
    Ok(found)
}

/// The questions of collections are sentences: quotes and hyphens in them are no operators.
fn as_sentence(question: &str) -> String {
    const QUOTES: &[char] = &['"', '\u{201c}', '\u{201d}', '\u{201e}', '\u{ab}', '\u{bb}'];
    let plain = question.replace(QUOTES, " ");
    let words: Vec<&str> =
        plain.split_whitespace().map(|word| word.trim_start_matches('-')).collect();
    words.join(" ")
}

fn plain_tantivy(collection: &Collection) -> Result<Vec<Vec<Ranked>>, Fault> {
    let mut schema = Schema::builder();
    let body = schema.add_text_field("body", TEXT);
    let place = schema.add_u64_field("place", FAST);
    let index = Index::create_in_ram(schema.build());
    let mut writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
    for (at, passage) in collection.passages.iter().enumerate() {
        let mut document = TantivyDocument::default();
        document.add_text(body, format!("{} {}", passage.title, passage.text));
        document.add_u64(place, at as u64);
        writer.add_document(document)?;
    }
    writer.commit()?;
    let searcher = index.reader()?.searcher();
    let mut tokens = index.tokenizer_for_field(body)?;
    let mut found = Vec::new();
    for question in &collection.questions {
        let mut words: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let mut stream = tokens.token_stream(&question.text);
        while stream.advance() {
            let term = Term::from_field_text(body, &stream.token().text);
            words.push((
                Occur::Should,
                Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
            ));
        }
        let hits = searcher
            .search(&BooleanQuery::new(words), &TopDocs::with_limit(DEPTH).order_by_score())?;
        let mut ranked = Vec::new();
        for (score, address) in hits {
            let places = searcher.segment_reader(address.segment_ord).fast_fields().u64("place")?;
            let at = places.first(address.doc_id).unwrap_or_default();
            ranked.push(Ranked { id: ChunkId(at), score });
        }
        found.push(ranked);
    }
    Ok(found)
}

/// Exact nearest neighbours by cosine.
fn nearest(passages: &[Vec<f32>], questions: &[Vec<f32>]) -> Vec<Vec<Ranked>> {
    let unit = |vector: &Vec<f32>| -> Vec<f32> {
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        vector.iter().map(|x| x / length).collect()
    };
    let passages: Vec<Vec<f32>> = passages.iter().map(unit).collect();
    questions
        .iter()
        .map(unit)
        .map(|question| {
            let mut hits: Vec<Ranked> = passages
                .iter()
                .enumerate()
                .map(|(at, passage)| {
                    let score = passage.iter().zip(&question).map(|(a, b)| a * b).sum();
                    Ranked { id: ChunkId(at as u64), score }
                })
                .collect();
            hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
            hits.truncate(DEPTH);
            hits
        })
        .collect()
}
