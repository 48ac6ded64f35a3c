//! The few templates of go-task whose value is known without running anything.

/// Variables with a plain value; a name that is not there is not known.
pub(super) type Variables = Vec<(String, String)>;

/// Renders `{{.NAME}}`, `{{OS}}`, `{{ARCH}}`, `{{exeExt}}` and `| default "x"`; `None` when the text
/// holds anything else.
pub(super) fn render(text: &str, variables: &Variables) -> Option<String> {
    let mut rendered = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}")?;
        let trim_left = inside.starts_with("- ");
        let trim_right = inside.ends_with(" -");
        let expression = inside.trim_start_matches("- ").trim_end_matches(" -");
        rendered.push_str(if trim_left { before.trim_end() } else { before });
        rendered.push_str(&value(expression.trim(), variables)?);
        rest = if trim_right { after.trim_start() } else { after };
    }
    rendered.push_str(rest);
    Some(rendered)
}

fn value(expression: &str, variables: &Variables) -> Option<String> {
    let (first, default) = match expression.split_once('|') {
        Some((first, filter)) => {
            let default = filter.trim().strip_prefix("default")?.trim();
            (first.trim(), Some(quoted(default)?))
        }
        None => (expression, None),
    };
    let known = match first {
        "OS" => Some(system().to_owned()),
        "ARCH" => Some(architecture().to_owned()),
        "exeExt" => Some(std::env::consts::EXE_SUFFIX.to_owned()),
        _ => match first.strip_prefix('.') {
            Some(name) => {
                let found = variables.iter().rev().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            }
            None => Some(quoted(first)?),
        },
    };
    known.filter(|value| !value.is_empty()).or(default)
}

fn quoted(text: &str) -> Option<String> {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .or_else(|| text.strip_prefix('`').and_then(|text| text.strip_suffix('`')))?;
    (!inner.contains(['"', '`', '\\'])).then(|| inner.to_owned())
}

/// The operating system as Go names it.
fn system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// The processor as Go names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        other => other,
    }
}
