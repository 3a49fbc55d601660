//! Loading what a batch names into its books, after its accounts are locked.

use std::collections::{BTreeSet, HashSet};

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::error::{translate, unreadable};
use super::policies::subject_row;
use super::rows;
use crate::domain::chain::Link;
use crate::domain::id::{AuthorizationId, CardId};
use crate::domain::money::Currency;
use crate::domain::party::Account;
use crate::domain::policy::{Counter, CounterKey};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::ledger::books::Books;
use crate::ledger::wanted::Wanted;
use crate::store::StoreError;
use crate::store::details::ChainDetails;
use crate::store::refresh::Policies;

const BOOKS: &str = include_str!("sql/books_load.sql");
const CHAINS: &str = include_str!("sql/chains_load.sql");
const COUNTERS: &str = include_str!("sql/counters_load.sql");
const DECISIONS: &str = include_str!("sql/decisions_load.sql");
const OF_TRANSACTIONS: &str = include_str!("sql/decisions_find.sql");
const STEPS: &str = include_str!("sql/intents_load.sql");
const USES: &str = include_str!("sql/uses_load.sql");

/// What was found: facts are compared with it, and it is updated where all else is inserted.
#[derive(Default)]
pub(super) struct Found {
    pub(super) policies: Policies,
    pub(super) decisions: HashSet<Token>,
    pub(super) chains: HashSet<AuthorizationId>,
    pub(super) counters: HashSet<CounterKey>,
}

/// Books as of the database's own time, with the locked accounts, everything that is wanted, and what
/// that leads to. Chains may lead to accounts that are not locked: see [`Books::missing_accounts`].
/// `offset_us` is added to the time.
pub(super) async fn load(
    connection: &mut PgConnection,
    locked: &[Account],
    wanted: &Wanted,
    offset_us: i64,
) -> Result<(Books, Found), StoreError> {
    let row = named(connection, wanted).await?;
    let now: i64 = row.try_get("now").map_err(translate)?;
    let mut books = Books::at(Timestamp::from_micros(now.saturating_add(offset_us)));
    for account in locked {
        books.load_account(account.clone());
    }
    let mut loading = Loading { connection, books, found: Found::default() };
    loading.put(&row, wanted).await?;
    let made = loading.load_chains(&wanted.chains).await?;
    match wanted.with_counters_of(&made) {
        Some(more) => {
            loading.load_counters(&more).await?;
            loading.seed_counters(&more).await?;
        }
        None => loading.seed_counters(wanted).await?,
    }
    Ok((loading.books, loading.found))
}

async fn named(connection: &mut PgConnection, wanted: &Wanted) -> Result<PgRow, StoreError> {
    let (limits, members) = counter_keys(wanted);
    let fundings = wanted.links.iter().filter_map(|link| match link {
        Link::Funding(token) if !wanted.tokens.contains(token) => Some(rows::token_row(token)),
        Link::Funding(_) | Link::Transaction(_) => None,
    });
    let transactions = wanted.links.iter().filter_map(|link| match link {
        Link::Transaction(token) => Some(rows::token_row(token)),
        Link::Funding(_) => None,
    });
    let asked = sqlx::query(BOOKS)
        .bind(wanted.subjects.iter().map(|scope| subject_row(*scope)).collect::<Vec<_>>())
        .bind(limits)
        .bind(members)
        .bind(wanted.tokens.iter().map(rows::token_row).collect::<Vec<_>>())
        .bind(wanted.steps.iter().map(String::as_str).collect::<Vec<_>>())
        .bind(fundings.collect::<Vec<_>>())
        .bind(transactions.collect::<Vec<_>>())
        .bind(wanted.links.iter().map(Link::to_string).collect::<Vec<_>>());
    asked.fetch_one(connection).await.map_err(translate)
}

fn counter_keys(wanted: &Wanted) -> (Vec<Uuid>, Vec<Uuid>) {
    let keys = wanted.counters.keys();
    keys.map(|key| (key.limit.uuid(), rows::member_row(key.member).1)).unzip()
}

/// An array of a row; empty where nothing was found.
fn array<'r, T>(row: &'r PgRow, name: &str) -> Result<Vec<T>, StoreError>
where
    Option<Vec<T>>: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let array: Option<Vec<T>> = row.try_get(name).map_err(translate)?;
    Ok(array.unwrap_or_default())
}

/// What stands at a number that the statement gave to it: they count from 1.
pub(super) fn at<T>(keys: &[T], number: i64) -> Result<&T, StoreError> {
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    index.and_then(|index| keys.get(index)).ok_or_else(|| unreadable("a number out of order"))
}

struct Loading<'c> {
    connection: &'c mut PgConnection,
    books: Books,
    found: Found,
}

impl Loading<'_> {
    async fn put(&mut self, row: &PgRow, wanted: &Wanted) -> Result<(), StoreError> {
        let subjects: Vec<_> = wanted.subjects.iter().collect();
        let numbers = array::<i64>(row, "policy_numbers")?;
        for (number, version) in numbers.into_iter().zip(array(row, "policy_versions")?) {
            self.found.policies.insert(**at(&subjects, number)?, version);
        }
        self.put_counters(row, wanted)?;
        self.load_decisions(array(row, "decisions")?).await?;
        self.load_transactions(&wanted.transactions).await?;
        self.load_steps(array(row, "steps")?).await?;
        // The last one loaded stands. (A wanted token's own comes with its decision, above.) A
        // transaction's first message names it (they come latest first),
        // and a name that was written down stands before those that rows tell.
        for (token, chain) in links::<Vec<u8>>(row, "transaction_tokens", "transaction_chain_ids")?
        {
            self.books.load_link(Link::Transaction(rows::packed_token(&token)?), chain);
        }
        for (token, chain) in links::<Vec<u8>>(row, "funding_tokens", "funding_chain_ids")? {
            self.books.load_link(Link::Funding(rows::packed_token(&token)?), chain);
        }
        for (link, chain) in links::<String>(row, "links", "link_chain_ids")? {
            self.books.load_link(link.parse().map_err(unreadable)?, chain);
        }
        Ok(())
    }

    fn put_counters(&mut self, row: &PgRow, wanted: &Wanted) -> Result<(), StoreError> {
        let keys: Vec<_> = wanted.counters.keys().collect();
        let numbers = array::<i64>(row, "counter_numbers")?;
        let starts = array(row, "counter_window_starts")?;
        let used = array(row, "counter_amounts")?.into_iter().zip(array(row, "counter_counts")?);
        for ((number, start), (amount, count)) in numbers.into_iter().zip(starts).zip(used) {
            let window_start = Timestamp::from_micros(start);
            self.put_counter(**at(&keys, number)?, Counter { window_start, amount, count });
        }
        Ok(())
    }

    fn put_counter(&mut self, key: CounterKey, counter: Counter) {
        self.found.counters.insert(key);
        self.books.load_counter(key, counter);
    }

    async fn load_decisions(&mut self, tokens: Vec<Vec<u8>>) -> Result<(), StoreError> {
        if tokens.is_empty() {
            return Ok(());
        }
        let asked = sqlx::query_as(DECISIONS).bind(tokens);
        for row in asked.fetch_all(&mut *self.connection).await.map_err(translate)? {
            let (decision, chain) = rows::decision(row)?;
            if let Some(chain) = chain {
                self.books.load_link(Link::Funding(decision.token.clone()), chain);
            }
            self.found.decisions.insert(decision.token.clone());
            self.books.load_decision(decision);
        }
        Ok(())
    }

    /// Decisions by the transaction of their message: what the platform tells may not name the token.
    async fn load_transactions(
        &mut self,
        transactions: &BTreeSet<Token>,
    ) -> Result<(), StoreError> {
        if transactions.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> = transactions.iter().map(rows::token_row).collect();
        let asked = sqlx::query_as(OF_TRANSACTIONS).bind(wanted);
        let found: Vec<(Vec<u8>, Vec<u8>)> =
            asked.fetch_all(&mut *self.connection).await.map_err(translate)?;
        let mut tokens = Vec::new();
        for (transaction, token) in found {
            let decided = rows::packed_token(&token)?;
            self.books.load_transaction(rows::packed_token(&transaction)?, decided);
            tokens.push(token);
        }
        self.load_decisions(tokens).await
    }

    async fn load_steps(&mut self, keys: Vec<String>) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let asked = sqlx::query_as(STEPS).bind(keys);
        for row in asked.fetch_all(&mut *self.connection).await.map_err(translate)? {
            self.books.load_step(rows::step(row)?);
        }
        Ok(())
    }

    /// Loads the chains by id and by name, and what they were merged into. Says which cards the
    /// chains were made with.
    async fn load_chains(
        &mut self,
        named: &BTreeSet<AuthorizationId>,
    ) -> Result<HashSet<(CardId, Currency)>, StoreError> {
        let mut made = HashSet::new();
        let mut missing = self.books.missing_chains();
        missing.extend(named);
        while !missing.is_empty() {
            let ids: Vec<Uuid> = missing.iter().map(|id| id.uuid()).collect();
            let asked = sqlx::query_as(CHAINS).bind(ids);
            for row in asked.fetch_all(&mut *self.connection).await.map_err(translate)? {
                let chain = rows::chain(row)?;
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
        Ok(made)
    }

    async fn load_counters(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        let (limits, members) = counter_keys(wanted);
        let keys: Vec<_> = wanted.counters.keys().collect();
        let asked = sqlx::query_as(COUNTERS).bind(limits).bind(members);
        let rows: Vec<(i64, i64, i64, i64)> =
            asked.fetch_all(&mut *self.connection).await.map_err(translate)?;
        for (number, start, amount, count) in rows {
            let window_start = Timestamp::from_micros(start);
            self.put_counter(**at(&keys, number)?, Counter { window_start, amount, count });
        }
        Ok(())
    }

    /// Starts the counters of young limits from what has been used in their windows.
    async fn seed_counters(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        let unseeded = self.books.unseeded(wanted);
        if unseeded.is_empty() {
            return Ok(());
        }
        let used = load_uses(self.connection, &unseeded).await?;
        for ((key, _), used) in unseeded.into_iter().zip(used) {
            let Some(want) = wanted.counters.get(&key) else { continue };
            let used = used
                .iter()
                .map(|(currency, chain)| (*currency, &chain.merchant, chain.uses.as_slice()));
            self.books.seed_counter(key, want, used);
        }
        Ok(())
    }
}

fn links<'r, T>(
    row: &'r PgRow,
    names: &str,
    chains: &str,
) -> Result<Vec<(T, AuthorizationId)>, StoreError>
where
    Option<Vec<T>>: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let chains = array::<Uuid>(row, chains)?.into_iter().map(rows::authorization_id);
    Ok(array(row, names)?.into_iter().zip(chains).collect())
}

/// What each counter's member has used, in the order of the counters.
async fn load_uses(
    connection: &mut PgConnection,
    unseeded: &[(CounterKey, Timestamp)],
) -> Result<Vec<Vec<(Currency, ChainDetails)>>, StoreError> {
    let (members, since): (Vec<Uuid>, Vec<i64>) = unseeded
        .iter()
        .map(|(key, since)| (rows::member_row(key.member).1, since.as_micros()))
        .unzip();
    let asked = sqlx::query_as(USES).bind(members).bind(since);
    let rows: Vec<(i64, String, String)> = asked.fetch_all(connection).await.map_err(translate)?;
    let mut used: Vec<Vec<_>> = unseeded.iter().map(|_| Vec::new()).collect();
    for (number, code, details) in rows {
        let index = usize::try_from(number - 1).map_err(unreadable)?;
        if let Some(used) = used.get_mut(index) {
            used.push((rows::currency(&code)?, rows::json(&details)?));
        }
    }
    Ok(used)
}
