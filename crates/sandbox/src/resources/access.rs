//! Who may do what. See [`super`].

use super::{Lives, Resource, STATUS, cluster_wide, kind, other, part, question, status};
use crate::Version;

/// `selfsubjectreviews.authentication.k8s.io`: answered, never stored.
pub(crate) static SELF_SUBJECT_REVIEWS: Resource = Resource {
    lives: Lives::Since(Version::V1_34),
    ..question(cluster_wide(kind(
        "authentication.k8s.io",
        "SelfSubjectReview",
        "selfsubjectreviews",
        "selfsubjectreview",
        &[],
    )))
};
/// `tokenreviews.authentication.k8s.io`: answered, never stored.
pub(crate) static TOKEN_REVIEWS: Resource =
    question(cluster_wide(kind("authentication.k8s.io", "TokenReview", "tokenreviews", "tokenreview", &[])));
/// `localsubjectaccessreviews.authorization.k8s.io`: answered, never stored.
pub(crate) static LOCAL_SUBJECT_ACCESS_REVIEWS: Resource = question(kind(
    "authorization.k8s.io",
    "LocalSubjectAccessReview",
    "localsubjectaccessreviews",
    "localsubjectaccessreview",
    &[],
));
/// `selfsubjectaccessreviews.authorization.k8s.io`: answered, never stored.
pub(crate) static SELF_SUBJECT_ACCESS_REVIEWS: Resource = question(cluster_wide(kind(
    "authorization.k8s.io",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    "selfsubjectaccessreview",
    &[],
)));
/// `selfsubjectrulesreviews.authorization.k8s.io`: answered, never stored.
pub(crate) static SELF_SUBJECT_RULES_REVIEWS: Resource = question(cluster_wide(kind(
    "authorization.k8s.io",
    "SelfSubjectRulesReview",
    "selfsubjectrulesreviews",
    "selfsubjectrulesreview",
    &[],
)));
/// `subjectaccessreviews.authorization.k8s.io`: answered, never stored.
pub(crate) static SUBJECT_ACCESS_REVIEWS: Resource = question(cluster_wide(kind(
    "authorization.k8s.io",
    "SubjectAccessReview",
    "subjectaccessreviews",
    "subjectaccessreview",
    &[],
)));
/// `certificatesigningrequests.certificates.k8s.io`.
pub(crate) static CERTIFICATE_SIGNING_REQUESTS: Resource = Resource {
    subresources: &[part("approval", "CertificateSigningRequest", STATUS), status("CertificateSigningRequest")],
    ..cluster_wide(kind(
        "certificates.k8s.io",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        "certificatesigningrequest",
        &["csr"],
    ))
};
/// `podsecuritypolicies.policy`.
pub(crate) static POD_SECURITY_POLICIES: Resource = Resource {
    version: "v1beta1",
    lives: Lives::Until(Version::V1_24),
    ..cluster_wide(kind("policy", "PodSecurityPolicy", "podsecuritypolicies", "podsecuritypolicy", &["psp"]))
};
/// `clusterrolebindings.rbac.authorization.k8s.io`.
pub(crate) static CLUSTER_ROLE_BINDINGS: Resource = cluster_wide(kind(
    "rbac.authorization.k8s.io",
    "ClusterRoleBinding",
    "clusterrolebindings",
    "clusterrolebinding",
    &[],
));
/// `clusterroles.rbac.authorization.k8s.io`.
pub(crate) static CLUSTER_ROLES: Resource =
    cluster_wide(kind("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", "clusterrole", &[]));
/// `rolebindings.rbac.authorization.k8s.io`.
pub(crate) static ROLE_BINDINGS: Resource =
    kind("rbac.authorization.k8s.io", "RoleBinding", "rolebindings", "rolebinding", &[]);
/// `roles.rbac.authorization.k8s.io`.
pub(crate) static ROLES: Resource = kind("rbac.authorization.k8s.io", "Role", "roles", "role", &[]);
/// Another version of [`CLUSTER_ROLE_BINDINGS`].
pub(crate) static CLUSTER_ROLE_BINDINGS_V1BETA1: Resource =
    other(&CLUSTER_ROLE_BINDINGS, "v1beta1", Lives::Until(Version::V1_20));
/// Another version of [`CLUSTER_ROLES`].
pub(crate) static CLUSTER_ROLES_V1BETA1: Resource = other(&CLUSTER_ROLES, "v1beta1", Lives::Until(Version::V1_20));
/// Another version of [`ROLE_BINDINGS`].
pub(crate) static ROLE_BINDINGS_V1BETA1: Resource = other(&ROLE_BINDINGS, "v1beta1", Lives::Until(Version::V1_20));
/// Another version of [`ROLES`].
pub(crate) static ROLES_V1BETA1: Resource = other(&ROLES, "v1beta1", Lives::Until(Version::V1_20));
