//! A server's URL, taken apart as its driver does.

use std::borrow::Cow;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;

/// Parameters of MongoDB's URLs with which certificates are not looked at.
const CARELESS: [&str; 3] =
    ["tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames"];

/// What a URL says. PostgreSQL's driver prefers what is among the parameters to what is before them, and
/// that of Redis reads who asks at a socket there; to the others, those parameters mean nothing.
pub(super) struct Link<'a> {
    scheme: String,
    user: Cow<'a, str>,
    password: Option<Cow<'a, str>>,
    hosts: &'a str,
    parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Link<'a> {
    /// Takes it apart.
    pub(super) fn of(url: &'a str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        // To MongoDB's driver `#` begins nothing; names are the same in any case, and not encoded.
        let is_mongodb = scheme.starts_with("mongodb");
        let rest = if is_mongodb { rest } else { rest.split('#').next().unwrap_or_default() };
        let named = |name: &'a str| {
            if is_mongodb { Cow::Owned(name.to_ascii_lowercase()) } else { decoded(name) }
        };
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split('/').next().unwrap_or_default();
        let (caller, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match caller.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (caller, None),
        };
        let pairs = parameters.split('&').filter_map(|pair| pair.split_once('='));
        Self {
            scheme,
            user: decoded(user),
            password: password.map(decoded),
            hosts,
            parameters: pairs.map(|(name, value)| (named(name), decoded(value))).collect(),
        }
    }

    /// As whom the server is asked; empty where the URL does not say.
    pub(super) fn user(&self) -> &str {
        self.asking("user").unwrap_or(&self.user)
    }

    /// What the server is told to be let in.
    pub(super) fn password(&self) -> Option<&str> {
        // A client of RabbitMQ that is given no password says this one.
        let unsaid = self.scheme.starts_with("amqp").then_some("guest");
        let parameter = if self.is_socket() { "pass" } else { "password" };
        self.asking(parameter).or(self.password.as_deref()).or(unsaid)
    }

    /// Whether all hosts are this machine, or sockets on it.
    pub(super) fn stays_here(&self) -> bool {
        let preferred = self.last(&["host", "hostaddr"]).filter(|_| self.is_postgres());
        preferred.unwrap_or(self.hosts).split(',').all(|host| {
            let host = decoded(host);
            if let Ok(address) = host.parse::<IpAddr>() {
                return address.is_loopback(); // its colons are no port's
            }
            let bare = host.strip_prefix('[').and_then(|rest| rest.split(']').next());
            let bare = bare.or_else(|| host.split(':').next()).unwrap_or_default();
            if bare.is_empty() {
                return !self.is_postgres(); // PGHOST may name any machine
            }
            let is_loopback = bare.parse().is_ok_and(|address: IpAddr| address.is_loopback());
            bare.starts_with('/') || bare == "localhost" || is_loopback
        })
    }

    /// Whether what is sent can not be read on the way.
    pub(super) fn is_encrypted(&self) -> bool {
        match self.scheme.as_str() {
            "rediss" | "valkeys" | "amqps" | "https" => true,
            "postgres" | "postgresql" => {
                ["require", "verify-ca", "verify-full"].contains(&self.ssl_mode())
            }
            "mongodb+srv" => self.last(&["tls", "ssl"]) != Some("false"),
            "mongodb" => self.last(&["tls", "ssl"]) == Some("true"),
            _ => false,
        }
    }

    /// Whether the server must show a certificate of its own name that somebody vouches for. PostgreSQL's
    /// driver takes one of any name for `verify-ca`, from whoever is in the public list: from anybody. With
    /// an authority the store asks for the name whatever the URL says.
    pub(super) fn is_verified(&self, has_authority: bool) -> bool {
        match self.scheme.as_str() {
            "postgres" | "postgresql" => has_authority || self.ssl_mode() == "verify-full",
            "mongodb" | "mongodb+srv" => {
                !CARELESS.into_iter().any(|careless| self.last(&[careless]) == Some("true"))
            }
            _ => true,
        }
    }

    fn ssl_mode(&self) -> &str {
        self.last(&["sslmode", "ssl-mode"]).unwrap_or_default()
    }

    fn is_postgres(&self) -> bool {
        self.scheme.starts_with("postgres")
    }

    /// Whether this is a socket of Redis.
    fn is_socket(&self) -> bool {
        self.scheme.ends_with("unix")
    }

    /// Who asks, where parameters say it.
    fn asking(&self, name: &str) -> Option<&str> {
        self.last(&[name]).filter(|_| self.is_postgres() || self.is_socket())
    }

    /// What drivers read of a parameter that may be there more than once.
    fn last(&self, names: &[&str]) -> Option<&str> {
        let mut pairs = self.parameters.iter();
        pairs.rfind(|(name, _)| names.contains(&&**name)).map(|(_, value)| &**value)
    }
}

fn decoded(part: &str) -> Cow<'_, str> {
    percent_decode_str(part).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_read_as_the_driver_reads_it() {
        let check = |url: &str, user: &str, password: Option<&str>| {
            let link = Link::of(url);
            assert_eq!((link.user(), link.password()), (user, password), "{url}");
        };
        check("postgres://app:x%40y@db/tollgate", "app", Some("x@y"));
        check("postgres://app:x@db/t?password=y&user=other&password=z", "other", Some("z"));
        check("postgres://db/t", "", None);
        check("mongodb://app:x@a,b/t?password=y", "app", Some("x"));
        check("amqp://mq/%2f", "", Some("guest"));
        check("AMQP://mq/%2f", "", Some("guest"));
        check("redis://:@cache/0?user=y", "", Some(""));
        check("postgres://app:x@db/t#?password=y", "app", Some("x"));
        check("unix:///run/redis.sock?user=app&pass=x%40y", "app", Some("x@y"));
        check("redis+unix:///run/redis.sock?password=x", "", None);
        check("valkey://app:x@cache/0?pass=y", "app", Some("x"));
        check("none of these", "", None);
    }

    #[test]
    fn what_only_postgresql_reads_moves_no_other_server() {
        let here = |url: &str| Link::of(url).stays_here();
        assert!(here("postgres://db/t?host=/var/run/postgresql"));
        assert!(
            !here("amqps://mq/%2f?host=localhost") && !here("redis://cache/0?hostaddr=127.0.0.1")
        );
        // The driver takes a host that the URL does not name from the environment.
        assert!(
            !here("postgres:///t") && !here("postgres://:5432/t") && !here("postgres:///t?host=")
        );
        assert!(here("amqp:///%2f") && here("unix:///run/redis.sock"));
        assert!(here("postgres://db/t?hostaddr=::1") && here("postgres://db/t?hostaddr=127.0.0.1"));
        assert!(!here("postgres://localhost/t?hostaddr=2001:db8::1"));
    }
}
