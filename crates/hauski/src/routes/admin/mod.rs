//! `/admin/*`: what only the owner and keys with the scope `admin` may do.

pub(crate) mod audit;
pub(crate) mod budgets;
pub(crate) mod config;
pub(crate) mod egress;
pub(crate) mod keys;
pub(crate) mod plugins;
