//! The JSON sidecar of a merge (specification 13): every file with its facts, its marker, its link and
//! its bytes. Written file by file, so that it takes no memory of its own.

use std::io::{self, Write};

use contracts::repolens::agent::{
    AgentFile, AgentMeta, AgentMode, Artifacts, ByteRange, CONTRACT, CanonicalSource, ContentRef,
    Emitted, FileTag, Filters, InclusionStatus, MdRef, ReadingPolicy, Selector, VERSION,
};
use contracts::repolens::report;
use serde::Serialize;

use crate::model::{Inclusion, Kind};
use crate::render::anchors::hex;
use crate::render::block::encoding_word;
use crate::render::profile;
use crate::render::view::{Entry, Pieces, View, category_word, reason_word, tag_word};

/// Where a file block stands.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    /// Number of the file.
    pub index: usize,
    /// The part, from 0.
    pub part: usize,
    /// In the part, in bytes.
    pub offset: u64,
    /// Of the whole block, in bytes.
    pub length: u64,
}

/// Writes the sidecar of a merge whose blocks stand at `places`, sorted by file.
pub fn write(view: View<'_>, name: &str, places: &[Placed], out: &mut dyn Write) -> io::Result<()> {
    let files = &view.parts.files;
    let artifacts = Artifacts {
        index_json: name.to_owned(),
        canonical_md: files.first().cloned().unwrap_or_default(),
        md_parts: files.clone(),
    };
    let policy = ReadingPolicy { canonical_source: CanonicalSource::Md };
    writeln!(out, "{{")?;
    member("reading_policy", &policy, out)?;
    member("meta", &meta(view), out)?;
    member("artifacts", &artifacts, out)?;
    member("coverage", &view.totals.coverage(), out)?;
    member("scope", &view.scope().replace('`', ""), out)?;
    write!(out, "  \"files\": [")?;
    let mut places = places.iter().peekable();
    for (at, entry) in view.entries().enumerate() {
        let placed = places.next_if(|placed| placed.index == entry.index);
        out.write_all(if at == 0 { b"\n    " } else { b",\n    " })?;
        serde_json::to_writer(&mut *out, &file(view, entry, placed))?;
    }
    writeln!(out, "\n  ]\n}}")
}

fn member(key: &str, value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "  \"{key}\": ")?;
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out, ",")
}

fn meta(view: View<'_>) -> AgentMeta {
    let (settings, totals) = (view.settings, view.totals);
    let extensions = &settings.extensions;
    AgentMeta {
        contract: CONTRACT.to_owned(),
        contract_version: VERSION.to_owned(),
        spec_version: report::VERSION.to_owned(),
        merge_id: view.merge_id.to_owned(),
        generated_at: settings.generated_at.clone(),
        profile: profile(settings.level),
        mode: match settings.render_mode() {
            _ if settings.meta_none => AgentMode::None,
            report::RenderMode::Full => AgentMode::Full,
            report::RenderMode::CodeOnly => AgentMode::CodeOnly,
            report::RenderMode::PlanOnly => AgentMode::PlanOnly,
        },
        meta_density: settings.density,
        plan_only: settings.plan_only,
        code_only: settings.code_only,
        max_file_bytes: settings.max_file_bytes.unwrap_or(0),
        total_files: totals.files,
        total_size_bytes: totals.bytes,
        total_tokens: totals.tokens,
        source_repos: view.snapshot.repos.iter().map(|repo| repo.name.clone()).collect(),
        filters: Filters {
            path_filter: settings.path_filter.clone(),
            ext_filter: (!extensions.is_empty()).then(|| extensions.clone()),
        },
        salt: view.names.salt(),
    }
}

fn file(view: View<'_>, entry: Entry<'_>, placed: Option<&Placed>) -> AgentFile {
    let file = entry.file;
    let id = format!("FILE:f_{}", view.names.id(entry.index));
    let anchor = || view.names.anchor(entry.repo, file, entry.index);
    let marker = || ContentRef {
        marker: format!("file:id=\"{id}\""),
        selector: Some(Selector {
            kind: "html_comment_attr".to_owned(),
            tag: "file".to_owned(),
            attr: "id".to_owned(),
            value: id.clone(),
        }),
    };
    AgentFile {
        repo: entry.repo.name.clone(),
        path: file.path.clone(),
        name_encoding: file.escaped.then(|| "percent".to_owned()),
        category: category_word(file.category).to_owned(),
        tags: file.tags.iter().map(|tag| FileTag(tag_word(*tag).to_owned())).collect(),
        size_bytes: file.size,
        included: placed.is_some(),
        inclusion_status: match file.inclusion {
            Inclusion::Full => InclusionStatus::Full,
            Inclusion::Truncated { .. } => InclusionStatus::Truncated,
            Inclusion::MetaOnly(_) => InclusionStatus::MetaOnly,
        },
        reason: match (&file.inclusion, placed) {
            (Inclusion::MetaOnly(reason), _) => Some(reason_word(*reason).to_owned()),
            (_, None) => Some("plan only".to_owned()),
            _ => None,
        },
        md5: entry.facts.hashes.map(|hashes| hex(&hashes.md5)),
        sha256: entry.facts.hashes.map(|hashes| hex(&hashes.sha256)),
        emitted: placed.and_then(|placed| emitted(entry, placed)),
        content_ref: placed.map(|_| marker()),
        md_ref: placed.map(|_| MdRef { anchor: anchor(), fragment: format!("#{}", anchor()) }),
        id,
    }
}

fn emitted(entry: Entry<'_>, placed: &Placed) -> Option<Emitted> {
    let emitted = entry.facts.emitted.as_ref()?;
    let on_disk = entry.facts.hashes.as_ref().map(|hashes| &hashes.sha256);
    let at = |offset: u64, length: u64| ByteRange { offset: placed.offset + offset, length };
    let kind: &Kind = &entry.file.kind;
    Some(Emitted {
        sha256_emitted: hex(emitted.sha256.as_deref().or(on_disk)?),
        bytes: emitted.bytes,
        lines: emitted.lines,
        tokens: emitted.tokens,
        kept_bytes: match entry.file.inclusion {
            Inclusion::Truncated { kept } => Some(kept),
            _ => None,
        },
        redacted: { emitted.redacted.iter() }
            .map(|(rule, count)| ((*rule).to_owned(), *count))
            .collect(),
        encoding: encoding_word(kind).map(str::to_owned),
        part: placed.part as u64 + 1,
        block: at(0, placed.length),
        content: match &emitted.pieces {
            Pieces::One(offset) => vec![at(*offset, emitted.bytes)],
            Pieces::Many(places) => places.iter().map(|(from, bytes)| at(*from, *bytes)).collect(),
        },
    })
}
