//! Where a redirect leads and what may go with it.

use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};
use policy::Allowed;

/// The headers that go to another origin. All others may be credentials, so they stay.
const HARMLESS: [http::HeaderName; 4] = [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT];

/// Whether this answer is a redirect that is followed.
pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The address in `Location`, made absolute; none where there is not exactly one usable value.
pub(crate) fn location(from: &Allowed, headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(LOCATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let text = value.to_str().ok()?;
    // An absolute address goes to the policy as it is written, so that its spelling is judged too.
    let is_absolute = text.contains("://") && url::Url::parse(text).is_ok();
    if is_absolute {
        return Some(text.to_owned());
    }
    // A relative one with a backslash or a space would be repaired by the parser, so it is not used.
    if text.contains(['\\', ' ', '\t']) {
        return None;
    }
    from.url().join(text).ok().map(|url| url.to_string())
}

/// Whether the method stays, and with it the body (RFC 9110, 15.4).
pub(crate) fn method(status: StatusCode, method: &Method) -> (Method, bool) {
    let becomes_get = match status.as_u16() {
        303 => method != Method::GET && method != Method::HEAD,
        301 | 302 => method == Method::POST,
        _ => false,
    };
    if becomes_get { (Method::GET, false) } else { (method.clone(), true) }
}

/// The headers for the next request.
pub(crate) fn headers(headers: &mut HeaderMap, same_origin: bool, keeps_body: bool) {
    if !same_origin {
        let kept: HeaderMap = HARMLESS
            .into_iter()
            .filter_map(|name| headers.get(&name).cloned().map(|value| (name, value)))
            .collect();
        *headers = kept;
    }
    if !keeps_body {
        headers.remove(CONTENT_TYPE);
        headers.remove(http::header::CONTENT_ENCODING);
    }
}
