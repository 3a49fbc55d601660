//! What may be asked of the list of transactions, in a query string.

use std::str::FromStr;

use super::field::{Invalid, Read};
use crate::domain::id::{CompanyId, TransactionId};
use crate::domain::money::AMOUNT_MAX_MINOR;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::domain::transaction::Status;

/// Items of a page where the caller does not say, and at most.
const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// A query, its names not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionList {
    /// Which; processed ones where the caller does not say.
    pub status: Status,
    /// Of this card.
    pub card: Option<Token>,
    /// Of this user.
    pub user: Option<Token>,
    /// Of this company.
    pub company: Option<CompanyId>,
    /// Not earlier than this.
    pub from: Option<Timestamp>,
    /// Earlier than this.
    pub to: Option<Timestamp>,
    /// Not less than this, in minor units.
    pub amount_min: Option<i64>,
    /// Not more than this, in minor units.
    pub amount_max: Option<i64>,
    /// Where the page before has ended.
    pub cursor: Option<Cursor>,
    /// Items of the page.
    pub limit: u32,
}

/// The last item of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When it took place.
    pub at: Timestamp,
    /// Its id.
    pub id: TransactionId,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at.as_micros(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (at, id) = text.split_once('.').ok_or_else(|| parameter("not a cursor"))?;
        let at: i64 = at.parse().map_err(|_| parameter("not a cursor"))?;
        let id = id.parse().map_err(|_| parameter("not a cursor"))?;
        Ok(Self { at: Timestamp::from_micros(at), id })
    }
}

impl TransactionList {
    /// Reads the parameters; each may be given once.
    pub fn parse(pairs: &[(String, String)]) -> Read<Self> {
        let mut list = Self {
            status: Status::Processed,
            card: None,
            user: None,
            company: None,
            from: None,
            to: None,
            amount_min: None,
            amount_max: None,
            cursor: None,
            limit: LIMIT,
        };
        for (at, (name, value)) in pairs.iter().enumerate() {
            if name.contains('[') {
                return Err(Invalid::new("invalid_type", "parameters are plain texts"));
            }
            if pairs.iter().take(at).any(|(earlier, _)| earlier == name) {
                return Err(parameter("a parameter is given more than once"));
            }
            list.take(name, value)?;
        }
        if list.status != Status::Processed && (list.user.is_some() || list.company.is_some()) {
            const DETAIL: &str =
                "whose a transaction is, is known once it is processed: ask by card until then";
            return Err(parameter(DETAIL));
        }
        Ok(list)
    }

    fn take(&mut self, name: &str, value: &str) -> Read<()> {
        match name {
            "status" => {
                const DETAIL: &str = "status is accepted, processed or parked";
                self.status = Status::parse(value).ok_or_else(|| parameter(DETAIL))?;
            }
            "card" => self.card = Some(id(value)?),
            "user" => self.user = Some(id(value)?),
            "company" => self.company = Some(id(value)?),
            "from" => self.from = Some(time(value)?),
            "to" => self.to = Some(time(value)?),
            "amount_min" => self.amount_min = Some(amount(value)?),
            "amount_max" => self.amount_max = Some(amount(value)?),
            "cursor" => self.cursor = Some(value.parse()?),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                self.limit = limit.ok_or_else(|| parameter("limit is from 1 to 200"))?;
            }
            _ => return Err(parameter("there is no such parameter")),
        }
        Ok(())
    }
}

fn parameter(detail: &'static str) -> Invalid {
    Invalid::new("invalid_parameter", detail)
}

fn id<T: FromStr>(value: &str) -> Read<T> {
    value.parse().map_err(|_| Invalid::new("invalid_id", "expected an id, or the platform's token"))
}

fn time(value: &str) -> Read<Timestamp> {
    const DETAIL: &str = "expected an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z";
    Timestamp::parse(value).ok_or_else(|| Invalid::new("invalid_timestamp", DETAIL))
}

fn amount(value: &str) -> Read<i64> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let found = value.parse().ok().filter(|minor| digits && *minor <= AMOUNT_MAX_MINOR);
    found.ok_or_else(|| parameter("amounts are whole numbers of minor units"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Read<TransactionList> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        TransactionList::parse(&query.iter().map(own).collect::<Vec<_>>())
    }

    #[test]
    fn parameters_are_read_and_everything_else_is_refused() {
        let list = read(&[("card", "c-1"), ("limit", "7"), ("amount_min", "10")]).unwrap();
        assert_eq!((list.limit, list.amount_min, list.status), (7, Some(10), Status::Processed));
        for (query, code) in [
            (&[("limit", "0")][..], "invalid_parameter"),
            (&[("limit", "-1")], "invalid_parameter"),
            (&[("limit", "1000000000")], "invalid_parameter"),
            (&[("limit", "abc")], "invalid_parameter"),
            (&[("limit", "1"), ("limit", "2")], "invalid_parameter"),
            (&[("cursor", "forged")], "invalid_parameter"),
            (&[("cursor", "5.txn_1")], "invalid_parameter"),
            (&[("sort", "__proto__")], "invalid_parameter"),
            (&[("card[$ne]", "1")], "invalid_type"),
            (&[("card", "a b")], "invalid_id"),
            (&[("from", "yesterday")], "invalid_timestamp"),
            (&[("amount_max", "-5")], "invalid_parameter"),
            (&[("status", "gone")], "invalid_parameter"),
            (&[("status", "parked"), ("user", "u-1")], "invalid_parameter"),
        ] {
            assert_eq!(read(query).unwrap_err().code, code, "{query:?}");
        }
    }

    #[test]
    fn a_cursor_is_read_back() {
        let id = TransactionId::new(uuid::Uuid::from_u128(7));
        let cursor = Cursor { at: Timestamp::from_micros(-5), id };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
}
