//! Looks at all remembered work trees, as many at once as there are cores.

use std::num::NonZero;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use contracts::wgx::fleet::{FleetReport, FleetRepository};
use memory::{Access, RepoIdentity, Run, RunFilter, StoreError, repo_key};
use wgx_tasks::git::{Git, Repository};
use wgx_tasks::process::Limits;
use wgx_tasks::process::launch::quote;
use wgx_tasks::root::{Root, RootKind};
use wgx_tasks::tools::Facts;

use super::places::{self, Place};
use super::{FleetError, report, state, unseen};
use crate::context::{Context, UseMemory};
use crate::notebook::{Notebook, NotebookError};
use crate::observe::{self, FactsFile};
use crate::{own_home, runs};

/// How long git may take for one answer, in milliseconds.
const GIT_TIMEOUT_MS: u64 = 10_000;

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Names, paths and keys.
    Names,
    /// Also what git says, and the last run.
    State,
}

/// What all threads share.
struct View<'a> {
    context: &'a Context,
    question: Question,
    /// Of the person's store.
    device_id: &'a str,
    facts: Mutex<&'a mut Facts>,
}

/// What one thread found out about one place.
struct Seen {
    repository: FleetRepository,
    /// What to look for in the person's store.
    identity: Option<RepoIdentity>,
    /// The newest run in the repository's own `.hauski/`.
    own_run: Option<Run>,
    notes: Vec<String>,
}

/// Looks at everything that is remembered.
pub(super) fn look(context: &Context, question: Question) -> Result<FleetReport, FleetError> {
    let Some(mut notebook) = places::existing(context)? else {
        return Ok(report(Vec::new(), Vec::new()));
    };
    let places = places::remembered(&mut notebook)?;
    let mut known = FactsFile::open(&context.user_home);
    let device_id = notebook.store().device_id().to_owned();
    let facts = Mutex::new(&mut known.facts);
    let view = View { context, question, device_id: &device_id, facts };
    let seen = at_once(&places, |place| view.look_at(place));
    known.keep();
    let mut repositories = Vec::with_capacity(seen.len());
    let mut notes = Vec::new();
    for seen in seen {
        let mut repository = seen.repository;
        notes.extend(seen.notes);
        let key = seen.identity.as_ref().map(repo_key);
        let run = match key.filter(|_| question == Question::State && reads_runs(context)) {
            Some(key) => newest_run(&mut notebook, key)?,
            None => None,
        };
        // An id begins with the time.
        let newest = run.into_iter().chain(seen.own_run).max_by(|a, b| a.id.cmp(&b.id));
        repository.last_run = newest.as_ref().map(runs::row);
        repositories.push(repository);
    }
    notebook.close();
    Ok(report(repositories, notes))
}

fn reads_runs(context: &Context) -> bool {
    context.use_memory != UseMemory::Off
}

fn newest_run(notebook: &mut Notebook, key: String) -> Result<Option<Run>, StoreError> {
    let filter = RunFilter { repo_key: Some(key), limit: Some(1), ..RunFilter::default() };
    Ok(notebook.with(async |store| store.runs(&filter).await)?.into_iter().next())
}

impl View<'_> {
    fn look_at(&self, place: &Place) -> Seen {
        let mut seen = Seen {
            repository: unseen(place.clone()),
            identity: None,
            own_run: None,
            notes: Vec::new(),
        };
        let root = Path::new(&place.root);
        let Some(repository) = Repository::find(root).filter(|found| found.work_tree == root)
        else {
            let (problem, hint) = why_unseen(root);
            (seen.repository.problem, seen.repository.hint) = (Some(problem), Some(hint));
            return seen;
        };
        if self.question == Question::State {
            self.ask_git(&repository, &mut seen);
        }
        self.identify(&repository, &mut seen);
        seen
    }

    fn ask_git(&self, repository: &Repository, seen: &mut Seen) {
        let limits = Limits { timeout_ms: GIT_TIMEOUT_MS, ..Limits::default() };
        let git = Git { environment: &self.context.environment.kept, limits };
        let found = &mut seen.repository;
        match state::ask(git, repository) {
            Ok(answer) => {
                if answer.is_upstream_gone {
                    let upstream = answer.state.upstream.as_deref().unwrap_or_default();
                    let text = format!("{}: its upstream {upstream} is not there", found.root);
                    seen.notes.push(text);
                }
                found.state = Some(answer.state);
            }
            Err(error) => {
                found.problem = Some(error.to_string());
                found.hint = Some(error.hint().replace("DIR", &quoted(&found.root)));
            }
        }
    }

    /// The key, and the newest run of the repository's own memory, which counts devices for itself.
    fn identify(&self, repository: &Repository, seen: &mut Seen) {
        let root = Root { path: repository.work_tree.clone(), kind: RootKind::Git };
        let context = Context { cwd: root.path.clone(), root, ..self.context.clone() };
        let identity = observe::identity(&context, Some(repository), self.device_id, &self.facts);
        seen.repository.key = Some(repo_key(&identity));
        let root = seen.repository.root.clone();
        seen.identity = Some(identity.clone());
        // A home that was named for the call is the only one.
        if context.variable("HAUSKI_HOME").is_some_and(|home| !home.is_empty()) {
            return;
        }
        let chosen = own_home::choose(Path::new(&root), &context.user_home);
        if self.question == Question::State {
            seen.notes.extend(chosen.refused);
        }
        if reads_runs(&context) && chosen.home != context.user_home {
            match Notebook::open(&chosen.home, Access::Read, &context) {
                Ok(own) => self.ask_own(own, &identity, seen),
                Err(NotebookError::Store(error)) if error.is_missing() => {}
                Err(error) => seen.notes.push(unread(&root, &error)),
            }
        }
    }

    fn ask_own(&self, mut own: Notebook, identity: &RepoIdentity, seen: &mut Seen) {
        let device_id = own.store().device_id().to_owned();
        let identity = match identity.clone() {
            RepoIdentity::Path { path, .. } => RepoIdentity::Path { device_id, path },
            other => other,
        };
        let key = repo_key(&identity);
        seen.repository.key = Some(key.clone());
        if self.question == Question::State {
            match newest_run(&mut own, key) {
                Ok(run) => seen.own_run = run,
                Err(error) => seen.notes.push(unread(&seen.repository.root, &error)),
            }
        }
        own.close();
    }
}

fn unread(root: &str, error: &dyn std::error::Error) -> String {
    format!("{root}: its own memory cannot be read: {error}")
}

/// Why there is no work tree at a place, and what to do.
fn why_unseen(root: &Path) -> (String, String) {
    let forget = format!("`wgx fleet rm {}` forgets it", quoted(&root.to_string_lossy()));
    match root.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (
            "the folder is gone".to_owned(),
            format!("is a disk missing, or did it move (then add the new place)? {forget}"),
        ),
        Err(error) => {
            (format!("the folder cannot be read: {error}"), format!("look at its rights; {forget}"))
        }
        Ok(_) => (
            "it is no git work tree any more".to_owned(),
            format!("its .git is missing or broken; {forget}"),
        ),
    }
}

fn quoted(path: &str) -> String {
    quote(path.as_ref()).to_string_lossy().into_owned()
}

/// Does the work for every item, on as many threads as there are cores; the results in the order of the items.
fn at_once<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut all: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(share)).collect();
        let ended = workers.into_iter().map(thread::ScopedJoinHandle::join);
        let shares =
            ended.map(|share| share.unwrap_or_else(|fault| std::panic::resume_unwind(fault)));
        shares.flatten().collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}
