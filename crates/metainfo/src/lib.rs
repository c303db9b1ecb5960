//! Bencode scanner that keeps byte spans; BEP 3 and BEP 52 validation; info-hashes; no I/O.
//!
//! [`scan`] reads a .torrent file once, without recursion and within [`Limits`], and returns a [`Report`]: what the file says,
//! what is odd about it (warnings) and why it cannot be accepted (refusals), each with its byte offset. The bytes themselves are
//! never changed; [`rewrite`] makes the copy that is handed out, whose `info` is the very slice that was scanned.

mod bencode;
mod info;
mod merkle;
mod outer;
mod path;
mod report;
mod rewrite;
mod tree;
mod v1;

pub use report::{Code, File, Metainfo, Problem, Report};
pub use rewrite::{RewriteError, rewrite};

/// What a file may cost before it is refused unread.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest file, in bytes.
    pub size_bytes: usize,
    /// Deepest nesting of lists and dictionaries.
    pub depth: usize,
    /// Most strings, integers, lists and dictionaries.
    pub tokens: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { size_bytes: 10 << 20, depth: 100, tokens: 3_000_000 }
    }
}

/// Reads a .torrent file and says what it holds, what is odd, and why it is refused, if it is.
///
/// Time and memory are linear in the size of the file; the worst case is set by `limits`.
#[must_use]
pub fn scan(bytes: &[u8], limits: &Limits) -> Report {
    let mut report = Report::default();
    match bencode::Document::parse(bytes, limits) {
        Ok(document) => outer::read(&document, &mut report),
        Err(problem) => report.refuse(problem.code, problem.offset, problem.message),
    }
    report
}
