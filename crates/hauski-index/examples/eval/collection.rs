//! A judged collection in the shape of BEIR.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Fault;

pub(super) struct Collection {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) passages: Vec<Passage>,
    /// Those with at least one judgement above 0.
    pub(super) questions: Vec<Question>,
}

#[derive(Deserialize)]
pub(super) struct Passage {
    #[serde(rename = "_id")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) title: String,
    pub(super) text: String,
}

pub(super) struct Question {
    pub(super) id: String,
    pub(super) text: String,
    /// How much each passage helps, by its place in [`Collection::passages`].
    pub(super) gains: BTreeMap<usize, f64>,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

#[derive(Deserialize)]
struct Embedded {
    #[serde(rename = "_id")]
    id: String,
    vector: Vec<f32>,
}

/// In the order of passages and questions.
pub(super) struct Vectors {
    pub(super) passages: Vec<Vec<f32>>,
    pub(super) questions: Vec<Vec<f32>>,
}

impl Collection {
    pub(super) fn read(folder: &Path) -> Result<Self, Fault> {
        let passages: Vec<Passage> = lines(&folder.join("corpus.jsonl"))?;
        let places: BTreeMap<&str, usize> =
            passages.iter().enumerate().map(|(at, passage)| (passage.id.as_str(), at)).collect();
        let asked: Vec<Asked> = lines(&folder.join("queries.jsonl"))?;
        let mut judged: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
        for file in judgements(folder)? {
            for line in text(&file)?.lines().filter(|line| !line.starts_with("query-id")) {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let (question, passage, gain) = match fields[..] {
                    [question, passage, gain] | [question, _, passage, gain] => {
                        (question, passage, gain)
                    }
                    [] => continue,
                    _ => {
                        return Err(
                            format!("{}: {line:?} has no three columns", file.display()).into()
                        );
                    }
                };
                let gain: f64 = gain.parse()?;
                // A judged passage that the corpus lacks can never be found; it counts against every system.
                let place = places.get(passage).copied().unwrap_or(usize::MAX);
                if gain > 0.0 {
                    judged.entry(question.to_owned()).or_default().insert(place, gain);
                }
            }
        }
        let questions = asked
            .into_iter()
            .filter_map(|asked| {
                let gains = judged.remove(&asked.id)?;
                Some(Question { id: asked.id, text: asked.text, gains })
            })
            .collect();
        let name =
            folder.canonicalize()?.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, folder: folder.to_owned(), passages, questions })
    }

    /// The vectors of passages and questions, in their order, if all are there.
    pub(super) fn vectors(&self) -> Result<Option<Vectors>, Fault> {
        let folder = self.folder.join("vectors");
        if !folder.is_dir() {
            return Ok(None);
        }
        let passages =
            vectors(&folder.join("corpus.jsonl"), self.passages.iter().map(|passage| &passage.id))?;
        let questions = vectors(
            &folder.join("queries.jsonl"),
            self.questions.iter().map(|question| &question.id),
        )?;
        Ok(Some(Vectors { passages, questions }))
    }
}

fn vectors<'a>(path: &Path, ids: impl Iterator<Item = &'a String>) -> Result<Vec<Vec<f32>>, Fault> {
    let mut by_id: BTreeMap<String, Vec<f32>> = lines::<Embedded>(path)?
        .into_iter()
        .map(|embedded| (embedded.id, embedded.vector))
        .collect();
    ids.map(|id| {
        by_id.remove(id).ok_or_else(|| format!("{}: no vector for {id}", path.display()).into())
    })
    .collect()
}

fn judgements(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let single = folder.join("qrels.tsv");
    if single.exists() {
        return Ok(vec![single]);
    }
    let test = folder.join("qrels/test.tsv");
    if test.exists() {
        return Ok(vec![test]);
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("qrels"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "tsv"))
        .collect();
    files.sort();
    Ok(files)
}

fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, Fault> {
    let mut all = Vec::new();
    for (number, line) in open(path)?.lines().enumerate() {
        let line = line?;
        if !line.trim().is_empty() {
            let value = serde_json::from_str(&line);
            all.push(value.map_err(|error| format!("{}:{}: {error}", path.display(), number + 1))?);
        }
    }
    Ok(all)
}

fn text(path: &Path) -> Result<String, Fault> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// The file, or the same with `.gz` behind its name.
fn open(path: &Path) -> Result<Box<dyn BufRead>, Fault> {
    if path.exists() {
        return Ok(Box::new(BufReader::new(File::open(path)?)));
    }
    let mut packed = path.as_os_str().to_owned();
    packed.push(".gz");
    let file = File::open(&packed).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file))))
}
