//! The platform's own API, `/v3/`: set-up calls and simulation calls, so that an existing client can
//! drive it. Answers are as small as such clients need them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::listing::Wanted;
use super::operator::Operator;
use super::platform::{Act, Order, Platform};
use super::transition;
use crate::domain::clock::Clock;
use crate::domain::id::Home;
use crate::domain::money::Money;

/// Items of a page where the caller does not say, and at most.
const COUNT: usize = 25;
const COUNT_MAX: usize = 1_000;

/// What the calls share.
pub(super) struct Desk {
    pub(super) platform: Platform,
    /// Makes users and cards known to the other side; without one, somebody else does.
    pub(super) operator: Option<Operator>,
    /// Application token and access token; `None`: everybody may call.
    pub(super) access: Option<(String, String)>,
    /// What was created, by kind, in order.
    pub(super) documents: Mutex<BTreeMap<&'static str, Vec<Value>>>,
}

type Shared = State<Arc<Desk>>;

/// The routes.
pub(super) fn router(desk: Arc<Desk>) -> Router {
    let kinds = [FUNDING, PRODUCTS, USERS, CARDS, WEBHOOKS];
    let router = kinds.into_iter().fold(Router::new(), |router, kind| {
        let list = move |desk: Shared, page| async move { list(&desk, kind, &page) };
        let create =
            move |desk: Shared, body: Bytes| async move { create(&desk, kind, &body).await };
        let read =
            move |desk: Shared, Path(token): Path<String>| async move { read(&desk, kind, &token) };
        let change = move |desk: Shared, Path(token): Path<String>, body: Bytes| async move {
            change(&desk, kind, &token, &body)
        };
        router
            .route(
                &format!("/v3/{kind}"),
                get(list).post(create).put(move |desk: Shared, body: Bytes| async move {
                    change_only(&desk, kind, &body)
                }),
            )
            .route(&format!("/v3/{kind}/{{token}}"), get(read).put(change))
    });
    router
        .route("/v3/cards/user/{token}", get(cards_of))
        .route("/v3/cardtransitions", post(turn))
        .route("/v3/simulations/cardtransactions/{act}", post(simulate))
        .route("/v3/transactions", get(transactions))
        .route("/v3/transactions/{token}", get(transaction))
        .fallback(async || refuse(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .route_layer(from_fn_with_state(Arc::clone(&desk), admit))
        .with_state(desk)
}

const FUNDING: &str = "fundingsources/programgateway";
const PRODUCTS: &str = "cardproducts";
const USERS: &str = "users";
const CARDS: &str = "cards";
const WEBHOOKS: &str = "webhooks";

async fn admit(State(desk): Shared, request: Request, next: Next) -> Response {
    let Some((application, access)) = &desk.access else { return next.run(request).await };
    let expected = format!("Basic {}", STANDARD.encode(format!("{application}:{access}")));
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given == Some(&expected) {
        return next.run(request).await;
    }
    refuse(StatusCode::UNAUTHORIZED, "send the application token and the access token")
}

fn refuse(status: StatusCode, message: &str) -> Response {
    let code = format!("{}000", status.as_u16());
    (status, Json(json!({"error_code": code, "error_message": message}))).into_response()
}

/// One page of a list.
#[derive(Deserialize)]
#[serde(default)]
struct Page {
    start_index: usize,
    count: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { start_index: 0, count: COUNT }
    }
}

impl Page {
    fn of<T>(&self, all: &[T], shown: impl Fn(&T) -> Value) -> Response {
        let (start, count) = (self.start_index, self.count.min(COUNT_MAX));
        let data: Vec<Value> = all.iter().skip(start).take(count).map(shown).collect();
        let end = start + data.len();
        Json(json!({
            "count": data.len(), "start_index": start, "end_index": end.saturating_sub(1),
            "is_more": end < all.len(), "data": data,
        }))
        .into_response()
    }
}

impl Desk {
    fn documents(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Vec<Value>>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a program says of its doors counts from now on.
    fn heed(&self, kind: &str, document: &Value) {
        if kind == FUNDING
            && let Some(url) = document["url"].as_str()
        {
            self.platform.gateway.retarget(|own| own.described(url, document));
        }
        let config = if document["config"].is_object() { &document["config"] } else { document };
        if kind == WEBHOOKS
            && let Some(url) = config["url"].as_str()
        {
            self.platform.notices.retarget(|own| own.described(url, config));
        }
    }
}

fn list(desk: &Desk, kind: &'static str, page: &Query<Page>) -> Response {
    page.of(desk.documents().get(kind).map_or(&[][..], Vec::as_slice), Value::clone)
}

fn read(desk: &Desk, kind: &'static str, token: &str) -> Response {
    let documents = desk.documents();
    let found = documents.get(kind).and_then(|all| all.iter().find(|one| one["token"] == token));
    match found {
        Some(found) => Json(found).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "there is no such object"),
    }
}

async fn create(desk: &Desk, kind: &'static str, body: &Bytes) -> Response {
    let Ok(Value::Object(mut document)) = serde_json::from_slice(body) else {
        return refuse(StatusCode::BAD_REQUEST, "send one JSON object");
    };
    let platform = &desk.platform;
    document.entry("token").or_insert_with(|| platform.token().into());
    document.entry("active").or_insert(true.into());
    let now = platform.clock.now().to_string();
    document.entry("created_time").or_insert_with(|| now.clone().into());
    document.insert("last_modified_time".to_owned(), now.into());
    let mut document = Value::Object(document);
    let token = document["token"].as_str().unwrap_or_default().to_owned();
    let known = desk
        .documents()
        .get(kind)
        .is_some_and(|all| all.iter().any(|one| one["token"] == token.as_str()));
    if known {
        return refuse(StatusCode::CONFLICT, "there is an object of this token already");
    }
    if let Err(refusal) = introduce(desk, kind, &mut document, &token).await {
        return refusal;
    }
    desk.heed(kind, &document);
    desk.documents().entry(kind).or_default().push(document.clone());
    (StatusCode::CREATED, Json(document)).into_response()
}

/// The metadata of a user who spends money of their own. The platform leaves it to its programs; without
/// it, a user belongs to a company.
pub(super) fn personal() -> Value {
    json!({"home": "personal"})
}

fn home(user: &Value) -> Home {
    if user["metadata"]["home"] == personal()["home"] { Home::Personal } else { Home::Business }
}

/// Users and cards are made known to the other side before they are used.
async fn introduce(
    desk: &Desk,
    kind: &str,
    document: &mut Value,
    token: &str,
) -> Result<(), Response> {
    let failed = |error: super::operator::OperatorError| {
        refuse(StatusCode::BAD_GATEWAY, &format!("the program's service: {error}"))
    };
    match (kind, &desk.operator) {
        (USERS, operator) => {
            document["status"] = "ACTIVE".into();
            match operator {
                Some(operator) => operator.user(token, home(document)).await.map_err(failed),
                None => Ok(()),
            }
        }
        (CARDS, operator) => {
            let user = document["user_token"].as_str().unwrap_or_default().to_owned();
            let known = read(desk, USERS, &user).status() == StatusCode::OK;
            if !known {
                return Err(refuse(StatusCode::BAD_REQUEST, "user_token names no user"));
            }
            for (name, value) in
                [("state", "ACTIVE"), ("last_four", "0042"), ("expiration", "1232")]
            {
                document[name] = value.into();
            }
            if let Some(operator) = operator {
                operator.card(token, &user).await.map_err(failed)?;
            }
            desk.platform.state().holders.insert(token.to_owned(), user);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn change(desk: &Desk, kind: &'static str, token: &str, body: &Bytes) -> Response {
    let Ok(Value::Object(mut change)) = serde_json::from_slice(body) else {
        return refuse(StatusCode::BAD_REQUEST, "send one JSON object");
    };
    if kind == CARDS
        && let Some(state) = change.remove("state")
        && let Err((status, why)) = turn_card(desk, token, state.as_str().unwrap_or_default())
    {
        return refuse(status, why);
    }
    let mut documents = desk.documents();
    let all = documents.entry(kind).or_default();
    let Some(Value::Object(found)) = all.iter_mut().find(|one| one["token"] == token) else {
        return refuse(StatusCode::NOT_FOUND, "there is no such object");
    };
    found.extend(change.into_iter().filter(|(name, _)| name != "token"));
    let changed = Value::Object(found.clone());
    drop(documents);
    desk.heed(kind, &changed);
    Json(changed).into_response()
}

/// Some clients name the object in the body.
fn change_only(desk: &Desk, kind: &'static str, body: &Bytes) -> Response {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    change(desk, kind, document["token"].as_str().unwrap_or_default(), body)
}

/// A card is to have another state.
#[derive(Deserialize)]
struct Turn {
    card_token: String,
    state: String,
}

async fn turn(State(desk): Shared, body: Bytes) -> Response {
    let Ok(said) = serde_json::from_slice::<Turn>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "send card_token and state");
    };
    match turn_card(&desk, &said.card_token, &said.state) {
        Ok(notice) => (StatusCode::CREATED, Json(notice)).into_response(),
        Err((status, why)) => refuse(status, why),
    }
}

fn turn_card(desk: &Desk, token: &str, state: &str) -> Result<Value, (StatusCode, &'static str)> {
    let mut documents = desk.documents();
    let cards = documents.entry(CARDS).or_default();
    let Some(card) = cards.iter_mut().find(|one| one["token"] == token) else {
        return Err((StatusCode::NOT_FOUND, "there is no such card"));
    };
    let from = card["state"].as_str().unwrap_or_default();
    let Some(kind) = transition::kind(from, state) else {
        return Err((StatusCode::BAD_REQUEST, "the card can not be put into this state"));
    };
    card["state"] = state.into();
    let platform = &desk.platform;
    let now = platform.clock.now().to_string();
    let notice = transition::notice(card, kind, platform.token(), now);
    platform.turned(token, state, notice.clone());
    Ok(notice)
}

async fn cards_of(State(desk): Shared, Path(user): Path<String>, page: Query<Page>) -> Response {
    let documents = desk.documents();
    let all = documents.get(CARDS).map_or(&[][..], Vec::as_slice);
    let own: Vec<Value> =
        all.iter().filter(|one| one["user_token"] == user.as_str()).cloned().collect();
    page.of(&own, Value::clone)
}

async fn transactions(State(desk): Shared, page: Query<Page>, wanted: Query<Wanted>) -> Response {
    let state = desk.platform.state();
    match wanted.of(&state, desk.platform.clock.now()) {
        Some(found) => page.of(&found, |one| state.listed(one)),
        None => refuse(StatusCode::BAD_REQUEST, "a date is 2026-01-31 or 2026-01-31T12:00:00Z"),
    }
}

async fn transaction(State(desk): Shared, Path(token): Path<String>) -> Response {
    let state = desk.platform.state();
    match state.transactions.iter().find(|one| one["token"] == token.as_str()) {
        Some(found) => Json(state.listed(found)).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "there is no such transaction"),
    }
}

/// A simulation call, as clients send it: numbers may be texts, flags too.
#[derive(Deserialize)]
struct Simulation {
    amount: Option<Box<RawValue>>,
    card_token: Option<String>,
    preceding_related_transaction_token: Option<String>,
    original_transaction_token: Option<String>,
    #[serde(default)]
    card_acceptor: Value,
    mid: Option<String>,
    #[serde(default)]
    force_post: Value,
    #[serde(default)]
    is_final_clearing: Value,
    /// Ours: the answer of the gateway is taken as too late.
    #[serde(default)]
    gateway_timeout: Value,
}

async fn simulate(State(desk): Shared, Path(act): Path<String>, body: Bytes) -> Response {
    let Some(act) = Act::parse(&act) else {
        return refuse(StatusCode::NOT_FOUND, "this can not be simulated");
    };
    let Ok(said) = serde_json::from_slice::<Simulation>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "send one JSON object");
    };
    let amount = match &said.amount {
        None => None,
        Some(text) => {
            let text = text.get().trim_matches('"');
            match Money::parse_major(text, desk.platform.currency) {
                Ok(money) => Some(money.minor()),
                Err(_) => return refuse(StatusCode::BAD_REQUEST, "the amount can not be read"),
            }
        }
    };
    let mut merchant = said.card_acceptor;
    if let Some(mid) = said.mid {
        let mut described = merchant.as_object().cloned().unwrap_or_default();
        described.insert("mid".to_owned(), mid.into());
        merchant = described.into();
    }
    let order = Order {
        act,
        amount,
        card: said.card_token,
        preceding: said.preceding_related_transaction_token.or(said.original_transaction_token),
        force_post: flag(&said.force_post) == Some(true),
        is_final: flag(&said.is_final_clearing),
        late: flag(&said.gateway_timeout) == Some(true),
        merchant,
    };
    match desk.platform.simulate(order).await {
        Ok(transaction) => {
            let body = json!({ "transaction": transaction });
            (StatusCode::CREATED, Json(body)).into_response()
        }
        Err(fault) => refuse(StatusCode::BAD_REQUEST, &fault.to_string()),
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
