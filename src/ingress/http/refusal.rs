//! What hyper refuses by itself, before any of our code sees a request: a header that can not be read
//! (400), too long a target (414), too much of a header (431). It answers with an empty body; here
//! that answer is known by its lack of a request id, on its way out, and a problem goes instead.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::edge::dress;
use super::problem::Problem;
use super::request_id::REQUEST_ID;

/// The status of an answer that is not ours; `None`: it is ours, or no refusal.
pub(super) fn foreign(answer: &[u8]) -> Option<StatusCode> {
    let rest = answer.strip_prefix(b"HTTP/1.1 ").or_else(|| answer.strip_prefix(b"HTTP/1.0 "))?;
    let code = rest.first_chunk::<3>().filter(|code| code.starts_with(b"4"))?;
    let end = rest.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = rest.get(..end)?;
    let id = REQUEST_ID;
    let name = id.as_str().as_bytes();
    if head.windows(name.len()).any(|part| part == name) {
        return None;
    }
    StatusCode::from_bytes(code).ok()
}

/// The whole answer, head and body.
pub(super) fn in_full(status: StatusCode, id: HeaderValue) -> Vec<u8> {
    let body = problem(status).text(id.to_str().ok());
    let mut headers = HeaderMap::new();
    let problem_json = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, problem_json);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    dress(&mut headers, id);
    let reason = status.canonical_reason().unwrap_or_default();
    let mut answer = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in &headers {
        answer.extend_from_slice(name.as_str().as_bytes());
        answer.extend_from_slice(b": ");
        answer.extend_from_slice(value.as_bytes());
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(&body);
    answer
}

fn problem(status: StatusCode) -> Problem {
    match status {
        StatusCode::URI_TOO_LONG => {
            const DETAIL: &str = "the target of the request is too long";
            Problem::new(StatusCode::URI_TOO_LONG, "target_too_long", DETAIL)
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            const DETAIL: &str = "a request has at most 100 headers, of 64 KiB in all";
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            Problem::new(status, "headers_too_large", DETAIL)
        }
        status => {
            const DETAIL: &str = "this is not a request of HTTP/1.1, or its framing is in doubt";
            Problem::new(status, "malformed_request", DETAIL)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_ours_is_replaced() {
        let bare = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(foreign(bare), Some(StatusCode::BAD_REQUEST));
        let ours = b"HTTP/1.1 402 Payment Required\r\nx-request-id: 1\r\n\r\nbody";
        assert_eq!(foreign(ours), None);
        for other in
            [&b"HTTP/1.1 200 OK\r\n\r\n"[..], b"HTTP/1.1 100 Continue\r\n\r\n", b"", b"HTTP"]
        {
            assert_eq!(foreign(other), None);
        }
        let whole = in_full(StatusCode::URI_TOO_LONG, HeaderValue::from_static("r-1"));
        assert_eq!(foreign(&whole), None, "ours are known as ours");
        let text = String::from_utf8(whole).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&body["code"], &body["request_id"]),
            (&"target_too_long".into(), &"r-1".into())
        );
    }
}
