//! Commands that speak over the network: names, `nc`, `ping`, and what `ip` and `ss` show.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::errno::Errno;
use crate::event::Action;
use crate::files::Capability;
use crate::limits;
use crate::process::{Process, Ran};
use crate::stream::{OpenFile, Socket};
use crate::surroundings::{ConnectError, Protocol, ResolveError, Stream};
use crate::tree::Flavour;

use super::{Grammar, Order};

/// How long the kernel tries to connect: six times, doubling from a second on, as `tcp_syn_retries` has it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(127);
/// How long a resolver waits for its server, twice.
pub(crate) const NAMES: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DialError {
    /// The name has no address.
    Name(ResolveError),
    /// The address does not answer, or refuses.
    Connect(ConnectError),
}

/// Resolves a name: an address as it is, then `/etc/hosts`, then the name server.
pub(crate) async fn resolve(process: &Process, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok(vec![address]);
    }
    if let Ok(bytes) = process.read_file("/etc/hosts").await {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            if let Some(address) = words.next().and_then(|address| address.parse::<IpAddr>().ok())
                && words.any(|name| name.eq_ignore_ascii_case(host))
                && address.is_ipv4()
            {
                return Ok(vec![address]);
            }
        }
    }
    process.kernel.surroundings.resolve(host, NAMES * 2).await
}

/// Connects to a host's port.
pub(crate) async fn dial(
    process: &Process,
    host: &str,
    port: u16,
    protocol: Protocol,
    within: Option<Duration>,
) -> Result<Box<dyn Stream>, DialError> {
    let addresses = resolve(process, host).await.map_err(DialError::Name)?;
    let Some(address) = addresses.first().copied() else { return Err(DialError::Name(ResolveError::NoSuchName)) };
    connect(process, SocketAddr::new(address, port), protocol, within.unwrap_or(PATIENCE))
        .await
        .map_err(DialError::Connect)
}

/// Connects to an address.
pub(crate) async fn connect(
    process: &Process,
    address: SocketAddr,
    protocol: Protocol,
    within: Duration,
) -> Result<Box<dyn Stream>, ConnectError> {
    process.tell(Action::Connect { address, protocol });
    process.kernel.surroundings.connect(address, protocol, within).await
}

pub(super) async fn nc(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar {
        letters: "lp:w:zvnukq:e:s:N46i:",
        long: &[("zero", 'z'), ("verbose", 'v'), ("listen", 'l')],
        order: Order::Mixed,
    };
    let words = GRAMMAR.read(process, argv).await?;
    let protocol = if words.has('u') { Protocol::Udp } else { Protocol::Tcp };
    if words.has('l') {
        let port = words.value('p').or(words.rest.last().map(String::as_str)).and_then(|text| text.parse::<u16>().ok());
        let Some(port) = port else { return Ok(process.fail("missing port").await) };
        if port < 1024 && !process.who.has(Capability::NetBindService) {
            return Ok(process.fail("bind: Permission denied").await);
        }
        let mut listener = match process.kernel.surroundings.listen(port, protocol) {
            Ok(listener) => listener,
            Err(crate::ListenError::InUse) => return Ok(process.fail("bind: Address already in use").await),
            Err(crate::ListenError::Denied) => return Ok(process.fail("bind: Permission denied").await),
        };
        if words.has('v') {
            process.say(format!("listening on [::]:{port} ...")).await;
        }
        loop {
            let Some(peer) = listener.recv().await else { return Ok(0) };
            if words.has('v') {
                process.say(format!("connect to [::]:{port} from {}", peer.address)).await;
            }
            exchange(process, peer.stream, None).await?;
            if !words.has('k') {
                return Ok(0);
            }
        }
    }
    let [host, port, ..] = words.rest.as_slice() else {
        let usage =
            if kind == "telnet" { "Usage: telnet HOST [PORT]" } else { "Usage: nc [-lzvnuw SEC] [-p PORT] HOST PORT" };
        process.say(usage).await;
        return Ok(1);
    };
    let ports: Vec<u16> = match port.split_once('-') {
        Some((low, high)) => match (low.parse::<u16>(), high.parse::<u16>()) {
            (Ok(low), Ok(high)) => (low..=high).take(1024).collect(),
            _ => Vec::new(),
        },
        None => port.parse().into_iter().collect(),
    };
    if ports.is_empty() {
        return Ok(process.fail(format!("bad port '{port}'")).await);
    }
    let wait = words.value('w').and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let Ok(addresses) = resolve(process, host).await else {
        return Ok(process
            .fail(match process.flavour {
                Flavour::Busybox => format!("bad address '{host}'"),
                Flavour::Gnu => format!("getaddrinfo for host \"{host}\" port {port}: Name or service not known"),
            })
            .await);
    };
    let Some(ip) = addresses.first().copied() else { return Ok(process.fail(format!("bad address '{host}'")).await) };
    let mut code = 1;
    for port in ports {
        let address = SocketAddr::new(ip, port);
        match connect(process, address, protocol, wait.unwrap_or(PATIENCE)).await {
            Ok(stream) => {
                code = 0;
                if words.has('v') {
                    process
                        .say(match process.flavour {
                            Flavour::Busybox => format!("{host} ({address}) open"),
                            Flavour::Gnu => format!("Connection to {host} {port} port [tcp/*] succeeded!"),
                        })
                        .await;
                }
                if kind == "telnet" {
                    process.say(format!("Connected to {host}")).await;
                }
                if !words.has('z') {
                    exchange(
                        process,
                        stream,
                        words.value('q').and_then(|text| text.parse().ok()).map(Duration::from_secs),
                    )
                    .await?;
                }
            }
            Err(error) => {
                let errno = Errno::from(error.clone());
                let shown = match process.flavour {
                    Flavour::Busybox if kind == "telnet" => {
                        Some(format!("can't connect to remote host ({ip}): {errno}"))
                    }
                    Flavour::Busybox if error == ConnectError::TimedOut && wait.is_some() => {
                        words.has('v').then(|| format!("{host} ({address}): {errno}"))
                    }
                    Flavour::Busybox => {
                        (words.has('v') || !words.has('z')).then(|| format!("{host} ({address}): {errno}"))
                    }
                    Flavour::Gnu => {
                        words.has('v').then(|| format!("connect to {host} port {port} (tcp) failed: {errno}"))
                    }
                };
                if let Some(shown) = shown {
                    process.complain(shown).await;
                }
            }
        }
    }
    Ok(code)
}

/// Carries bytes both ways until the other side ends.
async fn exchange(process: &Process, stream: Box<dyn Stream>, linger: Option<Duration>) -> Ran {
    let connection = OpenFile::Socket(Socket::new(stream));
    let OpenFile::Socket(socket) = &connection else { return Ok(1) };
    let stdin = process.stdin();
    let send = async {
        loop {
            let bytes = stdin.read(limits::PIPE).await.unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            if connection.write(&bytes, process.now()).await.is_err() {
                break;
            }
        }
        socket.finish().await;
        match linger {
            Some(time) => process.kernel.surroundings.sleep(time).await,
            None => std::future::pending().await,
        }
    };
    let receive = async {
        loop {
            let bytes = connection.read(limits::PIPE).await.unwrap_or_default();
            if bytes.is_empty() {
                return Ok(0);
            }
            process.out(bytes).await?;
        }
    };
    tokio::select! {
        ran = receive => ran,
        () = send => Ok(0),
    }
}

/// The name server of `/etc/resolv.conf`.
async fn name_server(process: &Process) -> String {
    let bytes = process.read_file("/etc/resolv.conf").await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let server = text.lines().find_map(|line| line.strip_prefix("nameserver").map(|server| server.trim().to_owned()));
    server.unwrap_or_else(|| "127.0.0.1".to_owned())
}

/// Returns the full name that a short one was found under, if the surroundings know a longer one.
async fn full_name(process: &Process, name: &str) -> String {
    if name.ends_with('.') || name.matches('.').count() >= 4 {
        return name.trim_end_matches('.').to_owned();
    }
    let bytes = process.read_file("/etc/resolv.conf").await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let domains: Vec<String> = text
        .lines()
        .find_map(|line| line.strip_prefix("search"))
        .into_iter()
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect();
    for domain in domains {
        let full = format!("{name}.{domain}");
        if process.kernel.surroundings.resolve(&format!("{full}."), NAMES).await.is_ok() {
            return full;
        }
    }
    name.to_owned()
}

/// `nslookup`, `dig`, `host`, `getent`.
pub(super) async fn names(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    let words: Vec<&String> = argv[1..].iter().filter(|word| !word.starts_with(['-', '+', '@'])).collect();
    if kind == "getent" {
        let Some(table) = words.first() else { return Ok(1) };
        let keys: Vec<String> = words[1..].iter().map(|word| (*word).clone()).collect();
        let lines = match table.as_str() {
            "passwd" => super::identity::entries(process, "/etc/passwd", &keys),
            "group" => super::identity::entries(process, "/etc/group", &keys),
            "hosts" | "ahosts" | "ahostsv4" => {
                let mut lines = Vec::new();
                for key in &keys {
                    for address in resolve(process, key).await.unwrap_or_default() {
                        lines.push(format!("{:<15} {key}", address.to_string()));
                    }
                }
                lines
            }
            other => {
                process.say(format!("Unknown database: {other}")).await;
                return Ok(1);
            }
        };
        if lines.is_empty() {
            return Ok(2);
        }
        process.out(lines.join("\n") + "\n").await?;
        return Ok(0);
    }
    let kinds = ["A", "AAAA", "TXT", "MX", "NS", "SRV", "CNAME", "any", "in", "IN"];
    let Some(name) = words.iter().find(|word| !kinds.contains(&word.as_str())).map(|word| (*word).clone()) else {
        return Ok(process.fail("no name given").await);
    };
    let server = match argv[1..].iter().find_map(|word| word.strip_prefix('@')) {
        Some(server) => server.to_owned(),
        None => name_server(process).await,
    };
    // `dig` asks for the name as it is; the others go through the search domains.
    let asked = if kind == "dig" && !argv.iter().any(|word| word == "+search") {
        format!("{}.", name.trim_end_matches('.'))
    } else {
        name.clone()
    };
    let answer = process.kernel.surroundings.resolve(&asked, NAMES * 2).await;
    match (kind, answer) {
        ("dig", Ok(addresses)) if argv.iter().any(|word| word == "+short") => {
            process.out(addresses.iter().map(|address| format!("{address}\n")).collect::<String>()).await?;
            Ok(0)
        }
        ("dig", Err(ResolveError::NoSuchName)) if argv.iter().any(|word| word == "+short") => Ok(0),
        ("dig", Ok(_) | Err(ResolveError::NoSuchName)) => {
            let name = asked.trim_end_matches('.');
            let found = process.kernel.surroundings.resolve(&asked, NAMES).await.unwrap_or_default();
            let status = if found.is_empty() { "NXDOMAIN" } else { "NOERROR" };
            let mut text = format!(
                "\n; <<>> DiG 9.18.28 <<>> {}\n;; global options: +cmd\n;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {status}, id: 4242\n\
                 ;; flags: qr aa rd; QUERY: 1, ANSWER: {}, AUTHORITY: 0, ADDITIONAL: 1\n\n;; QUESTION SECTION:\n;{name}.\t\tIN\tA\n\n",
                argv[1..].join(" "),
                found.len()
            );
            if !found.is_empty() {
                text.push_str(";; ANSWER SECTION:\n");
                for address in found {
                    text.push_str(&format!("{name}.\t30\tIN\tA\t{address}\n"));
                }
                text.push('\n');
            }
            text.push_str(&format!(";; Query time: 1 msec\n;; SERVER: {server}#53({server}) (UDP)\n\n"));
            process.out(text).await?;
            Ok(0)
        }
        ("dig", Err(ResolveError::TimedOut)) => {
            process
                .out(format!(";; communications error to {server}#53: timed out\n;; no servers could be reached\n"))
                .await?;
            Ok(9)
        }
        ("host", Ok(addresses)) => {
            for address in addresses {
                process.out(format!("{name} has address {address}\n")).await?;
            }
            Ok(0)
        }
        ("host", Err(ResolveError::NoSuchName)) => {
            process.out(format!("Host {name} not found: 3(NXDOMAIN)\n")).await?;
            Ok(1)
        }
        (_, Ok(addresses)) => {
            let full = full_name(process, &name).await;
            process.out(format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n")).await?;
            for address in addresses {
                process.out(format!("Name:\t{full}\nAddress: {address}\n")).await?;
            }
            process.out("\n").await?;
            Ok(0)
        }
        (_, Err(ResolveError::NoSuchName)) => {
            process
                .out(format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n** server can't find {name}: NXDOMAIN\n\n"))
                .await?;
            Ok(1)
        }
        (_, Err(ResolveError::TimedOut)) => {
            process.out(";; connection timed out; no servers could be reached\n\n").await?;
            Ok(1)
        }
    }
}

/// `ping`: the simulated network carries no ICMP, so that it says; an address that belongs to nobody is told apart.
pub(super) async fn ping(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    let mut words = argv[1..].iter();
    let mut host = None;
    while let Some(word) = words.next() {
        match word.as_str() {
            "-c" | "-w" | "-W" | "-i" | "-s" | "-I" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => host = Some(word.to_owned()),
        }
    }
    let Some(host) = host else {
        process.say(format!("Usage: {kind} HOST")).await;
        return Ok(1);
    };
    if !process.who.has(Capability::NetRaw) {
        return Ok(process.fail("permission denied (are you root?)").await);
    }
    match resolve(process, &host).await {
        Err(_) => Ok(process
            .fail(match process.flavour {
                Flavour::Busybox => format!("bad address '{host}'"),
                Flavour::Gnu => format!("{host}: Name or service not known"),
            })
            .await),
        Ok(addresses) => {
            let address = addresses.first().map(ToString::to_string).unwrap_or_default();
            process.out(format!("{} {host} ({address})\n", kind.to_uppercase())).await?;
            process.complain("sandbox: ICMP is not simulated; try a port with nc or wget").await;
            Ok(1)
        }
    }
}

/// `ip`, `ifconfig`, `route`, `arp`, `netstat`, `ss`.
pub(super) async fn interfaces(kind: &str, process: &mut Process, argv: &[String]) -> Ran {
    let address = process.kernel.address();
    let own = address.map_or_else(String::new, |address| address.to_string());
    let gateway = match address {
        Some(IpAddr::V4(ip)) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.1")
        }
        Some(IpAddr::V6(_)) | None => String::new(),
    };
    let what = argv[1..].iter().find(|word| !word.starts_with('-')).map_or("", String::as_str);
    let network = gateway.trim_end_matches('1').to_owned() + "0";
    let text = match (kind, what) {
        ("ip", act) if "address".starts_with(act) && !act.is_empty() => format!(
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    \
             inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\n    \
             link/ether 0a:58:0a:f4:00:02 brd ff:ff:ff:ff:ff:ff\n    inet {own}/24 brd {} scope global eth0\n       valid_lft forever preferred_lft forever\n",
            network.trim_end_matches('0').to_owned() + "255"
        ),
        ("ip", act) if "route".starts_with(act) && !act.is_empty() => {
            format!("default via {gateway} dev eth0 \n{network}/24 dev eth0 scope link  src {own} \n10.244.0.0/16 via {gateway} dev eth0 \n")
        }
        ("ip", "link") => "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN\n2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n".to_owned(),
        ("ifconfig", _) => format!(
            "eth0      Link encap:Ethernet  HWaddr 0A:58:0A:F4:00:02  \n          inet addr:{own}  Bcast:{}  Mask:255.255.255.0\n          \
             UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n\nlo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n          \
             UP LOOPBACK RUNNING  MTU:65536  Metric:1\n\n",
            network.trim_end_matches('0').to_owned() + "255"
        ),
        ("route", _) => format!(
            "Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n{:<15} {gateway:<15} 0.0.0.0         UG    0      0        0 eth0\n",
            "default"
        ),
        _ => {
            process.say(format!("{kind}: sandbox: not simulated")).await;
            return Ok(1);
        }
    };
    process.out(text).await?;
    Ok(0)
}
