//! `/api/v1/companies`.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, IfMatch, QueryPairs};
use crate::domain::id::CompanyId;
use crate::domain::party;
use crate::wire::v1::company::{Company, CreateCompany, PatchCompany};
use crate::wire::v1::lists::CompanyList;

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/companies", post(create).get(list))
        .route("/api/v1/companies/{id}", get(read).patch(change))
}

async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateCompany>) -> Answer {
    let company = service.create_company(body.parse()?).await?;
    answer::created(company.version, Company::from(company))
}

async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_companies(CompanyList::parse(&pairs)?).await?;
    answer::page(listed, Company::from)
}

async fn read(Bound(service): Bound, Id(id): Id<CompanyId>) -> Answer {
    found(service.company(id).await?)
}

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
