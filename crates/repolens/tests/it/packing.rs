//! Packs as people and agents get them: budgets that hold, what is chosen, and what is never done.

use std::collections::BTreeMap;

use contracts::repolens::pack::{PackKind, PackReport, SCHEMA};
use proptest::prelude::*;
use repolens::pack::outline::outline;
use repolens::pack::select::Grain;
use repolens::pack::{PackRequest, SearchRequest, read_file, repo_pack, search};
use repolens::scan::ScanOptions;
use repolens::tokens::Vocabulary;
use testkit::TestRepo;

use crate::merging::repolens;
use crate::tree::Tree;

/// A shop: one file for each concern, none small.
fn shop() -> Tree {
    let mut tree = Tree::new();
    for concern in ["invoice", "basket", "shipping", "customer", "voucher", "catalogue"] {
        let mut code = format!("class {concern}Service:\n");
        for step in 0..12 {
            code += &format!(
                "    def {concern}_step_{step}(self, value):\n        \"\"\"Step {step} of the {concern}.\"\"\"\n        return value + {step}\n\n"
            );
        }
        tree = tree.file(format!("src/{concern}.py"), code);
        tree = tree.file(
            format!("tests/test_{concern}.py"),
            format!("def test_{concern}():\n    assert {concern}\n"),
        );
    }
    tree.file("README.md", "A shop.\n").file("logo.png", b"\x89PNG\0\0")
}

fn report(tree: &Tree, words: &[&str]) -> PackReport {
    let mut all = vec!["pack"];
    all.extend(words);
    all.push("--json");
    let ran = repolens(&tree.root(), &all);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).expect("a report")
}

fn request(tree: &Tree, task: &str, budget: u64) -> PackRequest {
    PackRequest {
        task: task.into(),
        roots: vec![tree.root()],
        budget,
        vocabulary: Vocabulary::O200kBase,
        grain: Grain::Auto,
        explain: false,
        scan: ScanOptions::default(),
    }
}

#[test]
fn the_file_that_the_task_is_about_comes_first_with_its_reasons() {
    let report = report(&shop(), &["round the voucher up in its third step", "--budget", "2k"]);
    assert_eq!(report.schema, SCHEMA);
    assert_eq!(report.items[0].path, "src/voucher.py");
    assert!(report.items[0].why.contains("voucher"), "{}", report.items[0].why);
    assert!(report.tokens <= 2000);
    assert_eq!(report.left_out.reasons["binary"], 1);
    assert!(
        report.notes.iter().any(|note| note.contains("no git repository")),
        "{:?}",
        report.notes
    );
}

#[test]
fn no_budget_is_ever_exceeded_and_budgets_are_filled_while_there_is_material() {
    let tree = shop();
    let all = repo_pack(&request(&tree, "voucher", 1_000_000)).unwrap().report.tokens;
    for budget in (200..8_000).step_by(173) {
        let packed =
            repo_pack(&request(&tree, "change the voucher and the basket", budget)).unwrap();
        let tokens = Vocabulary::O200kBase.count(&packed.text);
        assert_eq!(tokens, packed.report.tokens);
        assert!(tokens <= budget, "{tokens} of {budget}");
        if budget >= 1_000 && all > budget {
            assert!(tokens * 100 >= budget * 97, "{tokens} of {budget}");
        }
    }
}

#[test]
fn what_is_shown_stands_in_the_file_line_by_line() {
    let tree = shop();
    let packed = repo_pack(&request(&tree, "basket step 7", 900)).unwrap();
    let mut kinds = BTreeMap::new();
    for item in &packed.report.items {
        *kinds.entry(format!("{:?}", item.kind)).or_insert(0) += 1;
        for [from, to] in &item.lines {
            let text = read_file(&tree.root(), &item.path, Some((*from, *to))).unwrap();
            assert!(packed.text.contains(&text), "{} {from}-{to}", item.path);
        }
    }
    assert!(kinds.contains_key("Definitions"), "{kinds:?}");
}

#[test]
fn secrets_are_masked_and_counted_and_lines_keep_their_numbers() {
    let token = ["ghp", "_", "R8sVq2Lx9Tz4Nw7Kc1Mb6Yd3Hf5Jg0Pa2QeU"].concat();
    let tree = Tree::new().file(
        "upload.py",
        format!("def upload():\n    token = \"{token}\"\n    return send(token)\n"),
    );
    let packed = repo_pack(&request(&tree, "retry the upload", 4_000)).unwrap();
    assert!(!packed.text.contains(&token));
    assert!(packed.text.contains("return send(token)"));
    assert_eq!(packed.report.redacted.values().sum::<u64>(), 1);
}

#[test]
fn whole_files_alone_when_that_is_asked() {
    let report = report(&shop(), &["voucher", "--grain", "files", "--budget", "3k"]);
    assert!(report.items.iter().all(|item| item.kind == PackKind::Full));
    assert!(!report.items.is_empty());
}

#[test]
fn history_tells_what_words_do_not() {
    let mut repo = TestRepo::new();
    for name in ["alpha", "beta", "gamma", "delta"] {
        repo = repo.file(&format!("src/{name}.rs"), format!("pub fn {name}() {{}}\n"));
    }
    let repo = repo.git();
    for round in 0..3 {
        repo.write("src/gamma.rs", format!("pub fn gamma() {{}} // {round}\n"));
        repo.run_git(&["commit", "-qam", "Make the thermostat less nervous"]);
    }
    let ran = repolens(repo.path(), &["pack", "thermostat", "--json", "--budget", "400"]);
    let report: PackReport = serde_json::from_str(&ran.stdout).expect(&ran.stderr);
    assert_eq!(report.items[0].path, "src/gamma.rs");
    assert!(report.items[0].why.contains("thermostat"), "{}", report.items[0].why);
}

#[test]
fn a_secret_in_a_commit_message_is_masked_also_where_the_subject_is_cut() {
    let token = ["ghp", "_", "R8sVq2Lx9Tz4Nw7Kc1Mb6Yd3Hf5Jg0Pa2QeU"].concat();
    for filler in ["", "and make it quiet for good at night"] {
        let repo = TestRepo::new().file("src/gamma.rs", "pub fn gamma() {}\n").git();
        repo.write("src/gamma.rs", "pub fn gamma() {} // one\n");
        let subject = format!("Mend the thermostat {filler} token={token}");
        repo.run_git(&["commit", "-qam", &subject]);
        let ran = repolens(repo.path(), &["pack", "thermostat", "--json", "--budget", "400"]);
        let report: PackReport = serde_json::from_str(&ran.stdout).expect(&ran.stderr);
        assert!(report.items[0].why.contains("Mend the thermostat"), "{}", report.items[0].why);
        assert!(!report.items[0].why.contains(&token[..10]), "{}", report.items[0].why);
    }
}

#[test]
fn a_long_task_of_rare_characters_leaves_the_budget_as_it_is() {
    let rare: String = (0..100).filter_map(|at| char::from_u32(0x1_3000 + at * 7)).collect();
    let task = format!("{rare} voucher");
    let packed = repo_pack(&request(&shop(), &task, 200)).unwrap();
    let tokens = Vocabulary::O200kBase.count(&packed.text);
    assert_eq!(tokens, packed.report.tokens);
    assert!(tokens <= 200, "{tokens} of 200");
    assert!(packed.text.contains("…\nBudget: 200 tokens"), "{}", packed.text);
}

/// The history of another repository must not be opened by what a working copy says of itself.
#[test]
fn history_stays_in_the_root() {
    let private = TestRepo::new().file("a.py", "def thermostat():\n    pass\n").git();
    private.write("a.py", "def thermostat():\n    return 1\n");
    private.run_git(&["commit", "-qam", "Mend the thermostat of the safe"]);
    let objects = private.path().join(".git/objects");
    let (gitdir, common) = (private.path().join(".git"), private.path().join(".git"));
    type Trap = Box<dyn Fn(&std::path::Path)>;
    let traps: [Trap; 4] = [
        Box::new(move |root| {
            std::fs::remove_dir_all(root.join(".git")).unwrap();
            std::fs::write(root.join(".git"), format!("gitdir: {}\n", gitdir.display())).unwrap();
        }),
        Box::new(move |root| {
            std::fs::write(root.join(".git/commondir"), common.display().to_string()).unwrap();
        }),
        Box::new(move |root| {
            let info = root.join(".git/objects/info");
            std::fs::create_dir_all(&info).unwrap();
            std::fs::write(info.join("alternates"), format!("{}\n", objects.display())).unwrap();
        }),
        Box::new(|root| {
            let config = root.join(".git/config");
            let text = std::fs::read_to_string(&config).unwrap();
            std::fs::write(config, format!("{text}[include]\n\tpath = /etc/passwd\n")).unwrap();
        }),
    ];
    for trap in traps {
        let repo = TestRepo::new().file("a.py", "def thermostat():\n    pass\n").git();
        let words = ["pack", "thermostat", "--json", "--budget", "600"];
        let own = repolens(repo.path(), &words);
        assert!(!own.stdout.contains("of its own"), "{}", own.stdout);
        trap(repo.path());
        let ran = repolens(repo.path(), &words);
        assert!(!ran.stdout.contains("of the safe"), "{}", ran.stdout);
        assert!(ran.stdout.contains("no git repository of its own"), "{}", ran.stdout);
    }
    let linked = tempfile::tempdir().unwrap();
    let place = linked.path().join("tree");
    private.run_git(&["worktree", "add", "-q", place.to_str().unwrap()]);
    let ran = repolens(&place, &["pack", "thermostat", "--json", "--budget", "600"]);
    assert!(ran.stdout.contains("Mend the thermostat"), "{}", ran.stdout);
}

#[test]
fn nothing_that_a_repository_configures_is_executed() {
    let repo = TestRepo::new().file("a.py", "def a():\n    pass\n").git();
    repo.run_git(&["commit", "-q", "--allow-empty", "-m", "Begin with something"]);
    let mark = repo.path().join("executed");
    let program = format!("touch {}", mark.display());
    for key in [
        "core.fsmonitor",
        "diff.external",
        "core.pager",
        "core.sshCommand",
        "log.showSignature",
        "gpg.program",
    ] {
        repo.run_git(&["config", key, if key == "log.showSignature" { "true" } else { &program }]);
    }
    let ran = repolens(repo.path(), &["pack", "something", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!mark.exists());
}

#[test]
fn an_empty_task_and_a_tiny_budget_are_faults_of_the_call() {
    let tree = shop();
    for words in [
        ["pack", "…", "--budget", "1k"],
        ["pack", "voucher", "--budget", "10"],
        ["pack", "x y", "--vocabulary", "klingon"],
    ] {
        let ran = repolens(&tree.root(), &words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.stderr);
    }
}

#[test]
fn a_search_finds_files_and_their_lines() {
    let tree = shop();
    let found = search(&SearchRequest {
        text: "shipping_step_4".into(),
        roots: vec![tree.root()],
        limit: 3,
        scan: ScanOptions::default(),
    });
    let hits = found.unwrap();
    assert_eq!(hits[0].path, "src/shipping.py");
    assert!(hits[0].lines.iter().any(|(_, line)| line.contains("shipping_step_4")), "{hits:?}");
    assert!(hits.len() <= 3);
}

#[test]
fn reading_stays_below_the_root() {
    let tree = shop();
    std::fs::write(tree.outside().join("secret.txt"), "x").unwrap();
    assert!(read_file(&tree.root(), "../secret.txt", None).is_err());
    assert_eq!(read_file(&tree.root(), "README.md", Some((1, 1))).unwrap(), "A shop.\n");
}

proptest! {
    #[test]
    fn every_line_belongs_to_one_piece(text in "([a-z(){}:;#\\n\"' ]|fn |class |def |impl ){0,400}", kind in 0..6_usize) {
        let path = ["a.rs", "a.py", "a.ts", "a.go", "a.rb", "a.txt"][kind];
        let mut next = 1;
        for piece in outline(path, &text) {
            prop_assert_eq!(piece.lines.0, next);
            prop_assert!(piece.lines.1 >= piece.lines.0);
            next = piece.lines.1 + 1;
        }
        prop_assert_eq!(next as usize, text.lines().count() + 1);
    }
}
