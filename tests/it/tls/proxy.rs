//! What stands before a real server: it speaks TLS, or it does not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::support::own_servers::free_ports;

/// Gone when it is dropped, with all connections.
pub struct Proxy {
    pub port: u16,
    secured: Arc<AtomicUsize>,
    _listening: JoinSet<()>,
}

/// What it does with each connection.
#[derive(Clone)]
struct Door {
    /// Whether clients ask first whether the server speaks TLS, as those of PostgreSQL do.
    is_asked: bool,
    acceptor: Option<TlsAcceptor>,
    /// Host and port of the server.
    server: String,
    secured: Arc<AtomicUsize>,
}

impl Proxy {
    /// Before this server, on a port of its own of this machine. Without `tls`: in clear.
    pub async fn before(server: &str, is_asked: bool, tls: Option<Arc<ServerConfig>>) -> Self {
        let port = free_ports(1)[0];
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let secured = Arc::new(AtomicUsize::new(0));
        let door = Door {
            is_asked,
            acceptor: tls.map(TlsAcceptor::from),
            server: server.to_owned(),
            secured: Arc::clone(&secured),
        };
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                // A client that goes away is what some tests are about.
                let door = door.clone();
                connections.spawn(async move { drop(door.serve(client).await) });
            }
        });
        Self { port, secured, _listening: listening }
    }

    /// Connections whose client was content with the certificate.
    pub fn secured(&self) -> usize {
        self.secured.load(Ordering::SeqCst)
    }
}

impl Door {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        if self.is_asked {
            client.read_exact(&mut [0; 8]).await?;
            let answer = if self.acceptor.is_some() { b"S" } else { b"N" };
            client.write_all(answer).await?;
        }
        let Some(acceptor) = &self.acceptor else {
            let mut server = TcpStream::connect(&self.server).await?;
            copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        };
        let mut client = acceptor.accept(client).await?;
        self.secured.fetch_add(1, Ordering::SeqCst);
        let mut server = TcpStream::connect(&self.server).await?;
        copy_bidirectional(&mut client, &mut server).await?;
        Ok(())
    }
}
