//! Load generator and echo floor for loopback measurements.

fn main() {}
