//! Duplicate keys: each object's keys are compared with their escapes resolved. Small objects as
//! they grow, by a cheap tag; large ones by sorting when they end, so that nothing is quadratic.

use std::borrow::Cow;

use super::{KEYS_MAX, ScanError};

/// Up to this many keys, an object is checked key by key.
const SMALL: usize = 64;

/// Room for an ordinary message, so that its keys are kept in one piece of memory.
const ROOM: usize = 64;

/// The keys of the objects that are still open, outermost first.
pub(super) struct Keys<'a> {
    tags: Vec<u64>,
    texts: Vec<Cow<'a, str>>,
    seen: usize,
}

impl Default for Keys<'_> {
    fn default() -> Self {
        Self { tags: Vec::with_capacity(ROOM), texts: Vec::with_capacity(ROOM), seen: 0 }
    }
}

impl<'a> Keys<'a> {
    /// How many keys are kept: where the keys of an object that opens now will begin.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The key that was read last, of those that are kept: what is being read is its value, or an
    /// item of its list.
    pub(super) fn last(&self) -> &str {
        self.texts.last().map_or("", |key| key)
    }

    /// The key behind which the keys of a deeper object begin.
    pub(super) fn before(&self, from: usize) -> &str {
        from.checked_sub(1).and_then(|at| self.texts.get(at)).map_or("", |key| key)
    }

    /// Adds a key to the innermost object, whose keys begin at `from`.
    pub(super) fn push(&mut self, from: usize, key: Cow<'a, str>) -> Result<(), ScanError> {
        if self.seen == KEYS_MAX {
            return Err(ScanError::TooManyFields);
        }
        self.seen += 1;
        let tag = tag(key.as_bytes());
        if self.len() - from < SMALL && self.has(from, tag, &key) {
            return Err(ScanError::DuplicateKey);
        }
        self.tags.push(tag);
        self.texts.push(key);
        Ok(())
    }

    /// Ends the innermost object, whose keys begin at `from`, and forgets them.
    pub(super) fn close(&mut self, from: usize) -> Result<(), ScanError> {
        let keys = self.texts.get_mut(from..).unwrap_or_default();
        if keys.len() > SMALL {
            keys.sort_unstable();
            if keys.array_windows().any(|[one, other]| one == other) {
                return Err(ScanError::DuplicateKey);
            }
        }
        self.tags.truncate(from);
        self.texts.truncate(from);
        Ok(())
    }

    fn has(&self, from: usize, tag: u64, key: &str) -> bool {
        let tags = self.tags.get(from..).unwrap_or_default();
        // Two passes: the first is branch-free, and nearly always enough.
        tags.iter().fold(false, |found, known| found | (*known == tag))
            && tags
                .iter()
                .zip(self.texts.iter().skip(from))
                .any(|(t, text)| *t == tag && text == key)
    }
}

/// Equal for equal keys; seldom for others. Length, first and last eight bytes, or four, or up to three.
#[inline]
fn tag(key: &[u8]) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let four = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    let (first, last) = if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        (four(first), four(last))
    } else {
        let at = |place: usize| u64::from(key.get(place).copied().unwrap_or_default());
        (at(0) | at(1) << 8 | at(2) << 16, 0)
    };
    (first ^ last.rotate_left(32)).wrapping_mul(SPREAD) ^ key.len() as u64
}
