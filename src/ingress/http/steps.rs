//! `/api/v1/authorizations/{id}/…`: what follows a purchase.

use std::sync::Arc;

use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::bound::Bound;
use super::answer::Answer;
use super::authorizations::answer;
use super::body::JsonBody;
use super::extract::{Arrival, Id};
use crate::domain::id::AuthorizationId;
use crate::service::Service;
use crate::wire::v1::authorization::Authorization;
use crate::wire::v1::movement::Movement;
use crate::wire::v1::step::{Advise, Clear, Expire, Increment, Refund, Reverse, StepBody};
use crate::wire::v1::terms;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new()
        .routes(routes!(increment))
        .routes(routes!(reverse))
        .routes(routes!(advise))
        .routes(routes!(clear))
        .routes(routes!(refund))
        .routes(routes!(expire))
}

/// Holds more for a purchase: judged like an authorization.
#[utoipa::path(
    post,
    path = "/api/v1/authorizations/{id}/increment",
    tag = "Authorizations",
    operation_id = "increment_authorization",
    params(("id" = terms::AuthorizationId, Path)),
    request_body(content = Increment),
    responses(
        (
            status = 201,
            description = "The decision, at first and at every repeat.",
            body = Authorization,
        ),
        (status = 409, description = "token_reused"),
        (status = 422, description = "currency_mismatch not_supported"),
    ),
)]
async fn increment(
    Bound(service): Bound,
    arrival: Arrival,
    Id(id): Id<AuthorizationId>,
    JsonBody(body): JsonBody<Increment>,
) -> Answer {
    follow(&service, arrival, id, &body).await
}

/// Gives back part of a hold, or all of it.
#[utoipa::path(
    post,
    path = "/api/v1/authorizations/{id}/reverse",
    tag = "Authorizations",
    operation_id = "reverse_authorization",
    params(("id" = terms::AuthorizationId, Path)),
    request_body(content = Reverse),
    responses(
        (
            status = 200,
            description = "What was moved, at first and at every repeat.",
            body = Movement,
        ),
        (status = 409, description = "token_reused"),
        (status = 422, description = "currency_mismatch amount_out_of_range not_supported"),
    ),
)]
async fn reverse(
    Bound(service): Bound,
    arrival: Arrival,
    Id(id): Id<AuthorizationId>,
    JsonBody(body): JsonBody<Reverse>,
) -> Answer {
    follow(&service, arrival, id, &body).await
}

/// Lets a purchase stand at a new, smaller total.
#[utoipa::path(
    post,
    path = "/api/v1/authorizations/{id}/advise",
    tag = "Authorizations",
    operation_id = "advise_authorization",
    params(("id" = terms::AuthorizationId, Path)),
    request_body(content = Advise),
    responses(
        (
            status = 200,
            description = "What was moved, at first and at every repeat.",
            body = Movement,
        ),
        (status = 409, description = "token_reused"),
        (
            status = 422,
            description = "currency_mismatch amount_out_of_range advice_raises not_supported",
        ),
    ),
)]
async fn advise(
    Bound(service): Bound,
    arrival: Arrival,
    Id(id): Id<AuthorizationId>,
    JsonBody(body): JsonBody<Advise>,
) -> Answer {
    follow(&service, arrival, id, &body).await
}

/// Posts a purchase.
///
/// A clearing above what is held, or after the purchase was closed, is posted all the same, as the money is owed; the flags say so.
#[utoipa::path(
    post,
    path = "/api/v1/authorizations/{id}/clear",
    tag = "Authorizations",
    operation_id = "clear_authorization",
    params(("id" = terms::AuthorizationId, Path)),
    request_body(content = Clear),
    responses(
        (
            status = 200,
            description = "What was moved, at first and at every repeat.",
            body = Movement,
        ),
        (status = 409, description = "token_reused"),
        (status = 422, description = "currency_mismatch amount_out_of_range not_supported"),
    ),
)]
async fn clear(
    Bound(service): Bound,
    arrival: Arrival,
    Id(id): Id<AuthorizationId>,
    JsonBody(body): JsonBody<Clear>,
) -> Answer {
    follow(&service, arrival, id, &body).await
}

/// Gives money back to the cardholder.
#[utoipa::path(
    post,
    path = "/api/v1/authorizations/{id}/refund",
    tag = "Authorizations",
    operation_id = "refund_authorization",
    params(("id" = terms::AuthorizationId, Path)),
    request_body(content = Refund),
    responses(
        (
            status = 200,
            description = "What was moved, at first and at every repeat.",
            body = Movement,
        ),
        (status = 409, description = "token_reused"),
        (status = 422, description = "currency_mismatch amount_out_of_range not_supported"),
    ),
)]
async fn refund(
    Bound(service): Bound,
    arrival: Arrival,
    Id(id): Id<AuthorizationId>,
    JsonBody(body): JsonBody<Refund>,
) -> Answer {
    follow(&service, arrival, id, &body).await
}

/// Lets a hold run out that has passed its time.
#[utoipa::path(
    post,
    path = "/api/v1/authorizations/{id}/expire",
    tag = "Authorizations",
    operation_id = "expire_authorization",
    params(("id" = terms::AuthorizationId, Path)),
    request_body(content = Expire),
    responses(
        (
            status = 200,
            description = "What was moved, at first and at every repeat.",
            body = Movement,
        ),
        (status = 409, description = "token_reused"),
        (status = 422, description = "currency_mismatch amount_out_of_range not_supported"),
    ),
)]
async fn expire(
    Bound(service): Bound,
    arrival: Arrival,
    Id(id): Id<AuthorizationId>,
    JsonBody(body): JsonBody<Expire>,
) -> Answer {
    follow(&service, arrival, id, &body).await
}

async fn follow(
    service: &Service,
    Arrival(received): Arrival,
    id: AuthorizationId,
    body: &impl StepBody,
) -> Answer {
    answer(service.follow(id, body.parse()?, received).await?, StatusCode::OK)
}
