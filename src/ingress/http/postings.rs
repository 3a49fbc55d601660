//! `/api/v1/postings`: what has no authorization before it.

use std::sync::Arc;

use http::StatusCode;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::bound::Bound;
use super::answer::Answer;
use super::authorizations::answer;
use super::body::JsonBody;
use super::extract::Arrival;
use crate::wire::v1::authorization::Authorization;
use crate::wire::v1::movement::Movement;
use crate::wire::v1::posting::CreatePosting;

/// What a posting is answered with.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "stands for what `answer` gives in the document")]
enum PostingAnswer {
    /// A debit was judged.
    Decided(Authorization),
    /// Money that is owed was moved.
    Moved(Movement),
}

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Posts what has no authorization before it.
///
/// A debit is judged, and answered with a decision; the rest is owed, and answered with what was moved.
#[utoipa::path(
    post,
    path = "/api/v1/postings",
    tag = "Postings",
    operation_id = "create_posting",
    request_body(
        content = CreatePosting,
        example = json!({
            "kind": "refund",
            "token": "refund-0001",
            "card": "wren-0042",
            "amount": 1050,
            "currency": "EUR",
        }),
    ),
    responses(
        (
            status = 201,
            description = "What was decided or moved, at first and at every repeat.",
            body = PostingAnswer,
        ),
        (status = 404, description = "not_found"),
        (status = 409, description = "token_reused"),
        (status = 422, description = "currency_mismatch amount_out_of_range not_supported"),
    ),
)]
async fn create(
    Bound(service): Bound,
    Arrival(received): Arrival,
    JsonBody(body): JsonBody<CreatePosting>,
) -> Answer {
    answer(service.post(body.parse()?, received).await?, StatusCode::CREATED)
}
