//! `surefire simulate --sale`: how many orders a second a product takes, by its shards.

use std::fmt::Write as _;
use std::path::Path;
use std::thread::Builder;
use std::time::Duration;

use simulator::sale::{Sale, Sold, sell};

use super::error::CommandError;
use super::output::print;

/// The stack of the thread: in a debug build the futures are large and nested.
const STACK_BYTES: usize = 64 * 1024 * 1024;

const SHARDS: [u32; 4] = [1, 4, 16, 64];

const HOLDS_MILLISECONDS: [u64; 2] = [6, 12];

const HEAD: &str = "\
shards   hold  offered/s  placed/s  busy %     p50      p99  tries  units    environments
                                                               per order    mean    peak
";

/// Runs every cell of the table, with at most so many orders each, and prints it. Draws the
/// picture to a file if there is one.
///
/// # Errors
/// A cell broke a rule, or a file cannot be written.
pub(super) fn run(seed: u64, orders_max: u32, picture: Option<&Path>) -> Result<(), CommandError> {
    print(HEAD)?;
    let mut bars = Vec::new();
    for hold in HOLDS_MILLISECONDS.map(Duration::from_millis) {
        for shards in SHARDS {
            // More than a shard can take, so that it is never idle.
            let most = u32::try_from(1_300 / hold.as_millis().max(1)).unwrap_or(1);
            let full = cell(seed, shards, hold, most * shards, orders_max)?;
            let seventy = (full.placed_a_second() * 0.7).round();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate of a few thousand at most"
            )]
            let seventy = seventy as u32;
            cell(seed, shards, hold, seventy.max(1), orders_max)?;
            bars.push((shards, hold, full.placed_a_second()));
        }
    }
    let hold = Duration::from_millis(6);
    print("one shard, 300 orders a second:\n")?;
    cell(seed, 1, hold, 300, orders_max.min(3_000))?;
    let stock = orders_max * 2 / 3;
    print(&format!(
        "{stock} pieces, 64 shards, 10000 orders a second:\n"
    ))?;
    let sale = Sale {
        shards: 64,
        hold,
        offered: 10_000,
        orders: orders_max,
        stock: i64::from(stock),
        repeats: 7,
    };
    let sold = sell_checked(seed, sale)?;
    print(&line(&sale, &sold))?;
    print(&format!(
        "sold {} of {stock} in {:.1} s, {} refused, {} undecided\n",
        sold.placed,
        sold.lasted.as_secs_f64(),
        sold.refused,
        sold.undecided
    ))?;
    if let Some(file) = picture {
        std::fs::write(file, draw(&bars))?;
    }
    Ok(())
}

/// Runs one cell, with more stock than orders, and prints its line.
fn cell(
    seed: u64,
    shards: u32,
    hold: Duration,
    offered: u32,
    orders_max: u32,
) -> Result<Sold, CommandError> {
    let orders = offered.saturating_mul(5).min(orders_max);
    let sale = Sale {
        shards,
        hold,
        offered,
        orders,
        stock: 1_000_000,
        repeats: 0,
    };
    let sold = sell_checked(seed, sale)?;
    print(&line(&sale, &sold))?;
    Ok(sold)
}

fn sell_checked(seed: u64, sale: Sale) -> Result<Sold, CommandError> {
    let thread = Builder::new().stack_size(STACK_BYTES);
    let thread = thread.spawn(move || sell(seed, sale))?;
    let sold = thread
        .join()
        .map_err(|_| CommandError::Simulation("the sale panicked".to_owned()))?;
    let sold = sold.map_err(CommandError::Simulation)?;
    if let Some(violation) = sold.violations.first() {
        let all = sold.violations.len();
        return Err(CommandError::Simulation(format!(
            "seed {seed}: {all} rules were broken, the first: {violation}"
        )));
    }
    Ok(sold)
}

fn line(sale: &Sale, sold: &Sold) -> String {
    let orders = f64::from((sold.placed + sold.refused).max(1));
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let (tries, units) = (sold.transactions as f64, sold.units as f64);
    format!(
        "{:6} {:3} ms  {:9}  {:8.0}  {:6.2}  {:3} ms  {:4} ms  {:5.1}  {:5.1}  {:6.1}  {:6}\n",
        sale.shards,
        sale.hold.as_millis(),
        sale.offered,
        sold.placed_a_second(),
        sold.busy_percent(),
        sold.percentile(50).as_millis(),
        sold.percentile(99).as_millis(),
        tries / orders,
        units / orders,
        sold.environments,
        sold.environments_peak,
    )
}

/// A bar for each cell, as long as the logarithm of its rate.
fn draw(bars: &[(u32, Duration, f64)]) -> String {
    let mut picture = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 250\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"640\" height=\"250\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"24\" font-weight=\"600\">Orders of one product, placed in a second \
         (logarithmic)</text>\n",
    );
    for (place, (shards, hold, rate)) in (0_u32..).zip(bars) {
        let y = 44 + place * 25;
        let width = (rate.max(1.0).log10() * 110.0).round();
        let (hold, name) = (
            hold.as_millis(),
            if *shards == 1 { "shard" } else { "shards" },
        );
        let color = if hold == 6 { "#1b7f79" } else { "#7a9cc6" };
        // Writing to a text cannot fail.
        let _ = writeln!(
            picture,
            "<text x=\"16\" y=\"{}\">{shards} {name}, {hold} ms</text>\
             <rect x=\"140\" y=\"{y}\" width=\"{width}\" height=\"17\" fill=\"{color}\"/>\
             <text x=\"{}\" y=\"{}\">{rate:.0}</text>",
            y + 13,
            148.0 + width,
            y + 13,
        );
    }
    picture.push_str("</svg>\n");
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_has_a_line_as_wide_as_the_head() {
        let sale = Sale {
            shards: 64,
            hold: Duration::from_millis(12),
            offered: 10_000,
            orders: 1,
            stock: 1,
            repeats: 0,
        };
        let (line, head) = (line(&sale, &Sold::default()), HEAD.lines().next());
        assert_eq!(line.trim_end().len(), head.unwrap().len(), "{HEAD}{line}");
    }

    #[test]
    fn the_picture_has_a_bar_for_each_cell() {
        let hold = Duration::from_millis(6);
        let picture = draw(&[(1, hold, 150.0), (64, hold, 9_000.0)]);
        assert_eq!(picture.matches("<rect x=").count(), 2);
        assert!(picture.contains("9000"));
    }
}
