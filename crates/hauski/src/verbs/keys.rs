//! `hauski keys`: makes, lists, replaces and revokes API keys, through the daemon where one runs.

use std::fmt::Write;
use std::time::Duration;

use audit::{Durability, Outcome};
use clap::Subcommand;
use contracts::hauski::keys::{
    CREATED, Changed, Create, Created, KEY, Key, LIST, List, Rotate, State,
};
use http::Method;
use jiff::{Span, Timestamp, Zoned};

use crate::exit::{Exit, Failure};
use crate::keys::{KeyError, Keys, scopes};
use crate::local::{self, block_on};
use crate::routes::admin::keys::event;
use crate::settings::Settings;
use crate::{home, output};

/// Options of `hauski keys`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key; it is shown this one time
    Create(CreateArgs),
    /// Show all keys, without their secrets
    List,
    /// End a key at once, and what it has running
    Revoke {
        /// The eight characters after `hk_live_`, or the whole key
        id: String,
    },
    /// Make a successor with the same rights; the old key stays good for a while
    Rotate {
        /// The eight characters after `hk_live_`, or the whole key
        id: String,
        /// How long the old key stays good, such as 24h or 7d
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = span)]
        overlap: Span,
    },
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// What it may do, separated by commas (--help lists all)
    #[arg(long, long_help = scopes::help(), value_name = "SCOPES", value_delimiter = ',', required = true)]
    scope: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    name: String,
    /// When it ends: a time such as 2027-01-31T12:00:00Z, or from now, such as 90d or 12h
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Requests it may make in all
    #[arg(long, value_name = "N")]
    requests: Option<u64>,
    /// Tokens it may use in all, read and written
    #[arg(long, value_name = "N")]
    tokens: Option<u64>,
    /// Requests it may make a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    per_minute: Option<u32>,
}

/// Does it and prints the report.
pub(crate) fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    block_on(async {
        let door = Door::open(settings).await?;
        match args.what {
            What::Create(args) => show_created(&door.create(&wish(args)?).await?, settings),
            What::List => show_list(&door.list().await?, settings),
            What::Revoke { id } => show_revoked(&door.revoke(&id_of(&id)?).await?, settings),
            What::Rotate { id, overlap } => {
                let rotate = Rotate { overlap_s: Some(seconds(overlap)?) };
                show_created(&door.rotate(&id_of(&id)?, &rotate).await?, settings)
            }
        }?;
        Ok(Exit::Good)
    })
}

/// The daemon, or the store where none runs.
enum Door<'a> {
    Daemon(&'a Settings),
    Store(Box<Keys>, audit::Log),
}

impl<'a> Door<'a> {
    async fn open(settings: &'a Settings) -> anyhow::Result<Self> {
        if local::is_running(settings).await {
            return Ok(Self::Daemon(settings));
        }
        home::prepare(settings)?;
        let (_, keys) = home::open(settings).await?;
        Ok(Self::Store(Box::new(keys), home::audit(settings)?))
    }

    async fn list(&self) -> anyhow::Result<List> {
        match self {
            Self::Daemon(settings) => local::get(settings, "/admin/keys").await,
            Self::Store(keys, _) => Ok(List { schema: LIST.to_owned(), keys: keys.list() }),
        }
    }

    async fn create(&self, wish: &Create) -> anyhow::Result<Created> {
        match self {
            Self::Daemon(settings) => {
                local::call(settings, Method::POST, "/admin/keys", Some(wish)).await
            }
            Self::Store(keys, log) => {
                let new = keys.plan(wish, &actor()).map_err(Failure::from)?;
                let key = new.key();
                let made = recorded(log, "key.create", &key, keys.add(new)).await?;
                Ok(created(made))
            }
        }
    }

    async fn revoke(&self, id: &str) -> anyhow::Result<Changed> {
        match self {
            Self::Daemon(settings) => {
                let path = format!("/admin/keys/{id}");
                local::call(settings, Method::DELETE, &path, None::<&()>).await
            }
            Self::Store(keys, log) => {
                let key = keys.find(id).await.map_err(Failure::from)?;
                let key = recorded(log, "key.revoke", &key, keys.revoke(id)).await?;
                Ok(Changed { schema: KEY.to_owned(), key })
            }
        }
    }

    async fn rotate(&self, id: &str, wish: &Rotate) -> anyhow::Result<Created> {
        match self {
            Self::Daemon(settings) => {
                let path = format!("/admin/keys/{id}/rotate");
                local::call(settings, Method::POST, &path, Some(wish)).await
            }
            Self::Store(keys, log) => {
                let new = keys.plan_successor(id, wish).await.map_err(Failure::from)?;
                let key = new.key();
                let made = recorded(log, "key.rotate", &key, keys.add(new)).await?;
                Ok(created(made))
            }
        }
    }
}

/// Who changes keys from the command line.
fn actor() -> String {
    format!("local:{}", rustix::process::geteuid().as_raw())
}

/// Records the change, then makes it; a second line says so when it fails.
async fn recorded<T>(
    log: &audit::Log,
    action: &str,
    key: &Key,
    work: impl Future<Output = Result<T, KeyError>>,
) -> anyhow::Result<T> {
    let event = event(actor(), action, key);
    log.append(event.clone(), Durability::Durable).wait()?;
    let done = work.await;
    if done.is_err() {
        log.append(event.outcome(Outcome::Failed), Durability::Durable).wait()?;
    }
    log.close()?;
    Ok(done.map_err(Failure::from)?)
}

fn created((secret, key): (String, Key)) -> Created {
    Created { schema: CREATED.to_owned(), secret, key }
}

fn wish(args: CreateArgs) -> anyhow::Result<Create> {
    Ok(Create {
        name: args.name,
        // Whoever writes `chat, embed` means the words.
        scopes: args.scope.iter().map(|scope| scope.trim().to_owned()).collect(),
        expires: args.expires.as_deref().map(end).transpose()?,
        max_requests: args.requests,
        max_tokens: args.tokens,
        per_minute: args.per_minute,
    })
}

/// A time, or a span from now; RFC 3339.
fn end(text: &str) -> anyhow::Result<String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.to_string());
    }
    let end = span(text).ok().and_then(|span| Zoned::now().checked_add(span).ok());
    end.map(|end| end.timestamp().to_string()).ok_or_else(|| {
        let message = format!("--expires is neither a time nor a span: {text}");
        let hint = "write 2027-01-31T12:00:00Z, 90d or 12h";
        Failure::new(message, hint).exit(Exit::Usage).into()
    })
}

fn span(text: &str) -> Result<Span, String> {
    text.parse().map_err(|_| "write a span such as 24h or 7d".to_owned())
}

fn seconds(span: Span) -> anyhow::Result<u64> {
    let from = Zoned::now();
    let duration = span.to_duration(&from)?;
    Ok(Duration::try_from(duration).map(|duration| duration.as_secs())?)
}

/// The id in what was given, which may be the whole key.
fn id_of(text: &str) -> anyhow::Result<String> {
    let id = match text.strip_prefix("hk_") {
        Some(rest) => rest.split('_').nth(1).unwrap_or_default(),
        None => text,
    };
    if id.len() == 8 && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(id.to_owned());
    }
    let hint = "`hauski keys list` shows the ids of all keys";
    Err(Failure::new("an id has eight letters or digits", hint).exit(Exit::Usage).into())
}

fn show_created(created: &Created, settings: &Settings) -> anyhow::Result<()> {
    if settings.json {
        return output::print_json(created);
    }
    output::note(&format!(
        "this is the only time that the key {} is shown; it may: {}",
        created.key.id,
        created.key.scopes.join(", ")
    ));
    output::print(&format!("{}\n", created.secret))
}

fn show_revoked(changed: &Changed, settings: &Settings) -> anyhow::Result<()> {
    match settings.json {
        true => output::print_json(changed),
        false => output::print(&format!("{} is revoked\n", changed.key.masked)),
    }
}

fn show_list(list: &List, settings: &Settings) -> anyhow::Result<()> {
    if settings.json {
        return output::print_json(list);
    }
    if list.keys.is_empty() {
        return output::print("no keys; `hauski keys create --scope chat` makes one\n");
    }
    let mut text = String::new();
    for key in &list.keys {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {:8} {}", key.id, state(key), about(key));
    }
    output::print(&text)
}

fn state(key: &Key) -> &'static str {
    match key.state {
        State::Active => "active",
        State::Expired => "expired",
        State::Revoked => "revoked",
    }
}

/// Scopes, name, limits and use in one line.
fn about(key: &Key) -> String {
    let mut parts = vec![key.scopes.join(",")];
    if !key.name.is_empty() {
        parts.push(format!("“{}”", key.name));
    }
    let of =
        |used: u64, most: Option<u64>| most.map_or(used.to_string(), |n| format!("{used} of {n}"));
    parts.push(format!("requests {}", of(key.used_requests, key.max_requests)));
    parts.push(format!("tokens {}", of(key.used_tokens, key.max_tokens)));
    parts.extend(key.per_minute.map(|n| format!("at most {n} a minute")));
    parts.extend(key.expires.as_ref().map(|end| format!("ends {end}")));
    parts.extend(key.last_used.as_ref().map(|time| format!("last used {time}")));
    parts.extend(key.replaced_by.as_ref().map(|id| format!("replaced by {id}")));
    parts.join(" · ")
}
