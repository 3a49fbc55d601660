//! Starting the counters of young limits from what has been used in their windows.

use std::collections::HashMap;

use mongodb::bson::{Document, doc};

use super::narrow::{key, keys};
use super::parties::CardRow;
use super::rows::HoldRow;
use super::transaction::Tx;
use crate::domain::chain::Chain;
use crate::domain::id::{CardId, UserId};
use crate::domain::policy::{CounterKey, Member};
use crate::domain::time::Timestamp;
use crate::ledger::books::Books;
use crate::ledger::wanted::Wanted;
use crate::store::StoreError;

/// Starts those that are wanted, have no row and count in a window that is older than they are.
pub(super) async fn seed(
    tx: &mut Tx,
    books: &mut Books,
    wanted: &Wanted,
) -> Result<(), StoreError> {
    let unseeded = books.unseeded(wanted);
    if unseeded.is_empty() {
        return Ok(());
    }
    let owners = owners(tx, &unseeded).await?;
    let chains = chains(tx, &unseeded, &owners).await?;
    for (key, since) in unseeded {
        let Some(want) = wanted.counters.get(&key) else { continue };
        let used = chains.iter().filter(|chain| is_of(key.member, chain.card, &owners));
        let used = used.filter(|chain| chain.last_use_at() >= Some(since));
        let used = used.map(|chain| (chain.currency, &chain.merchant, chain.uses.as_slice()));
        books.seed_counter(key, want, used);
    }
    Ok(())
}

fn is_of(member: Member, card: CardId, owners: &HashMap<CardId, UserId>) -> bool {
    match member {
        Member::Card(id) => id == card,
        Member::User(id, _) => owners.get(&card) == Some(&id),
        Member::Company(_) => false,
    }
}

/// All cards of the users that are counted as a whole.
async fn owners(
    tx: &mut Tx,
    unseeded: &[(CounterKey, Timestamp)],
) -> Result<HashMap<CardId, UserId>, StoreError> {
    let users = unseeded.iter().filter_map(|(key, _)| match key.member {
        Member::User(id, _) => Some(id),
        Member::Card(_) | Member::Company(_) => None,
    });
    let users: Vec<UserId> = users.collect();
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let pipeline = vec![doc! { "$match": { "user": { "$in": keys(&users) } } }];
    let rows: Vec<CardRow> = tx.aggregate("personal_cards", pipeline).await?;
    Ok(rows.into_iter().map(|row| (row.id(), row.user.0)).collect())
}

/// The chains of every card that is counted, used since its earliest window began.
async fn chains(
    tx: &mut Tx,
    unseeded: &[(CounterKey, Timestamp)],
    owners: &HashMap<CardId, UserId>,
) -> Result<Vec<Chain>, StoreError> {
    let mut since: HashMap<CardId, Timestamp> = HashMap::new();
    let mut want = |card: CardId, from: Timestamp| {
        since.entry(card).and_modify(|since| *since = from.min(*since)).or_insert(from);
    };
    for (key, from) in unseeded {
        match key.member {
            Member::Card(card) => want(card, *from),
            Member::User(user, _) => {
                let cards = owners.iter().filter(|(_, owner)| **owner == user);
                cards.for_each(|(card, _)| want(*card, *from));
            }
            Member::Company(_) => {}
        }
    }
    let of = |(card, since): (&CardId, &Timestamp)| {
        doc! { "card": key(card), "last_use_at": { "$gte": since.as_micros() } }
    };
    let filters: Vec<Document> = since.iter().map(of).collect();
    if filters.is_empty() {
        return Ok(Vec::new());
    }
    let pipeline = vec![doc! { "$match": { "$or": filters } }];
    let rows: Vec<HoldRow> = tx.aggregate("holds", pipeline).await?;
    Ok(rows.into_iter().map(|row| row.chain().0).collect())
}
