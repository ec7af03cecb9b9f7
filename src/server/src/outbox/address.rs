//! Where messages may go: to public addresses, and to those that the configuration allows. Names are resolved here and nowhere
//! else, so that a name cannot lead to another address than the one that was looked at (SSRF).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    networks: Vec<IpNet>,
    names: Vec<String>,
}

/// Is it an address of the public network?
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// IANA IPv4 Special-Purpose Address Registry, without what is globally reachable.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b)))
}

/// IANA IPv6 Special-Purpose Address Registry: of 2000::/3 what is no documentation and hides no IPv4 address.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let segments = ip.segments();
    let is_global = segments[0] & 0xe000 == 0x2000;
    let is_special = segments[0] == 0x2002 || (segments[0] == 0x2001 && (segments[1] == 0xdb8 || segments[1] < 0x200));
    is_global && !is_special
}

impl Allowed {
    /// Of `notify.allow`.
    ///
    /// # Errors
    /// The entry that is neither a network nor a name.
    pub fn new(entries: &[String]) -> Result<Self, String> {
        let mut allowed = Self::default();
        for entry in entries {
            let network = entry.parse::<IpNet>().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from));
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
            match network {
                Some(network) => allowed.networks.push(network),
                None if !entry.is_empty() && entry.chars().all(is_name) => {
                    allowed.names.push(entry.to_ascii_lowercase());
                }
                None => return Err(entry.clone()),
            }
        }
        Ok(allowed)
    }

    /// May this address be reached, to which `host` leads?
    #[must_use]
    pub fn permits(&self, host: &str, ip: IpAddr) -> bool {
        is_public(ip)
            || self.names_host(host)
            || self.networks.iter().any(|network| network.contains(&ip.to_canonical()))
    }

    /// Does the name itself stand in the list, or the address that it is?
    #[must_use]
    pub fn names_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let ip = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        self.names.contains(&host) || ip.is_some_and(|ip| self.networks.iter().any(|network| network.contains(&ip)))
    }

    /// The addresses of a host that may be reached.
    ///
    /// # Errors
    /// One line, without an address.
    pub async fn lookup(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let bare = host.trim_matches(['[', ']']);
        let found =
            tokio::net::lookup_host((bare, port)).await.map_err(|error| format!("{host} is not found: {error}"))?;
        let permitted: Vec<SocketAddr> = found.filter(|address| self.permits(host, address.ip())).collect();
        if permitted.is_empty() {
            return Err(format!("{host} leads to no address that may be reached (notify.allow)"));
        }
        Ok(permitted)
    }
}

/// What reqwest asks for addresses.
pub(crate) struct Guarded(pub(crate) Arc<Allowed>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.0);
        Box::pin(async move {
            // The port is the request's own.
            let found = allowed.lookup(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached_unless_they_or_their_name_are_allowed() {
        let none = Allowed::default();
        for (ip, is_reached) in [
            ("203.0.114.5", true),
            ("8.8.8.8", true),
            ("2606:4700::1111", true),
            ("10.1.2.3", false),
            ("172.31.0.1", false),
            ("192.168.1.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("198.18.0.1", false),
            ("::1", false),
            ("::", false),
            ("fc00::1", false),
            ("fe80::1", false),
            ("::ffff:127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(none.permits("example.cn", ip.parse().unwrap()), is_reached, "{ip}");
        }
        let some =
            Allowed::new(&["10.1.0.0/16".to_owned(), "SMS.internal".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        for (host, ip, is_reached) in [
            ("a.cn", "10.1.2.3", true),
            ("a.cn", "::ffff:10.1.2.3", true),
            ("a.cn", "10.2.2.3", false),
            ("sms.internal", "10.2.2.3", true),
            ("sms.internal.evil.cn", "10.2.2.3", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.2", "127.0.0.2", false),
        ] {
            assert_eq!(some.permits(host, ip.parse().unwrap()), is_reached, "{host} {ip}");
        }
        assert_eq!(Allowed::new(&["10.0.0.0/99".to_owned()]).unwrap_err(), "10.0.0.0/99");
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_followed() {
        let refused = Allowed::default().lookup("localhost", 80).await.unwrap_err();
        assert!(refused.contains("notify.allow"), "{refused}");
        assert!(Allowed::new(&["localhost".to_owned()]).unwrap().lookup("localhost", 80).await.is_ok());
    }
}
