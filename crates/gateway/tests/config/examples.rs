//! The examples are read, and say what they mean to.

use nuncio::config::{Configuration, ConnectionLimits, Lifetimes, MessageLimits, RoutePath, StoreLimits, Timeouts};

use crate::repository;

#[test]
fn every_example_is_read() {
    let mut examples = 0;
    for entry in std::fs::read_dir(repository().join("config")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "yaml") {
            examples += 1;
            if let Err(error) = Configuration::load(&file) {
                panic!("{error}");
            }
        }
    }
    assert!(examples >= 3, "the examples are gone");
}

#[test]
fn the_example_of_every_option_says_the_defaults() {
    let all = Configuration::load(&repository().join("config/every-option.yaml")).unwrap();
    assert_eq!(all.connections, ConnectionLimits::default());
    assert_eq!(all.stores, StoreLimits::default());
    assert_eq!(all.lifetimes, Lifetimes::default());
    assert_eq!(all.timeouts, Timeouts::default());
    assert_eq!(all.admin.unwrap().listener.address.value, "127.0.0.1:9901");
    let route = &all.routes[0];
    assert_eq!(route.path, RoutePath::Exact("/echo".into()));
    // The longest text goes with the body.
    let body = 4 << 20;
    assert_eq!(route.limits, MessageLimits { body_bytes: body, text_bytes: body, ..MessageLimits::default() });
}

/// The schema that editors use is the one that the program has.
#[test]
fn the_schema_is_the_programs() {
    let kept = std::fs::read_to_string(repository().join("config/schema.json")).unwrap();
    let own = format!("{:#}\n", nuncio::config::schema().as_value());
    assert!(kept == own, "write it anew: cargo run -p nuncio -- schema > config/schema.json");
}
