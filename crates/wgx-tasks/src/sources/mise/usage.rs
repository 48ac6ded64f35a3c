//! Arguments of a task from its `usage` text: the nodes `arg "<name>"` of the usage language.

use contracts::wgx::TaskArg;

/// The positional arguments, in order.
pub(super) fn arguments(text: &str) -> Vec<TaskArg> {
    text.lines().filter_map(argument).collect()
}

fn argument(line: &str) -> Option<TaskArg> {
    let rest = line.trim().strip_prefix("arg")?.trim_start();
    let (quoted, properties) = rest.strip_prefix('"')?.split_once('"')?;
    let optional = quoted.starts_with('[');
    let dots = quoted.contains('…') || quoted.contains("...");
    let name = quoted.trim_end_matches(['.', '…']).trim_matches(['<', '>', '[', ']', '.', '…']);
    let default = property(properties, "default");
    Some(TaskArg {
        name: name.to_owned(),
        required: !optional && default.is_none() && !is_set(properties, "required=#false"),
        default,
        variadic: dots || is_set(properties, "var=#true") || is_set(properties, "var=true"),
    })
}

fn is_set(properties: &str, flag: &str) -> bool {
    properties.split_whitespace().any(|word| word == flag)
}

/// `NAME="VALUE"`.
fn property(properties: &str, name: &str) -> Option<String> {
    let start = properties.find(&format!(" {name}=\""))?;
    let value = properties.get(start + name.len() + 3..)?;
    value.split_once('"').map(|(value, _)| value.to_owned())
}
