//! Where a request comes from: the peer's address, or what a trusted proxy says of it.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use poem::Request;
use poem::http::HeaderValue;
use poem::http::header::USER_AGENT;

use crate::domain::Client;

/// The networks of proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
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
            .map(|network| network.map(canonical))
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
            .map(HeaderValue::as_bytes);
        Client {
            ip_address: peer.map(|peer| self.origin(peer.to_canonical(), forwarded)),
            user_agent: request
                .headers()
                .get(USER_AGENT)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            device: None,
        }
    }

    /// Each proxy appends the address that it was called from: read from the end, the first address
    /// that is no trusted proxy's is the client's. What stands before it, anybody may have written.
    /// Proxies that know less write `unknown` or a name (RFC 7239, section 6): then it is the last
    /// proxy's own address.
    fn origin<'a>(&self, peer: IpAddr, forwarded: impl Iterator<Item = &'a [u8]>) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        // In bytes: a header that is no text must not hide what a proxy has appended to it.
        let hops: Vec<&[u8]> = forwarded
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            // RFC 9110, section 5.6.1.2
            .filter(|hop| !hop.is_empty())
            .collect();
        let mut origin = peer;
        for hop in hops.iter().rev() {
            let Some(address) = std::str::from_utf8(hop).ok().and_then(address_in) else {
                break;
            };
            origin = address.to_canonical();
            if !self.trusts(origin) {
                break;
            }
        }
        origin
    }

    /// Whether this is the address of such a proxy.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0
            .iter()
            .any(|network| network.contains(&address.to_canonical()))
    }
}

/// A network of IPv4-mapped addresses (RFC 4291, section 2.5.5.2) as one of IPv4: all addresses are
/// compared in that form.
fn canonical(network: IpNet) -> IpNet {
    match (network.network().to_canonical(), network.prefix_len()) {
        (IpAddr::V4(first), 96..) if matches!(network, IpNet::V6(_)) => {
            Ipv4Net::new(first, network.prefix_len() - 96).map_or(network, IpNet::from)
        }
        _ => network,
    }
}

/// Some proxies write down the port as well, and then IPv6 addresses in brackets; an address of the
/// local link may name its zone (RFC 4007, section 11), which tells clients apart no better.
fn address_in(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let bare = |text: &str| text.split('%').next()?.parse().ok();
    let in_brackets = || bare(hop.strip_prefix('[')?.split_once(']')?.0);
    with_port().or_else(in_brackets).or_else(|| bare(hop))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|text| (*text).to_owned()).collect();
        TrustedProxies::new(&trusted)
            .unwrap()
            .origin(
                peer.parse().unwrap(),
                forwarded.iter().map(|value| value.as_bytes()),
            )
            .to_string()
    }

    /// The same behind one proxy of `10.0.0.0/8`.
    fn behind_proxy(forwarded: &[&str]) -> String {
        origin(&["10.0.0.0/8"], "10.0.0.1", forwarded)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let origin = |trusted: &[&str]| origin(trusted, "192.0.2.1", &["203.0.113.9"]);
        assert_eq!(origin(&[]), "192.0.2.1");
        assert_eq!(origin(&["10.0.0.0/8"]), "192.0.2.1");
        assert_eq!(origin(&["192.0.2.0/24"]), "203.0.113.9");
        assert_eq!(origin(&["192.0.2.1"]), "203.0.113.9");
    }

    #[test]
    fn a_proxy_may_write_down_the_port() {
        for hop in ["2001:db8::9", "[2001:db8::9]", "[2001:db8::9]:5555"] {
            assert_eq!(behind_proxy(&[hop]), "2001:db8::9");
        }
        assert_eq!(behind_proxy(&["203.0.113.9:5555"]), "203.0.113.9");
    }

    #[test]
    fn what_the_client_itself_wrote_into_the_header_does_not_count() {
        let one_header = behind_proxy(&["1.1.1.1, 203.0.113.9, 10.0.0.2"]);
        assert_eq!(one_header, "203.0.113.9");
        assert_eq!(behind_proxy(&["1.1.1.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(behind_proxy(&["rubbish"]), "10.0.0.1");
    }

    #[test]
    fn a_header_that_is_no_text_hides_nothing() {
        let trusted = TrustedProxies::new(&["10.0.0.0/8".to_owned()]).unwrap();
        let origin = |forwarded: &[&[u8]]| {
            let peer = "10.0.0.1".parse().unwrap();
            trusted.origin(peer, forwarded.iter().copied()).to_string()
        };
        let appended: &[u8] = b"\xff, 203.0.113.9";
        assert_eq!(origin(&[b"1.1.1.1", appended]), "203.0.113.9");
        assert_eq!(origin(&[b"1.1.1.1", b"\xff"]), "10.0.0.1");
    }

    #[test]
    fn of_a_client_that_no_proxy_names_the_last_proxys_address_is_known() {
        for hop in [
            "unknown",
            "_hidden",
            "203.0.113.9.",
            "[2001:db8::9",
            "for=1.1.1.1",
        ] {
            let forwarded = format!("1.1.1.1, {hop}, 10.0.0.2");
            assert_eq!(behind_proxy(&[&forwarded]), "10.0.0.2");
        }
    }

    #[test]
    fn empty_entries_and_zones_are_passed_over() {
        for hop in ["203.0.113.9", " 203.0.113.9 ,,", ",203.0.113.9, 10.0.0.3,"] {
            assert_eq!(behind_proxy(&[hop]), "203.0.113.9");
        }
        for hop in ["fe80::9%eth0", "[fe80::9%eth0]", "[fe80::9%eth0]:80"] {
            assert_eq!(behind_proxy(&[hop]), "fe80::9");
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        for trusted in ["10.0.0.0/8", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1"] {
            let hop = "::ffff:203.0.113.9";
            assert_eq!(origin(&[trusted], "10.0.0.1", &[hop]), "203.0.113.9");
        }
    }

    #[test]
    fn whatever_a_client_writes_the_proxys_own_entry_decides() {
        proptest::proptest!(|(written in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40))| {
            let trusted = TrustedProxies::new(&["10.0.0.0/8".to_owned()]).unwrap();
            let mut appended = written.clone();
            appended.extend(b", 203.0.113.9");
            let peer = "10.0.0.1".parse().unwrap();
            let origin = trusted.origin(peer, [&written[..], &appended[..]].into_iter());
            proptest::prop_assert_eq!(origin.to_string(), "203.0.113.9");
        });
    }
}
