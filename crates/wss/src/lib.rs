//! The protocol, without I/O: security headers opened and sealed, tokens, trust messages, conversations issued and cancelled.
