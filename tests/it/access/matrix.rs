//! The access matrix: each row of the table of scopes × no key, wrong keys, wrong scope, another company,
//! right key. It is made from the table, so that a new route is asked too.

use serde_json::Value;
use tollgate::domain::access::Scopes;
use tollgate::ingress::http::scopes::{Need, ROWS};

use super::world::{SCOPES, World};
use crate::store::mongodb::Corner;
use crate::store::postgres_database::Database;
use crate::support::TestApp;
use crate::support::client::Answer;

/// The body without what differs from request to request.
pub fn plain(answer: &Answer) -> Value {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    body
}

/// Whether the caller was let through to the object. What the call then comes to does not matter here.
fn is_let_through(answer: &Answer) -> bool {
    let status = answer.status.as_u16();
    assert!(status < 500 || status == 503, "{answer:?}");
    !matches!(status, 401 | 403 | 404 | 405 | 429)
}

/// Keys of every kind.
struct Keys {
    /// The program's, one for each scope.
    single: Vec<(&'static str, String)>,
    /// The company's own, with every scope.
    own: String,
    /// Another company's, with every scope.
    other: String,
}

async fn keys(world: &mut World) -> Keys {
    let mut single = Vec::new();
    for scope in SCOPES {
        single.push((scope, world.key(&[scope], None).await));
    }
    let company = world.own.company.clone();
    let stranger = world.stranger().await;
    Keys {
        single,
        own: world.key(&SCOPES, Some(&company)).await,
        other: world.key(&SCOPES, Some(&stranger)).await,
    }
}

async fn run(app: TestApp) -> TestApp {
    let mut world = World::of(&app).await;
    let keys = keys(&mut world).await;
    let revoked = world.key(&SCOPES, None).await;
    let revoked_id = {
        let path = "/api/v1/api-keys?limit=1";
        app.get(path).await.1["items"][0]["id"].as_str().expect("an id").to_owned()
    };
    let revoke = format!("/api/v1/api-keys/{revoked_id}/revoke");
    assert_eq!(app.post(&revoke, serde_json::json!({})).await.0, 200);
    let (mut operations, mut cases) = (0, 0);
    for row in ROWS {
        let Need::AnyOf { scopes, program_only } = row.need else { continue };
        let (method, route) = (row.method, row.path);
        operations += 1;

        let nobody = world.call(None, method, route).await;
        assert_eq!(nobody.says(), (401, "unauthorized".into()), "{method} {route}, no key");
        let mistyped = format!("{}x", keys.own);
        let wrong: [&str; 4] = ["wrong", &mistyped, &revoked, "a.b.c"];
        for key in wrong {
            let refused = world.call(Some(key), method, route).await;
            assert_eq!(refused.status, 401, "{method} {route}, {key}");
            assert_eq!(plain(&refused), plain(&nobody), "the answer tells nothing");
        }

        for (scope, key) in &keys.single {
            let may = scopes.any_of(Scopes::granted(scope));
            let answer = world.call(Some(key), method, route).await;
            if may {
                // None of these is there to be found; that they are looked for is enough.
                let none =
                    ["/api/v1/dead-letters", "/api/v1/webhook-events", "/api/v1/personal/kyc/"];
                let looked = is_let_through(&answer)
                    || none.iter().any(|beginning| route.starts_with(beginning));
                assert!(
                    looked && answer.status != 403,
                    "{method} {route} with {scope}: {answer:?}"
                );
            } else {
                let said = answer.says();
                assert_eq!(said, (403, "forbidden".into()), "{method} {route} with {scope}");
            }
        }

        for (whose, key) in [("own", &keys.own), ("other", &keys.other)] {
            let answer = world.call(Some(key), method, route).await;
            let case = format!("{method} {route}, {whose} company: {answer:?}");
            if program_only {
                assert_eq!(answer.says(), (403, "forbidden".into()), "{case}");
            } else if whose == "own" {
                assert!(is_let_through(&answer), "{case}");
            } else if method == "GET" && !route.contains("{id}") {
                assert_eq!(answer.status, 200, "{case}");
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                let own = &world.own;
                for id in
                    [&own.company, &own.user, &own.card, &own.account, &own.transaction, &own.key]
                {
                    assert!(!text.contains(id), "{case}");
                }
            } else {
                assert_eq!(answer.says(), (404, "not_found".into()), "{case}");
                assert_eq!(plain(&answer), absent(&mut world, key, method, route).await, "{case}");
            }
        }
        cases += 1 + wrong.len() + keys.single.len() + 2;
    }
    eprintln!("access matrix: {operations} operations, {cases} cases, 0 wrong");
    app
}

/// What the same caller is told of an object that nobody has.
async fn absent(world: &mut World, key: &str, method: &str, route: &str) -> Value {
    let path = match method {
        "DELETE" if route.contains("limits") => route.replace("{id}", NOBODYS_LIMIT),
        "DELETE" => route.replace("{id}", NOBODYS_CONTROL),
        _ => {
            let path = world.path(method, route).await;
            nobodys(world, &path)
        }
    };
    let body = world.body(method, route).map(|body| nobodys(world, &body.to_string()));
    let body = body.map(|body| serde_json::from_str(&body).expect("JSON"));
    let answer = world.send(Some(key), method, &path, body).await;
    assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
    plain(&answer)
}

const NOBODYS_LIMIT: &str = "lim_01901234567878ab8def0123456789ab";
const NOBODYS_CONTROL: &str = "ctl_01901234567878ab8def0123456789ab";

/// The text with ids that nobody has in the place of the company's.
fn nobodys(world: &World, text: &str) -> String {
    let own = &world.own;
    let ids = [
        &own.company,
        &own.account,
        &own.user,
        &own.card,
        &own.control,
        &own.limit,
        &own.authorization,
        &own.transaction,
        &own.key,
    ];
    ids.into_iter().fold(text.to_owned(), |text, id| {
        let (start, last) = id.split_at(id.len() - 1);
        let other = if last == "0" { "1" } else { "0" };
        text.replace(id.as_str(), &format!("{start}{other}"))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_answers_each_kind_of_caller_on_the_embedded_store() {
    let app = TestApp::start_with(|settings| settings.access.failures_max = 0).await;
    run(app).await.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn each_operation_answers_each_kind_of_caller_on_servers() {
    let (corner, database) = (Corner::new(), Database::migrated().await);
    let (postgres, mongodb) = (database.url.clone(), corner.url().to_owned());
    let app = TestApp::start_with(|settings| {
        settings.access.failures_max = 0;
        settings.store.postgres.url = Some(postgres.into());
        settings.store.mongodb.url = Some(mongodb.into());
    });
    run(app.await).await.stop().await;
    drop((corner, database));
}
