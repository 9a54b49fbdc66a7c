//! What belongs to the cluster as a whole, and what extends its API. See [`super`].

use super::{Generation, Lives, Resource, cluster_wide, kind, other, status};
use crate::Version;

/// `apiservices.apiregistration.k8s.io`: the groups and versions themselves.
pub(crate) static API_SERVICES: Resource = Resource {
    categories: &["api-extensions"],
    subresources: &[status("APIService")],
    ..cluster_wide(kind("apiregistration.k8s.io", "APIService", "apiservices", "apiservice", &[]))
};
/// `csidrivers.storage.k8s.io`.
pub(crate) static CSI_DRIVERS: Resource =
    cluster_wide(kind("storage.k8s.io", "CSIDriver", "csidrivers", "csidriver", &[]));
/// `csinodes.storage.k8s.io`.
pub(crate) static CSI_NODES: Resource = cluster_wide(kind("storage.k8s.io", "CSINode", "csinodes", "csinode", &[]));
/// `storageclasses.storage.k8s.io`.
pub(crate) static STORAGE_CLASSES: Resource =
    cluster_wide(kind("storage.k8s.io", "StorageClass", "storageclasses", "storageclass", &["sc"]));
/// Another version of [`STORAGE_CLASSES`].
pub(crate) static STORAGE_CLASSES_V1BETA1: Resource = other(&STORAGE_CLASSES, "v1beta1", Lives::Until(Version::V1_20));
/// `volumeattachments.storage.k8s.io`.
pub(crate) static VOLUME_ATTACHMENTS: Resource = Resource {
    subresources: &[status("VolumeAttachment")],
    ..cluster_wide(kind("storage.k8s.io", "VolumeAttachment", "volumeattachments", "volumeattachment", &[]))
};
/// `mutatingwebhookconfigurations.admissionregistration.k8s.io`.
pub(crate) static MUTATING_WEBHOOK_CONFIGURATIONS: Resource = Resource {
    categories: &["api-extensions"],
    generation: Generation::Counted,
    ..cluster_wide(kind(
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        "mutatingwebhookconfiguration",
        &[],
    ))
};
/// `validatingwebhookconfigurations.admissionregistration.k8s.io`.
pub(crate) static VALIDATING_WEBHOOK_CONFIGURATIONS: Resource = Resource {
    categories: &["api-extensions"],
    generation: Generation::Counted,
    ..cluster_wide(kind(
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        "validatingwebhookconfiguration",
        &[],
    ))
};
/// `customresourcedefinitions.apiextensions.k8s.io`.
pub(crate) static CUSTOM_RESOURCE_DEFINITIONS: Resource = Resource {
    categories: &["api-extensions"],
    subresources: &[status("CustomResourceDefinition")],
    generation: Generation::Counted,
    ..cluster_wide(kind(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "customresourcedefinition",
        &["crd", "crds"],
    ))
};
/// `priorityclasses.scheduling.k8s.io`.
pub(crate) static PRIORITY_CLASSES: Resource = Resource {
    generation: Generation::Counted,
    ..cluster_wide(kind("scheduling.k8s.io", "PriorityClass", "priorityclasses", "priorityclass", &["pc"]))
};
/// Another version of [`PRIORITY_CLASSES`].
pub(crate) static PRIORITY_CLASSES_V1BETA1: Resource =
    other(&PRIORITY_CLASSES, "v1beta1", Lives::Until(Version::V1_20));
/// `leases.coordination.k8s.io`.
pub(crate) static LEASES: Resource = kind("coordination.k8s.io", "Lease", "leases", "lease", &[]);
/// Another version of [`LEASES`].
pub(crate) static LEASES_V1BETA1: Resource = other(&LEASES, "v1beta1", Lives::Until(Version::V1_20));
/// `runtimeclasses.node.k8s.io`.
pub(crate) static RUNTIME_CLASSES: Resource =
    cluster_wide(kind("node.k8s.io", "RuntimeClass", "runtimeclasses", "runtimeclass", &[]));
/// Another version of [`RUNTIME_CLASSES`].
pub(crate) static RUNTIME_CLASSES_V1BETA1: Resource = other(&RUNTIME_CLASSES, "v1beta1", Lives::Until(Version::V1_20));
/// `nodes.metrics.k8s.io`: answered, never stored.
pub(crate) static NODE_METRICS: Resource = Resource {
    version: "v1beta1",
    verbs: &["get", "list"],
    ..cluster_wide(kind("metrics.k8s.io", "NodeMetrics", "nodes", "", &[]))
};
/// `pods.metrics.k8s.io`: answered, never stored.
pub(crate) static POD_METRICS: Resource =
    Resource { version: "v1beta1", verbs: &["get", "list"], ..kind("metrics.k8s.io", "PodMetrics", "pods", "", &[]) };
