//! The v1 side (BEP 3, attributes of BEP 47): `length` or `files`, and `pieces`.

use crate::File;
use crate::bencode::{Kind, Value};
use crate::info::{has_attribute, length, symlink};
use crate::path::part;
use crate::report::{Code, Report, shown};

/// A file of the v1 list, padding included.
pub(crate) struct Entry {
    pub(crate) file: File,
    pub(crate) is_pad: bool,
}

/// Reads the v1 file list and checks that the pieces match it.
pub(crate) fn read(info: Value<'_>, piece_length: u64, name: &str, report: &mut Report) -> Vec<Entry> {
    let entries = match (info.get(b"length"), info.get(b"files")) {
        (Some(_), Some(files)) => {
            report.refuse(
                Code::BothLengthAndFiles,
                files.offset(),
                "info has both length and files; programs differ on which one they read.",
            );
            Vec::new()
        }
        (Some(_), None) => single(info, name, report),
        (None, Some(files)) => many(files, report),
        (None, None) => {
            report.refuse(
                Code::Missing,
                info.offset(),
                "The v1 side names no file: it has neither length nor files.",
            );
            Vec::new()
        }
    };
    pieces(info, piece_length, &entries, report);
    entries
}

fn single(info: Value<'_>, name: &str, report: &mut Report) -> Vec<Entry> {
    let Some(size_bytes) = length(info, report) else {
        return Vec::new();
    };
    let file = File {
        path: name.to_owned(),
        size_bytes,
        pieces_root: None,
        is_executable: has_attribute(info, b'x'),
        symlink: None,
    };
    vec![Entry { file, is_pad: false }]
}

fn many(files: Value<'_>, report: &mut Report) -> Vec<Entry> {
    if files.kind() != Kind::List {
        report.refuse(Code::WrongType, files.offset(), "“files” is not a list.");
        return Vec::new();
    }
    let mut entries = Vec::new();
    let mut first_pad = None;
    for item in files.items() {
        if item.kind() != Kind::Dictionary {
            report.refuse(Code::WrongType, item.offset(), "A file is not a dictionary.");
            continue;
        }
        let Some(path) = path(item, report) else {
            continue;
        };
        let symlink = symlink(item, report);
        let Some(size_bytes) = (if symlink.is_some() { Some(0) } else { length(item, report) }) else {
            continue;
        };
        let is_pad = has_attribute(item, b'p') || is_old_padding(&path);
        if is_pad && first_pad.is_none() {
            first_pad = Some(item.offset());
        }
        let file =
            File { path, size_bytes, pieces_root: None, is_executable: has_attribute(item, b'x'), symlink };
        entries.push(Entry { file, is_pad });
    }
    if entries.is_empty() {
        report.refuse(Code::NoFiles, files.offset(), "The list of files is empty.");
    }
    if let Some(offset) = first_pad {
        let count = entries.iter().filter(|entry| entry.is_pad).count();
        report.warn(
            Code::PaddingFiles,
            offset,
            format!("{count} padding files align the others; they are hidden in the tree."),
        );
    }
    entries
}

/// Programs made padding files under this name before BEP 47 had an attribute for them.
fn is_old_padding(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("_____padding_file_"))
}

fn path(item: Value<'_>, report: &mut Report) -> Option<String> {
    let parts = item.get(b"path").filter(|path| path.kind() == Kind::List);
    let Some(parts) = parts else {
        report.refuse(Code::Missing, item.offset(), "A file has no path.");
        return None;
    };
    if let Some(other) = item.get(b"path.utf-8").filter(|other| !same_strings(*other, parts)) {
        report.warn(
            Code::AlternativeName,
            other.offset(),
            "“path.utf-8” differs from “path”: some programs show the one, some the other.",
        );
    }
    let mut path = String::new();
    for value in parts.items() {
        let Some(bytes) = value.string() else {
            report.refuse(Code::WrongType, value.offset(), "A part of a path is not a text.");
            return None;
        };
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&part(bytes, value.offset(), report));
    }
    if parts.items().next().is_none() {
        report.refuse(Code::UnsafePath, parts.offset(), "A path is empty.");
        return None;
    }
    Some(path)
}

fn same_strings(one: Value<'_>, two: Value<'_>) -> bool {
    one.items().map(Value::string).eq(two.items().map(Value::string))
}

fn pieces(info: Value<'_>, piece_length: u64, entries: &[Entry], report: &mut Report) {
    let Some(value) = info.get(b"pieces") else {
        report.refuse(Code::Missing, info.offset(), "The v1 side has no pieces.");
        return;
    };
    let Some(bytes) = value.string() else {
        report.refuse(Code::WrongType, value.offset(), "“pieces” is not a string.");
        return;
    };
    let total = entries.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry.file.size_bytes));
    let Some(total) = total.filter(|total| i64::try_from(*total).is_ok()) else {
        report.refuse(Code::BadLength, info.offset(), "The files' lengths sum to more than can be counted.");
        return;
    };
    if bytes.len() % 20 != 0 {
        report.refuse(Code::BadPieces, value.offset(), "The length of “pieces” is not a multiple of 20.");
    } else if !entries.is_empty() && bytes.len() as u64 / 20 != total.div_ceil(piece_length) {
        let message = format!(
            "There are {} pieces, but {} bytes in pieces of {} need {}.",
            bytes.len() / 20,
            total,
            shown(piece_length.to_string().as_bytes()),
            total.div_ceil(piece_length)
        );
        report.refuse(Code::BadPieces, value.offset(), message);
    }
}
