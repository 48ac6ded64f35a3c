//! What the tools know of the world: whose repositories, through which door, and the daemon behind them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{Event, Outcome};
use policy::Policies;
use serde_json::Value;
use wgx_tasks::process::{Variables, clean_environment};
use wgx_tasks::root;
use wgx_verbs::context::{Context, Terminal, UseMemory};
use wgx_verbs::{own_home, runs, trust};

use super::tools::ToolError;
use crate::settings::Settings;

/// What a face read from the process's environment.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// The environment for tasks.
    pub(crate) variables: Variables,
    /// The person's store.
    pub(crate) user_home: PathBuf,
    /// Whether the store was named for this call; then a repository's own `.hauski/` does not count.
    pub(crate) home_is_explicit: bool,
    /// This very program, for the tasks it starts.
    pub(crate) program: PathBuf,
}

impl Surroundings {
    /// Those of this call.
    pub(crate) fn of(settings: &Settings, program: PathBuf) -> Self {
        Self {
            variables: settings.environment.clone().into_iter().collect(),
            user_home: settings.home.clone(),
            home_is_explicit: settings.home_is_explicit,
            program,
        }
    }
}

/// Through which door the agent comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Started by the person's own client, in this folder. Every repository of the person may be named.
    Stdio {
        /// Where relative paths begin, and the repository that is meant when none is named.
        folder: PathBuf,
    },
    /// Over HTTP, with a key. Only repositories that the person trusts may be named.
    Http {
        /// Whether the key may start tasks.
        may_run: bool,
        /// Whose key, as the audit log names it.
        caller: String,
    },
}

/// What the daemon knows and the tools ask it for.
pub(crate) trait House: Send + Sync {
    /// The plugins and their states, as `GET /admin/plugins` gives them.
    ///
    /// # Errors
    /// One sentence with what to do, when the daemon does not answer.
    fn plugins(&self) -> Result<Value, ToolError>;

    /// The best passages of the index for a question, as `POST /index/search` gives them.
    ///
    /// # Errors
    /// One sentence with what to do, when the daemon does not answer.
    fn passages(&self, query: &str, k: u32) -> Result<Value, ToolError>;

    /// The policies in force.
    ///
    /// # Errors
    /// When a file of theirs is wrong.
    fn policies(&self) -> Result<Arc<Policies>, ToolError>;

    /// Puts something on record before it is done. A client that the person started itself has no record here.
    ///
    /// # Errors
    /// When it cannot be recorded.
    fn record(&self, _: Event) -> Result<(), ToolError> {
        Ok(())
    }
}

/// The world of one server.
#[derive(Clone)]
pub(crate) struct World {
    surroundings: Arc<Surroundings>,
    door: Door,
    house: Arc<dyn House>,
}

impl World {
    pub(super) fn new(surroundings: Arc<Surroundings>, door: Door, house: Arc<dyn House>) -> Self {
        Self { surroundings, door, house }
    }

    pub(super) fn house(&self) -> &dyn House {
        self.house.as_ref()
    }

    pub(super) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    pub(super) fn may_run(&self) -> bool {
        match self.door {
            Door::Stdio { .. } => true,
            Door::Http { may_run, .. } => may_run,
        }
    }

    /// Whether runs of all repositories may be looked at, not only of the one that is named.
    pub(super) fn sees_all(&self) -> bool {
        matches!(self.door, Door::Stdio { .. })
    }

    /// The world of a verb for a repository that an agent names, or for the one it stands in.
    ///
    /// # Errors
    /// When there is no such folder, or it may not be named through this door.
    pub(super) fn repository(&self, named: Option<&str>) -> Result<Context, ToolError> {
        let folder = match (&self.door, named) {
            (Door::Stdio { folder }, None) => folder.clone(),
            (Door::Stdio { folder }, Some(named)) => folder.join(named),
            (Door::Http { .. }, Some(named)) if Path::new(named).is_absolute() => named.into(),
            (Door::Http { .. }, _) => {
                return Err(ToolError::invalid(
                    "repo",
                    "over HTTP every call names its repository by an absolute path",
                ));
            }
        };
        if let Door::Stdio { .. } = self.door {
            return context(&self.surroundings, &folder);
        }
        // Through this door nobody learns what lies where: no folder, no repository and no trust look alike.
        let trusted = trusted(&self.surroundings, &folder);
        trusted.ok_or_else(|| untrusted(&folder.display().to_string()))
    }

    /// Lets a run be looked at through this door: one of the context's repository.
    ///
    /// # Errors
    /// When it is not; nothing tells whether another repository has it.
    pub(super) fn may_see(&self, context: &Context, run: &str) -> Result<(), ToolError> {
        if self.sees_all() || runs::require_own(context, run).is_ok() {
            return Ok(());
        }
        Err(ToolError::failed("this repository has no such run", "see run_history"))
    }

    /// Puts something that a tool does on record, where the agent came over HTTP.
    ///
    /// # Errors
    /// When it cannot be recorded; then it must not be done.
    pub(super) fn record(
        &self,
        action: &str,
        target: &str,
        about: &Context,
        outcome: Outcome,
    ) -> Result<(), ToolError> {
        let Door::Http { caller, .. } = &self.door else { return Ok(()) };
        let event = Event::new(caller, action, target).outcome(outcome);
        self.house.record(event.with("repository", about.root.path.display().to_string()))
    }
}

/// The world of a verb for the repository around a folder.
///
/// # Errors
/// When there is no such folder.
pub(crate) fn context(surroundings: &Surroundings, folder: &Path) -> Result<Context, ToolError> {
    let root = root::find_root(folder).map_err(|error| {
        let shown = folder.display();
        ToolError::invalid("repo", format!("{shown} is not a folder that can be read: {error}"))
    })?;
    let user_home = surroundings.user_home.clone();
    let home = if surroundings.home_is_explicit {
        user_home.clone()
    } else {
        own_home::choose(&root.path, &user_home).home
    };
    let ci = OsString::from("CI");
    let ci = surroundings.variables.iter().find(|(name, _)| *name == ci);
    Ok(Context {
        cwd: folder.to_owned(),
        root,
        environment: clean_environment(surroundings.variables.clone(), "hauski"),
        user_home,
        home,
        use_memory: UseMemory::Auto,
        terminal: Terminal::default(),
        ci: ci.is_some_and(|(_, value)| !value.is_empty() && value != "false" && value != "0"),
    })
}

/// The world of a verb for a repository that the person trusts as it is now; none for all others.
pub(crate) fn trusted(surroundings: &Surroundings, folder: &Path) -> Option<Context> {
    let context = context(surroundings, folder).ok()?;
    require_trust(&context).ok()?;
    Some(context)
}

fn untrusted(named: &str) -> ToolError {
    ToolError::failed(
        format!("a person has not trusted {named} as it is now"),
        format!("ask the person to run: wgx -C {named} trust"),
    )
}

/// What starts by itself, or at a word of an agent, needs the person's trust in the repository as it is now.
pub(super) fn require_trust(context: &Context) -> Result<(), ToolError> {
    let broken = |error: String| ToolError::failed(error, "`wgx doctor` looks at the memory");
    let subject = trust::subject(context).map_err(|error| broken(error.to_string()))?;
    if trust::is_trusted(context, &subject).map_err(|error| broken(error.to_string()))? {
        return Ok(());
    }
    Err(untrusted(&context.root.path.display().to_string()))
}
