//! Calls to the card platform: its list of transactions, page by page. Bounded in time and size: what
//! comes back is as untrusted as what comes in.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::domain::time::Timestamp;
use crate::service::reconcile::{Listing, Window};
use crate::store::Source;

/// Transactions of one page.
const COUNT: u32 = 100;

/// The largest page, in bytes.
const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

const SECOND_US: i64 = 1_000_000;

/// How long one page may take.
const PAGE_LIMIT: Duration = Duration::from_secs(60);

/// Why the platform can not be asked.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The setting is no URL of an API, or holds more: credentials have their own settings.
    #[error("not a URL of the platform's API (https://host/v3)")]
    Url,
    /// The platform does not want us to ask.
    #[error("the platform answered {0}")]
    Refused(u16),
    /// It takes too long.
    #[error("the platform does not answer in time")]
    Silent,
}

/// The platform's API.
pub struct Platform {
    host: String,
    port: u16,
    /// The host as the header names it: with the port, unless that is the scheme's own.
    host_header: String,
    tls: Option<TlsConnector>,
    base: String,
    basic: SecretString,
    page_limit: Duration,
}

impl Platform {
    /// `https://host/v3`, or `http://` for a simulated one; with the application token and the access
    /// token.
    pub fn new(url: &str, application: &str, access: &SecretString) -> Result<Self, PlatformError> {
        let uri: Uri = url.parse().map_err(|_| PlatformError::Url)?;
        let named = uri.host().ok_or(PlatformError::Url)?;
        if url.contains(['@', '?', '#']) {
            return Err(PlatformError::Url);
        }
        let (tls, own_port) = match uri.scheme_str() {
            Some("https") => (Some(connector()), 443),
            Some("http") => (None, 80),
            _ => return Err(PlatformError::Url),
        };
        let pair = format!("{application}:{}", access.expose_secret());
        let port = uri.port_u16().unwrap_or(own_port);
        let host_header =
            if port == own_port { named.to_owned() } else { format!("{named}:{port}") };
        Ok(Self {
            host: named.trim_matches(['[', ']']).to_owned(), // an IPv6 address is connected to bare
            port,
            host_header,
            tls,
            base: uri.path().trim_end_matches('/').to_owned(),
            basic: format!("Basic {}", STANDARD.encode(pair)).into(),
            page_limit: PAGE_LIMIT,
        })
    }

    async fn fetch(&self, path: String) -> Result<String, Source> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.tls {
            None => self.ask(stream, path).await,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone())?;
                self.ask(tls.connect(name, stream).await?, path).await
            }
        }
    }

    async fn ask<S>(&self, stream: S, path: String) -> Result<String, Source>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection); // ends with the answer
        let request = Request::get(path)
            .header(header::HOST, &self.host_header)
            .header(header::AUTHORIZATION, self.basic.expose_secret())
            .header(header::ACCEPT, "application/json")
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        // A redirect, too: where we connect to is for the settings alone to say.
        if status != 200 {
            return Err(PlatformError::Refused(status).into());
        }
        let body = Limited::new(response.into_body(), PAGE_BYTES_MAX).collect().await?;
        Ok(String::from_utf8(body.to_bytes().to_vec())?)
    }
}

impl Listing for Platform {
    fn page<'a>(
        &'a self,
        window: Option<Window>,
        start: u64,
    ) -> Pin<Box<dyn Future<Output = Result<String, Source>> + Send + 'a>> {
        let path = format!("{}/transactions?{}", self.base, query(window, start));
        Box::pin(async move {
            let fetched = tokio::time::timeout(self.page_limit, self.fetch(path)).await;
            fetched.unwrap_or_else(|_| Err(PlatformError::Silent.into()))
        })
    }
}

/// Every state is asked for: the platform leaves out what was declined or cleared unless it is, and a
/// transaction that left the list between two pages would take one behind it along. By creation, what
/// comes meanwhile comes last. More than 30 days back both dates are needed.
fn query(window: Option<Window>, start: u64) -> String {
    let mut query = format!("count={COUNT}&start_index={start}&state=ALL&sort_by=created_time");
    if let Some(Window { from, to }) = window {
        let (from, to) = (date(from), date(to.plus_micros(SECOND_US - 1)));
        query.push_str(&format!("&start_date={from}&end_date={to}"));
    }
    query
}

/// In whole seconds, as the platform writes times.
fn date(time: Timestamp) -> String {
    let text = time.to_string();
    let seconds = text.split_once('.').map_or(text.as_str(), |(seconds, _)| seconds);
    format!("{seconds}Z")
}

/// With the certificates that the system trusts.
fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[cfg(test)]
mod tests;
