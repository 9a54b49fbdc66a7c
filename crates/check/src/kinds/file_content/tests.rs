//! Tests of `file_content`.
