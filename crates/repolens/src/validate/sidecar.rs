//! The sidecar against its merge: the same files, the same facts, and every place where it points.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;

use contracts::repolens::agent::{self, AgentFile, AgentSidecar, InclusionStatus};
use sha2::{Digest as _, Sha256};

use super::findings::{Finding, Findings, Place};
use super::rules::Rule;
use super::{PartFile, ValidateError};
use crate::reader::{Block, Outline, Outliner, Reader, hex};

/// What a marker looks like before its digits.
const MARKER: &[u8] = b"file:id=\"FILE:f_";

/// Checks a sidecar against the parts of its merge, which are in their order.
pub(super) fn check(
    path: &Path,
    parts: &[PartFile],
) -> Result<(Vec<Finding>, u64, u64), ValidateError> {
    let mut findings = Findings::default();
    let place = Place::default();
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| ValidateError::Read { path: path.to_owned(), source })
    };
    match serde_json::from_slice::<AgentSidecar>(&read(path)?) {
        Err(error) => findings.add(Rule::SidecarForm, place, error.to_string()),
        Ok(sidecar) => {
            let mut outlines = Vec::with_capacity(parts.len());
            let mut markers = HashMap::new();
            for part in parts {
                let fail = |source| ValidateError::Read { path: part.path.clone(), source };
                outlines.push(outline_and_markers(part, &mut markers).map_err(fail)?);
            }
            check_head(&sidecar, parts, &outlines, &mut findings);
            check_files(&sidecar, parts, &outlines, &markers, &mut findings)?;
        }
    }
    let errors = findings.errors();
    let (kept, left_out) = findings.finish();
    Ok((kept, left_out, errors))
}

fn check_head(
    sidecar: &AgentSidecar,
    parts: &[PartFile],
    outlines: &[Outline],
    findings: &mut Findings,
) {
    let mut demand = |good: bool, what: &str| {
        if !good {
            findings.add(Rule::SidecarForm, Place::default(), what);
        }
    };
    let meta = &sidecar.meta;
    demand(meta.contract == agent::CONTRACT, "`contract` is not repolens-agent");
    demand(
        meta.contract_version == agent::VERSION,
        "`contract_version` is not v2; others are not read",
    );
    demand(meta.spec_version == "2.4", "`spec_version` is not 2.4");
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    demand(sidecar.artifacts.md_parts == names, "`md_parts` are not the parts that were given");
    let first = sidecar.artifacts.md_parts.first();
    demand(first == Some(&sidecar.artifacts.canonical_md), "`canonical_md` is not the first part");
    let Some(known) = outlines.first().and_then(|first| first.meta.as_ref()) else { return };
    let known = &known.merge;
    demand(meta.merge_id == known.merge_id, "`merge_id` is that of another merge");
    demand(meta.generated_at == known.generated_at, "`generated_at` is that of another merge");
    demand(meta.total_files == known.total_files, "`total_files` is not that of the merge");
    demand(
        meta.total_size_bytes == known.total_size_bytes,
        "`total_size_bytes` is not that of the merge",
    );
    demand(meta.source_repos == known.source_repos, "`source_repos` are not those of the merge");
    demand(meta.salt == known.salt, "`salt` is not that of the merge");
    demand(sidecar.coverage == known.coverage, "`coverage` is not that of the merge");
    demand(
        !known.manifest_present || sidecar.files.len() as u64 == known.total_files,
        "`files` are more or fewer than the merge has",
    );
}

fn check_files(
    sidecar: &AgentSidecar,
    parts: &[PartFile],
    outlines: &[Outline],
    markers: &HashMap<[u8; 12], u64>,
    findings: &mut Findings,
) -> Result<(), ValidateError> {
    let blocks: HashMap<&str, (usize, &Block)> = { outlines.iter().enumerate() }
        .flat_map(|(part, outline)| outline.blocks.iter().map(move |block| (part, block)))
        .map(|(part, block)| (block.id.as_str(), (part, block)))
        .collect();
    let mut with_content = 0;
    let rows = outlines.first().map(|first| first.rows.as_slice()).unwrap_or_default();
    for (at, file) in sidecar.files.iter().enumerate() {
        let mut wrong = Vec::new();
        if let Some(row) = rows.get(at) {
            let same = row.size_bytes == file.size_bytes
                && row.category == file.category
                && row.tags.iter().eq(file.tags.iter().map(|tag| &tag.0))
                && row.md5 == file.md5
                && row.included.has_content() == file.included;
            if !same {
                wrong.push((
                    Rule::SidecarFile,
                    "it says something else than the row of the manifest",
                ));
            }
        }
        let meta_only = file.inclusion_status == InclusionStatus::MetaOnly;
        if file.included == meta_only || file.included != file.reason.is_none() {
            wrong.push((
                Rule::SidecarFile,
                "`included`, `inclusion_status` and `reason` do not fit",
            ));
        }
        match (blocks.get(file.id.as_str()), &file.emitted) {
            (Some((part, block)), Some(_)) => {
                with_content += 1;
                check_place(file, *part, block, markers, &mut wrong);
                let path = &parts[*part].path;
                let fail = |source| ValidateError::Read { path: path.clone(), source };
                if !is_content(file, path).map_err(fail)? {
                    wrong.push((
                        Rule::SidecarPlace,
                        "its ranges do not hold the content with the stated hash",
                    ));
                }
            }
            (None, None) if file.content_ref.is_none() && file.md_ref.is_none() => {}
            _ => wrong.push((
                Rule::SidecarFile,
                "it has places without content, or content without places",
            )),
        }
        for (rule, what) in wrong {
            let message = format!("`{}/{}`: {what}", file.repo, file.path);
            findings.add(rule, Place::default(), message);
        }
    }
    if with_content != blocks.len() {
        let message = format!("it knows {with_content} of {} file blocks", blocks.len());
        findings.add(Rule::SidecarFile, Place::default(), message);
    }
    Ok(())
}

fn check_place(
    file: &AgentFile,
    part: usize,
    block: &Block,
    markers: &HashMap<[u8; 12], u64>,
    wrong: &mut Vec<(Rule, &'static str)>,
) {
    let Some(emitted) = &file.emitted else { return };
    let percent = file.name_encoding.as_deref() == Some("percent");
    if (&file.repo, &file.path, percent) != (&block.repo, &block.path, block.percent) {
        wrong.push((Rule::SidecarFile, "repository or path is not that of its block"));
    }
    if emitted.encoding != block.encoding {
        wrong.push((Rule::SidecarFile, "the encoding is not that of its block"));
    }
    let marker = format!("file:id=\"{}\"", file.id);
    let refers = file.content_ref.as_ref().is_some_and(|reference| {
        let selector = reference.selector.as_ref();
        reference.marker == marker && selector.is_none_or(|selector| selector.value == file.id)
    });
    let digits =
        file.id.strip_prefix("FILE:f_").and_then(|digits| digits.as_bytes().try_into().ok());
    let once = digits.and_then(|digits: [u8; 12]| markers.get(&digits)) == Some(&1);
    if !refers || !once {
        wrong.push((Rule::SidecarPlace, "its marker does not stand exactly once in the merge"));
    }
    let anchored = file.md_ref.as_ref().is_some_and(|reference| {
        reference.anchor == block.anchor && reference.fragment == format!("#{}", block.anchor)
    });
    if !anchored {
        wrong.push((Rule::SidecarPlace, "its anchor is not that of its block"));
    }
    let ranges = emitted.content.iter().map(|range| (range.offset, range.length));
    let pieces = block.pieces.iter().map(|piece| (piece.offset, piece.length));
    if emitted.part != part as u64 + 1 || !ranges.eq(pieces) {
        wrong.push((Rule::SidecarPlace, "its part or its ranges are not those of its block"));
    }
    let end = emitted.block.offset.saturating_add(emitted.block.length);
    let inside = block
        .pieces
        .iter()
        .all(|piece| emitted.block.offset < piece.offset && piece.offset + piece.length < end);
    if !inside {
        wrong.push((Rule::SidecarPlace, "its block does not hold its content"));
    }
}

/// Whether the ranges of a file hold what it says.
fn is_content(file: &AgentFile, path: &Path) -> io::Result<bool> {
    let Some(emitted) = &file.emitted else { return Ok(false) };
    let mut part = File::open(path)?;
    let mut hash = Sha256::new();
    let mut length = 0;
    let mut buffer = vec![0; 64 << 10];
    for range in &emitted.content {
        part.seek(SeekFrom::Start(range.offset))?;
        let mut rest = (&mut part).take(range.length);
        loop {
            let count = rest.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
            length += count as u64;
        }
    }
    Ok(length == emitted.bytes && hex(&hash.finalize()) == emitted.sha256_emitted)
}

/// The outline of a part, and how often each marker stands anywhere in it, contents included.
fn outline_and_markers(
    part: &PartFile,
    markers: &mut HashMap<[u8; 12], u64>,
) -> io::Result<Outline> {
    let mut file = File::open(&part.path)?;
    let (mut reader, mut outliner) = (Reader::new(), Outliner::default());
    let length = MARKER.len() + 12;
    let mut buffer = vec![0; 256 << 10];
    // The end of the portion before, in which a marker may have begun.
    let mut kept = 0;
    loop {
        let count = file.read(&mut buffer[kept..])?;
        if count == 0 {
            break;
        }
        reader.push(&buffer[kept..kept + count], &mut outliner);
        let filled = kept + count;
        for at in memchr::memmem::find_iter(&buffer[..filled], MARKER) {
            if let Some(digits) = buffer[..filled].get(at + MARKER.len()..at + length)
                && let Ok(digits) = digits.try_into()
            {
                *markers.entry(digits).or_default() += 1;
            }
        }
        kept = filled.min(length - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
    reader.finish(&mut outliner);
    Ok(outliner.finish().unwrap_or_default())
}
