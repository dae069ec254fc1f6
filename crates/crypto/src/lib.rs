//! The algorithms that the specifications name, by URI, over bytes; secrets that are zeroed and compared in constant time.
