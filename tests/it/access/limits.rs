//! How often callers may call, and who is locked out.

use http::{HeaderMap, Method, StatusCode};

use crate::support::{Client, TestApp, marqeta};

/// A notification that only asks whether anyone is there.
const PINGS: &str = r#"{"pings":[{"token":"marqeta","payload":"healthcheck"}]}"#;

async fn get(client: &mut Client, key: &str, forwarded: Option<&str>) -> (StatusCode, HeaderMap) {
    let request = client.request(Method::GET, "/api/v1/profile");
    let mut request = request.header("authorization", format!("Bearer {key}"));
    if let Some(address) = forwarded {
        request = request.header("x-forwarded-for", address);
    }
    client.send_for_headers(request).await
}

fn number(headers: &HeaderMap, name: &str) -> u64 {
    let value = headers.get(name).unwrap_or_else(|| panic!("no {name} in {headers:?}"));
    value.to_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_a_quota_and_every_answer_tells_it() {
    let app = TestApp::start_with(|settings| {
        settings.access.key_per_s = 1;
        settings.access.key_burst = 3;
    });
    let app = app.await;
    let mut client = app.client();
    for remaining in [2, 1, 0] {
        let (status, headers) = get(&mut client, crate::support::app::ADMIN_KEY, None).await;
        assert_eq!(status, 200);
        assert_eq!(number(&headers, "ratelimit-limit"), 3);
        assert_eq!(number(&headers, "ratelimit-remaining"), remaining);
        assert!((1..=3).contains(&number(&headers, "ratelimit-reset")));
    }
    let mut refused = 0;
    for _ in 0..5 {
        let (status, headers) = get(&mut client, crate::support::app::ADMIN_KEY, None).await;
        if status == 429 {
            refused += 1;
            assert!(number(&headers, "retry-after") >= 1);
            assert_eq!(number(&headers, "ratelimit-remaining"), 0);
        }
    }
    assert!(refused > 0, "the quota holds nobody back");
    // The platform's door knows no quota: what it is asked is decided or shed by its deadline.
    for token in 0..10 {
        let body = marqeta::purchase(&format!("unlimited-{token}"), "nobody", "1.00");
        assert_eq!(client.jit(body).await.status, 402, "an unknown card, and a decision");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_a_quota_whatever_key_it_shows_and_the_platform_has_none() {
    let app = TestApp::start_with(|settings| {
        settings.access.key_per_s = 0;
        settings.access.address_per_s = 1;
        settings.access.address_burst = 3;
        settings.access.proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let app = app.await;
    let mut client = app.client();
    let (admin, address) = (crate::support::app::ADMIN_KEY, Some("203.0.113.7"));
    for (key, expected, remaining) in [(admin, 200, 2), ("guess", 401, 1), (admin, 200, 0)] {
        let (status, headers) = get(&mut client, key, address).await;
        assert_eq!(status, expected);
        assert_eq!(number(&headers, "ratelimit-limit"), 3);
        assert_eq!(number(&headers, "ratelimit-remaining"), remaining);
        assert!((1..=3).contains(&number(&headers, "ratelimit-reset")));
    }
    for key in [admin, "guess"] {
        let mut refused = 0;
        for _ in 0..5 {
            let (status, headers) = get(&mut client, key, address).await;
            if status == 429 {
                refused += 1;
                assert!(number(&headers, "retry-after") >= 1);
                assert_eq!(number(&headers, "ratelimit-remaining"), 0);
                assert_eq!(number(&headers, "ratelimit-limit"), 3);
            }
        }
        assert!(refused > 0, "the quota holds nobody back");
    }
    let (status, headers) = get(&mut client, admin, Some("203.0.113.8")).await;
    assert_eq!((status.as_u16(), number(&headers, "ratelimit-remaining")), (200, 2));
    for token in 0..10 {
        let body = marqeta::purchase(&format!("unlimited-{token}"), "nobody", "1.00");
        assert_eq!(client.jit(body).await.status, 402, "an unknown card, and a decision");
        assert_eq!(client.notify(PINGS).await.status, 200, "the platform is heard");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_keeps_guessing_is_locked_out_but_never_at_the_platform_s_doors() {
    let app = TestApp::start().await;
    let mut client = app.client();
    for _ in 0..30 {
        let request = client.request(Method::GET, "/api/v1/profile");
        assert_eq!(client.send_for_headers(request).await.0, 401, "no key is no guess");
    }
    for guess in 0..20 {
        let (status, _) = get(&mut client, &format!("guess-{guess}"), None).await;
        assert_eq!(status, 401, "{guess}");
    }
    let (status, headers) = get(&mut client, crate::support::app::ADMIN_KEY, None).await;
    assert_eq!(status, 429, "also with the right key: who guesses right must not learn it");
    assert!((1..=60).contains(&number(&headers, "retry-after")));
    assert_eq!(number(&headers, "ratelimit-limit"), 20);
    assert_eq!(number(&headers, "ratelimit-remaining"), 0);
    assert_eq!(number(&headers, "ratelimit-reset"), number(&headers, "retry-after"));
    let body = marqeta::purchase("locked", "nobody", "1.00");
    assert_eq!(client.jit(body).await.status, 402, "decided all the same");
    for _ in 0..25 {
        let wrong = client.request(Method::POST, "/api/v1/marqeta/jit");
        let wrong = wrong.header("authorization", "Basic d3Jvbmc6d3Jvbmc=");
        assert_eq!(client.send_for_headers(wrong).await.0, 401);
    }
    let body = marqeta::purchase("locked-2", "nobody", "1.00");
    assert_eq!(client.jit(body).await.status, 402);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_credentials_at_the_door_for_notifications_lock_nobody_out() {
    let app = TestApp::start().await;
    let mut client = app.client();
    for guess in 0..50 {
        let wrong = client.request(Method::POST, "/api/v1/marqeta/webhooks");
        let wrong = wrong.header("authorization", "Basic d3Jvbmc6d3Jvbmc=");
        let (status, headers) = client.send_for_headers(wrong).await;
        assert_eq!(status, 401, "{guess}");
        assert!(!headers.contains_key("ratelimit-limit"), "{headers:?}");
    }
    assert_eq!(client.notify(PINGS).await.status, 200, "the platform is heard");
    let body = marqeta::purchase("heard", "nobody", "1.00");
    assert_eq!(client.jit(body).await.status, 402, "an unknown card, and a decision");
    let (status, _) = get(&mut client, crate::support::app::ADMIN_KEY, None).await;
    assert_eq!(status, 200, "nor is anyone locked out elsewhere");
    // Who is locked out elsewhere is heard here.
    for guess in 0..20 {
        assert_eq!(get(&mut client, &format!("guess-{guess}"), None).await.0, 401, "{guess}");
    }
    assert_eq!(get(&mut client, crate::support::app::ADMIN_KEY, None).await.0, 429);
    assert_eq!(client.notify(PINGS).await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_proxy_that_is_trusted_each_client_has_its_own_address() {
    let app = TestApp::start_with(|settings| {
        settings.access.failures_max = 2;
        settings.access.proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let app = app.await;
    let mut client = app.client();
    let key = crate::support::app::ADMIN_KEY;
    for _ in 0..2 {
        assert_eq!(get(&mut client, "guess", Some("203.0.113.7")).await.0, 401);
    }
    assert_eq!(get(&mut client, key, Some("203.0.113.7")).await.0, 429);
    assert_eq!(get(&mut client, key, Some("198.51.100.1, 203.0.113.7")).await.0, 429, "claimed");
    assert_eq!(get(&mut client, key, Some("203.0.113.8")).await.0, 200);
    app.stop().await;

    let app = TestApp::start_with(|settings| settings.access.failures_max = 2).await;
    let mut client = app.client();
    for address in ["203.0.113.7", "203.0.113.8"] {
        assert_eq!(get(&mut client, "guess", Some(address)).await.0, 401);
    }
    assert_eq!(get(&mut client, key, Some("203.0.113.9")).await.0, 429, "nobody's word counts");
    app.stop().await;
}
