//! `/docs`: the document as a page for people, and one page per error code. Plain HTML that was put
//! together here: no script runs, nothing comes from another host, and the policy says so.

mod field;
mod markdown;
mod operation;
mod page;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use rust_embed::Embed;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::asset::{CSS, HTML, shown};
use super::problem::Problem;

/// The pages of the error codes, as they are in the source.
#[derive(Embed)]
#[folder = "docs/errors/"]
struct Pages;

/// Nothing but this host's own style may be loaded, and nothing may run.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// The routes. No key is needed: they tell what the source tells.
pub(super) fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new()
        .routes(routes!(reference))
        .routes(routes!(style))
        .routes(routes!(errors))
        .routes(routes!(error))
}

/// Answers this page.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "Documentation",
    operation_id = "docs",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
async fn reference() -> Response {
    static PAGE: LazyLock<Bytes> = LazyLock::new(|| page::reference().into());
    shown(HTML, POLICY, PAGE.clone())
}

/// Answers the style of this page.
#[utoipa::path(
    get,
    path = "/docs/style.css",
    tag = "Documentation",
    operation_id = "docs_style",
    responses((status = 200, description = "A style sheet.", body = String, content_type = "text/css")),
)]
async fn style() -> Response {
    shown(CSS, POLICY, include_str!("style.css"))
}

/// Answers the list of error codes.
#[utoipa::path(
    get,
    path = "/docs/errors",
    tag = "Documentation",
    operation_id = "docs_errors",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
async fn errors() -> Response {
    static PAGE: LazyLock<Bytes> = LazyLock::new(|| page_of("README").unwrap_or_default());
    shown(HTML, POLICY, PAGE.clone())
}

/// Answers the page of an error code: what it means, and what to do.
#[utoipa::path(
    get,
    path = "/docs/errors/{code}",
    tag = "Documentation",
    operation_id = "docs_error",
    params(("code" = String, Path, description = "The code.", example = "unknown_field")),
    responses(
        (status = 200, description = "A page.", body = String, content_type = "text/html"),
        (status = 404, description = "not_found"),
    ),
)]
async fn error(code: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let page = code.ok().and_then(|Path(code)| page_of(&code));
    page.map(|page| shown(HTML, POLICY, page)).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no page of this code")
    })
}

fn page_of(code: &str) -> Option<Bytes> {
    let file = Pages::get(&format!("{code}.md"))?;
    let text = std::str::from_utf8(&file.data).ok()?;
    Some(page::article(code, &markdown::html(text)).into())
}
