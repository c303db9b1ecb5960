//! A second reader of bencode, plain and recursive, agrees with the scanner on what a bencoded dictionary is.
#![no_main]

use largesse_metainfo::{Limits, rewrite};
use libfuzzer_sys::fuzz_target;

/// Deeper nesting may be refused by the scanner alone.
const DEEPEST: usize = 90;

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader { bytes, at: 0, deepest: 0 };
    let is_dictionary = bytes.first() == Some(&b'd') && reader.value(0).is_some() && reader.at == bytes.len();
    match rewrite(bytes, &[], None, &Limits::default()) {
        Ok(copy) => {
            assert!(is_dictionary, "only the scanner reads it");
            let again = rewrite(&copy, &[], None, &Limits::default()).expect("what it wrote, it reads");
            assert_eq!(copy, again, "a copy of a copy is the copy");
        }
        Err(_) => {
            assert!(!is_dictionary || reader.deepest > DEEPEST, "the scanner does not read it");
        }
    }
});

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    deepest: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        self.deepest = self.deepest.max(depth);
        if depth > 2 * DEEPEST {
            return None;
        }
        match *self.bytes.get(self.at)? {
            b'i' => {
                let end = self.at + self.bytes[self.at..].iter().position(|byte| *byte == b'e')?;
                let text = std::str::from_utf8(&self.bytes[self.at + 1..end]).ok()?;
                self.at = end + 1;
                let digits = text.strip_prefix('-').unwrap_or(text);
                let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                (is_plain && (digits == "0" || !digits.starts_with('0')) && text != "-0" && text.parse::<i64>().is_ok())
                    .then_some(())
            }
            b'0'..=b'9' => {
                let colon = self.at + self.bytes[self.at..].iter().position(|byte| *byte == b':')?;
                let text = std::str::from_utf8(&self.bytes[self.at..colon]).ok()?;
                let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
                let length: usize = text.parse().ok().filter(|_| is_plain)?;
                self.at = (colon + 1).checked_add(length).filter(|end| *end <= self.bytes.len())?;
                Some(())
            }
            opening @ (b'l' | b'd') => {
                self.at += 1;
                while *self.bytes.get(self.at)? != b'e' {
                    if opening == b'd' {
                        self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit())?;
                        self.value(depth + 1)?;
                    }
                    self.value(depth + 1)?;
                }
                self.at += 1;
                Some(())
            }
            _ => None,
        }
    }
}
