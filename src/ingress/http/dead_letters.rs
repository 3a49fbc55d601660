//! `/api/v1/dead-letters`: messages that could not be worked, and what to do about them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::Recorded;
use super::answer::Answer;
use super::body::JsonBody;
use super::extract::{Id, QueryPairs};
use crate::domain::access::Caller;
use crate::domain::dead_letter::WholeLetter;
use crate::domain::id::DeadLetterId;
use crate::service::lists;
use crate::wire::v1::dead_letter::{
    DiscardLetter, FullLetter, Letter, LetterList, LetterPage, NAME, RedriveLetter, RedriveLetters,
    RedriveReport,
};
use crate::wire::v1::{query, terms};

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(redrive_many))
        .routes(routes!(read))
        .routes(routes!(redrive))
        .routes(routes!(discard))
}

/// Lists messages that could not be worked.
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters",
    tag = "Dead letters",
    operation_id = "list_dead_letters",
    params(
        ("queue" = Option<terms::FilterText>, Query, description = "Of this queue."),
        ("reason" = Option<terms::FilterText>, Query, description = "With this reason."),
        ("state" = Option<terms::LetterState>, Query, description = "In this state."),
        ("older_than_s" = Option<terms::Count>, Query, description = "Kept so many seconds ago or earlier."),
        ("text" = Option<terms::FilterText>, Query, description = "With this text in the id, the errors or the body."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = LetterPage),
    ),
)]
async fn list(State(doors): State<Arc<Doors>>, QueryPairs(pairs): QueryPairs) -> Answer {
    let LetterList { queue, reason, state, older_than_s, text, cursor, limit } =
        LetterList::parse(&pairs)?;
    let desk = &doors.dead_letters;
    let mut filter = desk.filter(queue, reason, older_than_s, text);
    filter.state = state;
    let mut found = desk.list(filter, cursor, lists::rows(limit)).await?;
    let next = lists::cut(&mut found, limit).map(|last| query::cursor(NAME, &last.id));
    let items = found.into_iter().map(Letter::from).collect();
    Ok(Json(LetterPage { items, next }).into_response())
}

/// Reads a dead letter with its body and history.
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters/{id}",
    tag = "Dead letters",
    operation_id = "read_dead_letter",
    params(("id" = terms::DeadLetterId, Path)),
    responses(
        (status = 200, description = "The letter.", body = FullLetter),
    ),
)]
async fn read(State(doors): State<Arc<Doors>>, Id(id): Id<DeadLetterId>) -> Answer {
    Ok(shown(doors.dead_letters.find(id).await?))
}

/// Sends a letter to its queue again. Its effects are once per message, however often it is sent. It is
/// as old as it was: a request to decide that was not decided then is answered as late, and not judged.
#[utoipa::path(
    post,
    path = "/api/v1/dead-letters/{id}/redrive",
    tag = "Dead letters",
    operation_id = "redrive_dead_letter",
    params(("id" = terms::DeadLetterId, Path)),
    request_body(content = RedriveLetter),
    responses(
        (status = 200, description = "The letter.", body = FullLetter),
        (status = 409, description = "invalid_transition"),
        (status = 422, description = "not_supported"),
    ),
)]
async fn redrive(
    State(doors): State<Arc<Doors>>,
    record: Recorded,
    caller: Caller,
    Id(id): Id<DeadLetterId>,
    JsonBody(body): JsonBody<RedriveLetter>,
) -> Answer {
    let reason = body.parse()?;
    doors.dead_letters.find(id).await?; // what is not there leaves no entry
    record.ahead(&doors).await?;
    Ok(shown(doors.dead_letters.redrive(id, &caller.key, reason, &record.0).await?))
}

/// Sends all waiting letters that a filter matches to their queues again.
#[utoipa::path(
    post,
    path = "/api/v1/dead-letters/redrive",
    tag = "Dead letters",
    operation_id = "redrive_dead_letters",
    request_body(
        content = RedriveLetters,
        example = json!({
            "queue": "webhook-queue",
            "max": 100,
            "dry_run": true,
        }),
    ),
    responses(
        (status = 200, description = "What it has come to.", body = RedriveReport),
    ),
)]
async fn redrive_many(
    State(doors): State<Arc<Doors>>,
    record: Recorded,
    caller: Caller,
    JsonBody(body): JsonBody<RedriveLetters>,
) -> Answer {
    let asked = body.parse()?;
    record.ahead(&doors).await?;
    let dry_run = asked.dry_run;
    let done = doors.dead_letters.redrive_many(asked, &caller.key, &record.0).await?;
    let (matched, redriven, failed) = (done.matched, done.redriven, done.failed);
    Ok(Json(RedriveReport { matched, redriven, failed, dry_run }).into_response())
}

/// Notes that a letter need not be worked.
#[utoipa::path(
    post,
    path = "/api/v1/dead-letters/{id}/discard",
    tag = "Dead letters",
    operation_id = "discard_dead_letter",
    params(("id" = terms::DeadLetterId, Path)),
    request_body(content = DiscardLetter),
    responses(
        (status = 200, description = "The letter.", body = FullLetter),
        (status = 409, description = "invalid_transition"),
    ),
)]
async fn discard(
    State(doors): State<Arc<Doors>>,
    record: Recorded,
    caller: Caller,
    Id(id): Id<DeadLetterId>,
    JsonBody(body): JsonBody<DiscardLetter>,
) -> Answer {
    let reason = body.parse()?;
    doors.dead_letters.find(id).await?; // what is not there leaves no entry
    record.ahead(&doors).await?;
    Ok(shown(doors.dead_letters.discard(id, &caller.key, reason).await?))
}

fn shown(found: WholeLetter) -> axum::response::Response {
    Json(FullLetter::of(found.letter, found.body, found.acts)).into_response()
}
