//! Tests of `observed`.
