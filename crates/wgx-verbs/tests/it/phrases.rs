//! Free text against invented repositories: how often the right task is found, offered or rightly not
//! found, and that nothing destructive starts by mistake.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use contracts::wgx::{Decision, TaskSource};
use wgx_tasks::task::{FoundTask, Program};
use wgx_verbs::phrase::{
    self, Meaning, PhraseContext, PhraseOutcome, PhraseStep, Signals, TaskHistory,
};

use crate::phrases_corpus::{
    PhraseFile, Repositories, Repository, authors, found, is_right, tasks,
};

fn repositories() -> Repositories {
    toml::from_str(include_str!("phrases_data/repositories.toml")).expect("valid")
}

fn all_files() -> Vec<PhraseFile> {
    let texts = [
        include_str!("phrases_data/first.toml"),
        include_str!("phrases_data/second.toml"),
        include_str!("phrases_data/held_out.toml"),
        include_str!("phrases_data/held_out_2.toml"),
        include_str!("phrases_data/held_out_3.toml"),
    ];
    texts.iter().map(|text| toml::from_str(text).expect("valid")).collect()
}

fn resolve(
    text: &str,
    repository: &Repository,
    tasks: &[FoundTask],
    signals: Signals,
) -> PhraseOutcome {
    let context = PhraseContext {
        tasks,
        synonyms: &repository.synonyms,
        semantics: &repository.semantics,
        learned: &BTreeMap::new(),
        history: &HashMap::new(),
        signals,
    };
    phrase::resolve(text, &context)
}

/// Shares of a set of phrases in one language.
#[derive(Default)]
struct Figures {
    fitting: usize,
    top_1: usize,
    top_3: usize,
    starts: usize,
    nothing: usize,
    abstained: usize,
    wrong_destructive: usize,
    misses: Vec<String>,
}

impl Figures {
    fn share(part: usize, whole: usize) -> f64 {
        100.0 * part as f64 / whole.max(1) as f64
    }

    fn line(&self) -> String {
        format!(
            "{:.1} | {:.1} | {:.1} | {:.1}",
            Self::share(self.top_1, self.fitting),
            Self::share(self.top_3, self.fitting),
            Self::share(self.abstained, self.nothing),
            Self::share(self.starts, self.fitting),
        )
    }

    fn add(
        &mut self,
        place: &str,
        phrase: &[String],
        outcome: &PhraseOutcome,
        tasks: [&[FoundTask]; 2],
    ) {
        let [tasks, started] = tasks;
        let (text, expected) = (&phrase[0], phrase[1..].join("|"));
        let is_expected = |at: usize| is_right(phrase, &tasks[at].task.name);
        let starts = outcome.decision == Decision::Run;
        if let Some(first) = outcome.candidates.first().filter(|_| starts) {
            let is_unasked = outcome.destructive.is_none()
                && phrase::destructive_reason(&started[first.task]).is_some();
            self.wrong_destructive += usize::from(is_unasked);
        }
        let shown: Vec<String> = outcome
            .candidates
            .iter()
            .take(3)
            .map(|candidate| {
                format!(
                    "{} {:.2} {}",
                    tasks[candidate.task].task.name, candidate.score, candidate.why
                )
            })
            .collect();
        let miss =
            format!("{place}: {text:?} wants {expected:?}, {:?} {shown:?}", outcome.decision);
        if expected.is_empty() {
            self.nothing += 1;
            self.abstained += usize::from(outcome.decision == Decision::None);
            if outcome.decision != Decision::None {
                self.misses.push(miss);
            }
            return;
        }
        let rank = outcome.candidates.iter().position(|candidate| is_expected(candidate.task));
        let rank = rank.filter(|_| outcome.decision != Decision::None);
        self.fitting += 1;
        self.top_1 += usize::from(rank == Some(0));
        self.top_3 += usize::from(rank.is_some_and(|rank| rank < 3));
        self.starts += usize::from(rank == Some(0) && starts);
        if rank != Some(0) || !starts {
            self.misses.push(miss);
        }
    }
}

type Change = dyn Fn(&Repository) -> Repository;

fn measure_in(repositories: &Repositories, files: &[PhraseFile], language: &str) -> Figures {
    let signals = Signals::default();
    measure_all(repositories, files, language, signals, &Repository::clone)
}

fn measure(files: &[PhraseFile], language: &str, signals: Signals, change: &Change) -> Figures {
    measure_all(&repositories(), files, language, signals, change)
}

fn measure_all(
    repositories: &Repositories,
    files: &[PhraseFile],
    language: &str,
    signals: Signals,
    change: &Change,
) -> Figures {
    let mut figures = Figures::default();
    for (name, phrases) in files.iter().flatten() {
        let changed = change(&repositories[name]);
        let judged = tasks(&repositories[name]);
        let tasks = tasks(&changed);
        for phrase in if language == "en" { &phrases.en } else { &phrases.de } {
            let outcome = resolve(&phrase[0], &changed, &tasks, signals);
            figures.add(name, phrase, &outcome, [&judged, &tasks]);
        }
    }
    figures
}

fn both_languages(check: impl Fn(&str, &Figures)) {
    for language in ["en", "de"] {
        check(language, &measure(&all_files(), language, Signals::default(), &Repository::clone));
    }
}

#[test]
fn own_phrases_reach_the_bars() {
    both_languages(|language, figures| {
        let seen = format!("{language}: {}\n{}", figures.line(), figures.misses.join("\n"));
        assert!(figures.fitting + figures.nothing >= 100 && figures.nothing >= 20, "{seen}");
        assert!(Figures::share(figures.top_1, figures.fitting) >= 92.0, "{seen}");
        assert!(Figures::share(figures.top_3, figures.fitting) >= 95.0, "{seen}");
        assert!(Figures::share(figures.abstained, figures.nothing) >= 90.0, "{seen}");
        assert!(Figures::share(figures.starts, figures.fitting) >= 85.0, "{seen}");
        assert_eq!(figures.wrong_destructive, 0, "{seen}");
    });
}

/// Authors who did not see the words, on repositories of their own. `phrases_bars.toml` says what each must
/// keep per language: top 1, top 3 and nothing fits.
#[test]
fn phrases_of_other_authors_keep_what_was_measured() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let bars = std::fs::read_to_string(folder.join("phrases_bars.toml")).expect("there");
    let bars: BTreeMap<String, BTreeMap<String, [f64; 3]>> = toml::from_str(&bars).expect("valid");
    let corpora = authors(&folder.join("phrases_data"));
    assert_eq!(corpora.len(), bars.len() + 1, "every author but ourselves has bars");
    for (author, bars) in bars {
        let corpus = corpora.iter().find(|corpus| corpus.author == author).expect("there");
        for (language, [top_1, top_3, nothing]) in bars {
            let figures = measure_in(&corpus.repositories, &corpus.files, &language);
            let seen = format!("{author} {language}: {}", figures.line());
            assert!(Figures::share(figures.top_1, figures.fitting) >= top_1, "{seen}");
            assert!(Figures::share(figures.top_3, figures.fitting) >= top_3, "{seen}");
            assert!(Figures::share(figures.abstained, figures.nothing) >= nothing, "{seen}");
            assert_eq!(figures.wrong_destructive, 0, "{seen}");
        }
    }
}

/// Names without meaning; what a task does is told by its description and command alone. Tasks that had
/// neither stay as they were: there would be nothing left to find.
fn renamed(repository: &Repository) -> Repository {
    let rename = |(at, [name, description, command]): (usize, &[String; 3])| {
        let tells = !description.is_empty() || !command.is_empty();
        let name = if tells { format!("zq{at}") } else { name.clone() };
        [name, description.clone(), command.clone()]
    };
    let mut changed = repository.clone();
    changed.tasks = repository.tasks.iter().enumerate().map(rename).collect();
    changed.semantics = BTreeMap::new();
    changed
}

fn undescribed(repository: &Repository) -> Repository {
    let mut changed = repository.clone();
    for task in &mut changed.tasks {
        task[1].clear();
    }
    changed
}

#[test]
fn meaning_survives_when_every_task_is_renamed() {
    for language in ["en", "de"] {
        let figures = measure(&all_files(), language, Signals::default(), &renamed);
        let seen = format!("{language}: {}\n{}", figures.line(), figures.misses.join("\n"));
        assert!(Figures::share(figures.top_1, figures.fitting) >= 70.0, "{seen}");
        assert!(Figures::share(figures.top_3, figures.fitting) >= 80.0, "{seen}");
        assert_eq!(figures.wrong_destructive, 0, "{seen}");
    }
}

#[test]
fn meaning_survives_without_descriptions() {
    for language in ["en", "de"] {
        let figures = measure(&all_files(), language, Signals::default(), &undescribed);
        let seen = format!("{language}: {}\n{}", figures.line(), figures.misses.join("\n"));
        assert!(Figures::share(figures.top_1, figures.fitting) >= 85.0, "{seen}");
        assert!(Figures::share(figures.top_3, figures.fitting) >= 88.0, "{seen}");
    }
}

/// The rows of the table: what is switched off, or changed in the repositories.
fn ablations() -> Vec<(&'static str, Signals, Box<Change>)> {
    let all = Signals::default();
    let same = || -> Box<Change> { Box::new(Repository::clone) };
    vec![
        ("everything", all, same()),
        ("without names", Signals { names: false, ..all }, same()),
        ("without descriptions", Signals { descriptions: false, ..all }, same()),
        ("without commands", Signals { commands: false, ..all }, same()),
        ("without language files", Signals { language: false, ..all }, same()),
        (
            "without profile phrases and synonyms",
            Signals { semantics: false, synonyms: false, ..all },
            same(),
        ),
        (
            "names and language files only",
            Signals { descriptions: false, commands: false, ..all },
            same(),
        ),
        ("every task renamed", all, Box::new(renamed)),
    ]
}

#[test]
fn the_page_shows_what_each_signal_adds() {
    let mut table = String::from(
        "| signals | English: top 1 | top 3 | nothing fits | starts | German: top 1 | top 3 | nothing fits | starts |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let files = all_files();
    for (name, signals, change) in ablations() {
        let [en, de] =
            ["en", "de"].map(|language| measure(&files, language, signals, &*change).line());
        table.push_str(&format!("| {name} | {en} | {de} |\n"));
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/free-text.md");
    let page = std::fs::read_to_string(page).expect("there");
    assert!(page.contains(&table), "docs/free-text.md must hold this table:\n{table}");
}

#[test]
fn no_source_file_holds_a_phrase_or_a_repository_of_these_tests() {
    let sources = [
        include_str!("../../src/phrase/concepts.toml"),
        include_str!("../../src/phrase/tools.toml"),
        include_str!("../../src/phrase/destructive_list.rs"),
        include_str!("../../src/phrase/language/en.toml"),
        include_str!("../../src/phrase/language/de.toml"),
        include_str!("../../src/phrase/score.rs"),
        include_str!("../../src/phrase/decide.rs"),
        include_str!("../../src/phrase/meaning.rs"),
        include_str!("../../src/phrase/request.rs"),
        include_str!("../../src/phrase/scope.rs"),
    ];
    let texts: Vec<String> = sources.iter().map(|text| text.to_lowercase()).collect();
    let corpora = authors(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/phrases_data"));
    let files = corpora.iter().flat_map(|corpus| &corpus.files);
    let of_both = files.flatten().flat_map(|(_, phrases)| phrases.en.iter().chain(&phrases.de));
    let phrases = of_both.map(|phrase| phrase[0].to_lowercase());
    // A common noun, and a public tool of that name.
    let is_own = |name: &String| name != "handbook" && name != "anvil";
    let names = repositories().into_keys().filter(is_own);
    for phrase in phrases.filter(|text| text.split_whitespace().count() >= 4).chain(names) {
        let quoted = [format!("\"{phrase}\""), format!(" {phrase} ")];
        assert!(
            !texts.iter().any(|text| quoted.iter().any(|quoted| text.contains(quoted))),
            "{phrase}"
        );
    }
}

fn one(name: &str, command: &str) -> FoundTask {
    found(TaskSource::Make, &[name.to_owned(), String::new(), command.to_owned()])
}

fn with<'a>(tasks: &'a [FoundTask], empty: &'a Empty) -> PhraseContext<'a> {
    PhraseContext {
        tasks,
        synonyms: &empty.phrases,
        semantics: &empty.phrases,
        learned: &empty.phrases,
        history: &empty.history,
        signals: Signals::default(),
    }
}

#[derive(Default)]
struct Empty {
    phrases: BTreeMap<String, Vec<String>>,
    history: HashMap<String, TaskHistory>,
}

#[test]
fn a_profile_phrase_means_its_ordered_set_in_any_form() {
    let tasks = [one("vale", "vale docs"), one("cspell", "cspell ."), one("docs", "mkdocs build")];
    let empty = Empty::default();
    let steps = ["vale", "cspell", "lychee docs"].map(str::to_owned).to_vec();
    let semantics = BTreeMap::from([("docs prüfen".to_owned(), steps)]);
    let context = PhraseContext { semantics: &semantics, ..with(&tasks, &empty) };
    for text in ["docs prüfen", "Prüfe bitte mal die Docs!", "check the docs"] {
        let outcome = phrase::resolve(text, &context);
        let command = PhraseStep::Command("lychee docs".to_owned());
        assert_eq!(outcome.set, [PhraseStep::Task(0), PhraseStep::Task(1), command], "{text}");
        assert_eq!((outcome.decision, outcome.meaning), (Decision::Run, Some(Meaning::Semantics)));
    }
    let semantics = BTreeMap::from([("weg damit".to_owned(), vec!["git push --force".to_owned()])]);
    let context = PhraseContext { semantics: &semantics, ..with(&tasks, &empty) };
    assert!(phrase::resolve("weg damit", &context).destructive.is_some());
}

#[test]
fn history_decides_between_equals_and_never_starts_what_does_not_fit() {
    let tasks = [one("test-api", "pytest api"), one("test-web", "vitest run")];
    let mut known = Empty::default();
    assert_eq!(phrase::resolve("run the tests", &with(&tasks, &known)).decision, Decision::Choose);
    let often = TaskHistory { count: 30, last_run_age_s: 3600, last_exit_code: Some(0) };
    known.history.insert("make:test-web".to_owned(), often);
    let outcome = phrase::resolve("run the tests", &with(&tasks, &known));
    assert_eq!((outcome.decision, outcome.candidates[0].task), (Decision::Run, 1));
    assert_eq!(phrase::resolve("deploy", &with(&tasks, &known)).decision, Decision::None);
}

#[test]
fn nothing_destructive_starts_without_being_asked_for() {
    let tasks = [one("deploy-docs", "mkdocs gh-deploy"), one("reset-db", "dropdb x && createdb x")];
    let empty = Empty::default();
    for text in
        ["docs", "build the docs", "Doku bauen", "database", "Datenbank anlegen", "docs please"]
    {
        let outcome = phrase::resolve(text, &with(&tasks, &empty));
        assert_ne!(outcome.decision, Decision::Run, "{text}: {outcome:?}");
    }
    let asked = phrase::resolve("deploy the docs", &with(&tasks, &empty));
    assert_eq!(asked.decision, Decision::Run);
    assert!(asked.destructive.is_some());
}

#[test]
fn a_negated_request_starts_nothing() {
    let tasks = [one("test", "pytest"), one("deploy", "kubectl apply -f k8s")];
    let empty = Empty::default();
    for text in
        ["don't deploy", "bitte nicht deployen", "never run the tests", "keine Tests ausführen"]
    {
        assert_eq!(phrase::resolve(text, &with(&tasks, &empty)).decision, Decision::None, "{text}");
    }
    assert_eq!(
        phrase::resolve("don't forget to run the tests", &with(&tasks, &empty)).decision,
        Decision::Run
    );
}

#[test]
fn a_question_starts_nothing_that_only_changes() {
    let tasks = [one("fmt", "ruff format ."), one("test", "pytest")];
    let empty = Empty::default();
    for text in ["is my code still formatted?", "ist noch alles richtig formatiert?"] {
        let outcome = phrase::resolve(text, &with(&tasks, &empty));
        assert_eq!((outcome.decision, outcome.candidates[0].task), (Decision::Choose, 0), "{text}");
    }
    assert_eq!(phrase::resolve("format it", &with(&tasks, &empty)).decision, Decision::Run);
}

#[test]
fn a_question_for_the_way_is_answered_and_starts_nothing() {
    let empty = Empty::default();
    let tasks = [one("build", "make all"), one("serve", "python -m http.server")];
    let context = with(&tasks, &empty);
    assert_eq!(phrase::resolve("build", &context).decision, Decision::Run);
    for (text, task) in [
        ("how do I build this?", "build"),
        ("just cloned it, how can i build it", "build"),
        ("wie starte ich den server", "serve"),
        ("Wie baut man das?", "build"),
    ] {
        let outcome = phrase::resolve(text, &context);
        assert_eq!(outcome.decision, Decision::Choose, "{text}");
        assert_eq!(tasks[outcome.candidates[0].task].task.name, task, "{text}");
    }
}

#[test]
fn spellings_of_one_thing_find_the_task_that_names_it() {
    let empty = Empty::default();
    let tasks = [
        one("test", "go test ./core"),
        one("testall", "go test ./... ./slow/..."),
        one("release:win", "make dist-win"),
        one("release:mac", "make dist-mac"),
    ];
    let context = with(&tasks, &empty);
    for (text, task) in [
        ("run the tests", "test"),
        ("führe die tests aus", "test"),
        ("release for windows", "release:win"),
        ("release für macos", "release:mac"),
    ] {
        let outcome = phrase::resolve(text, &context);
        assert_eq!(tasks[outcome.candidates[0].task].task.name, task, "{text}");
    }
}

#[test]
fn a_job_that_only_a_server_can_run_is_shown_and_never_chosen_to_run() {
    let mut job = one("ci/test", "cargo test");
    job.task.runnable = false;
    job.invocation.program = Program::Shown("runs on the server");
    let tasks = [job];
    let outcome = phrase::resolve("run the tests", &with(&tasks, &Empty::default()));
    assert_ne!(outcome.decision, Decision::Run);
}

#[test]
fn a_job_on_a_server_does_not_stand_in_the_way_of_what_runs_here() {
    let mut job = one("ci/audit", "cargo audit");
    job.task.runnable = false;
    job.invocation.program = Program::Shown("runs on the server");
    let tasks = [job, one("test", "cargo test"), one("build", "cargo build")];
    let empty = Empty::default();
    let outcome = phrase::resolve("security audit", &with(&tasks, &empty));
    assert_eq!(outcome.decision, Decision::None, "{outcome:?}");
    let outcome = phrase::resolve("run the tests", &with(&tasks, &empty));
    assert_eq!((outcome.decision, outcome.candidates[0].task), (Decision::Run, 1));
}

#[test]
fn an_alias_with_its_namespace_is_not_called_by_the_name_alone() {
    let mut inner = one("website:lint", "eslint .");
    inner.task.aliases = vec!["d:lint".to_owned()];
    let tasks = [inner, one("lint", "golangci-lint run")];
    let outcome = phrase::resolve("lint please", &with(&tasks, &Empty::default()));
    assert_eq!(outcome.candidates[0].task, 1, "{outcome:?}");
}

#[test]
fn what_something_is_for_is_not_what_is_asked_for() {
    let tasks = [one("test", "pytest"), one("db-up", "docker compose up -d postgres")];
    let empty = Empty::default();
    for text in ["start the database for the tests", "starte die Datenbank für die Tests"] {
        let outcome = phrase::resolve(text, &with(&tasks, &empty));
        assert_eq!(outcome.candidates[0].task, 1, "{text}: {outcome:?}");
    }
}

#[test]
fn german_words_find_english_names() {
    let tasks = [one("invoice", "./x"), one("customer", "./y"), one("weather", "./z")];
    let empty = Empty::default();
    for (text, task) in [("Rechnungen", 0), ("mach was mit den Kunden", 1)] {
        let outcome = phrase::resolve(text, &with(&tasks, &empty));
        assert_eq!(outcome.candidates.first().map(|first| first.task), Some(task), "{text}");
    }
}

#[test]
fn what_a_task_runs_makes_it_destructive_however_far_away() {
    let mut starts = one("begin", "true");
    starts.needs = vec!["middle".to_owned()];
    let tasks = [
        starts,
        one("middle", "make inner"),
        one("inner", "rm -rf data"),
        one("other", "make begin"),
        one("loop", "make loop"),
        one("sworn", "make inner"),
    ];
    let reason = |at: usize, tasks: &[FoundTask]| phrase::danger_reached(at, tasks);
    for at in [0, 1, 2, 3, 5] {
        assert!(reason(at, &tasks).is_some(), "{}", tasks[at].task.name);
    }
    assert_eq!(reason(4, &tasks), None);
    let mut sworn = tasks.to_vec();
    sworn[5].safe = Some(true);
    assert_eq!(reason(5, &sworn), None);
    let outcome = phrase::resolve("begin", &with(&tasks, &Empty::default()));
    assert!(outcome.destructive.is_some());
}

#[test]
fn the_listed_words_are_found_where_they_name_an_act() {
    let reason =
        |name: &str, command: &str| phrase::destructive_reason(&one(name, command)).is_some();
    for name in [
        "deploy",
        "docker:push",
        "dbReset",
        "clean_all",
        "npm-publish",
        "pre-release",
        "rm-cache",
        "löschen",
    ] {
        assert!(reason(name, "true"), "{name}");
    }
    let dangerous = [
        "rm -rf build",
        "git push origin main",
        "terraform destroy -auto-approve",
        "kubectl delete pod x",
        "npm run db:reset",
        "psql -c 'DROP TABLE x'",
        "docker system prune -af",
        "bash scripts/deploy.sh",
        "git reset --hard",
        "git clean -xfd",
        "cd x && cargo publish",
        "@rm -f *.o",
        "echo 'drop table x' | psql",
        "terraform apply plan",
        "sudo rm x",
        "rsync -a --delete a b",
    ];
    for command in dangerous {
        assert!(reason("x", command), "{command}");
    }
    let harmless = [
        "cargo build --release",
        "docker run --rm image",
        "echo 'release notes'",
        "cp docs/release.md out",
        "ls target/release",
        "# rm -rf /",
        "pytest tests/test_delete.py",
        "prettier --check .",
    ];
    for command in harmless {
        assert!(!reason("x", command), "{command}");
    }
    let mut sworn = one("clean", "rm -rf x");
    sworn.safe = Some(true);
    assert_eq!(phrase::destructive_reason(&sworn), None);
    let mut marked = one("x", "true");
    marked.safe = Some(false);
    assert!(phrase::destructive_reason(&marked).is_some());
}

proptest::proptest! {
    #[test]
    fn no_text_and_no_task_brings_it_down(text in "\\PC{0,60}", name in "\\PC{0,20}", description in "\\PC{0,40}", command in "\\PC{0,60}") {
        let tasks = [found(TaskSource::Npm, &[name, description, command]), one("test", "pytest")];
        let outcome = phrase::resolve(&text, &with(&tasks, &Empty::default()));
        for candidate in &outcome.candidates {
            proptest::prop_assert!((0.0..=1.0).contains(&candidate.score));
        }
        proptest::prop_assert_eq!(outcome.decision == Decision::None, outcome.meaning.is_none());
    }
}

#[test]
#[ignore = "a measurement; run it in release mode"]
fn three_hundred_tasks() {
    let all = repositories();
    let mut many: Vec<FoundTask> = all.values().flat_map(tasks).collect();
    while many.len() < 300 {
        let more: Vec<FoundTask> = many.iter().take(300 - many.len()).cloned().collect();
        many.extend(more);
    }
    many.truncate(300);
    let empty = Empty::default();
    for round in 0..4 {
        let start = std::time::Instant::now();
        let outcome =
            phrase::resolve("bitte die Datenbankmigration ausführen", &with(&many, &empty));
        println!("round {round}: {:?} {:?}", start.elapsed(), outcome.decision);
    }
}
