//! Routes of plugins through the daemon, with a real HTTP server in a sandboxed process.

use serde_json::json;

use crate::access::new_key;
use crate::daemon::Daemon;

/// A plugin that serves HTTP on the socket it is told.
const SERVER: &str = r#"
import json, os, socket, socketserver, threading, time
from http.server import BaseHTTPRequestHandler

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def address_string(self):
        return "host"
    def answer(self, body, **headers):
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path.startswith("/v1/stream"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for n in range(3):
                self.wfile.write(b"2\r\n%d\n\r\n" % n)
                self.wfile.flush()
                time.sleep(0.05)
            self.wfile.write(b"0\r\n\r\n")
            return
        seen = {"path": self.path, "headers": sorted(name.lower() for name in self.headers)}
        self.answer(json.dumps(seen).encode(), Set_Cookie="a=b", Access_Control_Allow_Origin="*")
    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"]))[::-1])

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

host = socket.socket(fileno=3).makefile("rwb")
for line in host:
    message = json.loads(line)
    if message["method"] == "initialize":
        server = Server(message["params"]["http_socket"], Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = {"version": "1.0"}
    else:
        result = {}
    host.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode() + b"\n")
    host.flush()
    if message["method"] == "shutdown":
        break
"#;

async fn daemon() -> Option<Daemon> {
    if !testkit::has_program("python3") {
        testkit::not_run("routes of a plugin", "there is no python3");
        return None;
    }
    let manifest = json!({ "schema": 1, "plugins": [{
        "name": "site",
        "command": ["python3", "-c", SERVER],
        "routes": [{ "path": "/v1/" }],
        "health": { "start_ms": 20_000 },
    }] });
    let daemon = Daemon::with().file("plugins/plugins.json", &manifest.to_string()).start().await;
    let began = std::time::Instant::now();
    while daemon.owner().get("/plugins/site/v1/").await.status == 503 {
        assert!(began.elapsed() < crate::daemon::PATIENCE, "the plugin does not come up");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Some(daemon)
}

#[tokio::test]
async fn a_route_of_a_plugin_passes_what_it_may_and_no_more() {
    let Some(daemon) = daemon().await else { return };
    let (_, key) = new_key(&daemon, &["plugin:site"]).await;
    let reply = daemon.tcp().key(&key).get("/plugins/site/v1/a%20b?q=1").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = reply.json();
    assert_eq!(seen["path"], "/v1/a%20b?q=1");
    let headers = seen["headers"].to_string();
    assert!(!headers.contains("authorization") && headers.contains("host"), "{headers}");
    let header = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!((header("set-cookie"), header("access-control-allow-origin")), (None, None));
    assert!(header("content-security-policy").is_some_and(|policy| policy.starts_with("sandbox")));

    let reply = daemon.tcp().key(&key).get("/plugins/site/v1/stream").await;
    assert_eq!(reply.text(), "0\n1\n2\n");
    let reply = daemon.tcp().key(&key).post_json("/plugins/site/v1/x", &json!("abc")).await;
    assert_eq!(reply.text(), "\"cba\"");
}

#[tokio::test]
async fn a_key_for_another_plugin_and_a_path_beside_the_routes_lead_nowhere() {
    let Some(daemon) = daemon().await else { return };
    let (_, other) = new_key(&daemon, &["plugin:other"]).await;
    assert_eq!(daemon.tcp().key(&other).get("/plugins/site/v1/").await.status, 403);
    assert_eq!(daemon.tcp().get("/plugins/site/v1/").await.status, 401);
    let owner = daemon.owner();
    for path in ["/plugins/site/admin", "/plugins/site/v1/..%2fadmin", "/plugins/nobody/v1/"] {
        assert_eq!(owner.get(path).await.status, 404, "{path}");
    }
}
