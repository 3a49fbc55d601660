//! `POST /api/v1/marqeta/jit`: the card platform asks, and is answered 200 or 402. Nothing that
//! could not be read is ever answered 200.

pub(super) mod access;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use tracing::debug;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::ScannedBody;
use super::problem::Problem;
use super::{Doors, OutageAnswer, Received};
use crate::domain::decision::{Decision, Echo};
use crate::domain::token::Token;
use crate::pipeline::{AuthorizeError, Unavailable};
use crate::wire::marqeta::document::{JitAnswer, JitRequest};
use crate::wire::marqeta::request::{JitMessage, Unreadable, decode};
use crate::wire::marqeta::response::{self, Answer};

use access::JitAccess;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(jit))
}

/// Decides a purchase for the card platform: Gateway JIT Funding.
///
/// What is sent wrongly is declined rather than refused, once the funding token can be read; unknown fields are passed over. The same token is answered with the same bytes, for ever. Messages that only tell of something are answered with their echo.
#[utoipa::path(
    post,
    path = "/api/v1/marqeta/jit",
    tag = "Card platform",
    operation_id = "jit",
    request_body(
        content = JitRequest,
        example = json!({
            "type": "authorization",
            "token": "t-0001",
            "card_token": "wren-0042",
            "currency_code": "EUR",
            "gpa_order": {"jit_funding": {"token": "f-0001", "method": "pgfs.authorization", "amount": 10.5}},
        }),
    ),
    responses(
        (
            status = 200,
            description = "Approved, or taken note of.",
            body = JitAnswer,
            example = json!({"jit_funding": {
                "token": "f-0001",
                "method": "pgfs.authorization",
                "amount": 10.5,
                "tags": "aut_b01901234567878ab8def0123456789ab",
            }}),
        ),
        (
            status = 402,
            description = "Declined.",
            body = JitAnswer,
            example = json!({"jit_funding": {
                "token": "f-0001",
                "method": "pgfs.authorization",
                "amount": 10.5,
                "decline_reason": "INSUFFICIENT_FUNDS",
                "memo": "funds.insufficient",
                "tags": "aut_b01901234567878ab8def0123456789ab",
            }}),
        ),
    ),
)]
async fn jit(
    State(doors): State<Arc<Doors>>,
    _access: JitAccess,
    received: Option<Extension<Received>>,
    ScannedBody(body): ScannedBody,
) -> Response {
    let received = received.map_or_else(|| doors.clock.monotonic(), |Extension(at)| at.0);
    let (token, echo, decided) = match decode(&body) {
        Ok(JitMessage::Judge(request)) => {
            let (token, echo) = (request.token.clone(), request.echo());
            (token, echo, doors.pipeline.authorize(request, received).await)
        }
        Ok(JitMessage::Faulty(request)) => {
            let (token, echo) = (request.token.clone(), request.echo.clone());
            (token, echo, doors.pipeline.decline(request, received).await)
        }
        Ok(JitMessage::Informative(told)) => return told_of(&told.token, &told.echo),
        Err(unreadable) => return problem(&unreadable),
    };
    // Nothing waits from here on: a decision that came back is a decision that is answered.
    match decided {
        Ok(decision) => decided_on(&decision),
        Err(error) => undecided(error, &token, &echo, doors.outage),
    }
}

fn decided_on(decision: &Decision) -> Response {
    let code = decision.refusal.as_ref().map(|refusal| refusal.code.as_str());
    debug!(decision.approved = decision.approved(), decision.code = code, "answered a JIT request");
    respond(response::encode(decision))
}

fn undecided(error: AuthorizeError, token: &Token, echo: &Echo, outage: OutageAnswer) -> Response {
    debug!(%error, "no decision on a JIT request");
    match (error, outage) {
        (AuthorizeError::TokenReused, _) => respond(response::duplicate(token, echo)),
        (AuthorizeError::Unavailable(_), OutageAnswer::Decline) => {
            respond(response::unavailable(token, echo))
        }
        (AuthorizeError::Unavailable(cause), OutageAnswer::Error) => outage_problem(cause),
    }
}

fn outage_problem(cause: Unavailable) -> Response {
    let detail = format!("no decision was made ({cause}); the same request may be sent again");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, response::UNAVAILABLE, detail).into_response()
}

fn told_of(token: &Token, echo: &Echo) -> Response {
    debug!("echoed an informative JIT message");
    respond(response::informative(token, echo))
}

fn problem(unreadable: &Unreadable) -> Response {
    let problem = Problem::new(StatusCode::BAD_REQUEST, unreadable.code, unreadable.detail);
    match unreadable.pointer {
        "" => problem.into_response(),
        pointer => problem.at(pointer).into_response(),
    }
}

fn respond(answer: Answer) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, JSON)], answer.body).into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn read(response: Response) -> (u16, String, String) {
        let (parts, body) = response.into_parts();
        let kind = parts.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), kind, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn check_undecided(error: AuthorizeError, outage: OutageAnswer, expected: (u16, &str)) {
        let response = undecided(error, &"t1".parse().unwrap(), &Echo::default(), outage);
        let (status, _, body) = read(response).await;
        assert_eq!(status, expected.0, "{error}: {body}");
        assert!(body.contains(expected.1), "{error}: {body}");
    }

    #[tokio::test]
    async fn what_is_not_decided_is_never_approved() {
        for cause in
            [Unavailable::Shed, Unavailable::Stalled, Unavailable::Late, Unavailable::Store]
        {
            let decline = (402, r#""decline_reason":"TRANSACTION_NOT_PERMITTED","memo":"unavai"#);
            check_undecided(cause.into(), OutageAnswer::Decline, decline).await;
            let error = (503, r#""code":"unavailable""#);
            check_undecided(cause.into(), OutageAnswer::Error, error).await;
        }
        for outage in [OutageAnswer::Decline, OutageAnswer::Error] {
            let reused = (402, r#""decline_reason":"DUPLICATE_TRANSACTION""#);
            check_undecided(AuthorizeError::TokenReused, outage, reused).await;
        }
    }

    #[tokio::test]
    async fn what_can_not_be_read_is_a_problem_that_names_the_field() {
        let unreadable = decode(br#"{"gpa_order":{"jit_funding":{"token":""}}}"#).unwrap_err();
        let (status, kind, body) = read(problem(&unreadable)).await;
        assert_eq!((status, kind.as_str()), (400, "application/problem+json"));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["code"], "invalid_token");
        assert_eq!(body["pointer"], "/gpa_order/jit_funding/token");
    }
}
