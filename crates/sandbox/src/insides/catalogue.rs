//! Images as code: the files, users and programs of the images that the workshop uses, and of some that a curious
//! learner tries. Others of Docker's library are like the base image that they are built on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use shell::{Builder, Image, Seeming};

/// The page that nginx serves.
const INDEX: &str = "<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and working.</p>
</body>
</html>
";

/// Returns an image by its full name, such as `docker.io/library/nginx:1.27`. Each is made once.
pub(super) fn image(full: &str) -> Arc<Image> {
    static MADE: Mutex<BTreeMap<String, Arc<Image>>> = Mutex::new(BTreeMap::new());
    let (repository, tag) = full.rsplit_once(':').unwrap_or((full, "latest"));
    let path = repository.strip_prefix("docker.io/").unwrap_or(repository);
    let path = path.strip_prefix("library/").unwrap_or(path);
    let key = format!("{path}:{tag}");
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(image) = made.get(&key) {
        return Arc::clone(image);
    }
    // A learner may name thousands: only some are kept.
    if made.len() >= 32 {
        made.clear();
    }
    let image = Arc::new(make(path, tag));
    made.insert(key, Arc::clone(&image));
    image
}

fn make(path: &str, tag: &str) -> Image {
    let is_alpine = tag.contains("alpine");
    let version = tag.split(['-', '+']).next().unwrap_or(tag);
    let base = || if is_alpine { Builder::alpine("3.20.3") } else { Builder::debian("12") };
    match path.rsplit('/').next().unwrap_or(path) {
        "busybox" => Builder::busybox().build(),
        "alpine" => {
            let version = match version {
                "latest" | "edge" | "3" => "3.20.3".to_owned(),
                version if version.matches('.').count() == 1 => format!("{version}.0"),
                version => version.to_owned(),
            };
            Builder::alpine(&version).build()
        }
        "debian" => Builder::debian(debian(version)).build(),
        "ubuntu" => Builder::ubuntu(match version {
            "20.04" | "focal" => "20.04",
            "22.04" | "jammy" => "22.04",
            _ => "24.04",
        })
        .build(),
        "nginx" | "nginx-unprivileged" => {
            let release = if version.starts_with('1') { version.to_owned() } else { "1.27".to_owned() };
            let release = if release.matches('.').count() == 1 { format!("{release}.2") } else { release };
            base()
                .user("nginx", 101, "/nonexistent", "/bin/false")
                .server("/usr/sbin/nginx")
                .programs("/usr/bin", &["curl"])
                .file("/usr/share/nginx/html/index.html", INDEX, 0o644)
                .file("/usr/share/nginx/html/50x.html", "<h1>An error occurred.</h1>\n", 0o644)
                .file(
                    "/etc/nginx/nginx.conf",
                    "\nuser  nginx;\nworker_processes  auto;\n\nerror_log  /var/log/nginx/error.log notice;\npid        /var/run/nginx.pid;\n\n\
                     events {\n    worker_connections  1024;\n}\n\nhttp {\n    include       /etc/nginx/mime.types;\n    \
                     default_type  application/octet-stream;\n    access_log  /var/log/nginx/access.log;\n    sendfile        on;\n    \
                     keepalive_timeout  65;\n    include /etc/nginx/conf.d/*.conf;\n}\n",
                    0o644,
                )
                .file(
                    "/etc/nginx/conf.d/default.conf",
                    "server {\n    listen       80;\n    server_name  localhost;\n\n    location / {\n        root   /usr/share/nginx/html;\n        \
                     index  index.html index.htm;\n    }\n}\n",
                    0o644,
                )
                .file("/etc/nginx/mime.types", "types {\n    text/html html htm shtml;\n    text/css css;\n}\n", 0o644)
                .link("/var/log/nginx/access.log", "/dev/stdout")
                .link("/var/log/nginx/error.log", "/dev/stderr")
                .folder("/var/cache/nginx", 0o755, (0, 0))
                .file("/docker-entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n", 0o755)
                .env("NGINX_VERSION", &release)
                .entrypoint(&["/docker-entrypoint.sh"])
                .cmd(&["nginx", "-g", "daemon off;"])
                .build()
        }
        "redis" => base()
            .user("redis", 999, "/home/redis", "/bin/sh")
            .server("/usr/local/bin/redis-server")
            .programs("/usr/local/bin", &["redis-cli"])
            .folder("/data", 0o755, (999, 999))
            .workdir("/data")
            .file("/usr/local/bin/docker-entrypoint.sh", "#!/bin/sh\nset -e\nexec \"$@\"\n", 0o755)
            .env("REDIS_VERSION", if version.matches('.').count() == 2 { version } else { "7.4.1" })
            .entrypoint(&["docker-entrypoint.sh"])
            .cmd(&["redis-server"])
            .build(),
        "curl" => Builder::alpine("3.20.3")
            .user("curl_user", 100, "/home/curl_user", "/bin/ash")
            .programs("/usr/bin", &["curl"])
            .run_as("curl_user")
            .entrypoint(&["/entrypoint.sh"])
            .cmd(&["curl"])
            .file("/entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n", 0o755)
            .build(),
        "netshoot" | "network-multitool" | "dnsutils" | "jessie-dnsutils" => Builder::alpine("3.20.3")
            .programs("/usr/bin", &["curl", "bash", "dig", "host", "ss", "nmap", "tcpdump", "ncat"])
            .link("/bin/bash", "/usr/bin/bash")
            .cmd(&["bash"])
            .build(),
        // The workshop's own: a Debian with what its lessons need.
        "outils" | "shell-pod" | "podreader" | "kubectl" => Builder::debian("12")
            .programs(
                "/usr/bin",
                &[
                    "curl",
                    "wget",
                    "nc",
                    "redis-cli",
                    "kubectl",
                    "dig",
                    "nslookup",
                    "ping",
                    "ps",
                    "top",
                    "free",
                    "ip",
                    "ss",
                    "netstat",
                    "kill",
                    "pgrep",
                    "pkill",
                    "vi",
                    "less",
                ],
            )
            .cmd(&["sleep", "infinity"])
            .build(),
        "frontend" | "backend" => Builder::debian("12")
            .programs("/usr/bin", &["curl", "redis-cli", "nc", "ps"])
            .server("/usr/local/bin/application")
            .folder("/app", 0o755, (0, 0))
            .workdir("/app")
            .cmd(&["application"])
            .build(),
        "postgres" => base()
            .user("postgres", 999, "/var/lib/postgresql", "/bin/bash")
            .server("/usr/lib/postgresql/16/bin/postgres")
            .programs("/usr/bin", &["psql"])
            .folder("/var/lib/postgresql/data", 0o700, (999, 999))
            .env("PGDATA", "/var/lib/postgresql/data")
            .cmd(&["postgres"])
            .build(),
        "python" => base()
            .programs("/usr/local/bin", &["python3", "pip"])
            .link("/usr/local/bin/python", "python3")
            .cmd(&["python3"])
            .build(),
        "node" => base()
            .user("node", 1000, "/home/node", "/bin/bash")
            .programs("/usr/local/bin", &["node"])
            .cmd(&["node"])
            .build(),
        "httpd" => base().server("/usr/local/apache2/bin/httpd").cmd(&["httpd-foreground"]).build(),
        "bash" => Builder::alpine("3.20.3").programs("/usr/local/bin", &["bash"]).cmd(&["bash"]).build(),
        _ if LIBRARY.contains(&path) => base().build(),
        // From a registry that nobody knows: a small shell and its tools, which sleeps.
        _ => Builder::busybox().build(),
    }
}

/// Images of Docker's library that are built on Debian.
const LIBRARY: [&str; 12] = [
    "mysql",
    "mariadb",
    "mongo",
    "memcached",
    "rabbitmq",
    "golang",
    "rust",
    "ruby",
    "php",
    "perl",
    "wordpress",
    "tomcat",
];

fn debian(version: &str) -> &str {
    match version.split('.').next().unwrap_or(version) {
        "10" | "buster" => "10",
        "11" | "bullseye" => "11",
        "13" | "trixie" => "13",
        _ => "12",
    }
}

/// Returns the processes that a container seems to have: its main one with its children.
pub(super) fn processes(full: &str, argv: Vec<String>, uid: u32) -> Vec<Seeming> {
    let name =
        argv.iter().map(|word| word.rsplit('/').next().unwrap_or(word)).find(|word| *word != "docker-entrypoint.sh");
    match name {
        Some("nginx") => {
            let worker = if uid == 0 { 101 } else { uid };
            let mut all = vec![Seeming { argv: vec!["nginx: master process nginx -g daemon off;".to_owned()], uid }];
            for _ in 0..2 {
                all.push(Seeming { argv: vec!["nginx: worker process".to_owned()], uid: worker });
            }
            all
        }
        Some("redis-server") => {
            // The image's entrypoint gives its rights up.
            let uid = if uid == 0 { 999 } else { uid };
            vec![Seeming { argv: vec!["redis-server *:6379".to_owned()], uid }]
        }
        Some(_) => vec![Seeming { argv, uid }],
        None => vec![Seeming { argv: vec![full.rsplit('/').next().unwrap_or(full).to_owned()], uid }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_their_users_and_programs() {
        let nginx = image("docker.io/library/nginx:1.27");
        assert_eq!(nginx.user("nginx"), Some((101, 101)));
        assert!(nginx.text("/usr/share/nginx/html/index.html").is_some_and(|page| page.contains("Welcome to nginx!")));
        assert!(Arc::ptr_eq(&nginx, &image("docker.io/library/nginx:1.27")));
        let curl = image("docker.io/curlimages/curl:8.9.1");
        assert_eq!((curl.config.user.as_str(), curl.user("curl_user")), ("curl_user", Some((100, 100))));
        assert!(
            image("docker.io/library/alpine:3.20").text("/etc/alpine-release").is_some_and(|text| text == "3.20.0\n")
        );
        assert_eq!(processes("x", vec!["nginx".to_owned()], 0).len(), 3);
    }
}
