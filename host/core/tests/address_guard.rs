//! What a webhook URL may be, as one table: through parsing and the address policy, before any name is looked up.
#![expect(clippy::unwrap_used, reason = "a row that cannot be read fails the test")]

use morag_core::webhook::{AddressPolicy, InvalidWebhookUrl, WebhookUrl};
use std::net::IpAddr;

/// What becomes of a URL.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// No URL a webhook can have.
    Invalid(InvalidWebhookUrl),
    /// It leads where deliveries must not go.
    Refused(IpAddr),
    /// An address that may be reached.
    Address(IpAddr),
    /// `localhost`, where a loopback address may be reached.
    Loopback(String),
    /// A name: every address of it is judged once it has been looked up.
    Name(String),
}

fn verdict(url: &str, allowed: &[&str]) -> Verdict {
    let policy = AddressPolicy::new(allowed.iter().map(|network| network.parse().unwrap()).collect());
    let url: WebhookUrl = match url.parse() {
        Ok(url) => url,
        Err(invalid) => return Verdict::Invalid(invalid),
    };
    let name = url.as_url().domain().map(str::to_owned);
    match (url.check_literal(&policy), url.literal_address(), name) {
        (Err(refused), _, _) => Verdict::Refused(refused.0),
        (Ok(()), Some(address), _) => Verdict::Address(address),
        (Ok(()), None, Some(name)) if policy.known_addresses(&name).is_some() => Verdict::Loopback(name),
        (Ok(()), None, Some(name)) => Verdict::Name(name),
        (Ok(()), None, None) => panic!("a webhook URL without a host"),
    }
}

fn refused(address: &str) -> Verdict {
    Verdict::Refused(address.parse().unwrap())
}

fn address(address: &str) -> Verdict {
    Verdict::Address(address.parse().unwrap())
}

fn name(name: &str) -> Verdict {
    Verdict::Name(name.to_owned())
}

fn loopback(name: &str) -> Verdict {
    Verdict::Loopback(name.to_owned())
}

fn invalid(why: InvalidWebhookUrl) -> Verdict {
    Verdict::Invalid(why)
}

/// URL, networks of `WEBHOOK_ALLOW_NETWORKS`, what becomes of it, why.
type Row = (&'static str, &'static [&'static str], Verdict, &'static str);

fn check(rows: Vec<Row>) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(url, allowed, expected, why)| {
            let found = verdict(url, allowed);
            (found != *expected).then(|| format!("{url} with {allowed:?}: {found:?}, not {expected:?} ({why})"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn odd_spellings_of_an_address_are_that_address() {
    check(vec![
        ("http://127.0.0.1/", &[], refused("127.0.0.1"), "plain loopback"),
        ("http://127.1/", &[], refused("127.0.0.1"), "left-out parts"),
        ("http://2130706433/", &[], refused("127.0.0.1"), "one decimal number"),
        ("http://0x7f000001/", &[], refused("127.0.0.1"), "one hexadecimal number"),
        ("http://017700000001/", &[], refused("127.0.0.1"), "one octal number"),
        ("http://0177.0.0.1/", &[], refused("127.0.0.1"), "an octal part"),
        ("http://0x7f.1/", &[], refused("127.0.0.1"), "a hexadecimal part, left-out ones"),
        ("http://0X7F.0x0.0x0.0x1/", &[], refused("127.0.0.1"), "hexadecimal in capitals"),
        ("http://0000177.0000.0.01/", &[], refused("127.0.0.1"), "many leading zeros"),
        ("http://127.0.0.1./", &[], refused("127.0.0.1"), "trailing dot"),
        ("http://0x7f000001./", &[], refused("127.0.0.1"), "trailing dot after a number"),
        ("http://１２７.０.０.１/", &[], refused("127.0.0.1"), "full-width digits"),
        ("http://①②⑦.⓪.⓪.①/", &[], refused("127.0.0.1"), "circled digits"),
        ("http://127。0。0。1/", &[], refused("127.0.0.1"), "ideographic dots"),
        ("http://127．0．0．1/", &[], refused("127.0.0.1"), "full-width dots"),
        ("http://127｡0｡0｡1/", &[], refused("127.0.0.1"), "half-width ideographic dots"),
        ("http://𝟏𝟐𝟕.𝟎.𝟎.𝟏/", &[], refused("127.0.0.1"), "mathematical digits"),
        ("http://127.0.0\u{ad}.1/", &[], refused("127.0.0.1"), "a soft hyphen, which vanishes"),
        ("http://127.0.0.1\u{200b}/", &[], refused("127.0.0.1"), "a space of no width, which vanishes"),
        ("http://%31%32%37.0.0.1/", &[], refused("127.0.0.1"), "digits with percent signs"),
        ("http://127%2e0%2E0.1/", &[], refused("127.0.0.1"), "dots with percent signs"),
        ("http://127.0.\t0.1/", &[], refused("127.0.0.1"), "a tab, which URLs drop"),
        ("http://127.0.0.1\n/", &[], refused("127.0.0.1"), "a line end, which URLs drop"),
        ("  http://127.0.0.1/  ", &[], refused("127.0.0.1"), "spaces around"),
        ("HTTP://127.0.0.1/", &[], refused("127.0.0.1"), "scheme in capitals"),
        ("http:\\\\127.0.0.1\\", &[], refused("127.0.0.1"), "backslashes are slashes"),
        ("http:127.0.0.1", &[], refused("127.0.0.1"), "no slashes"),
        ("http:/127.0.0.1", &[], refused("127.0.0.1"), "one slash"),
        ("http:////127.0.0.1/", &[], refused("127.0.0.1"), "four slashes"),
        ("http://127.0.0.1:8080/", &[], refused("127.0.0.1"), "with a port"),
        ("http://127.0.0.1#@example.com/", &[], refused("127.0.0.1"), "a fragment that looks like the host"),
        ("http://127.0.0.1?@example.com/", &[], refused("127.0.0.1"), "a query that looks like the host"),
        ("http://0/", &[], refused("0.0.0.0"), "this host, which connects to loopback"),
        ("http://0.0.0.0:8000/", &[], refused("0.0.0.0"), "this host in full"),
        ("http://134744072/", &[], address("8.8.8.8"), "a public address as a number"),
        ("http://8.8.8.8./", &[], address("8.8.8.8"), "a public address with a trailing dot"),
    ]);
}

#[test]
fn networks_that_are_not_public_are_refused() {
    check(vec![
        ("http://10.1.2.3/", &[], refused("10.1.2.3"), "RFC 1918"),
        ("http://172.16.0.1/", &[], refused("172.16.0.1"), "RFC 1918"),
        ("http://172.31.255.255/", &[], refused("172.31.255.255"), "RFC 1918, last"),
        ("http://192.168.0.1/", &[], refused("192.168.0.1"), "RFC 1918"),
        ("http://100.64.0.1/", &[], refused("100.64.0.1"), "carrier-grade NAT"),
        ("http://198.18.0.1/", &[], refused("198.18.0.1"), "benchmarking"),
        ("http://224.0.0.251/", &[], refused("224.0.0.251"), "multicast"),
        ("http://255.255.255.255/", &[], refused("255.255.255.255"), "broadcast"),
        ("http://169.254.169.254/latest/meta-data/", &[], refused("169.254.169.254"), "metadata of most clouds"),
        ("http://2852039166/", &[], refused("169.254.169.254"), "the same as a number"),
        ("http://0xa9.0xfe.0xa9.0xfe/", &[], refused("169.254.169.254"), "the same in hexadecimal"),
        ("http://169.254.170.2/v2/credentials", &[], refused("169.254.170.2"), "credentials of ECS tasks"),
        ("http://100.100.100.200/", &[], refused("100.100.100.200"), "metadata of Alibaba"),
        ("http://192.0.0.192/", &[], refused("192.0.0.192"), "metadata of Oracle"),
        ("http://168.63.129.16/", &[], refused("168.63.129.16"), "Azure's own, though the address is public"),
        ("http://[fd00:ec2::254]/", &[], refused("fd00:ec2::254"), "metadata of EC2 over IPv6"),
        ("http://[fd20:ce::254]/", &[], refused("fd20:ce::254"), "metadata of Google over IPv6"),
        ("http://[::1]/", &[], refused("::1"), "loopback"),
        ("http://[0:0:0:0:0:0:0:1]/", &[], refused("::1"), "loopback in full"),
        ("http://[::]/", &[], refused("::"), "this host"),
        ("http://[fe80::1]/", &[], refused("fe80::1"), "link-local"),
        ("http://[fc00::1]/", &[], refused("fc00::1"), "unique local"),
        ("http://[fec0::1]/", &[], refused("fec0::1"), "site-local"),
        ("http://[ff02::1]/", &[], refused("ff02::1"), "multicast"),
        ("http://[2001:db8::1]/", &[], refused("2001:db8::1"), "documentation"),
        ("http://[2001:20::1]/", &[], refused("2001:20::1"), "ORCHIDv2"),
        ("http://[5f00::1]/", &[], refused("5f00::1"), "segment routing"),
        ("https://[2606:4700:4700::1111]/", &[], address("2606:4700:4700::1111"), "public"),
        ("https://93.184.215.14/hook?x=1", &[], address("93.184.215.14"), "public"),
    ]);
}

#[test]
fn an_ipv4_address_inside_an_ipv6_one_is_judged() {
    check(vec![
        ("http://[::ffff:127.0.0.1]/", &[], refused("::ffff:127.0.0.1"), "mapped"),
        ("http://[::FFFF:7F00:1]/", &[], refused("::ffff:127.0.0.1"), "mapped, hexadecimal capitals"),
        ("http://[0:0:0:0:0:ffff:a9fe:a9fe]/", &[], refused("::ffff:169.254.169.254"), "mapped, in full"),
        ("http://[::127.0.0.1]/", &[], refused("::127.0.0.1"), "compatible"),
        ("http://[::ffff:0:10.0.0.1]/", &[], refused("::ffff:0:a00:1"), "translated"),
        ("http://[64:ff9b::10.0.0.1]/", &[], refused("64:ff9b::a00:1"), "NAT64"),
        ("http://[64:ff9b:1::10.0.0.1]/", &[], refused("64:ff9b:1::a00:1"), "NAT64, local"),
        ("http://[2002:7f00:1::]/", &[], refused("2002:7f00:1::"), "6to4"),
        ("http://[2002:c0a8:101::1]/", &[], refused("2002:c0a8:101::1"), "6to4"),
        ("http://[2001:0:808:808:0:0:f5ff:fffe]/", &[], refused("2001:0:808:808::f5ff:fffe"), "Teredo to 10.0.0.1"),
        ("http://[2606:4700::5efe:10.0.0.1]/", &[], refused("2606:4700::5efe:a00:1"), "ISATAP"),
        (
            "http://[2606:4700::200:5efe:a9fe:a9fe]/",
            &[],
            refused("2606:4700::200:5efe:a9fe:a9fe"),
            "ISATAP, global bit",
        ),
        ("http://[::ffff:8.8.8.8]/", &[], address("::ffff:8.8.8.8"), "mapped, public"),
        ("http://[64:ff9b::8.8.8.8]/", &[], address("64:ff9b::808:808"), "NAT64, public: how such networks reach IPv4"),
    ]);
}

#[test]
fn what_is_no_webhook_url_is_refused_at_once() {
    use InvalidWebhookUrl::{Credentials, Host, NotUrl, Port, Scheme, ServicePort};
    check(vec![
        ("", &[], invalid(NotUrl), "nothing"),
        ("example.com/hook", &[], invalid(NotUrl), "no scheme"),
        ("//example.com/hook", &[], invalid(NotUrl), "no scheme"),
        ("http://", &[], invalid(NotUrl), "no host"),
        ("http://:8080/", &[], invalid(NotUrl), "a port without host"),
        ("http://./", &[], invalid(Host), "the root"),
        ("http://a..example/", &[], invalid(Host), "an empty label"),
        ("http://.example/", &[], invalid(Host), "an empty label"),
        ("file:///etc/passwd", &[], invalid(Scheme), "a file"),
        ("ftp://example.com/", &[], invalid(Scheme), "another protocol"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", &[], invalid(Scheme), "another protocol"),
        ("javascript:alert(1)", &[], invalid(Scheme), "a script"),
        ("data:text/plain,x", &[], invalid(Scheme), "data"),
        ("http+unix://%2Frun%2Fdocker.sock/", &[], invalid(Scheme), "a socket of this machine"),
        ("https://user:pw@example.com/", &[], invalid(Credentials), "credentials"),
        ("https://user@example.com/", &[], invalid(Credentials), "a user"),
        ("https://:pw@example.com/", &[], invalid(Credentials), "a password"),
        ("http://example.com@127.0.0.1/", &[], invalid(Credentials), "credentials that look like the host"),
        ("http://example.com:80@10.0.0.1/", &[], invalid(Credentials), "credentials that look like host and port"),
        ("http://example.com:0/", &[], invalid(Port), "nobody listens there"),
        ("http://example.com:65536/", &[], invalid(NotUrl), "no port"),
        ("http://example.com:-1/", &[], invalid(NotUrl), "no port"),
        ("http://example.com:25/", &[], invalid(ServicePort(25)), "a mail server"),
        ("https://8.8.8.8:587/", &[], invalid(ServicePort(587)), "a mail server, with TLS"),
        ("http://127.0.0.1:22/", &["127.0.0.0/8"], invalid(ServicePort(22)), "ssh, whatever network is allowed"),
        ("http://[fe80::1%25eth0]/", &[], invalid(NotUrl), "a zone"),
        ("http://[fe80::1%eth0]/", &["fe80::/10"], invalid(NotUrl), "a zone, unescaped, allowed"),
        ("http://[::1/", &[], invalid(NotUrl), "an open bracket"),
        ("http://[127.0.0.1]/", &[], invalid(NotUrl), "IPv4 in brackets"),
        ("http://[::ffff:0177.0.0.1]/", &[], invalid(NotUrl), "octal in brackets"),
        ("http://127.0.0.256/", &[], invalid(NotUrl), "a number that is too large"),
        ("http://4294967296/", &[], invalid(NotUrl), "a number that is too large"),
        ("http://1.2.3.4.5/", &[], invalid(NotUrl), "five numbers"),
        ("http://127.0.0.1.0x/", &[], invalid(NotUrl), "a last part that counts as a number"),
        ("http://exa mple.com/", &[], invalid(NotUrl), "a space"),
        ("http://example.com%00.internal/", &[], invalid(NotUrl), "a zero byte"),
        ("http://example.com%2f@127.0.0.1/", &[], invalid(Credentials), "an escaped slash before an @"),
        ("http://xn--/", &[], invalid(NotUrl), "punycode of nothing"),
    ]);
}

#[test]
fn names_are_names_and_localhost_is_loopback() {
    check(vec![
        ("https://example.com/hook", &[], name("example.com"), "a name"),
        ("https://EXAMPLE.com:8443/", &[], name("example.com"), "capitals"),
        ("https://example.com./", &[], name("example.com."), "trailing dot: the same name, absolute"),
        ("https://bücher.example/", &[], name("xn--bcher-kva.example"), "an international name, in punycode"),
        ("https://xn--bcher-kva.example/", &[], name("xn--bcher-kva.example"), "punycode as written"),
        ("https://ｅｘａｍｐｌｅ.com/", &[], name("example.com"), "full-width letters"),
        ("https://example。com/", &[], name("example.com"), "an ideographic dot"),
        ("https://127.0.0.1.example/", &[], name("127.0.0.1.example"), "an address as labels"),
        ("https://127.0.0.1.nip.example/", &[], name("127.0.0.1.nip.example"), "judged when looked up"),
        ("http://metadata.google.internal/", &[], name("metadata.google.internal"), "judged when looked up"),
        ("http://example.com\\@127.0.0.1/", &[], name("example.com"), "a backslash ends the host"),
        ("http://example.com/@127.0.0.1/", &[], name("example.com"), "an address in the path"),
        ("http://localhost/", &[], refused("127.0.0.1"), "loopback"),
        ("http://LOCALHOST:9/", &[], invalid(InvalidWebhookUrl::ServicePort(9)), "the port comes first"),
        ("http://LOCALHOST:9000/", &[], refused("127.0.0.1"), "capitals"),
        ("http://localhost./", &[], refused("127.0.0.1"), "trailing dot"),
        ("http://a.localhost/", &[], refused("127.0.0.1"), "below it"),
        ("http://a.b.LocalHost./", &[], refused("127.0.0.1"), "below it, every way"),
        ("http://ｌｏｃａｌｈｏｓｔ/", &[], refused("127.0.0.1"), "full-width letters"),
        ("http://localhost%2e/", &[], refused("127.0.0.1"), "an escaped trailing dot"),
        ("http://ⓛocalhost/", &[], refused("127.0.0.1"), "a circled letter"),
        ("http://localhost.example/", &[], name("localhost.example"), "another name"),
        ("http://localhost:8080/", &["127.0.0.0/8"], loopback("localhost"), "IPv4 loopback allowed"),
        ("http://x.localhost/", &["::1/128"], loopback("x.localhost"), "IPv6 loopback allowed"),
        ("http://localhost/", &["10.0.0.0/8"], refused("127.0.0.1"), "another network allowed"),
        ("http://localhost/", &["127.0.0.2/32"], refused("127.0.0.1"), "another loopback address allowed"),
    ]);
}

#[test]
fn an_allowed_network_opens_itself_and_nothing_beside_it() {
    const LOOPBACK: &[&str] = &["127.0.0.0/8"];
    check(vec![
        ("http://127.0.0.1:9000/", LOOPBACK, address("127.0.0.1"), "in it"),
        ("http://2130706433/", LOOPBACK, address("127.0.0.1"), "in it, however written"),
        ("http://[::ffff:127.0.0.1]/", LOOPBACK, address("::ffff:127.0.0.1"), "in it, mapped"),
        ("http://[::1]/", LOOPBACK, refused("::1"), "loopback of the other family"),
        ("http://0.0.0.0/", LOOPBACK, refused("0.0.0.0"), "reaches loopback, and is not in it"),
        ("http://10.0.0.1/", LOOPBACK, refused("10.0.0.1"), "outside"),
        ("http://8.8.8.8/", LOOPBACK, address("8.8.8.8"), "what is public stays open"),
        ("http://10.1.2.3/", &["10.1.2.3/32"], address("10.1.2.3"), "one address"),
        ("http://10.1.2.4/", &["10.1.2.3/32"], refused("10.1.2.4"), "its neighbour"),
        ("http://10.1.2.3/", &["10.1.2.9/24"], address("10.1.2.3"), "a network written with bits of a host"),
        ("http://[fd12::1]/", &["fd00::/8"], address("fd12::1"), "IPv6"),
        ("http://[fe80::1]/", &["fd00::/8"], refused("fe80::1"), "outside"),
        ("http://169.254.169.254/", &["169.254.0.0/16"], address("169.254.169.254"), "the operator said so"),
        ("http://169.254.169.254/", &["10.0.0.0/8", "fd00::/8"], refused("169.254.169.254"), "in none of them"),
        (
            "http://[::ffff:169.254.169.254]/",
            &["::/0"],
            refused("::ffff:169.254.169.254"),
            "IPv4 inside IPv6 goes by IPv4",
        ),
        ("http://[64:ff9b::10.0.0.1]/", &["10.0.0.0/8"], address("64:ff9b::a00:1"), "NAT64 goes by IPv4 too"),
        ("http://10.0.0.1/", &["0.0.0.0/0"], address("10.0.0.1"), "all of IPv4"),
        ("http://[::1]/", &["0.0.0.0/0"], refused("::1"), "all of IPv4 is nothing of IPv6"),
        ("https://example.com/", LOOPBACK, name("example.com"), "a name is judged when looked up"),
    ]);
}
