//! From where notifications may come. Behind proxies that are trusted, the address is the last one in
//! `X-Forwarded-For` that is none of theirs; from anyone else that header says nothing.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// The header that proxies write.
const FORWARDED: &str = "x-forwarded-for";

/// Who may call.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    /// Empty: everyone.
    pub allowed: Vec<IpNet>,
    /// Proxies whose word counts.
    pub proxies: Vec<IpNet>,
}

impl Networks {
    /// Whether a call from this peer is admitted. A peer that is not known is not.
    pub fn admit(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        if self.allowed.is_empty() {
            return true;
        }
        let address = peer.and_then(|peer| self.origin(peer.to_canonical(), headers));
        address.is_some_and(|address| is_among(&self.allowed, address))
    }

    /// Where a call comes from; `None`: what a trusted proxy says makes no sense.
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !is_among(&self.proxies, peer) {
            return Some(peer);
        }
        let mut hops = Vec::new();
        for value in headers.get_all(FORWARDED) {
            hops.extend(value.to_str().ok()?.split(',').map(str::trim));
        }
        for hop in hops.into_iter().rev() {
            let address = hop.parse::<IpAddr>().ok()?.to_canonical();
            if !is_among(&self.proxies, address) {
                return Some(address);
            }
        }
        Some(peer)
    }
}

fn is_among(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(allowed: &[&str], proxies: &[&str]) -> Networks {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Networks { allowed: nets(allowed), proxies: nets(proxies) }
    }

    fn check(networks: &Networks, peer: &str, forwarded: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED, value.parse().unwrap());
        }
        let peer = peer.parse().ok();
        assert_eq!(networks.admit(peer, &headers), expected, "{peer:?} {forwarded:?}");
    }

    #[test]
    fn only_the_networks_that_are_named_may_call() {
        let open = networks(&[], &[]);
        check(&open, "203.0.113.9", &[], true);
        check(&open, "", &[], true);
        let named = networks(&["203.0.113.0/24", "2001:db8::/32"], &[]);
        check(&named, "203.0.113.9", &[], true);
        check(&named, "::ffff:203.0.113.9", &[], true);
        check(&named, "2001:db8::7", &[], true);
        check(&named, "198.51.100.1", &[], false);
        check(&named, "", &[], false);
        check(&named, "198.51.100.1", &["203.0.113.9"], false);
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_nobody_before_it() {
        let proxied = networks(&["203.0.113.0/24"], &["10.0.0.0/8"]);
        check(&proxied, "10.0.0.1", &["203.0.113.9"], true);
        check(&proxied, "10.0.0.1", &["198.51.100.1, 203.0.113.9, 10.0.0.7"], true);
        check(&proxied, "10.0.0.1", &["203.0.113.9, 198.51.100.1"], false);
        check(&proxied, "10.0.0.1", &["203.0.113.9", "198.51.100.1"], false);
        check(&proxied, "10.0.0.1", &["203.0.113.9, nonsense"], false);
        check(&proxied, "10.0.0.1", &[], false);
    }
}
