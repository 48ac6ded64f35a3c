//! Which names the daemon answers to, and whose pages may call it: the defence against DNS rebinding and against
//! requests that a foreign page makes in the name of its reader.

use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::error::{ApiError, Code};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a connection answers to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'a> {
    /// The address that the client has reached; `None` for the Unix socket.
    pub(crate) local: Option<IpAddr>,
    /// `https` when the connection is encrypted.
    pub(crate) scheme: &'static str,
    /// Further host names of this daemon.
    pub(crate) hosts: &'a [String],
    /// Origins of pages that may call besides the daemon's own.
    pub(crate) origins: &'a [String],
}

impl Door<'_> {
    /// Checks both; what comes back is the foreign origin that was let in, for the CORS headers.
    pub(crate) fn check(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Option<HeaderValue>, ApiError> {
        let host = self.host(uri, headers)?;
        self.origin(&host, headers)
    }

    /// The name that the client used, if it is one of ours.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<Authority, ApiError> {
        let refused =
            || ApiError::new(Code::HostNotAllowed, "This daemon does not answer under that name.");
        let mut named = headers.get_all(header::HOST).iter();
        let host = match (named.next(), named.next()) {
            (Some(host), None) => Authority::try_from(host.as_bytes()).map_err(|_| refused())?,
            _ => return Err(refused()),
        };
        // A name in the request line must say the same.
        if uri.authority().is_some_and(|authority| *authority != host) {
            return Err(refused());
        }
        let is_plain = !host.as_str().contains('@');
        match is_plain && self.is_ours(host.host()) {
            true => Ok(host),
            false => Err(refused()),
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            return true;
        }
        let is_loopback = self.local.is_none_or(|local| local.to_canonical().is_loopback());
        match name.parse::<IpAddr>() {
            Ok(address) if is_loopback => address.is_loopback(),
            Ok(address) => self.local.is_some_and(|local| local.to_canonical() == address),
            Err(_) => is_loopback && name.eq_ignore_ascii_case("localhost"),
        }
    }

    fn origin(
        &self,
        host: &Authority,
        headers: &HeaderMap,
    ) -> Result<Option<HeaderValue>, ApiError> {
        let refused = || {
            ApiError::new(Code::OriginNotAllowed, "Pages of that origin may not call this daemon.")
        };
        let mut named = headers.get_all(header::ORIGIN).iter();
        match (named.next(), named.next()) {
            (Some(origin), None) => {
                let text = origin.to_str().map_err(|_| refused())?;
                if text == format!("{}://{host}", self.scheme) {
                    return Ok(None);
                }
                let is_listed = self.origins.iter().any(|allowed| allowed == text);
                is_listed.then(|| Some(origin.clone())).ok_or_else(refused)
            }
            (None, _) => match headers.get(&SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
                None | Some(b"same-origin" | b"none") => Ok(None),
                Some(_) => Err(refused()),
            },
            _ => Err(refused()),
        }
    }
}

/// Whether a text is an origin that can be allowed: scheme, host and perhaps a port; never `null` and never `*`.
pub(crate) fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let authority = Authority::try_from(host);
    is_scheme
        && authority.is_ok_and(|it| !it.as_str().contains(['@', '*']) && !it.host().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(local: &str, headers: &[(HeaderName, &str)]) -> Result<Option<HeaderValue>, Code> {
        let hosts = ["studio.example".to_owned()];
        let origins = ["https://allowed.example".to_owned()];
        let local = local.parse().ok();
        let door = Door { local, scheme: "http", hosts: &hosts, origins: &origins };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        door.check(&Uri::from_static("/"), &map).map_err(|error| error.code())
    }

    #[test]
    fn only_own_names_are_answered() {
        for host in [
            "localhost",
            "localhost:7070",
            "LOCALHOST:1",
            "127.0.0.1:7070",
            "[::1]:7070",
            "127.0.0.2",
            "studio.example:80",
        ] {
            assert_eq!(check("127.0.0.1", &[(header::HOST, host)]), Ok(None), "{host}");
        }
        let foreign = [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.0.5",
            "[::]",
            "0.0.0.0",
            "localhost@evil.example",
            "evil.example@localhost",
            "2130706433",
            "localhost.",
        ];
        for host in foreign {
            assert_eq!(
                check("127.0.0.1", &[(header::HOST, host)]),
                Err(Code::HostNotAllowed),
                "{host}"
            );
        }
        assert_eq!(check("127.0.0.1", &[]), Err(Code::HostNotAllowed));
        let twice = [(header::HOST, "localhost"), (header::HOST, "localhost")];
        assert_eq!(check("127.0.0.1", &twice), Err(Code::HostNotAllowed));
    }

    #[test]
    fn beyond_loopback_only_the_address_that_was_reached_counts() {
        assert_eq!(check("192.168.0.5", &[(header::HOST, "192.168.0.5:7070")]), Ok(None));
        for host in ["localhost", "127.0.0.1", "192.168.0.6"] {
            assert_eq!(check("192.168.0.5", &[(header::HOST, host)]), Err(Code::HostNotAllowed));
        }
    }

    #[test]
    fn only_own_and_listed_origins_may_call() {
        let with = |origin| {
            check("127.0.0.1", &[(header::HOST, "localhost:7070"), (header::ORIGIN, origin)])
        };
        assert_eq!(with("http://localhost:7070"), Ok(None));
        let listed = with("https://allowed.example").unwrap().unwrap();
        assert_eq!(listed, "https://allowed.example");
        let foreign = [
            "null",
            "http://localhost",
            "http://localhost:8080",
            "https://localhost:7070",
            "http://127.0.0.1:7070",
            "https://allowed.example.evil",
            "https://allowed.example:444",
            "http://allowed.example",
            "*",
            "",
        ];
        for origin in foreign {
            assert_eq!(with(origin), Err(Code::OriginNotAllowed), "{origin}");
        }
    }

    #[test]
    fn a_page_without_origin_header_is_judged_by_its_site() {
        let with =
            |site| check("127.0.0.1", &[(header::HOST, "localhost:7070"), (SEC_FETCH_SITE, site)]);
        assert_eq!(with("same-origin"), Ok(None));
        assert_eq!(with("none"), Ok(None));
        for site in ["cross-site", "same-site", "anything"] {
            assert_eq!(with(site), Err(Code::OriginNotAllowed), "{site}");
        }
    }

    #[test]
    fn what_can_be_allowed_is_one_origin() {
        for good in [
            "https://a.example",
            "http://localhost:3000",
            "vscode-webview://abc",
            "app://obsidian.md",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "*",
            "null",
            "https://",
            "https://*.example",
            "https://a.example/path",
            "a.example",
            "https://u@a.example",
            "HTTPS://a",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
