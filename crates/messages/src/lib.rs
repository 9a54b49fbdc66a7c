//! Errors and outcomes, said in French.
