//! Card data: what a body holds that may not be kept anywhere. Card numbers (PANs), and security
//! codes, PINs and track data by the name of their field. The scanner finds it; this says what it
//! is and takes it out.

mod issuers;
pub mod names;
pub mod number;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_names;

use std::borrow::Cow;

/// Instead of a key that was a card number. More of them are numbered: no object names a key twice.
const KEY_REMOVED: &str = "removed";

/// Instead of a value: it is as if it had not been sent.
const VALUE_REMOVED: &[u8] = b"null";

/// A text that could not be taken apart, and held card data: nothing of it is kept.
pub const TEXT_REMOVED: &str = "card data removed";

/// What was found in one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardData {
    /// Card numbers, in values and keys.
    pub numbers: u32,
    /// Security codes, PINs and track data.
    pub secrets: u32,
    /// Identifiers that have the form of a card number, or hold one. They are what others know things
    /// by: they are counted, and stay as they are.
    pub identifiers: u32,
    cuts: Vec<Cut>,
    path: Option<Vec<String>>,
}

/// A stretch of the body that must go.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cut {
    from: usize,
    to: usize,
    instead: Cow<'static, [u8]>,
}

impl CardData {
    /// Whether there is anything that may not be kept.
    pub fn must_go(&self) -> bool {
        !self.cuts.is_empty()
    }

    /// Whether there is anything to tell of.
    pub fn was_seen(&self) -> bool {
        self.must_go() || self.identifiers > 0
    }

    /// The names of the fields around what was found first, outermost first, up to the first list.
    pub fn path(&self) -> &[String] {
        self.path.as_deref().unwrap_or_default()
    }

    /// Where something was found.
    pub(super) fn under(&mut self, path: impl FnOnce() -> Vec<String>) {
        if self.must_go() {
            self.path.get_or_insert_with(path);
        }
    }

    /// The scanned body without it. Values are `null` then.
    pub fn removed_from(&self, body: &[u8]) -> Vec<u8> {
        let mut rest = Vec::with_capacity(body.len());
        let mut at = 0;
        for Cut { from, to, instead } in &self.cuts {
            rest.extend_from_slice(body.get(at..*from).unwrap_or_default());
            rest.extend_from_slice(instead);
            at = *to;
        }
        rest.extend_from_slice(body.get(at..).unwrap_or_default());
        rest
    }

    /// A value that is a card number, or holds one, from its first byte to behind its last.
    pub(super) fn number(&mut self, from: usize, to: usize) {
        self.numbers = self.numbers.saturating_add(1);
        self.cut(from, to, VALUE_REMOVED.into());
    }

    /// The same of a key.
    pub(super) fn key(&mut self, from: usize, to: usize) {
        self.numbers = self.numbers.saturating_add(1);
        let key = match self.cuts.len() {
            0 => format!("\"{KEY_REMOVED}\""),
            before => format!("\"{KEY_REMOVED}-{before}\""),
        };
        self.cut(from, to, key.into_bytes().into());
        self.under(Vec::new);
    }

    /// The value of a field that may hold nothing.
    pub(super) fn secret(&mut self, from: usize, to: usize) {
        self.secrets = self.secrets.saturating_add(1);
        self.cut(from, to, VALUE_REMOVED.into());
    }

    fn cut(&mut self, from: usize, to: usize, instead: Cow<'static, [u8]>) {
        self.cuts.push(Cut { from, to, instead });
    }

    /// An identifier.
    pub(super) fn identifier(&mut self) {
        self.identifiers = self.identifiers.saturating_add(1);
    }
}

/// Whether a text that the scanner refuses may hold card data. It can not be taken apart, so every
/// doubt counts.
pub fn may_be_in(text: &str) -> bool {
    let plain = unescaped(text);
    number::is_in(&plain) || plain.split('"').any(names::is_secret)
}

/// The text with its `\uXXXX` escapes of ASCII characters resolved, whatever they stand in.
fn unescaped(text: &str) -> Cow<'_, str> {
    let mut parts = text.split("\\u");
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return Cow::Borrowed(text);
    }
    let mut plain = first.to_owned();
    for part in parts {
        let code = part.get(..4).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(byte) if byte.is_ascii() => {
                plain.push(char::from(byte));
                plain.push_str(part.get(4..).unwrap_or_default());
            }
            _ => plain.push_str(part),
        }
    }
    Cow::Owned(plain)
}
