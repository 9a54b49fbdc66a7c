//! Tests of `quota_exhaustion`.
