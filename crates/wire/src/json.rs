//! JSON as `WebTorrent` peers send it: walked over in place, without a tree, so that parts of it can be relayed as they came.

/// Deepest nesting that is read.
const DEEPEST: usize = 16;

/// Walks over JSON text. Every step returns None at the first thing that is not JSON.
pub(crate) struct Scanner<'m> {
    text: &'m [u8],
    at: usize,
}

impl<'m> Scanner<'m> {
    pub(crate) fn new(text: &'m str) -> Self {
        Self { text: text.as_bytes(), at: 0 }
    }

    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// The text is used up, and none of it was refused.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.space();
        (self.at == self.text.len() && self.at > 0).then_some(())
    }

    /// Leaves the scanner where no end is, when a part was refused.
    fn refuse(&mut self, outcome: Option<()>) -> Option<()> {
        if outcome.is_none() {
            self.at = usize::MAX;
        }
        outcome
    }

    /// Reads an object: `each` gets every name, with its quotes, and reads the value.
    pub(crate) fn object(&mut self, mut each: impl FnMut(&mut Self, &'m [u8]) -> Option<()>) -> Option<()> {
        let outcome = (|| {
            if !self.take(b'{') {
                return None;
            }
            if self.take(b'}') {
                return Some(());
            }
            loop {
                self.space();
                let name = self.string()?;
                if !self.take(b':') {
                    return None;
                }
                each(self, name)?;
                if !self.take(b',') {
                    return self.take(b'}').then_some(());
                }
            }
        })();
        self.refuse(outcome)
    }

    /// Reads an array: `each` reads every value.
    pub(crate) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let outcome = (|| {
            if !self.take(b'[') {
                return None;
            }
            if self.take(b']') {
                return Some(());
            }
            loop {
                each(self)?;
                if !self.take(b',') {
                    return self.take(b']').then_some(());
                }
            }
        })();
        self.refuse(outcome)
    }

    /// Passes over one value and returns its text.
    pub(crate) fn value(&mut self) -> Option<&'m [u8]> {
        self.space();
        let start = self.at;
        self.pass(0)?;
        self.text.get(start..self.at)
    }

    fn pass(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            b'{' => self.object(|scanner, _| scanner.pass(depth + 1)),
            b'[' => self.array(|scanner| scanner.pass(depth + 1)),
            b'"' => self.string().map(|_| ()),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.numeral(),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_there = self.text.get(self.at..)?.starts_with(word);
        self.at += word.len();
        is_there.then_some(())
    }

    /// Passes over a string and returns it with its quotes.
    fn string(&mut self) -> Option<&'m [u8]> {
        let start = self.at;
        if self.text.get(start) != Some(&b'"') {
            return None;
        }
        self.at += 1;
        loop {
            self.at += plain(&self.text[self.at..]);
            match *self.text.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return self.text.get(start..self.at);
                }
                b'\\' => match *self.text.get(self.at + 1)? {
                    b'u' => {
                        let digits = self.text.get(self.at + 2..self.at + 6)?;
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        self.at += 6;
                    }
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
                    _ => return None,
                },
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    fn digits(&mut self) -> Option<usize> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Some(self.at - start).filter(|length| *length > 0)
    }

    fn numeral(&mut self) -> Option<()> {
        self.at += usize::from(self.text.get(self.at) == Some(&b'-'));
        let is_zero = self.text.get(self.at) == Some(&b'0');
        if self.digits()? > 1 && is_zero {
            return None;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }
}

/// How many bytes at the start are certainly nothing but text of a string, eight at a time: a session description is long.
fn plain(text: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // The high bit of a byte below `bound`; a borrow may only mark more bytes after the first one that is.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH;
    let chunks = text.as_chunks::<8>().0;
    let is_plain = |chunk: &&[u8; 8]| {
        let word = u64::from_le_bytes(**chunk);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        (below(word, 0x20) | quote | backslash) == 0
    };
    chunks.iter().take_while(is_plain).count() * 8
}

/// The number of a value, None where it is none or negative.
pub(crate) fn number(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.parse().ok().or_else(|| {
        // Numbers of JavaScript may come with a fraction or an exponent; what is negative is no count of bytes.
        text.parse::<f64>().ok().filter(|number| *number >= 0.0).map(|number| {
            #[allow(clippy::cast_sign_loss)] // Checked above; too large a number becomes the largest.
            {
                number as u64
            }
        })
    })
}

/// The 20 bytes of a string of 20 characters up to U+00FF.
pub(crate) fn twenty(value: &[u8]) -> Option<[u8; 20]> {
    let mut inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?.iter().copied();
    let mut bytes = [0; 20];
    let mut length = 0;
    while let Some(byte) = inner.next() {
        let byte = match byte {
            b'\\' => match inner.next()? {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'u' => {
                    let mut code = 0;
                    for _ in 0..4 {
                        code = code << 4 | (inner.next()? as char).to_digit(16)?;
                    }
                    u8::try_from(code).ok()?
                }
                other => other,
            },
            0xc2 => inner.next()?,
            0xc3 => inner.next()? | 0x40,
            0x80.. => return None,
            plain => plain,
        };
        *bytes.get_mut(length)? = byte;
        length += 1;
    }
    (length == 20).then_some(bytes)
}

/// Writes bytes as a JSON string of characters up to U+00FF.
pub(crate) fn binary(bytes: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            0x80.. => out.extend_from_slice(&[0xc0 | byte >> 6, 0x80 | byte & 0x3f]),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}
