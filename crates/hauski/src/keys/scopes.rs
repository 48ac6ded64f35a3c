//! What keys may be allowed to do.

/// A scope and what it opens.
pub(crate) struct Scope {
    /// Its name in `--scope` and in the route table.
    pub(crate) name: &'static str,
    /// What it opens.
    pub(crate) opens: &'static str,
}

/// Every scope but `plugin:NAME`. `admin` opens everything.
pub(crate) const SCOPES: [Scope; 10] = [
    Scope { name: "admin", opens: "everything" },
    Scope { name: "chat", opens: "chat, completions, responses and the list of models" },
    Scope { name: "embed", opens: "embeddings and the list of models" },
    Scope { name: "audio", opens: "transcription, speech and audio profiles" },
    Scope { name: "code", opens: "drafts for pull requests" },
    Scope {
        name: "cloud",
        opens: "answers from outside the house, where routing.yaml allows them",
    },
    Scope { name: "memory", opens: "searching the memory, once there is an index" },
    Scope { name: "tasks", opens: "listing and running tasks" },
    Scope { name: "metrics", opens: "/metrics" },
    Scope { name: "mcp", opens: "the Model Context Protocol" },
];

/// Whether there is such a scope.
pub(crate) fn is_known(scope: &str) -> bool {
    let is_plugin = |name: &str| {
        let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=32).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(rest)
    };
    SCOPES.iter().any(|known| known.name == scope)
        || scope.strip_prefix("plugin:").is_some_and(is_plugin)
}

/// What each one opens, for the help of `hauski keys create`.
pub(crate) fn help() -> String {
    let line = |scope: &Scope| format!("  {:<12} {}\n", scope.name, scope.opens);
    let lines: String = SCOPES.iter().map(line).collect();
    format!(
        "What it may do, separated by commas:\n{lines}  {:<12} the routes of that plugin",
        "plugin:NAME"
    )
}

/// The names for messages.
pub(crate) fn names() -> String {
    let names: Vec<_> = SCOPES.iter().map(|scope| scope.name).collect();
    format!("{}, plugin:NAME", names.join(", "))
}
