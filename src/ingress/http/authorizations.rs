//! `/api/v1/authorizations`: the pipeline in plain JSON, and what follows a purchase.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::KeptBody;
use super::extract::{Arrival, Id, Later, QueryPairs, RESPOND_ASYNC};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{Message, Outgoing, Target};
use crate::domain::id::AuthorizationId;
use crate::domain::token::Token;
use crate::service::authorizations::{LimitsNow, Story};
use crate::service::error::Error;
use crate::service::lifecycle::Followed;
use crate::wire::v1::authorization::{Authorization, Explained};
use crate::wire::v1::lists::AuthorizationList;
use crate::wire::v1::movement::Movement;
use crate::wire::v1::preview::{LimitState, Preview};
use crate::wire::v1::purchase::{self, CreateAuthorization, MEDIA_TYPE as OWN_SHAPE, Queued};
use crate::wire::v1::terms;
use crate::wire::v1::transaction::Page;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read))
}

/// Asks for an authorization: the same pipeline as the card platform's, in plain JSON.
///
/// A decline is an answer, not an error: it has status 201 as well. Nothing is ever decided twice for one token.
#[utoipa::path(
    post,
    path = "/api/v1/authorizations",
    tag = "Authorizations",
    operation_id = "create_authorization",
    params(
        ("dry_run" = Option<bool>, Query, description = "`true` asks what would be decided, and changes nothing."),
        ("Prefer" = Option<String>, Header, description = "`respond-async` publishes the request and answers 202; the decision goes to the queue `jit-funding-response-queue`.", example = "respond-async"),
    ),
    request_body(
        content = CreateAuthorization,
        example = json!({
            "token": "purchase-0001",
            "card": "wren-0042",
            "amount": 1050,
            "currency": "EUR",
            "merchant": {"mid": "m-1", "mcc": "5411", "name": "Corner shop", "country": "BEL"},
            "entry_mode": "CHIP",
            "channel": "POS",
        }),
    ),
    responses(
        (status = 200, description = "What would be decided (`dry_run`).", body = Preview),
        (
            status = 201,
            description = "The decision, at first and at every repeat.",
            body = Authorization,
        ),
        (
            status = 202,
            description = "The request is in the queue.",
            body = Queued,
            headers(("Preference-Applied" = String, description = "`respond-async`")),
        ),
        (status = 404, description = "not_found"),
        (status = 409, description = "token_reused"),
    ),
)]
async fn create(
    State(doors): State<Arc<Doors>>,
    Bound(service): Bound,
    Arrival(received): Arrival,
    Later(later): Later,
    QueryPairs(pairs): QueryPairs,
    KeptBody(body, bytes): KeptBody<CreateAuthorization>,
) -> Answer {
    let request = body.parse()?;
    if purchase::dry_run(&pairs)? {
        let preview = service.preview(request, received).await?;
        return Ok(Json(Preview::from(preview)).into_response());
    }
    if later {
        service.admits(&request).await?;
        return accept(&doors, &request.token, bytes).await;
    }
    let record = service.authorize(request, received).await?;
    answer(Followed::Decided(record), StatusCode::OK)
}

/// 202: the request is in the queue, and its decision will be at `jit-funding.decision`.
async fn accept(doors: &Doors, token: &Token, body: Bytes) -> Answer {
    let message = Message {
        id: token.to_string(),
        content_type: OWN_SHAPE.to_owned(),
        body,
        ..Message::default()
    };
    let key = Queue::JitFunding.binding().to_owned();
    let outgoing = Outgoing { target: Target::Topic(Exchange::Transactions, key), message };
    let published = doors.broker.publish(vec![outgoing]).await;
    match published.ok().and_then(|mut results| results.pop()) {
        Some(Ok(())) => {
            let body = Json(Queued { token: token.clone(), status: "accepted" });
            Ok((StatusCode::ACCEPTED, [("preference-applied", RESPOND_ASYNC)], body)
                .into_response())
        }
        Some(Err(_)) | None => Err(Error::Unavailable.into()),
    }
}

/// Lists decisions, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/authorizations",
    tag = "Authorizations",
    operation_id = "list_authorizations",
    params(
        ("company" = Option<terms::CompanyId>, Query, description = "On this company's account."),
        ("account" = Option<terms::AccountId>, Query, description = "On this account, or wallet."),
        ("card" = Option<terms::Reference>, Query, description = "Of this card."),
        ("decision" = Option<terms::Verdict>, Query, description = "Approved ones, or declined ones."),
        ("from" = Option<terms::Timestamp>, Query, description = "Decided at this time or later."),
        ("to" = Option<terms::Timestamp>, Query, description = "Decided earlier than this."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Authorization>),
    ),
)]
async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_authorizations(AuthorizationList::parse(&pairs)?).await?;
    answer::page(listed, Authorization::from)
}

/// Reads a decision with its explanation, and what has become of the purchase.
#[utoipa::path(
    get,
    path = "/api/v1/authorizations/{id}",
    tag = "Authorizations",
    operation_id = "read_authorization",
    params(("id" = terms::AuthorizationId, Path)),
    responses(
        (
            status = 200,
            description = "The decision, and the purchase as it stands.",
            body = Explained,
        ),
    ),
)]
async fn read(Bound(service): Bound, Id(id): Id<AuthorizationId>) -> Answer {
    let Story { authorization, chain, postings, standing } = service.authorization(id).await?;
    let limits = match standing {
        LimitsNow::Unlimited => Some(Vec::new()),
        LimitsNow::Found(found) => Some(LimitState::all(&found)),
        LimitsNow::Unknown => None,
    };
    Ok(Json(Explained::new(authorization, chain, postings, limits)).into_response())
}

/// 201 with a decision; a movement with the status that its route gives it.
pub(super) fn answer(followed: Followed, moved: StatusCode) -> Answer {
    Ok(match followed {
        Followed::Decided(record) => {
            (StatusCode::CREATED, Json(Authorization::from(record))).into_response()
        }
        Followed::Moved(movement) => (moved, Json(Movement::from(&*movement))).into_response(),
    })
}
