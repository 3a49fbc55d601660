//! Writing back what the judge has changed: one command a collection.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, doc};
use serde::Serialize;

use super::error::clash;
use super::load::Found;
use super::narrow::{Id, key, keys};
use super::outbox;
use super::rows::{self, Names};
use super::transaction::{Change, Tx};
use super::wallets::Sums;
use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Use};
use crate::domain::id::AuthorizationId;
use crate::domain::merchant::Merchant;
use crate::domain::policy::Counter;
use crate::ledger::books::{Books, Changes};
use crate::store::StoreError;

/// What names a document.
#[derive(Serialize)]
struct ById<T> {
    #[serde(rename = "_id")]
    id: T,
}

/// What a batch changes of a counter.
#[derive(Serialize)]
struct Counted {
    window_start: i64,
    amount: i64,
    count: i64,
}

impl Counted {
    fn of(counter: &Counter) -> Self {
        let window_start = counter.window_start.as_micros();
        Self { window_start, amount: counter.amount, count: counter.count }
    }
}

/// Writes the changes. On an error the transaction is over.
pub(super) async fn persist(tx: &mut Tx, books: &Books, found: &Found) -> Result<(), StoreError> {
    let changes = books.changes();
    let order = outbox::after(found.order, books.now());
    let writing = async {
        write_accounts(tx, books, order).await?;
        write(tx, &changes, found, order).await
    };
    writing.await.map_err(clash)
}

async fn write(
    tx: &mut Tx,
    changes: &Changes<'_>,
    found: &Found,
    order: i64,
) -> Result<(), StoreError> {
    write_counters(tx, changes, found).await?;
    write_chains(tx, changes, found).await?;
    write_decisions(tx, changes, found).await?;
    let postings: Vec<_> = changes.postings.iter().map(rows::posting).collect();
    tx.insert("postings", &postings).await?;
    let steps: Vec<_> = changes.steps.iter().map(|step| rows::step(step)).collect();
    tx.insert("intents", &steps).await?;
    let events = changes.events.iter().zip(0..);
    let events: Vec<_> =
        events.map(|(event, number)| outbox::event(event, order, number)).collect();
    tx.insert("outbox", &events).await
}

/// Every account of the batch, changed or not: a batch that another has overtaken on one of them is a
/// conflict here at the latest, and the orders of its events are its own.
async fn write_accounts(tx: &mut Tx, books: &Books, order: i64) -> Result<(), StoreError> {
    let ids = keys(books.accounts().map(|account| &account.id));
    let rows: Vec<_> = books.accounts().map(|account| Sums::of(account, order)).collect();
    tx.set("wallets", &ids, &rows).await
}

async fn write_counters(
    tx: &mut Tx,
    changes: &Changes<'_>,
    found: &Found,
) -> Result<(), StoreError> {
    let (old, new): (Vec<_>, Vec<_>) =
        changes.counters.iter().partition(|(key, _)| found.counters.contains(key));
    let new: Vec<_> = new.into_iter().map(|(key, counter)| rows::counter(key, counter)).collect();
    tx.insert("counters", &new).await?;
    let ids: Vec<_> = old.iter().map(|(key, _)| Bson::from(rows::counter_key(key))).collect();
    let rows: Vec<_> = old.iter().map(|(_, counter)| Counted::of(counter)).collect();
    tx.set("counters", &ids, &rows).await
}

async fn write_chains(tx: &mut Tx, changes: &Changes<'_>, found: &Found) -> Result<(), StoreError> {
    let (old, new): (Vec<_>, Vec<_>) =
        changes.chains.iter().partition(|chain| found.chains.contains(&chain.id));
    let new: Vec<_> = new.into_iter().map(|chain| rows::hold(chain)).collect();
    tx.insert("holds", &new).await?;
    let old: Vec<_> = old.into_iter().map(replacement).collect();
    tx.update("holds", &old).await?;
    let links = changes.links.iter().map(|(link, chain)| {
        let row = rows::LinkRow { link: link.to_string(), chain: Id(*chain) };
        Change { q: ById { id: row.link.clone() }, u: row, upsert: true }
    });
    tx.update("links", &links.collect::<Vec<_>>()).await
}

fn replacement(
    chain: &Chain,
) -> Change<ById<Id<AuthorizationId>>, rows::HoldRow<&Merchant, &[Use]>> {
    Change { q: ById { id: Id(chain.id) }, u: rows::hold(chain), upsert: false }
}

async fn write_decisions(
    tx: &mut Tx,
    changes: &Changes<'_>,
    found: &Found,
) -> Result<(), StoreError> {
    let made: Vec<_> = changes.authorizations.iter().map(rows::authorization).collect();
    tx.insert("authorizations", &made).await?;
    tx.update("authorizations", &overturned(changes)).await?;
    let names = names(changes.authorizations);
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for decision in &changes.decisions {
        let made = names.get(&decision.authorization).cloned();
        match found.decisions.get(&decision.token) {
            Some(stored) => {
                let row = rows::decision(decision, made.unwrap_or_else(|| stored.clone()));
                let q = ById { id: decision.token.clone() };
                old.push(Change { q, u: row, upsert: false });
            }
            None => new.push(rows::decision(decision, made.unwrap_or_default())),
        }
    }
    tx.insert("decisions", &new).await?;
    tx.update("decisions", &old).await
}

/// What the batch's own authorizations are known by.
fn names(made: &[Authorization]) -> HashMap<AuthorizationId, Names> {
    let names =
        |made: &Authorization| Names { transaction: made.transaction.clone(), chain: made.chain };
    made.iter().map(|made| (made.id, names(made))).collect()
}

fn overturned(changes: &Changes<'_>) -> Vec<Change<Document, Document>> {
    let change = |(id, refusal): &(AuthorizationId, crate::domain::finding::Refusal)| {
        let set = doc! { "reason": refusal.reason.as_str(), "code": refusal.code.as_str() };
        Change { q: doc! { "_id": key(id) }, u: doc! { "$set": set }, upsert: false }
    };
    changes.overturned.iter().map(change).collect()
}
