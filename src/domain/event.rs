//! Events: one shape for the outbox, queues and the live feed. What each type tells is in
//! `docs/events.md`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::finding::Refusal;
use super::id::{AccountId, AuthorizationId, CardId, CompanyId, EventId, Home, UserId};
use super::money::Money;
use super::party::{Card, CardStatus, User, UserStatus};
use super::request::Operation;
use super::time::Timestamp;
use super::token::Token;

/// The version of every payload below.
pub const EVENT_VERSION: u16 = 1;

/// Something that happened, told in the transaction in which it happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What happened: `authorization.approved`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of the payload's shape.
    pub version: u16,
    /// Events of one key keep their order.
    pub key: String,
    /// When it happened.
    pub at: Timestamp,
    /// The details, one JSON object. Never personal data.
    pub payload: Box<serde_json::value::RawValue>,
}

impl Event {
    /// An event of the present version.
    pub fn new(
        id: EventId,
        kind: &str,
        key: String,
        at: Timestamp,
        payload: &impl Serialize,
    ) -> Self {
        let payload = serde_json::value::to_raw_value(payload)
            .unwrap_or_else(|_| serde_json::value::RawValue::NULL.to_owned());
        Self { id, kind: kind.to_owned(), version: EVENT_VERSION, key, at, payload }
    }

    /// A card has been created.
    pub fn card_issued(card: &Card, at: Timestamp) -> Self {
        let payload = CardIssued {
            card: card.id,
            user: card.user,
            account: card.account,
            marqeta_token: card.marqeta_token.as_ref(),
            product: card.product.as_ref(),
            status: card.status,
            card_version: card.version,
        };
        let id = further_id(card.id.uuid(), 1);
        Self::new(id, "card.issued", card.id.to_string(), at, &payload)
    }

    /// A card has another status; `None` where it has the one it had.
    pub fn card_state_changed(card: &Card, from: CardStatus, at: Timestamp) -> Option<Self> {
        let payload = CardStateChanged {
            card: card.id,
            user: card.user,
            account: card.account,
            from,
            to: card.status,
            card_version: card.version,
        };
        // A card has version 1 when it is issued, and one more with each change.
        let id = further_id(card.id.uuid(), u64::try_from(card.version).unwrap_or_default());
        let told = || Self::new(id, "card.state_changed", card.id.to_string(), at, &payload);
        (card.status != from).then(told)
    }

    /// A user has been created.
    pub fn user_created(user: &User, at: Timestamp) -> Self {
        let payload = UserCreated {
            user: user.id,
            home: user.home(),
            company: user.company,
            marqeta_token: user.marqeta_token.as_ref(),
            status: user.status,
        };
        let id = further_id(user.id.uuid(), 1);
        Self::new(id, "user.created", user.id.to_string(), at, &payload)
    }
}

/// What is told of a decision. A store that keeps the decision need not keep this as well.
#[derive(Serialize)]
pub struct Decided<'a> {
    /// Which.
    pub authorization: AuthorizationId,
    /// The request's own.
    pub token: &'a Token,
    /// What was asked for.
    pub operation: Option<Operation>,
    /// The purchase that it is part of.
    pub chain: Option<AuthorizationId>,
    /// The card, where there is one.
    pub card: Option<CardId>,
    /// The account, where there is one.
    pub account: Option<AccountId>,
    /// What was asked for, where it could be read.
    pub amount: Option<Money>,
    /// What it holds, in minor units.
    pub held: i64,
    /// Why it was declined.
    pub refusal: Option<&'a Refusal>,
}

impl Decided<'_> {
    /// Events of one account keep their order.
    pub fn key(&self) -> String {
        let authorization = || self.authorization.to_string();
        self.account.map_or_else(authorization, |account| account.to_string())
    }
}

#[derive(Serialize)]
struct CardIssued<'a> {
    card: CardId,
    user: UserId,
    account: AccountId,
    marqeta_token: Option<&'a Token>,
    product: Option<&'a Token>,
    status: CardStatus,
    card_version: i64,
}

#[derive(Serialize)]
struct CardStateChanged {
    card: CardId,
    user: UserId,
    account: AccountId,
    from: CardStatus,
    to: CardStatus,
    card_version: i64,
}

#[derive(Serialize)]
struct UserCreated<'a> {
    user: UserId,
    home: Home,
    company: Option<CompanyId>,
    marqeta_token: Option<&'a Token>,
    status: UserStatus,
}

/// The id of the `number`th event beside the thing that `source` names: the same whenever it is told,
/// and nobody else's.
pub fn further_id(source: Uuid, number: u64) -> EventId {
    let (high, low) = source.as_u64_pair();
    // Spread by the finisher of splitmix64, so that neighbours do not meet.
    let mut mixed = low ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let variant = (mixed >> 2) | (1 << 63);
    EventId::new(Uuid::from_u64_pair(high, variant))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn further_ids_are_uuids_of_the_same_time_and_never_meet() {
        let source = |n: u128| Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n);
        let ids = (0..2_000).flat_map(|n| (0..5).map(move |number| further_id(source(n), number)));
        let ids: HashSet<EventId> = ids.collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.uuid().get_version_num() == 7));
        assert_eq!(further_id(source(1), 1), further_id(source(1), 1));
    }
}
