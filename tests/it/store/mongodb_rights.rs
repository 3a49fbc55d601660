//! A service whose user may do only what `deploy/mongo/role.json` lists: with it everything works, nothing that
//! was decided is removed, and the schema is another's. On a server of the test's own, for the shared one lets
//! everybody do everything.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::error::ErrorKind;
use tokio::time::Instant;
use tollgate::domain::clock::Clock;
use tollgate::domain::id::TransactionId;
use tollgate::domain::transaction::{Attempt, Ending, RawTransaction};
use tollgate::store::StoreError;
use tollgate::store::ingest::{Claim, Outcome, RawTransactions, Settled};
use tollgate::store::mongodb::{MongoOptions, MongoStore};

use super::clock::TestClock;
use super::mongodb::{Corner, prepared, store, subject};
use super::subject::{Subject, purchase};
use super::{audit, counting, history, kyc, lists, money, notices, outbox, reseal, resources};
use crate::ingest::record;
use crate::support::own_servers::free_ports;
use crate::support::servers;

const ROLE: &str = include_str!("../../../deploy/mongo/role.json");

const PASSWORD: &str = "of-this-test";

/// How long a server may take to become a primary.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server says of what one may not do.
const UNAUTHORIZED: i32 = 13;

/// What is done with, and so may be removed.
const REMOVED: [&str; 4] = ["controls", "counters", "limits", "outbox"];

/// Collections of the schema that no statement names.
const UNUSED: [&str; 2] = ["inbox", "transactions"];

/// The command that makes the role, for this database.
fn role(database: &str) -> Document {
    let mut role: Document = serde_json::from_str(ROLE).unwrap();
    role.insert("createRole", database);
    for privilege in role.get_array_mut("privileges").unwrap() {
        let privilege = privilege.as_document_mut().unwrap();
        let resource = privilege.get_document_mut("resource").unwrap();
        if resource.contains_key("db") {
            resource.insert("db", database);
        }
    }
    role
}

/// The collections that the role names, with what may be done.
fn rights() -> Vec<(String, Vec<String>)> {
    let role = role("any");
    let privileges = role.get_array("privileges").unwrap().iter();
    let privileges = privileges.map(|privilege| privilege.as_document().unwrap());
    let of_collections = privileges.filter_map(|privilege| {
        let resource = privilege.get_document("resource").unwrap();
        let collection = resource.get_str("collection").ok()?.to_owned();
        let actions = privilege.get_array("actions").unwrap().iter();
        Some((collection, actions.map(|action| action.as_str().unwrap().to_owned()).collect()))
    });
    of_collections.collect()
}

/// A server that asks who one is.
pub struct Guarded {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Guarded {
    pub async fn start() -> Self {
        let shared = Corner::new();
        let started = shared.admin(doc! { "getCmdLineOpts": 1 }).await;
        let program = started.get_array("argv").unwrap()[0].as_str().unwrap().to_owned();
        let (folder, port) = (tempfile::tempdir().unwrap(), free_ports(1)[0]);
        let key = folder.path().join("key");
        std::fs::write(&key, "b25seS1mb3ItdGhpcy10ZXN0").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let process = Command::new(program)
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"])
            .args(["--replSet", "rs0", "--oplogSize", "64", "--auth", "--keyFile"])
            .arg(key)
            .args(["--setParameter", "transactionLifetimeLimitSeconds=5"])
            .args(["--port", &port.to_string(), "--dbpath"])
            .arg(data)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, port, _folder: folder };
        server.begin().await;
        server
    }

    /// Until there is a first user, whoever comes from this machine may make one.
    async fn begin(&self) {
        let url = format!("mongodb://127.0.0.1:{}/admin?directConnection=true", self.port);
        let admin = Client::with_uri_str(url).await.unwrap().database("admin");
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{}", self.port) };
        let set = doc! { "_id": "rs0", "members": [member] };
        admin.run_command(doc! { "replSetInitiate": set }).await.unwrap();
        let until = Instant::now() + PATIENCE;
        let root = doc! { "createUser": "root", "pwd": PASSWORD, "roles": ["root"] };
        while let Err(error) = admin.run_command(root.clone()).await {
            assert!(Instant::now() < until, "no primary: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn url(&self, user: &str, database: &str, source: &str) -> String {
        let server = format!("{user}:{PASSWORD}@127.0.0.1:{}", self.port);
        format!("mongodb://{server}/{database}?replicaSet=rs0&authSource={source}")
    }

    /// A new database with a user who has the role there; who owns it, and the user's URL.
    pub async fn corner(&self) -> (Corner, String) {
        let name = servers::unique();
        let owner = Corner::at(self.url("root", &name, "admin"));
        owner.admin(role(&name)).await;
        let of_role = doc! { "role": &name, "db": "admin" };
        let user = doc! { "createUser": "service", "pwd": PASSWORD, "roles": [of_role] };
        owner.database().await.run_command(user).await.unwrap();
        (owner, self.url("service", &name, &name))
    }

    /// A store that works as the service's user, where the owner has made the schema.
    async fn subject(&self) -> Subject {
        let (owner, url) = self.corner().await;
        store(&owner, |_| {}).await;
        let clock = Arc::new(TestClock::beside_a_server());
        let store = service(&url, &clock);
        prepared(&store).await.unwrap();
        subject(&owner, Arc::new(store), clock)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn service(url: &str, clock: &TestClock) -> MongoStore {
    let mut options = MongoOptions::new(url);
    options.time_offset_us = clock.offset();
    MongoStore::new(options).unwrap()
}

#[test]
fn only_what_is_done_with_may_be_removed() {
    let rights = rights();
    let removed = rights.iter().filter(|(_, actions)| actions.iter().any(|it| it == "remove"));
    let removed: Vec<&str> = removed.map(|(collection, _)| collection.as_str()).collect();
    assert_eq!(removed, REMOVED);
    let usual = ["find", "insert", "update", "remove"];
    let known = |actions: &Vec<String>| actions.iter().all(|it| usual.contains(&it.as_str()));
    assert!(rights.iter().all(|(_, actions)| known(actions)), "{rights:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn the_role_names_every_collection_that_is_used() {
    let corner = Corner::new();
    store(&corner, |_| {}).await;
    let mut found = corner.database().await.list_collection_names().await.unwrap();
    found.retain(|name| !UNUSED.contains(&name.as_str()));
    found.sort();
    let named: Vec<String> = rights().into_iter().map(|(collection, _)| collection).collect();
    assert_eq!(found, named);
}

/// Sentences of the suite that reach every statement which writes, and every one that sums.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_service_does_all_its_work_with_the_role() {
    let server = Guarded::start().await;
    resources::users_and_cards_are_kept_whole(&server.subject().await).await;
    resources::people_and_wallets_are_kept_whole(&server.subject().await).await;
    resources::limits_and_controls_are_kept_whole(&server.subject().await).await;
    kyc::a_submission_is_decided_with_what_it_gives(&server.subject().await).await;
    reseal::what_another_key_has_sealed_is_sealed_anew_once(&server.subject().await).await;
    money::a_life_cycle_ends_in_the_same_rows(&server.subject().await).await;
    money::funding_and_limits_change_the_account_once(&server.subject().await).await;
    money::a_later_message_finds_its_chain_by_any_name(&server.subject().await).await;
    money::chains_that_turn_out_to_be_one_are_loaded_together(&server.subject().await).await;
    money::a_void_overturns_the_stored_approval(&server.subject().await).await;
    notices::a_told_decline_leaves_no_hold_and_a_tombstone(&server.subject().await).await;
    notices::disputes_and_announced_credits_are_kept(&server.subject().await).await;
    counting::counters_are_kept_and_rolled(&server.subject().await).await;
    counting::a_users_pool_counts_the_uses_of_all_their_cards(&server.subject().await).await;
    counting::a_deleted_limit_takes_its_counters_along(&server.subject().await).await;
    history::names_lead_to_decisions_and_chains(&server.subject().await).await;
    history::old_explanations_are_thinned_and_nothing_else(&server.subject().await).await;
    history::events_wait_in_order_and_are_dropped_from_the_front(&server.subject().await).await;
    lists::many_limits_are_loaded_at_once_and_what_is_there_stays(&server.subject().await).await;
    outbox::events_are_read_in_order_and_removed_one_by_one(&server.subject().await).await;
    outbox::relays_share_the_shards_and_inherit_them(&server.subject().await).await;
    audit::what_is_committed_adds_up(&server.subject().await).await;
    reported(&server).await;
}

/// Reported transactions: kept, claimed, settled and logged.
async fn reported(server: &Guarded) {
    let (owner, url) = server.corner().await;
    store(&owner, |_| {}).await;
    let clock = TestClock::beside_a_server();
    let store = service(&url, &clock);
    prepared(&store).await.unwrap();
    let record = record("t-1", "card-1", 5_00);
    let raw = RawTransaction {
        id: TransactionId::new(clock.uuid()),
        fingerprint: record.fingerprint(),
        record,
        received_at: clock.now(),
    };
    store.keep(vec![raw.clone()]).await.unwrap();
    let claim = Claim { lease: clock.uuid(), lasts: Duration::from_secs(60), rows_max: 9 };
    assert_eq!(store.claim(claim).await.unwrap().len(), 1);
    let transaction_id = raw.record.transaction_id.clone();
    let settled = Settled { transaction_id, outcome: Outcome::Processed };
    let attempt = Attempt {
        transaction: raw.id,
        number: 1,
        ending: Ending::Processed,
        obstacle: None,
        worker: "w-1".into(),
        at: clock.now(),
        took_us: 1_234,
    };
    store.settle(claim.lease, vec![settled], vec![attempt]).await.unwrap();
    assert_eq!(store.attempts(raw.id).await.unwrap().len(), 1);
    assert_eq!(store.backlog().await.unwrap().accepted, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_service_removes_no_decision_and_changes_no_schema() {
    let server = Guarded::start().await;
    let (owner, url) = server.corner().await;
    let clock = Arc::new(TestClock::beside_a_server());
    let too_early = prepared(&service(&url, &clock)).await.unwrap_err();
    assert!(matches!(too_early, StoreError::Failed(_)), "{too_early:?}");
    assert!(format!("{too_early:?}").contains("tollgate migrate"), "{too_early:?}");

    store(&owner, |_| {}).await;
    let store = service(&url, &clock);
    prepared(&store).await.unwrap();
    let subject = subject(&owner, Arc::new(store), clock);
    subject.program("acme", 100_00).await;
    let made = subject.approve(purchase("t1", "acme-card", 30_00)).await;

    let own = Client::with_uri_str(&url).await.unwrap().default_database().unwrap();
    let mut refused = Vec::new();
    for (collection, actions) in rights() {
        let lacks = |action: &str| !actions.iter().any(|it| it == action);
        if lacks("remove") {
            let every = doc! { "q": {}, "limit": 0 };
            refused.push(doc! { "delete": &collection, "deletes": [every] });
            refused.push(doc! { "findAndModify": &collection, "query": {}, "remove": true });
        }
        if lacks("update") {
            let every = doc! { "q": {}, "u": { "$set": { "amount": 1_i64 } }, "multi": true };
            refused.push(doc! { "update": &collection, "updates": [every] });
        }
        refused.push(doc! { "drop": &collection });
    }
    let soon_gone = doc! { "name": "gone", "key": { "at": 1 }, "expireAfterSeconds": 1 };
    refused.extend([
        doc! { "createIndexes": "authorizations", "indexes": [soon_gone] },
        doc! { "dropIndexes": "decisions", "index": "by_transaction" },
        doc! { "collMod": "wallets", "validator": {} },
        doc! { "create": "more" },
        doc! { "insert": "more", "documents": [{ "_id": 1 }] },
        doc! { "dropDatabase": 1 },
        doc! { "createUser": "more", "pwd": PASSWORD, "roles": ["readWrite"] },
    ]);
    for command in refused {
        let failed = own.run_command(command.clone()).await.unwrap_err();
        let is_refused =
            matches!(&*failed.kind, ErrorKind::Command(failure) if failure.code == UNAUTHORIZED);
        assert!(is_refused, "{command}: {failed:?}");
    }
    assert_eq!(subject.authorization(made.id).await, made);
    subject.assert_adds_up().await;
}
