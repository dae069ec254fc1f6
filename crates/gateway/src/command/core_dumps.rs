//! Keys and passwords stay in the process: the system writes no image of its memory to a file, and lets no other process of
//! the same user look into it.

/// Asks the system for that. Whoever wants to look all the same does so as the superuser.
#[cfg(target_os = "linux")]
pub(super) fn prevent() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    if let Err(reason) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%reason, "the system may write this process's memory, keys and all, to a file when it crashes");
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn prevent() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn si_03_memory_is_not_dumped() {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        super::prevent();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
