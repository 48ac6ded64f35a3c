//! How a document is to be read, told from its path and its first lines.

/// How a document is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A program, by its syntax.
    Code,
    /// JSON, YAML or TOML, by its keys.
    Config,
    /// Other configuration, by its sections.
    Settings,
    /// Text with headings.
    Markdown,
    /// Text without.
    Prose,
    /// Lines with times, by blocks.
    Log,
    /// A conversation: JSON lines of `role`, `content` and `at`.
    Turns,
    /// A table, or JSON lines.
    Rows,
}

/// Lines that are looked at to tell a log or a conversation.
const LINES_LOOKED_AT: usize = 40;

impl Kind {
    /// The kind of a document.
    #[must_use]
    pub fn of(path: &str, text: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "md" | "markdown" | "mdown" | "mdx" | "rmd" | "qmd" | "rst" | "adoc" | "asciidoc"
            | "org" => {
                return Self::Markdown;
            }
            "log" => return Self::Log,
            "csv" | "tsv" | "psv" => return Self::Rows,
            "jsonl" | "ndjson" => {
                return if is_conversation(text) { Self::Turns } else { Self::Rows };
            }
            "ini" | "cfg" | "cnf" | "conf" | "properties" | "env" | "editorconfig" | "service"
            | "timer" | "socket" | "mk" | "lock" => return Self::Settings,
            "json" | "jsonc" | "json5" | "yaml" | "yml" | "toml" => return Self::Config,
            _ => {}
        }
        let recipe = ["dockerfile", "containerfile", "makefile", "gnumakefile", "justfile"];
        let first = name.split('.').next().unwrap_or_default();
        if recipe.contains(&first) || matches!(&*name, "codeowners" | "procfile" | "manifest.in") {
            return Self::Settings;
        }
        if language(path).is_some() {
            return Self::Code;
        }
        if name.starts_with('.') {
            return Self::Settings;
        }
        if text.starts_with("#!") {
            return Self::Code;
        }
        if super::log::is_log(text, LINES_LOOKED_AT) { Self::Log } else { Self::Prose }
    }

    /// Its name in tags.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Config => "config",
            Self::Settings => "settings",
            Self::Markdown => "markdown",
            Self::Prose => "prose",
            Self::Log => "log",
            Self::Turns => "turns",
            Self::Rows => "rows",
        }
    }
}

fn is_conversation(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    let value = first.and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    value.is_some_and(|turn| turn.get("role").is_some() && turn.get("content").is_some())
}

/// The language of a path, in lower case; nothing where it is no program and no markup that is known.
#[must_use]
pub fn language(path: &str) -> Option<&'static str> {
    repolens::symbols::language(path)
}
