//! Bulk load: many new users, cards or limits in one statement, with their policy versions and events.

use std::collections::HashMap;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::PostgresStore;
use super::error::translate;
use super::outbox::now;
use super::parties::{self, CardRow, UserRow};
use super::policies::{body, subject_row};
use crate::domain::event::Event;
use crate::domain::id::{CardId, CompanyId, UserId};
use crate::domain::party::{Card, User};
use crate::domain::policy::{Limit, PolicyStamp, Scope};
use crate::domain::token::Token;
use crate::store::StoreError;
use crate::store::shards::shard;

type Stamped = Result<Vec<PolicyStamp>, StoreError>;

/// One column of rows, as the array that a statement unnests.
fn column<'a, T, C>(rows: &'a [T], cell: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(cell).collect()
}

pub(super) async fn insert_users(connection: &mut PgConnection, users: Vec<User>) -> Stamped {
    let at = now(&mut *connection).await?;
    let events: Vec<Event> = users.iter().map(|user| Event::user_created(user, at)).collect();
    let query = sqlx::query_scalar(include_str!("sql/users_load.sql"))
        .bind(column(&users, |user| user.id.uuid()))
        .bind(column(&users, |user| user.company.map(CompanyId::uuid)))
        .bind(column(&users, |user| user.marqeta_token.as_ref().map(|token| token.as_str())))
        .bind(column(&users, |user| user.first_name.as_deref()))
        .bind(column(&users, |user| user.last_name.as_deref()))
        .bind(column(&users, |user| user.email.as_deref()))
        .bind(column(&users, |user| user.role.as_deref()))
        .bind(column(&users, |user| user.status.as_str()))
        .bind(column(&users, |user| user.version))
        .bind(column(&users, |user| user.created_at.as_micros()))
        .bind(column(&users, |user| user.status_set_by.map(|setter| setter.kept(user.version))));
    let new = told(connection, query, &events).await?;
    Ok(new.into_iter().map(|id| first(Scope::User(UserId::new(id)))).collect())
}

pub(super) async fn insert_cards(connection: &mut PgConnection, cards: Vec<Card>) -> Stamped {
    let at = now(&mut *connection).await?;
    let events: Vec<Event> = cards.iter().map(|card| Event::card_issued(card, at)).collect();
    let query = sqlx::query_scalar(include_str!("sql/cards_load.sql"))
        .bind(column(&cards, |card| card.id.uuid()))
        .bind(column(&cards, |card| card.user.uuid()))
        .bind(column(&cards, |card| card.account.uuid()))
        .bind(column(&cards, |card| card.marqeta_token.as_ref().map(|token| token.as_str())))
        .bind(column(&cards, |card| card.last_four.as_deref()))
        .bind(column(&cards, |card| card.product.as_ref().map(|product| product.as_str())))
        .bind(column(&cards, |card| card.expires.map(|expires| expires.to_string())))
        .bind(column(&cards, |card| card.status.as_str()))
        .bind(column(&cards, |card| card.version))
        .bind(column(&cards, |card| card.created_at.as_micros()))
        .bind(column(&cards, |card| card.status_set_by.map(|setter| setter.kept(card.version))));
    let new = told(connection, query, &events).await?;
    Ok(new.into_iter().map(|id| first(Scope::Card(CardId::new(id)))).collect())
}

pub(super) async fn insert_limits(connection: &mut PgConnection, limits: Vec<Limit>) -> Stamped {
    let bodies: Result<Vec<String>, StoreError> = limits.iter().map(body).collect();
    let query = sqlx::query_as(include_str!("sql/limits_load.sql"))
        .bind(column(&limits, |limit| limit.id.uuid()))
        .bind(column(&limits, |limit| subject_row(limit.scope)))
        .bind(column(&limits, |limit| limit.scope.kind()))
        .bind(column(&limits, |limit| limit.version))
        .bind(bodies?);
    let new: Vec<(Uuid, i64)> = query.fetch_all(connection).await.map_err(translate)?;
    let bound: HashMap<Uuid, Scope> =
        limits.iter().map(|limit| (limit.id.uuid(), limit.scope)).collect();
    let stamp =
        |(id, version): (Uuid, i64)| Some(PolicyStamp { subject: *bound.get(&id)?, version });
    Ok(new.into_iter().filter_map(stamp).collect())
}

type Loading<'q> = sqlx::query::QueryScalar<'q, sqlx::Postgres, Uuid, sqlx::postgres::PgArguments>;

/// Binds what is told of each row, and runs the statement.
async fn told(
    connection: &mut PgConnection,
    query: Loading<'_>,
    events: &[Event],
) -> Result<Vec<Uuid>, StoreError> {
    let query = query
        .bind(column(events, |event| event.id.uuid()))
        .bind(column(events, |event| event.kind.as_str()))
        .bind(column(events, |event| i16::try_from(event.version).unwrap_or(i16::MAX)))
        .bind(column(events, |event| event.key.as_str()))
        .bind(column(events, |event| i16::from(shard(&event.key))))
        .bind(column(events, |event| event.at.as_micros()))
        .bind(column(events, |event| event.payload.get()));
    query.fetch_all(connection).await.map_err(translate)
}

const fn first(subject: Scope) -> PolicyStamp {
    PolicyStamp { subject, version: 1 }
}

impl PostgresStore {
    pub(super) async fn find_users(&self, names: Vec<Token>) -> Result<Vec<User>, StoreError> {
        let ids = ids(&names, |name| name.parse().ok().map(UserId::uuid));
        let asked = sqlx::query_as::<_, UserRow>(include_str!("sql/users_named.sql"))
            .bind(column(&names, |name| name.as_str()))
            .bind(ids);
        let rows = asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
        rows.into_iter().map(parties::user).collect()
    }

    pub(super) async fn find_cards(&self, names: Vec<Token>) -> Result<Vec<Card>, StoreError> {
        let ids = ids(&names, |name| name.parse().ok().map(CardId::uuid));
        let asked = sqlx::query_as::<_, CardRow>(include_str!("sql/cards_named.sql"))
            .bind(column(&names, |name| name.as_str()))
            .bind(ids);
        let rows = asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
        rows.into_iter().map(parties::card).collect()
    }
}

fn ids(names: &[Token], id: impl Fn(&str) -> Option<Uuid>) -> Vec<Uuid> {
    names.iter().filter_map(|name| id(name.as_str())).collect()
}
