//! What is wrong with a profile: a code for machines, a place and advice for people.

/// One finding about a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable code, with its subject after `:` where it has one (`task_missing_command:lint`).
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// File relative to the root, with `/`.
    pub file: String,
    /// Line from 1, where one can be named.
    pub line: Option<u32>,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The profile works, but not everything in it has an effect.
    Warning,
    /// The profile breaks its contract.
    Error,
}

impl Problem {
    /// Whether tasks of the file may be missing from the list because of it.
    pub fn hides_tasks(&self) -> bool {
        let codes =
            ["syntax", "unreadable", "wrong_type:profile", "wrong_type:wgx", "wrong_type:tasks"];
        codes.contains(&self.code.as_str())
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(super) struct Problems {
    file: String,
    found: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }

    /// The file that the following problems are about.
    pub(super) fn set_file(&mut self, file: &str) {
        if self.file != file {
            self.file = file.to_owned();
        }
    }

    pub(super) fn error(&mut self, code: String, line: u32, message: String, hint: &str) {
        self.push(Severity::Error, code, line, (message, hint));
    }

    pub(super) fn warning(&mut self, code: String, line: u32, message: String, hint: &str) {
        self.push(Severity::Warning, code, line, (message, hint));
    }

    fn push(&mut self, severity: Severity, code: String, line: u32, text: (String, &str)) {
        self.found.push(Problem {
            code,
            severity,
            file: self.file.clone(),
            line: Some(line),
            message: text.0,
            hint: text.1.to_owned(),
        });
    }

    /// The problems in the order of their lines.
    pub(super) fn into_vec(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }
}
