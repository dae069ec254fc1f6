//! What a process takes, as Linux counts it.

use std::time::Duration;

/// Ticks in a second: what Linux counts a process's time in, towards programs, on every architecture that we run on.
const TICKS: u64 = 100;

/// The processor time of a process so far, its own and the system's for it, over all its threads.
pub fn processor_time(process: u32) -> Result<Duration, String> {
    let file = format!("/proc/{process}/stat");
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    ticks(&text)
        .map(|ticks| Duration::from_millis(ticks * 1000 / TICKS))
        .ok_or_else(|| format!("{file} is not as expected"))
}

/// `utime` and `stime` of a line of `/proc/PID/stat` (`proc_pid_stat(5)`). The name before them may have any character.
fn ticks(text: &str) -> Option<u64> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// The memory of a process that is in use now, in octets.
pub fn resident(process: u32) -> Result<u64, String> {
    let file = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    resident_in(&text).ok_or_else(|| format!("{file} has no VmRSS"))
}

fn resident_in(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_writes_is_read() {
        let stat = "27 (a) b (c) S 1 27 27 0 -1 4194560 1 0 0 0 31 11 0 0 20 0 5 0 1000 1 1 1";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("27 (a) S 1"), None);
        assert_eq!(resident_in("VmPeak:\t  9 kB\nVmRSS:\t    1024 kB\n"), Some(1 << 20));
        assert_eq!(resident_in("VmPeak:\t  9 kB\n"), None);
        let own = std::process::id();
        assert!(processor_time(own).is_ok() && resident(own).unwrap() > 0);
        assert!(processor_time(u32::MAX).is_err() && resident(u32::MAX).is_err());
    }
}
