//! kill -9 under load: every answered decision is there, and a retried token answers the same bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use crate::support::instance::Instance;
use crate::support::{Program, marqeta, verify};

const KILLS: usize = 3;
const CALLERS: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_decision_survives_a_kill_and_is_answered_again_with_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut service = Instance::start(dir.path()).await;
    let program = Program::set_up(&mut service.client(), 100_000_000, CALLERS).await;
    let answered: Arc<Mutex<HashMap<String, (u16, Bytes)>>> = Arc::default();
    for round in 0..KILLS {
        let callers = (0..CALLERS).map(|caller| {
            let (mut client, answered) = (service.client(), Arc::clone(&answered));
            let card = program.cards[caller].clone();
            tokio::spawn(async move {
                for number in 0.. {
                    let token = format!("k{round}-{caller}-{number}");
                    let body = marqeta::purchase(&token, &card, "1.00");
                    let Ok(answer) = client.try_jit(body.into()).await else { return };
                    let stored = (answer.status.as_u16(), answer.body);
                    answered.lock().expect("a lock").insert(token, stored);
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        tokio::time::sleep(Duration::from_millis(700)).await;
        service.kill();
        for caller in callers {
            caller.await.expect("a caller");
        }
        verify::books(dir.path()).await;
        service = Instance::start(dir.path()).await;
    }

    let answered =
        Arc::try_unwrap(answered).expect("all callers are gone").into_inner().expect("a lock");
    let approved = answered.values().filter(|(status, _)| *status == 200).count();
    assert!(approved > 100, "{approved} approvals before the kills are too few to tell");
    let mut client = service.client();
    for (token, (status, body)) in &answered {
        let caller: usize =
            token.split('-').nth(1).and_then(|it| it.parse().ok()).expect("a number");
        let again = client.jit(marqeta::purchase(token, &program.cards[caller], "1.00")).await;
        assert_eq!((again.status.as_u16(), &again.body), (*status, body), "{token}");
    }
    let held = program.held(&mut client).await;
    assert!(
        held >= i64::try_from(approved).expect("small") * 100,
        "{approved} approved, {held} held"
    );
    println!(
        "{KILLS} kills, {} answered, {approved} approved, 0 missing, 0 changed",
        answered.len()
    );
    drop(client);
    service.kill();
    verify::books(dir.path()).await;
}
