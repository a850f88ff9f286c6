//! Addresses: whatever form one has, it is judged as what it leads to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::webhook::AddressPolicy;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fuzz_target!(|bytes: [u8; 16]| {
    let policy = AddressPolicy::default();
    let v4 = Ipv4Addr::from([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let v6 = Ipv6Addr::from(bytes);
    for address in [IpAddr::from(v4), v6.into()] {
        assert_eq!(policy.permits(address), policy.check(address).is_ok());
    }
    let is_public = policy.permits(v4.into());
    let [a, b, c, d] = v4.octets().map(u16::from);
    let (high, low) = (a << 8 | b, c << 8 | d);
    // An IPv4 address inside an IPv6 one reaches the same machine, so none that is refused may come in that way.
    for wrapped in [
        v4.to_ipv6_mapped(),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
    ] {
        assert!(is_public || !policy.permits(wrapped.into()), "{v4} inside {wrapped}");
    }
});
