//! The v2 side (BEP 52): the file tree and the piece layers that prove it.

use std::collections::HashSet;

use crate::File;
use crate::bencode::{Kind, Value};
use crate::info::{has_attribute, length, symlink};
use crate::merkle;
use crate::outer::Layers;
use crate::path::part;
use crate::report::{Code, Report, shown};

struct Folder<'d> {
    pairs: Vec<(Value<'d>, Value<'d>)>,
    next: usize,
    /// Length of the path before this folder's own names.
    path_length: usize,
}

/// Reads the file tree in its order, and checks each file's piece layer.
pub(crate) fn read(
    info: Value<'_>,
    piece_length: u64,
    layers_at: Option<Value<'_>>,
    layers: &Layers<'_>,
    report: &mut Report,
) -> Vec<File> {
    let Some(root) = info.get(b"file tree").filter(|tree| tree.kind() == Kind::Dictionary) else {
        report.refuse(Code::BadFileTree, info.offset(), "The v2 side has no file tree.");
        return Vec::new();
    };
    let mut files = Vec::new();
    let mut used: HashSet<&[u8]> = HashSet::new();
    let mut path = String::new();
    let mut open = vec![Folder { pairs: root.pairs().collect(), next: 0, path_length: 0 }];
    while let Some(folder) = open.last_mut() {
        let Some(&(key, value)) = folder.pairs.get(folder.next) else {
            open.pop();
            continue;
        };
        folder.next += 1;
        path.truncate(folder.path_length);
        let bytes = key.string().unwrap_or_default();
        if value.kind() != Kind::Dictionary || bytes.is_empty() {
            report.refuse(
                Code::BadFileTree,
                key.offset(),
                "The file tree has an entry that is neither a file nor a folder.",
            );
            continue;
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&part(bytes, key.offset(), report));
        match value.get(b"") {
            Some(_) if value.pairs().nth(1).is_some() => {
                let message = format!("“{}” is a file and a folder at once.", shown(path.as_bytes()));
                report.refuse(Code::BadFileTree, value.offset(), message);
            }
            Some(facts) => {
                if let Some((file, root)) = file(facts, &path, piece_length, layers, report) {
                    used.extend(root);
                    files.push(file);
                }
            }
            None if value.pairs().next().is_none() => {
                report.refuse(
                    Code::BadFileTree,
                    value.offset(),
                    format!("The folder “{}” is empty.", shown(path.as_bytes())),
                );
            }
            None => open.push(Folder { pairs: value.pairs().collect(), next: 0, path_length: path.len() }),
        }
    }
    if files.is_empty() && report.refusals.is_empty() {
        report.refuse(Code::NoFiles, root.offset(), "The file tree is empty.");
    }
    if layers.keys().any(|root| !used.contains(root)) {
        let offset = layers_at.map_or(0, Value::offset);
        report.refuse(Code::BadPieceLayer, offset, "There is a piece layer that belongs to no file.");
    }
    files
}

fn file<'d>(
    facts: Value<'d>,
    path: &str,
    piece_length: u64,
    layers: &Layers<'_>,
    report: &mut Report,
) -> Option<(File, Option<&'d [u8]>)> {
    if facts.kind() != Kind::Dictionary {
        report.refuse(
            Code::BadFileTree,
            facts.offset(),
            format!("“{}” has no facts.", shown(path.as_bytes())),
        );
        return None;
    }
    let symlink = symlink(facts, report);
    let size_bytes = if symlink.is_some() { 0 } else { length(facts, report)? };
    let root = facts.get(b"pieces root").and_then(Value::string);
    let mut file = File {
        path: path.to_owned(),
        size_bytes,
        pieces_root: None,
        is_executable: has_attribute(facts, b'x'),
        symlink,
    };
    let Some(root) = root else {
        if size_bytes > 0 {
            report.refuse(
                Code::BadFileTree,
                facts.offset(),
                format!("“{}” has no pieces root.", shown(path.as_bytes())),
            );
            return None;
        }
        return Some((file, None));
    };
    let Ok(known) = <[u8; 32]>::try_from(root) else {
        report.refuse(
            Code::BadFileTree,
            facts.offset(),
            format!("The pieces root of “{}” is not 32 bytes.", shown(path.as_bytes())),
        );
        return None;
    };
    if size_bytes == 0 {
        let message = format!("“{}” is empty, yet it has a pieces root.", shown(path.as_bytes()));
        report.refuse(Code::BadFileTree, facts.offset(), message);
        return None;
    }
    file.pieces_root = Some(known);
    if size_bytes > piece_length {
        let expected = size_bytes.div_ceil(piece_length);
        match layers.get(root).map(|layer| (layer, layer.string().unwrap_or_default())) {
            None => {
                let message = format!(
                    "“{}” has no piece layer. Torrents made from a magnet link can lack them; make the file again.",
                    shown(path.as_bytes())
                );
                report.refuse(Code::BadPieceLayer, facts.offset(), message);
            }
            Some((layer, bytes)) if bytes.len() as u64 != expected.saturating_mul(32) => {
                let message = format!("The piece layer of “{}” has the wrong size.", shown(path.as_bytes()));
                report.refuse(Code::BadPieceLayer, layer.offset(), message);
            }
            Some((layer, bytes)) => {
                if merkle::root(bytes, piece_length) != known {
                    let message =
                        format!("The piece layer of “{}” does not hash to its root.", shown(path.as_bytes()));
                    report.refuse(Code::BadPieceLayer, layer.offset(), message);
                }
            }
        }
        return Some((file, Some(root)));
    }
    Some((file, None))
}
