//! What the scanner says: the content of a file, warnings and refusals.

use std::ops::Range;

/// How many problems of each kind are told; a hostile file cannot make the report long.
const MOST_PROBLEMS: usize = 100;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// What is wrong or odd, as a stable word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// The stable word, as the API and the command line print it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// Larger than the limit.
    TooLarge => "too_large",
    /// Not bencode at all.
    NotATorrent => "not_a_torrent",
    /// Ends in the middle.
    Truncated => "truncated",
    /// Bytes after the end.
    TrailingBytes => "trailing_bytes",
    /// Nested deeper than the limit.
    TooDeep => "too_deep",
    /// More tokens than the limit.
    TooManyTokens => "too_many_tokens",
    /// An integer with leading zeros, a minus zero, or too many digits.
    BadInteger => "bad_integer",
    /// A string whose length is malformed.
    BadString => "bad_string",
    /// A dictionary key that is not a string.
    BadKey => "bad_key",
    /// A key that stands twice in one dictionary.
    DuplicateKey => "duplicate_key",
    /// A value of the wrong type.
    WrongType => "wrong_type",
    /// A key that must be there is missing.
    Missing => "missing",
    /// A piece length that is not allowed.
    BadPieceLength => "bad_piece_length",
    /// A negative or overflowing length.
    BadLength => "bad_length",
    /// Pieces that do not match the total size.
    BadPieces => "bad_pieces",
    /// Both `length` and `files`.
    BothLengthAndFiles => "both_length_and_files",
    /// No file with content.
    NoFiles => "no_files",
    /// A path that is not safe.
    UnsafePath => "unsafe_path",
    /// Paths that are one on some file systems.
    PathCollision => "path_collision",
    /// A symbolic link that leaves the tree.
    UnsafeSymlink => "unsafe_symlink",
    /// A `meta version` that we do not know.
    UnknownVersion => "unknown_version",
    /// A v2 file tree that is malformed.
    BadFileTree => "bad_file_tree",
    /// A piece layer that is missing, of the wrong size, or does not hash to its root.
    BadPieceLayer => "bad_piece_layer",
    /// A hybrid whose v1 and v2 lists differ.
    HybridMismatch => "hybrid_mismatch",
    /// Keys that are not sorted.
    UnorderedKeys => "unordered_keys",
    /// A name that is not UTF-8.
    NotUtf8 => "not_utf8",
    /// `private` is neither 0 nor 1.
    OddPrivate => "odd_private",
    /// A key that no specification names.
    UnknownKey => "unknown_key",
    /// No creation date.
    NoCreationDate => "no_creation_date",
    /// Padding files, which are hidden in the tree.
    PaddingFiles => "padding_files",
    /// A v1 piece length that is unusual.
    OddPieceLength => "odd_piece_length",
    /// A second name or path that differs from the first, or one that programs lay out differently.
    AlternativeName => "alternative_name",
    /// A value outside `info` that is ignored because it is malformed.
    IgnoredValue => "ignored_value",
}

/// One warning or refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, as a stable word.
    pub code: Code,
    /// Where, in bytes from the start of the file.
    pub offset: usize,
    /// What is wrong, in a sentence that a person understands.
    pub message: String,
}

/// One file of the torrent; padding files are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path inside the torrent, with `/` between its parts; what is not UTF-8 is replaced.
    pub path: String,
    /// The path's own bytes, where they are not UTF-8.
    pub path_bytes: Option<Vec<u8>>,
    /// Size in bytes.
    pub size_bytes: u64,
    /// v2: the root of its merkle tree; equal roots mean equal bytes.
    pub pieces_root: Option<[u8; 32]>,
    /// Whether it is marked executable (`x`).
    pub is_executable: bool,
    /// Target of a symbolic link (`l`), inside the torrent.
    pub symlink: Option<String>,
}

impl File {
    /// A file at a path with `/` between its parts.
    pub(crate) fn new(path: &[u8], size_bytes: u64, is_executable: bool, symlink: Option<String>) -> Self {
        let text = String::from_utf8_lossy(path);
        let path_bytes = matches!(text, std::borrow::Cow::Owned(_)).then(|| path.to_vec());
        Self { path: text.into_owned(), path_bytes, size_bytes, pieces_root: None, is_executable, symlink }
    }
}

/// What a .torrent file says.
#[derive(Clone, Debug, Default)]
pub struct Metainfo {
    /// Name of the file or folder.
    pub name: String,
    /// SHA-1 of `info` (BEP 3), when the torrent has a v1 side.
    pub v1: Option<[u8; 20]>,
    /// SHA-256 of `info` (BEP 52), when the torrent has a v2 side.
    pub v2: Option<[u8; 32]>,
    /// Where the value of `info` stands in the file.
    pub info_span: Range<usize>,
    /// Piece length in bytes.
    pub piece_length_bytes: u64,
    /// Sum of the files' sizes, padding left out.
    pub size_bytes: u64,
    /// The files in order, padding left out.
    pub files: Vec<File>,
    /// Whether `private` is 1 (BEP 27).
    pub is_private: bool,
    /// `announce-list` in tiers (BEP 12), or `announce` as its only tier.
    pub announce: Vec<Vec<String>>,
    /// Web seeds (BEP 19).
    pub web_seeds: Vec<String>,
    /// `comment`.
    pub comment: Option<String>,
    /// `created by`.
    pub created_by: Option<String>,
    /// `creation date`, in seconds since 1970.
    pub creation_date: Option<i64>,
    /// `source` inside `info`, which private trackers use to change the hash.
    pub source: Option<String>,
    /// `similar` (BEP 38): v1 info-hashes of torrents with equal files.
    pub similar: Vec<[u8; 20]>,
    /// `collections` (BEP 38).
    pub collections: Vec<String>,
    /// `update-url` (BEP 39).
    pub update_url: Option<String>,
}

/// All that a scan found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What the file says, as far as it could be read; trust it only when there is no refusal.
    pub metainfo: Option<Metainfo>,
    /// What is odd but harmless.
    pub warnings: Vec<Problem>,
    /// Why the file is not accepted; empty when it is.
    pub refusals: Vec<Problem>,
}

impl Report {
    /// Whether the file is accepted.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.refusals.is_empty() && self.metainfo.is_some()
    }

    pub(crate) fn refuse(&mut self, code: Code, offset: usize, message: impl Into<String>) {
        push(&mut self.refusals, code, offset, message.into());
    }

    pub(crate) fn warn(&mut self, code: Code, offset: usize, message: impl Into<String>) {
        push(&mut self.warnings, code, offset, message.into());
    }
}

fn push(problems: &mut Vec<Problem>, code: Code, offset: usize, message: String) {
    if problems.len() < MOST_PROBLEMS {
        problems.push(Problem { code, offset, message });
    }
}

/// Whether a character overrides the direction of writing, which can make a name look like another.
pub(crate) fn turns_writing(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn is_unprintable(character: char) -> bool {
    character.is_control() || turns_writing(character) || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Text of a file for a message: what is not UTF-8 or not printable is replaced, and it is cut at 60 characters.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(240)]);
    let mut cut: String =
        text.chars().map(|c| if is_unprintable(c) { '\u{FFFD}' } else { c }).take(60).collect();
    if text.chars().count() > 60 || bytes.len() > 240 {
        cut.push('…');
    }
    cut
}
