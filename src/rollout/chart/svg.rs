//! The judgement as an SVG document: one panel per metric, worst first.

use std::fmt::Write as _;

use super::{POINTS_MAX, Point, axis::Axis, clean, number, points, shown};
use crate::rollout::{Judgement, Look, MetricJudgement, Sides, Verdict};

/// Size of the document, in pixels.
pub const WIDTH: u32 = 800;
pub const HEIGHT: u32 = 400;

/// Colours that people with colour-blindness tell apart, after Okabe and Ito, <https://jfly.uni-koeln.de/color/>.
const CANARY: &str = "#d55e00";
const BASELINE: &str = "#0072b2";
const INK: &str = "#1f2328";
const FAINT: &str = "#59636e";
const GRID: &str = "#d8dee4";

const PLOT_TOP: f64 = 140.0;
const PLOT_BOTTOM: f64 = 322.0;
const LEGEND: f64 = 382.0;

/// Where a panel's plot lies.
struct Frame {
    left: f64,
    right: f64,
    axis: Axis,
    last: usize,
}

impl Frame {
    fn x(&self, point: &Point) -> f64 {
        let at = (point.from + point.until) as f64 / 2.0;
        let span = (self.last.max(2) - 1) as f64;
        let inset = 10.0;
        self.left + inset + (self.right - self.left - 2.0 * inset) * (at - 1.0) / span
    }

    fn y(&self, value: f64) -> f64 {
        PLOT_BOTTOM - (PLOT_BOTTOM - PLOT_TOP) * self.axis.share(value)
    }
}

/// The judgement and its course, 800 x 400, up to three metrics. Needs the font `DejaVu Sans`.
pub fn svg(judgement: &Judgement, looks: &[Look]) -> String {
    let metrics = shown(judgement);
    let mut out = String::with_capacity(16 * 1024);
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"DejaVu Sans\" role=\"img\">"
    );
    let _ = writeln!(out, "<title>{}</title>", escape(&super::alt(judgement, looks)));
    let _ = writeln!(out, "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>");
    heading(&mut out, judgement, metrics.len());
    let panel_width = f64::from(WIDTH) / metrics.len().max(1) as f64;
    for (index, metric) in metrics.iter().enumerate() {
        panel(&mut out, metric, looks, panel_width * index as f64, panel_width);
    }
    legend(&mut out);
    out.push_str("</svg>\n");
    out
}

fn heading(out: &mut String, judgement: &Judgement, shown: usize) {
    let verdict = judgement.verdict;
    let (colour, word) = (colour(verdict), verdict.as_str().to_uppercase());
    let width = 44.0 + 11.5 * word.len() as f64;
    let _ = writeln!(
        out,
        "<rect x=\"20\" y=\"14\" width=\"{width:.1}\" height=\"32\" rx=\"6\" fill=\"{colour}\"/>"
    );
    let middle = 20.0 + width / 2.0;
    let label = format!("{} {word}", verdict.symbol());
    write_text(out, middle, 36.0, 16, "#ffffff", "middle\" font-weight=\"bold", &label);
    let title = "Canary against baseline";
    write_text(out, 34.0 + width, 36.0, 16, INK, "start", title);
    let hidden = judgement.metrics.len() - shown;
    let more = if hidden == 0 { String::new() } else { format!("{hidden} more metrics, ") };
    let looks = format!("{more}{}", super::looks_words(judgement));
    write_text(out, 780.0, 36.0, 13, FAINT, "end", &looks);
    let _ = writeln!(out, "<path d=\"M20 58H780\" stroke=\"{GRID}\"/>");
}

fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "#1a7f37",
        Verdict::Insufficient => "#7d5700",
        Verdict::Broken => "#6e40c9",
        Verdict::Fail => "#c1121f",
    }
}

fn panel(out: &mut String, metric: &MetricJudgement, looks: &[Look], left: f64, width: f64) {
    let points = points(metric, looks, POINTS_MAX);
    let axis = Axis::of(metric, &points);
    let frame = Frame { left: left + 66.0, right: left + width - 18.0, axis, last: looks.len() };
    let verdict = metric.verdict;
    // Characters that fit, at about 9.7 pixels for bold 15 and 6.5 for 11.
    let (name_room, sums_room) = (((width - 38.0) / 9.7) as usize, ((width - 38.0) / 6.5) as usize);
    let bold = "start\" font-weight=\"bold";
    write_text(out, left + 20.0, 80.0, 15, INK, bold, &clean(&metric.name, name_room));
    let word = format!("{} {}", verdict.symbol(), verdict.as_str());
    write_text(out, left + 20.0, 99.0, 13, colour(verdict), bold, &word);
    let sums = [("canary", metric.canary.centre()), ("baseline", metric.baseline.centre())];
    let sums = sums.map(|(label, it)| match it {
        Some(it) => format!("{label} {}", number::value(metric, it)),
        None => format!("{label}: no samples"),
    });
    write_text(out, left + 20.0, 117.0, 11, INK, "start", &clean(&sums.join(", "), sums_room));
    axes(out, metric, &frame, &points);
    limit(out, metric, &frame);
    curve(out, &frame, &points, BASELINE, " stroke-dasharray=\"6 4\"", |it| it.baseline, square);
    curve(out, &frame, &points, CANARY, "", |it| it.canary, circle);
    if points.iter().all(|it| it.at.canary.is_none() && it.at.baseline.is_none()) {
        let middle = (frame.left + frame.right) / 2.0;
        let words = if points.is_empty() { "no looks yet" } else { "no data" };
        write_text(out, middle, (PLOT_TOP + PLOT_BOTTOM) / 2.0, 13, FAINT, "middle", words);
    }
}

fn axes(out: &mut String, metric: &MetricJudgement, frame: &Frame, points: &[Point]) {
    for mark in &frame.axis.marks {
        let y = frame.y(*mark);
        let _ = writeln!(
            out,
            "<path d=\"M{:.1} {y:.1}H{:.1}\" stroke=\"{}\"/>",
            frame.left,
            frame.right,
            if *mark == frame.axis.low { FAINT } else { GRID }
        );
        write_text(out, frame.left - 6.0, y + 4.0, 11, FAINT, "end", &number::value(metric, *mark));
    }
    // First, middle and last point, or fewer.
    let mut told = vec![0, points.len() / 2, points.len().saturating_sub(1)];
    told.dedup();
    for point in told.iter().filter_map(|it| points.get(*it)) {
        let label = if point.from == point.until {
            point.from.to_string()
        } else {
            format!("{}-{}", point.from, point.until)
        };
        write_text(out, frame.x(point), PLOT_BOTTOM + 16.0, 11, FAINT, "middle", &label);
    }
    let middle = (frame.left + frame.right) / 2.0;
    write_text(out, middle, PLOT_BOTTOM + 33.0, 11, FAINT, "middle", "look");
}

fn limit(out: &mut String, metric: &MetricJudgement, frame: &Frame) {
    if let Some(limit) = metric.threshold.limit {
        let y = frame.y(limit);
        let _ = writeln!(
            out,
            "<path d=\"M{:.1} {y:.1}H{:.1}\" stroke=\"{INK}\" stroke-width=\"1.5\" stroke-dasharray=\"2 3\"/>",
            frame.left, frame.right
        );
        let label = format!("limit {}", number::value(metric, limit));
        let _ = write!(out, "<g stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\">");
        write_text(out, frame.right, y - 5.0, 11, INK, "end", &label);
        let _ = writeln!(out, "</g>");
    }
}

/// A line through the points that have data, broken where there is none, and a shape at each.
fn curve(
    out: &mut String,
    frame: &Frame,
    points: &[Point],
    colour: &str,
    dashes: &str,
    side: impl Fn(&Sides<Option<f64>>) -> Option<f64>,
    shape: impl Fn(f64, f64, &str) -> String,
) {
    let mut path = String::new();
    let mut shapes = String::new();
    let mut pen_is_down = false;
    for point in points {
        let Some(value) = side(&point.at) else {
            pen_is_down = false;
            continue;
        };
        let (x, y) = (frame.x(point), frame.y(value));
        let _ = write!(path, "{}{x:.1} {y:.1}", if pen_is_down { 'L' } else { 'M' });
        shapes.push_str(&shape(x, y, colour));
        pen_is_down = true;
    }
    if !path.is_empty() {
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"{dashes}/>\n{shapes}"
        );
    }
}

fn circle(x: f64, y: f64, colour: &str) -> String {
    format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>")
}

fn square(x: f64, y: f64, colour: &str) -> String {
    format!("<rect x=\"{:.1}\" y=\"{:.1}\" width=\"7\" height=\"7\" fill=\"{colour}\"/>", x - 3.5, y - 3.5)
}

fn legend(out: &mut String) {
    let line = |x: f64, colour: &str, dashes: &str| {
        let y = LEGEND - 4.0;
        let end = x + 34.0;
        format!("<path d=\"M{x:.1} {y:.1}H{end:.1}\" stroke=\"{colour}\" stroke-width=\"2.5\"{dashes}/>")
    };
    let y = LEGEND - 4.0;
    let _ = writeln!(out, "{}{}", line(240.0, CANARY, ""), circle(257.0, y, CANARY));
    write_text(out, 281.0, LEGEND, 12, INK, "start", "canary");
    let _ =
        writeln!(out, "{}{}", line(350.0, BASELINE, " stroke-dasharray=\"6 4\""), square(367.0, y, BASELINE));
    write_text(out, 391.0, LEGEND, 12, INK, "start", "baseline");
    let _ = writeln!(out, "{}", line(474.0, INK, " stroke-dasharray=\"2 3\""));
    write_text(out, 515.0, LEGEND, 12, INK, "start", "limit");
}

fn write_text(out: &mut String, x: f64, y: f64, size: u32, colour: &str, anchor: &str, text: &str) {
    let text = escape(text);
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

/// Text that stays text inside an element.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // Not characters of XML 1.0, https://www.w3.org/TR/xml/#charsets
            '\u{fffe}' | '\u{ffff}' => {}
            it if it.is_control() => {}
            it => escaped.push(it),
        }
    }
    escaped
}
