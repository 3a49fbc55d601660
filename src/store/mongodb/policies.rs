//! Limits and controls, and the versions that every change of policy bumps.

use mongodb::bson::{Bson, Document, doc};
use serde::{Deserialize, Serialize};

use super::error::{clash, no_companies, refused, unreadable};
use super::narrow::{Id, Subject, key, keys};
use super::parties::Stamped;
use super::transaction::Tx;
use super::wallets::claim_all_of;
use crate::domain::id::{ControlId, LimitId};
use crate::domain::policy::{Control, Limit, LimitMode, PolicyStamp, Scope};
use crate::store::StoreError;

#[derive(Deserialize)]
struct Version {
    version: i64,
}

#[derive(Deserialize)]
struct Scoped {
    scope: Scope,
}

/// Counts a change of the subject's policy. A new subject starts at 1.
pub(super) async fn bump(tx: &mut Tx, subject: Scope) -> Stamped {
    let command = doc! {
        "findAndModify": "policy_versions",
        "query": { "_id": Subject::of(subject).key() },
        "update": { "$inc": { "version": 1_i64 } },
        "new": true,
        "upsert": true,
    };
    let found: Option<Version> = tx.find_and_modify(command).await?;
    let found =
        found.ok_or_else(|| unreadable("a policy version that was written is not there"))?;
    Ok(vec![PolicyStamp { subject, version: found.version }])
}

/// What a document refers to must be there. It is never deleted, so it need not be locked.
pub(super) async fn require(
    tx: &mut Tx,
    collection: &'static str,
    id: Bson,
) -> Result<(), StoreError> {
    let pipeline = vec![doc! { "$match": { "_id": id } }, doc! { "$project": { "_id": 1 } }];
    let found: Vec<Document> = tx.aggregate(collection, pipeline).await?;
    if found.is_empty() {
        return Err(refused(format!("what it refers to is not in {collection}")));
    }
    Ok(())
}

pub(super) async fn insert_limit(tx: &mut Tx, limit: Limit) -> Stamped {
    personal(limit.scope)?;
    // A pool counts over several wallets: from its first use on, no batch may be running that has
    // not seen it. (One that begins later does see it.)
    if let (LimitMode::Pool, Scope::User(user)) = (limit.mode, limit.scope) {
        claim_all_of(tx, user).await?;
    }
    tx.insert("limits", &[body(&limit, key(&limit.id))?]).await?;
    bump(tx, limit.scope).await
}

#[derive(Deserialize)]
struct Known {
    #[serde(rename = "_id")]
    id: Id<LimitId>,
}

/// Many limits; those that are there already stay as they are. One that somebody else inserts meanwhile is
/// a conflict, and known when this is run again.
pub(super) async fn insert_limits(tx: &mut Tx, limits: Vec<Limit>) -> Stamped {
    let ids = keys(limits.iter().map(|limit| &limit.id));
    let pipeline =
        vec![doc! { "$match": { "_id": { "$in": ids } } }, doc! { "$project": { "_id": 1 } }];
    let known: Vec<Known> = tx.aggregate("limits", pipeline).await?;
    let mut stamps = Vec::new();
    for limit in limits {
        if known.iter().all(|known| known.id.0 != limit.id) {
            stamps.extend(insert_limit(tx, limit).await.map_err(clash)?);
        }
    }
    Ok(stamps)
}

pub(super) async fn update_limit(tx: &mut Tx, limit: Limit) -> Stamped {
    let change = doc! { "amount": limit.amount, "count": limit.count, "version": limit.version };
    let command = doc! {
        "findAndModify": "limits",
        "query": { "_id": key(&limit.id), "version": limit.version.saturating_sub(1) },
        "update": { "$set": change },
    };
    let found: Option<Scoped> = tx.find_and_modify(command).await?;
    let scope = found.ok_or(StoreError::Stale)?.scope;
    // Counters of users that it no longer has: with a currency where amounts are counted, else without.
    let unkeyed = if limit.amount.is_some() { "^usr_[^/]*$" } else { "^usr_.*/" };
    let counters = doc! { "_id": counters_of(limit.id), "member": { "$regex": unkeyed } };
    let deletes = doc! { "q": counters, "limit": 0 };
    tx.write(&doc! { "delete": "counters", "deletes": [deletes] }).await?;
    bump(tx, scope).await
}

/// Keys of counters begin with the limit's id and a colon; a semicolon comes next after it.
fn counters_of(id: LimitId) -> Document {
    doc! { "$gte": format!("{id}:"), "$lt": format!("{id};") }
}

/// Removes its counters too: nothing needs them any more.
pub(super) async fn delete_limit(
    tx: &mut Tx,
    id: LimitId,
) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
    let counters = doc! { "q": { "_id": counters_of(id) }, "limit": 0 };
    tx.write(&doc! { "delete": "counters", "deletes": [counters] }).await?;
    delete(tx, "limits", key(&id)).await
}

pub(super) async fn insert_control(tx: &mut Tx, control: Control) -> Stamped {
    personal(control.scope)?;
    tx.insert("controls", &[body(&control, key(&control.id))?]).await?;
    bump(tx, control.scope).await
}

/// The whole control, unless it has changed meanwhile. Whom it binds stays.
pub(super) async fn update_control(tx: &mut Tx, control: Control) -> Stamped {
    let id = key(&control.id);
    let command = doc! {
        "findAndModify": "controls",
        "query": {
            "_id": id.clone(),
            "scope": control.scope.to_string(),
            "version": control.version.saturating_sub(1),
        },
        "update": body(&control, id)?,
    };
    let found: Option<Scoped> = tx.find_and_modify(command).await?;
    bump(tx, found.ok_or(StoreError::Stale)?.scope).await
}

pub(super) async fn delete_control(
    tx: &mut Tx,
    id: ControlId,
) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
    delete(tx, "controls", key(&id)).await
}

async fn delete(
    tx: &mut Tx,
    collection: &str,
    id: Bson,
) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
    let command = doc! { "findAndModify": collection, "query": { "_id": id }, "remove": true };
    let found: Option<Scoped> = tx.find_and_modify(command).await?;
    match found {
        Some(found) => bump(tx, found.scope).await.map(Some),
        None => Ok(None),
    }
}

fn personal(scope: Scope) -> Result<(), StoreError> {
    if matches!(scope, Scope::Company(_)) { Err(no_companies()) } else { Ok(()) }
}

/// The whole object, under its id.
fn body(value: &impl Serialize, id: Bson) -> Result<Document, StoreError> {
    let fields = mongodb::bson::serialize_to_document(value).map_err(unreadable)?;
    let mut body = doc! { "_id": id };
    body.extend(fields);
    Ok(body)
}
