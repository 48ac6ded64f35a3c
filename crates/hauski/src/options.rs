//! What can be set for the daemon, and which source wins: flag, then environment, then what was stored at run
//! time, then the default.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use contracts::hauski::config::{Setting, Source};

use crate::exit::{Exit, Failure};
use crate::server::origin::is_origin;

/// One thing that can be set.
pub(crate) struct Info {
    /// Its name in `hauski config set` and in the store.
    pub(crate) name: &'static str,
    /// Its environment variable.
    pub(crate) variable: &'static str,
    /// What holds when nobody says anything.
    pub(crate) default: &'static str,
    /// Whether a change counts at once; otherwise at the next start.
    pub(crate) is_live: bool,
    /// What it is for.
    pub(crate) about: &'static str,
    check: fn(&str) -> Result<(), String>,
}

/// Everything that can be set.
pub(crate) const OPTIONS: [Info; 7] = [
    Info {
        name: "bind",
        variable: "HAUSKI_BIND",
        default: "127.0.0.1:7070",
        is_live: false,
        about: "address to listen on",
        check: |text| address(text).map(drop),
    },
    Info {
        name: "allowed_origins",
        variable: "HAUSKI_ALLOWED_ORIGIN",
        default: "",
        is_live: true,
        about: "origins of pages that may call besides the daemon's own",
        check: |text| origins(text).map(drop),
    },
    Info {
        name: "allowed_hosts",
        variable: "HAUSKI_ALLOWED_HOST",
        default: "",
        is_live: true,
        about: "further host names that the daemon answers to",
        check: |text| hosts(text).map(drop),
    },
    Info {
        name: "expose_config",
        variable: "HAUSKI_EXPOSE_CONFIG",
        default: "false",
        is_live: true,
        about: "whether /config/* answers",
        check: |text| flag(text).map(drop),
    },
    Info {
        name: "client_timeout_ms",
        variable: "HAUSKI_CLIENT_TIMEOUT_MS",
        default: "15000",
        is_live: true,
        about: "milliseconds for which a client may keep the daemon waiting",
        check: |text| milliseconds(text).map(drop),
    },
    Info {
        name: "log_level",
        variable: "HAUSKI_LOG",
        default: "info",
        is_live: false,
        about: "least level of the log",
        check: |text| level(text).map(drop),
    },
    Info {
        name: "otlp_endpoint",
        variable: "HAUSKI_OTLP_ENDPOINT",
        default: "",
        is_live: false,
        about: "collector that gets traces over OTLP/HTTP; routing.yaml must allow it",
        check: |text| collector(text).map(drop),
    },
];

/// What flags and variables say: by name, the text and where it comes from.
pub(crate) type Given = BTreeMap<&'static str, (String, Source)>;

/// What holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Address to listen on; port 0 takes a free one.
    pub(crate) bind: SocketAddr,
    /// Origins of pages that may call besides the daemon's own.
    pub(crate) allowed_origins: Vec<String>,
    /// Further host names that the daemon answers to.
    pub(crate) allowed_hosts: Vec<String>,
    /// Whether `/config/*` answers.
    pub(crate) expose_config: bool,
    /// How long a client may keep the daemon waiting for the head of a request, for more of its body, or for room
    /// to write to.
    pub(crate) client_timeout: Duration,
    /// Least level of the log.
    pub(crate) log_level: tracing::Level,
    /// Address of the collector that gets traces.
    pub(crate) otlp_endpoint: Option<String>,
}

impl Options {
    /// Reads what holds.
    pub(crate) fn resolve(given: &Given, stored: &[(String, String)]) -> Result<Self, Failure> {
        let text = |name: &str| one(name, given, stored);
        Ok(Self {
            bind: typed(text("bind"), address)?,
            allowed_origins: typed(text("allowed_origins"), origins)?,
            allowed_hosts: typed(text("allowed_hosts"), hosts)?,
            expose_config: typed(text("expose_config"), flag)?,
            client_timeout: typed(text("client_timeout_ms"), milliseconds)?,
            log_level: typed(text("log_level"), level)?,
            otlp_endpoint: typed(text("otlp_endpoint"), collector)?,
        })
    }
}

/// Every setting with the source that wins.
pub(crate) fn report(given: &Given, stored: &[(String, String)]) -> Vec<Setting> {
    let shown = |info: &Info| {
        let (name, value, source) = one(info.name, given, stored);
        let stored = stored.iter().find(|(name, _)| name == info.name);
        Setting {
            name: name.to_owned(),
            value,
            source,
            stored: stored.map(|(_, value)| value.clone()),
            variable: info.variable.to_owned(),
            default: info.default.to_owned(),
            live: info.is_live,
            about: info.about.to_owned(),
        }
    };
    OPTIONS.iter().map(shown).collect()
}

/// The setting of this name, if a value of it may be this text.
pub(crate) fn check(name: &str, value: &str) -> Result<&'static Info, String> {
    let info = OPTIONS.iter().find(|info| info.name == name).ok_or_else(|| {
        let names: Vec<_> = OPTIONS.iter().map(|info| info.name).collect();
        format!("there is no setting `{name}`; there are {}", names.join(", "))
    })?;
    (info.check)(value).map(|()| info).map_err(|what| format!("{name} {what}"))
}

fn one(name: &str, given: &Given, stored: &[(String, String)]) -> (&'static str, String, Source) {
    // Every name that is asked for stands in the table; the first entry stands in for the type's sake.
    let info = OPTIONS.iter().find(|info| info.name == name).unwrap_or(&OPTIONS[0]);
    if let Some((value, source)) = given.get(info.name) {
        return (info.name, value.clone(), *source);
    }
    match stored.iter().find(|(stored, _)| stored == name) {
        Some((_, value)) => (info.name, value.clone(), Source::Stored),
        None => (info.name, info.default.to_owned(), Source::Default),
    }
}

fn typed<T>(
    (name, value, source): (&'static str, String, Source),
    read: fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    read(&value).map_err(|what| {
        let variable = OPTIONS.iter().find(|info| info.name == name).map(|info| info.variable);
        let from = match source {
            Source::Flag => format!("--{name}"),
            Source::Environment => variable.unwrap_or(name).to_owned(),
            Source::Stored => format!("the stored setting {name}"),
            Source::Default => format!("the default of {name}"),
        };
        let hint = match source {
            Source::Stored => format!("`hauski config unset {name}` forgets it"),
            _ => "`hauski config show` lists every setting".to_owned(),
        };
        Failure::new(format!("{from} {what}"), hint).exit(Exit::Usage)
    })
}

/// `IP:PORT`; `[::1]:7070` for IPv6 and `localhost:PORT` for 127.0.0.1.
fn address(text: &str) -> Result<SocketAddr, String> {
    let text = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    let hint = "write IP:PORT, such as 127.0.0.1:7070 or [::1]:7070";
    text.parse().map_err(|_| format!("is no address: `{text}`; {hint}"))
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn origins(text: &str) -> Result<Vec<String>, String> {
    let hint = "write origins such as https://studio.example, separated by commas; no wildcard";
    let read = |item: &str| {
        is_origin(item).then(|| item.to_owned()).ok_or(format!("has no origin: `{item}`; {hint}"))
    };
    list(text).map(read).collect()
}

fn hosts(text: &str) -> Result<Vec<String>, String> {
    let is_host = |item: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b':';
        item.len() <= 253 && item.bytes().all(is_plain)
    };
    let hint = "write names without port, separated by commas; no wildcard";
    let read = |item: &str| {
        is_host(item).then(|| item.to_owned()).ok_or(format!("has no host name: `{item}`; {hint}"))
    };
    list(text).map(read).collect()
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

/// The address of a collector; nothing for an empty text.
fn collector(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let fault = || format!("`{text}` is no address such as http://127.0.0.1:4318");
    let url = url::Url::parse(text).map_err(|_| fault())?;
    let is_plain = url.has_host() && url.query().is_none() && url.username().is_empty();
    match matches!(url.scheme(), "http" | "https") && is_plain && url.password().is_none() {
        true => Ok(Some(text.to_owned())),
        false => Err(fault()),
    }
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.parse().ok().filter(|ms| (100..=600_000).contains(ms));
    number.map(Duration::from_millis).ok_or_else(|| "is not between 100 and 600000".to_owned())
}

fn level(text: &str) -> Result<tracing::Level, String> {
    text.parse().map_err(|_| "is none of error, warn, info, debug, trace".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_valid_and_every_name_is_resolved() {
        for info in &OPTIONS {
            assert!(check(info.name, info.default).is_ok(), "{}", info.name);
            assert_eq!(one(info.name, &Given::new(), &[]).0, info.name);
        }
        Options::resolve(&Given::new(), &[]).unwrap();
    }

    #[test]
    fn the_flag_wins_over_the_variable_over_the_store_over_the_default() {
        let stored = [("bind".to_owned(), "127.0.0.1:3".to_owned())];
        let source = |given: &Given, stored| report(given, stored).swap_remove(0).source;
        let mut given = Given::new();
        assert_eq!(source(&given, &[]), Source::Default);
        assert_eq!(source(&given, &stored[..]), Source::Stored);
        given.insert("bind", ("127.0.0.1:2".into(), Source::Environment));
        assert_eq!(source(&given, &stored[..]), Source::Environment);
        given.insert("bind", ("127.0.0.1:1".into(), Source::Flag));
        assert_eq!(Options::resolve(&given, &stored).unwrap().bind.port(), 1);
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for (name, value) in [
            ("bind", "7070"),
            ("allowed_origins", "*"),
            ("allowed_origins", "null"),
            ("allowed_hosts", "*.example"),
            ("allowed_hosts", "a/b"),
            ("expose_config", "yes"),
            ("client_timeout_ms", "0"),
            ("client_timeout_ms", "-1"),
            ("log_level", "loud"),
            ("nothing", "1"),
        ] {
            assert!(check(name, value).is_err(), "{name} {value}");
        }
    }
}
