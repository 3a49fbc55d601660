//! An instance behind nginx that is killed, or stands still: nginx asks the other one, which is safe
//! because a token has one decision.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::instance::Instance;
use crate::support::nginx::Nginx;
use crate::support::own_servers::OwnServers;
use crate::support::{Client, Program, marqeta};

use super::volley::{Shot, Volley, nothing_is_missing};

const CALLERS: usize = 8;
const STOPPED: Duration = Duration::from_secs(3);

/// Two tries, `jit.deadline_ms` or 1.3 s each, and what a slow machine adds.
const ANSWERED_WITHIN: Duration = Duration::from_millis(2_700 + 500);

/// Two instances on the same server, and nginx.
struct Scene {
    first: Instance,
    second: Instance,
    nginx: Nginx,
    program: Program,
    _folders: [tempfile::TempDir; 2],
    _servers: OwnServers,
}

impl Scene {
    async fn start() -> Self {
        let servers = OwnServers::start(&["postgres"]);
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let environment = servers.environment();
        let first = Instance::start_on(folders[0].path(), &environment).await;
        let second = Instance::start_on(folders[1].path(), &environment).await;
        let nginx = Nginx::before(&[first.addr, second.addr]).await;
        let program = Program::set_up(&mut first.client(), 100_000_000, 32).await;
        for (number, card) in program.cards.iter().enumerate() {
            for (name, instance) in [("first", &first), ("second", &second)] {
                let warm = marqeta::purchase(&format!("{name}-{number}"), card, "0.01");
                assert_eq!(instance.client().decided(warm).await.status, 200);
            }
        }
        Self { first, second, nginx, program, _folders: folders, _servers: servers }
    }

    /// Callers at nginx. One that gets no answer fails.
    fn volley(&self, name: &str) -> Volley {
        let client = self.first.client().through(self.nginx.addr);
        Volley::at(&[client], CALLERS, &self.program.cards, name)
    }

    /// Waits for the second: its server may have closed its connections meanwhile.
    async fn decides_again(&self) {
        let (mut client, until) = (self.second.client(), Instant::now() + Duration::from_secs(5));
        let known = marqeta::purchase("second-0", self.program.card(), "0.01");
        while client.jit(known.clone()).await.is_unavailable() {
            assert!(Instant::now() < until, "it does not decide again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What every caller was told stands, at every door, and nothing else is held.
    async fn holds_what_was_approved(&self, shots: &[Shot], doors: &[Client]) {
        let wrong = shots.iter().find(|shot| !shot.is_approved() && !shot.is_unavailable());
        assert!(wrong.is_none(), "{wrong:?}");
        let slowest = shots.iter().map(|shot| shot.took).max().unwrap_or_default();
        assert!(slowest <= ANSWERED_WITHIN, "{slowest:?}");
        let mut approved = 0;
        for door in doors {
            approved = nothing_is_missing(door, shots).await;
        }
        // What was no decision is decided now, once.
        let undecided: Vec<&Shot> = shots.iter().filter(|shot| shot.is_unavailable()).collect();
        let mut late = 0;
        for shot in &undecided {
            let answers = [
                doors[0].another().decided(shot.repeat()).await,
                doors[doors.len() - 1].another().decided(shot.repeat()).await,
            ];
            assert_eq!(answers[0], answers[1], "{shot:?}");
            late += usize::from(answers[0].status == 200);
        }
        let warm = self.program.cards.len() * 2;
        let expected = i64::try_from(warm + approved + late).unwrap();
        let mut client = doors[0].another();
        let until = Instant::now() + Duration::from_secs(5);
        while self.program.held(&mut client).await != expected && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(self.program.held(&mut client).await, expected);
        self.first.verify();
        println!(
            "{} purchases through nginx, {approved} approved, {} answered by policy, slowest {slowest:?}",
            shots.len(),
            undecided.len(),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn purchases_go_on_at_the_other_instance_when_one_is_killed() {
    let scene = Scene::start().await;
    let volley = scene.volley("kill");
    tokio::time::sleep(Duration::from_millis(700)).await;
    let killed = Instant::now();
    scene.second.signal("KILL");
    volley.approves_again(killed).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let shots = volley.end().await;
    // Of some that were with it nobody knew what had become of them: they were sent again.
    assert!(scene.nginx.answered_after("502, 200") > 0, "the other instance was asked");
    let doors = [scene.first.client(), scene.first.client().through(scene.nginx.addr)];
    scene.holds_what_was_approved(&shots, &doors).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn purchases_go_on_at_the_other_instance_while_one_stands_still() {
    let scene = Scene::start().await;
    let volley = scene.volley("stop");
    tokio::time::sleep(Duration::from_millis(700)).await;
    let stopped = Instant::now();
    scene.second.signal("STOP");
    tokio::time::sleep(STOPPED).await;
    scene.second.signal("CONT");
    volley.approves_again(Instant::now()).await;
    let shots = volley.end().await;
    let meanwhile = shots.iter().any(|shot| shot.sent > stopped && shot.is_approved());
    assert!(meanwhile, "none approved while one stood still");
    scene.decides_again().await;
    assert!(scene.nginx.answered_after("504, 200") > 0, "the other instance was asked");
    let doors = [scene.first.client(), scene.second.client()];
    scene.holds_what_was_approved(&shots, &doors).await;
}
