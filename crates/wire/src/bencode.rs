//! Bencode as a tracker writes it: straight into the reply, keys in the order that they are written.

/// Writes a string.
pub fn string(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(value.len().to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(value);
}

/// Writes an integer.
pub fn integer(value: u64, out: &mut Vec<u8>) {
    out.push(b'i');
    out.extend_from_slice(value.to_string().as_bytes());
    out.push(b'e');
}

/// Writes a key and an integer.
pub fn integer_entry(key: &str, value: u64, out: &mut Vec<u8>) {
    string(key.as_bytes(), out);
    integer(value, out);
}

/// Writes a key and a string.
pub fn string_entry(key: &str, value: &[u8], out: &mut Vec<u8>) {
    string(key.as_bytes(), out);
    string(value, out);
}
