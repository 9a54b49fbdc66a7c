//! Tests of `command_output`.
