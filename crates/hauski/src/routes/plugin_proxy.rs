//! HTTP that plugins serve: passed through to their Unix sockets, streaming both ways.
//!
//! What passes is cut down to what a stranger may say: the plugin gets neither the caller's key nor cookies, and its
//! answers can neither set cookies nor run as a page of this daemon.

use std::path::Path as FilePath;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::state::AppState;

/// A plugin that runs takes a connection at once.
const CONNECT: Duration = Duration::from_secs(5);
/// Headers that concern one connection only.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Headers of the caller that are for the daemon.
const OURS: [&str; 6] =
    ["authorization", "cookie", "origin", "referer", "x-csrf-token", "x-api-key"];
/// Headers of the plugin that would act in the daemon's name.
const THEIRS: [&str; 6] = [
    "set-cookie",
    "clear-site-data",
    "strict-transport-security",
    "service-worker-allowed",
    "content-security-policy",
    "content-security-policy-report-only",
];

/// Passes a request to the plugin's own server.
pub(crate) async fn proxy(
    State(state): State<AppState>,
    caller: Caller,
    Path((name, rest)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let entry = state.host.entry(&name).ok_or_else(ApiError::not_found)?;
    let wanted = format!("/{rest}");
    if wanted.split(['/', '\\']).any(|part| part == ".." || part == ".") {
        return Err(ApiError::not_found());
    }
    let route = entry.routes.iter().find(|route| wanted.starts_with(&route.path));
    let route = route.ok_or_else(ApiError::not_found)?;
    if let Some(scope) = &route.scope {
        caller.require(scope)?;
    }
    let Some(socket) = state.host.http_socket(&name) else {
        let message = format!("The plugin {name} does not run.");
        return Err(ApiError::new(Code::CapabilityUnavailable, message));
    };
    pass(&socket, &name, request).await
}

/// Sends one request over a connection of its own and returns the answer's head; its body follows as it comes.
async fn pass(socket: &FilePath, name: &str, mut request: Request) -> Result<Response, ApiError> {
    let failed =
        || ApiError::new(Code::UpstreamError, format!("The plugin {name} did not answer."));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let own = path.strip_prefix(&format!("/plugins/{name}")).unwrap_or(path);
    let uri: Uri = own.parse().map_err(|_| ApiError::not_found())?;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    clean(request.headers_mut(), &OURS);
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("plugin"));

    let connected = tokio::time::timeout(CONNECT, UnixStream::connect(socket)).await;
    let stream = connected.map_err(|_| failed())?.map_err(|_| failed())?;
    let handshake = http1::handshake::<_, Body>(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| failed())?;
    // It ends with the answer's body, or when nobody reads that any more.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|_| failed())?;
    let mut response = response.map(Body::new);
    clean(response.headers_mut(), &THEIRS);
    let cors: Vec<HeaderName> = response
        .headers()
        .keys()
        .filter(|name| name.as_str().starts_with("access-control-"))
        .cloned()
        .collect();
    for name in cors {
        response.headers_mut().remove(name);
    }
    // A page of a plugin has no rights of the daemon's origin.
    let sandbox =
        HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, sandbox);
    let as_said = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, as_said);
    Ok(response)
}

/// Takes away what concerns one connection only, what `Connection` names too, and further headers.
fn clean(headers: &mut HeaderMap, further: &[&str]) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP.iter().chain(further) {
        headers.remove(*name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_gets_neither_keys_nor_what_concerns_the_connection() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("connection", "close, x-own"),
            ("x-own", "1"),
            ("transfer-encoding", "chunked"),
            ("accept", "*/*"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        clean(&mut headers, &OURS);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["accept"]);
    }
}
