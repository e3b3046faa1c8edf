//! `surefire simulate --sale`: how many orders a second a product takes, by its shards.

use std::path::Path;
use std::thread::Builder;
use std::time::Duration;

use simulator::sale::{Sale, Sold, sell};

use super::error::CommandError;
use super::output::print;
use super::sale_goals::{Cell, goals};
use super::sale_picture::draw;

/// The stack of the thread: in a debug build the futures are large and nested.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// The most orders of one sale. With fewer, the goals are not judged.
pub(super) const ORDERS_MAX: u32 = 30_000;

const SHARDS: [u32; 4] = [1, 4, 16, 64];

const HOLDS_MILLISECONDS: [u64; 2] = [6, 12];

/// How many orders a second come to one shard that is never to be idle, if each holds it a
/// millisecond.
const CROWD: u64 = 1_300;

const HEAD: &str = "\
shards   hold  offered/s  placed/s  busy %   503 %     p50      p99  tries  units    environments
                                                                       per order    mean    peak
";

/// Runs every cell of the table, with at most so many orders each, and prints it. Draws the
/// picture to a file if there is one.
///
/// # Errors
/// A cell broke a rule, a goal was missed, or a file cannot be written.
pub(super) fn run(seed: u64, orders_max: u32, picture: Option<&Path>) -> Result<(), CommandError> {
    print(&format!(
        "One product, and customers who all want it. Virtual time, seed {seed}, at most {orders_max} \
         orders a line.\nOf each two lines, the first offers more than the shards can take, and the \
         second 70 % of what they took.\n\n{HEAD}"
    ))?;
    let mut cells = Vec::new();
    for hold in HOLDS_MILLISECONDS {
        for shards in SHARDS {
            let offered = u32::try_from(CROWD / hold).unwrap_or(1) * shards;
            let full = Cell::saturated(cell(seed, (shards, hold, offered), orders_max)?);
            let seventy = seventy_percent(&full);
            cells.push(full);
            let calm = cell(seed, (shards, hold, seventy), orders_max)?;
            cells.push(Cell::calm(calm));
        }
    }
    print("\nOne shard, 300 orders a second: twice what it takes.\n")?;
    let storm = cell(seed, (1, HOLDS_MILLISECONDS[0], 300), orders_max)?;
    cells.push(Cell::overload(storm));
    cells.push(Cell::to_the_last(last_piece(seed, orders_max)?));
    if let Some(file) = picture {
        std::fs::write(file, draw(&cells))?;
    }
    if orders_max < ORDERS_MAX {
        return print(&format!(
            "\nThe goals are judged only with --orders {ORDERS_MAX}, the default.\n"
        ));
    }
    judge(&cells)
}

/// Prints each goal, and whether it was reached.
fn judge(cells: &[Cell]) -> Result<(), CommandError> {
    print("\nGoals\n")?;
    let goals = goals(cells);
    for goal in &goals {
        let mark = if goal.reached { "reached" } else { "MISSED " };
        print(&format!("{mark}  {}\n", goal.text))?;
    }
    let missed = goals.iter().filter(|goal| !goal.reached).count();
    match missed {
        0 => Ok(()),
        missed => Err(CommandError::Simulation(format!(
            "{missed} of {} goals were missed",
            goals.len()
        ))),
    }
}

/// The rate that is 70 % of what was placed.
fn seventy_percent(full: &Cell) -> u32 {
    let seventy = (full.sold.placed_a_second() * 0.7).round().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate of a few thousand at most"
    )]
    let seventy = seventy as u32;
    seventy
}

/// Runs one cell, with more stock than orders, and prints its line.
fn cell(
    seed: u64,
    (shards, hold, offered): (u32, u64, u32),
    orders_max: u32,
) -> Result<(Sale, Sold), CommandError> {
    let sale = Sale {
        shards,
        hold: Duration::from_millis(hold),
        offered,
        // A minute, so that the slowest of a hundred answers of one shard are more than a handful.
        orders: offered.saturating_mul(60).min(orders_max),
        stock: 1_000_000,
        repeats: 0,
    };
    let sold = sell_checked(seed, sale)?;
    print(&line(&sale, &sold))?;
    Ok((sale, sold))
}

/// A sale to the last piece: two thirds of the customers can have one.
fn last_piece(seed: u64, orders_max: u32) -> Result<(Sale, Sold), CommandError> {
    let stock = orders_max / 3 * 2;
    print(&format!(
        "\n{stock} pieces and {orders_max} customers, 64 shards. Customers repeat what was busy.\n"
    ))?;
    let sale = Sale {
        shards: 64,
        hold: Duration::from_millis(HOLDS_MILLISECONDS[0]),
        offered: 10_000,
        orders: orders_max,
        stock: i64::from(stock),
        repeats: 7,
    };
    let sold = sell_checked(seed, sale)?;
    print(&line(&sale, &sold))?;
    print(&format!(
        "sold {} of {stock} in {:.1} s, refused {}, undecided {}\n",
        sold.placed,
        sold.lasted.as_secs_f64(),
        sold.refused,
        sold.undecided
    ))?;
    Ok((sale, sold))
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
    format!(
        "{:6} {:3} ms  {:9}  {:8.0}  {:6.2}  {:6.2}  {:3} ms  {:4} ms  {:5.1}  {:5.1}  {:6.1}  {:6}\n",
        sale.shards,
        sale.hold.as_millis(),
        sale.offered,
        sold.placed_a_second(),
        sold.busy_percent(),
        sold.failed_percent(),
        sold.percentile(50).as_millis(),
        sold.percentile(99).as_millis(),
        sold.tries_an_order(),
        sold.units_an_order(),
        sold.environments,
        sold.environments_peak,
    )
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
    fn a_missed_goal_is_a_failure() {
        assert!(judge(&[]).is_err());
    }
}
