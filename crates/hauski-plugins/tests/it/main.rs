//! Tests of the plugin host against real processes.

mod calls;
mod desk;
mod example;
mod faults;
mod hostile;
mod logs;
mod manifest;
mod mcp;
mod sandbox;
mod states;
