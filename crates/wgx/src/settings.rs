//! The only place that reads the environment: resolves the shared options into a [`Context`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wgx_tasks::process::clean_environment;
use wgx_tasks::root;
use wgx_verbs::context::{Context, Terminal, UseMemory};
use wgx_verbs::own_home::{self, ChosenHome};

use crate::cli::{ColorChoice, Language, Memory, Shared};
use crate::exit::{Exit, Failure};

/// Everything about this call that is not a verb's own option.
pub(crate) struct Settings {
    /// The world for the verbs.
    pub(crate) context: Context,
    /// Language of plain help.
    pub(crate) language: Language,
    /// Why the repository's own `.hauski/` is not used although there is one.
    pub(crate) refused_home: Option<String>,
}

/// The process's environment, read once.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
pub(crate) fn environment() -> BTreeMap<OsString, OsString> {
    std::env::vars_os().collect()
}

/// Answers a shell that asks for completions (it sets `COMPLETE`) and ends the process then.
pub(crate) fn complete_if_asked(command: fn() -> clap::Command) {
    clap_complete::CompleteEnv::with_factory(command).complete();
}

/// The world of a shell that asks for completions: the folder of the shell, nothing given.
pub(crate) fn context_for_completion() -> anyhow::Result<Context> {
    let shared = Shared {
        directory: None,
        json: false,
        home: None,
        color: ColorChoice::Never,
        lang: None,
        use_memory: None,
    };
    Ok(resolve(&shared)?.context)
}

/// Resolves the shared options.
pub(crate) fn resolve(shared: &Shared) -> anyhow::Result<Settings> {
    let environment = environment();
    let language = language(shared, &environment);
    let cwd = working_directory(shared)?;
    let root = root::find_root(&cwd).map_err(|error| Failure {
        message: format!("{} is not a folder that can be read: {error}", cwd.display()),
        hint: Some("name an existing folder with -C".into()),
        exit: Exit::Usage,
        place: None,
    })?;
    let UserHome { path: user_home, is_explicit } = user_home(shared, &cwd, &environment)?;
    let chosen = match is_explicit {
        true => ChosenHome { home: user_home.clone(), refused: None },
        false => own_home::choose(&root.path, &user_home),
    };
    let use_memory = use_memory(shared);
    let home = match use_memory {
        UseMemory::Off => throw_away()?,
        _ => chosen.home,
    };
    let ci = environment.get(&OsString::from("CI"));
    let ci = ci.is_some_and(|value| !value.is_empty() && value != "false" && value != "0");
    let terminal = Terminal {
        stdin: std::io::stdin().is_terminal(),
        stdout: std::io::stdout().is_terminal(),
        stderr: std::io::stderr().is_terminal(),
    };
    let context = Context {
        cwd,
        root,
        environment: clean_environment(environment.into_iter().collect(), "wgx"),
        home,
        user_home,
        use_memory,
        terminal,
        ci,
    };
    Ok(Settings { context, language, refused_home: chosen.refused })
}

fn use_memory(shared: &Shared) -> UseMemory {
    match shared.use_memory {
        None | Some(Memory::Auto) => UseMemory::Auto,
        Some(Memory::Local) => UseMemory::Local,
        Some(Memory::Daemon) => UseMemory::Daemon,
        Some(Memory::Off) => UseMemory::Off,
    }
}

/// A memory that knows nothing; [`crate::face::Face`] takes it away when the call ends.
fn throw_away() -> anyhow::Result<PathBuf> {
    let mut folder = std::env::temp_dir();
    folder.push(format!(
        "wgx-off-{}-{}",
        std::process::id(),
        jiff::Timestamp::now().as_nanosecond()
    ));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the working directory")]
fn working_directory(shared: &Shared) -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("cannot read the working directory")?;
    Ok(match &shared.directory {
        Some(directory) => here.join(directory),
        None => here,
    })
}

/// The person's store.
struct UserHome {
    path: PathBuf,
    /// Named for this call; then a repository's own `.hauski/` does not count.
    is_explicit: bool,
}

/// `--home`, else `HAUSKI_HOME`, else `$XDG_DATA_HOME/hauski`, else `~/.local/share/hauski`.
fn user_home(
    shared: &Shared,
    cwd: &Path,
    environment: &BTreeMap<OsString, OsString>,
) -> anyhow::Result<UserHome> {
    let variable = |name: &str| {
        environment.get(&OsString::from(name)).filter(|value| !value.is_empty()).map(PathBuf::from)
    };
    if let Some(home) = shared.home.clone().or_else(|| variable("HAUSKI_HOME")) {
        return Ok(UserHome { path: cwd.join(home), is_explicit: true });
    }
    // The XDG specification says to ignore relative paths.
    if let Some(data) = variable("XDG_DATA_HOME").filter(|path| path.is_absolute()) {
        return Ok(UserHome { path: data.join("hauski"), is_explicit: false });
    }
    let home = variable("HOME").or_else(std::env::home_dir).ok_or_else(|| {
        Failure::usage("there is no home folder", "set HAUSKI_HOME to the folder for the memory")
    })?;
    Ok(UserHome { path: home.join(".local/share/hauski"), is_explicit: false })
}

fn language(shared: &Shared, environment: &BTreeMap<OsString, OsString>) -> Language {
    if let Some(language) = shared.lang {
        return language;
    }
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| {
        environment
            .get(&OsString::from(*name))
            .and_then(|value| value.to_str())
            .filter(|v| !v.is_empty())
    });
    match locale {
        Some(locale) if locale.starts_with("de") => Language::De,
        _ => Language::En,
    }
}
