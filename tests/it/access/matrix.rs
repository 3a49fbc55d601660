//! The access matrix: each operation of the OpenAPI document × no key, wrong keys, wrong scope, another company,
//! right key, right token. The right caller succeeds, as the document says; nobody is answered with a status that it does
//! not know.

use std::collections::BTreeSet;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, get_current_timestamp};
use serde_json::{Value, json};
use tollgate::app::clock::SystemClock;
use tollgate::config::Settings;
use tollgate::config::gate::JwtAlgorithm;
use tollgate::domain::clock::Clock;

use super::calls::{Call, Operation};
use super::tokens;
use super::world::{SCOPES, World};
use crate::store::mongodb::Corner;
use crate::store::postgres_database::Database;
use crate::support::TestApp;
use crate::support::client::Answer;
use crate::support::program::{created, text};

/// How often a call is made until the service has time for it.
const TRIES: usize = 5;

/// What every company has from its beginning, or the caller by being one: lists of these are not empty.
const NEVER_EMPTY: [&str; 3] = ["/api/v1/companies", "/api/v1/accounts", "/api/v1/api-keys"];

/// The body without what differs from request to request.
pub fn plain(answer: &Answer) -> Value {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    body
}

/// Credentials of every kind, as the header has them.
struct Keys {
    /// The program's, one for each scope, and a token (JWT) for one of them.
    single: Vec<(&'static str, String)>,
    /// The company's own, with every scope.
    own: String,
    /// Another company's, with every scope.
    other: String,
    /// Nobody's: mistyped, revoked, expired, not ours.
    wrong: Vec<String>,
    /// The card platform's.
    basic: String,
}

impl Keys {
    async fn issued(world: &mut World, signer: &EncodingKey) -> Self {
        let mut single = Vec::new();
        for scope in SCOPES {
            single.push((scope, bearer(&world.key(&[scope], None).await)));
        }
        let now = get_current_timestamp();
        let token = |ends: u64| {
            let claims = tokens::with(&tokens::claims("program"), "exp", json!(ends));
            bearer(&tokens::signed(Algorithm::RS256, &claims, signer))
        };
        single.push(("read", token(now + 3_600)));
        let company = world.own.company.clone();
        let stranger = world.stranger().await;
        let own = bearer(&world.key(&SCOPES, Some(&company)).await);
        let other = bearer(&world.key(&SCOPES, Some(&stranger)).await);
        let revoked = bearer(&world.key(&SCOPES, None).await);
        let latest = world.client.get("/api/v1/api-keys?limit=1").await.json();
        let revoke = latest["items"][0]["id"].as_str().expect("an id");
        let revoke = format!("/api/v1/api-keys/{revoke}/revoke");
        assert_eq!(world.client.post(&revoke, json!({})).await.status, 200);
        let mistyped = format!("{own}x");
        let (expired, ended) = (expired(world).await, token(now - 60));
        let wrong = vec![bearer("wrong"), bearer("a.b.c"), mistyped, revoked, expired, ended];
        Self { single, own, other, wrong, basic: world.client.basic().to_owned() }
    }
}

/// A key that was good, until now.
async fn expired(world: &mut World) -> String {
    let soon = SystemClock::new().now().plus_micros(2_000_000).to_string();
    let body = json!({"name": "n", "scopes": SCOPES, "expires_at": soon});
    let key = text(&created(world.client.post("/api/v1/api-keys", body).await)["key"]);
    for _ in 0..600 {
        if world.send(Some(&key), "GET", "/api/v1/companies", None).await.status == 401 {
            return bearer(&key);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the key has not expired");
}

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

struct Matrix {
    world: World,
    keys: Keys,
    cases: usize,
}

async fn run(app: TestApp, signer: &EncodingKey) -> TestApp {
    let mut world = World::of(&app).await;
    let keys = Keys::issued(&mut world, signer).await;
    let document = world.client.get("/openapi.json").await.json();
    let mut matrix = Matrix { world, keys, cases: 0 };
    let mut operations = 0;
    for (route, item) in document["paths"].as_object().expect("paths") {
        for (method, told) in item.as_object().expect("operations") {
            let operation = Operation { method: &method.to_uppercase(), route, told };
            matrix.fill(operation).await;
            operations += 1;
        }
    }
    eprintln!("access matrix: {operations} operations, {} cases, 0 wrong", matrix.cases);
    app
}

impl Matrix {
    /// All cases of an operation.
    async fn fill(&mut self, operation: Operation<'_>) {
        let asked = operation.told["security"].as_array().expect("it says whom it is for");
        if asked.is_empty() {
            let (_, answer) = self.call(operation, None).await;
            assert!(answer.status.is_success(), "{}: {answer:?}", operation.name());
        } else if asked[0].get("platform").is_some() {
            self.platform(operation).await;
        } else {
            let scopes = asked.iter().map(|one| one["bearer"][0].as_str().expect("a scope"));
            self.callers(operation, &scopes.collect()).await;
        }
    }

    /// Its own credentials, and no key of ours.
    async fn platform(&mut self, operation: Operation<'_>) {
        let Keys { own, basic, single, .. } = &self.keys;
        let (own, right) = (own.clone(), basic.clone());
        let nobodys = [format!("{right}x"), own, single[1].1.clone()];
        for wrong in [None].into_iter().chain(nobodys.iter().map(|wrong| Some(wrong.as_str()))) {
            let (_, answer) = self.call(operation, wrong).await;
            let case = format!("{}, {wrong:?}", operation.name());
            assert_eq!(answer.says(), (401, "unauthorized".into()), "{case}");
        }
        let (_, answer) = self.call(operation, Some(&right)).await;
        assert!(answer.status.is_success(), "{}: {answer:?}", operation.name());
    }

    async fn callers(&mut self, operation: Operation<'_>, scopes: &BTreeSet<&str>) {
        let name = operation.name();
        let (_, nobody) = self.call(operation, None).await;
        assert_eq!(nobody.says(), (401, "unauthorized".into()), "{name}, no key");
        for key in self.keys.wrong.clone() {
            let (_, refused) = self.call(operation, Some(&key)).await;
            assert_eq!(refused.status, 401, "{name}, {key}");
            assert_eq!(plain(&refused), plain(&nobody), "the answer tells nothing");
        }
        for (scope, key) in self.keys.single.clone() {
            let (_, answer) = self.call(operation, Some(&key)).await;
            let case = format!("{name} with {scope}: {answer:?}");
            if scopes.contains(scope) {
                assert!(answer.status.is_success(), "{case}");
            } else {
                assert_eq!(answer.says(), (403, "forbidden".into()), "{case}");
            }
        }
        let (own, other) = (self.keys.own.clone(), self.keys.other.clone());
        let program_only = operation.told["x-program-only"] == true;
        let (_, answer) = self.call(operation, Some(&own)).await;
        let case = format!("{name}, own company: {answer:?}");
        if program_only {
            assert_eq!(answer.says(), (403, "forbidden".into()), "{case}");
        } else {
            assert!(answer.status.is_success(), "{case}");
        }
        let (call, answer) = self.call(operation, Some(&other)).await;
        let case = format!("{name}, other company: {answer:?}");
        if program_only {
            assert_eq!(answer.says(), (403, "forbidden".into()), "{case}");
        } else if operation.method == "GET" && call.id.is_empty() {
            self.lists_nothing_of_others(operation, &answer);
        } else {
            assert_eq!(answer.says(), (404, "not_found".into()), "{case}");
            assert_eq!(plain(&answer), self.absent(call, &other).await, "{case}");
        }
    }

    /// A call with all that it needs, and an answer that the document knows.
    async fn call(&mut self, operation: Operation<'_>, with: Option<&str>) -> (Call, Answer) {
        self.cases += 1;
        for _ in 0..TRIES {
            let call = self.world.prepare(operation).await;
            let answer = self.world.call(with, &call).await;
            if answer.status != 503 {
                let known = operation.told["responses"].get(answer.status.as_str()).is_some();
                assert!(known, "{} does not know of {answer:?}", operation.name());
                return (call, answer);
            }
        }
        panic!("{} is unavailable", operation.name());
    }

    fn lists_nothing_of_others(&self, operation: Operation<'_>, answer: &Answer) {
        let case = format!("{}, other company: {answer:?}", operation.name());
        assert_eq!(answer.status, 200, "{case}");
        if !NEVER_EMPTY.contains(&operation.route) {
            assert_eq!(answer.json()["items"], json!([]), "{case}");
        }
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        for id in self.owned() {
            assert!(!text.contains(id), "{case}");
        }
    }

    /// What the same caller is told of objects that nobody has.
    async fn absent(&mut self, mut call: Call, key: &str) -> Value {
        if !call.id.is_empty() {
            call.path = call.path.replace(&call.id, &nobodys(&call.id));
        }
        for id in self.owned() {
            call.body = call.body.replace(id, &nobodys(id));
        }
        let answer = self.world.call(Some(key), &call).await;
        assert_eq!(answer.status, 404, "{}: {answer:?}", call.path);
        plain(&answer)
    }

    /// The names of what the company has.
    fn owned(&self) -> [&str; 9] {
        let own = &self.world.own;
        [
            &own.company,
            &own.account,
            &own.user,
            &own.card,
            &own.control,
            &own.limit,
            &own.authorization,
            &own.transaction,
            &own.key,
        ]
    }
}

/// An id that nobody has, made from one that somebody has.
fn nobodys(id: &str) -> String {
    let (start, last) = id.split_at(id.len() - 1);
    format!("{start}{}", if last == "0" { "1" } else { "0" })
}

/// Nobody is locked out over wrong keys, tokens are taken, and reports are given up soon.
fn settings(settings: &mut Settings, public: &str) {
    settings.access.failures_max = 0;
    tokens::accept(&mut settings.access.jwt, JwtAlgorithm::Rs256, public);
    settings.ingest.retry_ms = 1;
    settings.ingest.poll_ms = 10;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_answers_each_kind_of_caller_on_the_embedded_store() {
    let (signer, public) = tokens::rsa();
    let app = TestApp::start_with(|all| settings(all, &public)).await;
    run(app, &signer).await.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn each_operation_answers_each_kind_of_caller_on_servers() {
    let (corner, database) = (Corner::new(), Database::migrated().await);
    let (postgres, mongodb) = (database.service_url().to_owned(), corner.url().to_owned());
    let (signer, public) = tokens::rsa();
    let app = TestApp::start_with(|all| {
        settings(all, &public);
        all.store.postgres.url = Some(postgres.into());
        all.store.mongodb.url = Some(mongodb.into());
    });
    run(app.await, &signer).await.stop().await;
    drop((corner, database));
}
