//! History: what has been decided, and what came of it.

use mongodb::bson::{Bson, Document, doc};
use serde::Deserialize;

use super::MongoStore;
use super::error::unreadable;
use super::narrow::{Id, key, keys};
use super::rows::{AuthorizationRow, HoldRow, LinkRow, PostingRow};
use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Link};
use crate::domain::id::{AccountId, AuthorizationId};
use crate::domain::posting::Posting;
use crate::domain::token::Token;
use crate::store::{History, StoreError, StoreFuture};

/// How long a line of merges may be that is followed: each is a chain of its own.
const MERGES_MAX: usize = 1_000;

#[derive(Deserialize)]
struct Only {
    #[serde(rename = "_id")]
    id: Id<AuthorizationId>,
}

#[derive(Deserialize)]
struct Decided {
    #[serde(rename = "_id")]
    token: Token,
    authorization: Id<AuthorizationId>,
    #[serde(default)]
    transaction: Option<Token>,
}

#[derive(Deserialize)]
struct TakenOn {
    account: Id<AccountId>,
}

impl History for MongoStore {
    fn authorization(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Authorization>> {
        Box::pin(async move {
            let pipeline = vec![doc! { "$match": { "_id": key(&id) } }];
            let found = self.reader()?.row("authorizations", pipeline).await?;
            Ok(found.map(AuthorizationRow::authorization))
        })
    }

    fn known<'a>(&'a self, ids: &'a [AuthorizationId]) -> StoreFuture<'a, Vec<AuthorizationId>> {
        Box::pin(async move {
            let found: Vec<Only> = self.reader()?.rows("policy_versions", known(ids)).await?;
            Ok(found.into_iter().map(|row| row.id.0).collect())
        })
    }

    fn chain(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Chain>> {
        Box::pin(async move {
            let mut id = id;
            for _ in 0..MERGES_MAX {
                let pipeline = vec![doc! { "$match": { "_id": key(&id) } }];
                let found: Option<HoldRow> = self.reader()?.row("holds", pipeline).await?;
                let Some((chain, _)) = found.map(HoldRow::chain) else { return Ok(None) };
                match chain.merged_into {
                    Some(into) => id = into,
                    None => return Ok(Some(chain)),
                }
            }
            Ok(None)
        })
    }

    fn taken_on<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Vec<AccountId>> {
        Box::pin(async move {
            let pipeline = vec![
                doc! { "$match": { "_id": key } },
                doc! { "$project": { "_id": 0, "account": 1 } },
            ];
            let found: Vec<TakenOn> = self.reader()?.rows("intents", pipeline).await?;
            Ok(found.into_iter().map(|row| row.account.0).collect())
        })
    }

    fn postings(&self, source: AuthorizationId) -> StoreFuture<'_, Vec<Posting>> {
        Box::pin(async move {
            let sources = self.merged_into(source).await?;
            let of = |source: &Bson| {
                let from = doc! { "source": source, "number": Bson::MinKey };
                let to = doc! { "source": source, "number": Bson::MaxKey };
                doc! { "_id": { "$gte": from, "$lte": to } }
            };
            let sources: Vec<_> = sources.iter().map(of).collect();
            let pipeline = vec![
                doc! { "$match": { "$or": sources } },
                doc! { "$sort": { "at": 1, "_id": 1 } },
            ];
            let found: Vec<PostingRow> = self.reader()?.rows("postings", pipeline).await?;
            Ok(found.into_iter().map(PostingRow::posting).collect())
        })
    }

    fn linked<'a>(&'a self, names: &'a [Link]) -> StoreFuture<'a, Vec<(Link, AuthorizationId)>> {
        Box::pin(async move {
            let texts: Vec<_> = names.iter().map(Link::to_string).collect();
            let pipeline = vec![doc! { "$match": { "_id": { "$in": texts } } }];
            let linked: Vec<LinkRow> = self.reader()?.rows("links", pipeline).await?;
            let transactions = names.iter().filter_map(|name| match name {
                Link::Transaction(token) => Some(token.as_str()),
                Link::Funding(_) => None,
            });
            let transactions: Vec<&str> = transactions.collect();
            let pipeline = vec![
                doc! { "$match": { "transaction": { "$in": transactions, "$exists": true } } },
                doc! { "$project": { "_id": 1, "transaction": 1, "authorization": 1 } },
            ];
            let decided: Vec<Decided> = self.reader()?.rows("decisions", pipeline).await?;
            let mut found = Vec::new();
            for row in linked {
                found.push((row.link.parse().map_err(unreadable)?, row.chain.0));
            }
            for row in decided {
                let transaction = row.transaction.map(Link::Transaction);
                found.extend(transaction.map(|name| (name, row.authorization.0)));
            }
            Ok(found)
        })
    }

    fn decided_under<'a>(
        &'a self,
        tokens: &'a [Token],
    ) -> StoreFuture<'a, Vec<(Token, AuthorizationId)>> {
        Box::pin(async move {
            let names: Vec<&str> = tokens.iter().map(Token::as_str).collect();
            let pipeline = vec![
                doc! { "$match": { "_id": { "$in": names } } },
                doc! { "$project": { "_id": 1, "authorization": 1 } },
            ];
            let found: Vec<Decided> = self.reader()?.rows("decisions", pipeline).await?;
            Ok(found.into_iter().map(|row| (row.token, row.authorization.0)).collect())
        })
    }
}

/// One document that is always there, and each id joined to its authorization: for a list of keys the
/// server looks at all there is in a collection that is kept by its key (6.0).
fn known(ids: &[AuthorizationId]) -> Vec<Document> {
    vec![
        doc! { "$match": { "_id": "program" } },
        doc! { "$project": { "_id": 0, "asked": { "$literal": keys(ids) } } },
        doc! { "$unwind": "$asked" },
        doc! { "$lookup": {
            "from": "authorizations", "localField": "asked", "foreignField": "_id", "as": "made",
        } },
        doc! { "$match": { "made": { "$ne": [] } } },
        doc! { "$project": { "_id": "$asked" } },
    ]
}

impl MongoStore {
    /// The chain and all that were merged into it, directly or through others.
    async fn merged_into(&self, source: AuthorizationId) -> Result<Vec<Bson>, StoreError> {
        let mut sources = vec![key(&source)];
        let mut last = sources.clone();
        for _ in 0..MERGES_MAX {
            let pipeline = vec![
                doc! { "$match": { "merged_into": { "$in": last } } },
                doc! { "$project": { "_id": 1 } },
            ];
            let found: Vec<Only> = self.reader()?.rows("holds", pipeline).await?;
            if found.is_empty() {
                break;
            }
            last = found.iter().map(|row| key(&row.id.0)).collect();
            sources.extend(last.clone());
        }
        Ok(sources)
    }
}
