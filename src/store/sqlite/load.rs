//! Loading what a batch names into its books.

use std::collections::{BTreeSet, HashSet};

use sqlx::sqlite::SqliteConnection;

use super::encode::{Rows, foreign_keys, keys};
use super::error::translate;
use super::query::{ask, decode, many};
use super::rows;
use crate::domain::chain::Link;
use crate::domain::id::{AuthorizationId, CardId};
use crate::domain::money::Currency;
use crate::domain::policy::{CounterKey, Scope};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::ledger::books::Books;
use crate::ledger::wanted::Wanted;
use crate::store::StoreError;
use crate::store::details::ChainDetails;
use crate::store::refresh::Policies;

const BOOKS: &str = include_str!("sql/books_load.sql");
const ACCOUNTS: &str = include_str!("sql/accounts_load.sql");
const CHAINS: &str = include_str!("sql/chains_load.sql");
const COUNTERS: &str = include_str!("sql/counters_load.sql");
const OF_TRANSACTIONS: &str = include_str!("sql/decisions_find.sql");
const USES: &str = include_str!("sql/uses_load.sql");

/// What was found: facts are compared with it, and it is updated where all else is inserted.
#[derive(Default)]
pub(super) struct Found {
    pub(super) policies: Policies,
    pub(super) decisions: HashSet<Token>,
    pub(super) chains: HashSet<AuthorizationId>,
    pub(super) counters: HashSet<CounterKey>,
}

/// One array of rows for each kind of key, as `books_load.sql` orders them.
type Arrays = (String, String, String, String, String, String, String, String);

/// Loads everything that is wanted, and what that leads to.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    books: &mut Books,
    wanted: &Wanted,
) -> Result<Found, StoreError> {
    let mut loading = Loading { connection, books, found: Found::default() };
    loading.load_named(wanted).await?;
    let made = loading.load_chains(&wanted.chains).await?;
    match wanted.with_counters_of(&made) {
        Some(more) => {
            loading.load_counters(&more).await?;
            loading.seed_counters(&more).await?;
        }
        None => loading.seed_counters(wanted).await?,
    }
    Ok(loading.found)
}

struct Loading<'a> {
    connection: &'a mut SqliteConnection,
    books: &'a mut Books,
    found: Found,
}

impl Loading<'_> {
    async fn load_named(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        let fundings = wanted.links.iter().filter_map(|link| match link {
            Link::Funding(token) if !wanted.tokens.contains(token) => Some(token),
            Link::Funding(_) | Link::Transaction(_) => None,
        });
        let transactions = wanted.links.iter().filter_map(|link| match link {
            Link::Transaction(token) => Some(token),
            Link::Funding(_) => None,
        });
        let arrays: Arrays = sqlx::query_as(BOOKS)
            .bind(keys(&wanted.accounts))
            .bind(keys(&wanted.subjects))
            .bind(keys(&wanted.tokens))
            .bind(foreign_keys(wanted.steps.iter().map(String::as_str)))
            .bind(keys(fundings))
            .bind(keys(transactions))
            .bind(keys(&wanted.links))
            .bind(counter_keys(wanted))
            .fetch_one(&mut *self.connection)
            .await
            .map_err(translate)?;
        self.put(&arrays)?;
        self.load_transactions(wanted).await
    }

    /// Decisions by the transaction of their message: what the platform tells may not name the token.
    async fn load_transactions(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        if wanted.transactions.is_empty() {
            return Ok(());
        }
        let asked = ask(OF_TRANSACTIONS).bind(keys(&wanted.transactions));
        let found: Vec<(Token, rows::DecisionRow)> = many(self.connection, asked).await?;
        for (transaction, row) in found {
            let decided = self.put_decision(row);
            self.books.load_transaction(transaction, decided);
        }
        Ok(())
    }

    fn put_decision(&mut self, row: rows::DecisionRow) -> Token {
        let (decision, chain) = rows::decision(row);
        let token = decision.token.clone();
        if let Some(chain) = chain {
            self.books.load_link(Link::Funding(token.clone()), chain);
        }
        self.found.decisions.insert(token.clone());
        self.books.load_decision(decision);
        token
    }

    fn put(&mut self, arrays: &Arrays) -> Result<(), StoreError> {
        let (accounts, policies, decisions, steps, fundings, transactions, links, counters) =
            arrays;
        for row in decode::<Vec<_>>(decisions)? {
            self.put_decision(row);
        }
        let books = &mut *self.books;
        for row in decode::<Vec<_>>(accounts)? {
            books.load_account(rows::account(row));
        }
        for row in decode::<Vec<_>>(steps)? {
            books.load_step(rows::step(row));
        }
        for row in decode::<Vec<_>>(counters)? {
            let (key, counter) = rows::counter(row);
            self.found.counters.insert(key);
            books.load_counter(key, counter);
        }
        // The last one loaded stands. (A wanted token's own comes with its decision, above.) A
        // transaction's first message names it (they come latest first),
        // and a name that was written down stands before those that rows tell.
        for (token, chain) in decode::<Vec<(Token, AuthorizationId)>>(transactions)? {
            books.load_link(Link::Transaction(token), chain);
        }
        for (token, chain) in decode::<Vec<(Token, AuthorizationId)>>(fundings)? {
            books.load_link(Link::Funding(token), chain);
        }
        for (link, chain) in decode::<Vec<(String, AuthorizationId)>>(links)? {
            books.load_link(link.parse().map_err(super::error::unreadable)?, chain);
        }
        self.found.policies = decode::<Vec<(Scope, i64)>>(policies)?.into_iter().collect();
        Ok(())
    }

    /// Loads the chains by id and by name, what they were merged into, and the accounts of all. Says
    /// which cards the chains were made with, in which currency.
    async fn load_chains(
        &mut self,
        named: &BTreeSet<AuthorizationId>,
    ) -> Result<HashSet<(CardId, Currency)>, StoreError> {
        let mut made = HashSet::new();
        let mut missing = self.books.missing_chains();
        missing.extend(named);
        while !missing.is_empty() {
            let rows = many(self.connection, ask(CHAINS).bind(keys(&missing))).await?;
            for chain in rows.into_iter().map(rows::chain) {
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
        let missing = self.books.missing_accounts();
        if !missing.is_empty() {
            let rows = many(self.connection, ask(ACCOUNTS).bind(keys(&missing))).await?;
            rows.into_iter()
                .map(rows::account)
                .for_each(|account| self.books.load_account(account));
        }
        Ok(made)
    }

    async fn load_counters(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        let asked = ask(COUNTERS).bind(counter_keys(wanted));
        for row in many(self.connection, asked).await? {
            let (key, counter) = rows::counter(row);
            self.found.counters.insert(key);
            self.books.load_counter(key, counter);
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

fn counter_keys(wanted: &Wanted) -> String {
    let keys = Rows::of(wanted.counters.keys(), |mut row, key| {
        row.plain(key.limit).plain(key.member);
    });
    keys.into_array()
}

/// What each counter's member has used, in the order of the counters.
async fn load_uses(
    connection: &mut SqliteConnection,
    unseeded: &[(CounterKey, Timestamp)],
) -> Result<Vec<Vec<(Currency, ChainDetails)>>, StoreError> {
    let members = Rows::of(unseeded.iter().zip(0_u32..), |mut row, ((key, since), number)| {
        row.number(number).plain(key.member.scope()).number(since.as_micros());
    });
    let rows: Vec<(usize, Currency, ChainDetails)> =
        many(connection, ask(USES).bind(members.into_array())).await?;
    let mut used: Vec<Vec<_>> = unseeded.iter().map(|_| Vec::new()).collect();
    for (number, currency, details) in rows {
        if let Some(used) = used.get_mut(number) {
            used.push((currency, details));
        }
    }
    Ok(used)
}
