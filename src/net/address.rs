//! Where an address that a stranger named may lead.
//!
//! Metadata of a sign-in names URLs that we then call. Without a rule, a public server could make
//! this machine call its own services, its neighbours, or the metadata service of its cloud.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// How far away an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere on the internet.
    Public,
    /// A network of somebody's own: RFC 1918, CGNAT, benchmarking, unique local.
    Private,
    /// This machine.
    Loopback,
    /// Link-local, metadata services, multicast, nothing at all.
    Never,
}

/// The addresses that discovered URLs may lead to, by where the configured server itself is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AddressRule {
    pub private: bool,
    pub loopback: bool,
}

impl AddressRule {
    /// The rule for a server that is at `addresses`.
    pub fn of(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut rule = Self::default();
        for address in addresses {
            match reach(address) {
                Reach::Private => rule.private = true,
                // Whoever is on this machine may also know its neighbours.
                Reach::Loopback => rule = Self { private: true, loopback: true },
                Reach::Public | Reach::Never => {}
            }
        }
        rule
    }

    pub fn allows(self, address: IpAddr) -> bool {
        match reach(address) {
            Reach::Public => true,
            Reach::Private => self.private,
            Reach::Loopback => self.loopback,
            Reach::Never => false,
        }
    }
}

/// The address that the host of `url` is, where no name has to be looked up.
pub fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        // RFC 6761, 6.3: it never means another machine.
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            (name == "localhost" || name.ends_with(".localhost"))
                .then_some(Ipv4Addr::LOCALHOST.into())
        }
    }
}

pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    match ip.octets() {
        [127, ..] => Reach::Loopback,
        // "This network" (Linux takes it for loopback), link-local with the metadata services of
        // most clouds, those of Alibaba, Azure and Oracle, multicast, reserved, broadcast.
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [100, 100, 100, 200]
        | [168, 63, 129, 16]
        | [192, 0, 0, _] => Reach::Never,
        [10, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [100, 64..=127, ..]
        | [198, 18 | 19, ..]
        | [192, 0, 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Private,
        _ => Reach::Public,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    let parts = ip.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        // Unspecified, and the metadata services of AWS and Google.
        [0, 0, 0, 0, 0, 0, 0, 0]
        | [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => Reach::Never,
        // Addresses that carry one of version 4: mapped, compatible, NAT64, 6to4.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        // NAT64 of one's own, Teredo, link-local, multicast.
        [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..] | [0xfe80..=0xfebf | 0xff00..=0xffff, ..] => {
            Reach::Never
        }
        // Unique local, and the site-local that came before.
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Reach::Private,
        _ => Reach::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str) -> Option<Reach> {
        literal(&Url::parse(&format!("https://{host}/x")).unwrap()).map(reach)
    }

    #[test]
    fn every_spelling_of_an_address_is_known_for_what_it_is() {
        for (host, want) in [
            ("1.1.1.1", Reach::Public),
            ("[2606:4700::1111]", Reach::Public),
            ("10.1.2.3", Reach::Private),
            ("172.31.0.1", Reach::Private),
            ("172.32.0.1", Reach::Public),
            ("192.168.1.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("198.19.255.255", Reach::Private),
            ("[fd12::1]", Reach::Private),
            ("[::ffff:10.0.0.1]", Reach::Private),
            ("127.0.0.1", Reach::Loopback),
            ("0x7f.1", Reach::Loopback),
            ("2130706433", Reach::Loopback),
            ("0177.0.0.1", Reach::Loopback),
            ("[::1]", Reach::Loopback),
            ("[::ffff:7f00:1]", Reach::Loopback),
            ("[64:ff9b::7f00:1]", Reach::Loopback),
            ("localhost", Reach::Loopback),
            ("LOCALHOST.", Reach::Loopback),
            ("x.localhost", Reach::Loopback),
            ("169.254.169.254", Reach::Never),
            ("[::ffff:a9fe:a9fe]", Reach::Never),
            ("[2002:a9fe:a9fe::1]", Reach::Never),
            ("[fe80::1]", Reach::Never),
            ("[fd00:ec2::254]", Reach::Never),
            ("100.100.100.200", Reach::Never),
            ("0.0.0.0", Reach::Never),
            ("[::]", Reach::Never),
            ("255.255.255.255", Reach::Never),
            ("[ff02::1]", Reach::Never),
        ] {
            assert_eq!(of(host), Some(want), "{host}");
        }
        assert_eq!(of("localhost.evil.example"), None);
    }

    #[test]
    fn the_server_itself_says_how_near_the_others_may_be() {
        let rule = |host: &str| AddressRule::of([host.parse().unwrap()]);
        let allows = |rule: AddressRule| {
            ["1.1.1.1", "10.0.0.1", "127.0.0.1", "169.254.169.254"]
                .map(|host| rule.allows(host.parse().unwrap()))
        };
        assert_eq!(allows(rule("1.1.1.1")), [true, false, false, false]);
        assert_eq!(allows(rule("10.9.9.9")), [true, true, false, false]);
        assert_eq!(allows(rule("127.0.0.1")), [true, true, true, false]);
        assert_eq!(allows(rule("169.254.169.254")), [true, false, false, false]);
    }
}
