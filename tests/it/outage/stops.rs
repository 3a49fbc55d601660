//! Servers that stand still: nobody waits beyond the deadline, and the other home goes on.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::{Program, marqeta};

use super::volley::{Shot, Volley, nothing_is_missing, p99};

const STOPPED: Duration = Duration::from_secs(10);
const CALLERS: usize = 8;

/// From the stop until lanes count as stalled (`lane.stall_ms`, and a moment).
const NOTICED: Duration = Duration::from_millis(600);

/// The deadline, and what a slow machine adds to an answer.
const DEADLINE: Duration = Duration::from_millis(1_000 + 500);

/// What the other home's purchases may take meanwhile: twice what they took before, and on a busy machine
/// this much.
const SPARED: Duration = Duration::from_millis(250);

/// One server stands still for ten seconds; cards of the other home are decided all the while.
async fn stand_still(server: &'static str) {
    let servers = OwnServers::start(&["postgres", "mongodb"]);
    let folder = tempfile::tempdir().unwrap();
    let service = Instance::start_on(folder.path(), &servers.environment()).await;
    let mut client = service.client();
    let business = Program::set_up(&mut client, 100_000_000, 32).await;
    let personal = Program::set_up_personal(&mut client, 100_000_000, 32).await;
    let (stopped, other) = match server {
        "postgres" => (&business, &personal),
        _ => (&personal, &business),
    };
    for (number, card) in business.cards.iter().chain(&personal.cards).enumerate() {
        let warm = client.jit(marqeta::purchase(&format!("warm-{number}"), card, "0.01")).await;
        assert_eq!(warm.status, 200, "{warm:?}");
    }
    let clients = [service.client()];
    let hit = Volley::at(&clients, CALLERS, &stopped.cards, "hit");
    let spared = Volley::at(&clients, CALLERS, &other.cards, "spared");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let from = Instant::now();
    servers.stop(server);
    tokio::time::sleep(STOPPED).await;
    // Before it goes on: what is sent from here may be decided again.
    let to = Instant::now();
    servers.go_on(server);
    let returned = hit.approves_again(to).await;
    let (hit, spared) = (hit.end().await, spared.end().await);

    let during = |shot: &&Shot| shot.sent > from && shot.sent < to;
    let slowest = hit.iter().map(|shot| shot.took).max().unwrap_or_default();
    assert!(slowest <= DEADLINE, "{slowest:?}");
    let noticed = |shot: &&Shot| shot.sent > from + NOTICED && shot.sent < to;
    let waited: Vec<&Shot> = hit.iter().filter(noticed).collect();
    assert!(waited.iter().all(|shot| shot.is_unavailable()), "by policy");
    let unharmed: Vec<&Shot> = spared.iter().filter(during).collect();
    let before: Vec<&Shot> = spared.iter().filter(|shot| shot.sent < from).collect();
    let declined = unharmed.iter().find(|shot| !shot.is_approved());
    assert!(declined.is_none(), "the other home: {declined:?}");
    let approved = nothing_is_missing(&client, &hit).await;
    println!(
        "{server} stopped for {STOPPED:?}: {} answered by policy, p99 {:?}, slowest {slowest:?}; \
         {} of the other home approved, p99 {:?} (before {:?}); first approval {returned:?} after it \
         went on; {approved} approvals, 0 missing",
        waited.len(),
        p99(&waited),
        unharmed.len(),
        p99(&unharmed),
        p99(&before),
    );
    assert!(p99(&waited) <= Duration::from_millis(300), "{:?}", p99(&waited));
    let (usual, meanwhile) = (p99(&before), p99(&unharmed));
    assert!(meanwhile <= (usual * 2).max(SPARED), "the other home: {usual:?}, then {meanwhile:?}");
    assert!(returned <= Duration::from_secs(5), "{returned:?}");
    for (program, shots) in [(stopped, &hit), (other, &spared)] {
        let approved = shots.iter().filter(|shot| shot.is_approved()).count();
        let expected = i64::try_from(approved + program.cards.len()).unwrap();
        program.held_becomes(&mut client, expected).await;
    }
    service.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn postgres_stands_still_and_nobody_hangs() {
    stand_still("postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn mongodb_stands_still_and_nobody_hangs() {
    stand_still("mongodb").await;
}
