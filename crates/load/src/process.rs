//! What a process has used so far, as Linux tells it in /proc.

use std::fs;

/// CPU seconds of all threads of a process, and its resident memory.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) user_seconds: f64,
    pub(crate) system_seconds: f64,
    pub(crate) resident_bytes: u64,
}

/// Reads the usage of a process; nothing was used by one that is gone.
///
/// All CPU time comes from the threads' schedstat, which counts nanoseconds; its parts come from stat, in clock ticks (100 a second);
/// resident memory is `VmRSS`.
pub(crate) fn usage(process: u32) -> Usage {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name of the program stands in parentheses and may hold blanks; utime and stime are the 12th and 13th words after it.
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |index: usize| words.get(index).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    let nanoseconds: f64 = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .sum();
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let (user_seconds, system_seconds) = (ticks(11), ticks(12));
    // A kernel without schedstat tells ticks alone.
    let cpu_seconds = if nanoseconds > 0.0 { nanoseconds / 1e9 } else { user_seconds + system_seconds };
    Usage { cpu_seconds, user_seconds, system_seconds, resident_bytes: resident.unwrap_or(0) * 1024 }
}
