//! The order in which plugins are started.

use contracts::hauski::plugin::Plugin;

/// What is wrong with the dependencies of a plugin.
pub(super) struct Fault {
    pub(super) plugin: String,
    pub(super) what: String,
    pub(super) hint: Option<String>,
}

/// Each plugin behind those named in its `after`, otherwise in the order of the file.
pub(super) fn by_dependency(plugins: Vec<Plugin>) -> Result<Vec<Plugin>, Fault> {
    for plugin in &plugins {
        let unknown = plugin.after.iter().find(|name| !plugins.iter().any(|p| &p.name == *name));
        if let Some(unknown) = unknown {
            let what =
                format!("plugin {:?} starts after {unknown:?}, which is not there", plugin.name);
            return Err(Fault { plugin: plugin.name.clone(), what, hint: None });
        }
    }
    let mut ordered: Vec<Plugin> = Vec::new();
    let mut rest = plugins;
    while !rest.is_empty() {
        let ready = rest.iter().position(|plugin| {
            plugin.after.iter().all(|name| ordered.iter().any(|done| &done.name == name))
        });
        let Some(ready) = ready else {
            let names: Vec<_> = rest.iter().map(|plugin| plugin.name.as_str()).collect();
            let what =
                format!("these plugins wait for each other in a circle: {}", names.join(", "));
            let hint = Some("remove one of their `after` entries".to_owned());
            return Err(Fault { plugin: rest[0].name.clone(), what, hint });
        };
        ordered.push(rest.remove(ready));
    }
    Ok(ordered)
}
