//! End-to-end tests, recorded conversations, foreign peers, load.
