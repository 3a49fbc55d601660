//! The body scanner: every door runs it before serde, because serde skips ignored values without
//! looking at their depth, their encoding or their keys, and keeps the last of two equal keys.
//!
//! It checks structure only; what the fields mean is for the reader behind it. But it sees every text,
//! and so it is who finds card data.

mod keys;
mod text;

#[cfg(test)]
mod tests;

use super::card_data::names::{self, Held};
use super::card_data::{CardData, number};
use keys::Keys;
use text::Text;

/// How deep objects and arrays may nest; the body itself is the first level.
pub const DEPTH_MAX: usize = 16;

/// The longest string or key, in bytes, after its escapes have been resolved.
pub const STRING_BYTES_MAX: usize = 1024;

/// The longest number literal, in characters.
pub const NUMBER_LEN_MAX: usize = 64;

/// How many keys a body may have, all its objects taken together.
pub const KEYS_MAX: usize = 2000;

/// Why a body is refused. The message names the cause and the cure, never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.detail())]
pub enum ScanError {
    /// Nothing, or nothing but white space.
    EmptyBody,
    /// Another JSON value.
    NotAnObject,
    /// Against the grammar, cut off, or with something behind the object.
    MalformedJson,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// Half of a surrogate pair.
    InvalidUnicode,
    /// U+0000 in a string.
    InvalidCharacters,
    /// The same key twice in one object, however it is escaped.
    DuplicateKey,
    /// More than [`DEPTH_MAX`] levels.
    TooDeep,
    /// More than [`KEYS_MAX`] keys.
    TooManyFields,
    /// More than [`STRING_BYTES_MAX`] bytes.
    StringTooLong,
    /// More than [`NUMBER_LEN_MAX`] characters.
    NumberTooLong,
}

impl ScanError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::EmptyBody => "empty_body",
            Self::NotAnObject => "not_an_object",
            Self::MalformedJson => "malformed_json",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidUnicode => "invalid_unicode",
            Self::InvalidCharacters => "invalid_characters",
            Self::DuplicateKey => "duplicate_key",
            Self::TooDeep => "too_deep",
            Self::TooManyFields => "too_many_fields",
            Self::StringTooLong => "string_too_long",
            Self::NumberTooLong => "invalid_amount",
        }
    }

    /// One sentence for a person.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::EmptyBody => "the body is empty; send one JSON object",
            Self::NotAnObject => "the body must be one JSON object",
            Self::MalformedJson => "the body is not well-formed JSON",
            Self::InvalidUtf8 => "the body is not valid UTF-8",
            Self::InvalidUnicode => "a string holds an unpaired surrogate",
            Self::InvalidCharacters => "a string holds the character U+0000",
            Self::DuplicateKey => "an object names the same key twice",
            Self::TooDeep => "objects and arrays nest deeper than 16 levels",
            Self::TooManyFields => "the body has more than 2000 keys",
            Self::StringTooLong => "a string or key is longer than 1024 bytes",
            Self::NumberTooLong => "a number is longer than 64 characters",
        }
    }
}

/// Accepts a body that is one well-formed JSON object, and nothing else: UTF-8, strict grammar in
/// every value, no duplicate keys, bounded in every direction. Never recurses. What is accepted may
/// still hold card data, which must be taken out before it is kept or passed on.
pub fn scan(body: &[u8]) -> Result<CardData, ScanError> {
    let text = std::str::from_utf8(body).map_err(|_| ScanError::InvalidUtf8)?;
    let mut scanner = Scanner {
        text: Text::new(text),
        keys: Keys::default(),
        level: LEVEL,
        outer: [LEVEL; DEPTH_MAX],
        depth: 0,
        found: CardData::default(),
        secret: Secret::None,
    };
    match scanner.text.next_token() {
        Some(b'{') => scanner.body().map(|()| scanner.found),
        None => Err(ScanError::EmptyBody),
        Some(b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => Err(ScanError::NotAnObject),
        Some(_) => Err(ScanError::MalformedJson),
    }
}

/// An object or array that is still open.
#[derive(Clone, Copy)]
struct Level {
    is_object: bool,
    /// Where its keys begin among those that are kept.
    keys_from: usize,
}

const LEVEL: Level = Level { is_object: false, keys_from: 0 };

impl Level {
    const fn end(self) -> u8 {
        if self.is_object { b'}' } else { b']' }
    }
}

/// Whether what comes is the value of a field that may hold nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secret {
    None,
    /// Its key has just been read.
    Next,
    /// It is an object or array that began there, on this level.
    Within {
        from: usize,
        depth: usize,
    },
}

struct Scanner<'a> {
    text: Text<'a>,
    keys: Keys<'a>,
    /// What is open innermost.
    level: Level,
    /// What is open around it; the first stands for none.
    outer: [Level; DEPTH_MAX],
    depth: usize,
    found: CardData,
    secret: Secret,
}

impl Scanner<'_> {
    /// The whole body, from behind its first brace.
    fn body(&mut self) -> Result<(), ScanError> {
        let mut next = self.open(true, 0)?;
        while let Some(byte) = next {
            let first = if self.level.is_object { self.key(byte)? } else { byte };
            let from = self.text.at() - 1;
            next = match first {
                b'{' | b'[' => self.open(first == b'{', from)?,
                _ => {
                    self.plain_value(first, from)?;
                    self.next()?
                }
            };
        }
        match self.text.next_token() {
            None => Ok(()),
            Some(_) => Err(ScanError::MalformedJson),
        }
    }

    /// Begins an object or array. The first byte of what is in it, or [`Self::next`] if nothing is.
    fn open(&mut self, is_object: bool, from: usize) -> Result<Option<u8>, ScanError> {
        let outer = self.outer.get_mut(self.depth).ok_or(ScanError::TooDeep)?;
        *outer = self.level;
        self.level = Level { is_object, keys_from: self.keys.len() };
        if self.secret == Secret::Next {
            self.secret = Secret::Within { from, depth: self.depth };
        }
        self.depth += 1;
        let byte = self.token()?;
        if byte == self.level.end() {
            self.close()?;
            return self.next();
        }
        Ok(Some(byte))
    }

    /// Behind a value: ends what ends here. The first byte of the next member or item, if there is one.
    fn next(&mut self) -> Result<Option<u8>, ScanError> {
        while self.depth > 0 {
            match self.token()? {
                b',' => return self.token().map(Some),
                byte if byte == self.level.end() => self.close()?,
                _ => return Err(ScanError::MalformedJson),
            }
        }
        Ok(None)
    }

    fn token(&mut self) -> Result<u8, ScanError> {
        self.text.next_token().ok_or(ScanError::MalformedJson)
    }

    /// The key of a member, and what stands between it and its value; the first byte of that.
    fn key(&mut self, first: u8) -> Result<u8, ScanError> {
        if first != b'"' {
            return Err(ScanError::MalformedJson);
        }
        let from = self.text.at() - 1;
        let key = self.text.string()?;
        if self.secret == Secret::None {
            if may_hold_number(&key) && number::is_in(&key) {
                self.found.key(from, self.text.at());
            }
            if names::is_secret(&key) {
                self.secret = Secret::Next;
            }
        }
        self.keys.push(self.level.keys_from, key)?;
        match self.token()? {
            b':' => self.token(),
            _ => Err(ScanError::MalformedJson),
        }
    }

    /// A value that is no object or array, and that begins with this byte.
    fn plain_value(&mut self, first: u8, from: usize) -> Result<(), ScanError> {
        match first {
            b'"' => {
                let text = self.text.string()?;
                self.look_at(&text, from);
            }
            b'-' | b'0'..=b'9' => {
                let literal = self.text.number()?;
                self.look_at(literal, from);
            }
            b't' => self.text.word("rue")?,
            b'f' => self.text.word("alse")?,
            b'n' => self.text.word("ull")?,
            _ => return Err(ScanError::MalformedJson),
        }
        // A word (`null`, `true`) tells nothing of a card.
        if self.secret == Secret::Next {
            self.secret = Secret::None;
        }
        Ok(())
    }

    /// A text or number that has just been read.
    fn look_at(&mut self, text: &str, from: usize) {
        match self.secret {
            Secret::Next if !text.is_empty() && !self.is_masked(text) => {
                self.found.secret(from, self.text.at());
            }
            Secret::None if may_hold_number(text) && number::is_in(text) => {
                // A key that was a card number itself names nothing.
                let key = self.keys.last();
                if !names::is_identifier(key) || number::is_in(key) {
                    self.found.number(from, self.text.at());
                } else {
                    self.found.identifier();
                }
            }
            _ => {}
        }
        self.say_where();
    }

    /// Whether so little of a card number is left that it is none. The platform sends such.
    fn is_masked(&self, text: &str) -> bool {
        number::is_masked(text) && names::held(self.keys.last()) == Some(Held::Number)
    }

    /// Names the fields around the first find, while they are known.
    fn say_where(&mut self) {
        let Self { keys, level, outer, depth, found, .. } = self;
        found.under(|| {
            let outer = outer.get(1..*depth).unwrap_or_default();
            let open = || outer.iter().chain((*depth > 0).then_some(&*level));
            let inner = open().skip(1).map(|level| keys.before(level.keys_from));
            let names = inner.chain([keys.last()]);
            let objects = open().take_while(|level| level.is_object);
            objects.zip(names).map(|(_, name)| name.to_owned()).collect()
        });
    }

    fn close(&mut self) -> Result<(), ScanError> {
        if self.level.is_object {
            self.keys.close(self.level.keys_from)?;
        }
        self.depth -= 1;
        self.level = self.outer.get(self.depth).copied().unwrap_or(LEVEL);
        if let Secret::Within { from, depth } = self.secret
            && depth == self.depth
        {
            self.found.secret(from, self.text.at());
            self.secret = Secret::None;
            self.say_where();
        }
        Ok(())
    }
}

/// Shorter texts are not looked at any further.
const fn may_hold_number(text: &str) -> bool {
    text.len() >= number::DIGITS_MIN
}
