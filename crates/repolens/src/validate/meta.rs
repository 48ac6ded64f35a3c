//! What the schema of `@meta` demands beyond the types: constants, patterns, ranges.

use contracts::repolens::report::{self, MergeMeta, RenderMode};

use super::header::is_time;

/// Everything about a block that the schema, or its own other fields, do not allow.
pub(super) fn check(meta: &MergeMeta) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut demand = |good: bool, what: &str| {
        if !good {
            wrong.push(what.to_owned());
        }
    };
    demand(meta.spec_version == report::VERSION, "`spec_version` is not 2.4");
    demand(meta.contract == report::SCHEMA, "`contract` is not repolens-report");
    demand(meta.contract_version == report::VERSION, "`contract_version` is not 2.4");
    demand(is_hex(&meta.spec_checksum, 64), "`spec_checksum` is not 64 hex digits");
    demand(is_hex(&meta.merge_id, 16), "`merge_id` is not 16 hex digits");
    demand(is_time(&meta.generated_at), "`generated_at` is no time like 2026-01-31T12:00:00Z");
    let extensions = meta.ext_filter.as_deref().unwrap_or_default();
    demand(
        extensions.iter().all(|extension| is_extension(&extension.0)),
        "`ext_filter` holds something that is no extension",
    );
    let coverage = meta.coverage;
    demand(
        (0.0..=100.0).contains(&coverage.coverage_pct),
        "`coverage_pct` is not between 0 and 100",
    );
    demand(
        coverage.included_files <= coverage.text_files,
        "`coverage` has more files than there are",
    );
    demand(coverage.text_files <= meta.total_files, "`coverage` has more files than there are");
    let percent = match coverage.text_files {
        0 => 100.0,
        all => coverage.included_files as f64 * 100.0 / all as f64,
    };
    demand(
        (percent - coverage.coverage_pct).abs() <= 0.11,
        "`coverage_pct` does not fit its counts",
    );
    let plan = meta.render_mode == RenderMode::PlanOnly;
    demand(plan == meta.plan_only, "`render_mode` and `plan_only` do not fit");
    let code = meta.render_mode == RenderMode::CodeOnly;
    demand(plan || code == meta.code_only, "`render_mode` and `code_only` do not fit");
    demand(
        [meta.content_present, meta.manifest_present, meta.structure_present] == [!plan; 3],
        "the sections that are said to be present do not fit the render mode",
    );
    let vocabulary = meta.tokens.encoding.as_str();
    demand(
        matches!(vocabulary, "o200k_base" | "cl100k_base"),
        "`tokens.encoding` is no known vocabulary",
    );
    demand(meta.parts >= 1, "`parts` is 0");
    wrong
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_extension(text: &str) -> bool {
    text.strip_prefix('.').is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte))
    })
}
