//! Lanes on a home that fails on demand.

mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{AuthorizeError, HomeLanes, Homes, LaneSettings, StepError, Unavailable};
use crate::domain::clock::Clock;
use crate::domain::decision::Fingerprint;
use crate::domain::facts::Facts;
use crate::domain::request::{AuthRequest, Operation};
use crate::ledger::intent::{Notice, NoticeIntent, Step, StepIntent};
use crate::ledger::testing::{NOON, account_id, request, token, usd};

use world::{World, world, world_of};

fn fund(key: &str, minor: i64) -> StepIntent {
    StepIntent {
        key: key.to_owned(),
        fingerprint: Fingerprint::of(&[key]),
        account: account_id(1),
        chain: None,
        step: Step::Fund(usd(minor)),
    }
}

const PATIENT: LaneSettings =
    LaneSettings { deadline_us: 30_000_000, batch_max: 256, queue_max: 64, stall_us: 30_000_000 };

/// Queues all of them behind a stopped home, so that they make one batch.
async fn as_one_batch(world: &World, names: &[&str]) -> Vec<Result<bool, AuthorizeError>> {
    world.stop().await;
    let first = world.ask("first");
    tokio::time::sleep(Duration::from_millis(20)).await; // the first is with the home now
    let asked: Vec<_> = names.iter().map(|name| world.ask(name)).collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    world.go_on();
    assert_eq!(first.await.unwrap(), Ok(true));
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(asked.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn a_failing_item_does_not_sink_its_neighbours() {
    let world = world(PATIENT);
    world.faults.poison.lock().unwrap().insert(token("bad"));
    let answers = as_one_batch(&world, &["a", "bad", "b"]).await;
    let failed = Err(AuthorizeError::Unavailable(Unavailable::Store));
    assert_eq!(answers, [Ok(true), failed, Ok(true)]);
    assert_eq!(world.held(), 300);
}

#[tokio::test]
async fn a_panicking_item_does_not_sink_its_neighbours() {
    let world = world(PATIENT);
    world.faults.bomb.lock().unwrap().insert(token("bad"));
    let answers = as_one_batch(&world, &["a", "bad", "b"]).await;
    let failed = Err(AuthorizeError::Unavailable(Unavailable::Store));
    assert_eq!(answers, [Ok(true), failed, Ok(true)]);
    assert_eq!(world.ask("c").await.unwrap(), Ok(true), "the lane lives");
}

#[tokio::test]
async fn a_lost_acknowledgement_moves_money_once() {
    let world = world(PATIENT);
    world.faults.lost_acks.store(1, Ordering::Relaxed);
    let movement = world.pipeline.step(Facts::default(), fund("k", 500)).await.unwrap();
    assert_eq!(movement.available, 1_000_500);
    world.faults.lost_acks.store(1, Ordering::Relaxed);
    assert_eq!(world.ask("a").await.unwrap(), Ok(true));
    let ledger = world.ledger.lock().unwrap();
    assert_eq!(ledger.accounts[&account_id(1)].funded, 500);
    assert_eq!(ledger.accounts[&account_id(1)].held, 100);
    assert!(!ledger.decisions[&token("a")].repeated, "running a batch again is no repeat");
    assert_eq!(world.pipeline.lane_stats().retries, 2);
}

#[tokio::test]
async fn conflicts_are_run_again_and_an_outage_is_answered_at_once() {
    let world = world(PATIENT);
    world.faults.conflicts.store(3, Ordering::Relaxed);
    assert_eq!(world.ask("a").await.unwrap(), Ok(true));
    world.faults.outages.store(1, Ordering::Relaxed);
    let outage = Err(AuthorizeError::Unavailable(Unavailable::Store));
    assert_eq!(world.ask("b").await.unwrap(), outage);
    assert_eq!(world.ask("b").await.unwrap(), Ok(true), "no decision was stored: it is judged");
    let faults = &world.faults;
    faults.outages.store(1, Ordering::Relaxed);
    let step = world.pipeline.step(Facts::default(), fund("k", 1)).await;
    assert_eq!(step.unwrap_err(), StepError::Unavailable(Unavailable::Store));
}

#[tokio::test]
async fn a_batch_that_keeps_clashing_is_halved() {
    let world = world(PATIENT);
    world.stop().await;
    let first = world.ask("first");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let batch = ["1", "2", "3", "4"].map(|card| world.ask_with(&format!("t{card}"), card));
    tokio::time::sleep(Duration::from_millis(20)).await;
    world.faults.crowded.store(3, Ordering::Relaxed);
    world.go_on();
    assert_eq!(first.await.unwrap(), Ok(true));
    for asked in batch {
        assert_eq!(asked.await.unwrap(), Ok(true));
    }
    let stats = world.pipeline.lane_stats();
    assert_eq!((stats.batches, stats.items, stats.retries), (1 + 2, 5, 2));
}

#[tokio::test]
async fn the_same_token_from_many_callers_is_one_decision() {
    let world = world(PATIENT);
    let asked: Vec<_> = (0..32).map(|_| world.ask("same")).collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), Ok(true));
    }
    assert_eq!(world.held(), 100);
    assert_eq!(world.ledger.lock().unwrap().authorizations.len(), 1);
}

#[tokio::test]
async fn a_full_lane_sheds_at_once() {
    let world = world(LaneSettings { queue_max: 2, ..PATIENT });
    world.stop().await;
    let first = world.ask("first");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let waiting = [world.ask("a"), world.ask("b")];
    tokio::time::sleep(Duration::from_millis(20)).await;
    let shed = Err(AuthorizeError::Unavailable(Unavailable::Shed));
    assert_eq!(world.ask("c").await.unwrap(), shed);
    world.go_on();
    assert_eq!(first.await.unwrap(), Ok(true));
    for asked in waiting {
        assert_eq!(asked.await.unwrap(), Ok(true));
    }
    assert_eq!(world.held(), 300);
}

#[tokio::test]
async fn a_stalled_lane_answers_what_waits_and_arrives_and_goes_on_later() {
    let world = world(LaneSettings { stall_us: 50_000, ..PATIENT });
    world.stop().await;
    let first = world.ask("first");
    tokio::time::sleep(Duration::from_millis(10)).await;
    let stalled = Err(AuthorizeError::Unavailable(Unavailable::Stalled));
    assert_eq!(world.ask("waits").await.unwrap(), stalled);
    assert_eq!(world.ask("arrives").await.unwrap(), stalled);
    assert_eq!(world.pipeline.lane_stats().stalled, 2);
    world.go_on();
    assert_eq!(first.await.unwrap(), Ok(true), "the batch itself is within its deadline");
    world.settled().await;
    assert_eq!(world.ask("later").await.unwrap(), Ok(true));
    assert_eq!(world.held(), 200);
}

#[tokio::test]
async fn a_lane_whose_home_has_gone_stays_stalled_until_it_is_back() {
    let world = world(LaneSettings { stall_us: 50_000, ..PATIENT });
    world.stop().await;
    let first = world.ask("first");
    tokio::time::sleep(Duration::from_millis(80)).await;
    // The batch ends in an outage, and so do the next two tries.
    world.faults.outages.store(3, Ordering::Relaxed);
    world.go_on();
    let gone = Err(AuthorizeError::Unavailable(Unavailable::Store));
    assert_eq!(first.await.unwrap(), gone);
    let stalled = Err(AuthorizeError::Unavailable(Unavailable::Stalled));
    assert_eq!(world.ask("meanwhile").await.unwrap(), stalled);
    while world.faults.outages.load(Ordering::Relaxed) > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(world.ask("later").await.unwrap(), Ok(true));
}

#[tokio::test]
async fn lanes_that_stand_still_are_waited_for_together() {
    let world = world_of(PATIENT, |home| Homes::Separate {
        business: HomeLanes { home: Arc::clone(&home), lanes: 3 },
        personal: HomeLanes { home, lanes: 3 },
    });
    world.stop().await;
    let from = world.clock.monotonic();
    world.settled().await;
    let waited_us = world.clock.monotonic().since(from);
    assert!((1_900_000..3_900_000).contains(&waited_us), "{waited_us} µs");
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_voided_and_stays_a_late_decline() {
    let world = world(LaneSettings { deadline_us: 60_000, ..PATIENT });
    world.stop().await;
    let late = Err(AuthorizeError::Unavailable(Unavailable::Late));
    let (first, waits) = (world.ask("first"), world.ask("waits"));
    assert_eq!(first.await.unwrap(), late);
    assert_eq!(waits.await.unwrap(), late);
    world.go_on();
    world.settled().await;
    world.settled().await;
    assert_eq!(world.held(), 0);
    assert_eq!(world.ask("first").await.unwrap(), Ok(false), "a late decline for ever");
}

#[tokio::test]
async fn a_caller_that_leaves_is_not_judged_or_its_approval_is_taken_back() {
    let world = world(PATIENT);
    world.stop().await;
    let with_home = world.ask("with-home");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let in_queue = world.ask("in-queue");
    tokio::time::sleep(Duration::from_millis(20)).await;
    with_home.abort();
    in_queue.abort();
    tokio::time::sleep(Duration::from_millis(20)).await;
    world.go_on();
    world.settled().await;
    world.settled().await;
    assert_eq!(world.held(), 0);
    let ledger = world.ledger.lock().unwrap();
    assert!(!ledger.decisions[&token("with-home")].approved());
    assert!(!ledger.decisions.contains_key(&token("in-queue")), "never judged");
}

#[tokio::test]
async fn an_unknown_card_is_declined_and_stored() {
    let world = world(PATIENT);
    let mut request = request("a", Operation::Authorize, 100);
    request.card = token("nobody");
    let received = world.clock.monotonic();
    let decision = world.pipeline.authorize(request, received).await.unwrap();
    assert_eq!(decision.refusal.as_ref().unwrap().code.as_str(), "card.unknown");
    assert!(world.ledger.lock().unwrap().decisions.contains_key(&token("a")));
}

#[tokio::test]
async fn a_repeat_of_a_declined_request_is_no_further_try_of_a_card() {
    let world = world(PATIENT);
    let decline = async |name: &str| {
        let mut request = request(name, Operation::Authorize, 2_000_000);
        request.merchant.mid = Some("m".into());
        let decision = world.pipeline.authorize(request, world.clock.monotonic()).await.unwrap();
        assert!(!decision.approved());
    };
    let alerted = || {
        let alerts = world.pipeline.profiler.report(NOON, 1).alerts;
        alerts.iter().any(|alert| alert.kind == "card_testing")
    };
    for _ in 0..100 {
        decline("a").await;
    }
    assert!(!alerted());
    for number in 0..49 {
        decline(&format!("b-{number}")).await;
    }
    assert!(alerted());
}

#[tokio::test]
async fn a_hold_lives_as_long_as_the_message_or_the_category_says() {
    let world = world(PATIENT);
    let days = async |name: &str, mcc: Option<&str>, sent: Option<u16>| {
        let mut request: AuthRequest = request(name, Operation::Authorize, 100);
        request.card = token("card");
        request.merchant.mcc = mcc.map(|mcc| mcc.parse().unwrap());
        request.hold_days = sent;
        let received = world.clock.monotonic();
        let decision = world.pipeline.authorize(request, received).await.unwrap();
        let ledger = world.ledger.lock().unwrap();
        let chain = &ledger.chains[&decision.authorization];
        (chain.expires_at.unwrap().as_micros() - decision.at.as_micros()) / 86_400_000_000
    };
    assert_eq!(days("other", Some("5411"), None).await, 7);
    assert_eq!(days("unknown", None, None).await, 7);
    assert_eq!(days("hotel", Some("7011"), None).await, 30);
    assert_eq!(days("sent", Some("7011"), Some(3)).await, 3);
}

#[tokio::test]
async fn a_hold_that_is_told_of_lives_as_long_as_the_message_or_the_category_says() {
    let world = world(PATIENT);
    let days = async |name: &str, mcc: &str, sent: Option<u16>| {
        let mut request: AuthRequest = request(name, Operation::Authorize, 100);
        request.merchant.mcc = Some(mcc.parse().unwrap());
        request.hold_days = sent;
        let facts = world.pipeline.facts_of(&request.card).await.unwrap();
        let told = NoticeIntent {
            key: format!("{name}:approved"),
            opposite: format!("{name}:declined"),
            fingerprint: Fingerprint::of(&[name]),
            transaction: request.transaction.clone().unwrap(),
            funding: Some(request.token.clone()),
            account: account_id(1),
            notice: Notice::Approved(request),
        };
        let movement = world.pipeline.notice(facts, told).await.unwrap();
        let ledger = world.ledger.lock().unwrap();
        let chain = &ledger.chains[&movement.chain.unwrap()];
        (chain.expires_at.unwrap().as_micros() - movement.at.as_micros()) / 86_400_000_000
    };
    assert_eq!(days("other", "5411", None).await, 7);
    assert_eq!(days("hotel", "7011", None).await, 30);
    assert_eq!(days("sent", "7011", Some(3)).await, 3);
}
