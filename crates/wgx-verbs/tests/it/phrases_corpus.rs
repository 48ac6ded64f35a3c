//! Labelled phrases and the repositories they were written for: how the files look, and tasks made of them.

use std::collections::BTreeMap;
use std::path::Path;

use contracts::wgx::{Task, TaskSource};
use serde::Deserialize;
use wgx_tasks::task::{FoundTask, Invocation, Program, Requires};

#[derive(Clone, Deserialize)]
pub(crate) struct Repository {
    pub(crate) source: String,
    /// Name, description and command of each task.
    pub(crate) tasks: Vec<[String; 3]>,
    #[serde(default)]
    pub(crate) semantics: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) synonyms: BTreeMap<String, Vec<String>>,
}

/// Each phrase with the tasks that are right: more than one, or several joined by `|`, where either is;
/// an empty one where nothing fits.
#[derive(Clone, Deserialize)]
pub(crate) struct Phrases {
    pub(crate) en: Vec<Vec<String>>,
    pub(crate) de: Vec<Vec<String>>,
}

pub(crate) type Repositories = BTreeMap<String, Repository>;
pub(crate) type PhraseFile = BTreeMap<String, Phrases>;

/// What one author wrote.
pub(crate) struct Corpus {
    pub(crate) author: String,
    pub(crate) repositories: Repositories,
    pub(crate) files: Vec<PhraseFile>,
}

/// The authors of a folder: `NAME_repositories.toml` with `NAME.toml`, and `repositories.toml` with all other
/// files.
pub(crate) fn authors(folder: &Path) -> Vec<Corpus> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("readable");
    let names = std::fs::read_dir(folder).expect("there").map(|entry| {
        let name = entry.expect("readable").file_name().into_string().expect("plain name");
        name.strip_suffix(".toml").unwrap_or_default().to_owned()
    });
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    names.sort();
    let with_own = |name: &String| names.contains(&format!("{name}_repositories"));
    let phrases = |name: &String| toml::from_str(&read(&format!("{name}.toml"))).expect("valid");
    let repositories =
        |name: String| toml::from_str(&read(&format!("{name}.toml"))).expect("valid");
    let mut found: Vec<Corpus> = names
        .iter()
        .filter(|name| with_own(name))
        .map(|name| Corpus {
            author: name.clone(),
            repositories: repositories(format!("{name}_repositories")),
            files: vec![phrases(name)],
        })
        .collect();
    if names.iter().any(|name| name == "repositories") {
        let others = names.iter().filter(|name| !name.ends_with("repositories") && !with_own(name));
        found.push(Corpus {
            author: "own".to_owned(),
            repositories: repositories("repositories".to_owned()),
            files: others.map(phrases).collect(),
        });
    }
    found
}

/// Whether a task is right for a phrase.
pub(crate) fn is_right(phrase: &[String], task: &str) -> bool {
    phrase[1..].iter().flat_map(|names| names.split('|')).any(|name| name == task)
}

pub(crate) fn found(source: TaskSource, [name, description, command]: &[String; 3]) -> FoundTask {
    FoundTask {
        task: Task {
            id: format!("{source}:{name}"),
            name: name.clone(),
            source,
            file: "file".to_owned(),
            line: 1,
            description: Some(description.clone()).filter(|text| !text.is_empty()),
            group: None,
            args: Vec::new(),
            shadowed_by: None,
            aliases: Vec::new(),
            alias_of: None,
            member: None,
            destructive: false,
            runnable: true,
        },
        invocation: Invocation {
            env_defaults: Vec::new(),
            program: Program::Argv {
                argv: vec![source.to_string(), name.clone()],
                separator: None,
            },
            dir: String::new(),
            env: Vec::new(),
        },
        commands: Some(command.clone()).filter(|text| !text.is_empty()).into_iter().collect(),
        safe: None,
        needs: Vec::new(),
        artifacts: Vec::new(),
        requires: Requires::default(),
    }
}

pub(crate) fn tasks(repository: &Repository) -> Vec<FoundTask> {
    let source = TaskSource::from_name(&repository.source).expect("known");
    repository.tasks.iter().map(|task| found(source, task)).collect()
}
