//! The v2 side (BEP 52): the file tree and the piece layers that prove it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::File;
use crate::bencode::{Kind, Value};
use crate::info::{has_attribute, length, symlink};
use crate::merkle;
use crate::outer::Layers;
use crate::path::{Paths, ROOT, is_short_enough, part, refuse_collision};
use crate::report::{Code, Report, shown};

/// Most bytes of all paths together. Folders are named once in the file but stand in the path of each of their files, so a
/// small file could otherwise become a very long list.
const MOST_PATH_BYTES: usize = 64 << 20;

struct Folder<'d> {
    pairs: Vec<(Value<'d>, Value<'d>)>,
    next: usize,
    /// Length of the path before this folder's own names.
    path_length: usize,
    place: u32,
}

/// The piece layers of the file, and which of them were hashed; files of equal content share one.
struct Proofs<'d> {
    layers: &'d Layers<'d>,
    piece_length: u64,
    /// Root → whether its layer hashes to it.
    proven: HashMap<&'d [u8], bool>,
}

/// Reads the file tree in its order, and checks each file's piece layer.
///
/// Paths that collide are looked for where `is_alone`: in a hybrid the v1 list, which must be the same, was searched already.
pub(crate) fn read<'d>(
    info: Value<'d>,
    piece_length: u64,
    layers_at: Option<Value<'_>>,
    layers: &'d Layers<'d>,
    is_alone: bool,
    report: &mut Report,
) -> Vec<File> {
    let Some(root) = info.get(b"file tree").filter(|tree| tree.kind() == Kind::Dictionary) else {
        report.refuse(Code::BadFileTree, info.offset(), "The v2 side has no file tree.");
        return Vec::new();
    };
    let mut files = Vec::new();
    let mut proofs = Proofs { layers, piece_length, proven: HashMap::new() };
    let mut paths = is_alone.then(Paths::new);
    let mut path: Vec<u8> = Vec::new();
    let mut spent = 0;
    let mut open = vec![Folder { pairs: root.pairs().collect(), next: 0, path_length: 0, place: ROOT }];
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
            path.push(b'/');
        }
        path.extend_from_slice(bytes);
        part(bytes, key.offset(), report);
        if !is_short_enough(&path, key.offset(), report) {
            continue;
        }
        let is_folder = value.get(b"").is_none();
        let place = match &mut paths {
            None => Ok(ROOT),
            Some(paths) if is_folder => paths.folder(folder.place, bytes),
            Some(paths) => paths.file(folder.place, bytes, false),
        };
        let place = match place {
            Ok(place) => place,
            Err(other) => {
                refuse_collision(&path, &other, key.offset(), report);
                continue;
            }
        };
        match value.get(b"") {
            Some(_) if value.pairs().nth(1).is_some() => {
                let message = format!("“{}” is a file and a folder at once.", shown(&path));
                report.refuse(Code::BadFileTree, value.offset(), message);
            }
            Some(facts) => {
                spent += path.len();
                if spent > MOST_PATH_BYTES {
                    let message =
                        format!("The paths of the files are longer than {MOST_PATH_BYTES} bytes in all.");
                    report.refuse(Code::TooManyTokens, key.offset(), message);
                    return files;
                }
                files.extend(file(facts, &path, &mut proofs, report));
            }
            None if value.pairs().next().is_none() => {
                report.refuse(
                    Code::BadFileTree,
                    value.offset(),
                    format!("The folder “{}” is empty.", shown(&path)),
                );
            }
            None => {
                open.push(Folder { pairs: value.pairs().collect(), next: 0, path_length: path.len(), place });
            }
        }
    }
    if files.is_empty() && report.refusals.is_empty() {
        report.refuse(Code::NoFiles, root.offset(), "The file tree is empty.");
    }
    if layers.keys().any(|root| !proofs.proven.contains_key(root)) && report.refusals.is_empty() {
        let offset = layers_at.map_or(0, Value::offset);
        report.refuse(Code::BadPieceLayer, offset, "There is a piece layer that belongs to no file.");
    }
    files
}

fn file<'d>(facts: Value<'d>, path: &[u8], proofs: &mut Proofs<'d>, report: &mut Report) -> Option<File> {
    if facts.kind() != Kind::Dictionary {
        report.refuse(Code::BadFileTree, facts.offset(), format!("“{}” has no facts.", shown(path)));
        return None;
    }
    let symlink = symlink(facts, report);
    let size_bytes = length(facts, symlink.is_some(), report)?;
    let mut file = File::new(path, size_bytes, has_attribute(facts, b'x'), symlink);
    let root = facts.get(b"pieces root");
    let refusal = match root.map(|root| <[u8; 32]>::try_from(root.string().unwrap_or_default())) {
        None if size_bytes == 0 => return Some(file),
        None => "has no pieces root",
        Some(Err(_)) => "has a pieces root that is not 32 bytes",
        Some(Ok(_)) if size_bytes == 0 => "is empty, yet it has a pieces root",
        Some(Ok(root)) => {
            file.pieces_root = Some(root);
            ""
        }
    };
    if !refusal.is_empty() {
        report.refuse(Code::BadFileTree, facts.offset(), format!("“{}” {refusal}.", shown(path)));
        return None;
    }
    let root = root.and_then(Value::string).filter(|_| size_bytes > proofs.piece_length);
    if let Some((offset, reason)) = root.and_then(|root| proofs.flaw(root, size_bytes, facts)) {
        report.refuse(Code::BadPieceLayer, offset, format!("The piece layer of “{}” {reason}.", shown(path)));
    }
    Some(file)
}

impl<'d> Proofs<'d> {
    /// Says where and why the piece layer of a file does not prove its root, if it does not. Each layer is hashed once.
    fn flaw(&mut self, root: &'d [u8], size_bytes: u64, facts: Value<'_>) -> Option<(usize, &'static str)> {
        let Some(layer) = self.layers.get(root) else {
            let reason = "is missing. Torrents made from a magnet link can lack it; make the file again";
            return Some((facts.offset(), reason));
        };
        let bytes = layer.string().unwrap_or_default();
        if bytes.len() as u64 != size_bytes.div_ceil(self.piece_length).saturating_mul(32) {
            self.proven.entry(root).or_insert(false);
            return Some((layer.offset(), "has the wrong size"));
        }
        let is_proven = match self.proven.entry(root) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => *entry.insert(merkle::root(bytes, self.piece_length) == root),
        };
        (!is_proven).then_some((layer.offset(), "does not hash to its root"))
    }
}
