//! The ratatui front end: state to cells, keys to effects.
