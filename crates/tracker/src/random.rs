//! Randomness from the operating system: for secrets, and for what a stranger must not guess.

/// Random bytes from the operating system.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

/// Three random words.
pub(crate) fn random_words() -> [u64; 3] {
    let bytes: [u8; 24] = random_bytes();
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at * 8 + index]));
    [word(0), word(1), word(2)]
}
