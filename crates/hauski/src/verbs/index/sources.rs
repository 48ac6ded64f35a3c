//! `hauski index add|sources|sync|remove`: folders that are taken in.

mod shown;

use std::path::PathBuf;
use std::time::Duration;

use audit::{Durability, Event};
use clap::ValueEnum;
use contracts::hauski::index::{AddSource, NameSource, SOURCES, Source, SourceKind, Sources};
use hauski_index::{Index, IndexError, NewSource};
use http::Method;

use self::shown::{Line, documents, show};
use super::Door;
use crate::exit::{Exit, Failure};
use crate::local;
use crate::output;
use crate::settings::Settings;

/// How often it asks how far a look is.
const PACE: Duration = Duration::from_millis(150);

/// Options of `hauski index add`.
#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// The folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What they are [default: a vault where `.obsidian` is, a repository where `.git` is, else a folder]
    #[arg(long)]
    kind: Option<Kind>,
    /// What it is called, for one folder [default: the name of the folder]
    #[arg(long)]
    name: Option<String>,
    /// Do not wait until the daemon has read it
    #[arg(long)]
    no_wait: bool,
}

/// Options of `hauski index sync`.
#[derive(Debug, clap::Args)]
pub(super) struct SyncArgs {
    /// Only these: the name of a source, the end of it, or its folder
    names: Vec<String>,
    /// Stay, and look again whenever something changes
    #[arg(long)]
    watch: bool,
}

/// Options of `hauski index remove`.
#[derive(Debug, clap::Args)]
pub(super) struct RemoveArgs {
    /// The name of a source, the end of it, or its folder
    #[arg(required = true)]
    names: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Repo,
    Folder,
    Vault,
    Conversations,
}

impl From<Kind> for SourceKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Repo => Self::Repo,
            Kind::Folder => Self::Folder,
            Kind::Vault => Self::Vault,
            Kind::Conversations => Self::Conversations,
        }
    }
}

/// Takes folders in.
pub(super) async fn add(
    door: &Door<'_>,
    args: AddArgs,
    settings: &Settings,
) -> anyhow::Result<Exit> {
    if args.name.is_some() && args.paths.len() > 1 {
        let hint = "add them one by one, each with its own --name";
        return Err(Failure::new("--name names one folder", hint).exit(Exit::Usage).into());
    }
    let mut added = Vec::new();
    for path in args.paths {
        let path = std::path::absolute(path)?;
        added.push(door.add(path, args.kind.map(SourceKind::from), args.name.clone()).await?);
    }
    if args.no_wait && matches!(door, Door::Daemon(_)) {
        return show(added, settings);
    }
    // The daemon has begun already; without one it is done here.
    looked_at(door, added, settings).await
}

/// What is taken in.
pub(super) async fn list(door: &Door<'_>, settings: &Settings) -> anyhow::Result<Exit> {
    let sources = door.sources().await?.sources;
    if sources.is_empty() && !settings.json {
        output::print("no sources; `hauski index add PATH` takes a repository or a folder in\n")?;
        return Ok(Exit::Good);
    }
    show(sources, settings)
}

/// Looks again.
pub(super) async fn sync(
    door: &Door<'_>,
    args: SyncArgs,
    settings: &Settings,
) -> anyhow::Result<Exit> {
    let mut wanted = Vec::new();
    match args.names.as_slice() {
        [] => wanted = door.sync(None).await?,
        names => {
            for name in names {
                wanted.extend(door.sync(Some(name.clone())).await?);
            }
        }
    }
    let exit = looked_at(door, wanted, settings).await?;
    if args.watch {
        match door {
            Door::Daemon(_) => {
                output::note("the daemon keeps up with the sources by itself, as long as it runs");
            }
            Door::Files(index, _) => {
                output::note("keeping up with the sources until Ctrl-C");
                index.keep_sources().await;
            }
        }
    }
    Ok(exit)
}

/// Takes sources out.
pub(super) async fn remove(
    door: &Door<'_>,
    args: RemoveArgs,
    settings: &Settings,
) -> anyhow::Result<Exit> {
    let mut gone = Vec::new();
    for name in args.names {
        gone.push(door.remove(name).await?);
    }
    if settings.json {
        output::print_json(&Sources { schema: SOURCES.to_owned(), sources: gone })?;
        return Ok(Exit::Good);
    }
    for source in gone {
        output::print(&format!("took out {} with {}\n", source.name, documents(source.documents)))?;
    }
    Ok(Exit::Good)
}

impl Door<'_> {
    async fn sources(&self) -> anyhow::Result<Sources> {
        match self {
            Self::Daemon(settings) => local::get(settings, "/index/sources").await,
            Self::Files(index, _) => Ok(index.sources().await.map_err(Failure::from)?),
        }
    }

    async fn add(
        &self,
        path: PathBuf,
        kind: Option<SourceKind>,
        name: Option<String>,
    ) -> anyhow::Result<Source> {
        match self {
            Self::Daemon(settings) => {
                let path = path.into_os_string().into_string().map_err(|_| {
                    let hint = "rename the folder";
                    Failure::new("the folder's path is not valid UTF-8", hint).exit(Exit::Usage)
                })?;
                let body = AddSource { path, kind, name };
                local::call(settings, Method::POST, "/index/sources", Some(&body)).await
            }
            Self::Files(index, settings) => {
                let new = NewSource { root: path, kind, name };
                let source = index.add_source(new).await.map_err(Failure::from)?;
                record(settings, "index.source.add", &source)?;
                Ok(source)
            }
        }
    }

    /// Lets the daemon look again, and gives the sources as they were before.
    async fn sync(&self, name: Option<String>) -> anyhow::Result<Vec<Source>> {
        match self {
            Self::Daemon(settings) => {
                let body = NameSource { name };
                let path = "/index/sources/sync";
                let begun: Sources = local::call(settings, Method::POST, path, Some(&body)).await?;
                Ok(begun.sources)
            }
            Self::Files(index, _) => match name {
                Some(name) => Ok(vec![index.source(&name).await.map_err(Failure::from)?]),
                None => Ok(index.sources().await.map_err(Failure::from)?.sources),
            },
        }
    }

    async fn remove(&self, name: String) -> anyhow::Result<Source> {
        match self {
            Self::Daemon(settings) => {
                let body = NameSource { name: Some(name) };
                local::call(settings, Method::POST, "/index/sources/remove", Some(&body)).await
            }
            Self::Files(index, settings) => {
                let source = index.remove_source(&name).await.map_err(Failure::from)?;
                record(settings, "index.source.remove", &source)?;
                Ok(source)
            }
        }
    }
}

/// The line that the daemon would write.
fn record(settings: &Settings, action: &str, source: &Source) -> anyhow::Result<()> {
    let log = crate::home::audit(settings)?;
    let actor = format!("local:{}", rustix::process::geteuid().as_raw());
    let event = Event::new(actor, action, format!("source:{}", source.name));
    log.append(event.with("documents", source.documents), Durability::Durable).wait()?;
    log.close()?;
    Ok(())
}

/// Waits for the daemon, or looks at them here, one after the other; shows how far it is and what came of it.
async fn looked_at(
    door: &Door<'_>,
    before: Vec<Source>,
    settings: &Settings,
) -> anyhow::Result<Exit> {
    let mut line = Line::new(settings);
    let mut after = Vec::new();
    for source in before {
        after.push(match door {
            Door::Daemon(settings) => wait(settings, source, &mut line).await?,
            Door::Files(index, _) => here(index, source, &mut line).await?,
        });
    }
    line.clear();
    let has_failed = |source: &Source| source.outcome.as_ref().is_some_and(|it| it.error.is_some());
    let failed = after.iter().any(has_failed);
    show(after, settings)?;
    Ok(if failed { Exit::Findings } else { Exit::Good })
}

async fn wait(settings: &Settings, before: Source, line: &mut Line) -> anyhow::Result<Source> {
    loop {
        let all: Sources = local::get(settings, "/index/sources").await?;
        let Some(now) = all.sources.into_iter().find(|one| one.name == before.name) else {
            let message = format!("{} was taken out meanwhile", before.name);
            return Err(Failure::new(message, "`hauski index sources` shows what there is").into());
        };
        if now.looking.is_none() && now.scanned_at != before.scanned_at {
            return Ok(now);
        }
        line.show(&now);
        tokio::time::sleep(PACE).await;
    }
}

async fn here(index: &Index, before: Source, line: &mut Line) -> anyhow::Result<Source> {
    let mut look = std::pin::pin!(index.sync_source(&before.name));
    loop {
        tokio::select! {
            looked = &mut look => return match looked {
                Ok(source) => Ok(source),
                // It stands in the report.
                Err(IndexError::Ingest(_)) => {
                    Ok(index.source(&before.name).await.map_err(Failure::from)?)
                }
                Err(error) => Err(Failure::from(error).into()),
            },
            () = tokio::time::sleep(PACE) => {
                line.show(&index.source(&before.name).await.map_err(Failure::from)?);
            }
        }
    }
}
