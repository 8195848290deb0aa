//! Which networks a client address stands for: one person may have many addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network from which guesses are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// In one form only, so that it can be a part of a counter's subject.
    pub name: String,
    /// How much more than one customer's it may be used before it is delayed, in percent.
    pub percent: u32,
}

impl Network {
    /// What it may do, if one customer may do `attempts`.
    pub fn share_of(&self, attempts: u32) -> u32 {
        let share = u64::from(attempts) * u64::from(self.percent) / 100;
        u32::try_from(share).unwrap_or(u32::MAX)
    }
}

/// How long an IPv6 prefix is, and its network's percentage. A customer has at least a /64, and a site
/// has up to a /48 (RFC 6177): whoever owns one has 65,536 of the others to guess from.
const IPV6: [(u32, u32); 3] = [(64, 100), (56, 150), (48, 200)];

/// The same for IPv4, where the neighbours in a /24 have mostly nothing to do with each other.
const IPV4: [(u32, u32); 2] = [(32, 100), (24, 400)];

/// The networks that an address belongs to, that of one customer first.
pub(super) fn networks(address: IpAddr) -> Vec<Network> {
    match customer(address) {
        IpAddr::V4(address) => IPV4
            .iter()
            .map(|&(prefix, percent)| {
                let first =
                    Ipv4Addr::from_bits(address.to_bits() >> (32 - prefix) << (32 - prefix));
                network(first.into(), prefix, percent)
            })
            .collect(),
        IpAddr::V6(address) => IPV6
            .iter()
            .map(|&(prefix, percent)| {
                let first =
                    Ipv6Addr::from_bits(address.to_bits() >> (128 - prefix) << (128 - prefix));
                network(first.into(), prefix, percent)
            })
            .collect(),
    }
}

/// One customer's network, by its name.
pub fn customer_network(address: IpAddr) -> String {
    let own = networks(address).into_iter().next();
    own.map_or_else(String::new, |network| network.name)
}

fn network(first: IpAddr, prefix: u32, percent: u32) -> Network {
    Network {
        name: format!("{first}/{prefix}"),
        percent,
    }
}

/// The address that tells customers apart. Some IPv6 addresses only carry an IPv4 address: mapped
/// ones (RFC 4291, section 2.5.5.2), those of a translator (RFC 6052, section 2.1), behind which all
/// of IPv4 would be one /64, and those of the tunnels 6to4 (RFC 3056) and Teredo (RFC 4380).
fn customer(address: IpAddr) -> IpAddr {
    let IpAddr::V6(ipv6) = address.to_canonical() else {
        return address.to_canonical();
    };
    let bits = ipv6.to_bits();
    let last = |bits: u128| IpAddr::V4(Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32));
    match ipv6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => last(bits),
        [0x2002, ..] => last(bits >> 80),
        [0x2001, 0, ..] => last(!bits),
        _ => IpAddr::V6(ipv6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let networks = networks(text.parse().unwrap());
        networks.into_iter().map(|network| network.name).collect()
    }

    #[test]
    fn an_ipv6_customer_is_one_client_and_so_is_their_site() {
        let site = ["2001:db8:1:2::/64", "2001:db8:1::/56", "2001:db8:1::/48"];
        assert_eq!(names("2001:db8:1:2:3:4:5:6"), site);
        let next = ["2001:db8:1:1ff::/64", "2001:db8:1:100::/56", site[2]];
        assert_eq!(names("2001:db8:1:1ff::1"), next);
    }

    #[test]
    fn an_ipv4_address_is_the_same_customer_however_it_is_carried() {
        let expected = ["192.0.2.7/32", "192.0.2.0/24"];
        for text in [
            "192.0.2.7",
            "::ffff:192.0.2.7",
            "64:ff9b::192.0.2.7",
            "2002:c000:207:1::5",
            // Behind the Teredo server 203.0.113.1, with every bit inverted.
            "2001:0:cb00:7101:0:ffff:3fff:fdf8",
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn wider_networks_may_be_used_more() {
        for text in ["192.0.2.7", "2001:db8::1"] {
            let shares: Vec<u32> = networks(text.parse().unwrap())
                .iter()
                .map(|network| network.percent)
                .collect();
            assert_eq!(shares[0], 100);
            assert!(shares.is_sorted_by(|one, next| one < next));
        }
    }
}
