//! Sessions on a real sandbox, in process.
