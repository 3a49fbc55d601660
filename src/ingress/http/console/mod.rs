//! `/console`: the page that an operator has open at night. It is files of the source, asks the API with
//! the operator's own key, and knows nothing else: no framework, no other host, no session here.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::problem::Problem;

const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");

/// The modules by name; `main.js` loads the others.
static SCRIPTS: [(&str, &str); 16] = [
    ("api.js", include_str!("page/api.js")),
    ("authorizations.js", include_str!("page/authorizations.js")),
    ("currencies.js", include_str!("page/currencies.js")),
    ("dialog.js", include_str!("page/dialog.js")),
    ("dom.js", include_str!("page/dom.js")),
    ("feed.js", include_str!("page/feed.js")),
    ("format.js", include_str!("page/format.js")),
    ("health.js", include_str!("page/health.js")),
    ("letters.js", include_str!("page/letters.js")),
    ("list.js", include_str!("page/list.js")),
    ("main.js", include_str!("page/main.js")),
    ("notice.js", include_str!("page/notice.js")),
    ("poll.js", include_str!("page/poll.js")),
    ("profile.js", include_str!("page/profile.js")),
    ("routes.js", include_str!("page/routes.js")),
    ("sse.js", include_str!("page/sse.js")),
];

/// The routes. No key is needed for the page; whatever it shows, it asks for with one.
pub(super) fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(page)).routes(routes!(style)).routes(routes!(script))
}

/// Answers the page for operators.
#[utoipa::path(
    get,
    path = "/console",
    tag = "Operations",
    operation_id = "console",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
async fn page() -> Response {
    shown("text/html; charset=utf-8", PAGE)
}

/// Answers the style of the page for operators.
#[utoipa::path(
    get,
    path = "/console/style.css",
    tag = "Operations",
    operation_id = "console_style",
    responses((status = 200, description = "A style sheet.", body = String, content_type = "text/css")),
)]
async fn style() -> Response {
    shown("text/css; charset=utf-8", STYLE)
}

/// Answers a script of the page for operators.
#[utoipa::path(
    get,
    path = "/console/{script}",
    tag = "Operations",
    operation_id = "console_script",
    params(("script" = String, Path, description = "Its name.", example = "main.js")),
    responses(
        (status = 200, description = "A module.", body = String, content_type = "text/javascript"),
        (status = 404, description = "not_found"),
    ),
)]
async fn script(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let text = name.ok().and_then(|Path(name)| script_of(&name));
    text.map(|text| shown("text/javascript; charset=utf-8", text)).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "the console has no script of this name")
    })
}

fn script_of(name: &str) -> Option<&'static str> {
    SCRIPTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Only this host's own scripts run, they ask only this host, and none of them makes HTML out of a text.
fn shown(kind: &'static str, text: &'static str) -> Response {
    const POLICY: HeaderValue = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    );
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(kind)), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, text).into_response()
}
