//! The strict bencode scanner (BEP 3): one pass, no recursion, every value with its span.
//!
//! Values are kept in one array in the order they stand in the file. A container is followed by its children and knows the
//! index after its last descendant, so walking needs no pointers:
//!
//! ```text
//! d 3:cow i7e 4:list l 1:a 1:b e e
//! 0 1     2   3      4 5   6          next of 0 = 7, next of 4 = 7, next of a leaf = its index + 1
//! ```

use crate::Limits;
use crate::report::{Code, Problem, shown};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    String,
    List,
    Dictionary,
}

/// One value: its kind, its span, and where its content and its next sibling are.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    start: u32,
    /// A string's first byte of content; otherwise equal to `start`.
    content: u32,
    end: u32,
    next: u32,
}

/// A scanned file.
pub(crate) struct Document<'a> {
    pub(crate) bytes: &'a [u8],
    nodes: Vec<Node>,
}

/// A value of a scanned file.
#[derive(Clone, Copy)]
pub(crate) struct Value<'d> {
    document: &'d Document<'d>,
    index: usize,
}

struct Open {
    index: usize,
    /// In a dictionary: whether a key comes next.
    wants_key: bool,
}

impl<'a> Document<'a> {
    /// Scans the whole file.
    pub(crate) fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, Problem> {
        if bytes.len() > limits.size_bytes || u32::try_from(bytes.len()).is_err() {
            let message =
                format!("The file has {} bytes; at most {} are accepted.", bytes.len(), limits.size_bytes);
            return Err(problem(Code::TooLarge, limits.size_bytes, message));
        }
        if bytes.first() != Some(&b'd') {
            let message = if bytes.is_empty() {
                "The file is empty. Choose the .torrent file again."
            } else {
                "This is not a .torrent file: such a file begins with a dictionary. Choose the .torrent file itself, not what it \
                 shares."
            };
            return Err(problem(Code::NotATorrent, 0, message));
        }
        let mut scanner =
            Scanner { bytes, at: 0, nodes: Vec::with_capacity(64), open: Vec::with_capacity(16) };
        scanner.run(limits)?;
        if scanner.at != bytes.len() {
            let message = format!("{} bytes follow the end of the torrent.", bytes.len() - scanner.at);
            return Err(problem(Code::TrailingBytes, scanner.at, message));
        }
        Ok(Self { bytes, nodes: scanner.nodes })
    }

    /// The outermost value, which is a dictionary.
    pub(crate) fn root(&self) -> Value<'_> {
        Value { document: self, index: 0 }
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
}

impl Scanner<'_> {
    fn run(&mut self, limits: &Limits) -> Result<(), Problem> {
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.truncated());
            };
            let expects_key = self.open.last().is_some_and(|open| open.wants_key);
            if byte == b'e' {
                self.close()?;
            } else {
                if self.nodes.len() >= limits.tokens {
                    let message = format!("The file has more than {} values.", limits.tokens);
                    return Err(problem(Code::TooManyTokens, self.at, message));
                }
                if expects_key && !byte.is_ascii_digit() {
                    return Err(problem(Code::BadKey, self.at, "A dictionary key is not a string."));
                }
                match byte {
                    b'0'..=b'9' => self.string()?,
                    b'i' => self.integer()?,
                    b'l' | b'd' => self.container(byte, limits)?,
                    _ => {
                        let message = format!("Byte 0x{byte:02x} begins no value.");
                        return Err(problem(Code::NotATorrent, self.at, message));
                    }
                }
                if matches!(byte, b'l' | b'd') {
                    continue;
                }
            }
            // A value just ended: its parent, if it is a dictionary, now wants the other half of the pair.
            match self.open.last_mut() {
                None => return Ok(()),
                Some(open) => {
                    if self.nodes[open.index].kind == Kind::Dictionary {
                        open.wants_key = !open.wants_key;
                    }
                }
            }
        }
    }

    fn container(&mut self, byte: u8, limits: &Limits) -> Result<(), Problem> {
        if self.open.len() >= limits.depth {
            let message = format!("Values are nested more than {} deep.", limits.depth);
            return Err(problem(Code::TooDeep, self.at, message));
        }
        let kind = if byte == b'd' { Kind::Dictionary } else { Kind::List };
        self.open.push(Open { index: self.nodes.len(), wants_key: kind == Kind::Dictionary });
        self.push(kind, self.at, self.at, self.at + 1);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else {
            return Err(problem(Code::NotATorrent, self.at, "An end stands where nothing is open."));
        };
        let next = self.nodes.len() as u32;
        let node = &mut self.nodes[open.index];
        if node.kind == Kind::Dictionary && !open.wants_key {
            return Err(problem(Code::BadKey, self.at, "A dictionary ends after a key that has no value."));
        }
        self.at += 1;
        node.end = self.at as u32;
        node.next = next;
        Ok(())
    }

    fn integer(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let rest = &self.bytes[start + 1..];
        let Some(length) = rest.iter().take(22).position(|&byte| byte == b'e') else {
            return Err(if rest.len() < 22 { self.truncated() } else { bad_integer(start) });
        };
        let text = &rest[..length];
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        let is_plain = !digits.is_empty()
            && digits.iter().all(u8::is_ascii_digit)
            && (digits[0] != b'0' || text == b"0")
            && std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok());
        if !is_plain {
            return Err(bad_integer(start));
        }
        self.push(Kind::Integer, start, start, start + length + 2);
        Ok(())
    }

    fn string(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let mut length = 0_usize;
        let mut at = start;
        loop {
            match self.bytes.get(at) {
                None => return Err(self.truncated()),
                Some(b':') => break,
                Some(digit) if digit.is_ascii_digit() && at - start < 10 => {
                    length = length * 10 + usize::from(digit - b'0');
                }
                Some(_) => return Err(problem(Code::BadString, start, "A string's length is malformed.")),
            }
            at += 1;
        }
        if self.bytes[start] == b'0' && at - start > 1 {
            return Err(problem(Code::BadString, start, "A string's length has leading zeros."));
        }
        let content = at + 1;
        if length > self.bytes.len() - content {
            let message = format!(
                "A string of {length} bytes begins here, but only {} are left. The file is cut short; get it again.",
                self.bytes.len() - content
            );
            return Err(problem(Code::Truncated, start, message));
        }
        self.push(Kind::String, start, content, content + length);
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: usize, content: usize, end: usize) {
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { kind, start: start as u32, content: content as u32, end: end as u32, next });
        self.at = end;
    }

    fn truncated(&self) -> Problem {
        problem(Code::Truncated, self.bytes.len(), "The file ends in the middle of a value. Get it again.")
    }
}

impl<'d> Value<'d> {
    fn node(self) -> &'d Node {
        &self.document.nodes[self.index]
    }

    /// Where the value begins.
    pub(crate) fn offset(self) -> usize {
        self.node().start as usize
    }

    /// The value's span, delimiters included.
    pub(crate) fn span(self) -> std::ops::Range<usize> {
        self.node().start as usize..self.node().end as usize
    }

    /// The value's own bytes, delimiters included.
    pub(crate) fn raw(self) -> &'d [u8] {
        &self.document.bytes[self.span()]
    }

    /// What the value is.
    pub(crate) fn kind(self) -> Kind {
        self.node().kind
    }

    /// A string's content.
    pub(crate) fn string(self) -> Option<&'d [u8]> {
        let node = self.node();
        (node.kind == Kind::String).then(|| &self.document.bytes[node.content as usize..node.end as usize])
    }

    /// An integer's value.
    pub(crate) fn integer(self) -> Option<i64> {
        let raw = (self.kind() == Kind::Integer).then(|| self.raw())?;
        std::str::from_utf8(&raw[1..raw.len() - 1]).ok()?.parse().ok()
    }

    /// The values of a list; of another kind, none.
    pub(crate) fn items(self) -> Children<'d> {
        self.children(Kind::List)
    }

    /// The pairs of a dictionary; of another kind, none.
    pub(crate) fn pairs(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> {
        let mut children = self.children(Kind::Dictionary);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The value of a dictionary's key.
    pub(crate) fn get(self, key: &[u8]) -> Option<Value<'d>> {
        self.pairs().find(|(name, _)| name.string() == Some(key)).map(|(_, value)| value)
    }

    fn children(self, kind: Kind) -> Children<'d> {
        let node = self.node();
        let end = if node.kind == kind { node.next as usize } else { self.index + 1 };
        Children { document: self.document, at: self.index + 1, end }
    }

    /// Returns the first key that stands twice, and the first that is out of order.
    pub(crate) fn key_order(self) -> (Option<Value<'d>>, Option<Value<'d>>) {
        let mut unordered = None;
        let mut last: Option<&[u8]> = None;
        for (key, _) in self.pairs() {
            let name = key.string().unwrap_or_default();
            if last.is_some_and(|last| last == name) {
                return (Some(key), unordered);
            }
            if last.is_some_and(|last| last > name) && unordered.is_none() {
                unordered = Some(key);
            }
            last = Some(name);
        }
        if unordered.is_none() {
            return (None, None);
        }
        let mut keys: Vec<Value<'d>> = self.pairs().map(|(key, _)| key).collect();
        keys.sort_by_key(|key| (key.string(), key.index));
        let duplicate = keys.windows(2).find(|pair| pair[0].string() == pair[1].string()).map(|pair| pair[1]);
        (duplicate, unordered)
    }

    /// Every dictionary at or below this value.
    pub(crate) fn dictionaries(self) -> impl Iterator<Item = Value<'d>> {
        let document = self.document;
        (self.index..self.node().next as usize)
            .filter(move |&index| document.nodes[index].kind == Kind::Dictionary)
            .map(move |index| Value { document, index })
    }
}

/// The direct children of a container.
pub(crate) struct Children<'d> {
    document: &'d Document<'d>,
    at: usize,
    end: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        (self.at < self.end).then(|| {
            let value = Value { document: self.document, index: self.at };
            self.at = value.node().next as usize;
            value
        })
    }
}

fn problem(code: Code, offset: usize, message: impl Into<String>) -> Problem {
    Problem { code, offset, message: message.into() }
}

fn bad_integer(offset: usize) -> Problem {
    problem(
        Code::BadInteger,
        offset,
        "An integer is malformed: it has leading zeros, is a minus zero, or has too many digits.",
    )
}

/// How a key is shown in a message.
pub(crate) fn key_shown(key: Value<'_>) -> String {
    shown(key.string().unwrap_or_default())
}
