//! The header: its keys, their order and the forms of their values.

use std::collections::BTreeMap;

use contracts::repolens::report::{MergeMeta, MetaDensity, Profile, RenderMode};

use super::findings::{Findings, Place};
use super::rules::Rule;
use crate::reader::{code_span, plain_name};

/// Keys of part 1, in their order.
const KEYS: [&str; 20] = [
    "Source",
    "Profile",
    "Generated At",
    "Max File Bytes",
    "Spec-Version",
    "Contract",
    "Contract-Version",
    "Spec-Checksum",
    "Merge-Id",
    "Plan Only",
    "Code Only",
    "Render Mode",
    "Declared Purpose",
    "Scope",
    "Path Filter",
    "Extension Filter",
    "Coverage",
    "Tokens",
    "Secrets masked",
    "Not in this merge",
];

/// Keys of every later part, in their order.
const LATER_KEYS: [&str; 7] = [
    "Source",
    "Generated At",
    "Spec-Version",
    "Contract",
    "Contract-Version",
    "Merge-Id",
    "Continues",
];

/// The header of one part.
#[derive(Debug, Default)]
pub(super) struct Header {
    values: Vec<(String, String, Place)>,
    density: Option<(String, Place)>,
}

impl Header {
    pub(super) fn add(&mut self, key: &str, value: &str, place: Place) {
        self.values.push((key.to_owned(), value.to_owned(), place));
    }

    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.values.iter().find(|(known, ..)| known == key).map(|(_, value, _)| value.as_str())
    }

    /// What `**Meta-Density:**` says.
    pub(super) fn set_density(&mut self, word: &str, place: Place) {
        let twice = self.density.is_some();
        self.density = Some((if twice { String::new() } else { word.to_owned() }, place));
    }

    fn place(&self, key: &str) -> Option<Place> {
        self.values.iter().find(|(known, ..)| known == key).map(|(.., place)| *place)
    }

    /// The render mode, when it is a known one.
    pub(super) fn render_mode(&self) -> Option<RenderMode> {
        match self.value("Render Mode")? {
            "full" => Some(RenderMode::Full),
            "code-only" => Some(RenderMode::CodeOnly),
            "plan-only" => Some(RenderMode::PlanOnly),
            _ => None,
        }
    }

    /// Checks keys and values of part 1 (`later` is false) or of a later part.
    pub(super) fn check(&self, later: bool, whole: Place, findings: &mut Findings) {
        let keys: &[&str] = if later { &LATER_KEYS } else { &KEYS };
        self.check_keys(keys, whole, findings);
        for (key, value, place) in &self.values {
            if let Some((rule, wanted)) = wrong(key, value) {
                let message = format!("`{key}: {value}` is not {wanted}");
                findings.add(rule, *place, message);
            }
        }
        if !later {
            self.check_mode(whole, findings);
        }
    }

    fn check_keys(&self, keys: &[&str], whole: Place, findings: &mut Findings) {
        let mut wanted = keys.iter().peekable();
        for (key, _, place) in &self.values {
            if wanted.peek() == Some(&&key.as_str()) {
                wanted.next();
                continue;
            }
            let message = match keys.iter().position(|known| known == key) {
                None => format!("`{key}` is no key of the header"),
                Some(_) if wanted.clone().any(|known| known == key) => {
                    let missing: Vec<&str> =
                        wanted.by_ref().take_while(|known| *known != key).copied().collect();
                    format!("before `{key}` the header lacks {}", quoted(&missing))
                }
                Some(_) => format!("`{key}` stands twice or at the wrong place"),
            };
            findings.add(Rule::HeaderKeys, *place, message);
        }
        let missing: Vec<&str> = wanted.copied().collect();
        if !missing.is_empty() {
            findings.add(Rule::HeaderKeys, whole, format!("the header lacks {}", quoted(&missing)));
        }
        for (key, rule) in [
            ("Spec-Version", Rule::SpecVersion),
            ("Contract", Rule::Contract),
            ("Contract-Version", Rule::Contract),
            ("Render Mode", Rule::RenderMode),
        ] {
            if keys.contains(&key) && self.value(key).is_none() {
                findings.add(rule, whole, format!("the header lacks `{key}`"));
            }
        }
    }

    fn check_mode(&self, whole: Place, findings: &mut Findings) {
        let Some(mode) = self.render_mode() else { return };
        for (key, on) in [
            ("Plan Only", mode == RenderMode::PlanOnly),
            ("Code Only", mode == RenderMode::CodeOnly),
        ] {
            let Some(value) = self.value(key) else { continue };
            // A plan can be one of code alone; the plan wins in the render mode.
            let fits =
                value == on.to_string() || key == "Code Only" && mode == RenderMode::PlanOnly;
            if !fits {
                let place = self.place(key).unwrap_or(whole);
                let message = format!("`{key}: {value}` does not fit the render mode");
                findings.add(Rule::RenderMode, place, message);
            }
        }
    }

    /// Compares the header of part 1 with the `@meta` block.
    pub(super) fn compare(&self, meta: &MergeMeta, findings: &mut Findings) {
        let word = span(density(meta.meta_density));
        match &self.density {
            Some((stated, place)) if *stated != word || meta.mode.is_some() => {
                findings.add(
                    Rule::Density,
                    *place,
                    format!("@meta means {word}, and says it once"),
                );
            }
            None if meta.mode.is_none() => {
                let whole = Place { part: Some(0), line: 0 };
                findings.add(Rule::Density, whole, "`**Meta-Density:**` is missing");
            }
            _ => {}
        }
        for (key, value, place) in &self.values {
            if let Some(wanted) = expected(key, value, meta) {
                let message = format!("the header says `{key}: {value}`, @meta means `{wanted}`");
                findings.add(Rule::MetaHeader, *place, message);
            }
        }
    }

    /// Compares the header of a later part with that of part 1.
    pub(super) fn compare_parts(&self, first: &Self, findings: &mut Findings) {
        for (key, value, place) in &self.values {
            let Some(other) = first.value(key) else { continue };
            if other != value {
                let message = format!("`{key}: {value}`, but part 1 says `{other}`");
                findings.add(Rule::PartSet, *place, message);
            }
        }
    }

    pub(super) fn continues(&self) -> Option<(&str, Place)> {
        Some((self.value("Continues")?, self.place("Continues")?))
    }
}

fn quoted(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// The rule that a value breaks and what it should be.
fn wrong(key: &str, value: &str) -> Option<(Rule, &'static str)> {
    let is_hex = |length: usize| {
        value.len() == length && value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let (good, rule, wanted) = match key {
        "Spec-Version" => (value == "2.4", Rule::SpecVersion, "2.4"),
        "Contract" => (value == "repolens-report", Rule::Contract, "repolens-report"),
        "Contract-Version" => (value == "2.4", Rule::Contract, "2.4"),
        "Render Mode" => (
            matches!(value, "full" | "code-only" | "plan-only"),
            Rule::RenderMode,
            "full, code-only or plan-only",
        ),
        "Profile" => (
            matches!(value, "overview" | "summary" | "dev" | "machine-lean" | "max"),
            Rule::HeaderValue,
            "overview, summary, dev, machine-lean or max",
        ),
        "Generated At" => (is_time(value), Rule::HeaderValue, "a time like 2026-01-31T12:00:00Z"),
        "Plan Only" | "Code Only" => {
            (matches!(value, "true" | "false"), Rule::HeaderValue, "true or false")
        }
        "Spec-Checksum" => (is_hex(64), Rule::HeaderValue, "64 hex digits"),
        "Merge-Id" => (is_hex(16), Rule::HeaderValue, "16 hex digits"),
        "Coverage" => {
            (coverage(value).is_some(), Rule::HeaderValue, "`a/b Dateien mit vollem Inhalt`")
        }
        "Secrets masked" => (leading(value).is_some(), Rule::HeaderValue, "a number"),
        _ => (!value.is_empty(), Rule::HeaderValue, "a value"),
    };
    (!good).then_some((rule, wanted))
}

/// Whether a text is a time in UTC and whole seconds, with parts in their ranges.
pub(super) fn is_time(text: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:ddZ";
    let fits = text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            _ => byte == wanted,
        });
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse().ok());
    let within = |range: std::ops::Range<usize>, allowed: std::ops::RangeInclusive<u32>| {
        part(range).is_some_and(|number: u32| allowed.contains(&number))
    };
    fits && within(5..7, 1..=12)
        && within(8..10, 1..=31)
        && within(11..13, 0..=23)
        && within(14..16, 0..=59)
        && within(17..19, 0..=60)
}

fn coverage(value: &str) -> Option<(u64, u64)> {
    let (with, of) = value.strip_suffix(" Dateien mit vollem Inhalt")?.split_once('/')?;
    let (with, of) = (with.parse().ok()?, of.parse().ok()?);
    (with <= of).then_some((with, of))
}

/// The number that a value begins with.
pub(super) fn leading(value: &str) -> Option<u64> {
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    value[..end].parse().ok()
}

/// What the header would have to say, where it says something else than the block.
fn expected(key: &str, value: &str, meta: &MergeMeta) -> Option<String> {
    let wanted = match key {
        "Profile" => profile(meta.profile).to_owned(),
        "Generated At" => meta.generated_at.clone(),
        "Spec-Version" => meta.spec_version.clone(),
        "Contract" => meta.contract.clone(),
        "Contract-Version" => meta.contract_version.clone(),
        "Spec-Checksum" => meta.spec_checksum.clone(),
        "Merge-Id" => meta.merge_id.clone(),
        "Plan Only" => meta.plan_only.to_string(),
        "Code Only" => meta.code_only.to_string(),
        "Render Mode" => render_mode(meta.render_mode).to_owned(),
        "Coverage" => {
            let stated = coverage(value)?;
            let known = (meta.coverage.included_files, meta.coverage.text_files);
            return (stated != known).then(|| format!("{}/{}", known.0, known.1));
        }
        "Tokens" => match meta.tokens.contents {
            Some(count) => format!("{count} ({}, of the contents)", meta.tokens.encoding),
            None => "not counted".to_owned(),
        },
        "Source" => {
            meta.source_repos.iter().map(|name| plain_name(name)).collect::<Vec<_>>().join(", ")
        }
        "Declared Purpose" => purpose(meta.profile).to_owned(),
        "Max File Bytes" => match meta.max_file_bytes {
            0 => "unlimited".to_owned(),
            bytes => bytes.to_string(),
        },
        "Path Filter" => meta.path_filter.as_deref().map_or("none".to_owned(), span),
        "Extension Filter" => match meta.ext_filter.as_deref().unwrap_or_default() {
            [] => "none".to_owned(),
            list => list.iter().map(|ext| span(&ext.0)).collect::<Vec<_>>().join(", "),
        },
        "Scope" => {
            let stated = value.replace('`', "");
            return (stated != meta.scope).then(|| meta.scope.clone());
        }
        "Secrets masked" => match meta.redacted_elsewhere {
            0 => counts(&meta.redacted),
            more => format!("{}, and {more} outside of contents", counts(&meta.redacted)),
        },
        _ => return None,
    };
    (wanted != value).then_some(wanted)
}

fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::Overview => "overview",
        Profile::Summary => "summary",
        Profile::Dev => "dev",
        Profile::MachineLean => "machine-lean",
        Profile::Max => "max",
    }
}

/// The purpose of a profile, as the specification words it.
fn purpose(profile: Profile) -> &'static str {
    match profile {
        Profile::Overview => "Tools – Index",
        Profile::Summary => "Tools – Doku/Kontext",
        Profile::Dev => "Tools – Code/Review Snapshot",
        Profile::MachineLean => "Tools – Machine-Lean",
        Profile::Max => "Tools – Vollsnapshot",
    }
}

/// `0`, or `5 (this 3, that 2)`.
fn counts(by: &BTreeMap<String, u64>) -> String {
    let sum: u64 = by.values().sum();
    if sum == 0 {
        return "0".to_owned();
    }
    let each: Vec<String> = by.iter().map(|(word, count)| format!("{word} {count}")).collect();
    format!("{sum} ({})", each.join(", "))
}

fn span(name: &str) -> String {
    format!("`{}`", code_span(name))
}

fn render_mode(mode: RenderMode) -> &'static str {
    match mode {
        RenderMode::Full => "full",
        RenderMode::CodeOnly => "code-only",
        RenderMode::PlanOnly => "plan-only",
    }
}

/// The word of a density in `**Meta-Density:**`.
fn density(density: MetaDensity) -> &'static str {
    match density {
        MetaDensity::Min => "min",
        MetaDensity::Standard => "standard",
        MetaDensity::Full => "full",
    }
}
