//! What a process has used so far, as Linux tells it in /proc.

use std::fs;

/// CPU seconds of all threads of a process, and its resident memory.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) user_seconds: f64,
    pub(crate) system_seconds: f64,
    pub(crate) resident_bytes: u64,
}

/// Reads the usage of a process; nothing was used by one that is gone.
///
/// CPU time comes from /proc/PID/stat in clock ticks (100 a second), resident memory from `VmRSS`.
pub(crate) fn usage(process: u32) -> Usage {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name of the program stands in parentheses and may hold blanks; utime and stime are the 12th and 13th words after it.
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |index: usize| words.get(index).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Usage { user_seconds: ticks(11), system_seconds: ticks(12), resident_bytes: resident.unwrap_or(0) * 1024 }
}
