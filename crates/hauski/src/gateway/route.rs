//! Who may be asked, in which order.

use contracts::hauski::policy::{CloudFallback, Upstream};

use super::failure;
use crate::keys::scopes::Right;
use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::state::AppState;

/// Scope of keys whose requests may leave the house, where `routing.yaml` allows that at all.
pub(crate) const CLOUD: Right = Right::Cloud;

/// One way to an answer.
pub(crate) enum Way {
    /// A plugin.
    Plugin,
    /// An upstream of `routing.yaml`.
    Upstream(Upstream),
}

/// The ways, best first; never empty.
pub(crate) fn ways(
    state: &AppState,
    caller: &Caller,
    capability: &'static str,
    model: &str,
) -> Result<Vec<Way>, ApiError> {
    let routing = &state.policies.load().routing.routing;
    let remote = upstreams(&routing.cloud_fallback, capability, model);
    let local = is_local(state, capability, model);
    let allowed = caller.has(CLOUD);
    if !local && !remote.is_empty() && !allowed {
        let message = format!(
            "The model is answered outside this house; that needs a key with the scope `{}`.",
            CLOUD.name()
        );
        return Err(ApiError::new(Code::InsufficientScope, message));
    }
    let mut ways: Vec<Way> = Vec::new();
    if allowed {
        ways.extend(remote.into_iter().map(Way::Upstream));
    }
    match (local || ways.is_empty(), routing.prefer_local) {
        (true, true) => ways.insert(0, Way::Plugin),
        (true, false) => ways.push(Way::Plugin),
        (false, _) => {}
    }
    Ok(ways)
}

/// Whether a plugin says that it has the model.
fn is_local(state: &AppState, capability: &str, model: &str) -> bool {
    state.host.models().iter().any(|own| {
        own.model.id == model && own.model.capabilities.iter().any(|name| name == capability)
    })
}

/// The upstreams that may be asked for a model.
pub(crate) fn upstreams(fallback: &CloudFallback, capability: &str, model: &str) -> Vec<Upstream> {
    let named = fallback.only_if.is_empty() || fallback.only_if.iter().any(|c| c == capability);
    if !fallback.enabled || !named {
        return Vec::new();
    }
    let have = |upstream: &&Upstream| upstream.models.contains_key(model);
    fallback.upstreams.iter().filter(have).cloned().collect()
}

/// Whether a failure is one that another provider might not have.
pub(crate) fn may_ask_another(error: &ApiError) -> bool {
    matches!(
        error.code(),
        Code::CapabilityUnavailable
            | Code::EngineOverloaded
            | Code::Overloaded
            | Code::ModelNotFound
            | Code::UpstreamError
            | Code::UpstreamTimeout
    )
}

/// Tokens of the context of a local model, where its plugin says.
pub(crate) fn context(state: &AppState, model: &str) -> Option<u32> {
    let models = state.host.models();
    models.iter().find(|own| own.model.id == model).and_then(|own| own.model.context)
}

/// Names of providers for `/v1/models`: model and who answers.
pub(crate) fn models(state: &AppState, caller: &Caller) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        state.host.models().into_iter().map(|own| (own.model.id, own.plugin)).collect();
    let routing = &state.policies.load().routing.routing;
    if routing.cloud_fallback.enabled && caller.has(CLOUD) {
        for upstream in &routing.cloud_fallback.upstreams {
            let names = upstream.models.keys().map(|id| (id.clone(), upstream.name.clone()));
            all.extend(names);
        }
    }
    all.sort();
    all.dedup_by(|next, first| next.0 == first.0);
    all
}

/// A model that somebody has, or the error that says otherwise.
pub(crate) fn model(
    state: &AppState,
    caller: &Caller,
    id: &str,
) -> Result<(String, String), ApiError> {
    let found = models(state, caller).into_iter().find(|(own, _)| own == id);
    found.ok_or_else(|| failure::unknown_model(id))
}
