//! Builds the axum router from the route table; there is no other way to a handler.

use axum::Router;
use axum::middleware::from_fn_with_state;

use super::guard::{self, Guarded};
use super::table::table;
use crate::state::AppState;

/// The whole surface of the daemon.
pub(crate) fn router(state: AppState) -> Router {
    let mut router = Router::new();
    for route in table() {
        let guarded = Guarded { state: state.clone(), access: route.access, class: route.class };
        let handler = route.handler.route_layer(from_fn_with_state(guarded, guard::guard));
        router = router.route(route.path, handler);
    }
    router
        .fallback(guard::unknown_path)
        .method_not_allowed_fallback(guard::unknown_method)
        .layer(from_fn_with_state(state.clone(), guard::every_request))
        .with_state(state)
}
