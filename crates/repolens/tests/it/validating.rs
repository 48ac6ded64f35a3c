//! `validate`: every rule with a merge that it accepts and one that it rejects.

use contracts::repolens::validate::MergeVerdict;
use repolens::validate::{Options, Rule, Validator};

use crate::hand::Hand;

/// The verdict over a merge whose parts are these texts.
pub(crate) fn verdict(names: &[String], parts: &[String]) -> MergeVerdict {
    let mut validator = Validator::new(Options::default());
    for (name, text) in names.iter().zip(parts) {
        validator.begin_part(name);
        validator.push(text.as_bytes());
        validator.end_part();
    }
    validator.finish()
}

fn broken(text: &str) -> Vec<String> {
    rules(&verdict(&["tools_merge.md".to_owned()], &[text.to_owned()]))
}

fn rules(verdict: &MergeVerdict) -> Vec<String> {
    let mut rules: Vec<String> =
        verdict.findings.iter().map(|finding| finding.rule.clone()).collect();
    rules.dedup();
    rules
}

fn variants() -> Vec<Hand> {
    let plain = Hand::default;
    vec![
        plain(),
        Hand::fleet(),
        Hand { density: "standard", ..plain() },
        Hand { density: "min", ..plain() },
        Hand { mode: "code-only", ..plain() },
        Hand { mode: "plan-only", health: false, ..plain() },
        Hand { meta_none: true, ..plain() },
        Hand { nav: true, ..plain() },
        Hand { nav: true, density: "min", ..Hand::fleet() },
        Hand { density: "standard", blocks_per_part: 1, ..Hand::fleet() },
        Hand::of(Vec::new()),
    ]
}

#[test]
fn valid_merges_are_accepted() {
    for hand in variants() {
        let verdict = verdict(&hand.names(), &hand.parts());
        assert!(verdict.valid, "{:#?}\n{hand:#?}", verdict.findings);
    }
}

/// One edit of a valid merge and the rule that it breaks.
struct Reject {
    rule: Rule,
    from: &'static str,
    to: &'static str,
}

/// Edits of the plain merge.
fn rejects() -> Vec<Reject> {
    let reject = |rule, from, to| Reject { rule, from, to };
    vec![
        reject(
            Rule::TextForm,
            "> Read `@meta` first.",
            "> Read <!-- unknown --> first.\n<!-- unknown -->",
        ),
        reject(Rule::Title, "(Part 1/1)", "(Part 0/1)"),
        reject(Rule::PartSet, "(Part 1/1)", "(Part 1/2)"),
        reject(Rule::PlanOnlyMarker, "# WC-Merge", "<!-- MODE:PLAN_ONLY -->\n# WC-Merge"),
        reject(Rule::SectionMissing, "§§ plan\n<a id=\"plan\"></a>\n## Plan {#plan}\n", ""),
        reject(
            Rule::SectionOrder,
            "## Index {#index}\n",
            "## Index {#index}\n\n§§ structure\n<a id=\"structure\"></a>\n## 📁 Structure {#structure}\n",
        ),
        reject(Rule::SectionUnknown, "## Plan {#plan}", "## Plans {#plan}"),
        reject(Rule::HeadingMarkers, "§§ plan\n", ""),
        reject(Rule::HeaderKeys, "- Scope: `all`\n", ""),
        reject(
            Rule::HeaderValue,
            "At: 2026-01-31T12:00:00Z\n- Max",
            "At: 2026-13-31T12:00:00Z\n- Max",
        ),
        reject(Rule::SpecVersion, "- Spec-Version: 2.4", "- Spec-Version: 2.3"),
        reject(Rule::Contract, "- Contract: repolens-report", "- Contract: other-report"),
        reject(Rule::RenderMode, "- Plan Only: false", "- Plan Only: true"),
        reject(Rule::MetaBlock, "```yaml\n", "```json\n"),
        reject(Rule::MetaYaml, "  salt: 0", "  salt: &bomb 0"),
        reject(Rule::MetaSchema, "  salt: 0", "  salt: 0\n  unknown: 1"),
        reject(Rule::MetaHeader, "  profile: \"max\"", "  profile: \"dev\""),
        reject(Rule::Totals, "  total_files: 5", "  total_files: 6"),
        reject(Rule::ManifestAnchor, "## 🧾 Manifest {#manifest}", "## 🧾 Manifest"),
        reject(Rule::ManifestTable, "| :--- | :--- | :--- | ---: | ---: | :--- | :--- |\n", ""),
        reject(
            Rule::ManifestRow,
            "| `logo.png` | other | - | 4 |",
            "| `logo.png` | other | - | many |",
        ),
        reject(Rule::Category, "| `logo.png` | other |", "| `logo.png` | image |"),
        reject(Rule::Tag, "| doc | ai-context |", "| doc | ai-kontext |"),
        reject(
            Rule::IndexEntry,
            "- [Source Files](#cat-source) (2)",
            "- [Source Files](#cat-source) (3)",
        ),
        reject(Rule::StructureTree, "  - 📄 `logo.png`\n", ""),
        reject(
            Rule::BlockMissing,
            "| [`src/main.rs`](#file-tools-src-main-rs)",
            "| [`src/main.rs`](#file-tools-README-md)",
        ),
        reject(
            Rule::BlockUnlisted,
            "| [`src/main.rs`](#file-tools-src-main-rs)",
            "| [`src/main.rs`](#file-tools-README-md)",
        ),
        reject(Rule::BlockLayout, "- Category: source\n", "- Category: source\n\n"),
        reject(Rule::BlockFacts, "- Category: source\n", "- Category: doc\n"),
        reject(
            Rule::FileMeta,
            "{\"included\":\"full\",\"size\":13,",
            "{\"included\":\"full\",\"size\":14,",
        ),
        reject(Rule::FileId, "path=\"src/main.rs\"", "path=\"src/../main.rs\""),
        reject(Rule::FileAnchor, "path=\"src/main.rs\"", "path=\"src/mein.rs\""),
        reject(Rule::Zone, "lang=\"x\"", "lang=\"y\""),
        reject(Rule::Fence, "```x\nfn main() {}\n```", "````x\nfn main() {}\n````"),
        reject(Rule::ContentHash, "fn main() {}", "fn mein() {}"),
        reject(Rule::ContentLength, "fn main() {}", "fn main() {;}"),
        reject(
            Rule::BackLink,
            "[↑ Zurück zum Manifest](#manifest)",
            "[↑ Zurück zum Manifest](#index)",
        ),
        reject(Rule::RepoHeading, "## 📦 tools {#repo-tools}", "## 📦 fools {#repo-tools}"),
        reject(
            Rule::AnchorUnique,
            "§§ index\n",
            "§§ plan\n<a id=\"plan\"></a>\n### Plan {#plan}\n\n§§ index\n",
        ),
        reject(Rule::LinkTarget, "2. [Plan](#plan).", "2. [Plan](#plans)."),
        reject(Rule::Density, "**Meta-Density:** `full`", "**Meta-Density:** `min`"),
        reject(Rule::ExtraForm, "<!-- @health:end -->\n", ""),
    ]
}

#[test]
fn every_rule_rejects_its_example() {
    let valid = Hand::default().text();
    for Reject { rule, from, to } in rejects() {
        assert!(valid.contains(from), "the example of {} finds nothing to edit", rule.id());
        let found = broken(&valid.replacen(from, to, 1));
        assert!(found.contains(&rule.id().to_owned()), "{}: {found:?}", rule.id());
    }
}

#[test]
fn a_plan_with_a_manifest_is_rejected() {
    let plan = Hand { mode: "plan-only", health: false, ..Hand::default() }.text();
    let more = "§§ structure\n<a id=\"structure\"></a>\n## 📁 Structure {#structure}\n\n";
    assert!(broken(&(plan + more)).contains(&"section-forbidden".to_owned()));
}

#[test]
fn every_rule_has_its_line_in_the_documentation_and_an_example() {
    let page = include_str!("../../../../docs/validate.md");
    let shown: Vec<Rule> = rejects().into_iter().map(|reject| reject.rule).collect();
    for rule in Rule::ALL {
        let line = format!("| `{}` | {} |", rule.id(), rule.demands());
        assert!(page.contains(&line), "docs/validate.md lacks\n{line}");
        let elsewhere = rule.is_debug()
            || matches!(
                rule,
                Rule::SectionForbidden | Rule::SidecarForm | Rule::SidecarFile | Rule::SidecarPlace
            );
        assert!(shown.contains(rule) || elsewhere, "{} has no example", rule.id());
    }
}

#[test]
fn debug_findings_inform_and_reject_nothing() {
    let hand = Hand::default();
    let mut validator = Validator::new(Options { debug: true, ..Options::default() });
    validator.begin_part("tools_merge.md");
    validator.push(hand.text().as_bytes());
    validator.end_part();
    let verdict = validator.finish();
    assert!(verdict.valid);
    let found = rules(&verdict);
    for rule in ["untagged", "without-anchor", "section-report"] {
        assert!(found.contains(&rule.to_owned()), "{found:?}");
    }
}

#[test]
fn findings_of_one_line_have_one_order_and_the_first_are_kept() {
    let links: String = (100..140).map(|at| format!(" [x](#nowhere-{at})")).collect();
    let text = Hand::default().text();
    let text = text.replacen("2. [Plan](#plan).", &format!("2. [Plan](#plan).{links}"), 1);
    let verdict = verdict(&["tools_merge.md".to_owned()], &[text]);
    let found = verdict.findings.iter().filter(|finding| finding.rule == "link-target");
    let found: Vec<_> = found.map(|finding| finding.message.clone()).collect();
    let wanted = |at| format!("no place has the anchor `nowhere-{at}` that this links to");
    assert_eq!(found, (100..120).map(wanted).collect::<Vec<_>>());
}

#[test]
fn parts_belong_together() {
    let hand = Hand::fleet();
    let (names, parts) = (hand.names(), hand.parts());
    assert_eq!(parts.len(), 3);
    let missing = verdict(&names[..2], &parts[..2]);
    assert!(rules(&missing).contains(&"part-set".to_owned()), "{:?}", missing.findings);
    let swapped = verdict(&names, &[parts[0].clone(), parts[2].clone(), parts[1].clone()]);
    assert!(rules(&swapped).contains(&"part-set".to_owned()));
    let mut foreign = parts.clone();
    foreign[1] = foreign[1].replace("0123456789abcdef", "1123456789abcdef");
    assert!(rules(&verdict(&names, &foreign)).contains(&"part-set".to_owned()));
    let mut renamed = names.clone();
    renamed[1] = "other_part2_merge.md".to_owned();
    assert!(rules(&verdict(&renamed, &parts)).contains(&"link-target".to_owned()));
}

#[test]
fn portions_make_no_difference() {
    let text = Hand::default().text();
    for size in [1, 2, 3, 7, 64] {
        let mut validator = Validator::new(Options::default());
        validator.begin_part("tools_merge.md");
        text.as_bytes().chunks(size).for_each(|chunk| validator.push(chunk));
        validator.end_part();
        let verdict = validator.finish();
        assert!(verdict.valid, "{size}: {:#?}", verdict.findings);
        assert_eq!((verdict.files, verdict.blocks), (5, 4));
    }
}
