//! Which names are safe on every computer, and which are one name on some.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use unicode_normalization::UnicodeNormalization;

use crate::report::{Code, Report, shown};

/// Longest part of a path that common file systems take, in bytes.
const LONGEST_PART_BYTES: usize = 255;

/// Checks one part of a path and returns it as text; what is not UTF-8 is replaced, and a warning says so.
pub(crate) fn part(bytes: &[u8], offset: usize, report: &mut Report) -> String {
    let text = String::from_utf8_lossy(bytes);
    if matches!(text, std::borrow::Cow::Owned(_)) {
        let message = format!(
            "The name “{}” is not UTF-8; what cannot be read is replaced, the bytes are kept.",
            shown(bytes)
        );
        report.warn(Code::NotUtf8, offset, message);
    }
    if let Some(reason) = unsafe_reason(&text) {
        let message = format!(
            "The name “{}” is not safe: {reason}. Rename it and make the torrent again.",
            shown(bytes)
        );
        report.refuse(Code::UnsafePath, offset, message);
    }
    text.into_owned()
}

fn unsafe_reason(text: &str) -> Option<&'static str> {
    match text {
        "" => return Some("it is empty"),
        "." | ".." => return Some("it points at another folder"),
        _ => {}
    }
    if text.len() > LONGEST_PART_BYTES {
        return Some("it is longer than 255 bytes");
    }
    let bytes = text.as_bytes();
    if text.is_ascii() {
        // The common case needs one pass over bytes.
        if bytes.iter().any(|byte| matches!(byte, b'/' | b'\\')) {
            return Some("it holds a separator of paths");
        }
        if bytes.iter().any(|byte| *byte < 0x20 || *byte == 0x7f) {
            return Some("it holds a control character");
        }
    } else {
        for character in text.chars() {
            match character {
                '/' | '\\' => return Some("it holds a separator of paths"),
                '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                    return Some(
                        "it holds a character that turns the direction of writing, which hides what it is",
                    );
                }
                character if character.is_control() => return Some("it holds a control character"),
                _ => {}
            }
        }
    }
    if bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' {
        return Some("it begins like a drive of Windows");
    }
    is_device(text).then_some("Windows keeps this name for a device")
}

/// Whether Windows takes the name for a device, whatever its ending.
fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default().trim_end_matches(' ');
    match stem.len() {
        3 => ["con", "prn", "aux", "nul"].iter().any(|name| stem.eq_ignore_ascii_case(name)),
        4 => {
            let (name, digit) = stem.as_bytes().split_at(3);
            (name.eq_ignore_ascii_case(b"com") || name.eq_ignore_ascii_case(b"lpt"))
                && matches!(digit[0], b'1'..=b'9')
        }
        _ => false,
    }
}

/// The paths seen so far, as a file system sees them that folds case and composes characters.
#[derive(Default)]
pub(crate) struct Paths {
    /// Folded path → the path as it was given; folders have an empty one.
    seen: HashMap<String, String>,
}

impl Paths {
    /// Adds a file; returns the path that it collides with, if there is one.
    pub(crate) fn add(&mut self, path: &str) -> Option<String> {
        let folded = fold(path);
        for (index, _) in folded.match_indices('/') {
            match self.seen.entry(folded[..index].to_owned()) {
                Entry::Occupied(entry) if !entry.get().is_empty() => return Some(entry.get().clone()),
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => {
                    entry.insert(String::new());
                }
            }
        }
        match self.seen.entry(folded) {
            Entry::Occupied(entry) => {
                Some(if entry.get().is_empty() { path.to_owned() } else { entry.get().clone() })
            }
            Entry::Vacant(entry) => {
                entry.insert(path.to_owned());
                None
            }
        }
    }
}

/// Folds case, composes, and drops the dots and spaces that Windows drops at the end of each part.
fn fold(path: &str) -> String {
    let folded: String = if path.is_ascii() {
        path.to_ascii_lowercase()
    } else {
        caseless::default_case_fold_str(&path.nfc().collect::<String>()).nfc().collect()
    };
    if !folded.contains([' ', '.']) {
        return folded;
    }
    folded.split('/').map(|part| part.trim_end_matches([' ', '.'])).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_names_are_refused_with_a_reason() {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "a\0b",
            "a\nb",
            "C:",
            "con",
            "CON.txt",
            "lpt1.log",
            "\u{202e}gpj.exe",
            "a\u{85}",
        ] {
            assert!(unsafe_reason(name).is_some(), "{name:?}");
        }
        for name in [
            "a",
            "...",
            ".hidden",
            "consul",
            "com",
            "com0",
            "été",
            "العربية\u{200f}",
            "ab:c",
            "nul-values.csv",
        ] {
            assert_eq!(unsafe_reason(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_that_are_one_on_some_computers_collide() {
        for (one, two) in [
            ("a/B", "A/b"),
            ("Straße", "STRASSE"),
            ("e\u{301}", "é"),
            ("a", "a/b"),
            ("a/b", "a"),
            ("x.", "X"),
        ] {
            let mut paths = Paths::default();
            assert_eq!(paths.add(one), None);
            assert!(paths.add(two).is_some(), "{one:?} {two:?}");
        }
        let mut paths = Paths::default();
        assert!(["a/b", "a/c", "b", "A/d"].iter().all(|path| paths.add(path).is_none()));
    }
}
