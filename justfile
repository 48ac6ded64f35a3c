# Short names for what is done often. `just --list` shows them; `wgx list` knows them too.

# The daemon, in the foreground
run-core:
    cargo run --release --package hauski -- serve

# Load on the running daemon; `k6 run` with observability/k6/health-smoke.js writes the same fields
smoke:
    cargo run --release --package hauski -- bench --path /health --summary-export observability/k6/summary.json

# Fails when a 95th percentile of the last smoke exceeds its budget in limits.yaml
gate:
    cargo run --release --package hauski -- budget check --summary observability/k6/summary.json
