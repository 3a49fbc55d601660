//! `/api/v1/authorizations`: the pipeline in plain JSON, and what follows a purchase.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::{JsonBody, KeptBody};
use super::extract::{Arrival, Id, Later, QueryPairs, RESPOND_ASYNC};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{Message, Outgoing, Target};
use crate::domain::id::AuthorizationId;
use crate::domain::token::Token;
use crate::service::authorizations::Story;
use crate::service::error::Error;
use crate::service::lifecycle::Followed;
use crate::wire::v1::authorization::{Authorization, Explained};
use crate::wire::v1::lists::AuthorizationList;
use crate::wire::v1::movement::Movement;
use crate::wire::v1::preview::{LimitState, Preview};
use crate::wire::v1::purchase::{self, CreateAuthorization, MEDIA_TYPE as OWN_SHAPE};
use crate::wire::v1::step::{StepBody, Verb};

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    let verbs =
        [Verb::Increment, Verb::Reverse, Verb::Advise, Verb::Clear, Verb::Refund, Verb::Expire];
    let router = Router::new()
        .route("/api/v1/authorizations", post(create).get(list))
        .route("/api/v1/authorizations/{id}", get(read));
    verbs.into_iter().fold(router, |router, verb| {
        let path = format!("/api/v1/authorizations/{{id}}/{}", verb.as_str());
        let follow = move |service, arrival, id, body| follow(verb, service, arrival, id, body);
        router.route(&path, post(follow))
    })
}

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
            let body = Json(json!({ "token": token, "status": "accepted" }));
            Ok((StatusCode::ACCEPTED, [("preference-applied", RESPOND_ASYNC)], body)
                .into_response())
        }
        Some(Err(_)) | None => Err(Error::Unavailable.into()),
    }
}

async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_authorizations(AuthorizationList::parse(&pairs)?).await?;
    answer::page(listed, Authorization::from)
}

async fn read(Bound(service): Bound, Id(id): Id<AuthorizationId>) -> Answer {
    let Story { authorization, chain, postings, standing } = service.authorization(id).await?;
    let limits = standing.as_ref().map(LimitState::all);
    Ok(Json(Explained::new(authorization, chain, postings, limits)).into_response())
}

async fn follow(
    verb: Verb,
    Bound(service): Bound,
    Arrival(received): Arrival,
    Id(id): Id<AuthorizationId>,
    JsonBody(body): JsonBody<StepBody>,
) -> Answer {
    let step = body.parse(verb)?;
    answer(service.follow(id, step, received).await?, StatusCode::OK)
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
