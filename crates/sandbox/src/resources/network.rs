//! How Pods are reached. See [`super`].

use super::{Generation, Lives, Resource, cluster_wide, kind, other, status};
use crate::Version;

/// `ingressclasses.networking.k8s.io`.
pub(crate) static INGRESS_CLASSES: Resource = Resource {
    generation: Generation::Counted,
    ..cluster_wide(kind("networking.k8s.io", "IngressClass", "ingressclasses", "ingressclass", &[]))
};
/// `ingresses.networking.k8s.io`.
pub(crate) static INGRESSES: Resource = Resource {
    subresources: &[status("Ingress")],
    generation: Generation::Counted,
    ..kind("networking.k8s.io", "Ingress", "ingresses", "ingress", &["ing"])
};
/// Another version of [`INGRESSES`].
pub(crate) static INGRESSES_V1BETA1: Resource = other(&INGRESSES, "v1beta1", Lives::Until(Version::V1_20));
/// Another version of [`INGRESSES`].
pub(crate) static INGRESSES_EXTENSIONS: Resource =
    Resource { group: "extensions", ..other(&INGRESSES, "v1beta1", Lives::Until(Version::V1_20)) };
/// `networkpolicies.networking.k8s.io`.
pub(crate) static NETWORK_POLICIES: Resource = Resource {
    generation: Generation::Counted,
    ..kind("networking.k8s.io", "NetworkPolicy", "networkpolicies", "networkpolicy", &["netpol"])
};
/// `endpointslices.discovery.k8s.io`.
pub(crate) static ENDPOINT_SLICES: Resource = Resource {
    generation: Generation::Counted,
    lives: Lives::Since(Version::V1_24),
    ..kind("discovery.k8s.io", "EndpointSlice", "endpointslices", "endpointslice", &[])
};
/// Another version of [`ENDPOINT_SLICES`].
pub(crate) static ENDPOINT_SLICES_V1BETA1: Resource = other(&ENDPOINT_SLICES, "v1beta1", Lives::Until(Version::V1_24));
