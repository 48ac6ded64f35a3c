//! How a VS Code task is started: command, quoting, variables, directory and environment.

use std::path::Path;

use crate::document::{Entry, Node, Value};
use crate::files;
use crate::task::Program;

/// What the variables of a task stand for.
pub(super) struct Variables<'a> {
    /// The folder that is opened in VS Code.
    pub(super) root: &'a Path,
    /// The same, relative to the root of the repository.
    pub(super) dir: &'a str,
}

/// A command that can be started.
pub(super) struct Start {
    pub(super) program: Program,
    /// Relative to the root of the repository.
    pub(super) dir: String,
    pub(super) env: Vec<(String, String)>,
}

const EDITOR_VARIABLE: &str = "it uses a variable that only VS Code knows (an open file, an input, a \
                               setting)";
const PROVIDER: &str = "an extension of VS Code provides what it starts";
const HIDDEN: &str = "it depends on a task that is hidden or in another folder";
const OUTSIDE: &str = "its working directory lies outside of the repository";

/// How a task is started, or why it cannot be started from here.
pub(super) fn started(
    task: &Node,
    all: &[Node],
    variables: &Variables<'_>,
) -> Result<Start, &'static str> {
    if !depends_on_listed(task, all) {
        return Err(HIDDEN);
    }
    let program = program(task, variables)?;
    let options = task.get("options");
    let dir = match options.and_then(|options| options.get("cwd")).and_then(Node::as_str) {
        Some(cwd) => directory(&variables.fill(cwd)?, variables)?,
        None => match task.get("path").and_then(Node::as_str) {
            Some(path) => files::join(variables.dir, path).ok_or(OUTSIDE)?,
            None => variables.dir.to_owned(),
        },
    };
    let env = options.and_then(|options| options.get("env")).map(Node::entries);
    let env = env.unwrap_or_default().iter().map(|entry| {
        let value = variables.fill(entry.value.scalar().unwrap_or_default())?;
        Ok((entry.key.clone(), value))
    });
    let env = env.collect::<Result<_, &'static str>>()?;
    Ok(Start { program, dir, env })
}

fn program(task: &Node, variables: &Variables<'_>) -> Result<Program, &'static str> {
    let kind = task.get("type").and_then(Node::as_str).unwrap_or("process");
    let Some(command) = task.get("command").filter(|_| matches!(kind, "shell" | "process")) else {
        return provided(task, kind, variables);
    };
    let mut words = vec![quoted(command, variables)?];
    for arg in task.get("args").map(Node::items).unwrap_or_default() {
        words.push(quoted(arg, variables)?);
    }
    if kind == "process" {
        let argv = words.into_iter().map(|word| word.text).collect();
        return Ok(Program::Argv { argv, separator: None });
    }
    // A shell command without arguments is a whole command line.
    let mut line = words[0].text.clone();
    if words.len() > 1 && words[0].always {
        line = single_quoted(&line);
    }
    for word in &words[1..] {
        line.push(' ');
        line.push_str(&word.for_shell());
    }
    Ok(Program::Shell(line))
}

/// Tasks that only group others, and those of the npm provider.
fn provided(task: &Node, kind: &str, variables: &Variables<'_>) -> Result<Program, &'static str> {
    let word = |key: &str| task.get(key).and_then(Node::as_str).map(|text| variables.fill(text));
    let argv = |words: &[&str]| crate::sources::scan::argv(words);
    match kind {
        "npm" => Ok(argv(&["npm", "run", &word("script").ok_or(PROVIDER)??])),
        "gulp" | "grunt" => Ok(argv(&["npx", kind, &word("task").ok_or(PROVIDER)??])),
        "typescript" => {
            let config = word("tsconfig").ok_or(PROVIDER)??;
            let watch = task.get("option").and_then(Node::as_str) == Some("watch");
            let mut words = vec!["npx", "tsc", "-p", config.as_str()];
            words.extend(watch.then_some("--watch"));
            Ok(argv(&words))
        }
        "shell" | "process" if task.get("dependsOn").is_some() => {
            Ok(Program::Shell(":".to_owned()))
        }
        _ => Err(PROVIDER),
    }
}

/// A word of a command line.
struct Word {
    text: String,
    /// Quoted as a whole because the file says so.
    always: bool,
    /// Left as it is because the file says so.
    escape: bool,
}

impl Word {
    /// VS Code quotes what holds white space, unless it is quoted in the file already.
    fn for_shell(&self) -> String {
        let quoted_already = self.text.starts_with(['\'', '"']);
        if self.always || (self.text.contains([' ', '\t']) && !quoted_already && !self.escape) {
            single_quoted(&self.text)
        } else if self.escape {
            self.text.replace(' ', "\\ ")
        } else {
            self.text.clone()
        }
    }
}

/// A string, or a map of `value` (a string or a list of them) and `quoting`.
fn quoted(node: &Node, variables: &Variables<'_>) -> Result<Word, &'static str> {
    let value = node.get("value").unwrap_or(node);
    let quoting = node.get("quoting").and_then(Node::as_str);
    Ok(Word {
        text: variables.fill(&value.strings().join(" "))?,
        always: matches!(quoting, Some("strong" | "weak")),
        escape: quoting == Some("escape"),
    })
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn directory(cwd: &str, variables: &Variables<'_>) -> Result<String, &'static str> {
    let path = Path::new(cwd);
    match path.strip_prefix(variables.root) {
        Ok(inside) => {
            files::join(variables.dir, inside.to_str().unwrap_or_default()).ok_or(OUTSIDE)
        }
        Err(_) if path.is_absolute() => Err(OUTSIDE),
        Err(_) => files::join(variables.dir, cwd).ok_or(OUTSIDE),
    }
}

impl Variables<'_> {
    /// Puts in the variables that the folder alone determines.
    fn fill(&self, text: &str) -> Result<String, &'static str> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, later) = after.split_once('}').ok_or(EDITOR_VARIABLE)?;
            filled.push_str(before);
            match name {
                "workspaceFolder" | "workspaceRoot" | "cwd" => {
                    filled.push_str(&self.root.to_string_lossy());
                }
                "workspaceFolderBasename" | "workspaceRootFolderName" => {
                    let name = self.root.file_name().unwrap_or_default();
                    filled.push_str(&name.to_string_lossy());
                }
                "pathSeparator" | "/" => filled.push(std::path::MAIN_SEPARATOR),
                _ => return Err(EDITOR_VARIABLE),
            }
            rest = later;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

/// The labels in `dependsOn`; a task of a provider is named by its definition, which is not followed.
fn labels(task: &Node) -> Vec<Option<&str>> {
    match task.get("dependsOn") {
        Some(Node { value: Value::Sequence(items), .. }) => {
            items.iter().map(Node::as_str).collect()
        }
        Some(one) => vec![one.as_str()],
        None => Vec::new(),
    }
}

fn depends_on_listed(task: &Node, all: &[Node]) -> bool {
    let listed = |label: &str| {
        all.iter().any(|other| {
            let name = other.get("label").or_else(|| other.get("taskName"));
            name.and_then(Node::as_str).is_some_and(|name| name.trim() == label.trim())
                && other.get("hide").and_then(Node::as_bool) != Some(true)
        })
    };
    labels(task).into_iter().all(|label| label.is_some_and(listed))
}

/// Ids of the tasks that must have run before.
pub(super) fn needs(task: &Node, member: Option<&str>) -> Vec<String> {
    let id = |label: &str| match member {
        Some(member) => format!("vscode:{member}:{}", label.trim()),
        None => format!("vscode:{}", label.trim()),
    };
    labels(task).into_iter().flatten().map(id).collect()
}

/// The command as the file shows it.
pub(super) fn shown(task: &Node) -> Vec<String> {
    let words = ["command", "script", "task"].iter().find_map(|key| task.get(key));
    let Some(command) = words else {
        return Vec::new();
    };
    let args = task.get("args").map(Node::items).unwrap_or_default();
    let parts = [command].into_iter().chain(args);
    let words = parts.map(|part| part.get("value").unwrap_or(part).strings().join(" "));
    vec![words.collect::<Vec<_>>().join(" ")]
}

/// Lets a platform's part of a task replace what the task says for all.
pub(super) fn overlay(task: &mut Node, special: &Node) {
    let Value::Mapping(entries) = &mut task.value else {
        return;
    };
    for entry in special.entries() {
        entries.retain(|own| own.key != entry.key);
        entries.push(entry.clone());
    }
}

/// Takes over what the file says for all tasks. In version 0.1.0 the command is shared and a task adds
/// its arguments, before them its name.
pub(super) fn inherit(task: &mut Node, shared: &Node, old: bool) {
    if old {
        old_arguments(task, shared);
    }
    let is_compound = task.get("dependsOn").is_some();
    let Value::Mapping(entries) = &mut task.value else {
        return;
    };
    for key in ["command", "type", "options"] {
        let own = entries.iter().any(|own| own.key == key);
        if !own
            && (key != "command" || !is_compound)
            && let Some(entry) = shared.entry(key)
        {
            entries.push(entry.clone());
        }
    }
    let shell =
        ["isShellCommand"].iter().any(|key| shared.get(key).and_then(Node::as_bool) == Some(true));
    if shell && !entries.iter().any(|own| own.key == "type") {
        let value = Node::new(1, Value::String("shell".to_owned()));
        entries.push(Entry { key: "type".to_owned(), line: 1, value });
    }
}

fn old_arguments(task: &mut Node, shared: &Node) {
    if task.get("command").is_some() || shared.get("command").is_none() {
        return;
    }
    let mut args: Vec<Node> = shared.get("args").map(Node::items).unwrap_or_default().to_vec();
    args.extend(task.get("args").map(Node::items).unwrap_or_default().iter().cloned());
    let silent = task.get("suppressTaskName").or_else(|| shared.get("suppressTaskName"));
    if silent.and_then(Node::as_bool) != Some(true) {
        args.extend(task.get("taskName").cloned());
    }
    let line = task.line;
    let Value::Mapping(entries) = &mut task.value else {
        return;
    };
    entries.retain(|own| own.key != "args");
    let value = Node::new(line, Value::Sequence(args));
    entries.push(Entry { key: "args".to_owned(), line, value });
}
