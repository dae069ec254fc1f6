//! The figures as a page: `docs/performance.md`.

use std::fmt::Write as _;
use std::path::Path;

use super::chart;
use super::figures::{AIMS, By, Figures, SERIES, shown};

/// Writes the page and its chart into a folder.
pub fn write(folder: &Path, figures: &Figures) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("performance.md"), page(figures))?;
    std::fs::write(folder.join("performance.svg"), chart::draw(figures))
}

/// The page.
pub fn page(figures: &Figures) -> String {
    let number = |name: &str| figures.number(name).map_or_else(|| "–".to_owned(), shown);
    let count = |name: &str| figures.number(name).map_or_else(|| "–".to_owned(), |number| format!("{number:.0}"));
    let mut page = format!(
        "# What a message costs\n\n\
         `tests/load/compare.sh --write` wrote this page, and drew its chart, on {}{}: {}, {} processors, {}; {}. It took {} s, \
         and {} calls went wrong; the machine's load was {} before, where 0 is a machine that does nothing else. Run it to see your own machine's; `--quick` is shorter and rougher.\n\n\
         ![Processor time of the serving process for each message](performance.svg)\n\n",
        figures.text("day"),
        if figures.is("quick") { ", with `--quick`" } else { "" },
        figures.text("processor"),
        count("processors"),
        figures.text("system"),
        figures.text("java"),
        count("seconds"),
        count("errors"),
        number("load_before"),
    );
    let _ = writeln!(
        page,
        "Processor time is what Linux counts for the serving process alone, its own and the system's, for each message: request \
         and answer. Bodies have {} octets. The client is Nuncio's own initiator, over {} connections that stay open, each with a \
         call under way at a time, and {} conversations where there are some. It runs on the same machine, and so does the plain \
         service behind the gateway: throughput is what is left of the machine beside them. Client and services have their \
         policies from the contract that CXF publishes for the code, which `tests/peers/cxf` explains. CXF was warmed by {} calls \
         of each.\n\n\
         Of egress the client is a plain one. It calls a gateway, which calls another one before the plain service, in a \
         conversation: two of them back to back. The time of egress is the first gateway's alone; of both, the second one had \
         {} µs a message. What is within which time is the whole way.\n\n\
         | | code | µs a message | a second | half within, ms | 99 % within, ms |\n| --- | --- | ---: | ---: | ---: | ---: |",
        count("octets"),
        count("connections"),
        count("conversations_called"),
        count("cxf_warm_up_calls"),
        number("back_to_back_ingress"),
    );
    for series in &SERIES {
        let of = |what: &str| number(&format!("{}_{what}", series.name));
        let whose = if series.by == By::Cxf { "CXF" } else { "Nuncio" };
        let _ = writeln!(
            page,
            "| {whose}: {} | `{}` | {} | {} | {} | {} |",
            series.label,
            series.code,
            number(series.name),
            count(&format!("{}_rps", series.name)),
            of("p50_ms"),
            of("p99_ms"),
        );
    }
    page.push_str("\n## Aims\n\n| | measured | aim | |\n| --- | ---: | ---: | --- |\n");
    for aim in &AIMS {
        let bound = format!("at {} {}", if aim.at_least { "least" } else { "most" }, aim.bound);
        let met = match aim.is_met(figures) {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        };
        let (label, measured, unit) = (aim.label, number(aim.figure), aim.unit);
        let _ = writeln!(page, "| {label} | {measured} {unit} | {bound} {unit} | {met} |");
    }
    let _ = writeln!(
        page,
        "\nThe start is from the process to the answer to its first call, a conversation begun in between, in the middle of \
         several starts; so are the first and the hundredth call of a conversation of a new process, one after the other ({} and \
         {} ms), and those of a plain client through a new process of egress, which has begun the conversation by itself, to a \
         service that was called by others right before ({} and {} ms). Memory of a conversation is what the process grew by when {} were begun, {} a second.\n\n\
         Under overload each message costs the gateway an operation with a private key of 4096 bits and the client none \
         (`A+one`){}. Its peak is {} messages a second ({} before and {} after, since a machine is not as fast in one minute \
         as in the next); {} were meant to be sent, and {} were; {} of them were answered as they should be, half of these \
         within {} ms and 99 % within {} ms. {} were told that it is busy, before their bodies were read.",
        number("first_call_ms"),
        number("hundredth_call_ms"),
        number("egress_first_call_ms"),
        number("egress_hundredth_call_ms"),
        count("live_conversations"),
        count("conversations_begun_rps"),
        if figures.is("overload_apart") { ", and the gateway has one processor of its own" } else { "" },
        count("overload_peak_rps"),
        count("overload_peak_before_rps"),
        count("overload_peak_after_rps"),
        count("overload_offered_rps"),
        count("overload_sent_rps"),
        count("overload_goodput_rps"),
        number("overload_served_p50_ms"),
        number("overload_served_p99_ms"),
        count("overload_busy"),
    );
    page
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn figures() -> Figures {
        let mut figures = Figures::default();
        for (number, series) in SERIES.iter().enumerate() {
            figures.note(series.name, 1000.5 + f64::from(u32::try_from(number).unwrap()));
            figures.note(&format!("{}_rps", series.name), 77.0);
        }
        figures.note("system", "Linux <&> 1");
        figures.note("day", "2026-11-26 <&>");
        figures.relate();
        figures
    }

    #[test]
    fn every_figure_is_in_the_chart() {
        let drawn = chart::draw(&figures());
        let document = Document::parse(&drawn).unwrap();
        let texts: Vec<_> = document.descendants().filter_map(|node| node.text()).collect();
        for series in &SERIES {
            assert!(texts.contains(&series.label), "{drawn}");
        }
        let bars = document.descendants().filter(|node| matches!(node.attribute("class"), Some("nuncio" | "cxf")));
        assert_eq!(bars.count(), SERIES.len());
        assert!(texts.contains(&"1001 µs") || texts.contains(&"1000 µs"), "{drawn}");
    }

    #[test]
    fn every_figure_is_on_the_page_and_none_that_was_not_measured() {
        let page = page(&figures());
        for series in &SERIES {
            assert!(page.contains(&format!(": {} | `{}` |", series.label, series.code)), "{page}");
        }
        for aim in &AIMS {
            assert!(page.contains(aim.label), "{page}");
        }
        assert_eq!(page.matches("| not measured |").count(), 7, "{page}");
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }
}
