//! `cargo wgx run eval [-- [--json] [--embed PROGRAM MODEL] [--set NAME=VALUE]… FOLDER…]`: how good the search is on judged
//! collections.
//!
//! A folder has the shape of BEIR: `corpus.jsonl` (or `.gz`), `queries.jsonl`, `qrels.tsv` or `qrels/*.tsv`. Vectors, if there
//! are any, lie in `vectors/corpus.jsonl` and `vectors/queries.jsonl` (`{"_id", "vector"}` a line); `--embed` has them made by the
//! worker `hauski-embed` with a folder of its model. Without a folder the two sets of this project are judged.

mod collection;
mod encode;
mod measures;
mod systems;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use self::collection::Collection;
use self::encode::Encoder;
use self::measures::{Figures, significance};
use self::systems::{Ranking, Settings};

type Fault = Box<dyn std::error::Error>;

const USAGE: &str = "usage: eval [--json] [--embed PROGRAM MODEL] [--set NAME=VALUE]… [FOLDER…]; names: k1 b title parts names query-parts alpha";

fn main() -> Result<(), Fault> {
    let mut json = false;
    let mut settings = Settings::default();
    let mut encoder = None;
    let mut folders = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--set" => settings.set(&arguments.next().ok_or(USAGE)?)?,
            "--embed" => {
                let program = arguments.next().ok_or(USAGE)?.into();
                encoder = Some(Encoder { program, model: arguments.next().ok_or(USAGE)?.into() });
            }
            "--help" => return Ok(writeln!(std::io::stdout(), "{USAGE}")?),
            flag if flag.starts_with('-') => return Err(USAGE.into()),
            folder => folders.push(PathBuf::from(folder)),
        }
    }
    if folders.is_empty() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("eval");
        folders = vec![own.join("en"), own.join("de")];
    }
    let mut out = std::io::stdout().lock();
    for folder in &folders {
        let collection =
            Collection::read(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        if let Some(encoder) = &encoder {
            encoder.fill(&collection)?;
        }
        let rankings = systems::all(&collection, &settings)?;
        if json {
            writeln!(out, "{}", as_json(&collection, &rankings))?;
        } else {
            print(&mut out, &collection, &rankings)?;
        }
    }
    Ok(())
}

/// One table: the first row is what the others are compared with.
fn print(
    out: &mut impl std::io::Write,
    collection: &Collection,
    rankings: &[Ranking],
) -> Result<(), Fault> {
    writeln!(
        out,
        "{}: {} passages, {} judged questions",
        collection.name,
        collection.passages.len(),
        collection.questions.len()
    )?;
    writeln!(
        out,
        "  {:34} {:>8} {:>8} {:>9} {:>8}  against the first row",
        "", "nDCG@10", "MRR@10", "recall@20", "@100"
    )?;
    let first = rankings.first().map(|ranking| Figures::each(collection, ranking));
    for ranking in rankings {
        let each = Figures::each(collection, ranking);
        let mean = Figures::mean(&each);
        write!(
            out,
            "  {:34} {:8.4} {:8.4} {:9.4} {:8.4}",
            ranking.name, mean.ndcg_10, mean.mrr_10, mean.recall_20, mean.recall_100
        )?;
        match &first {
            Some(first) if ranking.name != rankings[0].name => {
                let (difference, p) = significance(first, &each);
                writeln!(out, "  {difference:+.4}, p = {p:.4}")?;
            }
            _ => writeln!(out)?,
        }
    }
    if !rankings.iter().any(|ranking| ranking.dense) {
        writeln!(
            out,
            "  no vectors: --embed makes them, or put them into {}",
            collection.folder.join("vectors").display()
        )?;
    }
    writeln!(
        out,
        "  p: paired randomisation of nDCG@10 over the questions, 10,000 rounds, two-sided"
    )?;
    Ok(())
}

fn as_json(collection: &Collection, rankings: &[Ranking]) -> serde_json::Value {
    let first =
        rankings.first().map(|ranking| Figures::each(collection, ranking)).unwrap_or_default();
    let rows: Vec<serde_json::Value> = rankings
        .iter()
        .map(|ranking| {
            let each = Figures::each(collection, ranking);
            let mean = Figures::mean(&each);
            let (difference, p) = significance(&first, &each);
            serde_json::json!({
                "name": ranking.name, "ndcg_10": mean.ndcg_10, "mrr_10": mean.mrr_10, "recall_20": mean.recall_20,
                "recall_100": mean.recall_100, "difference": difference, "p": p,
            })
        })
        .collect();
    serde_json::json!({
        "collection": collection.name, "passages": collection.passages.len(), "questions": collection.questions.len(),
        "rows": rows,
    })
}
