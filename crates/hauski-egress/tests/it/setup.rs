//! An egress with entries, a scripted resolver and an observer for a test.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use contracts::hauski::policy::{AllowEntry, DetailedEntry, Routing};
use hauski_egress::{
    Decided, Egress, EgressError, Incoming, Observe, Observed, Options, Outgoing, OutgoingBody,
    Resolve, Resolving, ResponseBody, Roots,
};
use http::Method;
use http_body_util::BodyExt;
use policy::EgressPolicy;

use crate::server::Server;

/// A policy with these origins; `private ` before one says `private: true`.
pub(crate) fn policy(origins: &[&str]) -> Arc<EgressPolicy> {
    let entry = |text: &&str| match text.strip_prefix("private ") {
        None => AllowEntry::Origin((*text).to_owned()),
        Some(origin) => AllowEntry::Detailed(DetailedEntry {
            origin: origin.to_owned(),
            private: true,
            purpose: None,
        }),
    };
    let mut routing = Routing::default();
    routing.egress.allow = origins.iter().map(entry).collect();
    Arc::new(EgressPolicy::new(&routing).expect("sound entries"))
}

/// Gives its answers one after the other, the last one again and again, and remembers what was asked.
#[derive(Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse =
            |list: &&[&str]| list.iter().map(|text| text.parse().expect("an address")).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            ..Self::default()
        })
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

impl Resolve for Script {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        self.asked.lock().expect("not poisoned").push(name.to_owned());
        let mut answers = self.answers.lock().expect("not poisoned");
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// Remembers every decision; refuses to record where it is told to.
#[derive(Default)]
pub(crate) struct Watcher {
    pub(crate) decided: Mutex<Vec<Decided>>,
    pub(crate) broken: bool,
}

impl Watcher {
    /// Outcome, reason and target of each decision.
    pub(crate) fn lines(&self) -> Vec<String> {
        let decided = self.decided.lock().expect("not poisoned");
        decided
            .iter()
            .map(|one| format!("{:?} {} {}", one.outcome, one.reason, one.target))
            .collect()
    }
}

impl Observe for Watcher {
    fn decided<'a>(&'a self, decided: &'a Decided) -> Observed<'a> {
        self.decided.lock().expect("not poisoned").push(decided.clone());
        let result = match self.broken {
            true => Err(hauski_egress::Unobserved("the disk is full".into())),
            false => Ok(()),
        };
        Box::pin(std::future::ready(result))
    }
}

/// Options that trust the server's authority.
pub(crate) fn trusting(server: &Server) -> Options {
    Options { roots: Roots::Only(vec![server.authority.certificate()]), ..Options::default() }
}

/// An egress to `localhost` and `other.localhost` at the server's port.
pub(crate) fn local(server: &Server) -> Egress {
    local_with(server, trusting(server))
}

pub(crate) fn local_with(server: &Server, options: Options) -> Egress {
    let origins = ["localhost", "other.localhost", "wrong.localhost"]
        .map(|host| format!("https://{host}:{}", server.port));
    let origins: Vec<&str> = origins.iter().map(String::as_str).collect();
    Egress::new(policy(&origins), options).expect("an egress")
}

/// GET of an address.
pub(crate) async fn get(egress: &Egress, address: &str) -> Result<Incoming, EgressError> {
    let allowed = egress.decide(address, "system").await?;
    egress.send(Outgoing::new(Method::GET, allowed, "system")).await
}

/// POST of a body to an address.
pub(crate) async fn post(
    egress: &Egress,
    address: &str,
    body: OutgoingBody,
) -> Result<Incoming, EgressError> {
    let allowed = egress.decide(address, "system").await?;
    egress.send(Outgoing::new(Method::POST, allowed, "system").body(body)).await
}

pub(crate) async fn read(body: ResponseBody) -> Result<Bytes, EgressError> {
    Ok(body.collect().await?.to_bytes())
}
