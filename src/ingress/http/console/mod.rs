//! `/console`: the page that an operator has open at night. It is files of the source, asks the API with
//! the operator's own key, and knows nothing else: no framework, no other host, no session here.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use http::{HeaderValue, StatusCode};
use rust_embed::Embed;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::asset::{CSS, HTML, SCRIPT, shown};
use super::problem::Problem;

/// The page, its style and its modules, of which `main.js` loads the others.
#[derive(Embed)]
#[folder = "src/ingress/http/console/page/"]
struct Files;

/// Only this host's own scripts run, they ask only this host, and none of them makes HTML out of a text.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);

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
    shown(HTML, POLICY, file("index.html").unwrap_or_default())
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
    shown(CSS, POLICY, file("style.css").unwrap_or_default())
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
    let script = name.ok().and_then(|Path(name)| script_of(&name));
    script.map(|script| shown(SCRIPT, POLICY, script)).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "the console has no script of this name")
    })
}

fn script_of(name: &str) -> Option<Cow<'static, [u8]>> {
    if name.ends_with(".js") { file(name) } else { None }
}

fn file(name: &str) -> Option<Cow<'static, [u8]>> {
    Files::get(name).map(|file| file.data)
}
