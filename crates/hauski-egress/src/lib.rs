//! The only code that opens a connection to the outside: it dials what a policy decision names.
