//! `cargo run --release -p hauski-index --example code-eval -- REPO…`: definitions found by what their comments say, cut by
//! syntax and by windows of 50 lines.

use std::io::Write;
use std::path::Path;

use hauski_index::chunk::ChunkOptions;
use hauski_index::codesearch::{CodeSearch, Judged, Passage, compare, judge, questions};
use hauski_index::text::{Kind, TextChange, TextIndex, TextQuery};
use hauski_index::{Attributes, ChunkId};

type Fault = Box<dyn std::error::Error>;

/// Most questions of one working copy.
const QUESTIONS: usize = 400;

fn main() -> Result<(), Fault> {
    let mut json = false;
    let mut out = std::io::stdout().lock();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            root => print(&mut out, &Path::new(root).canonicalize()?, json)?,
        }
    }
    Ok(())
}

/// Prints the comparison for one working copy.
fn print(out: &mut impl Write, root: &Path, json: bool) -> Result<(), Fault> {
    let search = questions(root, QUESTIONS)?;
    let ways = [
        ("syntax", search.by_syntax(&ChunkOptions::default())),
        ("windows of 50 lines", search.by_lines()),
    ];
    let mut judged = Vec::new();
    for (_, passages) in &ways {
        judged.push(rank(&search, passages)?);
    }
    let figures = |of: fn(&Judged) -> f64| {
        let each: Vec<Vec<f64>> = judged.iter().map(|way| way.iter().map(of).collect()).collect();
        compare(&each[0], &each[1])
    };
    let (found, exact) = (figures(|judged| judged.found), figures(|judged| judged.exact));
    let name = root.file_name().unwrap_or(root.as_os_str()).to_string_lossy().into_owned();
    if json {
        let row = |comparison: &hauski_index::codesearch::Comparison| serde_json::json!({"syntax": comparison.first, "windows": comparison.second, "p": comparison.chance});
        let whole = serde_json::json!({
            "code": name, "files": search.files.len(), "questions": search.questions.len(),
            "passages": {"syntax": ways[0].1.len(), "windows": ways[1].1.len()},
            "found_ndcg_10": row(&found), "exact_ndcg_10": row(&exact),
        });
        return Ok(writeln!(out, "{whole}")?);
    }
    writeln!(
        out,
        "{name}: {} files, {} questions, {} passages by {} and {} by {}",
        search.files.len(),
        search.questions.len(),
        ways[0].1.len(),
        ways[0].0,
        ways[1].1.len(),
        ways[1].0
    )?;
    writeln!(out, "  {:34} {:>8} {:>8}", "nDCG@10", "syntax", "windows")?;
    for (what, figures) in [("the passage where it begins", found), ("cited exactly", exact)] {
        let difference = figures.first - figures.second;
        writeln!(
            out,
            "  {what:34} {:8.4} {:8.4}  {difference:+.4}, p = {:.4}",
            figures.first, figures.second, figures.chance
        )?;
    }
    Ok(writeln!(out, "  p: paired randomisation over the questions, 10,000 rounds, two-sided")?)
}

fn rank(search: &CodeSearch, passages: &[Passage]) -> Result<Vec<Judged>, Fault> {
    let folder = tempfile::tempdir()?;
    let index = TextIndex::open(folder.path())?;
    let changes = passages.iter().enumerate().map(|(at, passage)| {
        let (title, text) = passage.text.split_once('\n').unwrap_or(("", &passage.text));
        TextChange::Put {
            id: ChunkId(at as u64),
            attributes: Attributes::default(),
            title: title.to_owned(),
            text: text.to_owned(),
            kind: Kind::Code,
            language: None,
        }
    });
    index.load(&changes.collect::<Vec<_>>(), 1)?;
    index.commit()?;
    let mut judged = Vec::new();
    for question in &search.questions {
        // A comment is a sentence: quotes and hyphens in it are no operators.
        let words = question.text.replace(['"', '-'], " ");
        let query = TextQuery { words, k: 10, ..TextQuery::default() };
        let hits = index.search(&query)?.hits;
        let ranking: Vec<usize> =
            hits.iter().map(|hit| usize::try_from(hit.id.0).unwrap_or(usize::MAX)).collect();
        judged.push(judge(question, passages, &ranking));
    }
    Ok(judged)
}
