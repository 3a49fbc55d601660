//! Eight publishers, and a platform that tells of purchases, while broker, service and databases are killed
//! in turn: published = processed + dead-lettered + parked, told = applied + parked, and each effect once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tollgate::app::clock::SystemClock;
use tollgate::broker::Broker;
use tollgate::broker::Outgoing;
use tollgate::broker::topology::Queue;
use tollgate::domain::clock::Clock;

use super::answers::{Answers, UNAVAILABLE};
use super::platform::Platform;
use super::scene::{Scene, all, number, purchase, report, to, until};
use crate::support::Program;
use crate::support::dice::Dice;

const PUBLISHERS: usize = 8;

/// Messages of one publish call, and the pause after it.
const CHUNK: usize = 10;
const PAUSE: Duration = Duration::from_millis(60);

/// The pause of the platform between its calls.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// One message in so many can not be read.
const POISON_EVERY: usize = 200;

/// Who is killed, in an order that is thrown, and how long it stays down.
const KILLED: [&str; 8] =
    ["rabbitmq", "service", "postgres", "rabbitmq", "service", "mongodb", "rabbitmq", "service"];
const DOWN: Duration = Duration::from_secs(1);

/// How long the rest may take once nobody is killed any more.
const DRAINED_WITHIN: Duration = Duration::from_secs(180);

/// Who is killed when, in parts of the whole time: each once in a part of its own, at any moment of it.
fn kills(seed: u64) -> Vec<(f64, &'static str)> {
    let (mut dice, mut killed) = (Dice(seed), KILLED);
    dice.shuffle(&mut killed);
    let share = 1.0 / killed.len() as f64;
    let mut at = |part: usize| (part as f64 + dice.below(1_000) as f64 / 1_000.0) * share;
    killed.into_iter().enumerate().map(|(part, who)| (at(part), who)).collect()
}

/// What publishers have tried, and what was confirmed to them.
#[derive(Default)]
struct Published {
    tried: Mutex<BTreeSet<String>>,
    confirmed: Mutex<BTreeSet<String>>,
    count: AtomicUsize,
    stop: AtomicBool,
}

/// The `n`th message of a publisher: purchases of both homes, reports, and now and then poison.
fn message(publisher: usize, n: usize, business: &Program, personal: &Program) -> Outgoing {
    let id = |kind: &str| format!("{kind}-{publisher}-{n}");
    let card = |program: &Program| program.cards[n % program.cards.len()].clone();
    if n % POISON_EVERY == POISON_EVERY - 1 {
        return to(Queue::JitFunding, &id("poison"), "{\"token\":".to_owned());
    }
    match publisher % 4 {
        0 | 1 => purchase(&id("business"), &card(business)),
        2 => purchase(&id("personal"), &card(personal)),
        _ => report(&id("report"), &card(business)),
    }
}

async fn publish(
    broker: Arc<dyn Broker>,
    published: Arc<Published>,
    publisher: usize,
    programs: Arc<(Program, Program)>,
) {
    let mut n = 0;
    while !published.stop.load(Ordering::SeqCst) {
        let chunk: Vec<Outgoing> =
            (n..n + CHUNK).map(|n| message(publisher, n, &programs.0, &programs.1)).collect();
        n += CHUNK;
        let ids: Vec<String> = chunk.iter().map(|one| one.message.id.clone()).collect();
        published.tried.lock().unwrap().extend(ids.iter().cloned());
        if let Ok(results) = broker.publish(chunk).await {
            let confirmed = ids.into_iter().zip(results).filter(|(_, result)| result.is_ok());
            let confirmed: Vec<String> = confirmed.map(|(id, _)| id).collect();
            published.count.fetch_add(confirmed.len(), Ordering::SeqCst);
            published.confirmed.lock().unwrap().extend(confirmed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn of_kind(ids: &BTreeSet<String>, kind: &str) -> BTreeSet<String> {
    ids.iter().filter(|id| id.starts_with(kind)).cloned().collect()
}

async fn reported(scene: &Scene) -> BTreeSet<String> {
    let mut connection = scene.postgres().await;
    let asked = sqlx::query_scalar("select transaction_id from transactions");
    let found: Vec<String> = asked.fetch_all(&mut connection).await.unwrap();
    assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len(), "processed twice");
    found.into_iter().collect()
}

/// Says of every dead letter why it is dead, and whether it could have been worked: only poison could not.
async fn tell_of_letters(scene: &Scene) {
    for letter in all(&mut scene.client(), "/api/v1/dead-letters", "").await {
        let id = letter["message_id"].as_str().unwrap();
        let could = if id.starts_with("poison") { "no" } else { "YES" };
        println!(
            "dead letter {id} of {} | could have been worked: {could} | {} | attempts {} | first error {} | \
             last error {}",
            letter["queue"],
            letter["reason"],
            letter["attempts"],
            letter["first_error"],
            letter["last_error"],
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: scripts/endure"]
async fn nothing_is_lost_and_nothing_is_applied_twice() {
    let seconds = number("TOLLGATE_ENDURE_KILLS_S", 60);
    let at_least = usize::try_from(number("TOLLGATE_ENDURE_MESSAGES", 20_000)).unwrap();
    let time = Duration::from_secs(seconds);
    let seed = number("TOLLGATE_ENDURE_SEED", SystemClock::new().uuid().as_u64_pair().1);
    println!("seed of the kills: TOLLGATE_ENDURE_SEED={seed}");
    let servers = ["postgres", "mongodb", "rabbitmq"];
    let mut scene = Scene::start(&servers, &[("JIT__QUEUE_DEADLINE_MS", "600000")]).await;
    let business = Program::set_up(&mut scene.client(), 1_000_000_000, 64).await;
    let personal = Program::set_up_personal(&mut scene.client(), 1_000_000_000, 64).await;
    let told_of = Program::set_up(&mut scene.client(), 1_000_000_000, 16).await;
    let platform = Platform::start(scene.door(), told_of.cards.clone(), TOLD_EVERY);
    let programs = Arc::new((business, personal));
    let (answers, reading) = Answers::read(&scene.broker);
    let published = Arc::<Published>::default();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let (broker, published) = (Arc::clone(&scene.broker), Arc::clone(&published));
            tokio::spawn(publish(broker, published, publisher, Arc::clone(&programs)))
        })
        .collect();

    let started = Instant::now();
    for (at, who) in kills(seed) {
        tokio::time::sleep_until(started + time.mul_f64(at)).await;
        let before = published.count.load(Ordering::SeqCst);
        println!("{:>5.1} s: {before} confirmed, kill -9 {who}", started.elapsed().as_secs_f64());
        match who {
            "service" => {
                scene.kill_service();
                tokio::time::sleep(DOWN).await;
                scene.start_service().await;
            }
            server => scene.restart(server, DOWN).await,
        }
    }
    tokio::time::sleep_until(started + time).await;
    let enough = async || published.count.load(Ordering::SeqCst) >= at_least;
    until("enough was published", time * 3, enough).await;
    published.stop.store(true, Ordering::SeqCst);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let sent = platform.stop().await;
    let took = started.elapsed();

    let confirmed = published.confirmed.lock().unwrap().clone();
    let tried = published.tried.lock().unwrap().clone();
    let (asked, reports) = (
        &of_kind(&confirmed, "business") | &of_kind(&confirmed, "personal"),
        of_kind(&confirmed, "report"),
    );
    let poison = of_kind(&confirmed, "poison");
    let dead = async || -> BTreeSet<String> {
        let letters = all(&mut scene.client(), "/api/v1/dead-letters", "").await;
        let ids: Vec<String> =
            letters.iter().map(|it| it["message_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "dead twice");
        ids.into_iter().collect()
    };
    let drained = until("everything is worked", DRAINED_WITHIN, async || {
        asked.is_subset(&answers.ids())
            && reports.is_subset(&reported(&scene).await)
            && poison.is_subset(&dead().await)
            && scene.waiting(Queue::JitFunding).await == 0
            && scene.waiting(Queue::Transactions).await == 0
            && scene.count("select count(1) from webhook_events where status = 'received'").await
                == 0
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await; // whatever comes twice comes now
    reading.abort();

    let parked = all(&mut scene.client(), "/api/v1/transactions", "status=parked").await.len();
    tell_of_letters(&scene).await;
    let (dead, reported) = (dead().await, reported(&scene).await);
    let processed = &(&answers.ids() | &reported);
    let worked = processed | &dead;
    let lost: Vec<_> = confirmed.difference(&worked).collect();
    let invented: Vec<_> = worked.difference(&tried).collect();
    assert!(lost.is_empty() && invented.is_empty(), "lost {lost:?}, invented {invented:?}");
    assert_eq!(dead, of_kind(&dead, "poison"), "nothing is dead that could be worked");
    assert_eq!(answers.decided_twice(), [""; 0]);
    let approved = answers.said("200");
    let (mut client, (business, personal)) = (scene.client(), &*programs);
    for (program, kind) in [(business, "business"), (personal, "personal")] {
        let held = program.held(&mut client).await;
        let expected = i64::try_from(of_kind(&approved, kind).len()).unwrap();
        assert_eq!(held, expected, "each {kind} purchase holds 0.01 once");
    }
    let (applied, parked_notices) = (scene.notices("applied").await, scene.notices("parked").await);
    let missing: Vec<_> = sent
        .acknowledged
        .iter()
        .filter(|it| !(applied.contains(*it) || parked_notices.contains(*it)))
        .collect();
    assert!(missing.is_empty(), "notifications that are lost: {missing:?}");
    let held = told_of.held(&mut client).await;
    assert_eq!(held, i64::try_from(applied.len()).unwrap(), "each told purchase holds 0.01 once");
    scene.verify();
    println!(
        "endure: notifications | {} acknowledged ({} calls were not, and came again) = {} applied + {} \
         parked | 0 lost, 0 twice",
        sent.acknowledged.len(),
        sent.refused,
        applied.len(),
        parked_notices.len(),
    );
    println!(
        "endure: kills | {:.0} s, {} kills, seed {seed} | {} confirmed = {} processed + {} dead + \
         {parked} parked (of {} tried) | {} answered unavailable, {} of them decided when they came again | \
         0 lost, 0 twice, books clean, drained in {:.1} s",
        took.as_secs_f64(),
        KILLED.len(),
        confirmed.len(),
        confirmed.intersection(processed).count(),
        confirmed.intersection(&dead).count(),
        tried.len(),
        answers.said(UNAVAILABLE).len(),
        answers.contradictions().len(),
        drained.as_secs_f64(),
    );
}
