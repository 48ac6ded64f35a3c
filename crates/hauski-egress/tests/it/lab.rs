//! The proof: a network of its own in which every address of the world is answered, and what arrives there.
//!
//! In a new network namespace all addresses are routed to a sink. The whole case list and hostile resolvers go through
//! [`Egress`]; the sink must see exactly the allowed destinations, and it must see those.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use contracts::hauski::policy::{AllowEntry, DetailedEntry, Routing};
use hauski_egress::{Egress, Options, Resolve, Resolving, Roots};
use policy::egress::Host;
use policy::{Decision, EgressPolicy, Scheme};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::server::{Authority, Server};
use crate::setup::{get, read};

const CASES: &str = include_str!("../../../policy/tests/cases/urls.tsv");
const GLOBAL: &str = "93.184.215.14";
const PRIVATE: &str = "10.9.8.7";
/// Where the sink speaks TLS and where it does not; 3128 is where proxies would be.
const TLS_PORTS: [u16; 3] = [443, 8443, 9443];
const PLAIN_PORTS: [u16; 7] = [22, 53, 80, 3128, 8081, 8082, 8083];

#[expect(
    clippy::disallowed_methods,
    reason = "the lab needs a namespace and routes, which tools of the system make"
)]
fn program(name: &str, arguments: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(name);
    for proxy in
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
    {
        command.env(proxy, "http://203.0.113.1:3128");
    }
    command.env("NO_PROXY", "").args(arguments).output()
}

fn succeeds(name: &str, arguments: &[&str]) -> bool {
    program(name, arguments).is_ok_and(|output| output.status.success())
}

#[test]
fn exactly_what_is_allowed_arrives_at_a_sink_that_answers_everything() {
    if !succeeds("unshare", &["-rn", "ip", "link", "set", "lo", "up"]) {
        eprintln!("not run: no network namespace can be made here (unshare -rn, ip)");
        return;
    }
    let here = std::env::current_exe().expect("a path");
    let here = here.to_str().expect("a path of text");
    let inside = ["-rn", here, "--ignored", "--exact", "lab::inside", "--nocapture"];
    let output = program("unshare", &inside).expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    let summary = text.lines().find(|line| line.starts_with("lab: "));
    eprintln!("{}", summary.expect("the lab has counted"));
}

/// The answers of a resolver that a stranger controls.
#[derive(Default)]
struct Hostile {
    asked: Mutex<Vec<String>>,
}

impl Resolve for Hostile {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        let mut asked = self.asked.lock().expect("not poisoned");
        let before = asked.iter().filter(|one| *one == name).count();
        asked.push(name.to_owned());
        let answer: &[&str] = match name.trim_end_matches('.') {
            "rebind.wild.example" if before > 0 => &["127.0.0.1"],
            "mixed.wild.example" => &[GLOBAL, "::1"],
            "alias.wild.example" => &["192.168.1.1"],
            "metadata.wild.example" => &["169.254.169.254"],
            "mapped.wild.example" => &["::ffff:127.0.0.1"],
            "nat64.wild.example" => &["64:ff9b::a00:1"],
            "nas.home.example" => &[PRIVATE],
            _ => &[GLOBAL],
        };
        let answer = answer.iter().map(|text| text.parse().expect("an address")).collect();
        Box::pin(std::future::ready(Ok(answer)))
    }
}

fn policy() -> Arc<EgressPolicy> {
    let mut routing = Routing::default();
    for entry in CASES.lines().filter_map(|line| line.strip_prefix("entry\t")) {
        routing.egress.allow.push(match entry.strip_prefix("private ") {
            None => AllowEntry::Origin(entry.to_owned()),
            Some(origin) => AllowEntry::Detailed(DetailedEntry {
                origin: origin.to_owned(),
                private: true,
                purpose: None,
            }),
        });
    }
    Arc::new(EgressPolicy::new(&routing).expect("sound entries"))
}

/// The addresses of the list, but for those with `{a*…}`, which are long.
fn urls() -> Vec<String> {
    CASES
        .lines()
        .filter(|line| {
            !line.starts_with('#') && !line.starts_with("entry\t") && !line.contains("{a*")
        })
        .filter_map(|line| serde_json::from_str(line.split('\t').nth(1)?).ok())
        .collect()
}

/// A counter of the kernel for this namespace: connections opened, datagrams sent.
fn counter(group: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/net/snmp").expect("Linux");
    let mut lines = text.lines().filter(|line| line.starts_with(group));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let place = names.split(' ').position(|one| one == name).expect("the counter");
    values.split(' ').nth(place).expect("its value").parse().expect("a number")
}

fn datagrams() -> u64 {
    let six = std::fs::read_to_string("/proc/self/net/snmp6").expect("Linux");
    let six = six.lines().find(|line| line.starts_with("Udp6OutDatagrams")).expect("the counter");
    counter("Udp:", "OutDatagrams")
        + six
            .split_whitespace()
            .next_back()
            .and_then(|text| text.parse::<u64>().ok())
            .expect("a number")
}

#[test]
#[ignore = "runs inside the namespace that the test above makes"]
fn inside() {
    let interfaces = std::fs::read_to_string("/proc/self/net/dev").expect("Linux");
    assert_eq!(interfaces.lines().count(), 3, "only loopback is here:\n{interfaces}");
    assert!(succeeds("ip", &["link", "set", "lo", "up"]));
    assert!(succeeds("ip", &["route", "add", "local", "0.0.0.0/0", "dev", "lo"]));
    assert!(succeeds("ip", &["-6", "route", "add", "local", "::/0", "dev", "lo"]));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(prove());
}

async fn listeners(ports: &[u16]) -> Vec<TcpListener> {
    let mut all = Vec::new();
    for port in ports {
        all.push(TcpListener::bind((IpAddr::from([0u16; 8]), *port)).await.expect("a port"));
    }
    all
}

#[expect(clippy::print_stderr, reason = "the figures of the proof are for people")]
async fn prove() {
    let authority = Arc::new(Authority::new());
    let tls = Server::on(listeners(&TLS_PORTS).await, Arc::clone(&authority), true);
    let plain = Server::on(listeners(&PLAIN_PORTS).await, Arc::clone(&authority), false);
    can_see(&plain).await;
    let (opened, sent) = (counter("Tcp:", "ActiveOpens"), datagrams());

    let hostile = Arc::new(Hostile::default());
    let options = Options {
        resolver: hostile.clone(),
        roots: Roots::Only(vec![authority.certificate()]),
        ..Options::default()
    };
    let policy = policy();
    let egress = Egress::new(Arc::clone(&policy), options).expect("an egress");
    let mut expected = BTreeSet::new();
    let urls = urls();
    for url in &urls {
        if let Decision::Allowed(allowed) = policy.decide(url) {
            let origin = allowed.origin();
            let address: &str = match origin.host() {
                Host::Ip(address) => &address.to_string(),
                host if host.is_loopback() => "127.0.0.1",
                Host::Domain(name) if name == "nas.home.example" => PRIVATE,
                Host::Domain(_) => GLOBAL,
            };
            // A web socket is not sent as a request.
            if origin.scheme() != Scheme::Wss {
                expected
                    .insert(SocketAddr::new(address.parse().expect("an address"), origin.port()));
            }
        }
        if let Ok(answer) = get(&egress, url).await {
            read(answer.body).await.expect("a body");
        }
    }
    let outcomes = hostile_names(&egress).await;
    assert_eq!(
        outcomes,
        [
            "ok",
            "address_loopback",
            "address_loopback",
            "address_private",
            "address_metadata",
            "address_translated",
            "address_translated"
        ]
    );

    let beyond_control =
        |server: &Server, skip: usize| server.accepted().into_iter().skip(skip).collect::<Vec<_>>();
    let arrived: Vec<SocketAddr> = [beyond_control(&tls, 0), beyond_control(&plain, 1)].concat();
    let seen: BTreeSet<SocketAddr> = arrived.iter().copied().collect();
    assert_eq!(seen, expected, "the sink sees exactly what is allowed");
    assert!(expected.len() >= 9, "and it is not empty: {expected:?}");
    let dialled = counter("Tcp:", "ActiveOpens") - opened;
    assert_eq!(dialled, arrived.len() as u64, "no connection went past the sink");
    assert_eq!(datagrams() - sent, 0, "no datagram was sent");
    for request in tls.seen() {
        let host = request.headers["host"].split(':').next().unwrap_or_default();
        assert!(request.sni.is_none_or(|sni| sni == host), "the greeting and Host name the same");
    }
    eprintln!(
        "lab: {} addresses, {} destinations seen, {dialled} connections, 0 datagrams",
        urls.len(),
        seen.len()
    );
}

/// The lab shows a connection and a datagram to anywhere, so what it does not show did not happen.
#[expect(clippy::disallowed_methods, reason = "the control goes past the guard on purpose")]
async fn can_see(plain: &Server) {
    let (opened, sent) = (counter("Tcp:", "ActiveOpens"), datagrams());
    let control: SocketAddr = "203.0.113.9:22".parse().expect("an address");
    let stream = TcpStream::connect(control).await.expect("the sink answers everybody");
    let socket = UdpSocket::bind("0.0.0.0:0").await.expect("a socket");
    socket.send_to(b"x", "198.51.100.7:53").await.expect("sent");
    while plain.accepted().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(stream);
    assert_eq!(plain.accepted(), [control]);
    assert_eq!((counter("Tcp:", "ActiveOpens") - opened, datagrams() - sent), (1, 1));
}

/// Names below a listed wildcard, whose owner answers as he likes.
async fn hostile_names(egress: &Egress) -> Vec<&'static str> {
    let mut outcomes = Vec::new();
    for name in ["rebind", "rebind", "mixed", "alias", "metadata", "mapped", "nat64"] {
        let outcome = match get(egress, &format!("https://{name}.wild.example/close")).await {
            Ok(answer) => {
                read(answer.body).await.expect("a body");
                "ok"
            }
            Err(error) => error.code(),
        };
        outcomes.push(outcome);
    }
    outcomes
}
