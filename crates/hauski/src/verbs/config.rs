//! `hauski config`: shows what holds and why, checks policy files, and changes settings at run time.

use std::fmt::Write;
use std::path::PathBuf;

use audit::{Durability, Event};
use clap::Subcommand;
use contracts::hauski::config::{
    Change, Fault, Report, SCHEMA, Setting, Source, VALIDATION, Validation,
};
use http::Method;
use policy::{FileName, Paths, PolicyError};

use crate::exit::{Exit, Failure};
use crate::keys::now_ms;
use crate::local::{self, block_on};
use crate::options;
use crate::routes::admin::config::policy_files;
use crate::settings::Settings;
use crate::store::Store;
use crate::{home, output};

/// Options of `hauski config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show every setting with the source that wins, and the policy files
    Show,
    /// Check the policy files, or those that are named
    Validate {
        /// Files such as policies/routing.yaml
        files: Vec<PathBuf>,
    },
    /// Store a setting; a flag or a variable still wins over it
    Set {
        /// Its name, as `config show` tells
        name: String,
        /// Its value
        value: String,
    },
    /// Forget a stored setting
    Unset {
        /// Its name
        name: String,
    },
}

/// Does it and prints the report.
pub(crate) fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    match args.what {
        What::Show => print(&block_on(show(settings))?, settings),
        What::Validate { files } => validate(&files, settings),
        What::Set { name, value } => {
            print(&block_on(change(settings, &name, Some(value)))?, settings)
        }
        What::Unset { name } => print(&block_on(change(settings, &name, None))?, settings),
    }
}

/// What the running daemon says, else what one would start with.
async fn show(settings: &Settings) -> anyhow::Result<Report> {
    if local::is_running(settings).await {
        return local::get(settings, "/admin/config").await;
    }
    // Only looking makes no database.
    let stored = match settings.home.join("daemon.sqlite").exists() {
        true => open(settings).await?.settings().await.map_err(Failure::from)?,
        false => Vec::new(),
    };
    let policies = policy::load(&settings.policies).map_err(Failure::from)?;
    Ok(Report {
        schema: SCHEMA.to_owned(),
        running: false,
        home: settings.home.display().to_string(),
        settings: options::report(&settings.given, &stored),
        policies: policy_files(&policies),
    })
}

async fn change(settings: &Settings, name: &str, value: Option<String>) -> anyhow::Result<Report> {
    let known = options::OPTIONS.iter().find(|info| info.name == name);
    let default = known.map_or("", |info| info.default);
    let info = options::check(name, value.as_deref().unwrap_or(default)).map_err(|what| {
        Failure::new(what, "`hauski config show` lists every setting").exit(Exit::Usage)
    })?;
    if local::is_running(settings).await {
        let path = format!("/admin/config/{}", info.name);
        return local::call(settings, Method::PUT, &path, Some(&Change { value })).await;
    }
    home::prepare(settings)?;
    let store = open(settings).await?;
    let stored = match &value {
        Some(value) => store.set_setting(info.name, value, now_ms()).await,
        None => store.unset_setting(info.name).await,
    };
    stored.map_err(Failure::from)?;
    let log = home::audit(settings)?;
    let actor = format!("local:{}", rustix::process::geteuid().as_raw());
    log.append(Event::new(actor, "config.change", info.name), Durability::Durable).wait()?;
    log.close()?;
    show(settings).await
}

async fn open(settings: &Settings) -> anyhow::Result<Store> {
    Ok(Store::open(&settings.home).await.map_err(Failure::from)?)
}

fn validate(files: &[PathBuf], settings: &Settings) -> anyhow::Result<Exit> {
    let paths = files.iter().try_fold(settings.policies.clone(), |paths: Paths, file| {
        let name = FileName::of(file).ok_or_else(|| {
            let message = format!("{} is none of the policy files", file.display());
            let hint = "they are routing.yaml, limits.yaml, memory.yaml and models.yml";
            Failure::new(message, hint).exit(Exit::Usage)
        })?;
        Ok::<_, Failure>(paths.with(name, settings.cwd.join(file)))
    })?;
    let read = policy::load_all(&paths);
    let validation = Validation {
        schema: VALIDATION.to_owned(),
        files: read.as_ref().map(policy_files).unwrap_or_default(),
        faults: read.err().unwrap_or_default().iter().map(fault).collect(),
    };
    match settings.json {
        true => output::print_json(&validation)?,
        false => output::print(&plain_validation(&validation))?,
    }
    Ok(if validation.faults.is_empty() { Exit::Good } else { Exit::Findings })
}

fn fault(error: &PolicyError) -> Fault {
    Fault {
        file: error.file.display().to_string(),
        line: error.line,
        column: error.column,
        what: error.what.clone(),
        hint: error.hint.clone(),
    }
}

fn plain_validation(validation: &Validation) -> String {
    let mut text = String::new();
    for file in &validation.files {
        let state = if file.sha256.is_some() { "good" } else { "not there, built-in values" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {state}", file.path);
    }
    for Fault { file, line, column, what, hint } in &validation.faults {
        let place =
            line.zip(*column).map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
        let _ = writeln!(text, "{file}{place}: {what}");
        if let Some(hint) = hint {
            let _ = writeln!(text, "  {hint}");
        }
    }
    text
}

fn print(report: &Report, settings: &Settings) -> anyhow::Result<Exit> {
    match settings.json {
        true => output::print_json(report)?,
        false => output::print(&plain(report))?,
    }
    Ok(Exit::Good)
}

fn plain(report: &Report) -> String {
    let width = |part: fn(&Setting) -> &str| {
        report.settings.iter().map(|setting| part(setting).len()).max().unwrap_or_default()
    };
    let (name, value) = (width(|it| &it.name), width(|it| &it.value));
    let mut text = format!("home  {}\n\n", report.home);
    for setting in &report.settings {
        let from = match setting.source {
            Source::Flag => "flag",
            Source::Environment => &setting.variable,
            Source::Stored => "stored",
            Source::Default => "default",
        };
        let hidden = setting.stored.as_ref().filter(|_| setting.source != Source::Stored);
        let hidden = hidden.map_or(String::new(), |stored| format!(" (stored: {stored})"));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:name$}  {:value$}  {from}{hidden}", setting.name, setting.value);
    }
    text.push('\n');
    for file in &report.policies {
        let hash = file.sha256.as_deref().and_then(|hash| hash.get(..12));
        let _ = writeln!(text, "{:12}  {}", hash.unwrap_or("built-in"), file.path);
    }
    text
}
