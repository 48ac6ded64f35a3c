//! The two properties of `.editorconfig` that the whitespace checks respect.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use wgx_tasks::files::{file_name, parent};

/// What a file's editor configuration says; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// `trim_trailing_whitespace`
    pub(super) trim: Option<bool>,
    /// `insert_final_newline`
    pub(super) final_newline: Option<bool>,
}

/// The configurations of a repository, deepest first.
#[derive(Debug)]
pub(super) struct EditorConfigs {
    files: Vec<(String, Configuration)>,
}

#[derive(Debug)]
struct Configuration {
    is_root: bool,
    sections: Vec<(GlobMatcher, Settings)>,
}

impl EditorConfigs {
    pub(super) fn read(root: &Path, paths: &[String]) -> Self {
        let named = paths.iter().filter(|path| file_name(path) == ".editorconfig");
        let mut files: Vec<(String, Configuration)> = named
            .filter_map(|path| {
                let text = std::fs::read_to_string(root.join(path)).ok()?;
                Some((parent(path).to_owned(), Configuration::parse(&text)))
            })
            .collect();
        files.sort_by_key(|(dir, _)| std::cmp::Reverse(dir.len()));
        Self { files }
    }

    /// The settings of a file: those of the nearest configurations upwards, up to one with
    /// `root = true`; nearer ones and later sections win.
    pub(super) fn settings(&self, path: &str) -> Settings {
        let mut settings = Settings::default();
        for (dir, configuration) in &self.files {
            let below = if dir.is_empty() { Some(path) } else { below(path, dir) };
            let Some(below) = below else { continue };
            let here = configuration.settings(below);
            settings.trim = settings.trim.or(here.trim);
            settings.final_newline = settings.final_newline.or(here.final_newline);
            if configuration.is_root {
                break;
            }
        }
        settings
    }
}

fn below<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    path.strip_prefix(dir)?.strip_prefix('/')
}

impl Configuration {
    fn parse(text: &str) -> Self {
        let mut configuration = Self { is_root: false, sections: Vec::new() };
        let mut in_section = false;
        for line in text.lines().map(str::trim) {
            if let Some(glob) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                let section = matcher(glob).map(|glob| (glob, Settings::default()));
                in_section = section.is_some();
                configuration.sections.extend(section);
            } else if let Some((key, value)) = property(line) {
                configuration.set(&key, &value, in_section);
            }
        }
        configuration
    }

    fn set(&mut self, key: &str, value: &str, in_section: bool) {
        let flag = (value != "unset").then_some(value == "true");
        match (self.sections.last_mut(), key) {
            (None, "root") => self.is_root = value == "true",
            (Some((_, settings)), "trim_trailing_whitespace") if in_section => settings.trim = flag,
            (Some((_, settings)), "insert_final_newline") if in_section => {
                settings.final_newline = flag;
            }
            _ => {}
        }
    }

    fn settings(&self, path: &str) -> Settings {
        let mut settings = Settings::default();
        for (_, here) in self.sections.iter().filter(|(glob, _)| glob.is_match(path)) {
            settings.trim = here.trim.or(settings.trim);
            settings.final_newline = here.final_newline.or(settings.final_newline);
        }
        settings
    }
}

fn property(line: &str) -> Option<(String, String)> {
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    Some((key.trim().to_ascii_lowercase(), value.trim().to_ascii_lowercase()))
}

/// A glob without `/` matches the name in any folder.
fn matcher(glob: &str) -> Option<GlobMatcher> {
    let glob = match glob.strip_prefix('/') {
        Some(rooted) => rooted.to_owned(),
        None if glob.contains('/') => glob.to_owned(),
        None => format!("**/{glob}"),
    };
    GlobBuilder::new(&glob).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_sections_and_deeper_files_win() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("deep")).unwrap();
        let top = "root = true\n[*]\ntrim_trailing_whitespace = true\ninsert_final_newline=true\n\
                   [*.{md,txt}]\ntrim_trailing_whitespace = false\n";
        std::fs::write(dir.path().join(".editorconfig"), top).unwrap();
        let deep = "[/*.rst]\ninsert_final_newline = false\n";
        std::fs::write(dir.path().join("deep/.editorconfig"), deep).unwrap();
        let paths = [".editorconfig".to_owned(), "deep/.editorconfig".to_owned()];
        let configs = EditorConfigs::read(dir.path(), &paths);
        let plain = Settings { trim: Some(true), final_newline: Some(true) };
        assert_eq!(configs.settings("src/a.rs"), plain);
        assert_eq!(configs.settings("b/a.txt").trim, Some(false));
        assert_eq!(configs.settings("deep/a.rst").final_newline, Some(false));
        assert_eq!(configs.settings("deep/er/a.rst").final_newline, Some(true));
    }
}
