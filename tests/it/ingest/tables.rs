//! Processed transactions: what every store of them must keep to.

use tollgate::domain::clock::Clock;
use tollgate::domain::id::{
    AccountId, AuthorizationId, CardId, CompanyId, Home, TransactionId, UserId,
};
use tollgate::domain::merchant::Merchant;
use tollgate::domain::transaction::Transaction;
use tollgate::store::ingest::{TransactionQuery, Whose, Within};

use super::{Pair, on_both_pairs, record};

on_both_pairs! {
    a_transaction_is_kept_whole_and_once
    another_transaction_of_the_same_id_is_not_stored
    batches_of_the_same_merchants_and_transactions_do_not_stop_each_other
    pages_follow_each_other_without_gaps_by_every_filter
}

fn transaction(pair: &Pair, name: &str, minor: i64) -> Transaction {
    let raw = pair.raw(record(name, "card-1", minor));
    Transaction {
        id: raw.id,
        record: raw.record,
        card: CardId::new(pair.clock.uuid()),
        user: UserId::new(pair.clock.uuid()),
        company: Some(CompanyId::new(pair.clock.uuid())),
        account: AccountId::new(Home::Business, pair.clock.uuid()),
        authorization: None,
        received_at: raw.received_at,
        processed_at: pair.clock.now(),
    }
}

async fn a_transaction_is_kept_whole_and_once(pair: Pair) {
    let company = transaction(&pair, "t-1", 500);
    let mut personal = transaction(&pair, "t-2", 600);
    personal.company = None;
    personal.account = AccountId::new(Home::Personal, pair.clock.uuid());
    personal.record.merchant = Merchant::default();
    personal.record.metadata = None;
    personal.record.authorization = "purchase-7".parse().ok();
    personal.authorization = Some(AuthorizationId::new(Home::Personal, pair.clock.uuid()));
    for _ in 0..2 {
        let rows = vec![company.clone(), personal.clone()];
        let mut stored = pair.tables.record(rows).await.unwrap();
        stored.sort();
        assert_eq!(stored, [company.id, personal.id]);
    }
    for row in [company, personal] {
        assert_eq!(pair.tables.transaction(row.id).await.unwrap(), Some(row));
    }
    let nobody = TransactionId::new(uuid::Uuid::nil());
    assert_eq!(pair.tables.transaction(nobody).await.unwrap(), None);
}

async fn another_transaction_of_the_same_id_is_not_stored(pair: Pair) {
    let first = transaction(&pair, "t-1", 500);
    let second = transaction(&pair, "t-1", 500);
    pair.tables.record(vec![first.clone()]).await.unwrap();
    let third = transaction(&pair, "t-2", 500);
    let stored = pair.tables.record(vec![second.clone(), third.clone()]).await.unwrap();
    assert_eq!(stored, [third.id]);
    assert_eq!(pair.tables.transaction(second.id).await.unwrap(), None);
}

async fn batches_of_the_same_merchants_and_transactions_do_not_stop_each_other(pair: Pair) {
    let mut rows: Vec<_> = (0..60).map(|n| transaction(&pair, &format!("t-{n}"), 500)).collect();
    for (number, row) in rows.iter_mut().enumerate() {
        row.record.merchant.mid = Some(format!("m-{}", number % 7).into());
    }
    let batches = (0..6_usize).map(|batch| {
        let mut own: Vec<_> = rows.iter().skip(batch * 5).take(35).cloned().collect();
        own.rotate_left(batch * 3);
        own
    });
    let mut wanted: Vec<Vec<_>> =
        batches.clone().map(|batch| batch.iter().map(|row| row.id).collect()).collect();
    let stored = futures_util::future::join_all(batches.map(|batch| pair.tables.record(batch)));
    for (stored, wanted) in stored.await.into_iter().zip(&mut wanted) {
        let mut stored = stored.unwrap();
        stored.sort();
        wanted.sort();
        assert_eq!(stored, *wanted);
    }
    for row in rows {
        assert_eq!(pair.tables.transaction(row.id).await.unwrap(), Some(row));
    }
}

async fn pages_follow_each_other_without_gaps_by_every_filter(pair: Pair) {
    let one = transaction(&pair, "t-0", 100);
    let mut rows = Vec::new();
    for number in 0..20_i64 {
        let mut row = transaction(&pair, &format!("t-{number}"), 100 + number);
        // Four at each time: ids tell them apart.
        row.record.occurred_at = row.record.occurred_at.plus_micros(number / 4 * 1_000_000);
        if number % 2 == 0 {
            (row.card, row.user, row.company) = (one.card, one.user, one.company);
        }
        rows.push(row);
    }
    pair.tables.record(rows.clone()).await.unwrap();
    let pages = async |query: TransactionQuery| {
        let mut found: Vec<Transaction> = Vec::new();
        loop {
            let before = found.last().map(|row| (row.record.occurred_at, row.id));
            let query = TransactionQuery { before, rows_max: 3, ..query };
            let page = pair.tables.transactions(query).await.unwrap();
            if page.is_empty() {
                return found;
            }
            found.extend(page);
        }
    };
    let all = pages(TransactionQuery::default()).await;
    rows.sort_by_key(|row| std::cmp::Reverse((row.record.occurred_at, row.id)));
    assert_eq!(all, rows);
    let even: Vec<_> = rows.iter().filter(|row| row.card == one.card).cloned().collect();
    for whose in [
        Whose { card: Some(one.card), ..Whose::default() },
        Whose { user: Some(one.user), ..Whose::default() },
        Whose { company: one.company, ..Whose::default() },
        Whose { card: Some(one.card), user: Some(one.user), company: one.company },
    ] {
        assert_eq!(pages(TransactionQuery { whose, ..Default::default() }).await, even);
    }
    let nobodys = Whose { card: Some(one.card), user: Some(rows[0].user), company: None };
    assert!(pages(TransactionQuery { whose: nobodys, ..Default::default() }).await.is_empty());
    let within = Within {
        from: Some(one.record.occurred_at.plus_micros(1_000_000)),
        to: Some(one.record.occurred_at.plus_micros(3_000_000)),
        amount_min: Some(106),
        amount_max: Some(109),
    };
    let found = pages(TransactionQuery { within, ..Default::default() }).await;
    let amounts: Vec<_> = found.iter().map(|row| row.record.amount.minor()).collect();
    assert_eq!(amounts.iter().sum::<i64>(), 106 + 107 + 108 + 109);
}
