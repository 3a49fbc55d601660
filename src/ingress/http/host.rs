//! Host: whom a request is meant for. It says so exactly once, with a name or an address, and perhaps a
//! port (RFC 9112, 3.2); whether we are meant is not looked at.

use std::net::Ipv6Addr;

use http::{HeaderMap, Version, header};

/// Whether there is one, and it can be read. HTTP/1.0 may do without.
pub(super) fn is_clear(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_host),
        (Some(_), Some(_)) => false,
        (None, _) => version < Version::HTTP_11,
    }
}

/// Narrower than the grammar of names, which knows commas, quotes and escapes: names that somebody can be
/// reached at have none. An empty one is right where the target has no host.
fn is_host(value: &str) -> bool {
    if let Some(address) = value.strip_prefix('[') {
        let Some((address, rest)) = address.split_once(']') else { return false };
        let port = if rest.is_empty() { Some("") } else { rest.strip_prefix(':') };
        return address.parse::<Ipv6Addr>().is_ok() && port.is_some_and(is_port);
    }
    let (name, port) = value.split_once(':').unwrap_or((value, ""));
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    name.bytes().all(legal) && is_port(port)
}

fn is_port(port: &str) -> bool {
    port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_name_or_an_address_and_perhaps_a_port() {
        for right in
            ["a", "a.example", "A-1.example.", "tollgate_1:3000", "127.0.0.1:80", "[::1]", ""]
        {
            assert!(is_host(right), "{right}");
        }
        assert!(is_host("[2001:db8::1]:443") && is_host("a:"));
        for wrong in [
            "a b", "a/b", "user@a", "http://a", "a,b", "a\"b", "a%41", "a\\b", "a?b", "a#b", "a:b",
            "a:+1", "a:1:2", "a:123456", "::1", "[::1", "[::1]a", "[a]", "[]", "]",
        ] {
            assert!(!is_host(wrong), "{wrong}");
        }
    }

    #[test]
    fn once_or_in_old_requests_never() {
        let hosts = |hosts: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_bytes(host).unwrap());
            }
            headers
        };
        assert!(is_clear(Version::HTTP_11, &hosts(&[b"a"])));
        assert!(!is_clear(Version::HTTP_11, &hosts(&[])));
        assert!(is_clear(Version::HTTP_10, &hosts(&[])));
        for several in [Version::HTTP_10, Version::HTTP_11] {
            assert!(!is_clear(several, &hosts(&[b"a", b"a"])));
            assert!(!is_clear(several, &hosts(&[b"\xe4"])), "not ASCII");
        }
    }
}
