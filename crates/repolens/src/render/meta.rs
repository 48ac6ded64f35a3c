//! The `@meta` block: YAML in which every value is JSON, so that any reader can take it apart.

use std::io::{self, Write};

use contracts::repolens::report::{
    Extension, Extras, MergeMeta, NoneMode, NoneWarning, Profile, SCHEMA, Tokens, VERSION,
};
use serde_json::Value;

use super::header::SPEC_CHECKSUM;
use super::names;
use super::view::View;
use crate::select::Level;

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<!-- @meta:start -->\n```yaml\nmerge:")?;
    if let Ok(Value::Object(fields)) = serde_json::to_value(merge_meta(view)) {
        for (key, value) in &fields {
            field(key, value, 1, out)?;
        }
    }
    writeln!(out, "```\n<!-- @meta:end -->\n")
}

fn field(key: &str, value: &Value, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            writeln!(out, "{indent}{}:", yaml_key(key))?;
            for (key, value) in fields {
                field(key, value, depth + 1, out)?;
            }
            Ok(())
        }
        value => writeln!(out, "{indent}{}: {}", yaml_key(key), names::json(value)),
    }
}

/// Keys that are no plain words stand in quotes.
fn yaml_key(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if plain { key.to_owned() } else { names::json(&key) }
}

fn merge_meta(view: View<'_>) -> MergeMeta {
    let (settings, totals) = (view.settings, view.totals);
    let sections = !settings.plan_only;
    let names = view.snapshot.repos.iter().map(|repo| repo.name.clone());
    let extensions: Vec<Extension> = settings.extensions.iter().cloned().map(Extension).collect();
    MergeMeta {
        spec_version: VERSION.to_owned(),
        profile: profile(settings.level),
        contract: SCHEMA.to_owned(),
        contract_version: VERSION.to_owned(),
        spec_checksum: SPEC_CHECKSUM.to_owned(),
        merge_id: view.merge_id.to_owned(),
        plan_only: settings.plan_only,
        code_only: settings.code_only,
        render_mode: settings.render_mode(),
        mode: settings.meta_none.then_some(NoneMode::None),
        warning: settings.meta_none.then_some(NoneWarning::InterpretationDisabled),
        max_file_bytes: settings.max_file_bytes.unwrap_or(0),
        split_files: settings.split_files,
        split_size: settings.split_size.unwrap_or(0),
        scope: view.scope().replace('`', ""),
        source_repos: names.collect(),
        path_filter: settings.path_filter.clone(),
        ext_filter: (!extensions.is_empty()).then_some(extensions),
        meta_density: settings.density,
        generated_at: settings.generated_at.clone(),
        total_files: totals.files,
        total_size_bytes: totals.bytes,
        content_present: sections,
        manifest_present: sections,
        structure_present: sections,
        coverage: totals.coverage(),
        tokens: Tokens { encoding: "o200k_base".to_owned(), contents: totals.tokens },
        redacted: totals.redacted.clone(),
        redacted_elsewhere: totals.redacted_elsewhere,
        meta_only: totals.meta_only.clone(),
        left_out: totals.left_out.clone(),
        extras: shown_extras(view),
        parts: view.parts.files.len().max(1) as u64,
        salt: view.names.salt(),
    }
}

/// The extras that this merge really has.
fn shown_extras(view: View<'_>) -> Extras {
    let mut extras = view.settings.extras;
    let wordless = view.settings.plan_only;
    let none = view.settings.meta_none;
    extras.health &= !wordless && !none;
    extras.organism_index &= !wordless && !none && !view.is_fleet();
    extras.fleet_panorama &= !wordless && !none && view.is_fleet();
    extras.augment_sidecar &= !wordless && !none;
    extras.delta_reports &= !wordless && view.notes.delta.is_some();
    extras.heatmap &= !wordless && !none;
    extras
}

pub(crate) fn profile(level: Level) -> Profile {
    match level {
        Level::Overview => Profile::Overview,
        Level::Summary => Profile::Summary,
        Level::Dev => Profile::Dev,
        Level::MachineLean => Profile::MachineLean,
        Level::Max => Profile::Max,
    }
}
