//! `/admin/*`: what only the owner and keys with the scope `admin` may do.

pub(crate) mod budgets;
pub(crate) mod config;
pub(crate) mod keys;
pub(crate) mod plugins;
