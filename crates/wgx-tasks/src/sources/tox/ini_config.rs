//! The environments of an ini configuration.

use std::collections::HashSet;

use crate::sources::Scan;

use super::factor;
use super::ini::{Ini, Section};
use super::{Environment, Labels, Names, is_testenv, one_line};

/// Deepest chain of references and of bases.
const MAX_REFERENCES: usize = 20;

pub(super) struct IniConfig<'a> {
    ini: &'a Ini,
    core: &'a str,
}

impl<'a> IniConfig<'a> {
    pub(super) fn new(ini: &'a Ini, core: &'a str) -> Self {
        Self { ini, core }
    }

    /// Default environments first, then sections, then those that only conditions mention.
    pub(super) fn environments(&self, scan: &mut Scan<'_>, file: &str) -> Vec<Environment> {
        let mut names = Names::new(self.packaging());
        let mut known = HashSet::new();
        for (name, line) in self.env_list(scan, file) {
            remember(&mut known, &name);
            names.add(name, line);
        }
        let has_default = !names.lines.is_empty();
        for section in self.ini.sections.iter().filter(|section| is_testenv(&section.name)) {
            for name in section_names(section) {
                remember(&mut known, &name);
                names.add(name, section.line);
            }
        }
        self.add_mentioned(&mut names, &known);
        let labels = self.labels(&mut names);
        if !has_default {
            let line = self.ini.section(self.core).or_else(|| self.ini.section("testenv"));
            names.add("py".into(), line.map_or(1, |section| section.line));
        }
        let lines = std::mem::take(&mut names.lines);
        lines.into_iter().map(|(name, line)| self.environment(name, line, &labels)).collect()
    }

    fn core(&self, keys: &[&str]) -> Option<(String, u32)> {
        let key = self.ini.section(self.core)?.key(keys)?;
        Some((self.resolve(&without_comments(&key.value), self.core, 0), key.line))
    }

    fn env_list(&self, scan: &mut Scan<'_>, file: &str) -> Vec<(String, u32)> {
        let Some((value, line)) = self.core(&["env_list", "envlist"]) else {
            return Vec::new();
        };
        let mut names = Vec::new();
        for expression in value.lines() {
            match factor::expand(expression) {
                Some(expanded) => names.extend(expanded.into_iter().map(|name| (name, line))),
                None => {
                    let reason =
                        format!("`{}` in the environment list cannot be read", expression.trim());
                    scan.dynamic(file, Some(line), &reason);
                }
            }
        }
        names
    }

    fn packaging(&self) -> HashSet<String> {
        let sections = self.ini.sections.iter();
        let keys = sections.flat_map(|section| &section.keys);
        keys.filter(|key| matches!(key.name.as_str(), "package_env" | "isolated_build_env"))
            .map(|key| key.value.trim().to_owned())
            .collect()
    }

    fn add_mentioned(&self, names: &mut Names, known: &HashSet<String>) {
        for section in &self.ini.sections {
            // A plain [testenv] of setup.cfg belongs to another prefix than [tox:tox].
            let is_own = section.name.starts_with("testenv:")
                || section.name == self.core
                || (section.name == "testenv" && self.core == "tox");
            if !is_own {
                continue;
            }
            for key in &section.keys {
                for name in factor::mentioned(&key.value) {
                    if name.split('-').any(|factor| !known.contains(factor)) {
                        names.add(name, key.line);
                    }
                }
            }
        }
    }

    fn labels(&self, names: &mut Names) -> Labels {
        let mut labels = Labels::new();
        let Some((value, line)) = self.core(&["labels"]) else {
            return labels;
        };
        for row in value.lines() {
            let Some((label, list)) = row.split_once('=') else {
                continue;
            };
            for name in factor::expand(list).unwrap_or_default() {
                labels.entry(name.clone()).or_insert_with(|| label.trim().to_owned());
                names.add(name, line);
            }
        }
        labels
    }

    fn environment(&self, name: String, line: u32, labels: &Labels) -> Environment {
        let own = self.section_of(&name);
        let value = |key: &str| self.value(&name, key).unwrap_or_default();
        let own_label = value("labels")
            .split([',', '\n'])
            .map(str::trim)
            .find(|l| !l.is_empty())
            .map(str::to_owned);
        Environment {
            description: one_line(&value("description")),
            group: labels.get(&name).cloned().or(own_label),
            commands: value("commands")
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect(),
            line: own.map_or(line, |section| section.line),
            name,
        }
    }

    fn section_of(&self, name: &str) -> Option<&'a Section> {
        let sections = self.ini.sections.iter();
        sections
            .filter(|section| section.name.starts_with("testenv:"))
            .find(|section| section_names(section).iter().any(|own| own == name))
    }

    /// A setting of an environment: its own section, else its bases (`testenv` where none is named).
    fn value(&self, name: &str, key: &str) -> Option<String> {
        let mut open: Vec<&Section> = self.section_of(name).into_iter().collect();
        if open.is_empty() {
            open.extend(self.ini.section("testenv"));
        }
        let mut steps = 0;
        while let Some(section) = open.pop() {
            steps += 1;
            if steps > MAX_REFERENCES {
                return None;
            }
            if let Some(found) = section.key(&[key]) {
                let value = factor::filter(&without_comments(&found.value), name);
                let value = value.replace("{env_name}", name).replace("{envname}", name);
                return Some(self.resolve(&value, &section.name, 0).replace("\\\n", " "));
            }
            let bases = section.key(&["base"]).map_or("testenv", |base| base.value.as_str());
            let bases: Vec<&str> = bases.split([',', '\n']).map(str::trim).collect();
            let section_named = |base: &&str| {
                self.ini.section(base).or_else(|| self.ini.section(&format!("testenv:{base}")))
            };
            let found = bases.iter().rev().filter_map(section_named);
            open.extend(found.filter(|base| base.name != section.name));
        }
        None
    }

    /// Replaces `{[section]key}` and `{env:NAME:default}`; everything else stays as it is.
    fn resolve(&self, value: &str, section: &str, depth: usize) -> String {
        if depth > MAX_REFERENCES || !value.contains('{') {
            return value.to_owned();
        }
        let (mut resolved, mut rest) = (String::new(), value);
        while let Some(open) = rest.find('{') {
            resolved.push_str(&rest[..open]);
            rest = &rest[open..];
            let Some(close) = rest.find('}') else {
                break;
            };
            match self.reference(&rest[1..close], section, depth) {
                Some(text) => resolved.push_str(&text),
                None => resolved.push_str(&rest[..=close]),
            }
            rest = &rest[close + 1..];
        }
        resolved.push_str(rest);
        resolved
    }

    fn reference(&self, inner: &str, section: &str, depth: usize) -> Option<String> {
        if let Some(rest) = inner.strip_prefix('[') {
            let (name, key) = rest.split_once(']')?;
            let target = self.ini.section(if name.is_empty() { section } else { name })?;
            let value = without_comments(&target.key(&[&key.to_lowercase()])?.value);
            // Budgeted: a chain of doubling references must not grow without end.
            let value = self.resolve(&value, &target.name, depth + 1);
            return (value.len() < 100_000).then_some(value);
        }
        let variable = inner.strip_prefix("env:")?;
        Some(variable.split_once(':').map_or(String::new(), |(_, default)| default.to_owned()))
    }
}

fn section_names(section: &Section) -> Vec<String> {
    let name = section.name.strip_prefix("testenv:").unwrap_or_default();
    factor::expand(name).unwrap_or_default()
}

fn remember(known: &mut HashSet<String>, name: &str) {
    known.extend(name.split('-').map(str::to_owned));
}

/// A `#` starts a comment anywhere unless a backslash stands before it.
fn without_comments(value: &str) -> String {
    let lines = value.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let comment =
            line.match_indices('#').map(|(at, _)| at).find(|at| !line[..*at].ends_with('\\'));
        comment.map_or(line, |at| line[..at].trim_end()).replace("\\#", "#")
    });
    lines.collect::<Vec<_>>().join("\n")
}
