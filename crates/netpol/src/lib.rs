//! NetworkPolicy semantics: the verdict for a flow between two ends, and why.
//!
//! Pure: no I/O, no clock, no cluster. What a policy means is defined by the documentation of
//! `networking.k8s.io/v1`; where network plug-ins differ, the verdict says so instead of choosing.
