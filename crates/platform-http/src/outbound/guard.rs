//! Which addresses a stranger may make us talk to: the rules of URLs, host names and IP addresses.
//!
//! Pure: it looks at what is written and at what a name resolved to, and resolves nothing itself. Literal
//! hosts need the check as much as resolved ones, because an HTTP client asks no resolver about them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// Why an address is not talked to. Safe to show to whoever chose the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUrl {
    #[error("must be an https URL")]
    Scheme,
    #[error("must not contain a user name or password")]
    UserInfo,
    #[error("must name a host")]
    NoHost,
    #[error("must use port 443 or a port from 1024 to 65535")]
    Port,
    #[error("must not point to a local host name")]
    LocalName,
    #[error("must not point to a private, local or reserved address")]
    Address,
}

/// The rules for addresses that strangers choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guard {
    /// For the local stack and tests: permits http, loopback and private networks. Metadata services,
    /// link-local, unspecified, multicast and reserved addresses stay refused.
    pub allow_private_networks: bool,
}

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Public,
    /// Loopback, and the networks of RFC 1918, RFC 4193 and RFC 6598.
    Private,
    /// Never a receiver, wherever we run.
    Reserved,
}

impl Guard {
    /// Whether a URL may be called, as far as it can be told without resolving its host name.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check_url(self, url: &Url) -> Result<(), RefusedUrl> {
        let scheme_is_fine =
            url.scheme() == "https" || (self.allow_private_networks && url.scheme() == "http");
        if !scheme_is_fine {
            return Err(RefusedUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RefusedUrl::UserInfo);
        }
        match url.port_or_known_default() {
            Some(443 | 1024..) => {}
            Some(80) if self.allow_private_networks => {}
            _ => return Err(RefusedUrl::Port),
        }
        match url.host() {
            None | Some(Host::Domain("")) => Err(RefusedUrl::NoHost),
            Some(Host::Ipv4(address)) => self.check_address(address.into()),
            Some(Host::Ipv6(address)) => self.check_address(address.into()),
            Some(Host::Domain(name)) => self.check_name(name),
        }
    }

    /// Whether an address may be connected to.
    ///
    /// # Errors
    /// [`RefusedUrl::Address`] when it may not.
    pub fn check_address(self, address: IpAddr) -> Result<(), RefusedUrl> {
        match kind(address) {
            Kind::Public => Ok(()),
            Kind::Private if self.allow_private_networks => Ok(()),
            Kind::Private | Kind::Reserved => Err(RefusedUrl::Address),
        }
    }

    /// Names that mean a machine nearby, whatever they resolve to.
    fn check_name(self, name: &str) -> Result<(), RefusedUrl> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        if METADATA_NAMES.contains(&name.as_str()) {
            return Err(RefusedUrl::LocalName);
        }
        let local = !name.contains('.') || LOCAL_SUFFIXES.contains(&last) || name.ends_with(".home.arpa");
        if local && !self.allow_private_networks { Err(RefusedUrl::LocalName) } else { Ok(()) }
    }
}

const METADATA_NAMES: [&str; 3] = ["metadata", "metadata.google.internal", "metadata.goog"];
/// RFC 6761 §6.3, RFC 6762 §3, the private-use domain `internal`, and what resolvers put behind short names.
const LOCAL_SUFFIXES: [&str; 6] = ["localhost", "local", "internal", "localdomain", "lan", "intranet"];

/// Metadata services within ranges that are private otherwise.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

static PRIVATE_V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    nets(&["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])
});

/// IANA IPv4 Special-Purpose Address Registry, what is not private.
static RESERVED_V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    nets(&[
        "0.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ])
});

static PRIVATE_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| nets(&["::1/128", "fc00::/7"]));

/// Everything that is global unicast (RFC 4291 §2.4) but for [`RESERVED_V6`].
static GLOBAL_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| nets(&["2000::/3"]));

/// IANA IPv6 Special-Purpose Address Registry within global unicast: protocol assignments with Teredo and
/// ORCHID, documentation, 6to4.
static RESERVED_V6: LazyLock<Vec<Ipv6Net>> =
    LazyLock::new(|| nets(&["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]));

fn nets<N: std::str::FromStr>(texts: &[&str]) -> Vec<N> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn kind(address: IpAddr) -> Kind {
    if METADATA.contains(&address) {
        return Kind::Reserved;
    }
    match address {
        IpAddr::V4(address) if PRIVATE_V4.iter().any(|net| net.contains(&address)) => Kind::Private,
        IpAddr::V4(address) if RESERVED_V4.iter().any(|net| net.contains(&address)) => Kind::Reserved,
        IpAddr::V4(_) => Kind::Public,
        // Connecting to a mapped address connects to the IPv4 address in it. Every other form that carries
        // one (IPv4-compatible, NAT64, 6to4, Teredo) is reserved as a whole.
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => kind(mapped.into()),
            None if PRIVATE_V6.iter().any(|net| net.contains(&address)) => Kind::Private,
            None if RESERVED_V6.iter().any(|net| net.contains(&address)) => Kind::Reserved,
            None if GLOBAL_V6.iter().any(|net| net.contains(&address)) => Kind::Public,
            None => Kind::Reserved,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCTION: Guard = Guard { allow_private_networks: false };
    const LOCAL: Guard = Guard { allow_private_networks: true };

    fn check(guard: Guard, url: &str) -> Result<(), RefusedUrl> {
        guard.check_url(&url.parse().unwrap_or_else(|error| panic!("{url}: {error}")))
    }

    #[test]
    fn public_receivers_are_allowed() {
        for url in [
            "https://hooks.example.com/in",
            "https://hooks.example.com:443",
            "https://hooks.example.com:8443/in?x=1",
            "https://93.184.216.34/",
            "https://[2606:2800:220:1:248:1893:25c8:1946]/",
            "https://[::ffff:93.184.216.34]/",
            "https://1.1.1.1:65535/",
        ] {
            assert_eq!(check(PRODUCTION, url), Ok(()), "{url}");
        }
    }

    /// Private addresses in every spelling: refused in production, allowed in the local stack.
    #[test]
    fn private_addresses_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.255.255.254",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "①②⑦.0.0.1",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:10.0.0.1]",
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "[fc00::1]",
            "[fd12:3456::1]",
        ] {
            let url = format!("https://{host}/hook");
            assert_eq!(check(PRODUCTION, &url), Err(RefusedUrl::Address), "{host}");
            assert_eq!(check(LOCAL, &url), Ok(()), "{host}");
        }
    }

    /// Refused everywhere: no receiver of a webhook lives there.
    #[test]
    fn metadata_link_local_and_reserved_addresses_are_refused_even_locally() {
        for host in [
            "0.0.0.0",
            "0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "2852039166",
            "0xA9FEA9FE",
            "0251.0376.0251.0376",
            "100.100.100.200",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::ffff:169.254.169.254]",
            "[::ffff:0.0.0.0]",
            "[::127.0.0.1]",
            "[::10.0.0.1]",
            "[::8.8.8.8]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "[fe80::1]",
            "[febf::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::8.8.8.8]",
            "[64:ff9b:1::1]",
            "[100::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[2002:7f00:1::]",
            "[2002:808:808::1]",
            "[3fff::1]",
            "[5f00::1]",
        ] {
            let url = format!("https://{host}/hook");
            assert_eq!(check(PRODUCTION, &url), Err(RefusedUrl::Address), "{host}");
            assert_eq!(check(LOCAL, &url), Err(RefusedUrl::Address), "{host}");
        }
    }

    #[test]
    fn names_of_machines_nearby_are_refused() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "db",
            "webhook-dispatcher",
            "printer.local",
            "vault.internal",
            "router.lan",
            "nas.home.arpa",
            "host.localdomain",
        ] {
            let url = format!("https://{host}/hook");
            assert_eq!(check(PRODUCTION, &url), Err(RefusedUrl::LocalName), "{host}");
            assert_eq!(check(LOCAL, &url), Ok(()), "{host}");
        }
        for host in ["metadata.google.internal", "metadata.google.internal.", "METADATA.goog", "metadata"] {
            let url = format!("https://{host}/hook");
            assert_eq!(check(LOCAL, &url), Err(RefusedUrl::LocalName), "{host}");
        }
    }

    #[test]
    fn schemes_ports_and_user_info_have_rules() {
        for (url, production, local) in [
            ("http://hooks.example.com/", Err(RefusedUrl::Scheme), Ok(())),
            ("http://hooks.example.com:8080/", Err(RefusedUrl::Scheme), Ok(())),
            ("ftp://hooks.example.com/", Err(RefusedUrl::Scheme), Err(RefusedUrl::Scheme)),
            ("file:///etc/passwd", Err(RefusedUrl::Scheme), Err(RefusedUrl::Scheme)),
            ("data:text/plain,x", Err(RefusedUrl::Scheme), Err(RefusedUrl::Scheme)),
            ("https://good@evil.example/", Err(RefusedUrl::UserInfo), Err(RefusedUrl::UserInfo)),
            ("https://:secret@evil.example/", Err(RefusedUrl::UserInfo), Err(RefusedUrl::UserInfo)),
            ("https://hooks.example.com:80/", Err(RefusedUrl::Port), Ok(())),
            ("https://hooks.example.com:22/", Err(RefusedUrl::Port), Err(RefusedUrl::Port)),
            ("https://hooks.example.com:1023/", Err(RefusedUrl::Port), Err(RefusedUrl::Port)),
            ("https://hooks.example.com:0/", Err(RefusedUrl::Port), Err(RefusedUrl::Port)),
            ("https://hooks.example.com:1024/", Ok(()), Ok(())),
        ] {
            assert_eq!(check(PRODUCTION, url), production, "{url}");
            assert_eq!(check(LOCAL, url), local, "{url}");
        }
    }

    #[test]
    fn every_range_of_the_tables_is_well_formed() {
        assert_eq!((PRIVATE_V4.len(), RESERVED_V4.len()), (5, 10));
        assert_eq!((PRIVATE_V6.len(), GLOBAL_V6.len(), RESERVED_V6.len()), (2, 1, 4));
    }
}
