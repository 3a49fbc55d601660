//! Loading what a batch names into its books.

use std::collections::HashMap;

use sqlx::sqlite::SqliteConnection;

use super::encode::{Rows, foreign_keys, keys};
use super::error::translate;
use super::query::{ask, decode, many};
use super::rows::{self, ChainDetails};
use crate::domain::chain::Link;
use crate::domain::id::AuthorizationId;
use crate::domain::money::Currency;
use crate::domain::policy::{CounterKey, Scope};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::ledger::books::Books;
use crate::ledger::wanted::Wanted;
use crate::store::StoreError;

const BOOKS: &str = include_str!("sql/books_load.sql");
const ACCOUNTS: &str = include_str!("sql/accounts_load.sql");
const CHAINS: &str = include_str!("sql/chains_load.sql");
const USES: &str = include_str!("sql/uses_load.sql");

/// What a batch compares its facts with.
pub(super) type Policies = HashMap<Scope, i64>;

/// One array of rows for each kind of key, as `books_load.sql` orders them.
type Arrays = (String, String, String, String, String, String, String, String);

/// Loads everything that is wanted, and what that leads to. Says how often policies have changed.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    books: &mut Books,
    wanted: &Wanted,
) -> Result<Policies, StoreError> {
    let policies = load_named(connection, books, wanted).await?;
    load_chains(connection, books, &wanted.chains).await?;
    seed_counters(connection, books, wanted).await?;
    Ok(policies)
}

async fn load_named(
    connection: &mut SqliteConnection,
    books: &mut Books,
    wanted: &Wanted,
) -> Result<Policies, StoreError> {
    let fundings = wanted.links.iter().filter_map(|link| match link {
        Link::Funding(token) => Some(token),
        Link::Transaction(_) => None,
    });
    let transactions = wanted.links.iter().filter_map(|link| match link {
        Link::Transaction(token) => Some(token),
        Link::Funding(_) => None,
    });
    let counters = Rows::of(wanted.counters.keys(), |mut row, key| {
        row.plain(key.limit).plain(key.member);
    });
    let arrays: Arrays = sqlx::query_as(BOOKS)
        .bind(keys(&wanted.accounts))
        .bind(keys(&wanted.subjects))
        .bind(keys(&wanted.tokens))
        .bind(foreign_keys(wanted.steps.iter().map(String::as_str)))
        .bind(keys(fundings))
        .bind(keys(transactions))
        .bind(keys(&wanted.links))
        .bind(counters.into_array())
        .fetch_one(connection)
        .await
        .map_err(translate)?;
    put(books, &arrays)
}

fn put(books: &mut Books, arrays: &Arrays) -> Result<Policies, StoreError> {
    let (accounts, policies, decisions, steps, fundings, transactions, links, counters) = arrays;
    for row in decode::<Vec<_>>(accounts)? {
        books.load_account(rows::account(row));
    }
    for row in decode::<Vec<_>>(decisions)? {
        books.load_decision(rows::decision(row));
    }
    for row in decode::<Vec<_>>(steps)? {
        books.load_step(rows::step(row));
    }
    for row in decode::<Vec<_>>(counters)? {
        let (key, counter) = rows::counter(row)?;
        books.load_counter(key, counter);
    }
    // The last one loaded stands. A transaction's first message names it (they come latest first),
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
    let policies: Vec<(Scope, i64)> = decode(policies)?;
    Ok(policies.into_iter().collect())
}

/// Loads the chains by id and by name, what they were merged into, and the accounts of all.
async fn load_chains<'a>(
    connection: &mut SqliteConnection,
    books: &mut Books,
    named: impl IntoIterator<Item = &'a AuthorizationId>,
) -> Result<(), StoreError> {
    let mut missing = books.missing_chains();
    missing.extend(named);
    while !missing.is_empty() {
        let found = many(connection, ask(CHAINS).bind(keys(&missing))).await?;
        found.into_iter().map(rows::chain).for_each(|chain| books.load_chain(chain));
        let still = books.missing_chains();
        if still == missing {
            break; // a name for a chain that does not exist
        }
        missing = still;
    }
    let missing = books.missing_accounts();
    if !missing.is_empty() {
        let found = many(connection, ask(ACCOUNTS).bind(keys(&missing))).await?;
        found.into_iter().map(rows::account).for_each(|account| books.load_account(account));
    }
    Ok(())
}

/// Starts the counters of young limits from what has been used in their windows.
async fn seed_counters(
    connection: &mut SqliteConnection,
    books: &mut Books,
    wanted: &Wanted,
) -> Result<(), StoreError> {
    let unseeded = books.unseeded(wanted);
    if unseeded.is_empty() {
        return Ok(());
    }
    let used = load_uses(connection, &unseeded).await?;
    for ((key, _), used) in unseeded.into_iter().zip(used) {
        let Some(want) = wanted.counters.get(&key) else { continue };
        let bound = |currency| want.limit.currency.is_none_or(|bound| bound == currency);
        let used = used.iter().filter(|(currency, _)| bound(*currency));
        let used = used.map(|(_, chain)| (&chain.merchant, chain.uses.as_slice()));
        books.seed_counter(key, want, used);
    }
    Ok(())
}

/// What each counter's member has used, in the order of the counters.
async fn load_uses(
    connection: &mut SqliteConnection,
    unseeded: &[(CounterKey, Timestamp)],
) -> Result<Vec<Vec<(Currency, ChainDetails)>>, StoreError> {
    let members = Rows::of(unseeded.iter().zip(0_u32..), |mut row, ((key, since), number)| {
        row.number(number).plain(key.member).number(since.as_micros());
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
