//! Writing back what the judge has changed: one statement for what nearly every batch writes, and one
//! more for each kind of row that few do.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;

use super::error::clash;
use super::load::Found;
use super::rows::{echo_row, member_row, side_row, token_row};
use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Link};
use crate::domain::decision::Decision;
use crate::domain::event::Event;
use crate::domain::finding::Refusal;
use crate::domain::id::{AuthorizationId, Home};
use crate::domain::party::Account;
use crate::domain::policy::{Counter, CounterKey};
use crate::domain::time::Timestamp;
use crate::ledger::books::{AppliedStep, Changes};
use crate::store::StoreError;
use crate::store::details::{chain_details, explained};
use crate::store::shards::shard;

const PURCHASES: &str = include_str!("sql/purchases_persist.sql");
const HOLDS: &str = include_str!("sql/holds_update.sql");
const LINKS: &str = include_str!("sql/links_upsert.sql");
const POSTINGS: &str = include_str!("sql/postings_insert.sql");
const STEPS: &str = include_str!("sql/intents_insert.sql");
const OVERTURNED: &str = include_str!("sql/authorizations_overturn.sql");
const SUPERSEDED: &str = include_str!("sql/decisions_supersede.sql");
const DECISIONS: &str = include_str!("sql/decisions_update.sql");

/// Events that are put together from their decisions when they are read.
const DECIDED: [&str; 3] =
    ["authorization.approved", "authorization.incremented", "authorization.declined"];

type Statement = Query<'static, Postgres, PgArguments>;

/// Writes the changes. On an error some are written and some are not: roll back.
pub(super) async fn persist(
    connection: &mut PgConnection,
    changes: &Changes<'_>,
    found: &Found,
) -> Result<(), StoreError> {
    let (old_counters, new_counters) =
        split(&changes.counters, |(key, _)| found.counters.contains(key));
    let (old_chains, new_chains) = split(&changes.chains, |chain| found.chains.contains(&chain.id));
    let made: HashMap<_, _> = changes.authorizations.iter().map(|made| (made.id, made)).collect();
    let (new_decisions, old_decisions) =
        split(&changes.decisions, |decision| made.contains_key(&decision.authorization));
    let superseded = column(&new_decisions, |decision| &decision.token)
        .into_iter()
        .filter(|token| found.decisions.contains(*token));
    let superseded: Vec<_> = superseded.map(token_row).collect();
    if !superseded.is_empty() {
        let statement = sqlx::query(SUPERSEDED).bind(superseded);
        statement.execute(&mut *connection).await.map_err(clash)?;
    }
    let purchases = accounts(sqlx::query(PURCHASES), &changes.accounts);
    let purchases = counters_changed(purchases, &old_counters);
    let purchases = counters_started(purchases, &new_counters);
    let purchases = holds_opened(purchases, &new_chains);
    let purchases = authorizations(purchases, changes.authorizations, &new_decisions);
    let few = [
        Some(events(purchases, changes.events, &made)),
        any(&old_chains).map(holds_changed),
        any(&changes.links).map(links),
        any(changes.postings).map(|_| postings(changes)),
        any(&changes.steps).map(steps),
        any(changes.overturned).map(overturned),
        any(&old_decisions).map(decisions),
    ];
    for statement in few.into_iter().flatten() {
        statement.execute(&mut *connection).await.map_err(clash)?;
    }
    Ok(())
}

/// What is there already, and what is not.
fn split<T: Clone>(items: &[T], is_old: impl Fn(&T) -> bool) -> (Vec<T>, Vec<T>) {
    items.iter().cloned().partition(is_old)
}

fn any<T>(items: &[T]) -> Option<&[T]> {
    if items.is_empty() { None } else { Some(items) }
}

/// One column of rows, as the array that a statement unnests.
fn column<'a, T, C>(rows: &'a [T], cell: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(cell).collect()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a value of the domain has no map keys that are not texts")
}

fn accounts(statement: Statement, rows: &[&Account]) -> Statement {
    statement
        .bind(column(rows, |row| row.id.uuid()))
        .bind(column(rows, |row| row.limit))
        .bind(column(rows, |row| row.funded))
        .bind(column(rows, |row| row.held))
        .bind(column(rows, |row| row.posted))
        .bind(column(rows, |row| row.version))
}

fn counters_changed(statement: Statement, rows: &[(CounterKey, Counter)]) -> Statement {
    let statement = statement
        .bind(column(rows, |(key, _)| key.limit.uuid()))
        .bind(column(rows, |(key, _)| member_row(key.member).1));
    counted(statement, rows)
}

fn counters_started(statement: Statement, rows: &[(CounterKey, Counter)]) -> Statement {
    let statement = statement
        .bind(column(rows, |(key, _)| key.limit.uuid()))
        .bind(column(rows, |(key, _)| member_row(key.member).1))
        .bind(column(rows, |(key, _)| member_row(key.member).0));
    counted(statement, rows)
}

fn counted(statement: Statement, rows: &[(CounterKey, Counter)]) -> Statement {
    statement
        .bind(column(rows, |(_, counter)| counter.window_start.as_micros()))
        .bind(column(rows, |(_, counter)| counter.amount))
        .bind(column(rows, |(_, counter)| counter.count))
}

fn holds_opened(statement: Statement, rows: &[&Chain]) -> Statement {
    statement
        .bind(column(rows, |row| row.id.uuid()))
        .bind(column(rows, |row| row.account.uuid()))
        .bind(column(rows, |row| row.card.uuid()))
        .bind(column(rows, |row| row.currency.code()))
        .bind(column(rows, |row| row.hold()))
        .bind(column(rows, |row| row.state().as_str()))
        .bind(column(rows, |row| number(row.postings)))
        .bind(column(rows, |row| row.opened_at.as_micros()))
        .bind(column(rows, |row| row.expires_at.map(Timestamp::as_micros)))
        .bind(column(rows, |row| row.last_use_at().map(Timestamp::as_micros)))
        .bind(column(rows, |row| row.merged_into.map(AuthorizationId::uuid)))
        .bind(column(rows, |row| json(&chain_details(row))))
}

fn holds_changed(rows: &[&Chain]) -> Statement {
    sqlx::query(HOLDS)
        .bind(column(rows, |row| row.id.uuid()))
        .bind(column(rows, |row| row.hold()))
        .bind(column(rows, |row| row.state().as_str()))
        .bind(column(rows, |row| number(row.postings)))
        .bind(column(rows, |row| row.opened_at.as_micros()))
        .bind(column(rows, |row| row.expires_at.map(Timestamp::as_micros)))
        .bind(column(rows, |row| row.last_use_at().map(Timestamp::as_micros)))
        .bind(column(rows, |row| row.merged_into.map(AuthorizationId::uuid)))
        .bind(column(rows, |row| json(&chain_details(row))))
}

/// The column takes no more than the half of it; no chain has so many postings.
fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn links(rows: &[(&Link, AuthorizationId)]) -> Statement {
    sqlx::query(LINKS)
        .bind(column(rows, |(link, _)| link.to_string()))
        .bind(column(rows, |(_, chain)| chain.uuid()))
}

fn postings(changes: &Changes<'_>) -> Statement {
    let rows = changes.postings;
    sqlx::query(POSTINGS)
        .bind(column(rows, |row| row.source.uuid()))
        .bind(column(rows, |row| number(row.number)))
        .bind(column(rows, |row| side_row(row.debit)))
        .bind(column(rows, |row| side_row(row.credit)))
        .bind(column(rows, |row| row.amount.minor()))
        .bind(column(rows, |row| row.amount.currency().code()))
        .bind(column(rows, |row| row.cause.as_str()))
        .bind(column(rows, |row| row.at.as_micros()))
}

fn steps(rows: &[&AppliedStep]) -> Statement {
    sqlx::query(STEPS)
        .bind(column(rows, |row| row.key.as_str()))
        .bind(column(rows, |row| row.fingerprint.to_bytes()))
        .bind(column(rows, |row| row.movement.kind.as_str()))
        .bind(column(rows, |row| row.movement.account.uuid()))
        .bind(column(rows, |row| row.movement.at.as_micros()))
        .bind(column(rows, |row| json(&*row.movement)))
}

/// Authorizations, each with the decision that it explains. (One that another message of its batch has
/// superseded has none.) In the order of their tokens: whoever writes the same ones waits in that order.
fn authorizations(
    statement: Statement,
    made: &[Authorization],
    decisions: &[&Decision],
) -> Statement {
    let decisions: HashMap<_, _> =
        decisions.iter().map(|decision| (decision.authorization, *decision)).collect();
    let mut rows: Vec<_> =
        made.iter().map(|made| (made, decisions.get(&made.id).copied())).collect();
    rows.sort_by(|(one, _), (other, _)| one.token.cmp(&other.token));
    let rows = rows.as_slice();
    let statement = statement
        .bind(column(rows, |(row, _)| row.id.uuid()))
        .bind(column(rows, |(row, _)| token_row(&row.token)))
        .bind(column(rows, |(_, made)| made.map(|made| made.fingerprint.to_bytes())))
        .bind(column(rows, |(row, _)| row.transaction.as_ref().map(token_row)))
        .bind(column(rows, |(row, _)| row.chain.map(AuthorizationId::uuid)))
        .bind(column(rows, |(row, _)| row.card.map(|card| card.uuid())))
        .bind(column(rows, |(row, _)| row.account.map(|account| account.uuid())))
        .bind(column(rows, |(row, _)| row.operation.map(|operation| operation.as_str())))
        .bind(column(rows, |(row, _)| row.amount.map(|amount| amount.minor())))
        .bind(column(rows, |(row, _)| row.amount.map(|amount| amount.currency().code())))
        .bind(column(rows, |(row, _)| row.held));
    refusals(statement, rows, |(row, made)| {
        made.map_or(row.refusal.as_ref(), |made| made.refusal.as_ref())
    })
    .bind(column(rows, |(_, made)| made.and_then(|made| made.balances.as_ref().map(json))))
    .bind(column(rows, |(_, made)| made.is_some_and(|made| made.repeated)))
    .bind(column(rows, |(row, _)| row.at.as_micros()))
    .bind(column(rows, |(row, made)| {
        made.map_or("{}".into(), |made| json(&echo_row(&made.echo, row)))
    }))
    .bind(column(rows, |(row, _)| json(&explained(row))))
}

fn overturned(rows: &[(AuthorizationId, Refusal)]) -> Statement {
    let statement = sqlx::query(OVERTURNED).bind(column(rows, |(id, _)| id.uuid()));
    refusals(statement, rows, |(_, why)| Some(why))
}

fn decisions(rows: &[&Decision]) -> Statement {
    let statement = sqlx::query(DECISIONS).bind(column(rows, |row| row.authorization.uuid()));
    refusals(statement, rows, |row| row.refusal.as_ref())
        .bind(column(rows, |row| row.balances.as_ref().map(json)))
        .bind(column(rows, |row| row.repeated))
}

/// Two columns: reason and code.
fn refusals<'a, T>(
    statement: Statement,
    rows: &'a [T],
    why: impl Fn(&'a T) -> Option<&'a Refusal>,
) -> Statement {
    statement
        .bind(column(rows, |row| why(row).map(|why| why.reason.as_str())))
        .bind(column(rows, |row| why(row).map(|why| why.code.as_str())))
}

/// What tells of an authorization of the batch is made up from it when it is read.
fn events(
    statement: Statement,
    rows: &[Event],
    made: &HashMap<AuthorizationId, &Authorization>,
) -> Statement {
    let told_by_itself = |row: &Event| {
        let id = AuthorizationId::new(Home::Business, row.id.uuid());
        !(made.contains_key(&id) && DECIDED.contains(&row.kind.as_str()))
    };
    statement
        .bind(column(rows, |row| row.id.uuid()))
        .bind(column(rows, |row| row.kind.as_str()))
        .bind(column(rows, |row| i16::try_from(row.version).unwrap_or(i16::MAX)))
        .bind(column(rows, |row| told_by_itself(row).then_some(row.key.as_str())))
        .bind(column(rows, |row| i16::from(shard(&row.key))))
        .bind(column(rows, |row| row.at.as_micros()))
        .bind(column(rows, |row| told_by_itself(row).then_some(row.payload.get())))
}
