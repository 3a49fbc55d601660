//! What may be asked of the list of transactions, in a query string.

use std::str::FromStr;

use super::field::Read;
use super::query::{self, Pairs, Query, id, parameter, time};
use crate::domain::id::{CompanyId, TransactionId};
use crate::domain::money::AMOUNT_MAX_MINOR;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::domain::transaction::Status;

/// What cursors of this list are marked with.
pub const NAME: &str = "transactions";

/// A query, its names not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionList {
    /// Which; processed ones where the caller does not say.
    pub status: Status,
    /// Of this card.
    pub card: Option<Token>,
    /// Of this user. Whose one is that is not processed, is told by its card.
    pub user: Option<Token>,
    /// Of this company, in the same way.
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

/// The text is not a position in this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCursor;

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
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let (at, id) = text.split_once('.').ok_or(NoCursor)?;
        let at: i64 = at.parse().map_err(|_| NoCursor)?;
        let id = id.parse().map_err(|_| NoCursor)?;
        Ok(Self { at: Timestamp::from_micros(at), id })
    }
}

impl TransactionList {
    /// Reads the parameters; each may be given once.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        const STATUSES: &str = "status is accepted, processed or parked";
        let mut query = Query::of(pairs)?;
        let page = query.page(NAME)?;
        let status = query.take("status", query::word(STATUSES, Status::parse))?;
        let list = Self {
            status: status.unwrap_or(Status::Processed),
            card: query.take("card", id)?,
            user: query.take("user", id)?,
            company: query.take("company", id)?,
            from: query.take("from", time)?,
            to: query.take("to", time)?,
            amount_min: query.take("amount_min", amount)?,
            amount_max: query.take("amount_max", amount)?,
            cursor: page.cursor,
            limit: page.limit,
        };
        query.end()?;
        Ok(list)
    }
}

fn amount(value: &str) -> Read<i64> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let found = value.parse().ok().filter(|minor| digits && *minor <= AMOUNT_MAX_MINOR);
    found.ok_or_else(|| parameter("amounts are whole numbers of minor units"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::query::tests::pairs;

    fn read(query: &[(&str, &str)]) -> Read<TransactionList> {
        TransactionList::parse(&pairs(query))
    }

    #[test]
    fn parameters_are_read_and_everything_else_is_refused() {
        let list = read(&[("card", "c-1"), ("limit", "7"), ("amount_min", "10")]).unwrap();
        assert_eq!((list.limit, list.amount_min, list.status), (7, Some(10), Status::Processed));
        let list = read(&[("status", "parked"), ("user", "u-1")]).unwrap();
        assert_eq!((list.status, list.user.is_some()), (Status::Parked, true));
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
