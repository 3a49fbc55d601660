//! `tollgate reconcile`: the platform's list beside our books.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::app::{ADMIN_KEY, JIT_PASSWORD, JIT_USER};
use crate::support::corners::Corners;
use crate::support::instance::Instance;
use crate::support::own_servers::free_ports;
use crate::support::program::{Program, text};
use crate::support::{Client, marqeta};

/// Everything that a test does.
const WINDOW: [&str; 4] = ["--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z"];

/// A listed transaction.
fn listed(kind: &str, state: &str, token: &str, follows: Option<&str>, amount: &str) -> Value {
    let amount: Value = amount.parse::<serde_json::Number>().map(Value::Number).unwrap();
    json!({
        "type": kind, "state": state, "token": format!("t-{token}"), "card_token": "any",
        "preceding_related_transaction_token": follows.map(|token| format!("t-{token}")),
        "amount": amount, "currency_code": "USD", "created_time": "2026-11-20T12:00:00Z",
        "is_final_clearing": kind == "authorization.clearing",
        "gpa_order": {"jit_funding": {"token": token, "amount": amount,
            "original_jit_funding_token": follows}},
    })
}

/// The exit code, and what is printed of a list in a file.
fn reconcile(data_dir: &Path, list: &Value, more: &[&str]) -> (i32, String) {
    with_file(list, |file| run(data_dir, &[&["--file", file], more].concat()))
}

fn with_file<T>(list: &Value, run: impl FnOnce(&str) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.json");
    std::fs::write(&file, list.to_string()).unwrap();
    run(file.to_str().unwrap())
}

fn run(data_dir: &Path, more: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    let output = command.arg("reconcile").arg("--data-dir").arg(data_dir).args(more).output();
    told(&output.unwrap())
}

fn told(output: &Output) -> (i32, String) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), said + &complained)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_extra_or_different_is_named_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start(folder.path()).await;
    let mut client = instance.client();
    let program = Program::set_up(&mut client, 1_000_00, 1).await;
    for (token, amount) in [("cleared", "48.35"), ("held", "10.00"), ("unlisted", "5.00")] {
        let answer = client.jit(marqeta::purchase(token, program.card(), amount)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if token == "cleared" {
            let id = text(&answer.json()["jit_funding"]["tags"]);
            let path = format!("/api/v1/authorizations/{id}/clear");
            let body = json!({"token": "c-1", "amount": 48_35, "final": true});
            assert_eq!(client.post(&path, body).await.status, 200);
        }
    }
    let declined = client.jit(marqeta::purchase("declined", program.card(), "5000.00")).await;
    assert_eq!(declined.status, 402);

    let equal = json!({"data": [
        listed("authorization.clearing", "COMPLETION", "later", Some("cleared"), "48.35"),
        listed("authorization", "PENDING", "cleared", None, "48.35"),
        listed("authorization", "PENDING", "held", None, "10.00"),
        listed("authorization", "DECLINED", "declined", None, "5000.00"),
    ]});
    let (code, said) = reconcile(folder.path(), &equal, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 purchases are equal") && said.contains("both sides agree"), "{said}");

    let (code, said) = reconcile(folder.path(), &equal, &WINDOW);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("missing: 0, extra: 1, different: 0, unreadable: 0"), "{said}");

    let differs = json!([
        listed("authorization", "PENDING", "cleared", None, "48.35"),
        listed("authorization", "DECLINED", "held", None, "10.00"),
        listed("authorization", "PENDING", "nobody-knows", None, "7.00"),
        listed("authorization.clearing", "COMPLETION", "part", Some("not-listed"), "3.00"),
        {"token": "t"},
    ]);
    let (code, said) = reconcile(folder.path(), &differs, &[]);
    assert_eq!(code, 1, "{said}");
    for line in [
        "held 0, but 4835 at the platform",
        "cleared 4835, but 0 at the platform",
        "approved 1, but 0 at the platform",
        "missing: transaction t-nobody-knows holds 700 and has moved 0",
        "unreadable: transaction t: type_missing",
        "missing: 1, extra: 0, different: 2, unreadable: 1",
        "1 can not be judged",
    ] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    let (code, said) = reconcile(folder.path(), &differs, &["--json"]);
    let printed: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!((code, &printed["agree"], &printed["cut"]), (1, &json!(false), &json!(false)));
    let counts = ["missing", "extra", "different", "unreadable", "partial", "equal", "listed"];
    let counts = counts.map(|name| printed[name].as_u64().unwrap());
    assert_eq!(counts, [1, 0, 2, 1, 1, 0, 5], "{printed}");
    assert_eq!(printed["faults"], json!(["transaction t: type_missing"]));
    let differences = printed["differences"].as_array().unwrap();
    let missing =
        json!({"kind": "missing", "transaction": "t-nobody-knows", "held": 700, "posted": 0});
    assert!(differences.contains(&missing), "{printed}");
    let found = |what: &str, ours: i64, theirs: i64| {
        differences.iter().any(|one| {
            let told = (&one["kind"], &one["what"], &one["ours"], &one["theirs"]);
            told == (&json!("different"), &json!(what), &json!(ours), &json!(theirs))
        })
    };
    assert!(found("cleared", 48_35, 0) && found("approved", 1, 0), "{printed}");
    let (code, said) = reconcile(folder.path(), &equal, &["--json"]);
    let printed: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!((code, &printed["agree"], &printed["equal"]), (0, &json!(true), &json!(3)));
    let (code, said) = reconcile(&folder.path().join("nowhere"), &json!([]), &[]);
    assert_ne!(code, 0, "{said}");
}

/// The platform, played for an instance, and serving after that.
struct Platform {
    process: Child,
    url: String,
}

/// What the played platform wants to be asked with, and what its notifications are signed with.
const ACCESS: [&str; 2] = ["application-1", "access-1"];
const SECRET: &str = "Example-Secret-0002-abcXYZ!";

impl Platform {
    /// Plays every flow so often, and goes on serving.
    fn play(instance: &Instance, rounds: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["simulate", "--serve", "--rounds", rounds, "--access", &ACCESS.join(":")])
            .args(["--tollgate", &instance.addr.to_string(), "--key", ADMIN_KEY])
            .args(["--username", JIT_USER, "--password", JIT_PASSWORD])
            .args(["--secret", SECRET, "--algorithm", "sha1"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = said.next().unwrap().unwrap();
        let url = first.split_once(" is on ").unwrap().1.to_owned();
        let second = said.next().unwrap().unwrap();
        assert!(second.starts_with("serving until"), "{second}");
        Self { process, url }
    }

    /// Whether both sides agree, and what is printed.
    fn reconciled(&self, data_dir: &Path, access: &str) -> (i32, String) {
        let whom = ["--platform", &self.url, "--application", ACCESS[0], "--access", access];
        run(data_dir, &[&whom[..], &WINDOW].concat())
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// More transactions than a page has, over HTTP: of 18 flows six times, each of which is a purchase, and
/// one two. The platform leaves out those that were declined or cleared unless it is asked for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_is_fetched_from_the_platform_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let signed = [("TOLLGATE__WEBHOOKS__SIGNATURE__SECRET".to_owned(), SECRET.to_owned())];
    let instance = Instance::start_on(folder.path(), &signed).await;
    let platform = Platform::play(&instance, "6");
    let (code, said) = platform.reconciled(folder.path(), "wrong");
    assert!(code == 1 && said.contains("answered 401"), "{code}: {said}");
    // The last notifications may be on their way.
    let mut last = (1, String::new());
    for _ in 0..100 {
        last = platform.reconciled(folder.path(), ACCESS[1]);
        if last.0 == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let (code, said) = last;
    assert!(code == 0 && said.contains("both sides agree"), "{code}: {said}");
    let listed: u32 = said.split(' ').next().unwrap().parse().unwrap();
    assert!(listed > 100, "more than a page: {said}");
    assert!(said.contains(" 114 purchases are equal, 0 can not be judged"), "{said}");
    instance.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn the_books_of_both_homes_are_compared_on_servers() {
    let corners = Corners::new().await;
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start_on(folder.path(), &corners.environment()).await;
    let mut client = instance.client();
    let business = Program::set_up(&mut client, 1_000_00, 1).await;
    let personal = Program::set_up_personal(&mut client, 1_000_00, 1).await;
    for (token, program) in [("business", &business), ("personal", &personal)] {
        let answer = client.jit(marqeta::purchase(token, program.card(), "10.00")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let compare = |list: Value| {
        with_file(&list, |file| {
            told(&instance.run(&[&["reconcile", "--file", file][..], &WINDOW].concat()))
        })
    };
    let held = |token: &str| listed("authorization", "PENDING", token, None, "10.00");
    let declined = |token: &str| listed("authorization", "DECLINED", token, None, "10.00");
    let (code, said) = compare(json!([held("business"), held("personal")]));
    assert!(code == 0 && said.contains("2 purchases are equal"), "{code}: {said}");
    for (one, other) in [("business", "personal"), ("personal", "business")] {
        let (code, said) = compare(json!([declined(one)]));
        let counted = "missing: 0, extra: 1, different: 1, unreadable: 0";
        assert!(code == 1 && said.contains(counted), "without {other}: {said}");
    }
    instance.kill();
    corners.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_knows_the_platform_compares_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut environment =
        vec![("TOLLGATE__WEBHOOKS__SIGNATURE__SECRET".to_owned(), SECRET.to_owned())];
    let instance = Instance::start_on(folder.path(), &environment).await;
    let platform = Platform::play(&instance, "1");
    instance.kill();
    let admin = free_ports(1)[0];
    let listen = format!("127.0.0.1:{admin}");
    let more = [
        ("TOLLGATE__RECONCILE__PLATFORM", platform.url.as_str()),
        ("TOLLGATE__RECONCILE__APPLICATION", ACCESS[0]),
        ("TOLLGATE__RECONCILE__ACCESS", ACCESS[1]),
        ("TOLLGATE__ADMIN__LISTEN", listen.as_str()),
    ];
    environment.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let _instance = Instance::start_on(folder.path(), &environment).await;
    let addr = ([127, 0, 0, 1], admin).into();
    let mut metrics = Client::new(addr, ADMIN_KEY, JIT_USER, JIT_PASSWORD);
    let until = Instant::now() + Duration::from_secs(20);
    let said = loop {
        let answer = metrics.get("/metrics").await;
        let said = String::from_utf8(answer.body.to_vec()).unwrap();
        if said.contains("\ntollgate_reconcile_failed ") {
            break said;
        }
        assert!(Instant::now() < until, "it does not: {said}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // The day of a first start is one that was missed.
    assert!(said.contains("\ntollgate_reconcile_failed 0\n"), "{said}");
    assert!(said.contains("\ntollgate_reconcile_last_run_timestamp_seconds "), "{said}");
}

#[test]
fn in_production_the_platform_s_tokens_are_not_sent_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let check = |platform: &str, said: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .env("TOLLGATE_ENV", "production")
            .args(["reconcile", "--application", "a", "--access", "b", "--platform", platform])
            .arg("--data-dir")
            .arg(folder.path())
            .output()
            .unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && complained.contains(said), "{platform}: {complained}");
        complained.contains("reconcile.platform must be")
    };
    assert!(check("http://platform.invalid/v3", "a link with TLS"));
    assert!(check("ftp://platform.invalid/v3", "https://host/v3"));
    assert!(!check("http://127.0.0.1:1/v3", ""), "nobody listens, and that is all");
}
