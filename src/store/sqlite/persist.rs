//! Writing back what the judge has changed: one bulk statement a table.

use sqlx::sqlite::SqliteConnection;

use super::encode::{Row, Rows};
use super::error::clash;
use super::load::Found;
use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::decision::Decision;
use crate::domain::event::Event;
use crate::domain::finding::Refusal;
use crate::domain::policy::{Counter, CounterKey};
use crate::domain::time::Timestamp;
use crate::ledger::books::{AppliedStep, Changes};
use crate::store::StoreError;
use crate::store::details::{chain_details, explained};
use crate::store::shards::shard;

/// Writes the changes. On an error some are written and some are not: roll back.
pub(super) async fn persist(
    connection: &mut SqliteConnection,
    changes: &Changes<'_>,
    found: &Found,
) -> Result<(), StoreError> {
    let (old_counters, new_counters) =
        split(&changes.counters, |(key, _)| found.counters.contains(key));
    let (old_chains, new_chains) = split(&changes.chains, |chain| found.chains.contains(&chain.id));
    let (old_decisions, new_decisions) =
        split(&changes.decisions, |decision| found.decisions.contains(&decision.token));
    let mut bulk = Bulk { connection };
    bulk.narrow(include_str!("sql/accounts_update.sql"), accounts(changes)).await?;
    bulk.narrow(include_str!("sql/counters_update.sql"), counters(&old_counters)).await?;
    bulk.narrow(include_str!("sql/counters_insert.sql"), counters(&new_counters)).await?;
    bulk.wide(include_str!("sql/holds_update.sql"), holds(&old_chains)).await?;
    bulk.wide(include_str!("sql/holds_insert.sql"), holds(&new_chains)).await?;
    bulk.narrow(include_str!("sql/links_upsert.sql"), links(changes)).await?;
    bulk.narrow(include_str!("sql/postings_insert.sql"), postings(changes)).await?;
    bulk.wide(include_str!("sql/intents_insert.sql"), steps(changes)).await?;
    bulk.wide(include_str!("sql/authorizations_insert.sql"), authorizations(changes)).await?;
    bulk.narrow(include_str!("sql/authorizations_overturn.sql"), overturned(changes)).await?;
    bulk.wide(include_str!("sql/decisions_update.sql"), decisions(&old_decisions)).await?;
    bulk.wide(include_str!("sql/decisions_insert.sql"), decisions(&new_decisions)).await?;
    bulk.wide(include_str!("sql/outbox_insert.sql"), events(changes)).await
}

/// What is there already, and what is not.
fn split<T: Clone>(items: &[T], is_old: impl Fn(&T) -> bool) -> (Vec<T>, Vec<T>) {
    items.iter().cloned().partition(is_old)
}

struct Bulk<'c> {
    connection: &'c mut SqliteConnection,
}

impl Bulk<'_> {
    async fn narrow(&mut self, sql: &'static str, rows: Option<Rows>) -> Result<(), StoreError> {
        let Some(rows) = rows else { return Ok(()) };
        let query = sqlx::query(sql).bind(rows.into_array());
        query.execute(&mut *self.connection).await.map(drop).map_err(clash)
    }

    async fn wide(&mut self, sql: &'static str, rows: Option<Rows>) -> Result<(), StoreError> {
        let Some(rows) = rows else { return Ok(()) };
        let (narrow, wide) = rows.into_arguments();
        let query = sqlx::query(sql).bind(narrow).bind(wide);
        query.execute(&mut *self.connection).await.map(drop).map_err(clash)
    }
}

/// The rows of a table; `None` where there are none.
fn rows<T>(items: &[T], encode: impl Fn(&mut Row<'_>, &T)) -> Option<Rows> {
    if items.is_empty() {
        return None;
    }
    Some(Rows::of(items, |mut row, item| encode(&mut row, item)))
}

fn accounts(changes: &Changes<'_>) -> Option<Rows> {
    rows(&changes.accounts, |row, account| {
        row.plain(account.id).number(account.limit).number(account.funded);
        row.number(account.held).number(account.posted).number(account.version);
    })
}

fn counters(counters: &[(CounterKey, Counter)]) -> Option<Rows> {
    rows(counters, |row, (key, counter)| {
        row.plain(key.limit).plain(key.member).number(counter.window_start.as_micros());
        row.number(counter.amount).number(counter.count);
    })
}

fn holds(chains: &[&Chain]) -> Option<Rows> {
    rows(chains, |row, chain| {
        row.plain(chain.id).plain(chain.account).plain(chain.card).plain(chain.currency);
        row.number(chain.hold()).plain(chain.state().as_str()).number(chain.postings);
        row.number(chain.opened_at.as_micros());
        row.maybe_number(chain.expires_at.map(Timestamp::as_micros));
        row.maybe_number(chain.last_use_at().map(Timestamp::as_micros));
        row.maybe_plain(chain.merged_into);
        row.wide(&chain_details(chain));
    })
}

fn links(changes: &Changes<'_>) -> Option<Rows> {
    rows(&changes.links, |row, (link, chain)| {
        row.plain(link).plain(chain);
    })
}

fn postings(changes: &Changes<'_>) -> Option<Rows> {
    rows(changes.postings, |row, posting| {
        row.plain(posting.source).number(posting.number);
        row.plain(posting.debit).plain(posting.credit);
        row.number(posting.amount.minor()).plain(posting.amount.currency());
        row.plain(posting.cause.as_str()).number(posting.at.as_micros());
    })
}

fn steps(changes: &Changes<'_>) -> Option<Rows> {
    rows(&changes.steps, |row, step: &&AppliedStep| {
        let movement = &step.movement;
        row.text(&step.key).plain(step.fingerprint).plain(movement.kind.as_str());
        row.plain(movement.account).number(movement.at.as_micros()).wide(&**movement);
    })
}

fn authorizations(changes: &Changes<'_>) -> Option<Rows> {
    rows(changes.authorizations, |row, authorization: &Authorization| {
        row.plain(authorization.id).plain(&authorization.token);
        row.maybe_plain(authorization.transaction.as_ref()).maybe_plain(authorization.chain);
        row.maybe_plain(authorization.card).maybe_plain(authorization.account);
        row.maybe_plain(authorization.operation.map(|operation| operation.as_str()));
        row.maybe_number(authorization.amount.map(|amount| amount.minor()));
        row.maybe_plain(authorization.amount.map(|amount| amount.currency()));
        row.number(authorization.held);
        refusal(row, authorization.refusal.as_ref());
        row.number(authorization.at.as_micros()).wide(&explained(authorization));
    })
}

fn overturned(changes: &Changes<'_>) -> Option<Rows> {
    rows(changes.overturned, |row, (id, why)| {
        row.plain(id);
        refusal(row, Some(why));
    })
}

fn decisions(decisions: &[&Decision]) -> Option<Rows> {
    rows(decisions, |row, decision| {
        row.plain(&decision.token).plain(decision.fingerprint).plain(decision.authorization);
        refusal(row, decision.refusal.as_ref());
        row.json(decision.balances.as_ref());
        row.number(decision.repeated).number(decision.at.as_micros()).wide(&decision.echo);
    })
}

fn refusal(row: &mut Row<'_>, refusal: Option<&Refusal>) {
    row.maybe_plain(refusal.map(|refusal| refusal.reason.as_str()));
    match refusal {
        Some(refusal) => row.text(refusal.code.as_str()),
        None => row.maybe_plain(None::<&str>),
    };
}

fn events(changes: &Changes<'_>) -> Option<Rows> {
    rows(changes.events, |row, event: &Event| {
        row.plain(event.id).plain(&event.kind).number(event.version);
        row.text(&event.key).number(shard(&event.key));
        row.number(event.at.as_micros()).wide(&event.payload);
    })
}
