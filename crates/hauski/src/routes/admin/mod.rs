//! `/admin/*`: what only the owner and keys with the scope `admin` may do.

pub(crate) mod keys;
