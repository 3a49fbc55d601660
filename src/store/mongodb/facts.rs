//! Policy facts, one pipeline each: what is read together is of one moment.

use std::sync::Arc;

use mongodb::bson::{Bson, Document, doc};
use serde::Deserialize;

use super::MongoStore;
use super::narrow::{Narrow, Subject, key};
use super::parties::{CardRow, UserRow};
use super::read::Reader;
use super::rows::PolicyRow;
use super::wallets::WalletRow;
use crate::domain::facts::{CardFacts, LimitFacts, UserFacts};
use crate::domain::id::{CardId, UserId};
use crate::domain::policy::{Control, Limit, PolicyStamp, Scope};
use crate::domain::token::Token;
use crate::store::{FactsStore, StoreError, StoreFuture};

impl FactsStore for MongoStore {
    fn user<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(async move { user(&mut self.reader()?, reference.as_str()).await })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(async move { card(&mut self.reader()?, reference.as_str()).await })
    }

    fn limits<'a>(&'a self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(async move { limits(&mut self.reader()?, card).await })
    }
}

#[derive(Deserialize)]
struct UserFound {
    #[serde(flatten)]
    user: UserRow,
    versions: Vec<PolicyRow>,
}

/// A user, by token or id.
pub(super) async fn user(
    reader: &mut Reader<'_>,
    reference: &str,
) -> Result<Option<Arc<UserFacts>>, StoreError> {
    let mut pipeline = by_reference::<UserId>(reference);
    pipeline.push(join("policy_versions", "_id", "versions"));
    let found: Vec<UserFound> = reader.rows("personal_users", pipeline).await?;
    let Some(found) = pick(found, |found| found.user.id().to_string() == reference) else {
        return Ok(None);
    };
    Ok(Some(Arc::new(user_facts(found.user, &found.versions))))
}

fn user_facts(user: UserRow, versions: &[PolicyRow]) -> UserFacts {
    let user = user.user();
    UserFacts {
        id: user.id,
        marqeta_token: user.marqeta_token,
        status: user.status,
        company: None,
        policy_version: version(versions, Scope::User(user.id)),
    }
}

#[derive(Deserialize)]
struct CardFound {
    #[serde(flatten)]
    card: CardRow,
    owner: Vec<UserRow>,
    wallet: Vec<WalletRow>,
    versions: Vec<PolicyRow>,
    owner_versions: Vec<PolicyRow>,
}

/// A card, by token or id.
pub(super) async fn card(
    reader: &mut Reader<'_>,
    reference: &str,
) -> Result<Option<Arc<CardFacts>>, StoreError> {
    let mut pipeline = by_reference::<CardId>(reference);
    pipeline.extend([
        join("personal_users", "user", "owner"),
        join("wallets", "account", "wallet"),
        join("policy_versions", "_id", "versions"),
        join("policy_versions", "user", "owner_versions"),
    ]);
    let found: Vec<CardFound> = reader.rows("personal_cards", pipeline).await?;
    let Some(found) = pick(found, |found| found.card.id().to_string() == reference) else {
        return Ok(None);
    };
    let owner = found.owner.into_iter().next().zip(found.wallet.into_iter().next());
    let Some((owner, wallet)) = owner else {
        return Err(super::error::unreadable("a card without its owner or its wallet"));
    };
    let (card, wallet) = (found.card.card(), wallet.wallet());
    Ok(Some(Arc::new(CardFacts {
        id: card.id,
        marqeta_token: card.marqeta_token,
        status: card.status,
        expires: card.expires,
        owner: user_facts(owner, &found.owner_versions),
        account: card.account,
        currency: wallet.currency,
        zone: wallet.zone,
        policy_version: version(&found.versions, Scope::Card(card.id)),
    })))
}

/// What binds a card, by collection. (One document: `$unionWith` is not allowed in transactions.)
#[derive(Deserialize)]
struct Binding {
    stamps: Vec<PolicyRow>,
    limits: Vec<Limit>,
    controls: Vec<Control>,
}

/// What binds a card, narrowest scope first.
pub(super) async fn limits(
    reader: &mut Reader<'_>,
    card: &CardFacts,
) -> Result<Arc<LimitFacts>, StoreError> {
    let scopes = [Scope::Card(card.id), Scope::User(card.owner.id), Scope::Program];
    let subjects: Vec<Bson> = scopes.map(|scope| Subject::of(scope).key()).to_vec();
    let texts: Vec<Bson> = scopes.map(|scope| Bson::String(scope.to_string())).to_vec();
    let pipeline = vec![
        doc! { "$match": { "_id": "program" } },
        gather("policy_versions", "_id", subjects, "stamps"),
        gather("limits", "scope", texts.clone(), "limits"),
        gather("controls", "scope", texts, "controls"),
    ];
    let found: Option<Binding> = reader.row("policy_versions", pipeline).await?;
    let Some(Binding { stamps, limits, controls }) = found else {
        return Err(super::error::unreadable("the program has no policy version"));
    };
    let stamp = |row: PolicyRow| {
        let subject = scopes.iter().find(|scope| Subject::of(**scope) == row.subject);
        subject.map(|subject| PolicyStamp { subject: *subject, version: row.version })
    };
    let stamps = stamps.into_iter().filter_map(stamp).collect();
    let mut facts = LimitFacts { limits, controls, stamps };
    facts.limits.sort_by_key(|limit| (limit.scope, limit.window, limit.id));
    facts.controls.sort_by_key(|control| (control.scope, control.id));
    facts.stamps.sort_by_key(|stamp| stamp.subject);
    Ok(Arc::new(facts))
}

fn gather(collection: &str, field: &str, keys: Vec<Bson>, name: &str) -> Document {
    let matched = vec![doc! { "$match": { field: { "$in": keys } } }];
    doc! { "$lookup": { "from": collection, "pipeline": matched, "as": name } }
}

/// By token, or by id where the reference is one: an id stands before a token of the same text.
fn by_reference<T: Narrow>(reference: &str) -> Vec<Document> {
    let by_token = doc! { "marqeta_token": reference };
    let filter = match reference.parse::<T>() {
        Ok(id) => doc! { "$or": [{ "_id": key(&id) }, by_token] },
        Err(_) => by_token,
    };
    vec![doc! { "$match": filter }]
}

/// The one whose id was asked for, else the one by token.
fn pick<T>(mut found: Vec<T>, by_id: impl Fn(&T) -> bool) -> Option<T> {
    let index = found.iter().position(by_id).unwrap_or(0);
    if found.is_empty() { None } else { Some(found.swap_remove(index)) }
}

fn join(collection: &str, from: &str, name: &str) -> Document {
    doc! { "$lookup": {
        "from": collection, "localField": from, "foreignField": "_id", "as": name,
    } }
}

fn version(versions: &[PolicyRow], subject: Scope) -> i64 {
    let subject = Subject::of(subject);
    versions.iter().find(|row| row.subject == subject).map_or(0, |row| row.version)
}
