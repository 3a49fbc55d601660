//! Policy facts, one statement each: what is read together is of one moment.

use std::sync::Arc;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Executor, Postgres, Row};
use uuid::Uuid;

use super::PostgresStore;
use super::error::{translate, unreadable};
use super::policies::subject_row;
use super::rows::{account_id, currency, json, maybe_token, word};
use crate::domain::facts::{CardFacts, CompanyFacts, LimitFacts, UserFacts};
use crate::domain::id::{CardId, CompanyId, UserId};
use crate::domain::policy::{PolicyStamp, Scope};
use crate::domain::time::{Expiry, Zone};
use crate::domain::token::Token;
use crate::store::refresh::FactsReader;
use crate::store::{FactsStore, StoreError, StoreFuture};

const USER: &str = include_str!("sql/user_facts_find.sql");
const CARD: &str = include_str!("sql/card_facts_find.sql");
const LIMITS: &str = include_str!("sql/limit_facts_find.sql");
const KNOWN: &str = include_str!("sql/references_known.sql");

impl FactsStore for PostgresStore {
    fn user<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(async move { user(&mut self.reader().await?, reference.as_str()).await })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(async move { card(&mut self.reader().await?, reference.as_str()).await })
    }

    fn limits<'a>(&'a self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(async move { limits(&mut self.reader().await?, card).await })
    }
}

/// Reads in the transaction of a batch.
pub(super) struct Reader<'c>(pub(super) &'c mut PgConnection);

impl FactsReader for Reader<'_> {
    fn user<'a>(&'a mut self, reference: &'a str) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(user(&mut *self.0, reference))
    }

    fn card<'a>(&'a mut self, reference: &'a str) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(card(&mut *self.0, reference))
    }

    fn limits<'a>(&'a mut self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(limits(&mut *self.0, card))
    }

    fn known<'a>(
        &'a mut self,
        cards: Vec<&'a Token>,
        users: Vec<&'a Token>,
    ) -> StoreFuture<'a, (Vec<Token>, Vec<Token>)> {
        Box::pin(known(self.0, cards, users))
    }
}

async fn user(
    connection: impl Executor<'_, Database = Postgres>,
    reference: &str,
) -> Result<Option<Arc<UserFacts>>, StoreError> {
    let id: Option<UserId> = reference.parse().ok();
    let asked = sqlx::query(USER).bind(reference).bind(id.map(UserId::uuid));
    let row = asked.fetch_optional(connection).await.map_err(translate)?;
    row.map(|row| user_facts(&row).map(Arc::new)).transpose()
}

async fn card(
    connection: impl Executor<'_, Database = Postgres>,
    reference: &str,
) -> Result<Option<Arc<CardFacts>>, StoreError> {
    let id: Option<CardId> = reference.parse().ok();
    let asked = sqlx::query(CARD).bind(reference).bind(id.map(CardId::uuid));
    let row = asked.fetch_optional(connection).await.map_err(translate)?;
    row.map(|row| card_facts(&row).map(Arc::new)).transpose()
}

fn get<'r, T>(row: &'r PgRow, name: &str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(name).map_err(translate)
}

fn user_facts(row: &PgRow) -> Result<UserFacts, StoreError> {
    Ok(UserFacts {
        id: UserId::new(get(row, "id")?),
        marqeta_token: maybe_token(get(row, "marqeta_token")?)?,
        status: word(get(row, "status")?)?,
        company: company_facts(row)?,
        policy_version: get(row, "version")?,
    })
}

fn company_facts(row: &PgRow) -> Result<Option<CompanyFacts>, StoreError> {
    let Some(id) = get::<Option<Uuid>>(row, "company_id")? else { return Ok(None) };
    Ok(Some(CompanyFacts {
        id: CompanyId::new(id),
        status: word(get(row, "company_status")?)?,
        policy_version: get(row, "company_version")?,
    }))
}

fn card_facts(row: &PgRow) -> Result<CardFacts, StoreError> {
    let expires: Option<&str> = get(row, "expires")?;
    let zone: Option<&str> = get(row, "zone")?;
    Ok(CardFacts {
        id: CardId::new(get(row, "card_id")?),
        marqeta_token: maybe_token(get(row, "card_token")?)?,
        status: word(get(row, "card_status")?)?,
        expires: expires.map(expiry).transpose()?,
        owner: user_facts(row)?,
        account: account_id(get(row, "account_id")?),
        currency: currency(get(row, "currency")?)?,
        zone: zone.map_or_else(|| Ok(Zone::utc()), self::zone)?,
        policy_version: get(row, "card_version")?,
    })
}

pub(super) fn expiry(text: &str) -> Result<Expiry, StoreError> {
    Expiry::parse(text).ok_or_else(|| unreadable("not a month"))
}

pub(super) fn zone(name: &str) -> Result<Zone, StoreError> {
    Zone::parse(name).ok_or_else(|| unreadable("not a time zone"))
}

/// What binds a card, narrowest scope first.
async fn limits(
    connection: impl Executor<'_, Database = Postgres>,
    card: &CardFacts,
) -> Result<Arc<LimitFacts>, StoreError> {
    let company = card.owner.company.as_ref().map(|company| Scope::Company(company.id));
    let scopes = [Some(Scope::Card(card.id)), Some(Scope::User(card.owner.id)), company];
    let scopes: Vec<Scope> = scopes.into_iter().flatten().chain([Scope::Program]).collect();
    let subjects: Vec<Uuid> = scopes.iter().map(|scope| subject_row(*scope)).collect();
    let asked = sqlx::query_as(LIMITS).bind(subjects);
    type Texts = Option<Vec<String>>;
    let (limits, controls, numbers, versions): (Texts, Texts, Option<Vec<i64>>, Option<Vec<i64>>) =
        asked.fetch_one(connection).await.map_err(translate)?;
    let mut facts = LimitFacts {
        limits: limits.iter().flatten().map(|body| json(body)).collect::<Result<_, _>>()?,
        controls: controls.iter().flatten().map(|body| json(body)).collect::<Result<_, _>>()?,
        stamps: Vec::new(),
    };
    for (number, version) in numbers.into_iter().flatten().zip(versions.into_iter().flatten()) {
        facts.stamps.push(PolicyStamp { subject: *super::load::at(&scopes, number)?, version });
    }
    facts.limits.sort_by_key(|limit| (limit.scope, limit.window, limit.id));
    facts.controls.sort_by_key(|control| (control.scope, control.id));
    facts.stamps.sort_by_key(|stamp| stamp.subject);
    Ok(Arc::new(facts))
}

/// Which of these references, unknown when they were looked up, are known now.
async fn known(
    connection: &mut PgConnection,
    cards: Vec<&Token>,
    users: Vec<&Token>,
) -> Result<(Vec<Token>, Vec<Token>), StoreError> {
    let card_ids = cards.iter().filter_map(|card| card.as_str().parse::<CardId>().ok());
    let user_ids = users.iter().filter_map(|user| user.as_str().parse::<UserId>().ok());
    let asked = sqlx::query_as(KNOWN)
        .bind(cards.iter().map(|card| card.as_str()).collect::<Vec<_>>())
        .bind(card_ids.map(CardId::uuid).collect::<Vec<_>>())
        .bind(users.iter().map(|user| user.as_str()).collect::<Vec<_>>())
        .bind(user_ids.map(UserId::uuid).collect::<Vec<_>>());
    type Found = (Option<Vec<String>>, Option<Vec<Uuid>>);
    let (cards, card_ids, users, user_ids): (
        Option<Vec<String>>,
        Option<Vec<Uuid>>,
        Option<Vec<String>>,
        Option<Vec<Uuid>>,
    ) = asked.fetch_one(connection).await.map_err(translate)?;
    let tokens = |(texts, ids): Found, name: fn(Uuid) -> String| {
        let ids = ids.into_iter().flatten().map(name);
        texts.into_iter().flatten().chain(ids).map(|text| super::rows::token(&text)).collect()
    };
    let cards: Result<_, StoreError> = tokens((cards, card_ids), |id| CardId::new(id).to_string());
    let users: Result<_, StoreError> = tokens((users, user_ids), |id| UserId::new(id).to_string());
    Ok((cards?, users?))
}
