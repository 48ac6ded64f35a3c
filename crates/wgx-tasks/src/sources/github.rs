//! GitHub workflows: each job of `.github/workflows/*.yml`, shown as a CI job.
//!
//! A task is called `WORKFLOW/JOB`: the workflow's `name` (the file's stem where it has none) and the
//! job's id. `STEM/JOB` is an alias where the two differ.

use std::collections::HashSet;

use contracts::wgx::TaskArg;

use super::{Place, Scan};
use crate::document::{Entry, Node, Value};
use crate::task::Program;

const FOLDER: &str = ".github/workflows";
const WHY: &str = "a job of a GitHub workflow runs on GitHub, or here through `act`";

pub(super) fn discover(scan: &mut Scan<'_>) {
    // GitHub reads the workflows of the repository's root only.
    if !scan.dir.is_empty() || !scan.has(".github") {
        return;
    }
    let mut ids = HashSet::new();
    for name in scan.files.list(FOLDER) {
        let Some(stem) = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")) else {
            continue;
        };
        let file = format!("{FOLDER}/{name}");
        if let Some(workflow) = scan.yaml(&file) {
            jobs(scan, &workflow, &mut ids, (&file, stem));
        }
    }
}

fn jobs(
    scan: &mut Scan<'_>,
    workflow: &Node,
    ids: &mut HashSet<String>,
    (file, stem): (&str, &str),
) {
    let title = workflow.get("name").and_then(Node::scalar);
    let title = title.map(str::trim).filter(|title| !title.is_empty());
    let args = inputs(workflow);
    let Some(jobs) = workflow.get("jobs").filter(|jobs| jobs.is_mapping()) else {
        let hint = "a workflow needs a map `jobs`";
        scan.broken(file, None, "the workflow has no jobs", hint);
        return;
    };
    for job in jobs.entries() {
        let name = format!("{}/{}", title.unwrap_or(stem), job.key);
        let by_file = format!("{stem}/{}", job.key);
        let mut found = scan.declare(&name, Place::new(file, job.line), Program::Shown(WHY));
        if !ids.insert(found.task.id.clone()) {
            // Two workflows may have one title; their files tell them apart.
            found.task.id = format!("{}:{by_file}", scan.source);
            ids.insert(found.task.id.clone());
        }
        found.task.description = description(&job.value);
        found.task.group = Some("ci".to_owned());
        found.task.aliases = Some(by_file).filter(|alias| *alias != name).into_iter().collect();
        found.task.args.clone_from(&args);
        found.commands = commands(&job.value);
        scan.push(found);
    }
}

/// The job's title, the reusable workflow that it calls, and its matrix.
fn description(job: &Node) -> Option<String> {
    let title = job.get("name").and_then(Node::scalar).and_then(super::scan::first_line);
    let uses = job.get("uses").and_then(Node::as_str);
    let uses = uses.map(|workflow| format!("calls {workflow}"));
    let matrix = job.path(&["strategy", "matrix"]).and_then(matrix);
    let parts: Vec<String> = [title, uses, matrix].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn matrix(matrix: &Node) -> Option<String> {
    let Value::Mapping(axes) = &matrix.value else {
        return matrix.scalar().map(|_| "for each of a computed matrix".to_owned());
    };
    let axes: Vec<String> = axes
        .iter()
        .filter(|axis| axis.key != "exclude")
        .filter_map(|axis| match (axis.key.as_str(), axis.value.items().len()) {
            ("include", 0) => None,
            ("include", count) => Some(format!("{count} included")),
            (name, 0) => Some(name.to_owned()),
            (name, count) => Some(format!("{name} × {count}")),
        })
        .collect();
    (!axes.is_empty()).then(|| format!("for each of {}", axes.join(", ")))
}

/// What a person is asked for who starts the workflow by hand.
fn inputs(workflow: &Node) -> Vec<TaskArg> {
    // Readers of YAML 1.1 make `true` of the key `on`; it may be written quoted for them.
    let on = workflow.get("on").or_else(|| workflow.get("true"));
    let inputs = on.and_then(|on| on.path(&["workflow_dispatch", "inputs"]));
    inputs.map(Node::entries).unwrap_or_default().iter().map(input).collect()
}

fn input(input: &Entry) -> TaskArg {
    let required = input.value.get("required").and_then(Node::as_bool);
    let default = input.value.get("default").and_then(Node::scalar);
    TaskArg {
        name: input.key.clone(),
        required: required.unwrap_or(false) && default.is_none(),
        default: default.map(str::to_owned),
        variadic: false,
    }
}

fn commands(job: &Node) -> Vec<String> {
    let steps = job.get("steps").map(Node::items).unwrap_or_default();
    let runs = steps.iter().filter_map(|step| step.get("run")?.as_str());
    runs.map(|run| run.trim_end().to_owned()).collect()
}
