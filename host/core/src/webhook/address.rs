//! Addresses that deliveries may reach. Pure: names are resolved elsewhere, and every resolved address is checked here.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of `localhost` (RFC 6761 section 6.3).
const LOCALHOST: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Addresses that may be reached: public ones, and the allowed networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    allowed: Vec<IpNet>,
}

/// The address must not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the webhook's address {0} is not public: deliveries reach such addresses only when \
     WEBHOOK_ALLOW_NETWORKS lists their network"
)]
pub struct RefusedAddress(pub IpAddr);

/// Addresses that are not globally reachable according to the IANA special-purpose registries (RFC 6890 and its updates), plus
/// multicast, the reserved block, and Azure's metadata and agent service, which is public only according to the registries.
const NOT_PUBLIC_V4: [(Ipv4Addr, u8); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

impl AddressPolicy {
    /// Permits public addresses and those in `allowed`.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether the address may be reached. An IPv4 address inside an IPv6 one (mapped, compatible, translated, 6to4, NAT64, Teredo)
    /// is checked as the IPv4 address. A network-specific NAT64 prefix (RFC 6052) cannot be distinguished from public addresses;
    /// its operator must filter there.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V6(v6) => embedded_v4(v6).map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        self.allowed.iter().any(|network| network.contains(&address)) || is_public(address)
    }

    /// The permitted addresses of a name that needs no look-up; `None` for all other names. Currently `localhost` and names below
    /// it, which are always loopback (RFC 6761 section 6.3). `127.0.0.1` may be permitted while `::1` is not.
    pub fn known_addresses(&self, name: &str) -> Option<Result<Vec<IpAddr>, RefusedAddress>> {
        if !is_localhost(name) {
            return None;
        }
        let permitted: Vec<IpAddr> = LOCALHOST.into_iter().filter(|address| self.permits(*address)).collect();
        Some(if permitted.is_empty() { Err(RefusedAddress(LOCALHOST[0])) } else { Ok(permitted) })
    }

    /// [`Self::permits`] as a result.
    pub fn check(&self, address: IpAddr) -> Result<(), RefusedAddress> {
        if self.permits(address) { Ok(()) } else { Err(RefusedAddress(address)) }
    }
}

/// Whether a name is `localhost` or below it.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !NOT_PUBLIC_V4.iter().any(|(network, length)| {
            let mask = u32::MAX << (32 - u32::from(*length));
            v4.to_bits() & mask == network.to_bits()
        }),
        // Only 2000::/3 is allocated for the public; of it, documentation, ORCHID and benchmarking are not.
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            let special = (a == 0x2001 && (b == 0x0db8 || b < 0x0200)) || (a == 0x3fff && b < 0x1000);
            (a & 0xe000) == 0x2000 && !special && isatap_v4(v6).is_none_or(|v4| is_public(v4.into()))
        }
    }
}

/// The IPv4 address at the end of an ISATAP tunnel (RFC 5214): a machine with such an interface sends the packet there, whatever
/// the prefix.
fn isatap_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    match v6.segments() {
        [_, _, _, _, 0 | 0x0200, 0x5efe, g, h] => Some(Ipv4Addr::from_bits(u32::from(g) << 16 | u32::from(h))),
        _ => None,
    }
}

/// The IPv4 address embedded in an IPv6 address.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        // Mapped (RFC 4291 2.5.5.2) and translated (RFC 2765).
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] => Some(v4(g, h)),
        // Compatible (RFC 4291 2.5.5.1), but not :: and ::1.
        [0, 0, 0, 0, 0, 0] if (g, h) != (0, 0) && (g, h) != (0, 1) => Some(v4(g, h)),
        // NAT64's well-known prefix (RFC 6052). The local-use prefix (RFC 8215) has no fixed position for the address, so it is
        // treated as an IPv6 address that is not public.
        [0x64, 0xff9b, 0, 0, 0, 0] => Some(v4(g, h)),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => Some(v4(high, low)),
        // Teredo (RFC 4380): the client's address is stored inverted.
        [0x2001, 0, ..] => Some(v4(!g, !h)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(allowed: &[&str], address: &str) -> bool {
        let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
        AddressPolicy::new(allowed).permits(address.parse().unwrap())
    }

    #[test]
    fn what_is_not_public_is_refused() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2001:10::1",
            "3fff::1",
            "100::1",
            "5f00::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::10.0.0.1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:c0a8:101::1",
            "2001:0:1:2:3:4:80ff:fffe",
            "::ffff:0:127.0.0.1",
            "2606:4700::5efe:10.0.0.1",
            "2606:4700::200:5efe:a9fe:a9fe",
        ] {
            assert!(!permits(&[], address), "{address}");
        }
    }

    #[test]
    fn what_is_public_is_permitted() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "11.0.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::200e",
            "64:ff9b::8.8.8.8",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
            "2606:4700::5efe:8.8.8.8",
            "168.63.129.17",
        ] {
            assert!(permits(&[], address), "{address}");
        }
    }

    #[test]
    fn localhost_is_a_name_and_all_below_it() {
        for name in ["localhost", "LocalHost", "localhost.", "a.localhost", "a.b.localhost."] {
            assert!(is_localhost(name), "{name}");
        }
        for name in ["localhost.example", "notlocalhost", "localhost.com.", "", "."] {
            assert!(!is_localhost(name), "{name}");
        }
    }

    #[test]
    fn localhost_is_those_of_its_addresses_that_are_allowed() {
        let known = |allowed: &[&str], name: &str| {
            let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
            AddressPolicy::new(allowed).known_addresses(name)
        };
        let [v4, v6] = LOCALHOST;
        assert_eq!(known(&["127.0.0.0/8"], "localhost"), Some(Ok(vec![v4])));
        assert_eq!(known(&["::1/128"], "x.localhost"), Some(Ok(vec![v6])));
        assert_eq!(known(&["127.0.0.0/8", "::1/128"], "localhost."), Some(Ok(vec![v4, v6])));
        assert_eq!(known(&["10.0.0.0/8"], "localhost"), Some(Err(RefusedAddress(v4))));
        assert_eq!(known(&[], "example.com"), None);
    }

    #[test]
    fn an_allowed_network_opens_itself_and_nothing_else() {
        assert!(permits(&["127.0.0.0/8"], "127.0.0.1"));
        assert!(permits(&["127.0.0.0/8"], "::ffff:127.0.0.1"));
        assert!(!permits(&["127.0.0.0/8"], "::1"));
        assert!(!permits(&["127.0.0.0/8"], "10.0.0.1"));
        assert!(permits(&["fd00::/8"], "fd12::1"));
        assert!(!permits(&["fd00::/8"], "fe80::1"));
    }
}
