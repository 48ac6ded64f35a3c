//! `wgx list --ask-tools`: native tools say what static parsing cannot know. They may execute code of the
//! repository while listing, so the caller has made sure that it is trusted.

use std::collections::HashSet;

use contracts::wgx::{ListReport, Note, Task, TaskSource};
use wgx_tasks::files::RepoFiles;
use wgx_tasks::native::{self, NativeTask, Question};
use wgx_tasks::process::{Capture, Limits, capture};
use wgx_tasks::tools;

use crate::context::Context;

/// How long one tool may take, in milliseconds.
const TIMEOUT_MS: u64 = 60_000;
/// Most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Asks the tools of all sources that are present, adds what they know beyond the report, and removes the
/// notes of sources whose tool has answered.
pub(super) fn ask(context: &Context, files: &RepoFiles, report: &mut ListReport) {
    let present: HashSet<TaskSource> = report
        .tasks
        .iter()
        .map(|task| task.source)
        .chain(report.notes.iter().map(|note| note.source))
        .collect();
    for source in TaskSource::ALL.into_iter().filter(|source| present.contains(source)) {
        for question in native::questions(files, source) {
            match answer(context, files, &question) {
                Ok(tasks) => {
                    add(report, source, tasks);
                    report.notes.retain(|note| note.source != source || note.broken);
                }
                Err(reason) => report.notes.push(no_answer(source, &question, reason)),
            }
        }
    }
    report.complete = report.notes.is_empty();
    report.tasks.sort_by_key(|task| task.source);
}

fn answer(
    context: &Context,
    files: &RepoFiles,
    question: &Question,
) -> Result<Vec<NativeTask>, String> {
    let path = context.variable("PATH").unwrap_or_default();
    let name = question.argv.first().map(String::as_str).unwrap_or_default();
    if tools::find_program(name, path.as_ref()).is_none() {
        return Err(format!("{name} is not installed, so it could not be asked"));
    }
    let argv: Vec<_> = question.argv.iter().map(Into::into).collect();
    let dir = files.root().join(&question.dir);
    let captured = capture(Capture {
        argv: &argv,
        dir: &dir,
        environment: &context.environment.kept,
        limits: Limits { timeout_ms: TIMEOUT_MS, max_output_bytes: MAX_ANSWER_BYTES },
    });
    let captured = captured.map_err(|error| error.to_string())?;
    if captured.timed_out {
        return Err(format!("{name} did not answer within {} s", TIMEOUT_MS / 1_000));
    }
    (question.parse)(&String::from_utf8_lossy(&captured.stdout)).map_err(|error| {
        let said = String::from_utf8_lossy(&captured.stderr);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        format!("{name} gave no list: {error} {said}").trim_end().to_owned()
    })
}

fn add(report: &mut ListReport, source: TaskSource, tasks: Vec<NativeTask>) {
    let known: HashSet<String> = report
        .tasks
        .iter()
        .filter(|task| task.source == source)
        .flat_map(|task| std::iter::once(&task.name).chain(&task.aliases).cloned())
        .collect();
    let noted = report.notes.iter().find(|note| note.source == source);
    let file = report.tasks.iter().find(|task| task.source == source).map(|task| task.file.clone());
    let file = noted.map(|note| note.file.clone()).or(file).unwrap_or_default();
    let new = tasks.into_iter().filter(|task| !known.contains(&task.name));
    report.tasks.extend(new.map(|task| Task {
        id: match &task.member {
            Some(member) => format!("{source}:{member}:{}", task.name),
            None => format!("{source}:{}", task.name),
        },
        name: task.name,
        source,
        file: file.clone(),
        line: 1,
        description: task.description,
        group: None,
        args: Vec::new(),
        shadowed_by: None,
        aliases: Vec::new(),
        alias_of: None,
        member: task.member,
        destructive: false,
        runnable: false,
    }));
}

fn no_answer(source: TaskSource, question: &Question, reason: String) -> Note {
    Note { source, file: question.dir.clone(), line: None, reason, hint: None, broken: false }
}
