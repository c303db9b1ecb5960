//! Which names are safe on every computer, and which are one name on some.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use unicode_normalization::UnicodeNormalization;

use crate::report::{Code, Report, shown, turns_writing};

/// Longest part of a path that any common file system takes: 255 bytes on Linux, 255 units of UTF-16 on Windows and macOS.
const LONGEST_PART: usize = 255;

/// Longest path that common systems take, in bytes; a hostile file could otherwise nest names without end.
const LONGEST_PATH_BYTES: usize = 4096;

/// Checks one part of a path; one that is not UTF-8 is warned about.
pub(crate) fn part(bytes: &[u8], offset: usize, report: &mut Report) {
    let text = String::from_utf8_lossy(bytes);
    if matches!(text, Cow::Owned(_)) {
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
}

/// Refuses a path that is longer than systems take, and says whether it may be kept.
pub(crate) fn is_short_enough(path: &[u8], offset: usize, report: &mut Report) -> bool {
    if path.len() > LONGEST_PATH_BYTES {
        let message = format!(
            "The path “{}” is longer than {LONGEST_PATH_BYTES} bytes, more than common systems take.",
            shown(path)
        );
        report.refuse(Code::UnsafePath, offset, message);
    }
    path.len() <= LONGEST_PATH_BYTES
}

/// Why a part of a path is not safe on every computer, if it is not.
pub(crate) fn unsafe_reason(text: &str) -> Option<&'static str> {
    match text {
        "" => return Some("it is empty"),
        "." | ".." => return Some("it points at another folder"),
        _ => {}
    }
    if text.len() > LONGEST_PART && text.encode_utf16().count() > LONGEST_PART {
        return Some("it is longer than 255 characters");
    }
    // Windows drops spaces at the end, so that ".. " becomes "..".
    if matches!(text.trim_end_matches(' '), "" | "." | "..") {
        return Some("it holds only spaces, or points at another folder of Windows");
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
                character if turns_writing(character) => {
                    return Some(
                        "it holds a character that turns the direction of writing, which hides what it is",
                    );
                }
                '\u{2028}' | '\u{2029}' => return Some("it holds a line break"),
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
    if ["con", "prn", "aux", "nul", "conin$", "conout$"].iter().any(|name| stem.eq_ignore_ascii_case(name)) {
        return true;
    }
    let Some((name, number)) = stem.split_at_checked(3) else {
        return false;
    };
    let mut digits = number.chars();
    (name.eq_ignore_ascii_case("com") || name.eq_ignore_ascii_case("lpt"))
        && matches!((digits.next(), digits.next()), (Some('1'..='9' | '¹' | '²' | '³'), None))
}

/// What stands at a place of the tree, as a file system sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Folder,
    File,
    /// Padding may share a place with other padding, never with a file.
    Padding,
}

struct Place<'d> {
    parent: u32,
    name: &'d [u8],
    held: Held,
}

/// The tree seen so far, as a file system sees it that folds case and composes characters. Each name is looked at once.
pub(crate) struct Paths<'d> {
    /// Folder and folded name → place.
    known: HashMap<(u32, Cow<'d, [u8]>), u32>,
    places: Vec<Place<'d>>,
}

/// The torrent's own folder.
pub(crate) const ROOT: u32 = 0;

impl<'d> Paths<'d> {
    pub(crate) fn new() -> Self {
        let root = Place { parent: ROOT, name: b"", held: Held::Folder };
        Self { known: HashMap::new(), places: vec![root] }
    }

    /// Enters a folder, new or known; an error is the path of the file that has its name.
    pub(crate) fn folder(&mut self, parent: u32, name: &'d [u8]) -> Result<u32, String> {
        self.add(parent, name, Held::Folder)
    }

    /// Adds a file; an error is the path of the file or folder that has its name.
    pub(crate) fn file(&mut self, parent: u32, name: &'d [u8], is_pad: bool) -> Result<u32, String> {
        self.add(parent, name, if is_pad { Held::Padding } else { Held::File })
    }

    fn add(&mut self, parent: u32, name: &'d [u8], held: Held) -> Result<u32, String> {
        match self.known.entry((parent, fold(name))) {
            Entry::Occupied(entry) => {
                let index = *entry.get();
                if held != Held::File && self.places[index as usize].held == held {
                    Ok(index)
                } else {
                    Err(self.path(index))
                }
            }
            Entry::Vacant(entry) => {
                let index =
                    u32::try_from(self.places.len()).expect("a file within the limits has fewer names");
                entry.insert(index);
                self.places.push(Place { parent, name, held });
                Ok(index)
            }
        }
    }

    fn path(&self, mut index: u32) -> String {
        let mut names = Vec::new();
        while index != ROOT {
            let place = &self.places[index as usize];
            names.push(String::from_utf8_lossy(place.name));
            index = place.parent;
        }
        names.reverse();
        names.join("/")
    }
}

/// The refusal of a path that is another's on some computers.
pub(crate) fn refuse_collision(path: &[u8], other: &str, offset: usize, report: &mut Report) {
    let message = format!(
        "“{}” and “{}” are one path on some computers. Rename one and make the torrent again.",
        shown(path),
        shown(other.as_bytes())
    );
    report.refuse(Code::PathCollision, offset, message);
}

/// Folds case, composes, and drops the dots and spaces that Windows drops at the end. What is not UTF-8 stays as it is.
fn fold(name: &[u8]) -> Cow<'_, [u8]> {
    let kept = name.iter().rposition(|byte| !matches!(byte, b' ' | b'.')).map_or(0, |last| last + 1);
    let name = &name[..kept];
    if name.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(match std::str::from_utf8(name) {
        Ok(text) if !text.is_ascii() => {
            let composed: String = text.nfc().collect();
            caseless::default_case_fold_str(&composed).nfc().collect::<String>().into_bytes()
        }
        _ => name.to_ascii_lowercase(),
    })
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
            "a\u{2028}b",
            " ",
            ".. ",
            ". ",
            "COM¹.txt",
            "conout$",
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
        for (one, two) in
            [("a/B", "A/b"), ("Straße", "STRASSE"), ("e\u{301}", "é"), ("a", "a/b"), ("x.", "X")]
        {
            let mut paths = Paths::new();
            assert_eq!(add(&mut paths, one), Ok(()));
            assert_eq!(add(&mut paths, two), Err(one.to_owned()), "{one:?} {two:?}");
        }
        let mut paths = Paths::new();
        assert_eq!(add(&mut paths, "a/b"), Ok(()));
        assert_eq!(add(&mut paths, "A"), Err("a".to_owned()));
        let mut paths = Paths::new();
        assert!(["a/b", "a/c", "b", "A/d"].iter().all(|path| add(&mut paths, path).is_ok()));
    }

    #[test]
    fn names_that_are_not_utf8_differ_by_their_bytes() {
        let mut paths = Paths::new();
        assert!(paths.file(ROOT, b"caf\xe9", false).is_ok());
        assert!(paths.file(ROOT, b"caf\xe8", false).is_ok());
        assert!(paths.file(ROOT, b"CAF\xe9", false).is_err());
    }

    #[test]
    fn padding_shares_a_place_with_padding_only() {
        let mut paths = Paths::new();
        assert!(paths.file(ROOT, b"7", true).is_ok());
        assert!(paths.file(ROOT, b"7", true).is_ok());
        assert!(paths.file(ROOT, b"7", false).is_err());
    }

    fn add<'d>(paths: &mut Paths<'d>, path: &'d str) -> Result<(), String> {
        let mut folder = ROOT;
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        for name in folders.split('/').filter(|name| !name.is_empty()) {
            folder = paths.folder(folder, name.as_bytes())?;
        }
        paths.file(folder, name.as_bytes(), false).map(|_| ())
    }
}
