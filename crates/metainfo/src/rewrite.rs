//! The copy that is handed out: other announce URLs and web seeds, and every other byte as it was.

use crate::Limits;
use crate::bencode::Document;

/// The bytes are not a bencoded dictionary, which a scan would have said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RewriteError;

/// Returns the torrent with `announce` (its first URL), `announce-list` (BEP 12) and, when given, `url-list` (BEP 19) in place
/// of its own. Every other key keeps its very bytes, `info` among them; the keys are sorted.
///
/// # Errors
///
/// [`RewriteError`] when the bytes are not a bencoded dictionary within the limits.
pub fn rewrite(
    bytes: &[u8],
    announce: &[Vec<String>],
    web_seeds: Option<&[String]>,
    limits: &Limits,
) -> Result<Vec<u8>, RewriteError> {
    let document = Document::parse(bytes, limits).map_err(|_| RewriteError)?;
    let mut entries: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (key, value) in document.root().pairs() {
        let name = key.string().ok_or(RewriteError)?;
        let is_replaced =
            name == b"announce" || name == b"announce-list" || (name == b"url-list" && web_seeds.is_some());
        if !is_replaced {
            entries.push((name.to_vec(), value.raw().to_vec()));
        }
    }
    if let Some(first) = announce.iter().flatten().next() {
        entries.push((b"announce".to_vec(), string(first.as_bytes())));
        entries.push((
            b"announce-list".to_vec(),
            list(
                announce
                    .iter()
                    .filter(|tier| !tier.is_empty())
                    .map(|tier| list(tier.iter().map(|url| string(url.as_bytes())))),
            ),
        ));
    }
    if let Some(urls) = web_seeds.filter(|urls| !urls.is_empty()) {
        entries.push((b"url-list".to_vec(), list(urls.iter().map(|url| string(url.as_bytes())))));
    }
    entries.sort();
    let mut out = Vec::with_capacity(bytes.len() + 256);
    out.push(b'd');
    for (key, value) in entries {
        out.extend_from_slice(&string(&key));
        out.extend_from_slice(&value);
    }
    out.push(b'e');
    Ok(out)
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{}:", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out
}

fn list(items: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = vec![b'l'];
    items.for_each(|item| out.extend_from_slice(&item));
    out.push(b'e');
    out
}
