//! `/api/v1/companies`.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, IfMatch, QueryPairs};
use crate::domain::id::CompanyId;
use crate::domain::party;
use crate::wire::v1::company::{Company, CreateCompany, PatchCompany};
use crate::wire::v1::lists::CompanyList;
use crate::wire::v1::terms;
use crate::wire::v1::transaction::Page;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, change))
}

/// Creates a company, with an account of its own.
#[utoipa::path(
    post,
    path = "/api/v1/companies",
    tag = "Companies",
    operation_id = "create_company",
    request_body(content = CreateCompany),
    responses(
        (status = 201, description = "The company.", body = Company),
        (status = 409, description = "token_taken"),
    ),
)]
async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateCompany>) -> Answer {
    let company = service.create_company(body.parse()?).await?;
    answer::created(company.version, Company::from(company))
}

/// Lists companies, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/companies",
    tag = "Companies",
    operation_id = "list_companies",
    params(
        ("status" = Option<terms::CompanyStatus>, Query, description = "In this state."),
        ("marqeta_token" = Option<terms::Reference>, Query, description = "With this token of the card platform's."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Company>),
    ),
)]
async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_companies(CompanyList::parse(&pairs)?).await?;
    answer::page(listed, Company::from)
}

/// Reads a company.
#[utoipa::path(
    get,
    path = "/api/v1/companies/{id}",
    tag = "Companies",
    operation_id = "read_company",
    params(("id" = terms::CompanyId, Path)),
    responses(
        (status = 200, description = "The company.", body = Company),
    ),
)]
async fn read(Bound(service): Bound, Id(id): Id<CompanyId>) -> Answer {
    found(service.company(id).await?)
}

/// Changes a company.
///
/// A suspended company's cards are declined from the moment this is answered. A closed company stays closed.
/// A caller that is bound to the company may not change its status.
#[utoipa::path(
    patch,
    path = "/api/v1/companies/{id}",
    tag = "Companies",
    operation_id = "change_company",
    params(("id" = terms::CompanyId, Path), ("If-Match" = terms::VersionTag, Header)),
    request_body(content = PatchCompany),
    responses(
        (status = 200, description = "The company.", body = Company),
        (status = 409, description = "invalid_transition token_taken"),
    ),
)]
async fn change(
    Bound(service): Bound,
    Id(id): Id<CompanyId>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchCompany>,
) -> Answer {
    found(service.change_company(id, seen, body.parse()?).await?)
}

fn found(company: party::Company) -> Answer {
    answer::found(company.version, Company::from(company))
}
