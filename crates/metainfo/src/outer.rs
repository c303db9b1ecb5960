//! The outermost dictionary: everything but `info`, which has a module of its own.

use std::collections::HashMap;

use crate::bencode::{Document, Kind, Value, key_shown};
use crate::info;
use crate::report::{Code, Metainfo, Report, shown};

const KNOWN: [&[u8]; 17] = [
    b"announce",
    b"announce-list",
    b"azureus_properties",
    b"comment",
    b"comment.utf-8",
    b"created by",
    b"creation date",
    b"encoding",
    b"httpseeds",
    b"info",
    b"nodes",
    b"piece layers",
    b"publisher",
    b"publisher-url",
    b"update-url",
    b"url-list",
    b"website",
];

/// The piece layers by their root (BEP 52).
pub(crate) type Layers<'d> = HashMap<&'d [u8], Value<'d>>;

/// Reads the whole document into the report.
pub(crate) fn read<'d>(document: &'d Document<'d>, report: &mut Report) {
    let root = document.root();
    check_keys(root, report);
    for (key, _) in root.pairs() {
        if !KNOWN.contains(&key.string().unwrap_or_default()) {
            report.warn(
                Code::UnknownKey,
                key.offset(),
                format!("The key “{}” is not known; it is kept.", key_shown(key)),
            );
        }
    }
    let mut metainfo = Metainfo {
        announce: announce(root, report),
        web_seeds: web_seeds(root, report),
        comment: text(root, b"comment.utf-8", report).or_else(|| text(root, b"comment", report)),
        created_by: text(root, b"created by", report),
        update_url: text(root, b"update-url", report),
        ..Metainfo::default()
    };
    match root.get(b"creation date") {
        None => report.warn(Code::NoCreationDate, 0, "The file does not say when it was made."),
        Some(value) => match value.integer() {
            Some(seconds) if seconds >= 0 => metainfo.creation_date = Some(seconds),
            _ => report.warn(
                Code::IgnoredValue,
                value.offset(),
                "The creation date is not a date; it is ignored.",
            ),
        },
    }
    match root.get(b"info") {
        None => {
            report.refuse(Code::Missing, 0, "There is no info dictionary, so this is not a .torrent file.");
            return;
        }
        Some(value) if value.kind() != Kind::Dictionary => {
            report.refuse(Code::WrongType, value.offset(), "The value of info is not a dictionary.");
            return;
        }
        Some(value) => {
            let layers = layers(root, report);
            info::read(value, root.get(b"piece layers"), &layers, &mut metainfo, report);
        }
    }
    report.metainfo = Some(metainfo);
}

/// Refuses keys that stand twice in any dictionary, since parsers differ on which one counts; warns about unordered ones.
fn check_keys(root: Value<'_>, report: &mut Report) {
    let mut is_warned = false;
    for dictionary in root.dictionaries() {
        let (duplicate, unordered) = dictionary.key_order();
        if let Some(key) = duplicate {
            let message =
                format!("The key “{}” stands twice; programs differ on which one they read.", key_shown(key));
            report.refuse(Code::DuplicateKey, key.offset(), message);
        }
        if let (Some(key), false) = (unordered, is_warned) {
            is_warned = true;
            let message = format!(
                "The keys are not sorted (at “{}”); some programs refuse such a file.",
                key_shown(key)
            );
            report.warn(Code::UnorderedKeys, key.offset(), message);
        }
    }
}

fn text(dictionary: Value<'_>, key: &[u8], report: &mut Report) -> Option<String> {
    let value = dictionary.get(key)?;
    match value.string().map(std::str::from_utf8) {
        Some(Ok(text)) => Some(text.to_owned()),
        Some(Err(_)) => {
            let message = format!("“{}” is not UTF-8; what cannot be read is replaced.", shown(key));
            report.warn(Code::NotUtf8, value.offset(), message);
            value.string().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        }
        None => {
            let message = format!("“{}” is not a text; it is ignored.", shown(key));
            report.warn(Code::IgnoredValue, value.offset(), message);
            None
        }
    }
}

fn announce(root: Value<'_>, report: &mut Report) -> Vec<Vec<String>> {
    let tiers: Vec<Vec<String>> = root.get(b"announce-list").map_or_else(Vec::new, |list| {
        if list.kind() != Kind::List {
            report.warn(
                Code::IgnoredValue,
                list.offset(),
                "“announce-list” is not a list of lists; it is ignored.",
            );
        }
        list.items().map(strings).filter(|tier| !tier.is_empty()).collect()
    });
    if !tiers.is_empty() {
        return tiers;
    }
    text(root, b"announce", report).filter(|url| !url.is_empty()).map_or_else(Vec::new, |url| vec![vec![url]])
}

fn web_seeds(root: Value<'_>, report: &mut Report) -> Vec<String> {
    let Some(value) = root.get(b"url-list") else {
        return Vec::new();
    };
    match value.kind() {
        Kind::List => strings(value),
        Kind::String => value.string().and_then(utf8).filter(|url| !url.is_empty()).into_iter().collect(),
        _ => {
            report.warn(
                Code::IgnoredValue,
                value.offset(),
                "“url-list” is neither a text nor a list; it is ignored.",
            );
            Vec::new()
        }
    }
}

pub(crate) fn strings(list: Value<'_>) -> Vec<String> {
    list.items().filter_map(|item| item.string().and_then(utf8)).collect()
}

fn utf8(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn layers<'d>(root: Value<'d>, report: &mut Report) -> Layers<'d> {
    let mut found = HashMap::new();
    let Some(value) = root.get(b"piece layers") else {
        return found;
    };
    if value.kind() != Kind::Dictionary {
        report.refuse(Code::BadPieceLayer, value.offset(), "“piece layers” is not a dictionary.");
        return found;
    }
    for (key, layer) in value.pairs() {
        let root_hash = key.string().unwrap_or_default();
        if root_hash.len() != 32 || layer.kind() != Kind::String {
            report.refuse(
                Code::BadPieceLayer,
                key.offset(),
                "A piece layer is not a string under a root of 32 bytes.",
            );
        } else {
            found.insert(root_hash, layer);
        }
    }
    found
}
