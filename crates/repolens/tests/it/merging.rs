//! Merges as people and agents get them: the program over real folders, its files read back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use contracts::repolens::agent::AgentSidecar;
use contracts::repolens::merge::MergeReport;
use repolens::render::anchors::hex;
use sha2::{Digest as _, Sha256};
use testkit::{Ran, Run};

use crate::tree::Tree;

/// 2023-11-14, so that merges do not depend on the day of the test.
const EPOCH: &str = "1700000000";

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn repolens(dir: &Path, words: &[&str]) -> Ran {
    let program = env!("CARGO_BIN_EXE_repolens");
    let run = Run::new(program, dir).args(words).env("SOURCE_DATE_EPOCH", EPOCH);
    run.env("HAUSKI_HOME", dir.join(".home")).go()
}

/// The merges of one call.
pub(crate) struct Made {
    pub(crate) report: MergeReport,
    pub(crate) stderr: String,
}

impl Made {
    /// The parts of the first merge.
    pub(crate) fn parts(&self) -> Vec<String> {
        let files = self.report.merges[0].files.iter();
        files.map(|path| fs::read_to_string(path).expect("a merge can be read back")).collect()
    }

    pub(crate) fn text(&self) -> String {
        let mut parts = self.parts();
        assert_eq!(parts.len(), 1);
        parts.remove(0)
    }

    pub(crate) fn sidecar(&self) -> AgentSidecar {
        let path = self.report.merges[0].sidecar.as_ref().expect("a sidecar was asked for");
        serde_json::from_str(&fs::read_to_string(path).expect("a merge can be read back"))
            .expect("a merge can be read back")
    }
}

/// Merges `roots` into a folder beside them.
pub(crate) fn merged(tree: &Tree, words: &[&str]) -> Made {
    merged_roots(tree, &[tree.root()], words)
}

pub(crate) fn merged_roots(tree: &Tree, roots: &[PathBuf], words: &[&str]) -> Made {
    let out = tree.outside().join("out");
    let mut all: Vec<&str> =
        roots.iter().map(|root| root.to_str().expect("a merge can be read back")).collect();
    all.extend(["--json", "--out", out.to_str().expect("a merge can be read back")]);
    all.extend(words);
    let ran = repolens(&tree.outside(), &all);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    Made {
        report: serde_json::from_str(&ran.stdout).expect("a merge can be read back"),
        stderr: ran.stderr,
    }
}

/// The lines of a merge that are structure: contents of fences are left out.
pub(crate) fn structure(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None => {
                let backticks = line.len() - line.trim_start_matches('`').len();
                if backticks >= 3 {
                    fence = Some(&line[..backticks]);
                } else {
                    lines.push(line);
                }
            }
        }
    }
    assert_eq!(fence, None, "a fence stays open");
    lines
}

/// Every link of every part has exactly one target; gives how many there are.
pub(crate) fn check_links(made: &Made) -> usize {
    let names: Vec<String> = { made.report.merges[0].files.iter() }
        .map(|path| {
            Path::new(path)
                .file_name()
                .expect("a merge can be read back")
                .to_str()
                .expect("a merge can be read back")
                .to_owned()
        })
        .collect();
    let parts = made.parts();
    let mut anchors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, part) in names.iter().zip(&parts) {
        for line in structure(part) {
            let id = line.strip_prefix("<a id=\"").and_then(|rest| rest.strip_suffix("\"></a>"));
            if let Some(id) = id {
                assert!(anchors.entry(name).or_default().insert(id), "twice: {id}");
            }
        }
    }
    let mut count = 0;
    for (name, part) in names.iter().zip(&parts) {
        for line in structure(part) {
            for piece in line.split("](").skip(1) {
                let target = piece.split(')').next().expect("a merge can be read back");
                let (file, token) = target.split_once('#').expect("links have a fragment");
                let file = if file.is_empty() { name } else { file };
                assert!(anchors[file].contains(token), "dead link {target} in {line}");
                count += 1;
            }
        }
    }
    count
}

fn demo() -> Tree {
    Tree::new()
        .file("README.md", "# Demo\n\nA small [tool](x.md) for tests.\n")
        .file("src/main.rs", "fn main() {}\n")
        .file("src/a_b.md", "```\nno end")
        .file(".github/workflows/ci.yml", "name: ci\non: [push]\n")
        .file("contracts/a.schema.json", "{}\n")
        .file("tests/a_test.py", "assert True\n")
        .file("logo.png", b"\x89PNG\0")
        .file("latin.txt", b"gr\xFCn\r\n")
        .file("empty.py", "")
        .link("link", "README.md")
}

#[test]
fn the_head_of_a_merge_is_for_people_too() {
    let text = merged(&demo(), &["--meta-density", "standard"]).text();
    let head = &text[..text.find("§§ structure").unwrap()];
    insta::with_settings!({filters => vec![(r"[0-9a-f]{64}", "<sha256>"), (r"[0-9a-f]{16}", "<id>")]}, {
        insta::assert_snapshot!(head);
    });
}

#[test]
fn the_body_of_a_merge_lists_links_and_holds_everything() {
    let text = merged(&demo(), &[]).text();
    let body = &text[text.find("§§ structure").unwrap()..];
    insta::assert_snapshot!(body);
}

#[test]
fn a_plan_has_no_contents() {
    let text = merged(&demo(), &["--plan-only"]).text();
    insta::with_settings!({filters => vec![(r"[0-9a-f]{64}", "<sha256>"), (r"[0-9a-f]{16}", "<id>")]}, {
        insta::assert_snapshot!(text);
    });
}

#[test]
fn sections_stand_in_the_order_of_the_specification() {
    let text = merged(&demo(), &["--extras", "all"]).text();
    let wanted = [
        "## Source & Profile {#source-profile}",
        "## Profile Description {#profile-description}",
        "## Reading Plan {#reading-plan}",
        "## Plan {#plan}",
        "## Health {#health}",
        "## Organism Index {#organism-index}",
        "## Augment {#augment}",
        "## Heatmap {#heatmap}",
        "## 📁 Structure {#structure}",
        "## Index {#index}",
        "## Category: source {#cat-source}",
        "## 🧾 Manifest {#manifest}",
        "## 📄 Content {#content}",
        "## 📦 demo {#repo-demo}",
    ];
    let lines = structure(&text);
    let places: Vec<usize> = { wanted.iter() }
        .map(|wanted| lines.iter().position(|line| line == wanted).expect(wanted))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    for (place, wanted) in places.iter().zip(wanted) {
        let token = wanted.rsplit_once("{#").unwrap().1.trim_end_matches('}');
        assert_eq!(lines[place - 1], format!("<a id=\"{token}\"></a>"));
        assert_eq!(lines[place - 2], format!("§§ {token}"));
    }
}

#[test]
fn every_link_has_its_target() {
    let tree = demo().file("a/b.py", "1").file("a-b.py", "2").file("a/b-py", "3");
    assert!(check_links(&merged(&tree, &["--extras", "all"])) > 30);
    for words in [
        &["--level", "overview"][..],
        &["--plan-only"],
        &["--meta-none"],
        &["--code-only"],
        &["--meta-density", "min"],
    ] {
        check_links(&merged(&tree, words));
    }
}

#[test]
fn files_whose_anchors_collide_get_suffixes_and_others_do_not() {
    let tree = Tree::new().file("a/b.py", "1").file("a-b.py", "2").file("a/c.py", "3");
    let text = merged(&tree, &[]).text();
    let lines = structure(&text);
    assert!(lines.contains(&"<a id=\"file-demo-a-c-py\"></a>"));
    let digest = |name: &str| sha256(name)[..6].to_owned();
    for path in ["demo:a/b.py", "demo:a-b.py"] {
        let anchor = format!("<a id=\"file-demo-a-b-py-{}\"></a>", digest(path));
        assert!(lines.contains(&anchor.as_str()), "{anchor}");
    }
}

#[test]
fn the_example_of_the_specification_has_its_anchor() {
    let tree = Tree::named("tools").file("merger/merge_core.py", "x = 1\n");
    let text = merged(&tree, &[]).text();
    assert!(text.contains("<a id=\"file-tools-merger-merge_core-py\"></a>"));
    assert!(text.contains("[`merger/merge_core.py`](#file-tools-merger-merge_core-py)"));
    assert!(text.contains("## 📦 tools {#repo-tools}"));
}

#[test]
fn the_sidecar_finds_every_byte() {
    let tree = demo().file("we\"ird`|<.txt", "x").file("crlf.txt", "a\r\nb\r\n");
    let made = merged(&tree, &["--json-sidecar"]);
    let (text, sidecar) = (made.text(), made.sidecar());
    assert_eq!(sidecar.files.len(), 12);
    for file in sidecar.files.iter().filter(|file| file.included) {
        let marker = &file.content_ref.as_ref().unwrap().marker;
        assert_eq!(text.matches(marker.as_str()).count(), 1, "{marker}");
        let anchor = &file.md_ref.as_ref().unwrap().anchor;
        assert_eq!(text.matches(&format!("<a id=\"{anchor}\"></a>")).count(), 1);
        let emitted = file.emitted.as_ref().unwrap();
        let [range] = emitted.content.as_slice() else { panic!("one piece") };
        let at = usize::try_from(range.offset).unwrap();
        let content = &text.as_bytes()[at..at + usize::try_from(range.length).unwrap()];
        assert_eq!(sha256(content), emitted.sha256_emitted);
        let on_disk = fs::read(tree.root().join(&file.path)).unwrap();
        assert_eq!(Some(sha256(&on_disk)), file.sha256);
        if emitted.encoding.is_none() {
            assert_eq!(content, on_disk, "{}", file.path);
        }
        let block = &text.as_bytes()[usize::try_from(emitted.block.offset).unwrap()..];
        let block = &block[..usize::try_from(emitted.block.length).unwrap()];
        assert!(block.starts_with(b"---\n\n\xC2\xA7\xC2\xA7 file-"));
        assert!(block.ends_with("(#manifest)\n\n".as_bytes()));
    }
    let missing: Vec<_> = sidecar.files.iter().filter(|file| !file.included).collect();
    assert_eq!(missing.len(), 2);
    assert!(missing.iter().all(|file| file.content_ref.is_none() && file.reason.is_some()));
}

#[test]
fn a_merge_of_an_earlier_merge_salts_its_ids() {
    let tree = demo();
    let first = merged(&tree, &[]).text();
    let tree = tree.file("docs/old_merge.md", &first);
    let made = merged(&tree, &["--json-sidecar"]);
    let text = made.text();
    let sidecar = made.sidecar();
    assert_eq!(sidecar.meta.salt, 1);
    assert!(text.contains("\n  salt: 1\n"));
    for file in sidecar.files.iter().filter(|file| file.included) {
        let marker = &file.content_ref.as_ref().unwrap().marker;
        assert_eq!(text.matches(marker.as_str()).count(), 1, "{marker}");
    }
    check_links(&made);
}

#[test]
fn parts_never_cut_a_block_and_link_across() {
    let mut tree = demo();
    for at in 0..40 {
        tree = tree.file(format!("src/file{at}.rs"), format!("// {at}\n").repeat(60));
    }
    let made = merged(&tree, &["--split-size", "16KB", "--json-sidecar"]);
    let parts = made.parts();
    assert!(parts.len() > 2, "{}", parts.len());
    for (at, (part, path)) in parts.iter().zip(&made.report.merges[0].files).enumerate() {
        assert!(part.starts_with(&format!(
            "# WC-Merge Report (Part {}/{})\n",
            at + 1,
            parts.len()
        )));
        assert!(path.ends_with(&format!("_part{}_merge.md", at + 1)), "{path}");
        let blocks =
            structure(part).iter().filter(|line| line.starts_with("<!-- file:id=")).count();
        assert!(part.len() <= 16_000 || blocks <= 1 || at == 0, "part {at}: {}", part.len());
    }
    check_links(&made);
    let sidecar = made.sidecar();
    for file in sidecar.files.iter().filter(|file| file.included) {
        let emitted = file.emitted.as_ref().unwrap();
        let part = &parts[usize::try_from(emitted.part).unwrap() - 1];
        let at = usize::try_from(emitted.block.offset).unwrap();
        let block = &part[at..at + usize::try_from(emitted.block.length).unwrap()];
        assert!(block.contains(&file.content_ref.as_ref().unwrap().marker));
        assert!(block.ends_with("#manifest)\n\n"), "{block}");
    }
    let whole = merged(&tree, &["--split-size", "0"]).text();
    for words in [&["--split-size=-1"][..], &["--split-size", "-1"]] {
        assert_eq!(merged(&tree, words).parts().len(), 1);
    }
    let files = |text: &str| text.matches("<!-- file:id=").count();
    assert_eq!(files(&whole), parts.iter().map(|part| files(part)).sum::<usize>());
}

#[test]
fn the_same_tree_gives_the_same_bytes() {
    let mut tree = demo();
    for at in 0..300 {
        tree = tree
            .file(format!("src/d{}/file{at}.rs", at % 7), format!("fn f{at}() {{}}\n").repeat(at));
    }
    let elsewhere = Tree::new();
    copy(&tree.root(), &elsewhere.root());
    let words = ["--extras", "all"];
    let first = merged(&tree, &[&words[..], &["--threads", "1"]].concat()).text();
    for threads in ["2", "16"] {
        let again = merged(&elsewhere, &[&words[..], &["--threads", threads]].concat()).text();
        assert!(again == first, "{threads} threads differ");
    }
    assert!(!first.contains(tree.outside().to_str().unwrap()));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the test tree can be copied");
    for entry in fs::read_dir(from).expect("the test tree can be copied") {
        let entry = entry.expect("the test tree can be copied");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("the test tree can be copied");
        if kind.is_dir() {
            copy(&from, &to);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(
                fs::read_link(&from).expect("the test tree can be copied"),
                &to,
            )
            .expect("the test tree can be copied");
        } else {
            fs::copy(&from, &to).expect("the test tree can be copied");
        }
    }
}

#[test]
fn secrets_are_masked_where_they_stand() {
    let token = format!("ghp_{}", "016C7gHVNMKbOj9ZRPTpsJHD4QvLrW2l0gqM");
    let tree = Tree::new().file("a.py", format!("token = '{token}'\nprint(1)\n"));
    let made = merged(&tree, &["--json-sidecar"]);
    let text = made.text();
    assert!(!text.contains(&token));
    assert!(text.contains("«redacted:"));
    assert!(text.contains("print(1)"));
    assert!(text.contains("| full (redacted: 1) |"), "{text}");
    assert!(text.contains("- Secrets masked: 1 ("));
    let file = &made.sidecar().files[0];
    assert_ne!(file.sha256.as_ref(), Some(&file.emitted.as_ref().unwrap().sha256_emitted));
}

#[test]
fn long_files_are_truncated_between_characters_and_marked() {
    let tree = Tree::new().file("a.txt", "ä".repeat(100)).file("b.txt", "short\n");
    let text = merged(&tree, &["--max-file-bytes", "33", "--meta-density", "min"]).text();
    assert!(text.contains("| truncated (32 of 200 bytes) |"), "{text}");
    assert!(text.contains(&format!("```text\n{}\n```\n", "ä".repeat(16))));
    assert!(text.contains("<!-- file_meta: {\"included\":\"truncated\",\"size\":200,\"kept\":32,"));
    assert_eq!(text.matches("file_meta").count(), 1);
    assert!(text.contains("- Coverage: 1/2 Dateien mit vollem Inhalt"));
    let pieces = merged(&tree, &["--max-file-bytes", "33", "--split-files"]).text();
    assert!(pieces.contains("piece=\"1/7\" eof=\"none\" -->"), "{pieces}");
    assert_eq!(pieces.matches("<!-- zone:begin").count(), 8);
    assert!(pieces.contains("- Coverage: 2/2 Dateien mit vollem Inhalt"));
}

#[test]
fn a_limit_counts_the_bytes_of_the_file_in_every_encoding() {
    let utf16 = [0xFF, 0xFE].into_iter().chain([0x22, 0x6F].repeat(400_000)).collect::<Vec<u8>>();
    let tree = Tree::new().file("a.txt", [0xE9].repeat(800_000)).file("b.txt", utf16);
    let text = merged(&tree, &["--max-file-bytes", "400000"]).text();
    assert!(text.contains(&format!("```text\n{}\n```\n", "é".repeat(400_000))));
    assert!(text.contains("| truncated (400000 of 800000 bytes) |"));
    assert!(text.contains(" of 800002 bytes) |"));
    let kept = text.chars().filter(|c| *c == '漢').count();
    assert!((199_999..=200_000).contains(&kept), "{kept}");
}

#[test]
fn any_number_of_threads_may_be_asked_for() {
    let tree = demo();
    assert_eq!(merged(&tree, &["--threads", "200000"]).text(), merged(&tree, &[]).text());
}

#[test]
fn a_repository_whose_first_content_comes_in_the_next_part_has_its_heading() {
    let tree = Tree::named("one")
        .file("a.txt", "a\n".repeat(6_000))
        .outside_repo("two", &[("a.bin", "\0\0\0\0"), ("b.txt", &"b\n".repeat(6_000))]);
    let two = tree.outside().join("two");
    let made = merged_roots(&tree, &[tree.root(), two], &["--split-size", "20KB"]);
    let parts = made.parts();
    assert_eq!(parts.len(), 2);
    let headings = |part: &str| part.matches("\n## 📦 two {#repo-").count();
    assert_eq!((headings(&parts[0]), headings(&parts[1])), (0, 1));
}

#[test]
fn densities_say_what_the_table_of_the_specification_says() {
    let tree = demo();
    let lines = |density: &str| {
        let text = merged(&tree, &["--meta-density", density]).text();
        let lines = structure(&text);
        let content = lines.iter().position(|line| line.starts_with("## 📄")).unwrap();
        let head = lines[..content].join("\n");
        (head, lines[content..].join("\n"))
    };
    let (head, content) = lines("min");
    assert!(!content.contains("- Category:") && !content.contains("file_meta"));
    assert!(head.contains("_Index reduced") && !head.contains("## Category:"));
    assert!(!head.contains("### Hotspots"));
    let (head, content) = lines("standard");
    assert!(content.contains("- Category:") && !content.contains("- MD5:"));
    assert!(!content.contains("file_meta"));
    assert!(head.contains("### Hotspots") && head.contains("## Category: source"));
    let (_, content) = lines("full");
    assert!(content.contains("- MD5:"));
    let blocks = content.matches("<!-- file:id=").count();
    assert_eq!(content.matches("<!-- file_meta: {\"included\":\"full\"").count(), blocks);
}

#[test]
fn hotspots_are_at_most_three_or_eight_a_lens() {
    let mut tree = Tree::new();
    for at in 0..20 {
        tree = tree.file(format!("src/f{at}.rs"), "x\n".repeat(at + 1));
    }
    let most = |density: &str| {
        let text = merged(&tree, &["--meta-density", density]).text();
        let core = text.lines().find(|line| line.starts_with("- Core: ["));
        core.map_or(0, |line| line.matches("](#").count())
    };
    assert_eq!([most("min"), most("standard"), most("full")], [0, 3, 8]);
}

#[test]
fn a_filter_throttles_the_automatic_density_and_says_so() {
    let text = merged(&demo(), &["--ext", "rs"]).text();
    assert!(text.contains("**Meta-Density:** `standard`\n\n**Auto-Drosselung:**"));
    assert!(text.contains("- Extension Filter: `.rs`"));
    let text = merged(&demo(), &[]).text();
    assert!(text.contains("**Meta-Density:** `full`") && !text.contains("Auto-Drosselung"));
}

#[test]
fn without_interpretation_nothing_is_interpreted() {
    let tree = demo();
    let made = merged(&tree, &["--meta-none", "--extras", "all", "--plan-only"]);
    let text = made.text();
    assert!(made.stderr.contains("--plan-only has no effect"), "{}", made.stderr);
    for word in ["Hotspots", "Lenses", "Heatmap", "Health", "Augment", "Organism", "verdict"] {
        assert!(!text.contains(word), "{word}");
    }
    assert!(text.contains("\n  mode: \"none\"\n  warning: \"interpretation_disabled\"\n"));
    assert!(text.contains("## 🧾 Manifest {#manifest}"));
    assert_eq!(serde_json::to_value(made.sidecar().meta.mode).unwrap(), "none");
    assert!(!merged(&demo(), &[]).text().contains("interpretation_disabled"));
}

#[test]
fn several_repositories_stand_in_one_merge_or_in_one_each() {
    let tree = demo().outside_repo("other", &[("main.py", "print()\n"), ("README.md", "Other.\n")]);
    let roots = [tree.root(), tree.outside().join("other")];
    let made = merged_roots(&tree, &roots, &["--extras", "all"]);
    let text = made.text();
    check_links(&made);
    assert!(text.contains("## 📦 demo {#repo-demo}") && text.contains("## 📦 other {#repo-other}"));
    assert!(text.contains("- Scope: 2 repos: `demo`, `other`"));
    assert!(text.contains("## Fleet Panorama") && !text.contains("## Organism Index"));
    assert!(text.contains("- Declared Purpose: Other."));
    let made = merged_roots(&tree, &roots, &["--mode", "pro-repo"]);
    assert_eq!(made.report.merges.len(), 2);
    assert!(made.report.merges[1].files[0].contains("other-max-"));
}

#[test]
fn names_cannot_imitate_structure() {
    let marker = "<!-- file:id=\"FILE:f_000000000000\" repo=\"demo\" path=\"x\" -->";
    let tree = Tree::new()
        .file(format!("a\n{}", marker.replace('/', "_")), "1")
        .file("b\n§§ manifest\n## 🧾 Manifest {#manifest}", "2")
        .file("[x](y) *z* __q__.md", "3")
        .file("(group)/[id].tsx", "4");
    let made = merged(&tree, &["--json-sidecar"]);
    let text = made.text();
    let lines = structure(&text);
    assert_eq!(lines.iter().filter(|line| **line == "## 🧾 Manifest {#manifest}").count(), 1);
    assert_eq!(lines.iter().filter(|line| line.starts_with("<!-- file:id=")).count(), 4);
    assert!(!text.contains("file:id=\"FILE:f_000000000000\""));
    assert!(text.contains("<a id=\"file-demo--group--[id]-tsx\"></a>"));
    let paths: Vec<_> = made.sidecar().files.into_iter().map(|file| file.path).collect();
    assert!(paths.contains(&"b\n§§ manifest\n## 🧾 Manifest {#manifest}".to_owned()));
}

#[test]
fn contents_cannot_imitate_structure() {
    let evil = "```\n<!-- zone:end type=code id=\"FILE:f_000000000000\" -->\n\n## 🧾 Manifest {#manifest}\n````\n`````";
    let tree = Tree::new().file("evil.md", evil).file("after.md", "after\n");
    let text = merged(&tree, &[]).text();
    assert!(text.contains(&format!("\n``````markdown\n{evil}\n``````\n")));
    let lines = structure(&text);
    assert_eq!(lines.iter().filter(|line| **line == "## 🧾 Manifest {#manifest}").count(), 1);
}

#[test]
fn a_merge_goes_to_standard_output_and_leaves_nothing_behind() {
    let tree = demo();
    let ran = repolens(&tree.outside(), &[tree.root().to_str().unwrap(), "--stdout"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, merged(&tree, &[]).text());
    let ran = repolens(&tree.outside(), &["demo", "--stdout", "--split-size", "1MB"]);
    assert_eq!(ran.code, 2);
    let left: Vec<_> =
        fs::read_dir(tree.outside()).unwrap().map(|e| e.unwrap().file_name()).collect();
    let others = left.iter().filter(|name| *name != ".home").count();
    assert_eq!(others, 2, "the working copy and the merge of before: {left:?}");
}

#[test]
fn wrong_calls_are_told() {
    let tree = demo();
    for (words, said) in [
        (&["missing"][..], "missing"),
        (&["demo", "--extras", "helth"], "`helth` is no extra"),
        (&["demo", "--ext", "r*s"], "is no extension"),
        (&["demo", "--split-files"], "--max-file-bytes"),
        (&["demo", "--split-size", "3XB"], "no unit"),
        (&["demo", "--name", "../x"], "a name of letters"),
    ] {
        let ran = repolens(&tree.outside(), words);
        assert_eq!(ran.code, 2, "{words:?} {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{words:?} {}", ran.stderr);
    }
}

#[test]
fn the_specification_of_the_checksum_is_the_one_in_docs() {
    let text = include_bytes!("../../../../docs/repolens-spec-v2.4.md");
    assert_eq!(repolens::render::SPEC_CHECKSUM, sha256(text));
}

/// Makes every file older than what the cache takes for certain.
fn settle_times() {
    std::thread::sleep(std::time::Duration::from_millis(2100));
}

#[test]
fn a_merge_from_the_cache_is_the_merge_from_the_files() {
    let secret = format!("token = \"ghp_{}\"\n", "0123456789abcdefABCDEFghijklmnopqrst");
    let tree = Tree::new()
        .file("README.md", "# Demo\n\nWhat it is.\n")
        .file("a.rs", "fn main() {}\n")
        .file("twin.rs", "fn main() {}\n")
        .file("latin.txt", b"gr\xfcn\n")
        .file("data.bin", b"a\0b")
        .file("secret.toml", &secret)
        .file("last.txt", "end");
    let text = |words: &[&str]| {
        let made = merged(&tree, words);
        assert_eq!(made.stderr, "");
        made.text()
    };
    settle_times();
    let cold = text(&["--no-cache"]);
    assert!(!tree.outside().join(".home").exists(), "--no-cache leaves nothing");
    assert_eq!(text(&[]), cold, "what is learned changes nothing");
    let kept = tree.outside().join(".home/repolens/facts/contents");
    assert!(kept.is_file());
    assert_eq!(text(&[]), cold, "what is known changes nothing");

    // A change of the same length, with the old modification time put back.
    let path = tree.root().join("a.rs");
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "fn mine() {}\n").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    fs::remove_file(tree.root().join("last.txt")).unwrap();
    fs::rename(tree.root().join("twin.rs"), tree.root().join("moved.rs")).unwrap();
    let warm = text(&[]);
    assert!(warm.contains("fn mine()") && warm != cold);
    assert_eq!(warm, text(&["--no-cache"]));
    assert_eq!(text(&["--no-tokens"]), text(&["--no-tokens", "--no-cache"]));
    let filtered = ["--path-filter", "rs", "--max-file-bytes", "5"];
    assert_eq!(text(&filtered), text(&[&filtered[..], &["--no-cache"]].concat()));

    fs::write(&kept, "damaged").unwrap();
    assert_eq!(text(&[]), warm, "a damaged cache is as good as none");
}

#[test]
fn the_debug_mode_says_at_least_what_the_specification_asks() {
    let tree = Tree::new().file("a/b.py", "1").file("a-b.py", "2").file("README.md", "R.\n");
    let made = merged(&tree, &["--debug"]);
    let said: Vec<&str> = made
        .stderr
        .lines()
        .filter_map(|line| line.split_once("debug: "))
        .map(|(_, said)| said)
        .collect();
    assert_eq!(
        said,
        [
            "unknown categories: 0",
            "unknown tags: 0",
            "files with content and without anchor: 0",
            "files without manifest entry: 0",
            "files without tags: 2 (a-b.py, a/b.py)",
            "files with colliding anchors, each with a suffix: 2 (a-b.py, a/b.py)",
            "order of the sections: as specified (source-profile, profile-description, reading-plan, plan, structure, manifest, content)",
        ]
    );
    let made = merged(&tree, &["--debug", "--plan-only"]);
    assert!(
        made.stderr
            .contains("as specified (source-profile, profile-description, reading-plan, plan)")
    );
}

#[test]
fn every_profile_declares_its_purpose() {
    let tree = demo();
    for (level, purpose) in [
        ("overview", "Tools – Index"),
        ("summary", "Tools – Doku/Kontext"),
        ("dev", "Tools – Code/Review Snapshot"),
        ("machine-lean", "Tools – Machine-Lean"),
        ("max", "Tools – Vollsnapshot"),
    ] {
        let text = merged(&tree, &["--level", level]).text();
        assert!(text.contains(&format!("\n- Declared Purpose: {purpose}\n")), "{level}");
        assert!(text.contains(&format!("\n- Profile: {level}\n")), "{level}");
    }
}

#[test]
fn the_head_and_the_sidecar_satisfy_their_published_types() {
    let tree = demo();
    for words in [
        &["--extras", "all"][..],
        &["--plan-only"],
        &["--meta-none"],
        &["--ext", "rs", "--path-filter", "s"],
    ] {
        let made = merged(&tree, &[words, &["--json-sidecar"]].concat());
        let text = made.text();
        let block = text.split("<!-- @meta:start -->\n```yaml\n").nth(1).unwrap();
        let block = block.split("```\n<!-- @meta:end -->").next().unwrap();
        let meta = yaml(block);
        let parsed: contracts::repolens::report::ReportMeta = serde_json::from_value(meta).unwrap();
        assert_eq!(parsed.merge.spec_version, "2.4");
        assert_eq!(parsed.merge.merge_id, made.sidecar().meta.merge_id);
        assert!(text.contains("\n- Contract: repolens-report\n- Contract-Version: 2.4\n"));
    }
}

/// The subset of YAML of the block: `key: JSON`, two spaces a level.
fn yaml(text: &str) -> serde_json::Value {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut root = serde_json::json!({});
    for line in text.lines() {
        let depth = (line.len() - line.trim_start().len()) / 2;
        open.truncate(depth);
        let (key, value) = line.trim_start().split_once(':').expect("a key");
        let value = match value.trim() {
            "" => serde_json::json!({}),
            value => serde_json::from_str(value).expect("JSON"),
        };
        let mut place = &mut root;
        for (_, key) in &open {
            place = &mut place[key];
        }
        let key: String = serde_json::from_str(key).unwrap_or_else(|_| key.to_owned());
        place[&key] = value;
        open.push((depth, key));
    }
    root
}

#[test]
fn headings_that_are_bare_tokens_are_for_viewers_that_drop_the_rest() {
    let tree = demo();
    let text = merged(&tree, &["--nav", "headings"]).text();
    assert!(text.contains("<a id=\"manifest\"></a>\n## manifest\n## 🧾 Manifest {#manifest}\n"));
    assert!(
        text.contains("\n### file-demo-src-main-rs\n### `src/main.rs` {#file-demo-src-main-rs}\n")
    );
    assert!(!merged(&tree, &[]).text().contains("\n## manifest\n"));
}
