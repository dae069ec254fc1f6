//! What is told of a message, for people at a terminal.

use nuncio_policy::explain::Grade;

use super::report::{CaptureReport, MessageReport, PolicyVerdict, RefusalReport, Report, RequestReport};
use crate::command::page::Page;

impl Page {
    /// All of it, as one text.
    pub(super) fn message(mut self, report: &Report) -> String {
        self.title("Message");
        for sentence in &report.says {
            self.line(2, sentence);
        }
        self.capture(&report.capture);
        if let Some(message) = &report.message {
            self.headers(message);
            self.times(message);
            self.tokens(message);
            self.protection(message);
            self.suites(message);
        }
        if let Some(request) = &report.request {
            self.request(request);
        }
        let answer = report.message.as_ref().is_some_and(|message| message.direction == "answer");
        if let Some(policy) = &report.policy {
            self.verdict(policy, answer);
        }
        if let Some(refusal) = &report.refusal {
            let told = report.says.iter().any(|sentence| sentence.contains(&refusal.reason));
            self.refusal((report.outcome, answer), refusal, told);
        }
        self.findings(&report.findings, Grade::Note);
        self.text
    }

    fn capture(&mut self, capture: &CaptureReport) {
        let mut says = Vec::new();
        says.extend(capture.start_line.as_ref().map(|line| format!("{line}.")));
        says.extend(capture.content_type.as_ref().map(|kind| format!("Content-Type: {kind}.")));
        says.extend(capture.soap_action.as_ref().map(|action| format!("SOAPAction: {action}.")));
        if !says.is_empty() {
            self.heading(2, "HTTP");
            for sentence in &says {
                self.line(4, sentence);
            }
        }
    }

    fn headers(&mut self, message: &MessageReport) {
        let addressing = &message.addressing;
        if let Some(version) = addressing.version {
            self.heading(2, &format!("WS-Addressing {version}"));
        }
        for (name, value) in [
            ("Action", &addressing.action),
            ("To", &addressing.to),
            ("MessageID", &addressing.message_id),
            ("RelatesTo", &addressing.relates_to),
            ("ReplyTo", &addressing.reply_to),
            ("FaultTo", &addressing.fault_to),
        ] {
            if let Some(value) = value {
                self.line(4, &format!("{name}: {value}"));
            }
        }
        if let Some(fault) = &message.fault {
            self.heading(2, "Fault");
            let code = fault.subcode.as_ref().or(fault.code.as_ref());
            self.line(4, &format!("{}: {}", code.map_or("no code", |code| code), fault.reason));
            if let Some(means) = fault.means {
                self.line(4, means);
            }
            if let Some(detail) = &fault.detail {
                self.line(4, &format!("Its detail is {detail}."));
            }
        }
        if let Some(trust) = &message.trust {
            self.heading(2, "WS-Trust");
            self.line(4, &format!("Of the generation {}.", trust.generation));
            for (what, value) in [
                ("It is about the security context", &trust.context),
                ("The key's name, since it was renewed, is", &trust.instance),
                ("The token is of the type", &trust.token_type),
                ("Bits of the key:", &trust.key_bits),
                ("It lasts from", &trust.created),
                ("It lasts until", &trust.expires),
            ] {
                if let Some(value) = value {
                    self.line(4, &format!("{what} {value}."));
                }
            }
        }
    }

    fn times(&mut self, message: &MessageReport) {
        let Some(created) = &message.created else { return };
        self.heading(2, "Times");
        let until =
            message.expires.as_ref().map(|expires| format!(", and is good until {expires}")).unwrap_or_default();
        self.line(4, &format!("It says that it was made {created}{until}."));
        if let Some(age) = message.age_seconds {
            self.line(
                4,
                &match age {
                    0.. => format!("That is {} ago.", span(age)),
                    _ => format!("That is in {}: the clocks differ.", span(age.saturating_neg())),
                },
            );
        }
    }

    pub(super) fn tokens(&mut self, message: &MessageReport) {
        if !message.tokens.is_empty() {
            self.heading(2, "Tokens");
        }
        for token in &message.tokens {
            let id = token.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
            let kind = match token.kind {
                "username" => "User name",
                "context" => "Security context",
                "certificate" => "Certificate",
                "encrypted-key" => "Encrypted key",
                "derived-key" => "Derived key",
                _ => "Another",
            };
            self.line(4, &format!("{kind}{id}: {}", token.says.join(" ")));
            if let Some(problem) = &token.problem {
                self.line(6, &format!("It is not as it should be: {problem}."));
            }
        }
    }

    pub(super) fn protection(&mut self, message: &MessageReport) {
        if !message.signatures.is_empty() {
            self.heading(2, "Signed");
        }
        for signature in &message.signatures {
            let role = if signature.endorses.is_empty() { "" } else { ", which endorses another" };
            let sound = match signature.value {
                "good" => " Its value is right.",
                "bad" => " Its value is wrong.",
                _ => "",
            };
            let hidden = if signature.encrypted { " It came encrypted." } else { "" };
            self.line(
                4,
                &format!(
                    "Signature {}{role}: by {}, with {}.{sound}{hidden}",
                    signature.number, signature.key, signature.algorithm
                ),
            );
            let parts = signature.covers.iter().map(|cover| match cover.digest {
                "bad" => format!("{} (CHANGED)", cover.part),
                "untried" => format!("{} (not to be seen)", cover.part),
                _ => cover.part.clone(),
            });
            let digests = signature.digests.join(" and ");
            let parts: Vec<String> = parts.collect();
            self.line(
                6,
                &format!(
                    "It covers {}; digests by {digests}, {} canonical form.",
                    list(&parts),
                    signature.canonicalisation
                ),
            );
            if let Some(problem) = &signature.problem {
                self.line(6, &format!("It is not sound: {problem}."));
            }
        }
        if !message.encrypted.is_empty() {
            self.heading(2, "Encrypted");
        }
        for encrypted in &message.encrypted {
            let out = if encrypted.reveals.is_empty() {
                String::new()
            } else {
                let names = encrypted.reveals.iter().map(|name| name.rsplit('}').next().unwrap_or_default().to_owned());
                format!(" It opens: {}.", list(&names.collect::<Vec<_>>()))
            };
            self.line(
                4,
                &format!("{}: with {}, by {}.{out}", sentence(&encrypted.part), encrypted.algorithm, encrypted.key),
            );
        }
    }

    fn suites(&mut self, message: &MessageReport) {
        if !message.suites.is_empty() {
            self.heading(2, "Suite");
            self.line(4, &format!("Its algorithms are those of {}.", message.suites.join(", ")));
        }
    }

    fn request(&mut self, request: &RequestReport) {
        self.heading(2, "The request that is given");
        for (what, value) in
            [("Action", &request.action), ("MessageID", &request.message_id), ("It was made", &request.created)]
        {
            if let Some(value) = value {
                self.line(4, &format!("{what}: {value}"));
            }
        }
    }

    fn verdict(&mut self, policy: &PolicyVerdict, answer: bool) {
        self.title(&format!("Policy {}", policy.name));
        if let Some(principal) = &policy.principal {
            self.line(2, &format!("It comes from {principal}."));
        }
        for alternative in &policy.alternatives {
            let number = alternative.number;
            let outcome = match alternative.outcome {
                "taken" if answer => "believes it",
                "refused" if answer => "does not believe it",
                "taken" => "takes it",
                "refused" => "refuses it",
                "not-served" => "is not served",
                _ => "is not decided",
            };
            let reason = alternative.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            self.line(2, &format!("Alternative {number} {outcome}{reason}."));
        }
        for sentence in &policy.assumed {
            self.line(2, sentence);
        }
    }

    /// Why, and what to change; the reason itself where it is not `told` above.
    fn refusal(&mut self, (outcome, answer): (&str, bool), refusal: &RefusalReport, told: bool) {
        self.title(match outcome {
            "refused" if answer => "Why it is not believed",
            "undecided" => "What is wanting",
            "taken" => "If it came now",
            "unreadable" => "Why it cannot be read",
            _ => "Why it is refused",
        });
        if !told {
            self.line(2, &format!("{}.", sentence(&refusal.reason)));
        }
        self.line(2, &refusal.means);
        if let Some(client) = &refusal.client {
            self.heading(2, "What to change at the client");
            self.line(4, client);
        }
        if let Some(service) = &refusal.service {
            self.heading(2, "What to change at the service");
            self.line(4, service);
        }
        if let Some(route) = &refusal.route {
            self.heading(2, "What to change in the route");
            self.line(4, route);
        }
    }
}

/// Things one after the other.
fn list(things: &[String]) -> String {
    match things {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A text with a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A span of time in its largest unit.
pub(super) fn span(seconds: i64) -> String {
    let (count, unit) = match seconds {
        172_800.. => (seconds / 86_400, "day"),
        7_200.. => (seconds / 3_600, "hour"),
        120.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_put_together() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(list(&texts(&["a", "b", "c"])), "a, b and c");
        assert_eq!((list(&texts(&["a"])), list(&[])), ("a".to_owned(), "nothing".to_owned()));
        assert_eq!((sentence("the body"), sentence("")), ("The body".to_owned(), String::new()));
        assert_eq!(
            [span(1), span(90), span(7_199), span(86_400), span(864_000)],
            ["1 second", "90 seconds", "119 minutes", "24 hours", "10 days"]
        );
    }
}
