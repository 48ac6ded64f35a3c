//! HTTP that plugins serve: passed through to their Unix sockets, streaming both ways.
//!
//! What passes is cut down to what a stranger may say: the plugin gets neither the caller's key nor cookies, and its
//! answers can neither set cookies nor run as a page of this daemon.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use contracts::hauski::plugin::Route;
use hauski_plugins::HttpFolder;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::keys::scopes::{Right, Scope};
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
    Path((name, _)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let entry = state.host.entry(&name).ok_or_else(ApiError::not_found)?;
    let (own, meant) = own_path(request.uri().path()).ok_or_else(ApiError::not_found)?;
    for scope in demands(&entry.routes, &meant).ok_or_else(ApiError::not_found)? {
        caller.require(scope)?;
    }
    let Some(folder) = state.host.http(&name) else {
        let message = format!("The plugin {name} does not run.");
        return Err(ApiError::new(Code::CapabilityUnavailable, message));
    };
    pass(&folder, &name, &own, request).await
}

/// The path below a plugin's address: as it is sent on, and what it means once it is decoded. None for a path that two
/// servers could understand in two ways.
fn own_path(path: &str) -> Option<(String, String)> {
    let mut parts = path.strip_prefix("/plugins/")?.split('/');
    parts.next()?;
    let raw: Vec<&str> = parts.collect();
    let last = raw.len().checked_sub(1)?;
    let mut meant = String::new();
    for (index, part) in raw.iter().enumerate() {
        let part = decoded(part)?;
        let is_name = !part.is_empty() && part != "." && part != "..";
        // A path may end with a slash.
        let is_plain = is_name || part.is_empty() && index == last;
        let is_odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | ';' | '%');
        if !is_plain || part.contains(is_odd) {
            return None;
        }
        meant.push('/');
        meant.push_str(&part);
    }
    Some((format!("/{}", raw.join("/")), meant))
}

/// A part of a path without its percent signs; none where that is no text.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            bytes.push(is_hex.then(|| u8::from_str_radix(digits, 16).ok())??);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The scopes of all routes that lead to a path, in whatever order they stand; none where no route does.
fn demands(routes: &[Route], path: &str) -> Option<Vec<Scope>> {
    routes.iter().find(|route| path.starts_with(&route.path))?;
    // `/admin` is `/admin/` to many servers, so what guards the one guards the other.
    let folder = format!("{path}/");
    let fitting = routes.iter().filter(|route| folder.starts_with(&route.path));
    // A scope that there is not opens nothing; `admin` alone goes everywhere.
    let read = |scope: &String| scope.parse().unwrap_or(Scope::Right(Right::Admin));
    Some(fitting.filter_map(|route| route.scope.as_ref().map(read)).collect())
}

/// Sends one request over a connection of its own and returns the answer's head; its body follows as it comes.
async fn pass(
    folder: &HttpFolder,
    name: &str,
    own: &str,
    mut request: Request,
) -> Result<Response, ApiError> {
    let failed =
        || ApiError::new(Code::UpstreamError, format!("The plugin {name} did not answer."));
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    let uri: Uri = format!("{own}{query}").parse().map_err(|_| ApiError::not_found())?;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    clean(request.headers_mut(), &OURS);
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("plugin"));

    let connected = tokio::time::timeout(CONNECT, folder.connect()).await;
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

    fn routes(list: &[(&str, Option<&str>)]) -> Vec<Route> {
        let route = |(path, scope): &(&str, Option<&str>)| Route {
            path: (*path).to_owned(),
            scope: scope.map(str::to_owned),
        };
        list.iter().map(route).collect()
    }

    #[test]
    fn the_order_of_routes_does_not_matter() {
        let open_first = routes(&[("/", None), ("/admin/", Some("admin"))]);
        let open_last = routes(&[("/admin/", Some("admin")), ("/", None)]);
        for routes in [open_first, open_last] {
            let wanted = |path: &str| demands(&routes, path).unwrap();
            for path in ["/admin/x", "/admin/", "/admin"] {
                assert_eq!(wanted(path), [Scope::Right(Right::Admin)], "{path}");
            }
            assert_eq!(wanted("/administrator"), []);
        }
        assert_eq!(demands(&routes(&[("/v1/", None)]), "/v2/"), None);
        let nonsense = routes(&[("/", Some("nonsense"))]);
        assert_eq!(demands(&nonsense, "/x").unwrap(), [Scope::Right(Right::Admin)]);
    }

    #[test]
    fn a_path_with_two_meanings_leads_nowhere() {
        for path in [
            "/plugins/web//admin/x",
            "/plugins/web/a//b",
            "/plugins/web/./admin",
            "/plugins/web/a/../admin",
            "/plugins/web/a/%2e%2e/admin",
            "/plugins/web/%2fadmin",
            "/plugins/web/a%5cadmin",
            "/plugins/web/admin;x/y",
            "/plugins/web/admin%3bx/y",
            "/plugins/web/%2561dmin",
            "/plugins/web/a%00",
            "/plugins/web/a%0d%0a",
            "/plugins/web/%ff",
            "/plugins/web/%2",
            "/plugins/web/%+1",
        ] {
            assert_eq!(own_path(path), None, "{path}");
        }
        let meant = |path| own_path(path).unwrap();
        let same = |path: &str| (path.to_owned(), path.to_owned());
        assert_eq!(meant("/plugins/web/v1/x"), same("/v1/x"));
        assert_eq!(meant("/plugins/%77eb/v1/"), same("/v1/"));
        let encoded = meant("/plugins/web/%61dmin/a%20b");
        assert_eq!(encoded, ("/%61dmin/a%20b".to_owned(), "/admin/a b".to_owned()));
    }

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
