//! Rows that a process of the release before has written: it does not say who has given a status.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use tollgate::domain::id::Home;
use tollgate::domain::party::Setter;

use super::clock::TestClock;
use super::postgres::subject;
use super::postgres_database::{Database, run};
use super::sqlite::{FILE, open_in};
use super::subject::Subject;

/// As that release writes a row: the status, and another version.
fn written_before(table: &str) -> String {
    format!("update {table} set status = 'SUSPENDED', version = version + 1")
}

async fn a_status_is_nobodys_any_more(subject: &Subject, write: impl AsyncFn(String)) {
    let mut program = subject.program("acme", 0).await;
    let (user, card) = (program.user.id, program.card.id);
    let store = &subject.resources;
    let setters = async || {
        let user = store.user_record(user).await.unwrap().unwrap();
        let card = store.card_record(card).await.unwrap().unwrap();
        (user.status_set_by, card.status_set_by)
    };
    let company = Some(Setter::Company);
    assert_eq!(setters().await, (company, company));
    write(written_before("users")).await;
    write(written_before("cards")).await;
    assert_eq!(setters().await, (None, None));
    (program.user.version, program.card.version) = (3, 3);
    store.update_user(program.user).await.unwrap();
    store.update_card(program.card).await.unwrap();
    assert_eq!(setters().await, (company, company), "it is said again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_release_before_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let (subject, _store) = open_in(folder, &Home::ALL).await;
    let write = async |sql: String| {
        let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    };
    a_status_is_nobodys_any_more(&subject, write).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn of_the_release_before_on_postgres() {
    let database = Database::migrated().await;
    let subject = subject(database.options(), Arc::new(TestClock::beside_a_server())).await;
    let write = async |sql: String| run(&mut database.connect().await, sql).await;
    a_status_is_nobodys_any_more(&subject, write).await;
}
