//! Draws the table of a sale: a bar for each number of shards.

use std::fmt::Write as _;

use super::sale_goals::{Cell, Purpose};

const WIDTH: u32 = 640;

/// Where the bars begin, and how long the longest may be.
const LEFT: u32 = 140;
const BAR_MAX: f64 = 420.0;

const ROW: u32 = 25;
const TOP: u32 = 44;

/// A bar for each saturated cell, as long as the logarithm of its rate.
pub(super) fn draw(cells: &[Cell]) -> String {
    let bars: Vec<&Cell> = cells
        .iter()
        .filter(|cell| cell.purpose == Purpose::Saturated)
        .collect();
    let rows = u32::try_from(bars.len()).unwrap_or_default();
    let height = TOP + rows * ROW + 12;
    let longest = bars.iter().map(|cell| cell.sold.placed_a_second());
    let longest = longest.fold(10.0_f64, f64::max).log10();
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>Orders of one product, placed in a second, by shards</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"24\" font-weight=\"600\">Orders of one product, placed in a second \
         (logarithmic)</text>\n"
    );
    for (place, cell) in (0_u32..).zip(bars) {
        let (y, rate) = (TOP + place * ROW, cell.sold.placed_a_second());
        let width = (rate.max(1.0).log10() / longest * BAR_MAX).round();
        let (shards, hold) = (cell.sale.shards, cell.sale.hold.as_millis());
        let name = if shards == 1 { "shard" } else { "shards" };
        let color = if hold == 6 { "#1b7f79" } else { "#7a9cc6" };
        // Writing to a text cannot fail.
        let _ = writeln!(
            picture,
            "<text x=\"16\" y=\"{baseline}\">{shards} {name}, {hold} ms</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{width}\" height=\"17\" fill=\"{color}\"/>\
             <text x=\"{end}\" y=\"{baseline}\">{rate:.0}</text>",
            baseline = y + 13,
            end = f64::from(LEFT) + width + 8.0,
        );
    }
    picture.push_str("</svg>\n");
    picture
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use simulator::sale::{Sale, Sold};

    use super::*;

    #[test]
    fn the_picture_has_a_bar_for_each_saturated_cell() {
        let cell = |shards: u32, placed: u32| {
            let sale = Sale {
                shards,
                hold: Duration::from_millis(6),
                offered: placed,
                orders: placed,
                stock: 1,
                repeats: 0,
            };
            let sold = Sold {
                placed,
                lasted: Duration::from_secs(1),
                ..Sold::default()
            };
            (sale, sold)
        };
        let cells = [
            Cell::saturated(cell(1, 150)),
            Cell::calm(cell(1, 100)),
            Cell::saturated(cell(64, 9_000)),
        ];
        let picture = draw(&cells);
        assert_eq!(picture.matches("<rect x=").count(), 2);
        assert!(picture.contains(">9000<") && picture.contains("64 shards, 6 ms"));
        // The longest bar and its number fit.
        assert!(picture.contains("width=\"420\""), "{picture}");
    }
}
