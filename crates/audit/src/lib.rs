//! Append-only JSON lines: hash chain, checkpoints signed with Ed25519, verify and prove.
