//! An immutable document: its nodes, its names, its canonical form, and a writer that emits canonical form directly.

pub mod foreign;
