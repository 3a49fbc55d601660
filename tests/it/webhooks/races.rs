//! Notices that race what they tell of, stand-ins, and the acknowledgement's own speed.

use std::time::Duration;

use tokio::time::Instant;

use super::events::{authorization, clearing, envelope, refund, stand_in, timed_out};
use crate::support::corners::Corners;
use crate::support::instance::Instance;
use crate::support::{Client, Program, TestApp, marqeta};

async fn settles_at(program: &Program, client: &mut Client, held: i64, posted: i64) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let account = program.account(client).await;
        if (account["held"].as_i64(), account["posted"].as_i64()) == (Some(held), Some(posted)) {
            return;
        }
        assert!(Instant::now() < until, "{account}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_notice_that_races_its_own_authorization_leaves_no_hold() {
    let app = TestApp::start().await;
    let program = Program::set_up(&mut app.client(), 1_000_000_00, 1).await;
    timeouts_race(&app.client(), &program, "r", 150).await;
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_timeout_notice_that_races_its_own_authorization_leaves_no_hold_on_servers() {
    let corners = Corners::new().await;
    let folder = tempfile::tempdir().unwrap();
    let service = Instance::start_on(folder.path(), &corners.environment()).await;
    let mut client = service.client();
    let business = Program::set_up(&mut client, 1_000_000_00, 1).await;
    timeouts_race(&client, &business, "b", 60).await;
    let personal = Program::set_up_personal(&mut client, 1_000_000_00, 1).await;
    timeouts_race(&client, &personal, "w", 60).await;
    service.verify();
    service.kill();
    corners.clear().await;
}

/// So many purchases, each while the platform tells that it had no answer in time.
async fn timeouts_race(client: &Client, program: &Program, prefix: &str, rounds: usize) {
    let (mut asking, mut telling) = (client.another(), client.another());
    let (mut approved, mut late) = (0, 0);
    for round in 0..rounds {
        let token = format!("{prefix}{round}");
        let ask = marqeta::purchase(&token, program.card(), "10.00");
        let tell = envelope("transactions", &[timed_out(&token, program.card(), "10.00")]);
        // Either may be ahead, by nothing up to some milliseconds, and now and then by far.
        let by = if round % 40 < 2 { 400_000 } else { u64::try_from(round % 10).unwrap() * 1_500 };
        let head_start = Duration::from_micros(by);
        let asked = async {
            if round % 2 == 0 {
                tokio::time::sleep(head_start).await;
            }
            asking.jit(ask.clone()).await
        };
        let told = async {
            if round % 2 == 1 {
                tokio::time::sleep(head_start).await;
            }
            telling.notify(tell).await
        };
        let (answer, told) = tokio::join!(asked, told);
        assert_eq!(told.status, 200);
        match answer.says() {
            (200, _) => approved += 1,
            (402, reason) => {
                assert_eq!(reason, "TRANSACTION_NOT_PERMITTED");
                late += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(approved + late, rounds);
    settles_at(program, &mut asking, 0, 0).await;
    // From now on every one of them is the same late decline.
    for round in [0, 1, rounds - 1] {
        let token = format!("{prefix}{round}");
        let again = asking.jit(marqeta::purchase(&token, program.card(), "10.00")).await;
        let body = String::from_utf8_lossy(&again.body).into_owned();
        assert!(again.status == 402 && body.contains(r#""memo":"late""#), "{body}");
    }
    assert!(approved > 0 && late > 0, "both ways were taken: {approved} before, {late} after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_notice_of_any_type_releases_what_was_held_under_its_token() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    for (token, kind) in [("y1", "authorization.new"), ("y2", "unknown")] {
        let (order, method) = ("gpa_order", "pgfs.authorization.new");
        let asked = marqeta::message(kind, order, token, method, program.card(), "10.00");
        assert_eq!(client.jit(asked.to_string()).await.status, 200);
        settles_at(&program, &mut client, 10_00, 0).await;
        let mut told = timed_out(token, program.card(), "10.00");
        told["type"] = kind.into();
        told["gpa_order"]["jit_funding"]["method"] = method.into();
        client.notify(envelope("transactions", &[told])).await;
        settles_at(&program, &mut client, 0, 0).await;
        let again = client.jit(asked.to_string()).await;
        assert_eq!(again.says(), (402, "TRANSACTION_NOT_PERMITTED".into()), "late for ever");
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_notice_that_names_no_card_releases_what_was_decided_under_its_token() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    for token in ["n1", "n2"] {
        let answer = client.jit(marqeta::purchase(token, program.card(), "10.00")).await;
        assert_eq!(answer.status, 200);
    }
    settles_at(&program, &mut client, 20_00, 0).await;
    let without_card = |token: &str| {
        let mut event = timed_out(token, program.card(), "10.00");
        event.as_object_mut().unwrap().remove("card_token");
        event
    };
    let told = [without_card("n1"), without_card("early")];
    client.notify(envelope("transactions", &told)).await;
    settles_at(&program, &mut client, 10_00, 0).await;
    // Nothing was decided under the second, yet.
    super::parked_for(&mut client, "funding_unknown").await;
    let early = marqeta::purchase("early", program.card(), "10.00");
    assert_eq!(client.jit(early.clone()).await.status, 200);
    super::all_applied(&mut client).await;
    settles_at(&program, &mut client, 10_00, 0).await;
    let again = client.jit(early).await;
    assert_eq!(again.says(), (402, "TRANSACTION_NOT_PERMITTED".into()), "late for ever");
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stand_in_overdraws_and_is_cleared_and_refunded() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 10_00, 1).await;
    let card = program.card();
    let answer = client.jit(marqeta::purchase("s1", card, "50.00")).await;
    assert_eq!(answer.says(), (402, "INSUFFICIENT_FUNDS".into()));
    client.notify(envelope("transactions", &[stand_in("s1", card, "50.00")])).await;
    settles_at(&program, &mut client, 50_00, 0).await;
    let refused = client.jit(marqeta::purchase("s2", card, "0.01")).await;
    assert_eq!(refused.says(), (402, "INSUFFICIENT_FUNDS".into()));
    let last = clearing("s1c", "s1", card, "45.00", true);
    client.notify(envelope("transactions", &[last])).await;
    settles_at(&program, &mut client, 0, 45_00).await;
    client.notify(envelope("transactions", &[refund("s1r", "s1c", card, "40.00")])).await;
    settles_at(&program, &mut client, 0, 5_00).await;
    assert_eq!(client.jit(marqeta::purchase("s3", card, "5.00")).await.status, 200);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_are_acknowledged_at_once_while_the_worker_is_stopped() {
    const BODIES: usize = 300;
    let app = TestApp::start_with(|settings| settings.webhooks.worker = false).await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 1_000_000_00, 1).await;
    let mut took = Vec::with_capacity(BODIES);
    for at in 0..BODIES {
        let event = authorization(&format!("k{at}"), program.card(), "1.00", "PENDING");
        let body = envelope("transactions", &[event]);
        let started = Instant::now();
        assert_eq!(client.notify(body).await.status, 200);
        took.push(started.elapsed());
    }
    took.sort_unstable();
    assert_eq!(program.held(&mut client).await, 0, "nobody works");
    let p99 = took[BODIES * 99 / 100];
    println!("acknowledged in p50 {:?}, p99 {p99:?}", took[BODIES / 2]);
    // The promise is 50 ms; a debug build on a machine that others use is given four times that.
    assert!(p99 < Duration::from_millis(200), "p50 {:?}, p99 {p99:?}", took[BODIES / 2]);
    app.stop_and_verify().await;
}
