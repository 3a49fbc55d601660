//! The memory cache: hits, floors, cascades, compare and set.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::clock::tests::StillClock;
use crate::domain::facts::{CardFacts, Cardholder, CompanyFacts, Facts, LimitFacts, UserFacts};
use crate::domain::id::{
    AccountId, AuthorizationId, CardId, CompanyId, Home, TransactionId, UserId,
};
use crate::domain::merchant::Merchant;
use crate::domain::money::{Currency, Money};
use crate::domain::party::{CardStatus, CompanyStatus, UserStatus};
use crate::domain::policy::{PolicyStamp, Scope};
use crate::domain::time::{Timestamp, Zone};
use crate::domain::token::Token;
use crate::domain::transaction::{Record, Transaction};

use super::FactsCache;
use super::memory::{MemoryCache, MemoryLimits};

pub(crate) fn memory() -> MemoryCache {
    let limits = MemoryLimits {
        entries_max: 1000,
        user_ttl: Duration::from_secs(60),
        card_ttl: Duration::from_secs(60),
        limits_ttl: Duration::from_secs(60),
    };
    MemoryCache::new(limits, Arc::<StillClock>::default())
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(crate) fn token(text: &str) -> Token {
    text.parse().unwrap()
}

/// Versions of company, user and card.
type Versions = (i64, i64, i64);

pub(crate) fn card_at((company, user, card): Versions) -> Arc<CardFacts> {
    let company = CompanyFacts {
        id: CompanyId::new(id(1)),
        status: CompanyStatus::Active,
        policy_version: company,
    };
    let owner = UserFacts {
        id: UserId::new(id(2)),
        marqeta_token: Some(token("user")),
        status: UserStatus::Active,
        company: Some(company),
        policy_version: user,
    };
    Arc::new(CardFacts {
        id: CardId::new(id(3)),
        marqeta_token: Some(token("card")),
        status: CardStatus::Active,
        expires: None,
        owner,
        account: AccountId::new(Home::Business, id(4)),
        currency: Currency::parse("USD").unwrap(),
        zone: Zone::utc(),
        policy_version: card,
    })
}

fn limits_at(versions: Versions) -> Arc<LimitFacts> {
    Arc::new(LimitFacts { stamps: card_at(versions).stamps().collect(), ..LimitFacts::default() })
}

pub(crate) fn card_floor(version: i64) -> PolicyStamp {
    PolicyStamp { subject: Scope::Card(CardId::new(id(3))), version }
}

fn company_floor(version: i64) -> PolicyStamp {
    PolicyStamp { subject: Scope::Company(CompanyId::new(id(1))), version }
}

/// A company's, the how many-th.
pub(crate) fn transaction(number: u128) -> Arc<Transaction> {
    let usd = Currency::parse("USD").unwrap();
    let record = Record {
        transaction_id: token(&format!("t-{number}")),
        card: token("card"),
        amount: Money::new(1_050, usd),
        kind: "purchase".into(),
        occurred_at: Timestamp::from_micros(1_790_000_000_000_001),
        merchant: Merchant { name: Some("Chez \"Léa\"".into()), ..Merchant::default() },
        authorization: "purchase-7".parse().ok(),
        metadata: Some(r#"{"note":"é \"quoted\"","n":1.50}"#.into()),
    };
    Arc::new(Transaction {
        id: TransactionId::new(id(number)),
        record,
        card: CardId::new(id(3)),
        user: UserId::new(id(2)),
        company: Some(CompanyId::new(id(1))),
        account: AccountId::new(Home::Business, id(4)),
        authorization: Some(AuthorizationId::new(Home::Business, id(5))),
        received_at: Timestamp::from_micros(1_790_000_000_000_002),
        processed_at: Timestamp::from_micros(1_790_000_000_000_003),
    })
}

#[test]
fn what_is_kept_is_found_until_a_change_makes_it_old() {
    let (cache, reference) = (memory(), token("card"));
    assert_eq!(cache.card(&reference), None);
    cache.keep_card(&reference, &card_at((1, 1, 1)));
    assert_eq!(cache.card(&reference), Some(card_at((1, 1, 1))));
    cache.raise_floor(card_floor(2));
    assert_eq!(cache.card(&reference), None);
    cache.keep_card(&reference, &card_at((1, 1, 2)));
    assert_eq!(cache.card(&reference), Some(card_at((1, 1, 2))));
}

#[test]
fn a_slow_reader_that_puts_the_old_value_back_is_never_served() {
    // S-03: the reader misses and reads version 1; the writer commits version 2; the reader fills.
    let (cache, reference) = (memory(), token("card"));
    let read_before = card_at((1, 1, 1));
    cache.raise_floor(card_floor(2));
    cache.keep_card(&reference, &read_before);
    assert_eq!(cache.card(&reference), None, "version 1 is never visible");

    // The same where version 2 was filled in between: the old fill does not replace it.
    cache.keep_card(&reference, &card_at((1, 1, 2)));
    cache.keep_card(&reference, &read_before);
    assert_eq!(cache.card(&reference), Some(card_at((1, 1, 2))));
}

#[test]
fn a_company_s_floor_covers_its_users_cards_and_limits() {
    let cache = memory();
    let old = card_at((1, 5, 5));
    cache.keep_card(&token("card"), &old);
    cache.keep_user(&token("user"), &Arc::new(old.owner.clone()));
    cache.keep_limits(old.id, None, &limits_at((1, 5, 5)));
    assert!(cache.card(&token("card")).is_some());
    cache.raise_floor(company_floor(2));
    assert_eq!(cache.card(&token("card")), None);
    assert_eq!(cache.user(&token("user")), None);
    assert_eq!(cache.limits(old.id), None);
}

#[test]
fn other_subjects_floors_do_not_matter() {
    let (cache, reference) = (memory(), token("card"));
    cache.keep_card(&reference, &card_at((1, 1, 1)));
    cache.raise_floor(PolicyStamp { subject: Scope::Card(CardId::new(id(99))), version: 7 });
    cache.raise_floor(PolicyStamp { subject: Scope::Program, version: 7 });
    assert!(cache.card(&reference).is_some() && cache.card(&reference).is_some());
}

#[test]
fn outdated_facts_are_forgotten_under_all_their_names_but_newer_ones_stay() {
    let cache = memory();
    let stale = card_at((1, 1, 1));
    let own_id = token(&stale.id.to_string());
    let facts = Facts {
        cardholder: Cardholder::Known(Arc::new(stale.owner.clone())),
        card: Some(Arc::clone(&stale)),
        limits: limits_at((1, 1, 1)),
    };
    cache.keep_card(&token("card"), &stale);
    cache.keep_card(&own_id, &card_at((1, 1, 2)));
    cache.keep_user(&token("user"), &Arc::new(stale.owner.clone()));
    cache.keep_limits(stale.id, None, &limits_at((1, 1, 1)));
    cache.forget(&facts);
    assert_eq!(cache.card(&token("card")), None);
    assert_eq!(cache.user(&token("user")), None);
    assert_eq!(cache.limits(stale.id), None);
    assert_eq!(cache.card(&own_id), Some(card_at((1, 1, 2))));
}
