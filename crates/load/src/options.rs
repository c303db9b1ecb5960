//! `--name value` pairs of the command line, with a default for each.

use std::collections::HashMap;
use std::str::FromStr;

/// The options that were given.
pub(crate) struct Options(HashMap<String, String>);

impl Options {
    /// Reads `--name value` pairs.
    ///
    /// # Errors
    /// A word that is no option, or an option without its value.
    pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut words = words;
        let mut found = HashMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("{word} is no option"))?;
            let value = words.next().ok_or_else(|| format!("--{name} has no value"))?;
            found.insert(name.to_owned(), value);
        }
        Ok(Self(found))
    }

    /// One option, or its default.
    ///
    /// # Errors
    /// A value that does not read as one of the wanted type.
    pub(crate) fn get<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        match self.0.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("--{name} {text} cannot be read")),
        }
    }

    /// One option that must be there.
    ///
    /// # Errors
    /// It is missing, or does not read as one of the wanted type.
    pub(crate) fn need<T: FromStr>(&self, name: &str) -> Result<T, String> {
        let text = self.0.get(name).ok_or_else(|| format!("--{name} is needed"))?;
        text.parse().map_err(|_| format!("--{name} {text} cannot be read"))
    }
}
