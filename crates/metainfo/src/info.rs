//! The `info` dictionary: what both versions share, and which versions there are.

use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::bencode::{Kind, Value, key_shown};
use crate::outer::{Layers, strings};
use crate::path::{part, unsafe_reason};
use crate::report::{Code, Metainfo, Report, shown};
use crate::{tree, v1};

const KNOWN: [&[u8]; 20] = [
    b"attr",
    b"collections",
    b"file tree",
    b"files",
    b"length",
    b"md5sum",
    b"meta version",
    b"name",
    b"name.utf-8",
    b"piece length",
    b"pieces",
    b"private",
    b"publisher",
    b"publisher-url",
    b"sha1",
    b"similar",
    b"source",
    b"ssl-cert",
    b"symlink path",
    b"update-url",
];

/// Largest piece length that is accepted; clients keep at least one piece in memory.
const LARGEST_PIECE_BYTES: i64 = 1 << 30;
/// Smallest piece length that v2 allows, and the size of a block (BEP 52).
const BLOCK_BYTES: i64 = 16_384;

/// Reads `info` with the piece layers that stand beside it.
pub(crate) fn read<'d>(
    info: Value<'d>,
    layers_at: Option<Value<'_>>,
    layers: &'d Layers<'d>,
    out: &mut Metainfo,
    report: &mut Report,
) {
    out.info_span = info.span();
    for (key, _) in info.pairs() {
        if !KNOWN.contains(&key.string().unwrap_or_default()) {
            report.warn(
                Code::UnknownKey,
                key.offset(),
                format!("The key “{}” in info is not known; it is kept.", key_shown(key)),
            );
        }
    }
    let name = name(info, out, report);
    small_facts(info, out, report);
    let version = info.get(b"meta version");
    let has_v2 = info.get(b"file tree").is_some() || version.is_some();
    let has_v1 =
        info.get(b"pieces").is_some() || info.get(b"files").is_some() || info.get(b"length").is_some();
    if let Some(value) = version.filter(|value| value.integer() != Some(2)) {
        report.refuse(
            Code::UnknownVersion,
            value.offset(),
            "The meta version is not 2, the only one there is (BEP 52).",
        );
    }
    if !has_v1 && !has_v2 {
        report.refuse(
            Code::Missing,
            info.offset(),
            "info names no file: it has neither length, files nor a file tree.",
        );
        return;
    }
    if has_v2 && version.is_none() {
        report.refuse(Code::Missing, info.offset(), "info has a file tree but no meta version.");
    }
    let Some(piece_length) = piece_length(info, has_v2, report) else {
        return;
    };
    out.piece_length_bytes = piece_length;
    let v1_list = has_v1.then(|| v1::read(info, piece_length, name, report));
    let v2_list = has_v2.then(|| tree::read(info, piece_length, layers_at, layers, !has_v1, report));
    if has_v1 {
        out.v1 = Some(Sha1::digest(info.raw()).into());
    }
    if has_v2 {
        out.v2 = Some(Sha256::digest(info.raw()).into());
    }
    if let (Some(first), Some(second)) = (&v1_list, &v2_list) {
        compare(first, second, piece_length, info, report);
    }
    out.files = match (v1_list, v2_list) {
        (_, Some(list)) => list,
        (Some(list), None) => {
            list.into_iter().filter(|entry| !entry.is_pad).map(|entry| entry.file).collect()
        }
        (None, None) => Vec::new(),
    };
    let total = countable_sum(out.files.iter().map(|file| file.size_bytes));
    out.size_bytes = total.unwrap_or(0);
    if total.is_none() && !has_v1 {
        report.refuse(Code::BadLength, info.offset(), "The files' lengths sum to more than can be counted.");
    }
    if out.size_bytes == 0 && report.refusals.is_empty() {
        report.refuse(
            Code::NoFiles,
            info.offset(),
            "The torrent holds no byte: it has no file, or all its files are empty.",
        );
    }
    warn_of_two_layouts(info, name, out, report);
}

/// Warns where programs differ on whether the torrent is a file, or a folder that holds a file of its name: BEP 52 writes both
/// in the same way.
fn warn_of_two_layouts(info: Value<'_>, name: &[u8], out: &Metainfo, report: &mut Report) {
    let Some(files) = info.get(b"files").filter(|_| out.v2.is_some() && out.files.len() == 1) else {
        return;
    };
    if out.files[0].path.as_bytes() == name {
        report.warn(
            Code::AlternativeName,
            files.offset(),
            "The folder and its only file have one name: some programs save the file alone, some inside the folder.",
        );
    }
}

/// Reads the name and returns its bytes, empty where there is none.
fn name<'d>(info: Value<'d>, out: &mut Metainfo, report: &mut Report) -> &'d [u8] {
    match info.get(b"name").map(|value| (value, value.string())) {
        None => report.refuse(Code::Missing, info.offset(), "info has no name."),
        Some((value, None)) => report.refuse(Code::WrongType, value.offset(), "The name is not a text."),
        Some((value, Some(bytes))) => {
            part(bytes, value.offset(), report);
            out.name = String::from_utf8_lossy(bytes).into_owned();
            if let Some(other) = info.get(b"name.utf-8").filter(|other| other.string() != Some(bytes)) {
                report.warn(
                    Code::AlternativeName,
                    other.offset(),
                    "“name.utf-8” differs from “name”: some programs show the one, some the other.",
                );
                part(other.string().unwrap_or_default(), other.offset(), report);
            }
            return bytes;
        }
    }
    b""
}

fn small_facts(info: Value<'_>, out: &mut Metainfo, report: &mut Report) {
    if let Some(value) = info.get(b"private") {
        out.is_private = value.integer() == Some(1);
        if !matches!(value.integer(), Some(0 | 1)) {
            report.warn(
                Code::OddPrivate,
                value.offset(),
                "“private” is neither 0 nor 1; programs differ on whether this torrent is private. It is taken as public.",
            );
        }
    }
    out.source =
        info.get(b"source").and_then(Value::string).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    out.similar = info.get(b"similar").map_or_else(Vec::new, |list| {
        list.items().filter_map(|item| item.string()?.try_into().ok()).collect()
    });
    out.collections = info.get(b"collections").map_or_else(Vec::new, strings);
}

fn piece_length(info: Value<'_>, has_v2: bool, report: &mut Report) -> Option<u64> {
    let Some(value) = info.get(b"piece length") else {
        report.refuse(Code::Missing, info.offset(), "info has no piece length.");
        return None;
    };
    let length = value.integer().unwrap_or(0);
    let is_power = length > 0 && length & (length - 1) == 0;
    if length <= 0 || length > LARGEST_PIECE_BYTES {
        let message = format!("The piece length must be between 1 and {LARGEST_PIECE_BYTES} bytes.");
        report.refuse(Code::BadPieceLength, value.offset(), message);
        return None;
    }
    if has_v2 && (!is_power || length < BLOCK_BYTES) {
        report.refuse(
            Code::BadPieceLength,
            value.offset(),
            "The piece length of a v2 torrent must be a power of two of at least 16 KiB.",
        );
        return None;
    }
    if !is_power || length < BLOCK_BYTES {
        let message = format!("A piece length of {length} bytes is unusual; some programs are slow with it.");
        report.warn(Code::OddPieceLength, value.offset(), message);
    }
    u64::try_from(length).ok()
}

/// Refuses a hybrid whose two lists differ: an index would show the one and a client fetch the other.
fn compare(
    first: &[v1::Entry],
    second: &[crate::File],
    piece_length: u64,
    info: Value<'_>,
    report: &mut Report,
) {
    let mut offset = 0_u64;
    let visible: Vec<&v1::Entry> = first.iter().filter(|entry| !entry.is_pad).collect();
    for entry in first {
        let begins_inside = entry.file.size_bytes > 0 && !offset.is_multiple_of(piece_length);
        if !entry.is_pad && begins_inside {
            let message = format!(
                "“{}” does not begin at a piece, as a file of a hybrid torrent must.",
                shown(entry.file.path.as_bytes())
            );
            report.refuse(Code::HybridMismatch, entry.offset, message);
            return;
        }
        offset = offset.saturating_add(entry.file.size_bytes);
    }
    let differing = visible.iter().zip(second).find(|(one, two)| {
        (&one.file.path, &one.file.path_bytes, one.file.size_bytes, &one.file.symlink)
            != (&two.path, &two.path_bytes, two.size_bytes, &two.symlink)
    });
    if let Some((one, two)) = differing {
        let message = format!(
            "The v1 and v2 lists differ: one has “{}” with {} bytes where the other has “{}” with {}.",
            shown(one.file.path.as_bytes()),
            one.file.size_bytes,
            shown(two.path.as_bytes()),
            two.size_bytes
        );
        report.refuse(Code::HybridMismatch, one.offset, message);
    } else if visible.len() != second.len() {
        let message = format!("The v1 list has {} files and the v2 list {}.", visible.len(), second.len());
        report.refuse(Code::HybridMismatch, info.offset(), message);
    }
}

/// Sums lengths as far as databases and other programs count, which is to 2^63 - 1.
pub(crate) fn countable_sum(mut lengths: impl Iterator<Item = u64>) -> Option<u64> {
    lengths.try_fold(0_u64, u64::checked_add).filter(|sum| i64::try_from(*sum).is_ok())
}

/// Reads a length, which must not be negative; a symbolic link has none, or zero.
pub(crate) fn length(dictionary: Value<'_>, is_symlink: bool, report: &mut Report) -> Option<u64> {
    let value = match dictionary.get(b"length") {
        None if is_symlink => return Some(0),
        None => {
            report.refuse(Code::Missing, dictionary.offset(), "A file has no length.");
            return None;
        }
        Some(value) => value,
    };
    let length = value.integer().and_then(|length| u64::try_from(length).ok());
    if length.is_none() {
        report.refuse(Code::BadLength, value.offset(), "A file's length is not a number of bytes.");
    } else if is_symlink && length != Some(0) {
        let message = "A symbolic link has a length; programs differ on whether it counts.";
        report.refuse(Code::BadLength, value.offset(), message);
    }
    length
}

/// Whether the file's attributes (BEP 47) hold a letter.
pub(crate) fn has_attribute(dictionary: Value<'_>, letter: u8) -> bool {
    dictionary.get(b"attr").and_then(Value::string).is_some_and(|attributes| attributes.contains(&letter))
}

/// Reads the target of a symbolic link, which must stay inside the torrent.
pub(crate) fn symlink(dictionary: Value<'_>, report: &mut Report) -> Option<String> {
    if !has_attribute(dictionary, b'l') {
        return None;
    }
    let target = dictionary.get(b"symlink path").filter(|target| target.kind() == Kind::List);
    let Some(target) = target else {
        report.refuse(Code::UnsafeSymlink, dictionary.offset(), "A symbolic link has no target.");
        return None;
    };
    let mut parts = Vec::new();
    for part in target.items() {
        let text = part.string().map(String::from_utf8_lossy);
        match text.filter(|text| unsafe_reason(text).is_none()) {
            Some(text) => parts.push(text),
            None => parts.clear(),
        }
        if parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() {
        let message = "A symbolic link points outside the torrent, or at a name that is not safe.";
        report.refuse(Code::UnsafeSymlink, target.offset(), message);
        return None;
    }
    Some(parts.join("/"))
}
