//! The second tier: a real cluster, named by `KUBECONFIG`, that may be thrown away.

/// The kubeconfig of the cluster under test. Its absence is a failure: this tier was asked for.
fn kubeconfig() -> std::path::PathBuf {
    let path = std::env::var_os("KUBECONFIG").expect("KUBECONFIG names the cluster under test");
    std::path::PathBuf::from(path)
}

#[test]
fn the_cluster_is_named() {
    assert!(kubeconfig().is_file());
}
