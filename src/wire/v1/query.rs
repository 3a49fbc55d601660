//! Query strings: parameters by name, each given once, none that is not known; and the cursors of
//! pages.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::field::{Invalid, Read};
use crate::domain::time::Timestamp;

/// Items of a page where the caller does not say, and at most.
pub const LIMIT: u32 = 50;
/// See [`LIMIT`].
pub const LIMIT_MAX: u32 = 200;

/// How much of a digest tells a cursor from a text that was made up.
const CHECK_BYTES: usize = 6;

/// The longest cursor, in characters.
const CURSOR_MAX: usize = 256;

/// Names and values in the order in which they were sent.
pub type Pairs = [(String, String)];

/// The parameters of a query that have not been taken yet.
pub struct Query<'a> {
    pairs: Vec<(&'a str, &'a str)>,
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOf<C> {
    /// Where the page before has ended.
    pub cursor: Option<C>,
    /// Items of the page.
    pub limit: u32,
}

impl<'a> Query<'a> {
    /// Each parameter may be given once, as a plain text.
    pub fn of(pairs: &'a Pairs) -> Read<Self> {
        for (at, (name, _)) in pairs.iter().enumerate() {
            if name.contains('[') {
                return Err(Invalid::new("invalid_type", "parameters are plain texts"));
            }
            if pairs.iter().take(at).any(|(earlier, _)| earlier == name) {
                return Err(parameter("a parameter is given more than once"));
            }
        }
        let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(Self { pairs: pairs.collect() })
    }

    /// The value of a parameter, if it is given.
    pub fn take<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Read<T>) -> Read<Option<T>> {
        let found = self.pairs.iter().position(|(given, _)| *given == name);
        found.map(|at| read(self.pairs.remove(at).1)).transpose()
    }

    /// `cursor` and `limit`. A cursor of another list, or one that we have not given out, is refused.
    pub fn page<C: FromStr + Display>(&mut self, list: &str) -> Read<PageOf<C>> {
        let cursor = self.take("cursor", |value| open(list, value))?;
        Ok(PageOf { cursor, limit: self.limit()? })
    }

    /// `limit`.
    pub fn limit(&mut self) -> Read<u32> {
        let limit = self.take("limit", |value| {
            let digits = value.bytes().all(|byte| byte.is_ascii_digit());
            let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
            limit.filter(|_| digits).ok_or_else(|| parameter("limit is from 1 to 200"))
        })?;
        Ok(limit.unwrap_or(LIMIT))
    }

    /// Nothing may be left.
    pub fn end(self) -> Read<()> {
        if self.pairs.is_empty() { Ok(()) } else { Err(parameter("there is no such parameter")) }
    }
}

/// The cursor of a page of `list` that ends at `position`.
pub fn cursor(list: &str, position: &impl Display) -> String {
    let text = position.to_string();
    let mut bytes = check(list, &text).to_vec();
    bytes.extend_from_slice(text.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open<C: FromStr>(list: &str, cursor: &str) -> Read<C> {
    let fault = || parameter("not a cursor of this list");
    if cursor.len() > CURSOR_MAX {
        return Err(fault());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| fault())?;
    let (digest, text) = bytes.split_at_checked(CHECK_BYTES).ok_or_else(fault)?;
    let text = std::str::from_utf8(text).map_err(|_| fault())?;
    if digest != check(list, text) {
        return Err(fault());
    }
    text.parse().map_err(|_| fault())
}

/// No secret: a cursor opens nothing that the list itself would not show. It tells what was damaged,
/// or belongs to another list.
fn check(list: &str, position: &str) -> [u8; CHECK_BYTES] {
    let mut hash = Sha256::new();
    hash.update(list.as_bytes());
    hash.update([0]);
    hash.update(position.as_bytes());
    hash.finalize().first_chunk::<CHECK_BYTES>().copied().unwrap_or_default()
}

/// A fault of a parameter.
pub fn parameter(detail: &'static str) -> Invalid {
    Invalid::new("invalid_parameter", detail)
}

/// An id, or the platform's token where one may stand for it; anything else is `invalid_id`.
pub fn id<T: FromStr>(value: &str) -> Read<T> {
    value.parse().map_err(|_| Invalid::new("invalid_id", "expected an id, or the platform's token"))
}

/// A point in time; anything else is `invalid_timestamp`.
pub fn time(value: &str) -> Read<Timestamp> {
    const DETAIL: &str = "expected an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z";
    Timestamp::parse(value).ok_or_else(|| Invalid::new("invalid_timestamp", DETAIL))
}

/// One word of a closed list.
pub fn word<T>(
    detail: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> impl Fn(&str) -> Read<T> {
    move |value| parse(value).ok_or_else(|| parameter(detail))
}

/// `true` or `false`.
pub fn flag(value: &str) -> Read<bool> {
    value.parse().map_err(|_| parameter("expected true or false"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::id::CardId;

    /// Pairs as a query string carries them.
    pub(in crate::wire) fn pairs(query: &[(&str, &str)]) -> Vec<(String, String)> {
        query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn page(query: &[(&str, &str)]) -> Read<PageOf<CardId>> {
        let pairs = pairs(query);
        let mut query = Query::of(&pairs)?;
        let page = query.page("cards")?;
        query.end()?;
        Ok(page)
    }

    #[test]
    fn a_page_has_50_items_unless_the_caller_says_otherwise() {
        assert_eq!(page(&[]), Ok(PageOf { cursor: None, limit: 50 }));
        assert_eq!(page(&[("limit", "200")]).map(|page| page.limit), Ok(200));
        for query in [
            &[("limit", "0")][..],
            &[("limit", "201")],
            &[("limit", "-1")],
            &[("limit", "1e2")],
            &[("limit", "+5")],
            &[("limit", "")],
            &[("limit", "1000000000")],
            &[("limit", "1"), ("limit", "1")],
            &[("sort", "__proto__")],
            &[("cursor", "")],
            &[("cursor", "forged")],
            &[("cursor", "crd_01901234567878ab8def0123456789ab")],
        ] {
            assert_eq!(page(query).unwrap_err().code, "invalid_parameter", "{query:?}");
        }
        assert_eq!(page(&[("limit[$ne]", "1")]).unwrap_err().code, "invalid_type");
    }

    #[test]
    fn a_cursor_is_read_back_by_its_own_list_and_by_no_other() {
        let id: CardId = "crd_01901234567878ab8def0123456789ab".parse().unwrap();
        let given = cursor("cards", &id);
        assert_eq!(page(&[("cursor", &given)]).map(|page| page.cursor), Ok(Some(id)));
        let foreign = cursor("users", &id);
        assert!(page(&[("cursor", &foreign)]).is_err());
        for at in 0..given.len() {
            let mut damaged = given.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).unwrap();
            assert!(page(&[("cursor", &damaged)]).is_err(), "{damaged}");
        }
    }
}
