//! Loading what a batch names into its books. One pipeline over all collections: a round trip costs
//! more than what most of them find.

use std::collections::{BTreeSet, HashMap, HashSet};

use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;

use super::error::unreadable;
use super::narrow::{Id, Subject, keys};
use super::rows::{
    AccountRow, CounterRow, DecisionRow, HoldRow, LinkRow, Names, PolicyRow, StepRow, counter_key,
};
use super::seed;
use super::transaction::Tx;
use crate::domain::chain::Link;
use crate::domain::id::{AuthorizationId, CardId};
use crate::domain::money::Currency;
use crate::domain::policy::{CounterKey, Scope};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::ledger::books::Books;
use crate::ledger::wanted::Wanted;
use crate::store::StoreError;

/// What was found: facts are compared with it, and what is written is written beside it.
#[derive(Default)]
pub(super) struct Found {
    pub(super) policies: HashMap<Scope, i64>,
    /// Earlier decisions, by token, with what is known of their authorizations.
    pub(super) decisions: HashMap<Token, Names>,
    pub(super) chains: HashSet<AuthorizationId>,
    /// Counters that have a row. Others are started by the batch.
    pub(super) counters: HashSet<CounterKey>,
    /// The highest order that an event of any of the accounts has been given.
    pub(super) order: i64,
}

/// What a batch names, by collection. (One document: `$unionWith` is not allowed in transactions.)
#[derive(Deserialize)]
#[serde(default)]
struct Named {
    now: DateTime,
    policies: Vec<PolicyRow>,
    accounts: Vec<AccountRow>,
    decisions: Vec<DecisionRow>,
    by_transaction: Vec<DecisionRow>,
    links: Vec<LinkRow>,
    counters: Vec<CounterRow>,
    steps: Vec<StepRow<'static>>,
}

impl Default for Named {
    fn default() -> Self {
        Self {
            now: DateTime::MIN,
            policies: Vec::new(),
            accounts: Vec::new(),
            decisions: Vec::new(),
            by_transaction: Vec::new(),
            links: Vec::new(),
            counters: Vec::new(),
            steps: Vec::new(),
        }
    }
}

/// Loads everything that is wanted, and what that leads to, as of the server's time.
pub(super) async fn load(
    tx: &mut Tx,
    wanted: &Wanted,
    offset_us: i64,
) -> Result<(Books, Found), StoreError> {
    let named: Vec<Named> = tx.aggregate("policy_versions", named(wanted)).await?;
    let named = named.into_iter().next();
    let named = named.ok_or_else(|| unreadable("the program has no policy version"))?;
    let mut loading = Loading::of(named, wanted, offset_us)?;
    let made = loading.load_chains(tx, &wanted.chains).await?;
    match wanted.with_counters_of(&made) {
        Some(more) => {
            loading.load_counters(tx, &more).await?;
            seed::seed(tx, &mut loading.books, &more).await?;
        }
        None => seed::seed(tx, &mut loading.books, wanted).await?,
    }
    Ok((loading.books, loading.found))
}

/// The time, and a branch for each collection in which something is named.
fn named(wanted: &Wanted) -> Vec<Document> {
    let now = doc! { "$project": { "_id": 0, "now": "$$NOW" } };
    let mut pipeline = vec![doc! { "$match": { "_id": "program" } }, now];
    let mut branch = |collection: &str, name: &str, filter: Document| {
        let matched = vec![doc! { "$match": filter }];
        let found = doc! { "from": collection, "pipeline": matched, "as": name };
        pipeline.push(doc! { "$lookup": found });
    };
    let by_id = |ids: Vec<Bson>| doc! { "_id": { "$in": ids } };
    let subjects = wanted.subjects.iter().map(|scope| Subject::of(*scope).key());
    branch("policy_versions", "policies", by_id(subjects.collect()));
    branch("wallets", "accounts", by_id(keys(&wanted.accounts)));
    let (mut tokens, transactions) = tokens(wanted);
    tokens.extend(wanted.tokens.iter().map(text));
    if !tokens.is_empty() {
        branch("decisions", "decisions", by_id(tokens));
    }
    if !transactions.is_empty() {
        let by_transaction = doc! { "transaction": { "$in": transactions } };
        branch("decisions", "by_transaction", by_transaction);
    }
    if !wanted.links.is_empty() {
        branch("links", "links", by_id(wanted.links.iter().map(text).collect()));
    }
    if !wanted.counters.is_empty() {
        branch("counters", "counters", by_id(counter_keys(wanted)));
    }
    if !wanted.steps.is_empty() {
        branch("intents", "steps", by_id(wanted.steps.iter().map(text).collect()));
    }
    pipeline
}

/// The tokens among the links: of fundings that are not wanted themselves, and of transactions.
fn tokens(wanted: &Wanted) -> (Vec<Bson>, Vec<Bson>) {
    let (mut fundings, mut transactions) = (Vec::new(), Vec::new());
    for link in &wanted.links {
        match link {
            Link::Funding(token) if !wanted.tokens.contains(token) => fundings.push(text(token)),
            Link::Funding(_) => {}
            Link::Transaction(token) => transactions.push(text(token)),
        }
    }
    (fundings, transactions)
}

fn text(value: &impl ToString) -> Bson {
    Bson::String(value.to_string())
}

fn counter_keys(wanted: &Wanted) -> Vec<Bson> {
    wanted.counters.keys().map(|key| Bson::String(counter_key(key))).collect()
}

struct Loading {
    books: Books,
    found: Found,
}

impl Loading {
    fn of(named: Named, wanted: &Wanted, offset_us: i64) -> Result<Self, StoreError> {
        let now = named.now.timestamp_millis().saturating_mul(1_000);
        let books = Books::at(Timestamp::from_micros(now.saturating_add(offset_us)));
        let mut loading = Self { books, found: Found::default() };
        loading.put(named, wanted)?;
        Ok(loading)
    }

    fn put(&mut self, named: Named, wanted: &Wanted) -> Result<(), StoreError> {
        let versions: HashMap<Subject, i64> =
            named.policies.into_iter().map(|row| (row.subject, row.version)).collect();
        let version = |scope: &Scope| Some((*scope, *versions.get(&Subject::of(*scope))?));
        self.found.policies = wanted.subjects.iter().filter_map(version).collect();
        named.accounts.iter().for_each(|row| self.put_account(row));
        self.put_counters(&named.counters);
        named.steps.into_iter().for_each(|row| self.books.load_step(row.step()));
        let mut decisions = named.decisions;
        decisions.extend(named.by_transaction);
        self.put_decisions(decisions, wanted);
        // A name that was written down stands before those that decisions tell.
        for row in named.links {
            self.books.load_link(row.link.parse().map_err(unreadable)?, row.chain.0);
        }
        Ok(())
    }

    fn put_counters(&mut self, rows: &[CounterRow]) {
        for (key, counter) in rows.iter().map(CounterRow::counter) {
            self.found.counters.insert(key);
            self.books.load_counter(key, counter);
        }
    }

    fn put_account(&mut self, row: &AccountRow) {
        self.found.order = self.found.order.max(row.order);
        self.books.load_account(row.account());
    }

    /// A transaction's first message names it, so it is put in last.
    fn put_decisions(&mut self, mut rows: Vec<DecisionRow>, wanted: &Wanted) {
        rows.sort_by_key(|row| std::cmp::Reverse(row.authorization));
        for row in rows {
            let chain = row.chain.map(|Id(chain)| chain);
            let told = row.transaction.clone().filter(|it| wanted.transactions.contains(it));
            let is_told = told.is_some();
            if let Some(transaction) = told {
                self.books.load_transaction(transaction, row.token.clone());
            }
            if let Some(chain) = chain {
                let transaction = row.transaction.clone().map(Link::Transaction);
                let names = [Some(Link::Funding(row.token.clone())), transaction];
                for link in names.into_iter().flatten() {
                    if is_told || wanted.links.contains(&link) || wanted.tokens.contains(&row.token)
                    {
                        self.books.load_link(link, chain);
                    }
                }
            }
            if is_told || wanted.tokens.contains(&row.token) {
                let names = Names { transaction: row.transaction.clone(), chain };
                self.found.decisions.insert(row.token.clone(), names);
                self.books.load_decision(row.decision());
            }
        }
    }

    /// Loads the chains by id and by name, what they were merged into, and the accounts of all. Says
    /// which cards the chains were made with, in which currency.
    async fn load_chains(
        &mut self,
        tx: &mut Tx,
        named: &BTreeSet<AuthorizationId>,
    ) -> Result<HashSet<(CardId, Currency)>, StoreError> {
        let mut made = HashSet::new();
        let mut missing = self.books.missing_chains();
        missing.extend(named);
        while !missing.is_empty() {
            let pipeline = vec![doc! { "$match": { "_id": { "$in": keys(&missing) } } }];
            let rows: Vec<HoldRow> = tx.aggregate("holds", pipeline).await?;
            for (chain, _) in rows.into_iter().map(HoldRow::chain) {
                made.insert((chain.card, chain.currency));
                self.found.chains.insert(chain.id);
                self.books.load_chain(chain);
            }
            let still = self.books.missing_chains();
            if still == missing {
                break; // a name for a chain that does not exist
            }
            missing = still;
        }
        self.load_accounts_of_chains(tx).await?;
        Ok(made)
    }

    /// A chain draws on its own account, whatever its card draws on today.
    async fn load_accounts_of_chains(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let missing = self.books.missing_accounts();
        if missing.is_empty() {
            return Ok(());
        }
        let pipeline = vec![doc! { "$match": { "_id": { "$in": keys(&missing) } } }];
        let rows: Vec<AccountRow> = tx.aggregate("wallets", pipeline).await?;
        rows.iter().for_each(|row| self.put_account(row));
        Ok(())
    }

    async fn load_counters(&mut self, tx: &mut Tx, wanted: &Wanted) -> Result<(), StoreError> {
        let filter = doc! { "_id": { "$in": counter_keys(wanted) } };
        let rows: Vec<CounterRow> =
            tx.aggregate("counters", vec![doc! { "$match": filter }]).await?;
        self.put_counters(&rows);
        Ok(())
    }
}
