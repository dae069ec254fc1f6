//! What reading, canonicalising and copying a message cost, in octets per second.
fn main() {}
