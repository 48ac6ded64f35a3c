//! Ini files by the rules of Python's configparser, which tox uses.

/// A file: its sections in order and the lines that fit nowhere.
#[derive(Debug, Default)]
pub(super) struct Ini {
    pub(super) sections: Vec<Section>,
    /// Line and text of what is neither a section nor a key.
    pub(super) faults: Vec<(u32, String)>,
}

/// `[name]` and its keys.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) keys: Vec<Key>,
}

/// A key with its value; continuation lines are joined by newlines.
#[derive(Debug)]
pub(super) struct Key {
    /// Lower case, as configparser folds it.
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) value: String,
}

impl Ini {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut ini = Self::default();
        let mut indent = 0;
        let mut in_key = false;
        for (line, number) in text.lines().zip(1..) {
            let content = line.trim();
            if content.starts_with(['#', ';']) {
                continue;
            }
            if content.is_empty() {
                if let (true, Some(key)) = (in_key, ini.last_key()) {
                    key.value.push('\n');
                }
                continue;
            }
            let own_indent = line.len() - line.trim_start().len();
            if in_key
                && own_indent > indent
                && let Some(key) = ini.last_key()
            {
                key.value.push('\n');
                key.value.push_str(content);
                continue;
            }
            indent = own_indent;
            in_key = ini.begin(content, number);
        }
        ini
    }

    /// Starts a section or a key; whether a key is open now.
    fn begin(&mut self, content: &str, line: u32) -> bool {
        let header = content.strip_prefix('[').and_then(|rest| Some(rest.rsplit_once(']')?.0));
        if let Some(name) = header.filter(|name| !name.is_empty()) {
            self.sections.push(Section { name: name.to_owned(), line, keys: Vec::new() });
            return false;
        }
        let delimiter = content.find(['=', ':']).filter(|at| *at > 0);
        if let (Some(at), Some(section)) = (delimiter, self.sections.last_mut()) {
            section.keys.push(Key {
                name: content[..at].trim().to_lowercase(),
                line,
                value: content[at + 1..].trim().to_owned(),
            });
            return true;
        }
        if !self.sections.is_empty() {
            self.faults.push((line, content.to_owned()));
        }
        false
    }

    fn last_key(&mut self) -> Option<&mut Key> {
        self.sections.last_mut()?.keys.last_mut()
    }

    /// The section of that name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Lines count from the place where the text is embedded.
    pub(super) fn shift_lines(&mut self, first: u32) {
        for section in &mut self.sections {
            section.line += first;
            for key in &mut section.keys {
                key.line += first;
            }
        }
    }
}

impl Section {
    /// The first of several spellings of a key.
    pub(super) fn key(&self, names: &[&str]) -> Option<&Key> {
        names.iter().find_map(|name| self.keys.iter().rev().find(|key| key.name == *name))
    }
}
