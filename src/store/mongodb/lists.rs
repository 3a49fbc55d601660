//! Lists: pages of resources and of history. Companies and what is theirs are kept in the other home.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, doc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::MongoStore;
use super::narrow::{Narrow, key, keys};
use super::parties::{CardRow, UserRow};
use super::rows::{AccountRow, AuthorizationRow, PostingRow};
use super::wallets::WalletRow;
use crate::domain::authorization::Authorization;
use crate::domain::id::{AccountId, CardId, CompanyId, ControlId, Home, LimitId, UserId};
use crate::domain::kyc::KycRecord;
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, Scope};
use crate::domain::posting::{Place, Posting};
use crate::domain::token::Token;
use crate::store::lists::{
    AccountQuery, AuthorizationQuery, Bound, CardQuery, CompanyQuery, HistoryQuery, KycQuery,
    Lists, Page, PolicyQuery, UserQuery,
};
use crate::store::{StoreError, StoreFuture};

fn nothing<T: Send + 'static>() -> StoreFuture<'static, Vec<T>> {
    Box::pin(std::future::ready(Ok(Vec::new())))
}

/// A filter by id, to which others are added.
fn before(id: Option<Bson>) -> Document {
    match id {
        Some(id) => doc! { "_id": { "$lt": id } },
        None => Document::new(),
    }
}

fn uuid(id: Uuid) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() })
}

impl MongoStore {
    /// A page, newest first.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        collection: &str,
        filter: Document,
        rows_max: u32,
    ) -> Result<Vec<T>, StoreError> {
        let pipeline = vec![
            doc! { "$match": filter },
            doc! { "$sort": { "_id": -1 } },
            doc! { "$limit": i64::from(rows_max) },
        ];
        self.reader()?.rows(collection, pipeline).await
    }
}

/// The ids among names.
fn ids<T: Narrow>(names: &[Token], id: impl Fn(&str) -> Option<T>) -> Vec<Bson> {
    names.iter().filter_map(|name| id(name.as_str())).map(|id| key(&id)).collect()
}

impl MongoStore {
    async fn named<T: DeserializeOwned>(
        &self,
        collection: &str,
        names: &[Token],
        ids: Vec<Bson>,
    ) -> Result<Vec<T>, StoreError> {
        let tokens: Vec<&str> = names.iter().map(Token::as_str).collect();
        // Like the index, which has only those that have one.
        let by_token = doc! { "marqeta_token": { "$in": tokens, "$exists": true } };
        let pipeline = vec![doc! { "$match": { "$or": [by_token, { "_id": { "$in": ids } }] } }];
        self.reader()?.rows(collection, pipeline).await
    }
}

/// A wallet's document, both ways it is read.
struct Whole(Wallet, Account);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Document::deserialize(deserializer)?;
        let wallet: WalletRow = read(document.clone()).map_err(serde::de::Error::custom)?;
        let account: AccountRow = read(document).map_err(serde::de::Error::custom)?;
        Ok(Self(wallet.wallet(), account.account()))
    }
}

fn read<T: DeserializeOwned>(document: Document) -> Result<T, mongodb::bson::error::Error> {
    mongodb::bson::deserialize_from_document(document)
}

impl Lists for MongoStore {
    fn companies(&self, _query: CompanyQuery) -> StoreFuture<'_, Vec<Company>> {
        nothing()
    }

    fn users(&self, query: UserQuery) -> StoreFuture<'_, Vec<User>> {
        if query.home != Home::Personal || query.company.is_some() {
            return nothing();
        }
        Box::pin(async move {
            let mut filter = before(query.page.before.as_ref().map(key));
            if let Some(status) = query.status {
                filter.insert("status", status.as_str());
            }
            let rows: Vec<UserRow> =
                self.list("personal_users", filter, query.page.rows_max).await?;
            Ok(rows.into_iter().map(UserRow::user).collect())
        })
    }

    fn cards(&self, query: CardQuery) -> StoreFuture<'_, Vec<Card>> {
        if query.home != Home::Personal || query.company.is_some() {
            return nothing();
        }
        Box::pin(async move {
            let mut filter = before(query.page.before.as_ref().map(key));
            filter.extend(query.user.map(|user| ("user".to_owned(), key(&user))));
            filter.extend(query.account.map(|account| ("account".to_owned(), key(&account))));
            if let Some(status) = query.status {
                filter.insert("status", status.as_str());
            }
            let rows: Vec<CardRow> =
                self.list("personal_cards", filter, query.page.rows_max).await?;
            Ok(rows.into_iter().map(CardRow::card).collect())
        })
    }

    fn users_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<User>> {
        Box::pin(async move {
            let ids = ids(&names, |name| name.parse::<UserId>().ok());
            let rows: Vec<UserRow> = self.named("personal_users", &names, ids).await?;
            Ok(rows.into_iter().map(UserRow::user).collect())
        })
    }

    fn cards_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<Card>> {
        Box::pin(async move {
            let ids = ids(&names, |name| name.parse::<CardId>().ok());
            let rows: Vec<CardRow> = self.named("personal_cards", &names, ids).await?;
            Ok(rows.into_iter().map(CardRow::card).collect())
        })
    }

    fn accounts(&self, _query: AccountQuery) -> StoreFuture<'_, Vec<Account>> {
        nothing()
    }

    fn wallets(&self, page: Page<AccountId>) -> StoreFuture<'_, Vec<(Wallet, Account)>> {
        Box::pin(async move {
            let filter = before(page.before.as_ref().map(key));
            let rows: Vec<Whole> = self.list("wallets", filter, page.rows_max).await?;
            Ok(rows.into_iter().map(|Whole(wallet, account)| (wallet, account)).collect())
        })
    }

    fn wallets_held_by(&self, users: Vec<UserId>) -> StoreFuture<'_, Vec<Wallet>> {
        Box::pin(async move {
            let pipeline = vec![doc! { "$match": { "user": { "$in": keys(&users) } } }];
            let rows: Vec<WalletRow> = self.reader()?.rows("wallets", pipeline).await?;
            Ok(rows.into_iter().map(WalletRow::wallet).collect())
        })
    }

    fn limits_binding(&self, whom: Vec<Scope>) -> StoreFuture<'_, Vec<Limit>> {
        Box::pin(async move {
            let whom: Vec<String> = whom.iter().map(Scope::to_string).collect();
            let pipeline = vec![doc! { "$match": { "scope": { "$in": whom } } }];
            self.reader()?.rows("limits", pipeline).await
        })
    }

    fn limits_page(&self, query: PolicyQuery<LimitId>) -> StoreFuture<'_, Vec<Limit>> {
        if query.company.is_some() {
            return nothing();
        }
        let filter = bound(before(query.page.before.as_ref().map(key)), query.bound);
        Box::pin(self.list("limits", filter, query.page.rows_max))
    }

    fn controls_page(&self, query: PolicyQuery<ControlId>) -> StoreFuture<'_, Vec<Control>> {
        if query.company.is_some() {
            return nothing();
        }
        let filter = bound(before(query.page.before.as_ref().map(key)), query.bound);
        Box::pin(self.list("controls", filter, query.page.rows_max))
    }

    fn kyc_records(&self, query: KycQuery) -> StoreFuture<'_, Vec<KycRecord>> {
        Box::pin(self.kyc_page(query))
    }

    fn authorizations(&self, query: AuthorizationQuery) -> StoreFuture<'_, Vec<Authorization>> {
        let foreign = query.account.is_some_and(|account| account.home() != Home::Personal);
        if query.company.is_some() || foreign {
            return nothing();
        }
        Box::pin(async move {
            let mut ids = doc! { "$gte": uuid(query.floor) };
            ids.extend(query.page.before.map(|id| ("$lt".to_owned(), uuid(id.uuid()))));
            let mut filter = doc! { "_id": ids };
            filter.extend(query.card.map(|card| ("card".to_owned(), key(&card))));
            filter.extend(query.account.map(|account| ("account".to_owned(), key(&account))));
            if let Some(approved) = query.approved {
                filter.insert("reason", doc! { "$exists": !approved });
            }
            let mut at = Document::new();
            at.extend(query.from.map(|from| ("$gte".to_owned(), from.as_micros().into())));
            at.extend(query.to.map(|to| ("$lt".to_owned(), to.as_micros().into())));
            if !at.is_empty() {
                filter.insert("at", at);
            }
            let rows: Vec<AuthorizationRow> =
                self.list("authorizations", filter, query.page.rows_max).await?;
            Ok(rows.into_iter().map(AuthorizationRow::authorization).collect())
        })
    }

    fn account_history(&self, query: HistoryQuery) -> StoreFuture<'_, Vec<Posting>> {
        if query.account.home() != Home::Personal {
            return nothing();
        }
        Box::pin(async move {
            let account = key(&query.account);
            let sides = ["debit", "credit"].map(|side| {
                let mut filter = doc! { side: account.clone() };
                filter.extend(query.page.before.map(|place| ("$or".to_owned(), earlier(place))));
                filter
            });
            let pipeline = vec![
                doc! { "$match": { "$or": sides.to_vec() } },
                doc! { "$sort": { "at": -1, "_id": -1 } },
                doc! { "$limit": i64::from(query.page.rows_max) },
            ];
            let rows: Vec<PostingRow> = self.reader()?.rows("postings", pipeline).await?;
            Ok(rows.into_iter().map(PostingRow::posting).collect())
        })
    }
}

/// What stands before a place: it is earlier, or as late with a smaller key.
fn earlier(place: Place) -> Bson {
    let at = place.at.as_micros();
    let own = doc! { "source": key(&place.source), "number": i64::from(place.number) };
    Bson::Array(vec![
        doc! { "at": { "$lt": at } }.into(),
        doc! { "at": at, "_id": { "$lt": own } }.into(),
    ])
}

fn bound(mut filter: Document, bound: Option<Bound>) -> Document {
    match bound {
        Some(Bound::One(scope)) => {
            filter.insert("scope", scope.to_string());
        }
        Some(Bound::Kind("program")) => {
            filter.insert("scope", "program");
        }
        Some(Bound::Kind(kind)) => {
            let prefix = match kind {
                "user" => UserId::PREFIX,
                "card" => CardId::PREFIX,
                _ => CompanyId::PREFIX,
            };
            filter.insert("scope", doc! { "$regex": format!("^{prefix}") });
        }
        None => {}
    }
    filter
}
