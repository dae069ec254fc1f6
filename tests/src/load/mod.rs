//! Load, and what it costs: a generator on our own initiator, and the comparison that `tests/load/compare.sh` runs.
//!
//! [`caller`] makes one call, [`connection`] carries it, [`drive`] makes many and measures, [`usage`] asks Linux what a process
//! took. [`serving`] starts what is measured, [`start`] measures what is new, [`compare`] measures all of it into [`figures`], and [`page`] and [`chart`] show
//! them.

pub mod caller;
pub mod chart;
pub mod compare;
pub mod connection;
pub mod drive;
pub mod figures;
pub mod page;
pub mod renewals;
pub mod serving;
pub mod start;
pub mod stores;
pub mod usage;
