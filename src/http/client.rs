//! Where a request comes from: the peer's address, or what a trusted proxy says of it.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use poem::Request;
use poem::http::header::USER_AGENT;

use crate::domain::Client;

/// The networks of proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads `server.trusted_proxies`: networks such as `10.0.0.0/8`, or single addresses.
    ///
    /// # Errors
    ///
    /// A sentence that names the entry.
    pub fn new(networks: &[String]) -> Result<Self, String> {
        networks
            .iter()
            .map(|text| {
                text.parse::<IpNet>()
                    .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                    .map_err(|_| {
                        format!("server.trusted_proxies: {text:?} is neither an address nor a network such as 10.0.0.0/8")
                    })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Who sends the request.
    pub fn client(&self, request: &Request) -> Client {
        let peer = request.remote_addr().as_socket_addr().map(|peer| peer.ip());
        let forwarded = request
            .headers()
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok());
        Client {
            ip_address: peer.map(|peer| self.origin(peer.to_canonical(), forwarded)),
            user_agent: request
                .headers()
                .get(USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
        }
    }

    /// Each proxy appends the address that it was called from: read from the end, the first address
    /// that is no trusted proxy's is the client's. What stands before it, anybody may have written.
    fn origin<'a>(&self, peer: IpAddr, forwarded: impl Iterator<Item = &'a str>) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
        let mut origin = peer;
        for hop in hops.iter().rev() {
            let Some(address) = address_in(hop.trim()) else {
                break;
            };
            origin = address.to_canonical();
            if !self.trusts(origin) {
                break;
            }
        }
        origin
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Some proxies write down the port as well, and then IPv6 addresses in brackets.
fn address_in(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|text| (*text).to_owned()).collect();
        TrustedProxies::new(&trusted)
            .unwrap()
            .origin(peer.parse().unwrap(), forwarded.iter().copied())
            .to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(origin(&[], "192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(
            origin(&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(
            origin(&["192.0.2.1"], "192.0.2.1", &["203.0.113.9"]),
            "203.0.113.9"
        );
    }

    #[test]
    fn a_proxy_may_write_down_the_port() {
        for hop in ["2001:db8::9", "[2001:db8::9]", "[2001:db8::9]:5555"] {
            assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.1", &[hop]), "2001:db8::9");
        }
        let hop = "203.0.113.9:5555";
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.1", &[hop]), "203.0.113.9");
    }

    #[test]
    fn what_the_client_itself_wrote_into_the_header_does_not_count() {
        assert_eq!(
            origin(
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["1.1.1.1, 203.0.113.9, 10.0.0.2"]
            ),
            "203.0.113.9"
        );
        assert_eq!(
            origin(&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1", "203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(
            origin(&["10.0.0.0/8"], "10.0.0.1", &["rubbish"]),
            "10.0.0.1"
        );
    }
}
