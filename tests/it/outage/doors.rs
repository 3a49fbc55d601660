//! Each store is killed, and both at once: what every door answers then, under each answer to outages.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use crate::support::client::Answer;
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::{Program, marqeta};

/// From a kill until every door knows (health checks are up to two seconds old), and from a server's return
/// until all is as before.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

const DOORS: [&str; 8] = [
    "business JIT",
    "personal JIT",
    "business GET",
    "business POST",
    "personal GET",
    "personal POST",
    "/ready",
    "/live",
];

/// What a door answers.
#[derive(Clone, Copy)]
enum Says {
    /// As ever.
    Well,
    /// As `outage.answer` says.
    Policy,
    /// 503, whatever the setting.
    Down,
}

use Says::{Down, Policy, Well};

/// By door. Who changes a personal object tells the audit log before, which PostgreSQL keeps; who reads one
/// needs MongoDB alone.
const NOTHING_DOWN: [Says; 8] = [Well; 8];
const MONGODB_DOWN: [Says; 8] = [Well, Policy, Well, Well, Down, Down, Well, Well];
const POSTGRES_DOWN: [Says; 8] = [Policy, Well, Down, Down, Well, Down, Well, Well];
const BOTH_DOWN: [Says; 8] = [Policy, Policy, Down, Down, Down, Down, Policy, Well];

fn expected(door: &str, says: Says, outage: &str) -> &'static str {
    match (says, door, outage) {
        // A fast decline is an answer: there is no better place for a purchase.
        (Well, ..) | (Policy, "/ready", "decline") => "well",
        (Policy, "/ready", _) => "503 not ready",
        (Policy, _, "decline") => "402 unavailable",
        (Policy | Down, ..) => "503 unavailable",
    }
}

fn told(answer: &Answer) -> String {
    if answer.status.is_success() {
        return "well".to_owned();
    }
    if answer.is_unavailable() {
        return "402 unavailable".to_owned();
    }
    let (status, code) = answer.says();
    if answer.json()["ready"] == false {
        format!("{status} not ready")
    } else {
        format!("{status} {code}")
    }
}

/// A service for each answer to outages, on the same servers, with a card in each home.
struct World {
    services: [(&'static str, Instance); 2],
    business: Program,
    personal: Program,
    asked: AtomicU64,
}

impl World {
    async fn ask(&self, service: &Instance, door: &str) -> String {
        let mut client = service.client();
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let purchase = |program: &Program| {
            marqeta::purchase(&format!("door-{number}"), program.card(), "0.01")
        };
        let answer = match door {
            "business JIT" => client.jit(purchase(&self.business)).await,
            "personal JIT" => client.jit(purchase(&self.personal)).await,
            "business GET" => client.get(&format!("/api/v1/cards/{}", self.business.card())).await,
            "business POST" => {
                client.post("/api/v1/companies", json!({"name": "Wren", "currency": "USD"})).await
            }
            "personal GET" => {
                client.get(&format!("/api/v1/personal/cards/{}", self.personal.card())).await
            }
            "personal POST" => client.post("/api/v1/personal/users", json!({})).await,
            path => client.get(path).await,
        };
        told(&answer)
    }

    /// What every door of every service answers, and what it should.
    async fn ask_all(&self, table: [Says; 8]) -> [Vec<String>; 2] {
        let (mut asked, mut wanted) = (Vec::new(), Vec::new());
        for (outage, service) in &self.services {
            for (door, says) in DOORS.into_iter().zip(table) {
                wanted.push(format!("{outage}, {door}: {}", expected(door, says, outage)));
                let answer = self.ask(service, door);
                asked.push(async move { format!("{outage}, {door}: {}", answer.await) });
            }
        }
        [join_all(asked).await, wanted]
    }

    /// Soon every door answers by the table, and goes on like that.
    async fn settles(&self, what: &str, table: [Says; 8]) {
        let since = Instant::now();
        loop {
            let [answers, wanted] = self.ask_all(table).await;
            if answers == wanted {
                break;
            }
            if since.elapsed() > SETTLED_WITHIN {
                assert_eq!(answers, wanted, "{what}, after {:?}", since.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("{what}: every door answers by the table after {:?}", since.elapsed());
        let [answers, wanted] = self.ask_all(table).await;
        assert_eq!(answers, wanted, "{what}, a moment later");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn every_door_answers_by_the_table_while_stores_are_down() {
    let servers = OwnServers::start(&["postgres", "mongodb"]);
    let folder = tempfile::tempdir().unwrap();
    let start = async |outage: &'static str| {
        let mut environment = servers.environment();
        // No call outside the lanes waits for seconds here.
        let settings = [
            ("OUTAGE__ANSWER", outage),
            ("STORE__POSTGRES__ACQUIRE_MS", "500"),
            ("STORE__MONGODB__SERVER_SELECTION_MS", "500"),
        ];
        environment
            .extend(settings.map(|(name, value)| (format!("TOLLGATE__{name}"), value.into())));
        (outage, Instance::start_on(&folder.path().join(outage), &environment).await)
    };
    let services = [start("decline").await, start("error").await];
    let mut client = services[0].1.client();
    let business = Program::set_up(&mut client, 1_000_000, 1).await;
    let personal = Program::set_up_personal(&mut client, 1_000_000, 1).await;
    let world = World { services, business, personal, asked: AtomicU64::new(0) };
    let up = |server: &'static str| tokio::task::block_in_place(|| servers.up(server));

    world.settles("nothing down", NOTHING_DOWN).await;
    servers.kill("mongodb");
    world.settles("mongodb down", MONGODB_DOWN).await;
    servers.kill("postgres");
    world.settles("both down", BOTH_DOWN).await;
    up("mongodb");
    world.settles("postgres down", POSTGRES_DOWN).await;
    up("postgres");
    world.settles("nothing down any more", NOTHING_DOWN).await;
    world.services[0].1.verify();
}
