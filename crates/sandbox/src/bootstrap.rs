//! What a fresh cluster holds before anybody used it: nodes, Namespaces, the Service of the API, and the Pods
//! of the control plane.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use crate::Version;
use crate::api::{Api, Caller, WriteOptions};
use crate::clock::{micros, rfc3339};
use crate::controllers::volumes::PROVISIONER;
use crate::fields::name;
use crate::kubelet::CONDITIONS;
use crate::rbac;
use crate::resources::{
    DAEMON_SETS, DEPLOYMENTS, ENDPOINTS, LEASES, NAMESPACES, NODES, PODS, PRIORITY_CLASSES, Resource, SERVICES,
    STORAGE_CLASSES,
};

/// The nodes, the control plane first.
pub const NODE_NAMES: [&str; 3] = ["node1", "node2", "node3"];

/// Fills an empty API. `address` is where it listens: node1 has that address, the others the next ones.
pub(crate) fn fill(api: &Api, address: IpAddr) {
    let version = api.version();
    for space in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        put(api, &NAMESPACES, "", json!({"metadata": {"name": space}}));
    }
    rbac::defaults::reconcile(api);
    for (class, value, description) in [
        (
            "system-node-critical",
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
        (
            "system-cluster-critical",
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
    ] {
        put(
            api,
            &PRIORITY_CLASSES,
            "",
            json!({"metadata": {"name": class}, "value": value, "description": description}),
        );
    }
    for (index, node) in NODE_NAMES.into_iter().enumerate() {
        put(api, &NODES, "", self::node(api, node, &next_address(address, index)));
        let now = micros(api.clock().now());
        let spec = json!({"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": now});
        put(api, &LEASES, "kube-node-lease", json!({"metadata": {"name": node}, "spec": spec}));
    }
    let labels = json!({"component": "apiserver", "provider": "kubernetes"});
    let ports = json!([{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]);
    let metadata = json!({"name": "kubernetes", "labels": labels});
    put(api, &SERVICES, "default", json!({"metadata": metadata, "spec": {"clusterIP": "10.96.0.1", "ports": ports}}));
    let subset = json!({"addresses": [{"ip": address.to_string()}], "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}]});
    put(api, &ENDPOINTS, "default", json!({"metadata": {"name": "kubernetes"}, "subsets": [subset]}));
    for (component, image) in [
        ("etcd", "registry.k8s.io/etcd:3.6.4-0".to_owned()),
        ("kube-apiserver", format!("registry.k8s.io/kube-apiserver:{}", release(version))),
        ("kube-controller-manager", format!("registry.k8s.io/kube-controller-manager:{}", release(version))),
        ("kube-scheduler", format!("registry.k8s.io/kube-scheduler:{}", release(version))),
    ] {
        put(api, &PODS, "kube-system", control_plane_pod(api, component, &image));
    }
    put(api, &DAEMON_SETS, "kube-system", proxy(release(version)));
    let default = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    put(
        api,
        &STORAGE_CLASSES,
        "",
        json!({"metadata": {"name": "standard", "annotations": default}, "provisioner": PROVISIONER,
            "volumeBindingMode": "WaitForFirstConsumer"}),
    );
    put(api, &DEPLOYMENTS, "kube-system", dns());
    let dns_ports = json!([
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]);
    let dns_service = json!({
        "metadata": {"name": "kube-dns", "labels": {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}},
        "spec": {"clusterIP": "10.96.0.10", "selector": {"k8s-app": "kube-dns"}, "ports": dns_ports},
    });
    put(api, &SERVICES, "kube-system", dns_service);
}

/// Returns the full version that the components show.
pub(crate) fn release(version: Version) -> &'static str {
    match version {
        Version::V1_20 => "v1.20.15",
        Version::V1_24 => "v1.24.17",
        Version::V1_34 => "v1.34.1",
    }
}

fn put(api: &Api, resource: &'static Resource, space: &str, object: Value) {
    let what = name(&object).to_owned();
    if let Err(status) = api.create(&Caller::apiserver(), resource, space, object, &WriteOptions::default()) {
        tracing::error!(resource = resource.plural, name = what, %status, "a fresh cluster lacks an object");
    }
}

/// Returns the `index`th address from one on, within its /24.
fn next_address(first: IpAddr, index: usize) -> String {
    match first {
        IpAddr::V4(first) => {
            let [a, b, c, d] = first.octets();
            let last = u8::try_from(index).ok().and_then(|index| d.checked_add(index)).unwrap_or(254);
            Ipv4Addr::new(a, b, c, last).to_string()
        }
        IpAddr::V6(first) => first.to_string(),
    }
}

fn node(api: &Api, node: &str, address: &str) -> Value {
    let version = api.version();
    let now = rfc3339(api.clock().now());
    let conditions: Vec<Value> = CONDITIONS
        .iter()
        .map(|(kind, status, reason, message)| {
            json!({"type": kind, "status": status, "reason": reason, "message": message,
                "lastHeartbeatTime": now, "lastTransitionTime": now})
        })
        .collect();
    let mut labels = json!({
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": node, "kubernetes.io/os": "linux",
    });
    let index = NODE_NAMES.iter().position(|name| *name == node).unwrap_or_default();
    let subnet = format!("10.244.{index}.0/24");
    let mut spec = json!({"podCIDR": subnet, "podCIDRs": [subnet]});
    if node == NODE_NAMES[0] {
        let roles: &[&str] = match version {
            Version::V1_20 => &["control-plane", "master"],
            Version::V1_24 | Version::V1_34 => &["control-plane"],
        };
        for role in roles {
            labels[format!("node-role.kubernetes.io/{role}")] = json!("");
        }
        let taint = if version == Version::V1_20 { "master" } else { "control-plane" };
        spec["taints"] = json!([{"key": format!("node-role.kubernetes.io/{taint}"), "effect": "NoSchedule"}]);
    }
    let runtime = match version {
        Version::V1_20 => "docker://20.10.24",
        Version::V1_24 => "containerd://1.6.36",
        Version::V1_34 => "containerd://2.1.4",
    };
    let machine = crate::api::random_suffix(16);
    let mut info = json!({
        "architecture": "amd64", "bootID": uuid::Uuid::new_v4().to_string(), "containerRuntimeVersion": runtime,
        "kernelVersion": "6.1.0-sandbox", "kubeletVersion": release(version), "machineID": machine,
        "operatingSystem": "linux", "osImage": "Atelier sandbox (simulated)", "systemUUID": machine,
    });
    info["kubeProxyVersion"] = json!(if version == Version::V1_34 { "" } else { release(version) });
    json!({
        "metadata": {
            "name": node, "labels": labels,
            "annotations": {"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": spec,
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": node}],
            "capacity": {"cpu": "2", "memory": "4Gi", "pods": "110", "ephemeral-storage": "20Gi",
                "hugepages-1Gi": "0", "hugepages-2Mi": "0"},
            "allocatable": {"cpu": "1900m", "memory": "3584Mi", "pods": "110", "ephemeral-storage": "18Gi",
                "hugepages-1Gi": "0", "hugepages-2Mi": "0"},
            "conditions": conditions, "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}, "nodeInfo": info,
            "images": [
                {"names": ["docker.io/library/nginx:1.27"], "sizeBytes": 72_950_530},
                {"names": ["docker.io/library/redis:7"], "sizeBytes": 45_006_722},
                {"names": ["docker.io/library/busybox:1.36"], "sizeBytes": 2_157_530},
            ],
        },
    })
}

/// Returns a Pod that the kubelet of the first node runs out of a file, as its mirror shows it.
fn control_plane_pod(api: &Api, component: &str, image: &str) -> Value {
    let node = NODE_NAMES[0];
    let uid = api.get(&NODES, "", node).map(|node| crate::fields::uid(&node).to_owned()).unwrap_or_default();
    let hash = crate::api::random_suffix(32);
    json!({
        "metadata": {
            "name": format!("{component}-{node}"),
            "labels": {"component": component, "tier": "control-plane"},
            "annotations": {
                "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash,
                "kubernetes.io/config.seen": rfc3339(api.clock().now()), "kubernetes.io/config.source": "file",
            },
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid, "controller": true}],
        },
        "spec": {
            "nodeName": node, "hostNetwork": true, "priorityClassName": "system-node-critical",
            "automountServiceAccountToken": false,
            "tolerations": [{"operator": "Exists", "effect": "NoExecute"}],
            "containers": [{"name": component, "image": image, "command": [component],
                "resources": {"requests": {"cpu": "100m"}}}],
        },
    })
}

fn proxy(release: &str) -> Value {
    let labels = json!({"k8s-app": "kube-proxy"});
    json!({
        "metadata": {"name": "kube-proxy", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "template": {"metadata": {"labels": labels}, "spec": {
                "hostNetwork": true, "priorityClassName": "system-node-critical",
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "kube-proxy", "image": format!("registry.k8s.io/kube-proxy:{release}"),
                    "command": ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf",
                        "--hostname-override=$(NODE_NAME)"],
                    "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}],
            }},
        },
    })
}

fn dns() -> Value {
    let labels = json!({"k8s-app": "kube-dns"});
    let control_plane = |key: &str| json!({"key": format!("node-role.kubernetes.io/{key}"), "effect": "NoSchedule"});
    json!({
        "metadata": {"name": "coredns", "labels": labels},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": labels}, "spec": {
                "priorityClassName": "system-cluster-critical", "dnsPolicy": "Default",
                // A lost node must not take the cluster's names with it.
                "nodeSelector": {"kubernetes.io/hostname": NODE_NAMES[0]},
                "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}, control_plane("control-plane"), control_plane("master")],
                "containers": [{
                    "name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.12.1",
                    "args": ["-conf", "/etc/coredns/Corefile"],
                    "ports": [{"name": "dns", "containerPort": 53, "protocol": "UDP"},
                        {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
                        {"name": "metrics", "containerPort": 9153, "protocol": "TCP"}],
                    "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
                }],
            }},
        },
    })
}
