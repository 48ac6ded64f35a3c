//! A block against its row in the manifest, @meta and its own names.

use contracts::repolens::report::MetaDensity;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::{Blocks, Context};
use crate::reader::{FileMarker, anchor_base, anchor_hash, code_span, file_id};
use crate::validate::findings::Place;
use crate::validate::manifest::{Listed, md5_bytes};
use crate::validate::rules::Rule;

impl Blocks {
    pub(super) fn marker(&mut self, place: Place, marker: &FileMarker<'_>, cx: &mut Context<'_>) {
        let block = &mut self.block;
        if marker.id.strip_prefix("FILE:") != Some(&block.id) {
            cx.findings.add(Rule::FileId, place, "marker and anchor have different ids");
        }
        block.repo = marker.repo.clone().into_owned();
        block.path = marker.path.clone().into_owned();
        block.percent = marker.percent;
        let (repo, path) = (&block.repo, &block.path);
        if let Some(meta) = cx.meta {
            let salt = u64::from(meta.salt);
            let fits = [true, false].iter().any(|nfc| file_id(repo, path, salt, *nfc) == block.id);
            if !fits {
                let message = format!("`{}` is not the id of this repository and path", block.id);
                cx.findings.add(Rule::FileId, place, message);
            }
            if !meta.source_repos.contains(repo) {
                let message = format!("@meta names no repository `{repo}`");
                cx.findings.add(Rule::FileId, place, message);
            }
        }
        let base = anchor_base(repo, path);
        match block.anchor.strip_prefix(base.as_str()) {
            Some("") => {}
            Some(suffix) if is_suffix(suffix, repo, path) => self.suffixed += 1,
            _ => {
                let message =
                    format!("`{}` is not the anchor of this repository and path", block.anchor);
                cx.findings.add(Rule::FileAnchor, place, message);
            }
        }
        if block.percent && !is_percent(&block.path) {
            cx.findings.add(
                Rule::FileId,
                place,
                "a path with `name=\"percent\"` has `%XX` for every `%`",
            );
        }
        if !is_relative(&block.path) {
            cx.findings.add(
                Rule::FileId,
                place,
                "a path is relative and has neither empty parts nor `.` and `..`",
            );
        }
    }

    /// Compares the block with its row, as soon as its facts are known.
    pub(super) fn compare(&mut self, cx: &mut Context<'_>) {
        let place = self.block.place;
        let anchor = cx.links.hash(&self.block.anchor);
        let here = cx.listed.get(self.next..).unwrap_or_default();
        match here.iter().position(|row| row.anchor == anchor) {
            None => {
                let message = format!(
                    "no row of the manifest (from here on) links to `{}`",
                    self.block.anchor
                );
                cx.findings.add(Rule::BlockUnlisted, place, message);
                self.start_hashes(None, cx);
            }
            Some(skipped) => {
                let at = self.next + skipped;
                self.missing(cx.listed, at, cx.findings);
                self.next = at + 1;
                let row = &cx.listed[at];
                self.compare_row(row, cx);
                self.start_hashes(Some(row), cx);
            }
        }
    }

    fn compare_row(&mut self, row: &Listed, cx: &mut Context<'_>) {
        let block = &self.block;
        let place = block.place;
        let density = cx.meta.map_or(MetaDensity::Full, |meta| meta.meta_density);
        if cx.links.hash(&code_span(&block.path)) != row.shown_path {
            cx.findings.add(Rule::FileId, place, "the row of the manifest shows another path");
        }
        if self.repo != Some(row.repo) {
            cx.findings.add(
                Rule::RepoHeading,
                place,
                "the block stands below another repository than its row",
            );
        }
        let mut facts = block.facts.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        if density != MetaDensity::Min {
            for key in ["Category", "Tags", "Size", "Included"] {
                let stated = facts.next().filter(|(stated, _)| *stated == key);
                let fits = stated.is_some_and(|(_, value)| match key {
                    "Category" => cx.links.hash(value) == row.category,
                    "Tags" => cx.links.hash(value) == row.tags,
                    "Size" => exact_size(value) == Some(row.size_bytes),
                    _ => cx.links.hash(value) == row.included,
                });
                if !fits {
                    let message = format!("`{key}` is missing, or not what the manifest says");
                    cx.findings.add(Rule::BlockFacts, place, message);
                }
            }
        }
        if density == MetaDensity::Full && row.md5.is_some() {
            let stated =
                facts.next().filter(|(key, _)| *key == "MD5").and_then(|(_, md5)| md5_bytes(md5));
            if stated != row.md5 {
                cx.findings.add(
                    Rule::BlockFacts,
                    place,
                    "`MD5` is missing, or not what the manifest says",
                );
            }
        }
        if let Some((key, _)) = facts.next() {
            let message = format!("`{key}` has no place among the facts at this density");
            cx.findings.add(Rule::BlockFacts, place, message);
        }
        self.compare_meta(row, density, cx);
    }

    fn compare_meta(&self, row: &Listed, density: MetaDensity, cx: &mut Context<'_>) {
        let place = self.block.place;
        let demanded = density == MetaDensity::Full || row.kept.is_some();
        let Some(meta) = &self.block.meta else {
            if demanded {
                cx.findings.add(Rule::FileMeta, place, "the block has no file_meta");
            }
            return;
        };
        if !demanded {
            cx.findings.add(
                Rule::FileMeta,
                place,
                "at this density only a truncated file has file_meta",
            );
        }
        let mut compare = |what: &str, same: bool| {
            if !same {
                let message = format!("file_meta states another `{what}` than the manifest");
                cx.findings.add(Rule::FileMeta, place, message);
            }
        };
        let word = if row.kept.is_some() { "truncated" } else { "full" };
        compare("included", meta.included == word);
        compare("size", meta.size == row.size_bytes);
        compare("kept", meta.kept == row.kept);
        compare("tokens", meta.tokens == row.tokens);
        compare("redacted", meta.redacted.values().sum::<u64>() == row.redacted);
        compare("md5", meta.md5.as_deref().and_then(md5_bytes) == row.md5);
        let masked = row.redacted > 0 || row.kept.is_some() || meta.encoding.is_some();
        if !masked && meta.sha256 != meta.sha256_emitted {
            cx.findings.add(
                Rule::FileMeta,
                place,
                "nothing was changed in the file, but the two hashes differ",
            );
        }
        if !masked && meta.emitted_bytes.is_some_and(|bytes| bytes != row.size_bytes) {
            cx.findings.add(
                Rule::FileMeta,
                place,
                "nothing was changed in the file, but `emitted_bytes` is not its size",
            );
        }
    }

    fn start_hashes(&mut self, row: Option<&Listed>, cx: &Context<'_>) {
        if !cx.hashes {
            return;
        }
        let block = &mut self.block;
        let stated = block.meta.as_ref().is_some_and(|meta| meta.sha256_emitted.is_some());
        let exact =
            row.is_some_and(|row| row.redacted == 0 && row.kept.is_none() && row.md5.is_some());
        if stated {
            block.content.sha256 = Some(Sha256::new());
        } else if exact {
            block.content.md5 = Some(Md5::new());
        }
    }
}

/// The number in `1 byte`, `120 bytes` and in `1.2 KiB (1234 bytes)`.
fn exact_size(words: &str) -> Option<u64> {
    let exact = match words.split_once(" (") {
        Some((_, exact)) => exact.strip_suffix(')')?,
        None => words,
    };
    exact.strip_suffix(" bytes").or(exact.strip_suffix(" byte"))?.parse().ok()
}

/// Whether a text is what tells files apart that share an anchor.
fn is_suffix(suffix: &str, repo: &str, path: &str) -> bool {
    let Some(digits) = suffix.strip_prefix('-').filter(|digits| digits.len() >= 6) else {
        return false;
    };
    [true, false].iter().any(|nfc| anchor_hash(repo, path, *nfc).starts_with(digits))
}

/// Whether every `%` begins an escaped byte.
fn is_percent(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        rest.get(..2).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

fn is_relative(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
