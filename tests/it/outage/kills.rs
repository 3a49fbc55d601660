//! kill -9 of each money home under load, again and again: ten times in the long form.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::{Client, Program, marqeta, rounds};

use super::volley::{Shot, Volley, nothing_is_missing, p99};

const KILLS: usize = 3;
const KILLS_LONG: usize = 10;
const CALLERS: usize = 16;

/// From the kill until the service has noticed: a lookup has half of the deadline.
const NOTICED: Duration = Duration::from_millis(600);

/// How long the server is left down after that.
const DOWN: Duration = Duration::from_millis(900);

/// What the policy promises once it has.
const ANSWERED_WITHIN: Duration = Duration::from_millis(300);
const BACK_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn kills_of_postgres_lose_no_business_decision() {
    let servers = OwnServers::start(&["postgres"]);
    let folder = tempfile::tempdir().unwrap();
    let service = Instance::start_on(folder.path(), &servers.environment()).await;
    let program = Program::set_up(&mut service.client(), 100_000_000, 64).await;
    killed_again_and_again(&servers, "postgres", &service, &program.cards).await;
    service.verify();
    assert!(servers.logged("postgres", "ready to accept connections") > 1, "its log is read");
    assert_eq!(servers.logged("postgres", "no transaction in progress"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn kills_of_mongodb_lose_no_personal_decision() {
    let servers = OwnServers::start(&["mongodb"]);
    let folder = tempfile::tempdir().unwrap();
    let service = Instance::start_on(folder.path(), &servers.environment()).await;
    let program = Program::set_up_personal(&mut service.client(), 100_000_000, 64).await;
    killed_again_and_again(&servers, "mongodb", &service, &program.cards).await;
    service.verify();
}

async fn killed_again_and_again(
    servers: &OwnServers,
    server: &str,
    service: &Instance,
    cards: &[String],
) {
    let (mut answered, mut approved, mut unavailable) = (0, 0, 0);
    let (mut slowest_p99, mut slowest_return) = (Duration::ZERO, Duration::ZERO);
    let mut client = service.client();
    for (number, card) in cards.iter().enumerate() {
        let token = format!("{server}-warm-{number}");
        let answer = client.jit(marqeta::purchase(&token, card, "0.01")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let kills = rounds(KILLS, KILLS_LONG);
    for round in 0..kills {
        let clients: [Client; 1] = [service.client()];
        let volley = Volley::at(&clients, CALLERS, cards, &format!("{server}-{round}"));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let killed = Instant::now();
        servers.kill(server);
        tokio::time::sleep(NOTICED + DOWN).await;
        let restarted = Instant::now();
        tokio::task::block_in_place(|| servers.up(server));
        let back = Instant::now();
        let returned = volley.approves_again(back).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let shots = volley.end().await;

        let down = |shot: &&Shot| shot.sent > killed + NOTICED && shot.sent < restarted;
        let during: Vec<&Shot> = shots.iter().filter(down).collect();
        assert!(during.iter().all(|shot| shot.is_unavailable()), "by policy: {during:?}");
        assert!(during.len() > 100, "only {} were asked during the outage", during.len());
        let wrong = shots.iter().find(|shot| !shot.is_approved() && !shot.is_unavailable());
        assert!(wrong.is_none(), "{wrong:?}");
        slowest_p99 = slowest_p99.max(p99(&during));
        slowest_return = slowest_return.max(returned);
        approved += nothing_is_missing(&service.client(), &shots).await;
        answered += shots.len();
        unavailable += during.len();
    }
    println!(
        "{kills} kills of {server}: {answered} answered, {approved} approved, 0 missing; {unavailable} \
         asked while it was down, p99 {slowest_p99:?} at worst; first approval {slowest_return:?} \
         after it was back at worst"
    );
    assert!(approved > 100 * kills, "{approved} approvals are too few to tell");
    assert!(slowest_p99 <= ANSWERED_WITHIN, "{slowest_p99:?}");
    assert!(slowest_return <= BACK_WITHIN, "{slowest_return:?}");
}
