//! The platform's answers, and those of something else in its place.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

#[test]
fn every_state_is_asked_for_between_dates_in_whole_seconds() {
    let time = |text| Timestamp::parse(text).unwrap();
    assert_eq!(query(None, 0), "count=100&start_index=0&state=ALL&sort_by=created_time");
    let window =
        Window { from: time("2026-10-16T00:00:00.9Z"), to: time("2026-11-20T11:59:59.000001Z") };
    let expected = "count=100&start_index=200&state=ALL&sort_by=created_time\
        &start_date=2026-10-16T00:00:00Z&end_date=2026-11-20T12:00:00Z";
    assert_eq!(query(Some(window), 200), expected);
}

#[test]
fn only_urls_of_an_api_are_taken() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let new = |url: &str| Platform::new(url, "app", &"secret".into());
    let platform = new("http://127.0.0.1:8080/v3/").unwrap();
    assert_eq!((platform.host.as_str(), platform.port), ("127.0.0.1", 8_080));
    assert_eq!(platform.base, "/v3");
    assert_eq!(new("https://example.test/v3").unwrap().port, 443);
    for (url, host, header) in [
        ("http://127.0.0.1:8080/v3", "127.0.0.1", "127.0.0.1:8080"),
        ("https://example.test/v3", "example.test", "example.test"),
        ("https://example.test:443/v3", "example.test", "example.test"),
        ("http://example.test:443/v3", "example.test", "example.test:443"),
        ("http://[::1]:8080/v3", "::1", "[::1]:8080"),
    ] {
        let platform = new(url).unwrap();
        assert_eq!((&*platform.host, &*platform.host_header), (host, header), "{url}");
    }
    for url in [
        "",
        "example.test",
        "/v3",
        "ftp://example.test/",
        "file:///etc/passwd",
        "gopher://example.test/",
        "https://user:secret@example.test/v3",
        "https://example.test/v3?a=b",
        "https://example.test/v3#part",
        "https://",
    ] {
        assert!(new(url).is_err(), "{url}");
    }
}

/// Something at the platform's address, and how it is asked.
async fn listen() -> (TcpListener, Platform) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v3", listener.local_addr().unwrap());
    let platform = Platform::new(&url, "app", &"secret".into()).unwrap();
    (listener, platform)
}

/// Answers the first call with this, again and again until nobody listens any more.
async fn answer(listener: TcpListener, head: String, again: Option<Vec<u8>>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut asked = [0; 4_096];
    let read = stream.read(&mut asked).await.unwrap();
    assert!(read > 0, "a request comes first");
    let mut going_on = stream.write_all(head.as_bytes()).await.is_ok();
    while let Some(again) = &again
        && going_on
    {
        going_on = stream.write_all(again).await.is_ok();
    }
}

#[tokio::test]
async fn a_page_is_read() {
    let (listener, platform) = listen().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned();
    let (page, ()) = tokio::join!(platform.page(None, 0), answer(listener, head, None));
    assert_eq!(page.unwrap(), "{}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = elsewhere.local_addr().unwrap();
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        let (listener, platform) = listen().await;
        let head = format!(
            "HTTP/1.1 {status}\r\nlocation: http://{address}/\r\ncontent-length: 0\r\n\r\n"
        );
        let (page, ()) = tokio::join!(platform.page(None, 0), answer(listener, head, None));
        let said = page.unwrap_err().to_string();
        assert_eq!(said, format!("the platform answered {}", &status[..3]));
    }
    let connected = tokio::time::timeout(Duration::from_millis(100), elsewhere.accept()).await;
    assert!(connected.is_err(), "nobody has connected to where it pointed");
}

#[tokio::test]
async fn what_has_no_end_is_given_up() {
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x1_0000], b"\r\n".to_vec()].concat();
    let body = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let line = [b"x-more: ".to_vec(), vec![b'a'; 0x1_0000], b"\r\n".to_vec()].concat();
    for (head, again) in [(body, chunk), ("HTTP/1.1 200 OK\r\n", line)] {
        let (listener, platform) = listen().await;
        let answering = answer(listener, head.to_owned(), Some(again));
        let (page, ()) = tokio::join!(platform.page(None, 0), answering);
        let error = page.unwrap_err();
        assert!(error.downcast_ref::<PlatformError>().is_none(), "not for its slowness: {error}");
    }
}

#[tokio::test]
async fn whoever_does_not_answer_or_drips_is_given_up_after_the_limit_of_a_page() {
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
        let (listener, mut platform) = listen().await;
        platform.page_limit = Duration::from_millis(200);
        let silent = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
        };
        let page = tokio::select! {
            page = platform.page(None, 0) => page,
            () = silent => unreachable!("it is given up long before"),
        };
        let error = page.unwrap_err();
        let said = error.downcast_ref::<PlatformError>();
        assert!(matches!(said, Some(PlatformError::Silent)), "{error}");
    }
}
