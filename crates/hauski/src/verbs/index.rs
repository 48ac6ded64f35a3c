//! `hauski index`: through the daemon where one runs, else on the files of this home.

mod sources;

use std::fmt::Write;
use std::io::{IsTerminal, Write as _};

use audit::{Durability, Event};
use clap::Subcommand;
use contracts::hauski::index::{
    CitationState, ForgetFilter, ForgetRequest, Forgot, SearchReport, SearchRequest, Status,
    Verified,
};
use hauski_index::Index;
use http::Method;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::local::{self, block_on};
use crate::settings::Settings;
use crate::{home, output};

/// Options of `hauski index`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Take in repositories, folders of documents and vaults of notes, and keep up with them
    Add(sources::AddArgs),
    /// What is taken in, how much of it, and what was left out
    Sources,
    /// Look at the sources again; the daemon does so by itself whenever something changes
    Sync(sources::SyncArgs),
    /// Take sources out, with their documents; they may come back
    Remove(sources::RemoveArgs),
    /// How much the index holds, and how far words and meaning follow
    Status,
    /// Find passages by words and meaning, with where they stand
    Search(SearchArgs),
    /// Compare the stores of the index with each other; exit code 1 when something is wrong
    Verify,
    /// Derive text index and vectors anew; vectors are not computed again
    Rebuild,
    /// Forget documents for good: shows what would go, and asks
    Forget(ForgetArgs),
}

#[derive(Debug, clap::Args)]
struct SearchArgs {
    /// What is looked for
    #[arg(required = true)]
    words: Vec<String>,
    /// Passages wanted
    #[arg(short, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    k: u32,
    /// Only this namespace; `repo:*` takes all that begin so
    #[arg(long, value_name = "NAME")]
    ns: Option<String>,
    /// Say of each passage how its score came about
    #[arg(long)]
    explain: bool,
    /// Also show passages that may try to give orders to a model
    #[arg(long)]
    flagged: bool,
}

#[derive(Debug, clap::Args)]
struct ForgetArgs {
    /// This document
    #[arg(long, value_name = "ID")]
    doc: Option<String>,
    /// Everything of this origin
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// Of this thing of a source
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Documents of which a passage holds this text
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// Whose source is older than this, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    older_than: Option<String>,
    /// Of this namespace
    #[arg(long, value_name = "NAME")]
    ns: Option<String>,
    /// The whole namespace
    #[arg(long, requires = "ns")]
    whole_namespace: bool,
    /// Only show what would go
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Does it and prints the report.
pub(crate) fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    block_on(async {
        let door = Door::open(settings).await?;
        let done = match args.what {
            What::Add(args) => sources::add(&door, args, settings).await,
            What::Sources => sources::list(&door, settings).await,
            What::Sync(args) => sources::sync(&door, args, settings).await,
            What::Remove(args) => sources::remove(&door, args, settings).await,
            What::Status => show_status(&door.status().await?, settings),
            What::Search(args) => search(&door, args, settings).await,
            What::Verify => show_verified(&door.verify().await?, settings),
            What::Rebuild => rebuild(&door, settings).await,
            What::Forget(args) => forget(&door, args, settings).await,
        };
        door.close().await;
        done
    })
}

/// The daemon, or the files where none runs.
enum Door<'a> {
    Daemon(&'a Settings),
    Files(Box<Index>, &'a Settings),
}

impl<'a> Door<'a> {
    async fn open(settings: &'a Settings) -> anyhow::Result<Self> {
        if local::is_running(settings).await {
            return Ok(Self::Daemon(settings));
        }
        home::prepare(settings)?;
        let policies = policy::load(&settings.policies).map_err(Failure::from)?;
        let opened = Index::open(&settings.home, home::index_options(&policies)).await;
        Ok(Self::Files(Box::new(opened.map_err(Failure::from)?), settings))
    }

    async fn status(&self) -> anyhow::Result<Status> {
        match self {
            Self::Daemon(settings) => local::get(settings, "/index/status").await,
            Self::Files(index, _) => Ok(index.status().await.map_err(Failure::from)?),
        }
    }

    async fn search(&self, request: &SearchRequest) -> anyhow::Result<SearchReport> {
        match self {
            Self::Daemon(settings) => {
                local::call(settings, Method::POST, "/index/search", Some(request)).await
            }
            Self::Files(index, _) => Ok(index.search(request).await.map_err(Failure::from)?),
        }
    }

    async fn verify(&self) -> anyhow::Result<Verified> {
        match self {
            Self::Daemon(settings) => {
                local::call(settings, Method::POST, "/index/verify", None::<&()>).await
            }
            Self::Files(index, _) => Ok(index.verify().await.map_err(Failure::from)?),
        }
    }

    async fn forget(&self, request: &ForgetRequest) -> anyhow::Result<Forgot> {
        match self {
            Self::Daemon(settings) => {
                local::call(settings, Method::POST, "/index/forget", Some(request)).await
            }
            Self::Files(index, settings) => {
                let mut forgot = index.forget(request).await.map_err(Failure::from)?;
                if !forgot.dry_run {
                    forgot.receipt = Some(record(settings, &forgot)?);
                }
                Ok(forgot)
            }
        }
    }

    async fn close(self) {
        if let Self::Files(index, _) = self {
            index.close().await;
        }
    }
}

/// The receipt of what was forgotten without a daemon.
fn record(settings: &Settings, forgot: &Forgot) -> anyhow::Result<u64> {
    let log = home::audit(settings)?;
    let actor = format!("local:{}", rustix::process::geteuid().as_raw());
    let event = Event::new(actor, "index.forget", "index");
    let event = event.with("documents", forgot.forgotten_count).with("chunks", forgot.chunks);
    let event = event.with("vectors", forgot.vectors).with("erased", forgot.erased);
    let written = log.append(event, Durability::Durable).wait()?;
    log.close()?;
    Ok(written.seq)
}

async fn rebuild(door: &Door<'_>, settings: &Settings) -> anyhow::Result<Exit> {
    match door {
        Door::Daemon(settings) => {
            let path = "/index/rebuild";
            let _: Value = local::call(settings, Method::POST, path, None::<&()>).await?;
            output::note(
                "the daemon derives the index anew; `hauski index status` tells how far it is",
            );
        }
        Door::Files(index, _) => index.rebuild().await.map_err(Failure::from)?,
    }
    show_status(&door.status().await?, settings)
}

async fn search(door: &Door<'_>, args: SearchArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let request = SearchRequest {
        query: args.words.join(" "),
        k: Some(args.k),
        namespace: args.ns,
        exclude_flags: args.flagged.then(Vec::new),
        explain: args.explain,
        ..SearchRequest::default()
    };
    let report = door.search(&request).await?;
    match settings.json {
        true => output::print_json(&report)?,
        false => output::print(&found(&report))?,
    }
    Ok(if report.matches.is_empty() { Exit::Findings } else { Exit::Good })
}

fn found(report: &SearchReport) -> String {
    let mut text = String::new();
    for (place, found) in report.matches.iter().enumerate() {
        let citation = &found.citation;
        let name = citation.file.as_deref().or(citation.path.as_deref()).unwrap_or(&found.doc_id);
        let line = citation.first_line.map(|line| format!(":{line}")).unwrap_or_default();
        let state = match citation.state {
            CitationState::Changed => "  (changed since)",
            CitationState::Missing => "  (gone since)",
            CitationState::Matches | CitationState::Stored => "",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:>2}. {name}{line}  {}  {:.3}{state}",
            place + 1,
            found.namespace,
            found.score
        );
        if let Some(flags) = &found.flags {
            let _ = writeln!(text, "    flags: {}", flags.join(", "));
        }
        for line in found.text.lines().filter(|line| !line.trim().is_empty()).take(3) {
            let shown: String = line.trim_end().chars().take(100).collect();
            let _ = writeln!(text, "    {shown}");
        }
        if let Some(explain) = &found.explain {
            let _ = writeln!(text, "    {}", explain.formula);
        }
    }
    if report.matches.is_empty() {
        text.push_str("nothing found\n");
    }
    if report.hidden > 0 {
        let _ = writeln!(
            text,
            "{} hidden: they may try to give orders to a model (--flagged shows them)",
            report.hidden
        );
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn show_status(status: &Status, settings: &Settings) -> anyhow::Result<Exit> {
    if settings.json {
        output::print_json(status)?;
        return Ok(Exit::Good);
    }
    let stats = &status.stats;
    let mut text = format!(
        "documents  {} in {} passages, {} hidden as suspicious\n",
        stats.total_documents, stats.total_chunks, stats.quarantined_chunks
    );
    for (namespace, documents) in &stats.namespaces {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {namespace:<30} {documents}");
    }
    let behind = stats.seq.saturating_sub(stats.text_seq);
    let state =
        if behind == 0 { "up to date".to_owned() } else { format!("{behind} writes behind") };
    let _ = writeln!(text, "words      {state}");
    let _ = match &stats.model {
        Some(model) => {
            writeln!(
                text,
                "meaning    {model}: {} of {} passages",
                stats.embedded_chunks, stats.total_chunks
            )
        }
        None => writeln!(text, "meaning    no embedding model: searches go by words"),
    };
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let _ = writeln!(
        text,
        "disk       {:.1} MiB, and {:.1} MiB derived from it",
        mib(stats.database_bytes),
        mib(stats.derived_bytes)
    );
    for source in &status.sources {
        let root = source.root.as_deref().unwrap_or_default();
        let scanned = source.scanned_at.as_deref().unwrap_or("never");
        let _ = writeln!(
            text,
            "source     {} {root}: {} documents, looked at {scanned}",
            source.name, source.documents
        );
    }
    output::print(&text)?;
    Ok(Exit::Good)
}

fn show_verified(verified: &Verified, settings: &Settings) -> anyhow::Result<Exit> {
    if settings.json {
        output::print_json(verified)?;
    } else {
        let mut text: String =
            verified.problems.iter().map(|problem| format!("{problem}\n")).collect();
        let vectors = verified.vector_chunks.map(|n| format!(", {n} vectors")).unwrap_or_default();
        let state = if verified.ok {
            "all stores agree"
        } else {
            "`hauski index rebuild` derives them anew"
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{state}: {} passages, {} in the text index{vectors}",
            verified.chunks, verified.text_chunks
        );
        output::print(&text)?;
    }
    Ok(if verified.ok { Exit::Good } else { Exit::Findings })
}

async fn forget(door: &Door<'_>, args: ForgetArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let mut request = ForgetRequest {
        filter: ForgetFilter {
            namespace: args.ns,
            older_than: args.older_than,
            source_ref_origin: args.origin,
            source_ref_id: args.source,
            doc_id: args.doc,
            query: args.query,
            allow_namespace_wipe: args.whole_namespace,
        },
        dry_run: true,
        ..ForgetRequest::default()
    };
    let preview = door.forget(&request).await?;
    if args.dry_run || preview.forgotten_count == 0 {
        return show_forgot(&preview, settings);
    }
    if !args.yes {
        output::note(&listed(&preview));
        if !agreed(preview.forgotten_count)? {
            return Ok(Exit::Findings);
        }
    }
    request.dry_run = false;
    request.confirm = true;
    show_forgot(&door.forget(&request).await?, settings)
}

/// Asks the person; without a terminal nothing is forgotten.
fn agreed(count: u64) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        let message = format!("{count} documents would be forgotten, and nobody is there to agree");
        return Err(Failure::new(message, "add --yes").exit(Exit::Usage).into());
    }
    write!(std::io::stderr().lock(), "forget {count} documents for good? [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "yes"))
}

fn listed(forgot: &Forgot) -> String {
    let shown = forgot.forgotten_docs.iter().take(10);
    let names: Vec<String> =
        shown.map(|document| format!("{}/{}", document.namespace, document.doc_id)).collect();
    let more = forgot.forgotten_count.saturating_sub(names.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "{} documents, {} passages: {}{more}",
        forgot.forgotten_count,
        forgot.chunks,
        names.join(", ")
    )
}

fn show_forgot(forgot: &Forgot, settings: &Settings) -> anyhow::Result<Exit> {
    if settings.json {
        output::print_json(forgot)?;
    } else if forgot.forgotten_count == 0 {
        output::print("nothing fits\n")?;
    } else if forgot.dry_run {
        output::print(&format!("would forget {}\n", listed(forgot)))?;
    } else {
        let receipt = forgot.receipt.map(|seq| format!("; audit line {seq}")).unwrap_or_default();
        let state = if forgot.erased {
            "no file of the index holds them any more"
        } else {
            "invisible; a reader was in the way, run it again to empty the log"
        };
        output::print(&format!(
            "forgot {} documents with {} passages and {} vectors: {state}{receipt}\n",
            forgot.forgotten_count, forgot.chunks, forgot.vectors
        ))?;
    }
    Ok(if forgot.forgotten_count == 0 { Exit::Findings } else { Exit::Good })
}
