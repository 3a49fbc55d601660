//! `/api/v1/imports`: bulk load. Lines are loaded while they come in, so that neither side keeps the
//! whole of them; the answer tells of faulty lines, and ends with a summary.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use http::{HeaderMap, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::bound::Bound;
use super::body::{BODY_BYTES_MAX, read_line};
use super::problem::Problem;
use super::timed_body::{is_timeout, next_piece};
use crate::service::Service;
use crate::service::error::Error;
use crate::service::imports::{CHUNK_LINES, ImportRun};
use crate::wire::v1::field::Invalid;
use crate::wire::v1::import::{Import, ImportLine, ImportReport, ImportSummary, LineFault};

/// Where lines are taken: a body here may take its time, as long as it goes on.
pub(super) const PATH: &str = "/api/v1/imports";

/// What lines of JSON are called.
const NDJSON: &str = "application/x-ndjson";

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(load))
}

/// Why no more lines are taken.
struct Stopped {
    status: StatusCode,
    code: &'static str,
}

/// Loads users, cards and limits in bulk.
///
/// The body is one object a line, of any length; the answer is one object a line as well, the summary at
/// the end. What is there already stays as it is, so that the same lines may be sent again after any
/// failure. Where the load has stopped, the summary says why in `code`, and from which line to go on.
#[utoipa::path(
    post,
    path = "/api/v1/imports",
    tag = "Imports",
    operation_id = "import",
    request_body(
        content = ImportLine,
        content_type = "application/x-ndjson",
        example = json!({
            "user": {
                "company_id": "cmp_01901234567878ab8def0123456789ab",
                "marqeta_token": "wren-0042",
                "first_name": "Ada",
                "role": "buyer",
            },
        }),
    ),
    responses(
        (status = 200, description = "All lines were looked at.", body = ImportReport, content_type = "application/x-ndjson"),
        (status = 400, description = "The body has ended in its midst.", body = ImportReport, content_type = "application/x-ndjson"),
        (status = 408, description = "The lines have come too slowly.", body = ImportReport, content_type = "application/x-ndjson"),
        (status = 413, description = "A line, or all of them, are too long.", body = ImportReport, content_type = "application/x-ndjson"),
        (status = 415, description = "unsupported_media_type"),
        (status = 500, description = "The load has failed.", body = ImportReport, content_type = "application/x-ndjson"),
        (status = 503, description = "The load was interrupted.", body = ImportReport, content_type = "application/x-ndjson"),
    ),
)]
async fn load(
    State(doors): State<Arc<Doors>>,
    Bound(service): Bound,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(problem) = check(&parts.headers) {
        return problem.into_response();
    }
    let mut lines = Lines { buffer: BytesMut::new(), chunk: Vec::new(), number: 0, bytes: 0 };
    let mut run = ImportRun::default();
    let status = match lines.take_all((&*service, doors.import_bytes_max), &mut run, body).await {
        Ok(()) => {
            run.summary.complete = true;
            StatusCode::OK
        }
        Err(stopped) => {
            run.summary.next_line = Some(run.summary.lines.saturating_add(1));
            run.summary.code = Some(stopped.code);
            stopped.status
        }
    };
    report(status, &run)
}

/// Lines of JSON, as they are.
fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let named = types.next().and_then(|value| value.to_str().ok());
    let essence = named.map(|value| value.split(';').next().unwrap_or_default().trim());
    let ndjson = essence.is_some_and(|essence| essence.eq_ignore_ascii_case(NDJSON));
    if !ndjson || types.next().is_some() || headers.contains_key(header::CONTENT_ENCODING) {
        const DETAIL: &str = "send Content-Type: application/x-ndjson, without a content encoding";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, "unsupported_media_type", DETAIL));
    }
    Ok(())
}

/// What has come in and is not loaded yet.
struct Lines {
    buffer: BytesMut,
    chunk: Vec<(u64, Import)>,
    number: u64,
    bytes: u64,
}

impl Lines {
    async fn take_all(
        &mut self,
        (service, bytes_max): (&Service, u64),
        run: &mut ImportRun,
        mut body: Body,
    ) -> Result<(), Stopped> {
        loop {
            let piece = next_piece(&mut body).await.transpose().map_err(|error| {
                if is_timeout(&error) {
                    Stopped { status: StatusCode::REQUEST_TIMEOUT, code: "body_timeout" }
                } else {
                    Stopped { status: StatusCode::BAD_REQUEST, code: "malformed_body" }
                }
            })?;
            let Some(piece) = piece else { break };
            self.bytes = self.bytes.saturating_add(piece.len() as u64);
            if self.bytes > bytes_max {
                return Err(Stopped {
                    status: StatusCode::PAYLOAD_TOO_LARGE,
                    code: "body_too_large",
                });
            }
            self.buffer.extend_from_slice(&piece);
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                self.line(run, &line[..end]);
                if self.chunk.len() >= CHUNK_LINES {
                    self.flush(service, run).await?;
                }
            }
            if self.buffer.len() > BODY_BYTES_MAX {
                return Err(Stopped {
                    status: StatusCode::PAYLOAD_TOO_LARGE,
                    code: "body_too_large",
                });
            }
        }
        let last = std::mem::take(&mut self.buffer);
        if !last.is_empty() {
            self.line(run, &last);
        }
        self.flush(service, run).await
    }

    /// Reads one line. Empty ones are only counted.
    fn line(&mut self, run: &mut ImportRun, line: &[u8]) {
        self.number = self.number.saturating_add(1);
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match read(line) {
            Ok(import) => self.chunk.push((self.number, import)),
            Err(fault) => run.fault(self.number, &fault),
        }
    }

    async fn flush(&mut self, service: &Service, run: &mut ImportRun) -> Result<(), Stopped> {
        let chunk = std::mem::take(&mut self.chunk);
        service.import(run, chunk).await.map_err(|error| match error {
            Error::Unavailable => {
                Stopped { status: StatusCode::SERVICE_UNAVAILABLE, code: "unavailable" }
            }
            error => {
                tracing::error!(cause = %error, "a load has failed");
                Stopped { status: StatusCode::INTERNAL_SERVER_ERROR, code: "internal" }
            }
        })?;
        run.summary.lines = self.number;
        Ok(())
    }
}

fn read(line: &[u8]) -> Result<Import, Invalid> {
    if line.len() > BODY_BYTES_MAX {
        return Err(Invalid::new("body_too_large", "a line has at most 64 KiB"));
    }
    read_line::<ImportLine>(line)?.parse()
}

/// The faults, a line each, and the summary.
fn report(status: StatusCode, run: &ImportRun) -> Response {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Line<'a> {
        Fault(&'a LineFault),
        Summary(&'a ImportSummary),
    }
    let lines = run.faults.iter().map(Line::Fault).chain([Line::Summary(&run.summary)]);
    let mut body = String::new();
    for line in lines {
        body.push_str(&serde_json::to_string(&line).unwrap_or_default());
        body.push('\n');
    }
    (status, [(header::CONTENT_TYPE, NDJSON)], body).into_response()
}
