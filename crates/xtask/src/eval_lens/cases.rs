//! One question: a commit's message, asked of its parent's files and older history.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use repolens::git::Git;
use repolens::pack::corpus::{Corpus, Document};
use repolens::pack::history::{History, MAX_COMMITS};
use repolens::pack::past::Past;
use repolens::pack::pieces::Opened;
use repolens::pack::query::Query;
use repolens::pack::signals::{self, Row};
use repolens::pack::terms::Splitter;

use super::commits::{self, Target};
use super::trees::{self, Blob};

/// Commits of which history is read: enough for the oldest question to have a long past.
const READ_COMMITS: usize = 12_000;

/// A repository whose commits are asked for.
pub(super) struct Repository {
    /// For people.
    pub(super) name: String,
    git: Git,
    history: History,
    /// The commits, newest first.
    pub(super) targets: Vec<Target>,
    blobs: HashMap<String, Option<Arc<Blob>>>,
    splitter: Splitter,
}

/// A question, with all that may be known at its time.
pub(super) struct Case<'r> {
    pub(super) target: &'r Target,
    pub(super) query: Query,
    pub(super) corpus: Corpus,
    pub(super) rows: Vec<Row>,
    blobs: Vec<Arc<Blob>>,
}

impl Repository {
    /// Opens a work tree or a bare repository.
    pub(super) fn open(dir: &Path, most: usize) -> anyhow::Result<Self> {
        let mut git = Git::at(dir)
            .or_else(|| Git::bare(dir))
            .or_else(|| Git::bare(&dir.join(".git")))
            .context("no git repository")?;
        git.time_limit = Duration::from_secs(300);
        git.max_bytes = 1 << 30;
        let history = History::read(&git, "HEAD", READ_COMMITS)?;
        let targets = commits::targets(&git, &history, most)?;
        let full = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        let own = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = match own(&full).as_str() {
            "repo" | "repo.git" => full.parent().map(own).unwrap_or_default(),
            name => name.to_owned(),
        };
        Ok(Self {
            name,
            git,
            history,
            targets,
            blobs: HashMap::new(),
            splitter: Splitter::default(),
        })
    }

    /// Asks the question of one commit.
    pub(super) fn case(&mut self, number: usize) -> anyhow::Result<Case<'_>> {
        let target = &self.targets[number];
        let entries = trees::list(&self.git, &target.parent)?;
        let wanted: Vec<&str> = entries.iter().map(|entry| entry.blob.as_str()).collect();
        trees::load(&self.git, &wanted, &mut self.blobs)?;
        let mut documents = Vec::new();
        let mut blobs = Vec::new();
        for entry in entries {
            if let Some(Some(blob)) = self.blobs.get(&entry.blob) {
                let content = Arc::clone(&blob.bag);
                documents.push(Document::new(entry.path, entry.bytes, content, &mut self.splitter));
                blobs.push(Arc::clone(blob));
            }
        }
        let corpus = Corpus::new(documents);
        let mut places = self.history.ancestors(&target.parent);
        places.truncate(MAX_COMMITS);
        let past = Past::new(&self.history, &places, &corpus);
        let query = Query::new(&target.message, &mut self.splitter);
        let rows = signals::signals(&query, &corpus, &past);
        Ok(Case { target, query, corpus, rows, blobs })
    }
}

impl Case<'_> {
    /// Cuts the best files into pieces.
    pub(super) fn open(
        &self,
        order: &[usize],
        budget: u32,
        count: &dyn Fn(&str) -> u32,
    ) -> Vec<Opened> {
        let files = repolens::pack::worth_opening(&self.corpus, order, budget);
        let open = |file: &usize| {
            let text = self.blobs[*file].text.clone();
            Opened::new(*file, &self.corpus.documents[*file].path, text, count)
        };
        files.iter().map(open).collect()
    }

    /// Whether a file is one of those that the commit changed.
    pub(super) fn is_gold(&self, file: usize) -> bool {
        self.target.gold.contains_key(&self.corpus.documents[file].path)
    }

    /// Changed lines of all files.
    pub(super) fn gold_lines(&self) -> u32 {
        self.target.gold.values().flatten().map(|(from, to)| to - from + 1).sum()
    }

    /// Changed lines of one file that stand within ranges of it.
    pub(super) fn lines_within(&self, file: usize, ranges: &[(u32, u32)]) -> u32 {
        let Some(gold) = self.target.gold.get(&self.corpus.documents[file].path) else { return 0 };
        let shared =
            |(a, b): &(u32, u32), (c, d): &(u32, u32)| (b.min(d) + 1).saturating_sub(*a.max(c));
        gold.iter().flat_map(|gold| ranges.iter().map(move |range| shared(gold, range))).sum()
    }
}
