//! Companies, users, cards, limits and controls are created, read, changed and deleted.

use serde_json::json;

use super::{Program, created, expect, text};
use crate::support::TestApp;

#[tokio::test]
async fn a_company_is_created_read_and_changed() {
    let app = TestApp::start().await;
    let body = json!({"name": "Wren", "currency": "EUR", "time_zone": "Europe/Brussels"});
    let company = created(&app, "/api/v1/companies", body).await;
    assert_eq!((&company["version"], &company["status"]), (&json!(1), &json!("ACTIVE")));
    let path = format!("/api/v1/companies/{}", text(&company["id"]));
    assert_eq!(app.get(&path).await, (http::StatusCode::OK, company.clone()));
    let (status, changed) = app.patch(&path, 1, json!({"status": "SUSPENDED"})).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!((&changed["version"], &changed["status"]), (&json!(2), &json!("SUSPENDED")));
    assert_eq!(app.get(&path).await.1, changed);
}

#[tokio::test]
async fn names_are_kept_and_answered_composed() {
    let app = TestApp::start().await;
    let zoe = ["Zoe\u{308}", "Zo\u{eb}"];
    let body = json!({"name": zoe[0], "currency": "EUR"});
    let company = created(&app, "/api/v1/companies", body).await;
    assert_eq!(company["name"], zoe[1]);
    let path = format!("/api/v1/companies/{}", text(&company["id"]));
    assert_eq!(app.get(&path).await.1["name"], zoe[1]);
    let inert = "<script> =cmd() a\u{200d}b \u{430}";
    assert_eq!(app.patch(&path, 1, json!({"name": inert})).await.0, 200);
    assert_eq!(app.get(&path).await.1["name"], inert, "and is nothing but text");
    let employee = json!({"company_id": company["id"], "first_name": zoe[0], "role": zoe[0]});
    let employee = created(&app, "/api/v1/users", employee).await;
    assert_eq!((&employee["first_name"], &employee["role"]), (&json!(zoe[1]), &json!(zoe[1])));
    let person = json!({"last_name": zoe[0], "role": zoe[0]});
    let person = created(&app, "/api/v1/personal/users", person).await;
    let path = format!("/api/v1/personal/users/{}", text(&person["id"]));
    let person = app.get(&path).await.1;
    assert_eq!((&person["last_name"], &person["role"]), (&json!(zoe[1]), &json!(zoe[1])));
    let key = json!({"name": zoe[0], "scopes": ["read"]});
    let key = created(&app, "/api/v1/api-keys", key).await;
    assert_eq!(key["name"], zoe[1]);
}

#[tokio::test]
async fn a_change_names_the_version_it_was_decided_on() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let path = format!("/api/v1/cards/{}", text(&program.card["id"]));
    let suspend = json!({"status": "SUSPENDED"});
    let bare = app.send("PATCH", &path, &[], Some(suspend.to_string())).await;
    expect(bare, 428, "version_required");
    expect(app.patch(&path, 7, suspend.clone()).await, 412, "version_conflict");
    let unquoted = app.send("PATCH", &path, &[("if-match", "1")], Some(suspend.to_string())).await;
    assert_eq!(unquoted.0, 200, "{}", unquoted.1);
    expect(app.patch(&path, 1, suspend).await, 412, "version_conflict");
}

#[tokio::test]
async fn a_terminated_card_stays_terminated() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let path = format!("/api/v1/cards/{}", text(&program.card["id"]));
    assert_eq!(app.patch(&path, 1, json!({"status": "TERMINATED"})).await.0, 200);
    let revived = app.patch(&path, 2, json!({"status": "ACTIVE"})).await;
    expect(revived, 409, "invalid_transition");
}

#[tokio::test]
async fn the_platforms_token_is_taken_once_and_works_as_an_id() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let company = program.company["id"].clone();
    let user = json!({"company_id": company, "marqeta_token": "u-42"});
    let user = created(&app, "/api/v1/users", user.clone()).await;
    assert_eq!(app.get("/api/v1/users/u-42").await.1["id"], user["id"]);
    let again = json!({"company_id": company, "marqeta_token": "u-42"});
    expect(app.post("/api/v1/users", again).await, 409, "token_taken");
    let card = json!({"user_id": "u-42", "marqeta_token": "c-42"});
    let card = created(&app, "/api/v1/cards", card).await;
    assert_eq!(card["user_id"], user["id"]);
    assert_eq!(card["account_id"], program.company["account_id"]);
    assert_eq!(app.get("/api/v1/cards/c-42").await.1["id"], card["id"]);
    let ours = json!({"user_id": "u-42", "marqeta_token": program.card["id"]});
    expect(app.post("/api/v1/cards", ours).await, 400, "invalid_token");
}

#[tokio::test]
async fn a_personal_card_draws_on_the_only_wallet_or_the_named_one() {
    let app = TestApp::start().await;
    let user = created(&app, "/api/v1/personal/users", json!({"first_name": "Ada"})).await;
    let card = json!({"user_id": user["id"]});
    let none = app.post("/api/v1/personal/cards", card.clone()).await;
    expect(none, 400, "wallet_required");
    let wallet = json!({"user_id": user["id"], "currency": "EUR"});
    let first = created(&app, "/api/v1/personal/wallets", wallet.clone()).await;
    let only = created(&app, "/api/v1/personal/cards", card.clone()).await;
    assert_eq!(only["account_id"], first["id"]);
    let second = created(&app, "/api/v1/personal/wallets", wallet).await;
    let several = app.post("/api/v1/personal/cards", card).await;
    expect(several, 400, "wallet_required");
    let named = json!({"user_id": user["id"], "wallet_id": second["id"]});
    let named = created(&app, "/api/v1/personal/cards", named).await;
    assert_eq!(named["account_id"], second["id"]);
}

#[tokio::test]
async fn personal_objects_are_not_found_among_a_companys_nor_the_other_way_round() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let person = created(&app, "/api/v1/personal/users", json!({})).await;
    let path = |folder: &str, id| format!("/api/v1/{folder}/{}", text(id));
    expect(app.get(&path("users", &person["id"])).await, 404, "not_found");
    expect(app.get(&path("personal/users", &program.user["id"])).await, 404, "not_found");
    expect(app.get(&path("personal/cards", &program.card["id"])).await, 404, "not_found");
    let card = app.post("/api/v1/cards", json!({"user_id": person["id"]})).await;
    assert_eq!(card.1["pointer"], "/user_id");
    expect(card, 404, "not_found");
}

#[tokio::test]
async fn a_wallet_moves_to_another_time_zone() {
    let app = TestApp::start().await;
    let user = created(&app, "/api/v1/personal/users", json!({"marqeta_token": "p-1"})).await;
    let wallet = json!({"user_id": "p-1", "currency": "JPY"});
    let wallet = created(&app, "/api/v1/personal/wallets", wallet).await;
    assert_eq!((&wallet["user_id"], &wallet["available"]), (&user["id"], &json!(0)));
    let path = format!("/api/v1/personal/wallets/{}", text(&wallet["id"]));
    let (status, changed) = app.patch(&path, 1, json!({"time_zone": "Asia/Tokyo"})).await;
    assert_eq!((status.as_u16(), &changed["time_zone"]), (200, &json!("Asia/Tokyo")));
    assert_eq!(app.get(&path).await.1, changed);
}

#[tokio::test]
async fn a_limit_is_created_changed_and_deleted() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let limit = json!({
        "scope": "company", "scope_id": program.company["id"], "window": "day", "amount": 500,
        "count": 3, "mode": "pool", "merchant": {"mcc_group": {"name": "travel", "mccs": ["4511"]}}
    });
    let limit = created(&app, "/api/v1/spending-limits", limit).await;
    let path = format!("/api/v1/spending-limits/{}", text(&limit["id"]));
    assert_eq!(app.get(&path).await.1, limit);
    let (status, changed) = app.patch(&path, 1, json!({"amount": 900, "count": null})).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!((&changed["amount"], &changed["count"]), (&json!(900), &json!(null)));
    expect(app.patch(&path, 2, json!({"amount": null})).await, 400, "missing_field");
    assert_eq!(app.delete(&path).await.0, 204);
    expect(app.get(&path).await, 404, "not_found");
    expect(app.delete(&path).await, 404, "not_found");
}

#[tokio::test]
async fn a_limit_that_contradicts_itself_is_refused() {
    let app = TestApp::start().await;
    let path = "/api/v1/spending-limits";
    let pool = json!({"scope": "program", "window": "day", "amount": 5, "mode": "pool"});
    expect(app.post(path, pool).await, 422, "limit_conflict");
    let count = json!({"scope": "program", "window": "transaction", "count": 5});
    expect(app.post(path, count).await, 422, "limit_conflict");
    let nothing = json!({"scope": "program", "window": "day"});
    expect(app.post(path, nothing).await, 400, "missing_field");
    let nobody = json!({"scope": "user", "scope_id": "nobody", "window": "day", "count": 1});
    expect(app.post(path, nobody).await, 404, "not_found");
}

#[tokio::test]
async fn a_limit_that_contradicts_another_of_its_owner_is_refused() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let path = "/api/v1/spending-limits";
    let limit = |scope: &str, window: &str, amount: i64| {
        let id = match scope {
            "card" => program.card["id"].clone(),
            "user" => program.user["id"].clone(),
            _ => program.company["id"].clone(),
        };
        json!({"scope": scope, "scope_id": id, "window": window, "amount": amount})
    };
    let of_purchase = created(&app, path, limit("card", "transaction", 500)).await;
    let below = app.post(path, limit("card", "day", 499)).await;
    assert_eq!(below.1["pointer"], "/amount");
    expect(below, 422, "limit_conflict");
    let of_day = created(&app, path, limit("card", "day", 500)).await;
    // Others, in another currency, at other merchants: all of it may be meant.
    created(&app, path, limit("user", "day", 100)).await;
    created(&app, path, limit("company", "month", 50)).await;
    let mut elsewhere = limit("card", "day", 100);
    elsewhere["merchant"] = json!({"mcc": "5411"});
    created(&app, path, elsewhere).await;
    let mut dollars = limit("card", "day", 100);
    dollars["currency"] = json!("USD");
    created(&app, path, dollars).await;
    // A change is compared as well, in what it changes.
    let at = |limit: &serde_json::Value| format!("{path}/{}", text(&limit["id"]));
    let change = |amount: i64| json!({"amount": amount});
    expect(app.patch(&at(&of_purchase), 1, change(501)).await, 422, "limit_conflict");
    expect(app.patch(&at(&of_day), 1, change(499)).await, 422, "limit_conflict");
    expect(app.patch(&at(&of_day), 7, change(499)).await, 412, "version_conflict");
    assert_eq!(app.patch(&at(&of_purchase), 1, change(400)).await.0, 200);
    assert_eq!(app.patch(&at(&of_day), 1, json!({"amount": 400, "count": 3})).await.0, 200);
    let mut count = limit("card", "week", 400);
    count["count"] = json!(2);
    let fewer = app.post(path, count).await;
    assert_eq!(fewer.1["pointer"], "/count");
    expect(fewer, 422, "limit_conflict");
    // What is gone contradicts nothing.
    assert_eq!(app.delete(&at(&of_purchase)).await.0, 204);
    assert_eq!(app.patch(&at(&of_day), 2, change(1)).await.0, 200);
    app.stop_and_verify().await;
}

#[tokio::test]
async fn a_control_is_created_read_and_deleted_and_binds_while_it_is_there() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 10_000).await;
    let control = json!({
        "scope": "card", "scope_id": program.card["id"], "effect": "deny", "mccs": ["7995"]
    });
    let control = created(&app, "/api/v1/spending-controls", control).await;
    let path = format!("/api/v1/spending-controls/{}", text(&control["id"]));
    assert_eq!(app.get(&path).await.1, control);
    let casino = |token: &str| {
        let mut purchase = program.purchase(token, 100);
        purchase["merchant"] = json!({"mcc": "7995"});
        purchase
    };
    let refused = created(&app, "/api/v1/authorizations", casino("t-1")).await;
    assert_eq!(refused["code"], "control.mcc", "{refused}");
    assert_eq!(app.delete(&path).await.0, 204);
    let approved = created(&app, "/api/v1/authorizations", casino("t-2")).await;
    assert_eq!(approved["decision"], "approved", "{approved}");
}

#[tokio::test]
async fn a_changed_control_binds_the_next_purchase() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 10_000).await;
    let control = json!({
        "scope": "card", "scope_id": program.card["id"], "effect": "deny", "mccs": ["7995"],
        "ends_at": "2999-12-31T00:00:00Z"
    });
    let control = created(&app, "/api/v1/spending-controls", control).await;
    let path = format!("/api/v1/spending-controls/{}", text(&control["id"]));
    let casino = async |token: &str| {
        let mut purchase = program.purchase(token, 100);
        purchase["merchant"] = json!({"mcc": "7995"});
        created(&app, "/api/v1/authorizations", purchase).await
    };
    assert_eq!(casino("t-1").await["code"], "control.mcc");
    let change = json!({"mccs": [], "mcc_groups": null, "merchants": ["m-1"], "ends_at": null});
    let (status, changed) = app.patch(&path, 1, change).await;
    assert_eq!(status, 200, "{changed}");
    let mut expected = control.clone();
    expected["version"] = json!(2);
    expected["mccs"] = json!([]);
    expected["merchants"] = json!(["m-1"]);
    expected["ends_at"] = json!(null);
    assert_eq!(changed, expected, "what was not named stays");
    assert_eq!(app.get(&path).await.1, changed);
    assert_eq!(casino("t-2").await["decision"], "approved");
    assert_eq!(app.patch(&path, 2, json!({"mccs": ["7000-7999"]})).await.0, 200);
    assert_eq!(casino("t-3").await["code"], "control.mcc");
    let nothing = app.patch(&path, 3, json!({})).await;
    assert_eq!((nothing.0.as_u16(), &nothing.1["version"]), (200, &json!(4)));
    let allow = json!({"effect": "allow", "merchants": null});
    assert_eq!(app.patch(&path, 4, allow).await.0, 200);
    assert_eq!(casino("t-4").await["decision"], "approved");
}

#[tokio::test]
async fn a_change_of_a_control_is_refused_where_it_is_stale_unknown_or_contradicts_what_stays() {
    let app = TestApp::start().await;
    let control = json!({
        "scope": "program", "effect": "deny", "mccs": ["7995"], "ends_at": "2999-01-01T00:00:00Z"
    });
    let control = created(&app, "/api/v1/spending-controls", control).await;
    let path = format!("/api/v1/spending-controls/{}", text(&control["id"]));
    let allow = json!({"effect": "allow"});
    let bare = app.send("PATCH", &path, &[], Some(allow.to_string())).await;
    expect(bare, 428, "version_required");
    expect(app.patch(&path, 2, allow.clone()).await, 412, "version_conflict");
    let nothing = "/api/v1/spending-controls/ctl_0190123456787abc8def0123456789ab";
    expect(app.patch(nothing, 1, allow).await, 404, "not_found");
    for empty in [json!(null), json!([])] {
        let emptied = app.patch(&path, 1, json!({"mccs": empty})).await;
        assert_eq!(emptied.1["pointer"], "/mccs");
        expect(emptied, 422, "limit_conflict");
    }
    let starts = json!({"starts_at": "2999-01-01T00:00:00Z"});
    expect(app.patch(&path, 1, starts).await, 422, "limit_conflict");
    expect(app.patch(&path, 1, json!({"scope": "program"})).await, 400, "unknown_field");
    expect(app.patch(&path, 1, json!({"effect": null})).await, 400, "invalid_type");
    assert_eq!(app.get(&path).await.1, control, "nothing of it was done");
}
