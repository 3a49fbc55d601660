//! The page for operators over HTTP: what it may do in a browser, and that nobody needs a key to load it.

use http::{HeaderMap, Method, header};

use crate::support::TestApp;

/// The headers of an answer to somebody without a key.
async fn headers(app: &TestApp, method: Method, path: &str) -> (u16, HeaderMap) {
    let mut client = app.client();
    let (status, headers) = client.send_for_headers(client.request(method, path)).await;
    (status.as_u16(), headers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_file_of_the_console_comes_with_its_type_and_a_policy_that_keeps_it_here() {
    let app = TestApp::start().await;
    for (path, kind) in [
        ("/console", "text/html; charset=utf-8"),
        ("/console/style.css", "text/css; charset=utf-8"),
        ("/console/main.js", "text/javascript; charset=utf-8"),
        ("/console/feed.js", "text/javascript; charset=utf-8"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let (status, headers) = headers(&app, method, path).await;
            assert_eq!(status, 200, "{path}");
            for (name, value) in [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::REFERRER_POLICY, "no-referrer"),
            ] {
                assert_eq!(headers[&name], value, "{path}");
            }
            assert!(headers.get(header::SET_COOKIE).is_none(), "{path}");
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            for rule in [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "connect-src 'self'",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
                "trusted-types 'none'",
            ] {
                assert!(policy.split("; ").any(|told| told == rule), "{path}: {rule}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{path}: {policy}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_is_read_and_nothing_else() {
    let app = TestApp::start().await;
    for path in ["/console", "/console/style.css", "/console/main.js"] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let (status, headers) = headers(&app, method, path).await;
            assert_eq!(status, 405, "{path}");
            assert_eq!(headers[header::ALLOW], "GET,HEAD", "{path}");
        }
    }
    let mut client = app.client();
    let page = client.get("/console").await;
    assert!(String::from_utf8_lossy(&page.body).contains("/console/main.js"));
    for path in ["/console/nothing.js", "/console/..%2Fmod.rs", "/console/index.html"] {
        assert_eq!(client.get(path).await.says(), (404, "not_found".to_owned()), "{path}");
    }
    app.stop().await;
}
