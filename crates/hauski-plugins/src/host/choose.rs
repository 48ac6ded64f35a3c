//! Which plugin answers.

use std::sync::Arc;

use contracts::hauski::plugin_status::PluginState;

use super::Target;
use crate::protocol::{CallError, CallErrorKind};
use crate::supervisor::Unit;

/// The plugin for a target: among those that run and fit, the one with the least to do; the first of equals.
pub(super) fn unit(units: &[Arc<Unit>], target: &Target) -> Result<Arc<Unit>, CallError> {
    match target {
        Target::Capability { name, model } => by_capability(units, name, model.as_deref()),
        Target::Plugin { name, capability } => {
            let unit = units.iter().find(|unit| &*unit.name == name.as_str());
            let missing = || {
                let message = format!("there is no plugin {name:?}");
                CallError::new(CallErrorKind::NoProvider, message)
            };
            let unit = unit.ok_or_else(missing)?;
            let Some(instance) = unit.current() else {
                return Err(unit.unavailable());
            };
            if !instance.offers(capability, None) {
                let message = format!("plugin {name} has no capability {capability:?}");
                return Err(CallError::new(CallErrorKind::NoProvider, message).of(name));
            }
            Ok(Arc::clone(unit))
        }
    }
}

fn by_capability(
    units: &[Arc<Unit>],
    name: &str,
    model: Option<&str>,
) -> Result<Arc<Unit>, CallError> {
    let running =
        |unit: &&Arc<Unit>| unit.current().is_some_and(|instance| instance.offers(name, model));
    if let Some(unit) = units.iter().filter(running).min_by_key(|unit| unit.load()) {
        return Ok(Arc::clone(unit));
    }
    let able: Vec<_> = units.iter().filter(|unit| could(unit, name)).collect();
    // One that is coming back may have the model; one that runs has said that it has not.
    let coming = able.iter().find(|unit| unit.current().is_none() && is_coming(unit.state()));
    if let Some(unit) = coming {
        return Err(unit.unavailable());
    }
    if let (Some(model), true) = (model, able.iter().any(|unit| unit.current().is_some())) {
        let message = format!("no plugin has the model {model:?} for {name}");
        return Err(CallError::new(CallErrorKind::UnknownModel, message));
    }
    match able.first() {
        Some(unit) => Err(unit.unavailable()),
        None => {
            let message = format!("no plugin has the capability {name:?}");
            Err(CallError::new(CallErrorKind::NoProvider, message))
        }
    }
}

/// Whether a plugin has, had, or may have a capability.
fn could(unit: &Unit, capability: &str) -> bool {
    let last = unit.last_offered().capabilities;
    let declared = last.is_empty() && unit.spec().capabilities.iter().any(|c| c == capability);
    declared || last.iter().any(|own| own == capability)
}

fn is_coming(state: PluginState) -> bool {
    matches!(state, PluginState::Starting | PluginState::Backoff | PluginState::Unhealthy)
}
