//! The corpus of S22: every way to write an address that leads inward, and what is next to it.

use super::*;

fn guard(http: bool, networks: &[&str]) -> Guard {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    Guard::new(Allowances { http, networks })
}

/// Whether a URL is let through, or why not.
fn check(guard: &Guard, url: &str, wanted: Result<(), Forbidden>) {
    assert_eq!(guard.url(url).map(|_| ()), wanted, "{url}");
}

/// Whether the addresses of a name are.
fn check_addresses(guard: &Guard, addresses: &[&str], wanted: Result<(), Forbidden>) {
    let found: Vec<_> =
        addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
    let judged = guard.allowances.judge_all(Box::new(found.clone().into_iter()));
    let wanted = wanted.map(|()| found);
    assert_eq!(judged, wanted, "{addresses:?}");
}

#[test]
fn the_public_web_is_let_through() {
    let guard = guard(false, &[]);
    for url in [
        "https://hooks.example.com",
        "https://hooks.example.com/",
        "https://HOOKS.Example.com:8443/a/b?c=d%20e&f=@",
        "https://xn--bcher-kva.example/",
        "https://example.com./",
        "https://1.1.1.1/",
        "https://1.1.1.1:444/x",
        "https://[2606:4700:4700::1111]/",
        "https://[2606:4700:4700:0000::1111]:444",
        "HTTPS://example.com",
        // What these lead to is seen when they are looked up.
        "https://localhost/",
        "https://metadata.google.internal/",
        "https://127.0.0.1.example/",
    ] {
        check(&guard, url, Ok(()));
    }
}

#[test]
fn what_is_not_plainly_a_url_of_the_web_is_refused() {
    let guard = guard(false, &[]);
    for (url, why) in [
        ("", Forbidden::NotAUrl),
        ("hooks.example.com", Forbidden::NotAUrl),
        ("https://", Forbidden::NotAUrl),
        ("https:///", Forbidden::NotAUrl),
        ("https:example.com", Forbidden::NotAUrl),
        ("https:/example.com", Forbidden::NotAUrl),
        ("https://example.com:99999/", Forbidden::NotAUrl),
        ("https://exa<mple.com/", Forbidden::NotAUrl),
        ("https://[::1", Forbidden::NotAUrl),
        ("https://[fe80::1%25eth0]/", Forbidden::NotAUrl),
        ("https://256.256.256.256/", Forbidden::NotAUrl),
        ("http://hooks.example.com/", Forbidden::Http),
        ("ftp://hooks.example.com/", Forbidden::Scheme),
        ("file:///etc/passwd", Forbidden::Scheme),
        ("gopher://127.0.0.1:25/", Forbidden::Scheme),
        ("data:text/plain,hello", Forbidden::Scheme),
        ("https://user@example.com/", Forbidden::UserInfo),
        ("https://user:password@example.com/", Forbidden::UserInfo),
        ("https://example.com@127.0.0.1/", Forbidden::UserInfo),
        ("https://@example.com/", Forbidden::UserInfo),
        ("https://example.com/#a", Forbidden::Fragment),
        ("https://example.com/a b", Forbidden::Characters),
        (" https://example.com/", Forbidden::Characters),
        ("https://exam\tple.com/", Forbidden::Characters),
        ("https://example.com/\r\nHost: a", Forbidden::Characters),
        ("https://example.com\\@127.0.0.1/", Forbidden::Characters),
        ("https:\\\\example.com", Forbidden::Characters),
        ("https://bücher.example/", Forbidden::Characters),
        ("https://１２７.0.0.1/", Forbidden::Characters),
        ("https://127。0。0。1/", Forbidden::Characters),
        ("https://%6c%6fcalhost/", Forbidden::OddHost),
    ] {
        check(&guard, url, Err(why));
    }
    let long = format!("https://example.com/{}", "a".repeat(WEBHOOK_URL_BYTES_MAX));
    check(&guard, &long, Err(Forbidden::TooLong));
    check(&guard, &long[..WEBHOOK_URL_BYTES_MAX], Ok(()));
}

#[test]
fn addresses_in_odd_forms_are_refused() {
    let guard = guard(true, &["127.0.0.0/8"]);
    for host in [
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "127.0.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "134744072",
        "0x08080808",
        "8.8.2056",
        "0",
    ] {
        check(&guard, &format!("https://{host}/"), Err(Forbidden::OddHost));
        check(&guard, &format!("http://{host}:8080/"), Err(Forbidden::OddHost));
    }
    check(&guard, "http://127.0.0.1:8080/", Ok(()));
}

/// Every network of the table by its first and last address or some within, and what is next to it.
const CORPUS: &[(Forbidden, &[&str])] = &[
    (Forbidden::Unspecified, &["0.0.0.0", "0.0.0.1", "0.255.255.255", "::"]),
    (Forbidden::Loopback, &["127.0.0.1", "127.0.0.0", "127.255.255.255", "127.9.9.9", "::1"]),
    (
        Forbidden::Private,
        &[
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "fc00::",
            "fd00:ec2::254",
            "fdff:ffff::1",
            "fec0::1",
        ],
    ),
    (Forbidden::Shared, &["100.64.0.0", "100.100.100.200", "100.127.255.255"]),
    (
        Forbidden::LinkLocal,
        &[
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "168.63.129.16",
            "fe80::1",
            "febf::",
        ],
    ),
    (Forbidden::Multicast, &["224.0.0.1", "239.255.255.255", "ff02::1", "ffff::"]),
    (
        Forbidden::Documentation,
        &["192.0.2.1", "198.51.100.1", "203.0.113.255", "2001:db8::1", "3fff::1", "3fff:fff::"],
    ),
    (
        Forbidden::Reserved,
        &[
            "192.0.0.1",
            "192.0.0.192",
            "192.31.196.1",
            "192.52.193.1",
            "192.175.48.1",
            "198.18.0.1",
            "198.19.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "100::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff::",
            "2620:4f:8000::1",
            "4000::1",
            "5f00::1",
            "1::",
            "e000::1",
        ],
    ),
    (
        Forbidden::Tunnel,
        &[
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::2",
            "64:ff9b::7f00:1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::a00:1",
            "2001::1",
            "2001:0:7f00:1::",
            "2002:7f00:1::",
            "2002:808:808::1",
            "192.88.99.1",
        ],
    ),
];

#[test]
fn addresses_that_are_not_public_are_refused_in_urls_and_behind_names() {
    let guard = guard(false, &[]);
    for (why, addresses) in CORPUS {
        for address in *addresses {
            let ip: IpAddr = address.parse().unwrap();
            let host = if ip.is_ipv6() { format!("[{address}]") } else { (*address).to_owned() };
            check(&guard, &format!("https://{host}/"), Err(*why));
            check_addresses(&guard, &[address], Err(*why));
            check_addresses(&guard, &["1.1.1.1", address], Err(*why));
            check_addresses(&guard, &[address, "1.1.1.1"], Err(*why));
            // Behind a number in front of it, an address is no other.
            if let IpAddr::V4(ip) = ip {
                check_addresses(
                    &guard,
                    &[&ip.to_ipv6_mapped().to_string()],
                    Err(Forbidden::Tunnel),
                );
                check(&guard, &format!("https://{}/", u32::from(ip)), Err(Forbidden::OddHost));
            }
        }
    }
}

#[test]
fn what_is_next_to_them_is_public() {
    let guard = guard(false, &[]);
    for address in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::",
        "2001:200::1",
        "2001:db7:ffff::",
        "2001:db9::",
        "2003::1",
        "2606:4700:4700::1111",
        "3ffe::1",
        "3fff:1000::",
    ] {
        check_addresses(&guard, &[address], Ok(()));
    }
    check_addresses(&guard, &[], Ok(()));
    check_addresses(&guard, &["1.1.1.1"; WEBHOOK_ADDRESSES_MAX], Ok(()));
    let many = ["1.1.1.1"; WEBHOOK_ADDRESSES_MAX + 1];
    check_addresses(&guard, &many, Err(Forbidden::TooManyAddresses));
}

#[test]
fn what_an_operator_allows_and_nothing_else_is_let_through() {
    let guard = guard(true, &["10.1.0.0/16", "::1/128", "64:ff9b::/96"]);
    check(&guard, "http://example.com/", Ok(()));
    check(&guard, "http://10.1.2.3:8080/", Ok(()));
    check(&guard, "http://10.2.0.0/", Err(Forbidden::Private));
    check(&guard, "http://[::1]/", Ok(()));
    check(&guard, "http://127.0.0.1/", Err(Forbidden::Loopback));
    check(&guard, "http://[::ffff:10.1.2.3]/", Err(Forbidden::Tunnel));
    check(&guard, "ftp://10.1.2.3/", Err(Forbidden::Scheme));
    check_addresses(&guard, &["10.1.0.1", "::1"], Ok(()));
    check_addresses(&guard, &["10.1.0.1", "192.168.0.1"], Err(Forbidden::Private));
    // A translator is let through, and what is behind it judged.
    check_addresses(&guard, &["64:ff9b::8.8.8.8", "64:ff9b::10.1.2.3"], Ok(()));
    check_addresses(&guard, &["64:ff9b::127.0.0.1"], Err(Forbidden::Loopback));
    check_addresses(&guard, &["64:ff9b::169.254.169.254"], Err(Forbidden::LinkLocal));
}
