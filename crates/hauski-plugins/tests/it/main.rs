//! Tests of the plugin host against real processes.

mod sandbox;
