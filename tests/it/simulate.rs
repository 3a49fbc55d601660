//! `tollgate simulate`: the platform, played against a running service.

use std::process::Command;

use crate::broker::world as brokers;
use crate::store::mongodb::Corner;
use crate::store::postgres_database::Database;
use crate::support::app::{ADMIN_KEY, JIT_PASSWORD, JIT_USER};
use crate::support::instance::Instance;
use crate::support::servers;

/// What notifications are signed with.
const SECRET: &str = "Example-Secret-0001-abcXYZ!";

/// Whether both sides agreed, and what was printed.
async fn simulate(instance: &Instance, more: Vec<&'static str>) -> (bool, String) {
    let addr = instance.addr.to_string();
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["simulate", "--tollgate", &addr, "--key", ADMIN_KEY])
            .args(["--username", JIT_USER, "--password", JIT_PASSWORD])
            .args(more)
            .output()
            .expect("simulate runs")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("simulate ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said + &complained)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_acknowledges_is_told_and_the_books_differ() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start(folder.path()).await;
    let more = vec![
        "--webhook-password",
        "Wrong-password-0001!",
        "--attempts",
        "1",
        "--rounds",
        "1",
        "--patience-s",
        "0",
    ];
    let (agree, said) = simulate(&instance, more).await;
    assert!(!agree, "{said}");
    for line in [
        "  authorization and clearing",
        "  an answer that comes too late                 1 of 1",
        "  a force post beside a hold                    1 of 1",
        "never acknowledged: 52",
        "the two sides do NOT agree",
    ] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    instance.verify();
}

/// Every flow on four cards, two of them of persons, late, twice and in any order.
async fn both_sides_agree(environment: &[(String, String)]) {
    let folder = tempfile::tempdir().unwrap();
    let mut environment = environment.to_vec();
    environment.push(("TOLLGATE__WEBHOOKS__SIGNATURE__SECRET".to_owned(), SECRET.to_owned()));
    let instance = Instance::start_on(folder.path(), &environment).await;
    let (agree, said) = simulate(
        &instance,
        vec![
            "--secret",
            SECRET,
            "--personal",
            "50",
            "--rounds",
            "3",
            "--seed",
            "7",
            "--duplicates",
            "40",
            "--delay-ms",
            "30",
            "--shuffle",
            "12",
            "--batch",
            "4",
            "--patience-s",
            "60",
        ],
    )
    .await;
    assert!(agree, "{said}");
    let cards = "and 4 cards compared, 0 differences";
    for line in ["books: 4 accounts (2 of them wallets)", cards, "both sides agree"] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    instance.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_agree_after_every_flow_late_twice_and_in_any_order() {
    both_sides_agree(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn both_sides_agree_on_servers_with_a_store_for_each_home() {
    let (database, corner) = (Database::migrated().await, Corner::new());
    let prefix = format!("{}.", servers::unique());
    let rabbitmq = servers::url("RABBITMQ_URL");
    let environment = [
        ("DATABASE_URL", database.service_url()),
        ("MONGODB_URI", corner.url()),
        ("RABBITMQ_URL", &rabbitmq),
        ("TOLLGATE__BROKER__RABBITMQ__PREFIX", &prefix),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    both_sides_agree(&environment).await;
    brokers::clear(&rabbitmq, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_cards_may_be_of_persons_and_few_are_one_at_least() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start(folder.path()).await;
    for (share, wallets) in [("100", "(4 of them wallets)"), ("1", "(1 of them wallets)")] {
        let (agree, said) = simulate(&instance, vec!["--personal", share, "--rounds", "1"]).await;
        assert!(agree && said.contains(wallets), "{said}");
    }
    instance.verify();
}
