//! Tests of `http_answer`.
