//! The figures of one comparison, by name.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One way to be called, whose costs are compared.
pub struct Series {
    /// The name of its figure: microseconds of processor time a message. `NAME_rps` is the throughput.
    pub name: &'static str,
    /// What it is, for people.
    pub label: &'static str,
    /// The policy, by its code (`tests/peers/cxf/README.md`).
    pub code: &'static str,
    /// Who serves it.
    pub by: By,
}

/// Who serves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// The gateway, before a plain service.
    Ingress,
    /// The gateway, before a protected service; or it, and that service's gateway with it.
    Egress,
    /// CXF.
    Cxf,
}

const fn series(name: &'static str, label: &'static str, code: &'static str, by: By) -> Series {
    Series { name, label, code, by }
}

/// Everything that is compared.
pub const SERIES: [Series; 11] = [
    series("plain", "plain SOAP, passed through", "plain", By::Ingress),
    series("conversation", "conversation, mutual certificates", "X+d", By::Ingress),
    series("per_message", "each message, mutual certificates, WSS 1.0", "X10+one", By::Ingress),
    series("per_message_x", "each message, mutual certificates, WSS 1.1", "X+one", By::Ingress),
    series("tls_username", "conversation, user name over TLS", "UT", By::Ingress),
    series("tls_username_one", "each message, user name over TLS", "UT+one", By::Ingress),
    series("egress", "egress, conversation, mutual certificates", "X+d", By::Egress),
    series("back_to_back", "egress and ingress, back to back", "X+d", By::Egress),
    series("cxf_plain", "plain SOAP", "plain", By::Cxf),
    series("cxf_conversation", "conversation, mutual certificates", "X+d", By::Cxf),
    series("cxf_per_message", "each message, mutual certificates, WSS 1.0", "X10+one", By::Cxf),
];

/// An aim: what is measured as a ratio or an amount, and the bound that it should keep.
pub struct Aim {
    /// What, for people.
    pub label: &'static str,
    /// The figure.
    pub figure: &'static str,
    /// The bound.
    pub bound: f64,
    /// Whether the figure should be at least the bound; else at most.
    pub at_least: bool,
    /// What the figure counts.
    pub unit: &'static str,
}

const fn aim(label: &'static str, figure: &'static str, bound: f64, at_least: bool, unit: &'static str) -> Aim {
    Aim { label, figure, bound, at_least, unit }
}

/// The aims.
pub const AIMS: [Aim; 11] = [
    aim("each message's cost over a conversation's", "per_message_to_conversation", 10.0, true, "×"),
    aim("plain's cost over a conversation's", "plain_to_conversation", 0.6, true, "×"),
    aim("CXF's conversation over ours", "cxf_conversation_to_conversation", 50.0, true, "×"),
    aim("egress's conversation over ingress's", "egress_to_conversation", 1.0, false, "×"),
    aim("start to the first secured answer", "start_ms", 50.0, false, "ms"),
    aim("first call over the hundredth", "first_to_hundredth", 1.5, false, "×"),
    aim("egress's first call over its hundredth", "egress_first_to_hundredth", 1.5, false, "×"),
    aim("memory when idle", "idle_mib", 20.0, false, "MiB"),
    aim("memory of a live conversation", "octets_per_conversation", 512.0, false, "octets"),
    aim("messages sent under overload, over the peak before it", "overload_sent_to_peak", 9.9, true, "×"),
    aim("goodput under overload, over the peak", "overload_goodput_to_peak", 0.8, true, "×"),
];

/// Ratios of two figures: the name, what is divided, and by what.
const RATIOS: [(&str, &str, &str); 8] = [
    ("per_message_to_conversation", "per_message", "conversation"),
    ("plain_to_conversation", "plain", "conversation"),
    ("cxf_conversation_to_conversation", "cxf_conversation", "conversation"),
    ("egress_to_conversation", "egress", "conversation"),
    ("first_to_hundredth", "first_call_ms", "hundredth_call_ms"),
    ("egress_first_to_hundredth", "egress_first_call_ms", "egress_hundredth_call_ms"),
    ("overload_sent_to_peak", "overload_sent_rps", "overload_peak_before_rps"),
    ("overload_goodput_to_peak", "overload_goodput_rps", "overload_peak_rps"),
];

/// Figures by name: numbers, and texts that say of what they are.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Figures(Map<String, Value>);

impl Figures {
    /// Notes a figure. A number is kept to four digits: more were not measured.
    pub fn note(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let value = match value.as_f64().filter(|_| value.is_f64()) {
            Some(number) => rounded(number).into(),
            None => value,
        };
        self.0.insert(name.to_owned(), value);
    }

    /// A figure that is a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// A figure that is a text.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it says of something that it is so.
    pub fn is(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// Works the ratios out.
    pub fn relate(&mut self) {
        for (name, divided, by) in RATIOS {
            if let (Some(divided), Some(by)) = (self.number(divided), self.number(by).filter(|by| *by > 0.0)) {
                self.note(name, divided / by);
            }
        }
    }
}

impl Aim {
    /// Whether these figures keep it; `None` where it was not measured.
    pub fn is_met(&self, figures: &Figures) -> Option<bool> {
        let figure = figures.number(self.figure)?;
        Some(if self.at_least { figure >= self.bound } else { figure <= self.bound })
    }
}

fn rounded(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

/// A number for people.
pub fn shown(number: f64) -> String {
    match number {
        _ if number >= 100.0 => format!("{number:.0}"),
        _ if number >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_names_that_scripts_ask_for() {
        let names = SERIES.map(|series| series.name);
        for name in ["plain", "conversation", "per_message", "per_message_x", "tls_username", "egress", "back_to_back"]
        {
            assert!(names.contains(&name), "{name}");
        }
        for name in ["plain", "conversation", "per_message"] {
            assert!(names.contains(&&*format!("cxf_{name}")), "{name}");
        }
        let figures: Figures = serde_json::from_str("{\"plain\": 1.5, \"quick\": true, \"day\": \"a\"}").unwrap();
        assert_eq!((figures.number("plain"), figures.is("quick"), figures.text("day")), (Some(1.5), true, "a"));
    }

    #[test]
    fn ratios_and_aims_are_of_what_was_measured() {
        let mut figures = Figures::default();
        for (name, value) in [
            ("plain", 90.0),
            ("conversation", 123.456),
            ("per_message", 1234.56),
            ("cxf_conversation", 6172.8),
            ("egress", 120.0),
        ] {
            figures.note(name, value);
        }
        figures.relate();
        assert_eq!(figures.number("conversation"), Some(123.5));
        assert_eq!(figures.number("per_message_to_conversation"), Some(10.0));
        let met: Vec<_> = AIMS.iter().map(|aim| aim.is_met(&figures)).collect();
        assert_eq!(met[..4], [Some(true), Some(true), Some(false), Some(true)]);
        assert!(met[4..].iter().all(Option::is_none), "{met:?}");
    }
}
