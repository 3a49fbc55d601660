//! PostgreSQL ends all sessions of the service every two seconds: they are opened again at once, and nothing is
//! decided wrongly.

use std::time::Duration;

use tokio::time::Instant;

use crate::store::postgres_database::connect;
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::{Program, rounds};

use super::volley::{Shot, Volley, nothing_is_missing};

const KILLS: usize = 5;
const KILLS_LONG: usize = 30;
const EVERY: Duration = Duration::from_secs(2);

const CALLERS: usize = 16;

/// Between an answer and the caller's next purchase. Callers who ask again at once are refused again at once, and
/// their share would say nothing.
const PAUSE: Duration = Duration::from_millis(50);

/// All but the one that asks.
const END_SESSIONS: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()";

/// How long after a kill somebody may still be refused, and how many of a hundred calls. A debug build beside
/// others is given more.
const RECOVERED_WITHIN: Duration =
    if cfg!(debug_assertions) { Duration::from_secs(5) } else { Duration::from_secs(1) };
const REFUSED_PERCENT_MAX: usize = if cfg!(debug_assertions) { 50 } else { 2 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn sessions_that_postgres_ends_are_opened_again_and_nothing_is_lost() {
    let servers = OwnServers::start(&["postgres"]);
    let folder = tempfile::tempdir().unwrap();
    let mut environment = servers.environment();
    // What is refused is refused for the kills, not for a slow machine.
    for (name, value) in [("JIT__DEADLINE_MS", "7000"), ("LANE__STALL_MS", "5000")] {
        environment.push((format!("TOLLGATE__{name}"), value.to_owned()));
    }
    let service = Instance::start_on(folder.path(), &environment).await;
    let mut client = service.client();
    let program = Program::set_up(&mut client, 100_000_000, 64).await;
    let mut postgres = connect(&servers.url("DATABASE_URL")).await;

    let clients = [service.client()];
    let volley = Volley::paced(&clients, CALLERS, &program.cards, "sessions", PAUSE);
    let mut kills = Vec::new();
    for _ in 0..rounds(KILLS, KILLS_LONG) {
        tokio::time::sleep(EVERY).await;
        kills.push(Instant::now());
        let ended: i64 =
            sqlx::query_scalar(END_SESSIONS).fetch_one(&mut postgres).await.expect("a number");
        assert!(ended > 0, "nobody was connected");
    }
    volley.approves_again(kills[kills.len() - 1]).await;
    tokio::time::sleep(EVERY).await;
    let shots = volley.end().await;

    let wrong = shots.iter().find(|shot| !shot.is_approved() && !shot.is_unavailable());
    assert!(wrong.is_none(), "{wrong:?}");
    let refused: Vec<&Shot> = shots.iter().filter(|shot| shot.is_unavailable()).collect();
    let after_its_kill = |shot: &&Shot| {
        let answered = shot.sent + shot.took;
        let kill = kills.iter().rfind(|kill| **kill <= answered);
        answered - *kill.expect("nobody is refused before")
    };
    let recovered = refused.iter().map(after_its_kill).max().unwrap_or_default();
    let slowest = shots.iter().map(|shot| shot.took).max().unwrap_or_default();
    let approved = nothing_is_missing(&client, &shots).await;
    println!(
        "endure: sessions | all ended {} times: {} calls, {} refused, {approved} approved, 0 missing | last refusal \
         {recovered:?} after a kill at worst, slowest answer {slowest:?}",
        kills.len(),
        shots.len(),
        refused.len(),
    );
    assert!(approved > 50 * kills.len(), "{approved} approvals are too few to tell");
    assert!(recovered.max(slowest) <= RECOVERED_WITHIN, "{recovered:?}, {slowest:?}");
    let refused = refused.len();
    assert!(refused * 100 <= shots.len() * REFUSED_PERCENT_MAX, "{refused} of {}", shots.len());
    program.held_becomes(&mut client, i64::try_from(approved).unwrap()).await;
    service.verify();
}
