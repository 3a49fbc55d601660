//! Keys and the audit log, on every store that keeps them.

use std::sync::Arc;

use tollgate::domain::access::{Reach, Scope, Scopes};
use tollgate::domain::api_key::ApiKey;
use tollgate::domain::audit::{Act, BEGINNING, Outcome, Record};
use tollgate::domain::id::{AccountId, ApiKeyId, CompanyId, Home};
use tollgate::domain::money::Currency;
use tollgate::domain::party::{Account, Company, CompanyStatus};
use tollgate::domain::time::{Timestamp, Zone};
use tollgate::service::verify::log::verify_log;
use tollgate::store::api_keys::ApiKeys;
use tollgate::store::audit_log::AuditLog;
use tollgate::store::{ResourceStore, StoreError};
use uuid::Uuid;

use super::postgres_database::{Database, prepared};
use super::sqlite::open_store;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn act(what: &str, object: Option<&str>) -> Act {
    Act {
        at: at(7),
        who: "admin".into(),
        reach: Reach::Program,
        what: what.to_owned(),
        object: object.map(str::to_owned),
        request_id: "r-1".to_owned(),
        outcome: Outcome::Done,
    }
}

fn key(number: u128, company: Option<CompanyId>) -> ApiKey {
    ApiKey {
        id: ApiKeyId::new(Uuid::from_u128(number)),
        prefix: format!("{number:012x}"),
        name: "till".into(),
        scopes: Scopes::of(&[Scope::Read, Scope::Processor]),
        reach: company.map_or(Reach::Program, Reach::Company),
        created_by: "admin".into(),
        created_at: at(1),
        expires_at: Some(at(100)),
        revoked_at: None,
        last_used_at: None,
    }
}

async fn company(store: &dyn ResourceStore, number: u128) -> CompanyId {
    let id = CompanyId::new(Uuid::from_u128(number));
    let currency = Currency::parse("EUR").unwrap();
    let account = Account::empty(AccountId::new(Home::Business, Uuid::from_u128(number)), currency);
    let company = Company {
        id,
        marqeta_token: None,
        name: "Wren".into(),
        status: CompanyStatus::Active,
        currency,
        zone: Zone::utc(),
        account: account.id,
        version: 1,
        created_at: at(1),
        status_set_at: None,
    };
    store.insert_company(company, account).await.unwrap();
    id
}

async fn keys_are_kept_as_hashes_and_end<S: ApiKeys + ResourceStore + AuditLog>(store: &S) {
    let (own, other) =
        (company(store, 0x0190_0000_0000_7000_8000_0000_0000_0001).await, company(store, 2).await);
    let (first, second) = (key(10, None), key(11, Some(own)));
    store.insert_key(first.clone(), [1; 32], None).await.unwrap();
    store.insert_key(second.clone(), [2; 32], None).await.unwrap();
    let taken = ApiKey { id: ApiKeyId::new(Uuid::from_u128(99)), ..first.clone() };
    let taken = store.insert_key(taken, [3; 32], None).await;
    assert!(matches!(taken, Err(StoreError::Taken(_))), "{taken:?}");

    let found = store.key_by_prefix(second.prefix.clone()).await.unwrap();
    assert_eq!(found, Some((second.clone(), [2; 32])));
    assert_eq!(store.key_by_prefix("ffffffffffff".into()).await.unwrap(), None);
    assert_eq!(store.key(second.id, None).await.unwrap(), Some(second.clone()));
    assert_eq!(store.key(second.id, Some(own)).await.unwrap(), Some(second.clone()));
    assert_eq!(store.key(second.id, Some(other)).await.unwrap(), None);
    assert_eq!(store.key(first.id, Some(own)).await.unwrap(), None, "the program's");

    let all = store.keys(None, None, 10).await.unwrap();
    assert_eq!(all, [second.clone(), first.clone()], "latest first");
    assert_eq!(store.keys(None, Some(second.id), 10).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(store.keys(None, None, 1).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(store.keys(Some(own), None, 10).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(store.keys(Some(other), None, 10).await.unwrap(), []);

    store.keys_used(vec![(first.id, at(50)), (second.id, at(60))]).await.unwrap();
    store.keys_used(vec![(first.id, at(40))]).await.unwrap();
    assert_eq!(store.key(first.id, None).await.unwrap().unwrap().last_used_at, Some(at(50)));

    assert!(!store.revoke_key(second.id, Some(other), at(70), None).await.unwrap());
    assert!(store.revoke_key(second.id, Some(own), at(71), None).await.unwrap());
    assert!(store.revoke_key(second.id, None, at(72), None).await.unwrap());
    let revoked = store.key(second.id, None).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(at(71)), "it keeps the time of the first");
}

async fn acts_and_entries_are_one<S: ApiKeys + ResourceStore + AuditLog>(store: &S) {
    assert_eq!(store.head().await.unwrap(), (0, BEGINNING));
    store.append(act("POST /a", Some("x"))).await.unwrap();
    let record = Record::new(act("POST /api-keys", None));
    record.name(&"key_1");
    store.insert_key(key(20, None), [1; 32], Some(Arc::clone(&record))).await.unwrap();
    assert_eq!(record.pending(), None, "written with the key");

    let failed = Record::new(act("POST /api-keys", None));
    let again = store.insert_key(key(20, None), [1; 32], Some(Arc::clone(&failed))).await;
    assert!(again.is_err() && failed.pending().is_some(), "nothing was done, nothing is written");

    let record = Record::new(act("POST /companies", None));
    let recording = store.recording(&record).expect("it keeps a log");
    company(&*recording, 3).await;
    company(&*recording, 4).await;
    assert_eq!(record.pending(), None);

    let entries = store.entries(0, 10).await.unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.number, entry.act.what.as_str(), entry.act.object.as_deref()))
        .collect();
    let expected = [
        (1, "POST /a", Some("x")),
        (2, "POST /api-keys", Some("key_1")),
        (3, "POST /companies", None),
    ];
    assert_eq!(told, expected, "one entry for each act");
    assert_eq!(store.entries(2, 10).await.unwrap(), entries[2..]);
    assert_eq!(store.latest(None, 2).await.unwrap(), [entries[2].clone(), entries[1].clone()]);
    assert_eq!(store.latest(Some(2), 9).await.unwrap(), entries[..1]);
    assert_eq!(store.head().await.unwrap(), (3, entries[2].hash));
    let begun = Act { outcome: Outcome::Begun, ..act("POST /b", None) };
    store.append(begun.clone()).await.unwrap();
    let last = store.latest(None, 1).await.unwrap();
    assert_eq!(last[0].act, begun, "the outcome is read back");
    let failed = Act { outcome: Outcome::Failed, ..act("POST /b", None) };
    store.append(failed).await.unwrap();
    let all = (0..14).map(|_| store.append(act("POST /b", None)));
    for appended in futures_util::future::join_all(all).await {
        appended.unwrap();
    }
    let report = verify_log(store).await.unwrap();
    assert_eq!((report.entries, report.broken_at), (19, None));
}

/// Whoever can write to the store can switch off what refuses changes; the chain shows it all the same.
async fn a_break_is_found(
    store: &dyn AuditLog,
    mut change: impl AsyncFnMut(&'static str),
    unlock: &'static str,
) {
    let broken = async || verify_log(store).await.unwrap().broken_at;
    assert_eq!(broken().await, None);
    change(unlock).await;
    change("update audit_log set outcome = 'begun' where number = 3").await;
    assert_eq!(broken().await, Some(3), "what was done was not only begun");
    change("update audit_log set outcome = null where number = 3").await;
    for (sql, undo, place) in [
        (
            "update audit_log set who = 'nobody' where number = 3",
            "update audit_log set who = 'admin' where number = 3",
            3,
        ),
        (
            "update audit_log set number = 99 where number = 5",
            "update audit_log set number = 5 where number = 99",
            5,
        ),
        (
            "update audit_head set number = number + 1",
            "update audit_head set number = number - 1",
            20,
        ),
    ] {
        change(sql).await;
        assert_eq!(broken().await, Some(place), "{sql}");
        change(undo).await;
        assert_eq!(broken().await, None, "{undo}");
    }
    change("delete from audit_log where number = 19").await;
    assert_eq!(broken().await, Some(19), "the last one is missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    use sqlx::{Connection, SqliteConnection};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.db");
    let clock = Arc::new(super::clock::TestClock::default());
    let store = tollgate::store::sqlite::SqliteStore::open(&path, clock, Default::default());
    let store = store.await.unwrap();
    keys_are_kept_as_hashes_and_end(&*store).await;
    let (_subject, logged) = open_store(&Home::ALL).await;
    acts_and_entries_are_one(&*logged).await;

    for number in 0..19 {
        store.append(act("POST /c", Some(&number.to_string()))).await.unwrap();
    }
    let url = format!("sqlite://{}", path.display());
    let refused = async |sql: &'static str| {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.is_err()
    };
    assert!(refused("update audit_log set who = 'x'").await);
    assert!(refused("delete from audit_log").await);
    let change = async |sql: &'static str| {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    };
    let unlock = "drop trigger audit_log_no_update; drop trigger audit_log_no_delete;";
    a_break_is_found(&*store, change, unlock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn on_postgres() {
    let database = Database::migrated().await;
    let store = prepared(database.options()).await;
    keys_are_kept_as_hashes_and_end(&*store).await;
    let database = Database::migrated().await;
    let store = prepared(database.options()).await;
    acts_and_entries_are_one(&*store).await;

    let refused = async |sql: &'static str| {
        let mut connection = database.connect().await;
        sqlx::query(sql).execute(&mut connection).await.is_err()
    };
    assert!(refused("update audit_log set who = 'x'").await);
    assert!(refused("delete from audit_log").await);
    assert!(refused("truncate audit_log").await);
    let change = async |sql: &'static str| {
        let mut connection = database.connect().await;
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    };
    a_break_is_found(&*store, change, "drop trigger audit_log_no_change on audit_log").await;
}
