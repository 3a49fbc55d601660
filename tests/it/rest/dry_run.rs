//! What would be decided, and what is left of the limits: asked of the judge, and nothing is changed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

use super::{Program, authorized, created, expect, text};
use crate::support::{self, TestApp};

const DRY: &str = "/api/v1/authorizations?dry_run=true";

async fn dry(app: &TestApp, body: Value) -> Value {
    let (status, preview) = app.post(DRY, body).await;
    assert_eq!(status, 200, "{preview}");
    assert_eq!((&preview["dry_run"], &preview["id"]), (&json!(true), &Value::Null));
    preview
}

/// The contents of every table. A relay takes events away and leases their shards meanwhile; how many
/// there ever were is among the sequences.
async fn tables(app: &TestApp) -> BTreeMap<String, Option<String>> {
    let path = app.dir().join("tollgate.db");
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = options.connect().await.unwrap();
    const TABLES: &str = "select name from sqlite_schema where type = 'table'
        and name not in ('outbox', 'outbox_leases')";
    let names: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut connection).await.unwrap();
    assert!(names.len() > 20 && names.contains(&"sqlite_sequence".to_owned()), "{names:?}");
    let mut tables = BTreeMap::new();
    for name in names {
        const COLUMNS: &str = "select 'quote(\"' || name || '\")' from pragma_table_info(?1)";
        let columns: Vec<String> =
            sqlx::query_scalar(COLUMNS).bind(&name).fetch_all(&mut connection).await.unwrap();
        let row = columns.join(" || ',' || ");
        let sql = format!("select group_concat({row}, ';') from \"{name}\"");
        let asked = sqlx::query_scalar(AssertSqlSafe(sql));
        tables.insert(name, asked.fetch_one(&mut connection).await.unwrap());
    }
    tables
}

async fn limit(app: &TestApp, program: &Program, window: &str, rest: Value) -> Value {
    let mut limit = json!({"scope": "card", "scope_id": program.card["id"], "window": window});
    let fields = rest.as_object().unwrap().clone();
    limit.as_object_mut().unwrap().extend(fields);
    created(app, "/api/v1/spending-limits", limit).await
}

#[tokio::test]
async fn a_dry_run_decides_as_the_judge_would_and_changes_nothing() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    limit(&app, &program, "day", json!({"amount": 700, "count": 2})).await;
    let bought = authorized(&app, program.purchase("t-1", 500)).await;
    let before = tables(&app).await;
    let fits = dry(&app, program.purchase("t-2", 200)).await;
    assert_eq!((&fits["decision"], &fits["held"]), (&json!("approved"), &json!(200)), "{fits}");
    let above = dry(&app, program.purchase("t-2", 201)).await;
    assert_eq!(above["code"], "limit.day.amount", "{above}");
    // The same token again, and one that was used: judged as if it came for the first time.
    let repeated = dry(&app, program.purchase("t-1", 500)).await;
    assert_eq!(repeated["decision"], "declined", "{repeated}");
    assert_eq!(repeated["token"], "t-1");
    for _ in 0..5 {
        assert_eq!(dry(&app, program.purchase("t-2", 200)).await["decision"], "approved");
    }
    assert_eq!(tables(&app).await, before);
    let unknown = json!({"token": "t-3", "card": "nothing", "amount": 1, "currency": "EUR"});
    assert_eq!(dry(&app, unknown).await["code"], "card.unknown");
    let really = authorized(&app, program.purchase("t-2", 200)).await;
    assert_eq!(really["decision"], "approved");
    let again = authorized(&app, program.purchase("t-1", 500)).await;
    assert_eq!(again, bought, "the first decision stands");
    let path = "/api/v1/authorizations?dry_run=yes";
    expect(app.post(path, program.purchase("t-9", 1)).await, 400, "invalid_parameter");
    let path = "/api/v1/authorizations?simulate=true";
    expect(app.post(path, program.purchase("t-9", 1)).await, 400, "invalid_parameter");
    app.stop_and_verify().await;
}

#[tokio::test]
async fn a_dry_run_on_a_wallet_changes_nothing_either() {
    let app = TestApp::start().await;
    let wallet = support::Program::set_up_personal(&mut app.client(), 1_000, 1).await;
    let purchase = |token: &str, amount: i64| json!({"token": token, "card": wallet.card(), "amount": amount, "currency": "USD"});
    assert_eq!(authorized(&app, purchase("t-1", 500)).await["decision"], "approved");
    let before = tables(&app).await;
    let fits = dry(&app, purchase("t-2", 500)).await;
    assert_eq!((&fits["decision"], &fits["held"]), (&json!("approved"), &json!(500)), "{fits}");
    let above = dry(&app, purchase("t-2", 501)).await;
    assert_eq!(above["code"], "funds.insufficient", "{above}");
    assert_eq!(tables(&app).await, before);
    assert_eq!(wallet.held(&mut app.client()).await, 500);
    app.stop_and_verify().await;
}

#[tokio::test]
async fn what_is_left_of_each_limit_is_told_and_when_it_begins_anew() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 10_000).await;
    let unlimited = Program::start(&app, 10_000).await;
    let free = authorized(&app, unlimited.purchase("t-0", 1)).await;
    let (_, explained) = app.get(&format!("/api/v1/authorizations/{}", text(&free["id"]))).await;
    assert_eq!(explained["limits"], json!([]), "there were none");
    let day = limit(&app, &program, "day", json!({"amount": 700, "count": 2})).await;
    let ever = limit(&app, &program, "lifetime", json!({"amount": 5_000})).await;
    let bought = authorized(&app, program.purchase("t-1", 500)).await;
    let path = format!("/api/v1/authorizations/{}", text(&bought["id"]));
    let (_, explained) = app.get(&path).await;
    let limits = explained["limits"].as_array().unwrap();
    let of = |limit: &Value| {
        limits.iter().find(|state| state["limit_id"] == limit["id"]).unwrap().clone()
    };
    let today = of(&day);
    assert_eq!(today["amount"], json!({"max": 700, "used": 500, "left": 200}), "{today}");
    assert_eq!(today["count"], json!({"max": 2, "used": 1, "left": 1}));
    assert!(text(&today["resets_at"]).ends_with("T00:00:00.000000Z"), "{today}");
    let whole = of(&ever);
    assert_eq!(whole["amount"]["left"], 4_500);
    assert_eq!(whole["resets_at"], Value::Null);
    // What has happened since counts.
    authorized(&app, program.purchase("t-2", 100)).await;
    let (_, explained) = app.get(&path).await;
    assert_eq!(explained["limits"][0]["amount"]["left"], 100, "{explained}");
    assert_eq!(explained["checks"], bought["checks"], "what was seen then stays");
}
