//! The cursor: white space, strings with their escapes, numbers, words.

use std::borrow::Cow;

use super::{NUMBER_LEN_MAX, STRING_BYTES_MAX, ScanError};

/// Text, and how far it has been read. Positions only ever stand behind an ASCII byte.
pub(super) struct Text<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// How far it has been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space; `None` at the end.
    pub(super) fn next_token(&mut self) -> Option<u8> {
        loop {
            let byte = self.text.as_bytes().get(self.at).copied()?;
            self.at += 1;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
        }
    }

    /// What is left of `true`, `false` or `null` behind its first letter.
    pub(super) fn word(&mut self, rest: &str) -> Result<(), ScanError> {
        if !self.rest().starts_with(rest.as_bytes()) {
            return Err(ScanError::MalformedJson);
        }
        self.at += rest.len();
        Ok(())
    }

    /// A number whose first character has just been read; its literal.
    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    pub(super) fn number(&mut self) -> Result<&'a str, ScanError> {
        self.at -= 1;
        let from = self.at;
        self.skip(b"-");
        let leading_zero = self.peek() == Some(b'0');
        if self.digits()? > 1 && leading_zero {
            return Err(ScanError::MalformedJson);
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        let literal = self.text.get(from..self.at).unwrap_or_default();
        if literal.len() > NUMBER_LEN_MAX { Err(ScanError::NumberTooLong) } else { Ok(literal) }
    }

    /// How many digits come next; there must be one.
    fn digits(&mut self) -> Result<usize, ScanError> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(ScanError::MalformedJson) } else { Ok(count) }
    }

    /// Whether one of these came next. Then it is behind us.
    fn skip(&mut self, bytes: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// A string whose opening quote has just been read; its text, with escapes resolved.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, ScanError> {
        let plain = self.plain();
        let text = match self.next_byte()? {
            b'"' => Cow::Borrowed(plain),
            b'\\' => Cow::Owned(self.escaped(plain)?),
            _ => return Err(ScanError::MalformedJson),
        };
        if text.len() > STRING_BYTES_MAX { Err(ScanError::StringTooLong) } else { Ok(text) }
    }

    /// The rest of a string that begins with `plain`, from behind its first backslash.
    #[cold]
    fn escaped(&mut self, plain: &str) -> Result<String, ScanError> {
        let mut text = plain.to_owned();
        loop {
            text.push(self.escape()?);
            text.push_str(self.plain());
            match self.next_byte()? {
                b'"' => return Ok(text),
                b'\\' => {}
                _ => return Err(ScanError::MalformedJson),
            }
        }
    }

    /// As much of a string as needs no second look.
    #[inline]
    fn plain(&mut self) -> &'a str {
        let from = self.at;
        self.at += plain_len(self.rest());
        self.text.get(from..self.at).unwrap_or_default()
    }

    fn escape(&mut self) -> Result<char, ScanError> {
        Ok(match self.next_byte()? {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(ScanError::MalformedJson),
        })
    }

    fn unicode(&mut self) -> Result<char, ScanError> {
        let unit = self.hex()?;
        if unit == 0 {
            return Err(ScanError::InvalidCharacters);
        }
        if !(0xd800..0xe000).contains(&unit) {
            return char::from_u32(unit).ok_or(ScanError::InvalidUnicode);
        }
        if unit >= 0xdc00 || !self.rest().starts_with(b"\\u") {
            return Err(ScanError::InvalidUnicode);
        }
        self.at += 2;
        let low = self.hex()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(ScanError::InvalidUnicode);
        }
        let joined = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        char::from_u32(joined).ok_or(ScanError::InvalidUnicode)
    }

    fn hex(&mut self) -> Result<u32, ScanError> {
        let digits = self.rest().first_chunk::<4>().ok_or(ScanError::MalformedJson)?;
        let unit = digits
            .iter()
            .try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?));
        self.at += digits.len();
        unit.ok_or(ScanError::MalformedJson)
    }

    fn next_byte(&mut self) -> Result<u8, ScanError> {
        let byte = self.peek().ok_or(ScanError::MalformedJson)?;
        self.at += 1;
        Ok(byte)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

/// How many bytes come before the first that ends a plain stretch: eight at a time, then one by one.
fn plain_len(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut len: usize = 0;
    for word in words {
        let ends = ends_plain(u64::from_le_bytes(*word));
        if ends != 0 {
            return len + ends.trailing_zeros() as usize / 8;
        }
        len += word.len();
    }
    len + rest.iter().take_while(|byte| !ENDS_PLAIN[usize::from(**byte)]).count()
}

/// The highest bit of the first byte that ends a plain stretch, of eight. (Bits of later bytes may be
/// set as well: a difference borrows from the byte behind it.)
fn ends_plain(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero_in(word ^ (ONES * b'"' as u64));
    let backslash = zero_in(word ^ (ONES * b'\\' as u64));
    (control | quote | backslash) & (ONES << 7)
}

/// The bytes that end a plain stretch of a string: the quote, the backslash, control characters.
const ENDS_PLAIN: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        ends[byte] = true;
        byte += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};
