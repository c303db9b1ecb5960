//! The v1 side (BEP 3, attributes of BEP 47): `length` or `files`, and `pieces`.

use crate::File;
use crate::bencode::{Kind, Value};
use crate::info::{countable_sum, has_attribute, length, symlink};
use crate::path::{Paths, ROOT, is_short_enough, part, refuse_collision};
use crate::report::{Code, Report};

/// A file of the v1 list, padding included.
pub(crate) struct Entry {
    pub(crate) file: File,
    pub(crate) is_pad: bool,
    pub(crate) offset: usize,
}

/// Reads the v1 file list and checks that the pieces match it.
pub(crate) fn read(info: Value<'_>, piece_length: u64, name: &[u8], report: &mut Report) -> Vec<Entry> {
    let entries = match (info.get(b"length"), info.get(b"files")) {
        (Some(_), Some(files)) => {
            report.refuse(
                Code::BothLengthAndFiles,
                files.offset(),
                "info has both length and files; programs differ on which one they read.",
            );
            None
        }
        (Some(value), None) => length(info, false, report).map(|size_bytes| {
            let file = File::new(name, size_bytes, has_attribute(info, b'x'), None);
            vec![Entry { file, is_pad: false, offset: value.offset() }]
        }),
        (None, Some(files)) => many(files, piece_length, report),
        (None, None) => {
            report.refuse(
                Code::Missing,
                info.offset(),
                "The v1 side names no file: it has neither length nor files.",
            );
            None
        }
    };
    pieces(info, piece_length, entries.as_deref(), report);
    entries.unwrap_or_default()
}

/// Reads the list of files; None when one of them cannot be read, so that their sum is not known.
fn many(files: Value<'_>, piece_length: u64, report: &mut Report) -> Option<Vec<Entry>> {
    if files.kind() != Kind::List {
        report.refuse(Code::WrongType, files.offset(), "“files” is not a list.");
        return None;
    }
    let mut entries = Vec::new();
    let mut paths = Paths::new();
    let mut is_whole = true;
    for item in files.items() {
        match one(item, &mut paths, report) {
            Some(entry) => entries.push(entry),
            None => is_whole = false,
        }
    }
    if entries.is_empty() && is_whole {
        report.refuse(Code::NoFiles, files.offset(), "The list of files is empty.");
    }
    warn_of_padding(&entries, piece_length, report);
    is_whole.then_some(entries)
}

fn one<'d>(item: Value<'d>, paths: &mut Paths<'d>, report: &mut Report) -> Option<Entry> {
    if item.kind() != Kind::Dictionary {
        report.refuse(Code::WrongType, item.offset(), "A file is not a dictionary.");
        return None;
    }
    let (path, parts) = path(item, report)?;
    let is_pad = has_attribute(item, b'p') || parts.last().is_some_and(|name| is_old_padding(name));
    if let Err(other) = place(paths, &parts, is_pad) {
        refuse_collision(&path, &other, item.offset(), report);
    }
    let symlink = symlink(item, report);
    let size_bytes = length(item, symlink.is_some(), report)?;
    let file = File::new(&path, size_bytes, has_attribute(item, b'x'), symlink);
    Some(Entry { file, is_pad, offset: item.offset() })
}

/// Puts the file into the tree; an error is the path that has its place.
fn place<'d>(paths: &mut Paths<'d>, parts: &[&'d [u8]], is_pad: bool) -> Result<(), String> {
    let mut folder = ROOT;
    let Some((name, folders)) = parts.split_last() else {
        return Ok(());
    };
    for part in folders {
        folder = paths.folder(folder, part)?;
    }
    paths.file(folder, name, is_pad).map(|_| ())
}

fn warn_of_padding(entries: &[Entry], piece_length: u64, report: &mut Report) {
    let mut padding = entries.iter().filter(|entry| entry.is_pad).peekable();
    let Some(offset) = padding.peek().map(|entry| entry.offset) else {
        return;
    };
    let message =
        format!("{} padding files align the others; they are hidden in the tree.", padding.clone().count());
    report.warn(Code::PaddingFiles, offset, message);
    if let Some(entry) = padding.find(|entry| entry.file.size_bytes >= piece_length) {
        let message = format!(
            "A padding file of {} bytes is no smaller than a piece, so it aligns nothing; programs that do not know padding \
             save what it holds.",
            entry.file.size_bytes
        );
        report.warn(Code::PaddingFiles, entry.offset, message);
    }
}

/// Programs made padding files under this name before BEP 47 had an attribute for them.
fn is_old_padding(name: &[u8]) -> bool {
    name.starts_with(b"_____padding_file_")
}

/// Reads a file's path and its parts.
fn path<'d>(item: Value<'d>, report: &mut Report) -> Option<(Vec<u8>, Vec<&'d [u8]>)> {
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
        other.items().for_each(|value| part(value.string().unwrap_or_default(), value.offset(), report));
    }
    let mut path = Vec::new();
    let mut names = Vec::new();
    for value in parts.items() {
        let Some(bytes) = value.string() else {
            report.refuse(Code::WrongType, value.offset(), "A part of a path is not a text.");
            return None;
        };
        if !names.is_empty() {
            path.push(b'/');
        }
        part(bytes, value.offset(), report);
        path.extend_from_slice(bytes);
        names.push(bytes);
    }
    if names.is_empty() {
        report.refuse(Code::UnsafePath, parts.offset(), "A path is empty.");
        return None;
    }
    is_short_enough(&path, parts.offset(), report).then_some((path, names))
}

fn same_strings(one: Value<'_>, two: Value<'_>) -> bool {
    one.items().map(Value::string).eq(two.items().map(Value::string))
}

/// Checks the number of pieces against the sum of the files, when all of them are known.
fn pieces(info: Value<'_>, piece_length: u64, entries: Option<&[Entry]>, report: &mut Report) {
    let Some(value) = info.get(b"pieces") else {
        report.refuse(Code::Missing, info.offset(), "The v1 side has no pieces.");
        return;
    };
    let Some(bytes) = value.string() else {
        report.refuse(Code::WrongType, value.offset(), "“pieces” is not a string.");
        return;
    };
    if bytes.len() % 20 != 0 {
        report.refuse(Code::BadPieces, value.offset(), "The length of “pieces” is not a multiple of 20.");
        return;
    }
    let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
        return;
    };
    let Some(total) = countable_sum(entries.iter().map(|entry| entry.file.size_bytes)) else {
        report.refuse(Code::BadLength, info.offset(), "The files' lengths sum to more than can be counted.");
        return;
    };
    if bytes.len() as u64 / 20 != total.div_ceil(piece_length) {
        let message = format!(
            "There are {} pieces, but {total} bytes in pieces of {piece_length} need {}.",
            bytes.len() / 20,
            total.div_ceil(piece_length)
        );
        report.refuse(Code::BadPieces, value.offset(), message);
    }
}
