//! The merkle tree of BEP 52: from a file's piece layer to its root.
//!
//! Leaves are SHA-256 of blocks of 16 KiB; what is missing to a power of two is 32 zero bytes. A piece layer holds the nodes
//! that cover one piece each, so what is missing there is the root of a tree of zero leaves of a piece's height.

use sha2::{Digest, Sha256};

const BLOCK_BYTES: u64 = 16_384;

/// Returns the root over a piece layer of `32 * pieces` bytes, `pieces` at least 1.
pub(crate) fn root(layer: &[u8], piece_length: u64) -> [u8; 32] {
    let mut padding = [0_u8; 32];
    for _ in 0..(piece_length / BLOCK_BYTES).trailing_zeros() {
        padding = parent(&padding, &padding);
    }
    let mut row: Vec<[u8; 32]> = layer.as_chunks::<32>().0.to_vec();
    while row.len() > 1 {
        let mut above = Vec::with_capacity(row.len().div_ceil(2));
        for pair in row.chunks(2) {
            above.push(parent(&pair[0], pair.get(1).unwrap_or(&padding)));
        }
        padding = parent(&padding, &padding);
        row = above;
    }
    row.first().copied().unwrap_or_default()
}

fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut both = [0_u8; 64];
    both[..32].copy_from_slice(left);
    both[32..].copy_from_slice(right);
    Sha256::digest(both).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_is_its_own_root() {
        assert_eq!(root(&[7; 32], 16_384), [7; 32]);
    }

    #[test]
    fn three_pieces_are_padded_at_the_height_of_a_piece() {
        let layer = [[1_u8; 32], [2; 32], [3; 32]].concat();
        let zero = parent(&[0; 32], &[0; 32]);
        let expected = parent(&parent(&[1; 32], &[2; 32]), &parent(&[3; 32], &zero));
        assert_eq!(root(&layer, 32_768), expected);
    }
}
