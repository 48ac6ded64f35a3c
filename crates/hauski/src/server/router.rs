//! Builds the axum router from the route table; there is no other way to a handler.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;

use super::guard::{self, Guarded};
use super::table::{Class, table};
use crate::state::AppState;

/// Whether `hauski serve --only memory` has this route.
fn is_of_memory(path: &str) -> bool {
    path.starts_with("/memory/") || matches!(path, "/health" | "/healthz" | "/ready" | "/metrics")
}

/// The surface of the daemon.
pub(crate) fn router(state: AppState) -> Router {
    let mut router = Router::new();
    let only_memory = state.settings.only_memory;
    for route in table().into_iter().filter(|route| !only_memory || is_of_memory(route.path)) {
        let guarded = Guarded { state: state.clone(), access: route.access, class: route.class };
        let handler = match route.class {
            // The guard bounds them by limits.yaml; the bound of the framework is lower.
            Class::Upload => route.handler.route_layer(DefaultBodyLimit::disable()),
            _ => route.handler,
        };
        let handler = handler.route_layer(from_fn_with_state(guarded, guard::guard));
        router = router.route(route.path, handler);
    }
    router
        .fallback(guard::unknown_path)
        .method_not_allowed_fallback(guard::unknown_method)
        .layer(from_fn_with_state(state.clone(), guard::every_request))
        .with_state(state)
}
