//! Whose connection is this? On Linux, loopback is shared by all users of the machine; the kernel knows the
//! owner of each socket (`/proc/net/tcp`, proc(5)).

use std::net::SocketAddr;

/// Tells whether the peer's socket belongs to this user, or to root.
#[cfg(target_os = "linux")]
pub(crate) fn is_own(peer: SocketAddr, here: SocketAddr) -> bool {
    let (SocketAddr::V4(peer), SocketAddr::V4(_)) = (peer, here) else {
        return peer.ip().is_loopback();
    };
    let own = rustix::process::geteuid().as_raw();
    let Ok(table) = std::fs::read_to_string("/proc/net/tcp") else {
        return false;
    };
    let wanted = format!("{:08X}:{:04X}", u32::from_ne_bytes(peer.ip().octets()), peer.port());
    owner(&table, &wanted).is_some_and(|uid| uid == own || uid == 0)
}

/// Elsewhere the client certificate alone decides.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_own(peer: SocketAddr, _here: SocketAddr) -> bool {
    peer.ip().is_loopback()
}

/// Returns the owner of an established socket by its local address, as the kernel writes it.
#[cfg(target_os = "linux")]
fn owner(table: &str, local: &str) -> Option<u32> {
    const ESTABLISHED: &str = "01";
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let found = fields.nth(1)? == local && fields.nth(1)? == ESTABLISHED;
        if found { fields.nth(3)?.parse().ok() } else { None }
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 1 1\n   \
        1: 0100007F:1F90 0100007F:0050 01 00000000:00000000 00:00000000 00000000  1000        0 2 1\n";

    #[test]
    fn the_kernel_tells_the_owner_of_an_established_socket() {
        assert_eq!(owner(TABLE, "0100007F:1F90"), Some(1000));
        assert_eq!(owner(TABLE, "0100007F:0001"), None);
    }

    #[tokio::test]
    async fn our_own_connection_is_ours() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let client = tokio::net::TcpStream::connect(here).await.unwrap();
        let (_server, peer) = listener.accept().await.unwrap();
        assert!(is_own(peer, here));
        drop(client);
        assert!(!is_own("127.0.0.1:1".parse().unwrap(), here));
    }
}
