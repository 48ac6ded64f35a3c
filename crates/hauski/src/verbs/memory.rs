//! `hauski memory`: the memory's items, through the daemon of this home.

use std::fmt::Write;

use clap::Subcommand;
use contracts::hauski::memory::{ForgetReport, ItemReport, ItemsReport};
use http::Method;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::local::{self, block_on};
use crate::output;
use crate::settings::Settings;

/// Options of `hauski memory`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The value of a key; exit 1 when there is none
    Get {
        /// The key
        key: String,
        /// Its namespace
        #[arg(long, value_name = "NAME", default_value = "default")]
        namespace: String,
    },
    /// Set a key
    Set(SetArgs),
    /// Items, newest first
    Ls {
        /// Only of this namespace
        #[arg(long, value_name = "NAME")]
        namespace: Option<String>,
        /// Only in this layer: short, working or long
        #[arg(long, value_name = "LAYER")]
        layer: Option<String>,
        /// Only keys that begin like this
        #[arg(long, value_name = "TEXT")]
        prefix: Option<String>,
        /// Also what is kept apart because it may be a prompt injection
        #[arg(long)]
        quarantined: bool,
        /// Also what newer items stand before
        #[arg(long)]
        history: bool,
        /// At most so many, 1 to 1000
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// Go on after this id
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Keep an item for good
    Pin {
        /// Its id
        id: String,
        /// No longer
        #[arg(long)]
        off: bool,
    },
    /// Move an item to the next layer, or to the one that is named
    Promote {
        /// Its id
        id: String,
        /// short, working or long
        #[arg(long, value_name = "LAYER")]
        to: Option<String>,
    },
    /// Let an item out of quarantine
    Release {
        /// Its id
        id: String,
    },
    /// Forget items for good; without --yes only shows which
    Forget(ForgetArgs),
    /// Pairs that say almost the same
    Proposals,
    /// Decide about a pair: merge, distinct or undo
    Decide {
        /// merge, distinct or undo
        decision: String,
        /// The later item
        item: String,
        /// The earlier one
        into: String,
    },
    /// How many items the layers hold
    Stats,
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// The key
    key: String,
    /// The value; JSON with --json-value
    value: String,
    /// The value is JSON
    #[arg(long)]
    json_value: bool,
    /// Its namespace
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// short, working or long [default: as before, else short]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
    /// Seconds that it lives
    #[arg(long, value_name = "SECONDS", conflicts_with = "clear_ttl")]
    ttl: Option<u64>,
    /// It stays
    #[arg(long)]
    clear_ttl: bool,
    /// Keep it for good
    #[arg(long)]
    pin: bool,
    /// How much it counts, 0.001 to 1
    #[arg(long, value_name = "NUMBER")]
    importance: Option<f64>,
}

#[derive(Debug, clap::Args)]
struct ForgetArgs {
    /// These ids
    ids: Vec<String>,
    /// This key with its history
    #[arg(long, value_name = "KEY", requires = "namespace")]
    key: Option<String>,
    /// Only of this namespace; alone: the whole of it
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// From this run, person or path
    #[arg(long, value_name = "ORIGIN")]
    source: Option<String>,
    /// With all these words
    #[arg(long, value_name = "WORDS")]
    query: Option<String>,
    /// Why; the tombstones carry it
    #[arg(long, value_name = "TEXT", default_value = "asked for")]
    reason: String,
    /// Forget what was shown
    #[arg(long)]
    yes: bool,
}

/// Asks the daemon and prints its answer.
pub(crate) fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    block_on(async { act(args.what, settings).await })
}

async fn post(settings: &Settings, path: &str, body: &Value) -> anyhow::Result<Value> {
    local::call(settings, Method::POST, path, Some(body)).await
}

async fn act(what: What, settings: &Settings) -> anyhow::Result<Exit> {
    match what {
        What::Get { key, namespace } => {
            let got =
                post(settings, "/memory/get", &json!({"key": key, "namespace": namespace})).await?;
            if got["value"].is_null() {
                let signs =
                    got["quarantined_for"].as_array().is_some_and(|signs| !signs.is_empty());
                let hint = match signs {
                    true => {
                        "it is kept apart as a possible prompt injection: hauski memory ls --quarantined"
                    }
                    false => "`hauski memory ls` shows the keys",
                };
                return Err(Failure::new(format!("no value for {key}"), hint)
                    .exit(Exit::Findings)
                    .into());
            }
            let text = match &got["value"] {
                Value::String(text) => format!("{text}\n"),
                value => format!("{value}\n"),
            };
            shown(settings, &got, &text)
        }
        What::Set(args) => {
            let value = match args.json_value {
                true => serde_json::from_str(&args.value).map_err(|error| {
                    Failure::new(format!("the value is no JSON: {error}"), "quote it for the shell")
                })?,
                false => Value::String(args.value),
            };
            let mut body = json!({
                "key": args.key, "value": value, "namespace": args.namespace, "clear_ttl": args.clear_ttl,
                "layer": args.layer, "ttl_sec": args.ttl, "importance": args.importance,
            });
            if args.pin {
                body["pinned"] = Value::Bool(true);
            }
            let done = post(settings, "/memory/set", &body).await?;
            let item: ItemReport = serde_json::from_value(done["item"].clone())?;
            shown(settings, &done, &line(&item))
        }
        What::Ls { namespace, layer, prefix, quarantined, history, limit, after } => {
            let mut path =
                format!("/memory/items?limit={limit}&quarantined={quarantined}&history={history}");
            for (name, value) in
                [("namespace", namespace), ("layer", layer), ("prefix", prefix), ("after", after)]
            {
                if let Some(value) = value {
                    let value: String =
                        url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                    let _ = write!(path, "&{name}={value}");
                }
            }
            let page: ItemsReport = local::get(settings, &path).await?;
            let mut text: String = page.items.iter().map(line).collect();
            let _ = writeln!(text, "{} of {} items", page.items.len(), page.total);
            if let Some(next) = &page.next {
                let _ = writeln!(text, "more: hauski memory ls --after {next}");
            }
            shown(settings, &serde_json::to_value(&page)?, &text)
        }
        What::Pin { id, off } => {
            item(settings, "/memory/pin", &json!({"id": id, "pinned": !off})).await
        }
        What::Promote { id, to } => {
            item(settings, "/memory/promote", &json!({"id": id, "layer": to})).await
        }
        What::Release { id } => item(settings, "/memory/release", &json!({"id": id})).await,
        What::Decide { decision, item: later, into } => {
            let body = json!({"decision": decision, "item": later, "into": into});
            item(settings, "/memory/proposals", &body).await
        }
        What::Forget(args) => forget(args, settings).await,
        What::Proposals => {
            let found: Value = local::get(settings, "/memory/proposals").await?;
            let mut text = String::new();
            for pair in found["proposals"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let (item, into) = (&pair["item"], &pair["into"]);
                let _ = writeln!(
                    text,
                    "{:.2}  {}  into  {}",
                    pair["similarity"].as_f64().unwrap_or(0.0),
                    item["id"],
                    into["id"]
                );
                let _ = writeln!(text, "      {}\n      {}", item["value"], into["value"]);
            }
            if text.is_empty() {
                text.push_str("Nothing is proposed.\n");
            }
            shown(settings, &found, &text)
        }
        What::Stats => {
            let counts: Value = local::get(settings, "/memory/stats").await?;
            let mut text = String::new();
            for layer in counts["layers"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let name = |key: &str| layer[key].as_str().unwrap_or_default().to_owned();
                let _ = writeln!(
                    text,
                    "{:<20} {:<8} {:>8} items, {} pinned",
                    name("namespace"),
                    name("layer"),
                    layer["items"],
                    layer["pinned"]
                );
            }
            let _ = writeln!(
                text,
                "quarantined {}, history {}, ended and not collected {}",
                counts["quarantined"], counts["history"], counts["expired"]
            );
            shown(settings, &counts, &text)
        }
    }
}

async fn item(settings: &Settings, path: &str, body: &Value) -> anyhow::Result<Exit> {
    let answer = post(settings, path, body).await?;
    let item: ItemReport = serde_json::from_value(answer.clone())?;
    shown(settings, &answer, &line(&item))
}

async fn forget(args: ForgetArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let only_namespace =
        args.ids.is_empty() && args.key.is_none() && args.source.is_none() && args.query.is_none();
    let body = json!({
        "filter": {
            "ids": args.ids, "key": args.key, "namespace": args.namespace, "source": args.source,
            "query": args.query, "allow_namespace_wipe": only_namespace && args.namespace.is_some(),
        },
        "reason": args.reason, "confirm": args.yes, "dry_run": !args.yes,
    });
    let answer = post(settings, "/memory/forget", &body).await?;
    let report: ForgetReport = serde_json::from_value(answer.clone())?;
    let mut text: String = report.ids.iter().map(|id| format!("{id}\n")).collect();
    if report.dry_run {
        let _ = writeln!(text, "{} items would go; --yes lets them", report.forgotten_count);
    } else {
        let _ = writeln!(text, "{} items are forgotten", report.forgotten_count);
        if let (Some(receipt), Some(seq)) = (&report.receipt_sha256, report.audit_seq) {
            let _ = writeln!(text, "receipt {receipt}, line {seq} of the audit log");
        }
        if report.forgotten_count > 0 && !report.compacted {
            text.push_str(
                "another process reads the memory: the write-ahead log still holds them\n",
            );
        }
    }
    shown(settings, &answer, &text)
}

fn shown(settings: &Settings, answer: &Value, text: &str) -> anyhow::Result<Exit> {
    match settings.json {
        true => output::print_json(answer)?,
        false => output::print(text)?,
    }
    Ok(Exit::Good)
}

fn line(item: &ItemReport) -> String {
    let name = item.key.as_deref().unwrap_or("-");
    let end = match (item.pinned, &item.expires_at) {
        (true, _) => "pinned".to_owned(),
        (false, Some(end)) => format!("until {end}"),
        (false, None) => "stays".to_owned(),
    };
    let value = match &item.value {
        Value::String(text) => text.lines().next().unwrap_or_default().to_owned(),
        value => value.to_string(),
    };
    let marks = if item.quarantined { " QUARANTINED" } else { "" };
    format!("{}  {:<8} {}/{name}  {end}{marks}\n    {value}\n", item.id, item.layer, item.namespace)
}
