//! A message that the real process is killed over, again and again: dead after four attempts, while its
//! neighbours are worked.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::answers::Answers;
use super::scene::{Scene, all, purchase, until};
use crate::support::Program;

const POISON: &str = "poison";

/// How long a process may take to come to it.
const BEGUN_WITHIN: Duration = Duration::from_secs(30);

/// Attempts at the poison that are written down: none before it has come a second time.
async fn attempts(scene: &Scene) -> i64 {
    scene.count("select coalesce(max(attempts), 0) from inbox where message_id = 'poison'").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: scripts/endure"]
async fn a_message_that_its_process_is_killed_over_is_dead_after_four_attempts() {
    let settings = [("JIT__QUEUE_DEADLINE_MS", "600000")];
    let mut scene = Scene::start(&["postgres", "rabbitmq"], &settings).await;
    let mut client = scene.client();
    let poisoned = Program::set_up(&mut client, 1_000_000, 1).await;
    let neighbour = Program::set_up(&mut client, 1_000_000, 1).await;
    let (answers, reading) = Answers::read(&scene.broker);

    // Whoever takes the poison waits for this lock, and so can be killed while at it.
    let account: Uuid = poisoned.account.trim_start_matches("acc_b").parse().unwrap();
    let mut lock = scene.postgres().await;
    sqlx::raw_sql("begin").execute(&mut lock).await.unwrap();
    let locking = sqlx::query("select id from accounts where id = $1 for update").bind(account);
    locking.fetch_one(&mut lock).await.unwrap();

    let mut messages = vec![purchase(POISON, poisoned.card())];
    messages.extend((0..20).map(|n| purchase(&format!("before-{n}"), neighbour.card())));
    scene.broker.publish(messages).await.unwrap();
    let neighbours =
        |name: &str| -> usize { answers.ids().iter().filter(|id| id.starts_with(name)).count() };
    until("neighbours flow", BEGUN_WITHIN, async || neighbours("before") == 20).await;

    let started = Instant::now();
    let mut kills = 0;
    let letter = loop {
        scene.kill_service();
        kills += 1;
        assert!(kills <= 6, "it is tried for ever");
        let before = attempts(&scene).await;
        scene.start_service().await;
        let begun = Instant::now();
        let letter = loop {
            let mut client = scene.client();
            let letters = all(&mut client, "/api/v1/dead-letters", "").await;
            if !letters.is_empty() || attempts(&scene).await > before {
                break letters.into_iter().next();
            }
            assert!(begun.elapsed() < BEGUN_WITHIN, "the poison does not come again");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        if let Some(letter) = letter {
            break letter;
        }
    };
    let took = started.elapsed();
    assert_eq!(letter["message_id"], POISON);
    assert_eq!((&letter["attempts"], &letter["reason"]), (&4.into(), &"attempts_exhausted".into()));
    assert_eq!(kills, 4, "each attempt ends with the process");
    sqlx::raw_sql("rollback").execute(&mut lock).await.unwrap();
    let after: Vec<_> =
        (0..20).map(|n| purchase(&format!("after-{n}"), neighbour.card())).collect();
    scene.broker.publish(after).await.unwrap();
    until("neighbours flow", BEGUN_WITHIN, async || neighbours("after") == 20).await;
    reading.abort();
    assert!(!answers.ids().contains(POISON), "nobody has lived to answer it");
    assert_eq!(neighbour.held(&mut scene.client()).await, 40);
    scene.verify();
    println!(
        "endure: poison | {kills} kills of the process in {:.1} s | dead after 4 attempts, 40 neighbours \
         worked, books clean",
        took.as_secs_f64(),
    );
}
