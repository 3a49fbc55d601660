//! `/api/v1/spending-controls`.

use std::sync::Arc;

use axum::response::IntoResponse;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::{JsonBody, NoBody};
use super::extract::{Id, IfMatch, QueryPairs};
use crate::domain::id::ControlId;
use crate::domain::policy;
use crate::wire::v1::control::{Control, CreateControl, PatchControl};
use crate::wire::v1::lists::{CONTROLS, PolicyList};
use crate::wire::v1::terms;
use crate::wire::v1::transaction::Page;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, change, delete))
}

/// Creates a spending control: where and how cards may be used.
#[utoipa::path(
    post,
    path = "/api/v1/spending-controls",
    tag = "Spending controls",
    operation_id = "create_control",
    request_body(
        content = CreateControl,
        example = json!({
            "scope": "program",
            "effect": "deny",
            "mccs": ["7995"],
            "countries": ["PRK"],
            "starts_at": "2026-01-31T12:00:00Z",
        }),
    ),
    responses(
        (status = 201, description = "The control.", body = Control),
        (status = 404, description = "not_found"),
        (status = 422, description = "limit_conflict not_supported"),
    ),
)]
async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateControl>) -> Answer {
    let control = service.create_control(body.parse()?).await?;
    answer::created(control.version, Control::from(control))
}

/// Lists spending controls, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/spending-controls",
    tag = "Spending controls",
    operation_id = "list_controls",
    params(
        ("company" = Option<terms::CompanyId>, Query, description = "That bind this company, its users or its cards."),
        ("scope" = Option<terms::ScopeKind>, Query, description = "That bind this kind."),
        ("scope_id" = Option<terms::Reference>, Query, description = "That bind this very one; needs `scope` beside it."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Control>),
    ),
)]
async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_controls(PolicyList::parse(CONTROLS, &pairs)?).await?;
    answer::page(listed, Control::from)
}

/// Reads a spending control.
#[utoipa::path(
    get,
    path = "/api/v1/spending-controls/{id}",
    tag = "Spending controls",
    operation_id = "read_control",
    params(("id" = terms::ControlId, Path)),
    responses(
        (status = 200, description = "The control.", body = Control),
    ),
)]
async fn read(Bound(service): Bound, Id(id): Id<ControlId>) -> Answer {
    found(service.control(id).await?)
}

/// Changes what a control allows or denies, and when. Whom it binds stays.
///
/// It keeps something in one of its lists, and ends after it starts. The next purchase is decided by it.
#[utoipa::path(
    patch,
    path = "/api/v1/spending-controls/{id}",
    tag = "Spending controls",
    operation_id = "change_control",
    params(("id" = terms::ControlId, Path), ("If-Match" = terms::VersionTag, Header)),
    request_body(
        content = PatchControl,
        example = json!({
            "mccs": ["7995", "5960-5969"],
            "countries": ["PRK"],
            "ends_at": "2999-12-31T00:00:00Z",
        }),
    ),
    responses(
        (status = 200, description = "The control.", body = Control),
        (status = 422, description = "limit_conflict"),
    ),
)]
async fn change(
    Bound(service): Bound,
    Id(id): Id<ControlId>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchControl>,
) -> Answer {
    found(service.change_control(id, seen, body.parse()?).await?)
}

/// Takes a control away.
#[utoipa::path(
    delete,
    path = "/api/v1/spending-controls/{id}",
    tag = "Spending controls",
    operation_id = "delete_control",
    params(("id" = terms::ControlId, Path)),
    responses(
        (status = 204, description = "It is gone."),
    ),
)]
async fn delete(Bound(service): Bound, Id(id): Id<ControlId>, _: NoBody) -> Answer {
    service.delete_control(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn found(control: policy::Control) -> Answer {
    answer::found(control.version, Control::from(control))
}
