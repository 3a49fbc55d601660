//! `/api/v1/dead-letters`: messages that could not be worked, and what to do about them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};

use super::Doors;
use super::answer::Answer;
use super::body::JsonBody;
use super::extract::{Id, QueryPairs};
use crate::domain::access::Caller;
use crate::domain::dead_letter::WholeLetter;
use crate::domain::id::DeadLetterId;
use crate::wire::v1::dead_letter::{
    DiscardLetter, FullLetter, Letter, LetterList, LetterPage, NAME, RedriveLetter, RedriveLetters,
    RedriveReport,
};
use crate::wire::v1::query;

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/dead-letters", get(list))
        .route("/api/v1/dead-letters/redrive", post(redrive_many))
        .route("/api/v1/dead-letters/{id}", get(read))
        .route("/api/v1/dead-letters/{id}/redrive", post(redrive))
        .route("/api/v1/dead-letters/{id}/discard", post(discard))
}

async fn list(State(doors): State<Arc<Doors>>, QueryPairs(pairs): QueryPairs) -> Answer {
    let LetterList { queue, reason, state, older_than_s, text, cursor, limit } =
        LetterList::parse(&pairs)?;
    let desk = &doors.dead_letters;
    let mut filter = desk.filter(queue, reason, older_than_s, text);
    filter.state = state;
    let found = desk.list(filter, cursor, limit).await?;
    let full = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| full).map(|last| query::cursor(NAME, &last.id));
    let items = found.into_iter().map(Letter::from).collect();
    Ok(Json(LetterPage { items, next }).into_response())
}

async fn read(State(doors): State<Arc<Doors>>, Id(id): Id<DeadLetterId>) -> Answer {
    Ok(shown(doors.dead_letters.find(id).await?))
}

async fn redrive(
    State(doors): State<Arc<Doors>>,
    caller: Caller,
    Id(id): Id<DeadLetterId>,
    JsonBody(body): JsonBody<RedriveLetter>,
) -> Answer {
    Ok(shown(doors.dead_letters.redrive(id, &caller.key, body.parse()?).await?))
}

async fn redrive_many(
    State(doors): State<Arc<Doors>>,
    caller: Caller,
    JsonBody(body): JsonBody<RedriveLetters>,
) -> Answer {
    let asked = body.parse()?;
    let dry_run = asked.dry_run;
    let done = doors.dead_letters.redrive_many(asked, &caller.key).await?;
    let (matched, redriven, failed) = (done.matched, done.redriven, done.failed);
    Ok(Json(RedriveReport { matched, redriven, failed, dry_run }).into_response())
}

async fn discard(
    State(doors): State<Arc<Doors>>,
    caller: Caller,
    Id(id): Id<DeadLetterId>,
    JsonBody(body): JsonBody<DiscardLetter>,
) -> Answer {
    Ok(shown(doors.dead_letters.discard(id, &caller.key, body.parse()?).await?))
}

fn shown(found: WholeLetter) -> axum::response::Response {
    Json(FullLetter::of(found.letter, found.body, found.acts)).into_response()
}
