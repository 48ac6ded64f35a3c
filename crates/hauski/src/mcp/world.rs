//! What the tools know of the world: whose repositories, through which door, and the daemon behind them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy::Policies;
use serde_json::Value;
use wgx_tasks::process::{Variables, clean_environment};
use wgx_tasks::root;
use wgx_verbs::context::{Context, Terminal};
use wgx_verbs::{own_home, trust};

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
    },
}

/// What the daemon knows and the tools ask it for.
pub(crate) trait House: Send + Sync {
    /// The plugins and their states, as `GET /admin/plugins` gives them.
    ///
    /// # Errors
    /// One sentence with what to do, when the daemon does not answer.
    fn plugins(&self) -> Result<Value, ToolError>;

    /// The policies in force.
    ///
    /// # Errors
    /// When a file of theirs is wrong.
    fn policies(&self) -> Result<Arc<Policies>, ToolError>;
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
            Door::Http { may_run } => may_run,
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
        let context = context(&self.surroundings, &folder)?;
        if matches!(self.door, Door::Http { .. }) {
            require_trust(&context)?;
        }
        Ok(context)
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
        terminal: Terminal::default(),
        ci: ci.is_some_and(|(_, value)| !value.is_empty() && value != "false" && value != "0"),
    })
}

/// What starts by itself, or at a word of an agent, needs the person's trust in the repository as it is now.
pub(super) fn require_trust(context: &Context) -> Result<(), ToolError> {
    let broken = |error: String| ToolError::failed(error, "`wgx doctor` looks at the memory");
    let subject = trust::subject(context).map_err(|error| broken(error.to_string()))?;
    if trust::is_trusted(context, &subject).map_err(|error| broken(error.to_string()))? {
        return Ok(());
    }
    let root = context.root.path.display();
    Err(ToolError::failed(
        format!("a person has not trusted {root} as it is now"),
        format!("ask the person to run: wgx -C {root} trust"),
    ))
}
