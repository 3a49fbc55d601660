//! Events as they are read from the outbox: those of decisions are put together from the decisions' own
//! rows.

use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::error::unreadable;
use super::rows::{account_id, authorization_id, money, packed_token, reason, word};
use crate::domain::event::{Decided, Event};
use crate::domain::id::{CardId, EventId};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::details::refusal;
use crate::store::outbox::{Place, Sifted, Unreadable, Waiting};

/// What tells of a decision that was a decline.
const DECLINED: &str = "authorization.declined";

/// `outbox`, with the row in `authorizations` of an event that has no payload of its own.
pub(super) struct EventRow {
    shard: i16,
    seq: i64,
    id: Uuid,
    kind: String,
    version: i16,
    at: i64,
    key: Option<String>,
    payload: Option<String>,
    token: Option<Vec<u8>>,
    operation: Option<String>,
    chain_id: Option<Uuid>,
    card_id: Option<Uuid>,
    account_id: Option<Uuid>,
    amount: Option<i64>,
    currency: Option<String>,
    held: Option<i64>,
    reason: Option<String>,
    code: Option<String>,
}

/// By place, as `outbox_oldest.sql` names them: every event is read through here, and eighteen names
/// would be looked up in each row.
impl FromRow<'_, PgRow> for EventRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            shard: row.try_get(0)?,
            seq: row.try_get(1)?,
            id: row.try_get(2)?,
            kind: row.try_get(3)?,
            version: row.try_get(4)?,
            at: row.try_get(5)?,
            key: row.try_get(6)?,
            payload: row.try_get(7)?,
            token: row.try_get(8)?,
            operation: row.try_get(9)?,
            chain_id: row.try_get(10)?,
            card_id: row.try_get(11)?,
            account_id: row.try_get(12)?,
            amount: row.try_get(13)?,
            currency: row.try_get(14)?,
            held: row.try_get(15)?,
            reason: row.try_get(16)?,
            code: row.try_get(17)?,
        })
    }
}

impl EventRow {
    fn place(&self) -> Result<Place, StoreError> {
        let shard = self.shard.try_into().map_err(unreadable)?;
        Ok(Place { shard, order: self.seq, number: 0 })
    }

    /// Whether it can be read or not.
    pub(super) fn sift_into(self, sifted: &mut Sifted) -> Result<(), StoreError> {
        let (place, id) = (self.place()?, EventId::new(self.id).to_string());
        let row = self.stored();
        match self.waiting() {
            Ok(waiting) => sifted.waiting.push(waiting),
            Err(error) => {
                let (row, error) = (row.to_string(), error.cause());
                sifted.unreadable.push(Unreadable { place, id, row, error });
            }
        }
        Ok(())
    }

    /// All that is stored of it, whatever that is.
    fn stored(&self) -> serde_json::Value {
        let token = self.token.as_deref().map(|bytes| {
            packed_token(bytes).map_or_else(|_| format!("{bytes:02x?}"), |token| token.to_string())
        });
        serde_json::json!({
            "id": self.id.to_string(), "kind": self.kind, "version": self.version, "at": self.at, "key": self.key,
            "payload": self.payload, "token": token, "operation": self.operation,
            "chain_id": self.chain_id, "card_id": self.card_id,
            "account_id": self.account_id, "amount": self.amount, "currency": self.currency,
            "held": self.held, "reason": self.reason, "code": self.code,
        })
    }

    /// The event, and where it waits.
    pub(super) fn waiting(self) -> Result<Waiting, StoreError> {
        let place = self.place()?;
        let version = self.version.try_into().map_err(unreadable)?;
        let (id, at) = (EventId::new(self.id), Timestamp::from_micros(self.at));
        let event = match (self.key, self.payload) {
            (Some(key), Some(payload)) => {
                let payload = serde_json::value::RawValue::from_string(payload);
                let payload = payload.map_err(unreadable)?;
                Event { id, kind: self.kind, version, key, at, payload }
            }
            _ => {
                let missing = || unreadable(format!("{id} tells of a decision that is not there"));
                let token = packed_token(&self.token.ok_or_else(missing)?)?;
                let declined = self.kind == DECLINED;
                let why = refusal(reason(self.reason.as_deref())?, self.code);
                let payload = Decided {
                    authorization: authorization_id(self.id),
                    token: &token,
                    operation: self.operation.as_deref().map(word).transpose()?,
                    chain: self.chain_id.map(authorization_id),
                    card: self.card_id.map(CardId::new),
                    account: self.account_id.map(account_id),
                    amount: money(self.amount, self.currency.as_deref())?,
                    held: self.held.ok_or_else(missing)?,
                    refusal: why.as_ref().filter(|_| declined),
                };
                let event = Event::new(id, &self.kind, payload.key(), at, &payload);
                Event { version, ..event }
            }
        };
        Ok(Waiting { place, event })
    }
}
