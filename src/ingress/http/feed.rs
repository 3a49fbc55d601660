//! `/api/v1/events`: the live feed, as Server-Sent Events.

mod tail;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::answer::Answer;
use super::endless::Endless;
use super::extract::{LastEventId, QueryPairs};
use super::problem::Problem;
use crate::domain::access::{Caller, Reach};
use crate::domain::id::CompanyId;
use crate::service::error::Error;
use crate::service::feed::{Closed, Owner};
use crate::wire::v1::feed::FeedQuery;
use crate::wire::v1::terms;

use tail::Wanted;

/// The route.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// Tells what happens, as it happens.
///
/// An answer without an end, of Server-Sent Events: `id` is the event's, `event` its type, and `data` the
/// event in one line of JSON. Who comes back with the id of the last event gets what came after it, as long
/// as that is kept. `event: gap` says that events may be missing there: list `/api/v1/authorizations`
/// to make up for it. An event may come twice. Where nothing else comes for 15 seconds a
/// comment does, with the `id` to come back with.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "Events",
    operation_id = "follow_events",
    params(
        ("types" = Option<terms::EventTypes>, Query, description = "Of these types."),
        ("card" = Option<terms::CardId>, Query, description = "About this card."),
        ("company" = Option<terms::CompanyId>, Query, description = "About this company: its account, cards and users."),
        ("after" = Option<terms::EventId>, Query, description = "Those that came after this one."),
        ("Last-Event-ID" = Option<terms::EventId>, Header, description = "The same, as browsers send it; it counts before `after`."),
    ),
    responses(
        (
            status = 200,
            description = "Events, until either side ends it.",
            content_type = "text/event-stream",
            body = String,
            example = json!(EXAMPLE),
        ),
        (status = 404, description = "not_found"),
        (status = 503, description = "too_many_feeds"),
    ),
)]
async fn follow(
    State(doors): State<Arc<Doors>>,
    caller: Caller,
    QueryPairs(pairs): QueryPairs,
    LastEventId(last): LastEventId,
    headers: HeaderMap,
) -> Answer {
    let query = FeedQuery::parse(&pairs)?;
    let after = last.or(query.after);
    let owner = owner(&doors, caller.reach, query.company).await?;
    let reader = doors.feed.open(caller.reach.company(), after).await.map_err(closed)?;
    let credentials = headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
    let credentials = credentials.filter(|(name, _)| name == header::AUTHORIZATION).collect();
    let wanted = Wanted { caller, credentials, query, owner };
    Ok(stream(tail::body(doors, reader, wanted)))
}

/// Whose events are told; `None`: everybody's.
async fn owner(
    doors: &Doors,
    reach: Reach,
    asked: Option<CompanyId>,
) -> Result<Option<Owner>, Error> {
    if asked.is_some() && !reach.covers(asked) {
        return Err(Error::NotFound(None));
    }
    let Some(company) = reach.company().or(asked) else { return Ok(None) };
    let found = Owner::find(&*doors.service.resources, company).await?;
    found.map(Some).ok_or(Error::NotFound(None))
}

const EXAMPLE: &str = "id: evt_01901234567878ab8def0123456789ab\nevent: card.issued\ndata: {\"id\":\"evt_01901234567878ab8def0123456789ab\",\"type\":\"card.issued\"}\n\n";

fn stream(body: Body) -> Response {
    const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
    // A proxy that gathers answers would hold events back.
    const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, EVENTS);
    response.headers_mut().insert(BUFFERING, HeaderValue::from_static("no"));
    response.extensions_mut().insert(Endless);
    response
}

fn closed(why: Closed) -> Problem {
    const FULL: &str =
        "as many feeds are open here as may be, or as one company may; see Retry-After";
    const ABSENT: &str = "this instance has no live feed";
    const STOPPING: &str = "this instance is about to stop; ask again, and another one answers";
    let status = StatusCode::SERVICE_UNAVAILABLE;
    match why {
        Closed::Full => Problem::new(status, "too_many_feeds", FULL),
        Closed::Absent => Problem::new(StatusCode::NOT_FOUND, "not_found", ABSENT),
        Closed::Stopping => Problem::new(status, "unavailable", STOPPING),
    }
}
