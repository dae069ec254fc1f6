//! The figures as a picture.

use super::figures::{By, Figures, SERIES, shown};
use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
/// Where bars begin.
const LEFT: f64 = 330.0;
/// The longest bar; its number stands behind it.
const LONGEST: f64 = 400.0;
const ROW: f64 = 30.0;
const TOP: f64 = 70.0;

/// Draws what a message costs, as SVG: a bar for each way to be called, all to one scale.
pub fn draw(figures: &Figures) -> String {
    let measured = || SERIES.iter().filter_map(|series| Some((series, figures.number(series.name)?)));
    let most = measured().map(|(_, micros)| micros).fold(1.0, f64::max);
    let mut at = TOP;
    let mut rows = String::new();
    for cxf in [false, true] {
        let whose = if cxf { "Apache CXF" } else { "Nuncio" };
        let _ = writeln!(rows, "<text class=\"whose\" x=\"20\" y=\"{:.0}\">{whose}</text>", at + 18.0);
        at += ROW;
        for (series, micros) in measured().filter(|(series, _)| (series.by == By::Cxf) == cxf) {
            let length = (micros / most * LONGEST).max(1.0);
            let kind = if cxf { "cxf" } else { "nuncio" };
            let (middle, end, edge) = (at + 18.0, LEFT + length + 8.0, LEFT - 10.0);
            let _ = writeln!(
                rows,
                "<text class=\"label\" x=\"{edge:.0}\" y=\"{middle:.0}\">{}</text>\n\
                 <rect class=\"{kind}\" x=\"{LEFT:.0}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"18\"/>\n\
                 <text x=\"{end:.0}\" y=\"{middle:.0}\">{} µs</text>",
                series.label,
                at + 4.0,
                shown(micros),
            );
            at += ROW;
        }
        at += ROW / 2.0;
    }
    let conditions = format!(
        "bodies of {} octets there and back, {} processors, {}",
        shown(figures.number("octets").unwrap_or_default()),
        shown(figures.number("processors").unwrap_or_default()).trim_end_matches(".00"),
        figures.text("day"),
    );
    let height = at + 10.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"Processor time of the serving process for each message\">\n\
         <style>text{{font:13px sans-serif;fill:#222}}.title{{font-size:17px;font-weight:bold}}.whose{{font-weight:bold}}\
         .label{{text-anchor:end}}.nuncio{{fill:#2a6f97}}.cxf{{fill:#c9a227}}</style>\n\
         <rect width=\"{WIDTH:.0}\" height=\"{height:.0}\" fill=\"#fff\"/>\n\
         <text class=\"title\" x=\"20\" y=\"30\">Processor time of the serving process for each message</text>\n\
         <text x=\"20\" y=\"52\">{}</text>\n{rows}</svg>\n",
        escaped(&conditions),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
