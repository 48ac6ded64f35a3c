//! Tests of the plugin host against real processes.

mod calls;
mod desk;
mod hostile;
mod sandbox;
