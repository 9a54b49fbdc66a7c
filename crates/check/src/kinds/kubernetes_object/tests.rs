//! Tests of `kubernetes_object`.
