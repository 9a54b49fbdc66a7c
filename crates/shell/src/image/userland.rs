//! What the base images hold: busybox, Alpine, Debian, Ubuntu.

use super::Builder;
use crate::tree::Device;

/// The applets of busybox that are simulated, by folder.
const APPLETS: [(&str, &[&str]); 4] = [
    (
        "/bin",
        &[
            "[", "[[", "arch", "ash", "base64", "cat", "chgrp", "chmod", "chown", "cp", "date", "dd", "df", "echo",
            "ed", "egrep", "false", "fgrep", "getopt", "grep", "gunzip", "gzip", "hostname", "kill", "link", "ln",
            "ls", "mkdir", "mktemp", "more", "mount", "mv", "netstat", "nice", "pidof", "ping", "printenv", "ps",
            "pwd", "rm", "rmdir", "sed", "sh", "sleep", "stat", "su", "sync", "tar", "touch", "true", "umount",
            "uname", "usleep", "vi", "watch", "zcat",
        ],
    ),
    ("/sbin", &["arp", "ifconfig", "ip", "route", "sysctl", "poweroff", "reboot", "mkfs.ext2"]),
    (
        "/usr/bin",
        &[
            "awk",
            "basename",
            "cal",
            "clear",
            "cmp",
            "comm",
            "cut",
            "diff",
            "dirname",
            "du",
            "env",
            "expand",
            "expr",
            "factor",
            "find",
            "fold",
            "free",
            "groups",
            "head",
            "hexdump",
            "hostid",
            "id",
            "install",
            "killall",
            "less",
            "logger",
            "logname",
            "md5sum",
            "mkfifo",
            "nc",
            "nl",
            "nohup",
            "nproc",
            "nslookup",
            "od",
            "paste",
            "pgrep",
            "pkill",
            "printf",
            "readlink",
            "realpath",
            "renice",
            "reset",
            "rev",
            "seq",
            "setsid",
            "sha1sum",
            "sha256sum",
            "sha512sum",
            "shuf",
            "sort",
            "split",
            "strings",
            "tac",
            "tail",
            "tee",
            "telnet",
            "test",
            "time",
            "timeout",
            "top",
            "tr",
            "traceroute",
            "truncate",
            "tty",
            "uniq",
            "unlink",
            "uptime",
            "users",
            "vmstat",
            "w",
            "wc",
            "wget",
            "which",
            "who",
            "whoami",
            "xargs",
            "xxd",
            "yes",
        ],
    ),
    ("/usr/sbin", &["httpd"]),
];

/// What a slim Debian has: coreutils, dash, bash, grep, sed, mawk, findutils, tar, gzip, util-linux. No `ps`, no network.
const DEBIAN: &[&str] = &[
    "[",
    "apt",
    "apt-get",
    "arch",
    "awk",
    "base64",
    "basename",
    "bash",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cmp",
    "comm",
    "cp",
    "cut",
    "dash",
    "date",
    "dd",
    "df",
    "diff",
    "dirname",
    "dpkg",
    "du",
    "echo",
    "egrep",
    "env",
    "expand",
    "expr",
    "factor",
    "false",
    "fgrep",
    "find",
    "fold",
    "getent",
    "getopt",
    "grep",
    "groups",
    "gunzip",
    "gzip",
    "head",
    "hostid",
    "hostname",
    "id",
    "install",
    "link",
    "ln",
    "logger",
    "logname",
    "ls",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mktemp",
    "more",
    "mount",
    "mv",
    "nice",
    "nl",
    "nohup",
    "nproc",
    "od",
    "paste",
    "perl",
    "printenv",
    "printf",
    "pwd",
    "readlink",
    "realpath",
    "renice",
    "rev",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "setsid",
    "sh",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shuf",
    "sleep",
    "sort",
    "split",
    "stat",
    "su",
    "sync",
    "tac",
    "tail",
    "tar",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "true",
    "truncate",
    "tty",
    "umount",
    "uname",
    "uniq",
    "unlink",
    "users",
    "watch",
    "wc",
    "which",
    "who",
    "whoami",
    "xargs",
    "yes",
    "zcat",
];

/// The users of a Debian, as `base-passwd` makes them.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
sync:x:4:65534:sync:/bin:/bin/sync
games:x:5:60:games:/usr/games:/usr/sbin/nologin
man:x:6:12:man:/var/cache/man:/usr/sbin/nologin
lp:x:7:7:lp:/var/spool/lpd:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
news:x:9:9:news:/var/spool/news:/usr/sbin/nologin
uucp:x:10:10:uucp:/var/spool/uucp:/usr/sbin/nologin
proxy:x:13:13:proxy:/bin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin
list:x:38:38:Mailing List Manager:/var/list:/usr/sbin/nologin
irc:x:39:39:ircd:/run/ircd:/usr/sbin/nologin
_apt:x:42:65534::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";

const GROUP: &str = "root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
lp:x:7:
mail:x:8:
news:x:9:
uucp:x:10:
man:x:12:
proxy:x:13:
kmem:x:15:
dialout:x:20:
sudo:x:27:
audio:x:29:
www-data:x:33:
backup:x:34:
staff:x:50:
games:x:60:
users:x:100:
nogroup:x:65534:
";

const SHADOW: &str = "root:*:19990:0:99999:7:::
daemon:*:19990:0:99999:7:::
bin:*:19990:0:99999:7:::
sys:*:19990:0:99999:7:::
www-data:*:19990:0:99999:7:::
nobody:*:19990:0:99999:7:::
";

/// Folders and devices that every container has.
fn common(builder: Builder) -> Builder {
    let mut builder = builder
        .folder("/root", 0o700, (0, 0))
        .folder("/tmp", 0o1777, (0, 0))
        .folder("/var/tmp", 0o1777, (0, 0))
        .folder("/etc", 0o755, (0, 0))
        .folder("/dev/shm", 0o1777, (0, 0))
        .folder("/dev/pts", 0o755, (0, 0))
        .folder("/proc", 0o555, (0, 0))
        .folder("/sys", 0o555, (0, 0))
        .folder("/home", 0o755, (0, 0))
        .device("/dev/null", Device::Null, 0o666)
        .device("/dev/zero", Device::Zero, 0o666)
        .device("/dev/full", Device::Full, 0o666)
        .device("/dev/random", Device::Random, 0o666)
        .device("/dev/urandom", Device::Random, 0o666)
        .device("/dev/tty", Device::Terminal, 0o666);
    for (name, target) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        builder = builder.link(&format!("/dev/{name}"), &format!("/proc/self/{target}"));
    }
    builder
}

pub(super) fn busybox(builder: Builder) -> Builder {
    applets(common(builder))
        .file(
            "/etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nbin:x:2:2:bin:/bin:/bin/false\n\
             sys:x:3:3:sys:/dev:/bin/false\nsync:x:4:100:sync:/bin:/bin/sync\nmail:x:8:8:mail:/var/spool/mail:/bin/false\n\
             www-data:x:33:33:www-data:/var/www:/bin/false\noperator:x:37:37:Operator:/var:/bin/false\n\
             nobody:x:65534:65534:nobody:/home:/bin/false\n",
            0o644,
        )
        .file(
            "/etc/group",
            "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nwheel:x:10:root\nutmp:x:43:\n\
             staff:x:50:\nusers:x:100:\nnobody:x:65534:\n",
            0o644,
        )
        .file("/etc/shadow", "root:*:10933:0:99999:7:::\ndaemon:*:10933:0:99999:7:::\nnobody:*:10933:0:99999:7:::\n", 0o600)
        .folder("/var/www", 0o755, (33, 33))
        .cmd(&["sh"])
}

fn applets(mut builder: Builder) -> Builder {
    builder = builder.program("/bin/busybox", "busybox");
    for (folder, names) in APPLETS {
        builder = builder.programs(folder, names);
    }
    builder
}

pub(super) fn alpine(builder: Builder, version: &str) -> Builder {
    let minor =
        version.rsplit_once('.').filter(|_| version.matches('.').count() > 1).map_or(version, |(minor, _)| minor);
    applets(common(builder))
        .programs("/sbin", &["apk"])
        .programs("/usr/bin", &["getent"])
        .file(
            "/etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/sbin/nologin\ndaemon:x:2:2:daemon:/sbin:/sbin/nologin\n\
             sync:x:5:0:sync:/sbin:/bin/sync\nmail:x:8:12:mail:/var/mail:/sbin/nologin\n\
             guest:x:405:100:guest:/dev/null:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
            0o644,
        )
        .file(
            "/etc/group",
            "root:x:0:root\nbin:x:1:root,bin,daemon\ndaemon:x:2:root,bin,daemon\nsys:x:3:root,bin\nadm:x:4:root,daemon\n\
             tty:x:5:\ndisk:x:6:root\nwheel:x:10:root\nwww-data:x:82:\nusers:x:100:games\nnobody:x:65534:\n",
            0o644,
        )
        .file("/etc/shadow", "root:*::0:::::\nbin:!::0:::::\ndaemon:!::0:::::\nnobody:!::0:::::\n", 0o640)
        .file("/etc/alpine-release", format!("{version}\n"), 0o644)
        .file(
            "/etc/os-release",
            format!(
                "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID={version}\nPRETTY_NAME=\"Alpine Linux v{minor}\"\n\
                 HOME_URL=\"https://alpinelinux.org/\"\nBUG_REPORT_URL=\"https://gitlab.alpinelinux.org/alpine/aports/-/issues\"\n"
            ),
            0o644,
        )
        .file(
            "/etc/apk/repositories",
            format!(
                "https://dl-cdn.alpinelinux.org/alpine/v{minor}/main\nhttps://dl-cdn.alpinelinux.org/alpine/v{minor}/community\n"
            ),
            0o644,
        )
        .file("/etc/profile", "export PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n", 0o644)
        .folder("/var/log", 0o755, (0, 0))
        .folder("/opt", 0o755, (0, 0))
        .folder("/srv", 0o755, (0, 0))
        .folder("/media", 0o755, (0, 0))
        .folder("/mnt", 0o755, (0, 0))
        .cmd(&["/bin/sh"])
}

/// Debian since 10 has `/bin` in `/usr`.
fn merged(builder: Builder) -> Builder {
    let mut builder = builder.folder("/usr/bin", 0o755, (0, 0)).folder("/usr/sbin", 0o755, (0, 0));
    builder = builder.folder("/usr/lib", 0o755, (0, 0)).folder("/usr/local/bin", 0o755, (0, 0));
    for name in ["bin", "sbin", "lib"] {
        builder = builder.link(&format!("/{name}"), &format!("usr/{name}"));
    }
    common(builder)
        .programs("/usr/bin", DEBIAN)
        .file("/usr/sbin/nologin", "#!/bin/sh\necho 'This account is currently not available.'\nexit 1\n", 0o755)
        .file("/etc/passwd", PASSWD, 0o644)
        .file("/etc/group", GROUP, 0o644)
        .file("/etc/shadow", SHADOW, 0o640)
        .file("/etc/bash.bashrc", "# System-wide .bashrc file for interactive bash(1) shells.\n", 0o644)
        .folder("/var/lib/dpkg", 0o755, (0, 0))
        .folder("/var/lib/apt/lists", 0o755, (0, 0))
        .folder("/var/cache/apt", 0o755, (0, 0))
        .folder("/var/log", 0o755, (0, 0))
        .folder("/var/www", 0o755, (0, 0))
        .folder("/opt", 0o755, (0, 0))
        .folder("/srv", 0o755, (0, 0))
        .folder("/mnt", 0o755, (0, 0))
        .folder("/media", 0o755, (0, 0))
        .folder("/boot", 0o755, (0, 0))
        .folder("/run/lock", 0o1777, (0, 0))
        .link("/var/run", "/run")
        .file("/root/.bashrc", "# ~/.bashrc: executed by bash(1) for non-login shells.\n", 0o644)
        .cmd(&["bash"])
}

pub(super) fn debian(builder: Builder, version: &str) -> Builder {
    let (name, full) = match version {
        "10" => ("buster", "10.13"),
        "11" => ("bullseye", "11.11"),
        "13" => ("trixie", "13.1"),
        _ => ("bookworm", "12.7"),
    };
    let version = full.split('.').next().unwrap_or("12");
    merged(builder).file("/etc/debian_version", format!("{full}\n"), 0o644).file(
        "/etc/os-release",
        format!(
            "PRETTY_NAME=\"Debian GNU/Linux {version} ({name})\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"{version}\"\n\
             VERSION=\"{version} ({name})\"\nVERSION_CODENAME={name}\nID=debian\nHOME_URL=\"https://www.debian.org/\"\n\
             SUPPORT_URL=\"https://www.debian.org/support\"\nBUG_REPORT_URL=\"https://bugs.debian.org/\"\n"
        ),
        0o644,
    )
}

pub(super) fn ubuntu(builder: Builder, version: &str) -> Builder {
    let name = match version {
        "20.04" => "focal",
        "22.04" => "jammy",
        _ => "noble",
    };
    let version = match name {
        "focal" => "20.04",
        "jammy" => "22.04",
        _ => "24.04",
    };
    merged(builder).programs("/usr/bin", &["ps", "top", "free", "kill", "pgrep", "pkill", "uptime"]).file(
        "/etc/os-release",
        format!(
            "PRETTY_NAME=\"Ubuntu {version} LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"{version}\"\nVERSION_CODENAME={name}\n\
             ID=ubuntu\nID_LIKE=debian\nHOME_URL=\"https://www.ubuntu.com/\"\nUBUNTU_CODENAME={name}\n"
        ),
        0o644,
    )
}
