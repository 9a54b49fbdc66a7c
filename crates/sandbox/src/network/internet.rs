//! An «internet» with a few names. It exists in the sandbox only: nothing here ever leaves the process.
//!
//! The addresses are those that the names had when this was written, so that rules by address look as they would.

use std::net::{IpAddr, Ipv4Addr};

/// One host of it.
pub(super) struct Host {
    /// Its names, the first one is canonical.
    pub(super) names: &'static [&'static str],
    /// Its address.
    pub(super) address: Ipv4Addr,
    /// What its `Server` header says.
    pub(super) server: &'static str,
}

/// All hosts.
pub(super) static HOSTS: [Host; 8] = [
    Host { names: &["google.fr", "www.google.fr"], address: Ipv4Addr::new(142, 250, 179, 67), server: "gws" },
    Host { names: &["google.com", "www.google.com"], address: Ipv4Addr::new(142, 250, 75, 238), server: "gws" },
    Host { names: &["example.com", "www.example.com"], address: Ipv4Addr::new(93, 184, 215, 14), server: "ECAcc" },
    Host {
        names: &["kubernetes.io", "www.kubernetes.io"],
        address: Ipv4Addr::new(15, 197, 167, 90),
        server: "Netlify",
    },
    Host { names: &["github.com", "www.github.com"], address: Ipv4Addr::new(140, 82, 121, 4), server: "github.com" },
    Host { names: &["wikipedia.org", "fr.wikipedia.org"], address: Ipv4Addr::new(185, 15, 58, 224), server: "ATS" },
    Host { names: &["resolver.example.net"], address: RESOLVER, server: "" },
    Host {
        names: &["one.one.one.one", "cloudflare-dns.com"],
        address: Ipv4Addr::new(1, 1, 1, 1),
        server: "cloudflare",
    },
];

/// Finds a host by a name in lower case, without the final dot.
pub(super) fn by_name(name: &str) -> Option<&'static Host> {
    HOSTS.iter().find(|host| host.names.contains(&name))
}

/// Finds a host by its address.
pub(super) fn by_address(address: IpAddr) -> Option<&'static Host> {
    HOSTS.iter().find(|host| IpAddr::V4(host.address) == address)
}

/// The address of the name server that the nodes use themselves.
pub(super) const RESOLVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);

impl Host {
    /// Returns whether it answers on a port: name servers serve names, the others the web.
    pub(super) fn is_open(&self, protocol: netpol::Protocol, port: u16) -> bool {
        let serves_names = self.address == RESOLVER || self.address == Ipv4Addr::new(1, 1, 1, 1);
        match port {
            53 => serves_names && protocol != netpol::Protocol::Sctp,
            80 | 443 => self.address != RESOLVER && protocol == netpol::Protocol::Tcp,
            _ => false,
        }
    }
}
