//! Finding programs, asking them for their version, and comparing versions with requirements.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Access, access};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::process::{Capture, Limits, Variables, capture};

/// How the search for a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An executable file.
    Program(PathBuf),
    /// There is such a file, but it cannot be executed.
    NotExecutable(PathBuf),
    /// There is none.
    Missing,
}

/// Finds `name` in the absolute folders of `path` (the value of PATH). Empty and relative folders
/// are skipped: the working directory is never searched, so a file of a repository cannot pose as a
/// tool. A name with a slash is never found.
#[must_use]
pub fn find_program(name: &str, path: &OsStr) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    path.as_bytes()
        .split(|byte| *byte == b':')
        .map(|folder| Path::new(OsStr::from_bytes(folder)))
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

/// Finds the program of a task as `execvp` does: a name with a slash is a file relative to `cwd`,
/// any other is searched on `path`, whose relative folders count from `cwd`.
#[must_use]
pub fn find_for_task(name: &OsStr, path: &OsStr, cwd: &Path) -> Found {
    if name.as_bytes().contains(&b'/') {
        let file = cwd.join(name);
        return match (is_executable(&file), file.exists()) {
            (true, _) => Found::Program(name.into()),
            (false, true) => Found::NotExecutable(file),
            (false, false) => Found::Missing,
        };
    }
    let mut refused = None;
    for folder in path.as_bytes().split(|byte| *byte == b':') {
        let file = cwd.join(OsStr::from_bytes(folder)).join(name);
        if name.is_empty() || !file.is_file() {
            continue;
        }
        if is_executable(&file) {
            return Found::Program(file);
        }
        refused = refused.or(Some(file));
    }
    refused.map_or(Found::Missing, Found::NotExecutable)
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.mode() & 0o111 != 0)
        && access(file, Access::EXEC_OK).is_ok()
}

/// A version as tools print it: numbers, then perhaps a pre-release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The numbers, most significant first.
    pub numbers: Vec<u64>,
    /// Text after a `-` (`beta.2`); a version with it comes before the same without.
    pub pre_release: Option<String>,
}

impl Version {
    /// The first version in `text`: at least two numbers joined by dots (`go1.22.1`, `v20.1.0`,
    /// `git version 2.47.3 (x)`), else a single number standing alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        candidates(text)
            .find(|version| version.numbers.len() > 1)
            .or_else(|| candidates(text).next())
    }

    fn number(&self, at: usize) -> u64 {
        self.numbers.get(at).copied().unwrap_or(0)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        formatter.write_str(&numbers.join("."))?;
        self.pre_release.as_ref().map_or(Ok(()), |text| write!(formatter, "-{text}"))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.compare(other))
    }
}

impl Version {
    fn compare(&self, other: &Self) -> Ordering {
        let length = self.numbers.len().max(other.numbers.len());
        let numbers = (0..length).map(|at| self.number(at).cmp(&other.number(at)));
        let order = numbers.fold(Ordering::Equal, Ordering::then);
        order.then_with(|| match (&self.pre_release, &other.pre_release) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(two)) => compare_pre_release(one, two),
        })
    }
}

/// By dot-separated fields: numbers by value and before words, as semantic versioning has it.
fn compare_pre_release(one: &str, two: &str) -> Ordering {
    let key = |field: &str| match field.parse::<u64>() {
        Ok(number) => (false, number, String::new()),
        Err(_) => (true, 0, field.to_owned()),
    };
    one.split('.').map(key).cmp(two.split('.').map(key))
}

/// All versions in a text, in order.
fn candidates(text: &str) -> impl Iterator<Item = Version> + '_ {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !bytes[at].is_ascii_digit() {
            at += 1;
        }
        let start = at;
        while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'.') {
            at += 1;
        }
        let pre_release = pre_release(&text[at..]);
        let numbers = text[start..at].split('.').map_while(|part| part.parse().ok()).collect();
        at += pre_release.as_ref().map_or(0, |text| text.len() + 1);
        (start < bytes.len()).then_some(Version { numbers, pre_release })
    })
    .filter(|version| !version.numbers.is_empty())
}

fn pre_release(rest: &str) -> Option<String> {
    let text = rest.strip_prefix('-')?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let text = text[..end].trim_end_matches(['.', '-']);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()).then(|| text.to_owned())
}

/// A requirement that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("version requirement `{text}` cannot be read at `{part}`")]
pub struct RequirementError {
    /// The whole requirement.
    pub text: String,
    /// What cannot be read.
    pub part: String,
}

impl RequirementError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        "write it like `>=1.2`, `^1`, `~1.2`, `>=1, <3`, `1.x` or `*`"
    }
}

/// A version requirement: alternatives joined by `||`, each a list of comparisons that all must
/// hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement(Vec<Vec<(Operator, Version)>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Caret,
    Tilde,
}

/// Longer signs first, so that `>=` is not read as `>`.
const OPERATORS: &[(&str, Operator)] = &[
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("~=", Operator::Tilde),
    ("~>", Operator::Tilde),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
    ("^", Operator::Caret),
    ("~", Operator::Tilde),
];

impl Requirement {
    /// Reads `>=1.2`, `^1`, `~1.2`, `=1.2.3`, `!=2`, `1.x`, `*`, joined by commas or spaces (all
    /// must hold) and `||` (one must hold). A plain version means "at least", as in `requiredWgx`.
    ///
    /// # Errors
    ///
    /// [`RequirementError`] naming the part that cannot be read.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        let alternatives = text.split("||").map(|part| Self::parse_all(text, part));
        alternatives.collect::<Result<_, _>>().map(Self)
    }

    fn parse_all(whole: &str, text: &str) -> Result<Vec<(Operator, Version)>, RequirementError> {
        let mut rest = text.trim();
        let mut comparisons = Vec::new();
        while !rest.is_empty() {
            let sign = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign));
            let after = sign.map_or(rest, |(sign, _)| rest[sign.len()..].trim_start());
            let end = after.find([',', ' ', '\t']).unwrap_or(after.len());
            let word = &after[..end];
            rest = after[end..].trim_start_matches([',', ' ', '\t']);
            comparisons.extend(comparison(sign.map(|(_, operator)| *operator), word).ok_or_else(
                || RequirementError { text: whole.to_owned(), part: word.to_owned() },
            )?);
        }
        Ok(comparisons)
    }

    /// Whether a version newer than `version` is asked for: a lower bound of it lies above.
    #[must_use]
    pub fn asks_for_newer(&self, version: &Version) -> bool {
        use Operator::{Caret, Equal, Greater, GreaterOrEqual, Tilde};
        let is_bound = |operator: &Operator| {
            matches!(operator, Greater | GreaterOrEqual | Equal | Caret | Tilde)
        };
        let above = |(operator, wanted): &(Operator, Version)| {
            is_bound(operator) && !holds(GreaterOrEqual, version, wanted)
        };
        self.0.iter().any(|all| all.iter().any(above))
    }

    /// Whether `version` fits.
    #[must_use]
    pub fn fits(&self, version: &Version) -> bool {
        self.0
            .iter()
            .any(|all| all.iter().all(|(operator, wanted)| holds(*operator, version, wanted)))
    }
}

/// One comparison; `Some(None)` for `*`, `None` when the word is no version.
fn comparison(operator: Option<Operator>, word: &str) -> Option<Option<(Operator, Version)>> {
    if matches!(word, "*" | "x" | "X" | "any" | "latest") {
        return Some(None);
    }
    let text = word.trim_start_matches(['v', 'V']);
    let numbers: &str = text.split(['-', '+']).next().unwrap_or_default();
    let wildcard = numbers.split('.').position(|part| matches!(part, "*" | "x" | "X"));
    let parts: Vec<&str> = numbers.split('.').take(wildcard.unwrap_or(usize::MAX)).collect();
    let numbers: Vec<u64> = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let version = Version { numbers, pre_release: pre_release(&text[parts.join(".").len()..]) };
    let operator = match (operator, wildcard) {
        (None | Some(Operator::Equal), Some(_)) => Operator::Tilde,
        (None, None) => Operator::GreaterOrEqual,
        (Some(operator), _) => operator,
    };
    Some(Some((operator, version)))
}

fn holds(operator: Operator, version: &Version, wanted: &Version) -> bool {
    let order = version.compare(wanted);
    let same = |count: usize| (0..count).all(|at| version.number(at) == wanted.number(at));
    match operator {
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Caret => {
            let leading_zeros = wanted.numbers.iter().take_while(|number| **number == 0).count();
            order.is_ge() && same((leading_zeros + 1).min(wanted.numbers.len()))
        }
        Operator::Tilde => order.is_ge() && same(wanted.numbers.len().min(2)),
    }
}

/// What a kept fact about a file stands on. The fact holds as long as the key is the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FactKey {
    /// The resolved folder with the name that was looked for: fronts like rustup are one file with
    /// many names.
    pub file: PathBuf,
    /// Its change time, in nanoseconds since 1970.
    pub modified_ns: u64,
    /// Its size.
    pub size_bytes: u64,
    /// What is known, and what else decides it: for a version, a digest of toolchain files and
    /// selecting variables, because fronts choose by them.
    pub context: String,
}

impl FactKey {
    /// The key of `file` now, or `None` when it is gone.
    #[must_use]
    pub fn of(file: &Path, context: &str) -> Option<Self> {
        let resolved = file.canonicalize().ok()?;
        let data = resolved.metadata().ok()?;
        let modified = data.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            file: resolved.with_file_name(file.file_name()?),
            modified_ns: u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX),
            size_bytes: data.len(),
            context: context.to_owned(),
        })
    }
}

/// Facts about files (versions of tools, digests of lockfiles) that are kept between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    kept: BTreeMap<FactKey, String>,
    is_changed: bool,
}

/// More facts than this are forgotten at once: they can all be found out again.
const MAX_FACTS: usize = 1_000;

impl Facts {
    /// Facts as [`Facts::to_json`] wrote them. Unreadable text means no facts.
    #[must_use]
    pub fn from_json(text: &str) -> Self {
        let kept: Vec<(FactKey, String)> = serde_json::from_str(text).unwrap_or_default();
        Self { kept: kept.into_iter().collect(), is_changed: false }
    }

    /// Text to keep. Facts about files whose path is no UTF-8 are not kept.
    #[must_use]
    pub fn to_json(&self) -> String {
        let kept: Vec<_> =
            self.kept.iter().filter(|(key, _)| key.file.to_str().is_some()).collect();
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// Something was found out since [`Facts::from_json`]: it is worth keeping.
    #[must_use]
    pub const fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// The fact for `key`.
    #[must_use]
    pub fn get(&self, key: &FactKey) -> Option<&str> {
        self.kept.get(key).map(String::as_str)
    }

    /// Keeps `fact`; what was known about the same file in the same context before is dropped.
    pub fn put(&mut self, key: FactKey, fact: String) {
        if self.kept.len() >= MAX_FACTS {
            self.kept.clear();
        }
        self.kept.retain(|old, _| old.file != key.file || old.context != key.context);
        self.kept.insert(key, fact);
        self.is_changed = true;
    }
}

/// How to ask tools for their version.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// PATH of the person.
    pub path: &'a OsStr,
    /// Environment of the question.
    pub environment: &'a Variables,
    /// Where the tool is started. Fronts like rustup choose the version by this folder and may then
    /// run what the folder's toolchain file names: use the repository only when it is trusted.
    pub dir: &'a Path,
    /// How long one question may take, in milliseconds.
    pub timeout_ms: u64,
    /// Digest for [`FactKey::context`].
    pub context: &'a str,
    /// Whether the names of tools come from a trusted place. Any other may name a program that does
    /// something when it is asked: then only well-known tools are, with their one safe question.
    pub is_trusted: bool,
}

/// Default time limit of one version question: JVM tools need seconds when cold.
pub const VERSION_TIMEOUT_MS: u64 = 5_000;

/// The version of `name`, from the facts or by asking the tool (`--version`, then `version`, `-V`
/// and `-version`). `None` when it is not on PATH or tells no version.
pub fn version(name: &str, asking: Asking<'_>, facts: &mut Facts) -> Option<Version> {
    let program = find_program(name, asking.path)?;
    let key = FactKey::of(&program, asking.context)?;
    if let Some(kept) = facts.get(&key) {
        return Version::parse(kept);
    }
    if !asking.is_trusted && !WELL_KNOWN.split(' ').any(|known| known == name) {
        return None;
    }
    let version = ask(name, &program, asking);
    facts.put(key, version.as_ref().map(Version::to_string).unwrap_or_default());
    version
}

/// Tools that are asked whoever names them.
const WELL_KNOWN: &str = "\
    actionlint ansible bash bats black brew buf bun bundle cargo clang clang-format cmake \
    composer conda corepack curl dart deno devbox direnv docker dotnet elixir erl eslint \
    ffmpeg flutter gcc gem gh git go gofmt golangci-lint gradle hadolint helm hugo java \
    javac jq just kubectl lefthook lua make mdbook meson mise moon mvn ninja nix node nox \
    npm npx pandoc php pip pip3 pipx pnpm podman poetry pre-commit prek prettier protoc psql \
    pytest python python3 rake rg ruby ruff rustc rustfmt rustup shellcheck shfmt sqlite3 \
    ssh strace swift task terraform tmux tox tsc uv vale wasm-pack yamllint yarn yq zig zsh";

/// Tools that do not know `--version`.
const OTHER_QUESTIONS: &[(&str, &str)] =
    &[("go", "version"), ("java", "-version"), ("lua", "-v"), ("ssh", "-V"), ("tmux", "-V")];

fn ask(name: &str, program: &Path, asking: Asking<'_>) -> Option<Version> {
    let own = OTHER_QUESTIONS.iter().find(|(tool, _)| *tool == name).map(|(_, word)| *word);
    let all: &[&str] = match (own.as_ref(), asking.is_trusted) {
        (Some(word), _) => std::slice::from_ref(word),
        (None, true) => &["--version", "version", "-V"],
        (None, false) => &["--version"],
    };
    all.iter().find_map(|word| ask_once(program, word, asking))
}

fn ask_once(program: &Path, word: &str, asking: Asking<'_>) -> Option<Version> {
    let argv: [OsString; 2] = [program.into(), word.into()];
    let limits = Limits { timeout_ms: asking.timeout_ms, max_output_bytes: 64 * 1024 };
    let question =
        Capture { argv: &argv, dir: asking.dir, environment: asking.environment, limits };
    let answer = capture(question).ok()?;
    if answer.code != Some(0) {
        return None;
    }
    let text = |bytes: &[u8]| Version::parse(&String::from_utf8_lossy(bytes));
    text(&answer.stdout).or_else(|| text(&answer.stderr))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_print() {
        let table = [
            ("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0"),
            ("go version go1.22.1 linux/amd64", "1.22.1"),
            ("v20.11.0", "20.11.0"),
            ("git version 2.47.3", "2.47.3"),
            ("Python 3.14.0rc2", "3.14.0"),
            ("just 1.57.0-beta.2", "1.57.0-beta.2"),
            ("GNU bash, version 5.2.15(1)-release", "5.2.15"),
            ("openjdk version \"21.0.2\" 2024-01-16", "21.0.2"),
            ("tool 7", "7"),
            ("99999999999999999999.1 then 1.2", "1.2"),
        ];
        for (text, expected) in table {
            let found = Version::parse(text).map(|version| version.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{text}");
        }
        assert_eq!(Version::parse("no numbers here"), None);
    }

    #[test]
    fn requirements_are_compared_as_their_tools_do() {
        let table = [
            (">=1.2", "1.2.0", true),
            (">=1.2", "1.1.9", false),
            (">= 1.2, < 2", "1.9", true),
            (">=1.2 <2", "2.0", false),
            ("*", "0.1", true),
            ("", "0.1", true),
            ("20", "22.1", true),
            ("^1", "1.9.9", true),
            ("^1.2.3", "2.0.0", false),
            ("^0.3.1", "0.4.0", false),
            ("~1.2", "1.2.9", true),
            ("~1.2", "1.3.0", false),
            ("1.x", "1.7", true),
            ("1.x", "2.0", false),
            ("=1.2.3", "1.2.3", true),
            ("!=1.2", "1.2.0", false),
            ("^18 || >=20", "20.1", true),
            ("^18 || >=20", "19.1", false),
            (">=1.0.0", "1.0.0-rc.1", false),
            (">1.0.0-rc.2", "1.0.0-rc.10", true),
        ];
        for (requirement, version, expected) in table {
            let fits =
                Requirement::parse(requirement).unwrap().fits(&Version::parse(version).unwrap());
            assert_eq!(fits, expected, "{requirement} against {version}");
        }
    }

    #[test]
    fn an_unreadable_requirement_is_named() {
        let error = Requirement::parse(">=1.2, banana").unwrap_err();
        assert_eq!(
            error.to_string(),
            "version requirement `>=1.2, banana` cannot be read at `banana`"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,40}") {
            let _ = Version::parse(&text);
            let _ = Requirement::parse(&text);
        }

        #[test]
        fn a_printed_version_is_read_back(numbers in prop::collection::vec(0u64..9999, 2..5)) {
            let version = Version { numbers, pre_release: None };
            prop_assert_eq!(Version::parse(&version.to_string()), Some(version));
        }
    }
}
