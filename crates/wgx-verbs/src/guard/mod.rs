//! `wgx guard`: checks of a repository, with fixes where a fix is safe.
//!
//! One file a check; the table in [`rules`] lists them. Files are read once and shared by all
//! checks. Nothing of the repository is executed unless the caller hands in a runner, which it does
//! for trusted repositories only.

mod attributes;
mod case;
mod conflict;
mod editorconfig;
mod executable;
mod external;
mod final_newline;
mod links;
mod lockfile;
mod profile;
mod repair;
mod secrets;
mod size;
mod syntax;
mod tree;
pub mod watch;
mod whitespace;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use contracts::wgx::guard::SCHEMA;
use contracts::wgx::{
    FixKind, GuardCheck, GuardCounts, GuardFinding, GuardFix, GuardReport, GuardStatus,
};
use redact::Redactor;
use wgx_tasks::task::FoundTask;

use crate::shown;

pub(crate) use external::hook_files;
pub use external::{ExternalCheck, ExternalOutcome, ExternalSource};
pub use tree::GuardError;

use tree::{SourceFile, Tree};

/// Default of [`GuardRequest::max_file_bytes`]: 1 MiB.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reason of a check that `only` or `skip` leave out.
pub const LEFT_OUT_ON_REQUEST: &str = "left out on request";

/// What is to be checked.
#[derive(Clone, Debug)]
pub struct GuardRequest {
    /// Absolute path of the repository root.
    pub root: PathBuf,
    /// Only these files (relative to the root, with `/`); all when `None`.
    pub changed: Option<Vec<String>>,
    /// Larger files are a finding and are not read by other checks. Bytes.
    pub max_file_bytes: u64,
    /// Mend what can be mended safely.
    pub fix: bool,
    /// Only these rules; all when empty.
    pub only: Vec<String>,
    /// Not these rules.
    pub skip: Vec<String>,
}

impl GuardRequest {
    /// All checks of everything under `root`, nothing mended.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            changed: None,
            max_file_bytes: MAX_FILE_BYTES,
            fix: false,
            only: Vec::new(),
            skip: Vec::new(),
        }
    }
}

/// What the checks know from elsewhere.
#[derive(Clone, Copy, Default)]
pub struct GuardFacts<'a> {
    /// Tracked and untracked-but-not-ignored files, relative to the root with `/`. Without them the
    /// folder is walked by its ignore files.
    pub files: Option<&'a [String]>,
    /// How often each rule was broken here, from the memory.
    pub rule_breaks: Option<&'a BTreeMap<String, u64>>,
    /// The repository's tasks, from discovery.
    pub tasks: &'a [FoundTask],
    /// Runs the repository's own checks: given only where the repository is trusted.
    pub runner: Option<&'a (dyn Fn(&ExternalCheck) -> ExternalOutcome + 'a)>,
}

/// What a rule is about; the table of the documentation is made from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Id, as `--only` and `--skip` take it.
    pub id: &'static str,
    /// What is a finding.
    pub finds: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What to do, or what `--fix` does.
    pub fix: &'static str,
    /// Who can do it.
    pub kind: FixKind,
}

/// A check: a rule and what looks for it. A check overrides `file` (content of one file), `tree`
/// (the whole repository) or both.
trait Check: Sync {
    fn rule(&self) -> &'static Rule;

    /// Findings in one file whose content was read.
    fn file(&self, _file: &SourceFile, _context: &Context<'_>) -> Vec<Found> {
        Vec::new()
    }

    /// Findings that need more than one file.
    fn tree(&self, _context: &Context<'_>) -> Vec<Found> {
        Vec::new()
    }

    /// The mended content, where it differs. Only for rules whose fix is safe.
    fn mended(
        &self,
        _content: &[u8],
        _file: &SourceFile,
        _context: &Context<'_>,
    ) -> Option<Vec<u8>> {
        None
    }

    /// Why there is nothing to look at, when that is so.
    fn absent(&self, _context: &Context<'_>) -> Option<&'static str> {
        None
    }
}

/// What all checks share.
struct Context<'a> {
    request: &'a GuardRequest,
    tree: &'a Tree,
    redactor: &'a Redactor,
}

/// A finding before it is joined with its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    file: String,
    line: Option<u32>,
    column: Option<u32>,
    message: String,
    /// What to do, where it differs from the rule's own advice. It makes the fix a manual one.
    advice: Option<String>,
}

impl Found {
    fn new(file: &str, line: Option<u32>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, column: None, message: message.into(), advice: None }
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// The built-in checks, in the order of the report.
const CHECKS: [&dyn Check; 13] = [
    &secrets::Secrets,
    &conflict::ConflictMarkers,
    &syntax::Yaml,
    &syntax::Toml,
    &syntax::Json,
    &profile::Profile,
    &lockfile::LockfileDrift,
    &case::CaseClash,
    &size::FileSize,
    &executable::Executable,
    &links::BrokenLinks,
    &whitespace::TrailingWhitespace,
    &final_newline::FinalNewline,
];

/// The built-in rules, in the order of the report.
pub fn rules() -> Vec<&'static Rule> {
    CHECKS.iter().map(|check| check.rule()).collect()
}

/// Checks a repository and, if asked, mends what can be mended safely.
///
/// # Errors
/// When the root cannot be read, or `only` or `skip` name a rule that does not exist.
pub fn check(request: &GuardRequest, facts: &GuardFacts<'_>) -> Result<GuardReport, GuardError> {
    let external = external::find(request, facts)?;
    known_rules(request, &external)?;
    let tree = Tree::read(request, facts.files)?;
    let redactor = secrets::redactor(&tree);
    let context = Context { request, tree: &tree, redactor: &redactor };
    let mut outcome = Outcome::default();
    let found = look(&context)?;
    let mended =
        if request.fix { repair::apply(&found, &context) } else { repair::Mended::default() };
    for (check, found) in CHECKS.iter().zip(found) {
        outcome.add(*check, found, &mended, &context);
    }
    external::report(&external, request, facts, &mut outcome.checks);
    Ok(outcome.into_report(&context, facts))
}

/// The findings of every check; files are shared out to threads.
fn look(context: &Context<'_>) -> Result<Vec<Vec<Found>>, GuardError> {
    let files: Vec<&SourceFile> = context.tree.content().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let share = files.len().div_ceil(threads).max(64);
    let look = |files: &[&SourceFile]| look_at(files, context);
    let shares: Result<Vec<_>, GuardError> = std::thread::scope(|scope| {
        let parts = files.chunks(share).skip(1);
        let handles: Vec<_> =
            parts.map(|part| (part.len(), scope.spawn(move || look(part)))).collect();
        let first = look(&files[..share.min(files.len())]);
        let rest = handles.into_iter().map(|(files, handle)| joined(files, handle.join()));
        std::iter::once(Ok(first)).chain(rest).collect()
    });
    let whole = |check: &&dyn Check| match is_wanted(check.rule().id, context.request) {
        true => check.tree(context),
        false => Vec::new(),
    };
    let mut all: Vec<Vec<Found>> = CHECKS.iter().map(whole).collect();
    for share in shares? {
        all.iter_mut().zip(share).for_each(|(all, part)| all.extend(part));
    }
    Ok(all)
}

/// What a thread found. One that broke off must not look like one that found nothing.
fn joined<T>(files: usize, ended: std::thread::Result<T>) -> Result<T, GuardError> {
    ended.map_err(|fault| {
        let text = fault.downcast_ref::<String>().map(String::as_str);
        let message = text.or_else(|| fault.downcast_ref::<&str>().copied());
        GuardError::BrokeOff { files, message: message.unwrap_or("no message").to_owned() }
    })
}

fn look_at(files: &[&SourceFile], context: &Context<'_>) -> Vec<Vec<Found>> {
    let wanted = |check: &&dyn Check| is_wanted(check.rule().id, context.request);
    let one = |check: &dyn Check| files.iter().flat_map(|file| check.file(file, context)).collect();
    CHECKS.iter().map(|check| if wanted(check) { one(*check) } else { Vec::new() }).collect()
}

fn is_wanted(rule: &str, request: &GuardRequest) -> bool {
    let named = |names: &[String]| names.iter().any(|name| name == rule);
    (request.only.is_empty() || named(&request.only)) && !named(&request.skip)
}

fn known_rules(request: &GuardRequest, external: &[ExternalCheck]) -> Result<(), GuardError> {
    let mut known: BTreeSet<&str> = rules().iter().map(|rule| rule.id).collect();
    known.extend(external.iter().map(|check| check.rule.as_str()));
    let unknown =
        request.only.iter().chain(&request.skip).find(|name| !known.contains(name.as_str()));
    match unknown {
        Some(name) => Err(GuardError::UnknownRule {
            name: name.clone(),
            known: known.into_iter().map(str::to_owned).collect(),
        }),
        None => Ok(()),
    }
}

/// The report while it grows.
#[derive(Default)]
struct Outcome {
    checks: Vec<GuardCheck>,
    findings: Vec<GuardFinding>,
}

impl Outcome {
    fn add(
        &mut self,
        check: &dyn Check,
        found: Vec<Found>,
        mended: &repair::Mended,
        context: &Context<'_>,
    ) {
        let rule = check.rule();
        let findings: Vec<GuardFinding> =
            found.into_iter().map(|found| finding(rule, found, mended)).collect();
        let fixed = findings.iter().filter(|finding| finding.fixed).count();
        let (status, reason) = match (findings.len(), fixed) {
            _ if !is_wanted(rule.id, context.request) => {
                (GuardStatus::Skipped, LEFT_OUT_ON_REQUEST.to_owned())
            }
            (0, _) => match check.absent(context) {
                Some(reason) => (GuardStatus::Skipped, reason.to_owned()),
                None => (GuardStatus::Passed, "nothing found".to_owned()),
            },
            (all, fixed) if all == fixed => {
                (GuardStatus::Fixed, counted(all, "finding", " mended"))
            }
            (all, 0) => (GuardStatus::Failed, counted(all, "finding", "")),
            (all, fixed) => (GuardStatus::Failed, format!("{fixed} of {all} findings mended")),
        };
        let (title, command) = (rule.finds.to_owned(), None);
        self.checks.push(GuardCheck { rule: rule.id.to_owned(), title, status, reason, command });
        self.findings.extend(findings);
    }

    fn into_report(mut self, context: &Context<'_>, facts: &GuardFacts<'_>) -> GuardReport {
        let order: BTreeMap<&str, usize> =
            rules().iter().enumerate().map(|(index, rule)| (rule.id, index)).collect();
        let breaks =
            |rule: &str| facts.rule_breaks.and_then(|all| all.get(rule)).copied().unwrap_or(0);
        self.findings.sort_by_cached_key(|finding| {
            let rank = order.get(finding.rule.as_str()).copied();
            let often = std::cmp::Reverse(breaks(&finding.rule));
            (often, rank, finding.file.clone(), finding.line, finding.column)
        });
        let count = |test: fn(&GuardFinding) -> bool| {
            self.findings.iter().filter(|finding| test(finding)).count() as u64
        };
        let skipped = context.tree.skipped();
        let counts = GuardCounts {
            files: context.tree.content().count() as u64,
            findings: count(|_| true),
            fixed: count(|finding| finding.fixed),
            open: count(|finding| !finding.fixed),
            fixable: count(|finding| !finding.fixed && finding.fix.kind == FixKind::Safe),
            skipped: skipped.iter().map(|group| group.count).sum(),
        };
        let mut report = GuardReport {
            schema: SCHEMA.to_owned(),
            root: context.tree.root().to_string_lossy().into_owned(),
            changed_only: context.request.changed.is_some(),
            checks: self.checks,
            findings: self.findings,
            counts,
            skipped,
        };
        shown::guard(&mut report);
        report
    }
}

fn finding(rule: &'static Rule, found: Found, mended: &repair::Mended) -> GuardFinding {
    let fixed = found.advice.is_none() && mended.holds(rule.id, &found.file);
    let failure = mended.failure(&found.file).filter(|_| rule.kind == FixKind::Safe);
    let fix = match (found.advice, failure) {
        (Some(description), _) => GuardFix { kind: FixKind::Manual, description },
        (None, Some(error)) => {
            GuardFix { kind: rule.kind, description: format!("{}; not done: {error}", rule.fix) }
        }
        (None, None) => GuardFix { kind: rule.kind, description: rule.fix.to_owned() },
    };
    GuardFinding {
        rule: rule.id.to_owned(),
        file: found.file,
        line: found.line,
        column: found.column,
        message: found.message,
        why: rule.why.to_owned(),
        fix,
        fixed,
    }
}

/// `3 findings mended`, `1 finding`.
fn counted(count: usize, noun: &str, after: &str) -> String {
    format!("{count} {noun}{}{after}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
