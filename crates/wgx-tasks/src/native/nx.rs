//! What Nx lists: the targets in its project graph. Nx starts the plugins of the repository to make it.

use contracts::wgx::TaskSource;
use serde_json::Value;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    if !files.has("nx.json") {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Nx,
        argv: ["npx", "--no-install", "nx", "graph", "--print"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// The target that Nx gives to every package is left out: no file declares it.
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let start = answer.find('{').ok_or("the answer holds no JSON")?;
    let answer: Value = serde_json::from_str(&answer[start..])
        .map_err(|error| format!("not the expected JSON: {error}"))?;
    let nodes = answer.pointer("/graph/nodes").and_then(Value::as_object);
    let mut found = Vec::new();
    for (project, node) in nodes.ok_or("the answer has no `graph.nodes`")? {
        let targets = node.pointer("/data/targets").and_then(Value::as_object);
        for (target, value) in targets.into_iter().flatten() {
            if target == "nx-release-publish" {
                continue;
            }
            let description = value.pointer("/metadata/description").and_then(Value::as_str);
            found.push(NativeTask {
                name: format!("{project}:{target}"),
                description: description.map(str::to_owned),
                member: None,
            });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_become_tasks() {
        let answer = r#"note {"graph":{"nodes":{"a":{"data":{"targets":{"build":{},
            "nx-release-publish":{}}}}}}}"#;
        assert_eq!(parse(answer).unwrap(), [NativeTask::named("a:build")]);
        assert!(parse("error").is_err());
    }
}
