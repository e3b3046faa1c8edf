//! What a sale has to reach, and whether it did.

use simulator::sale::{Sale, Sold};

/// What a cell of the table is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// How much the shards take at most.
    Saturated,
    /// How they do at 70 % of that.
    Calm,
    /// How one shard does at twice what it takes.
    Overload,
    /// Whether the last piece is sold.
    ToTheLast,
}

/// One sale of the table.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) purpose: Purpose,
    pub(super) sale: Sale,
    pub(super) sold: Sold,
}

/// One thing to reach.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Goal {
    /// What it is, with the number that was reached.
    pub(super) text: String,
    /// Whether it was reached.
    pub(super) reached: bool,
}

impl Cell {
    fn new(purpose: Purpose, (sale, sold): (Sale, Sold)) -> Self {
        Self {
            purpose,
            sale,
            sold,
        }
    }

    pub(super) fn saturated(cell: (Sale, Sold)) -> Self {
        Self::new(Purpose::Saturated, cell)
    }

    pub(super) fn calm(cell: (Sale, Sold)) -> Self {
        Self::new(Purpose::Calm, cell)
    }

    pub(super) fn overload(cell: (Sale, Sold)) -> Self {
        Self::new(Purpose::Overload, cell)
    }

    pub(super) fn to_the_last(cell: (Sale, Sold)) -> Self {
        Self::new(Purpose::ToTheLast, cell)
    }

    const fn milliseconds(&self) -> u128 {
        self.sale.hold.as_millis()
    }
}

/// How many times as much as one shard 64 shards take at least.
const TIMES_MIN: f64 = 55.0;

/// How many of a hundred answers may be `busy` at 70 %.
const BUSY_PERCENT_MAX: f64 = 0.05;

/// How long 99 of 100 answers may take at 70 %: with one shard, and with more.
const P99_MILLISECONDS_MAX: [u128; 2] = [350, 250];

/// How many environments one shard may occupy at 300 orders a second: on average, and at most.
const ENVIRONMENTS_MAX: (f64, u32) = (40.0, 130);

/// How long a sale of 20,000 pieces may last.
const SALE_SECONDS_MAX: f64 = 5.0;

/// Judges a table. Each goal is there, even if its cell is not.
pub(super) fn goals(cells: &[Cell]) -> Vec<Goal> {
    let of = |purpose: Purpose| cells.iter().filter(move |cell| cell.purpose == purpose);
    let mut goals = Vec::new();
    for hold in [6, 12] {
        let rate = |shards: u32| {
            let mut saturated = of(Purpose::Saturated);
            let cell = saturated.find(|it| it.sale.shards == shards && it.milliseconds() == hold);
            cell.map_or(f64::NAN, |cell| cell.sold.placed_a_second())
        };
        let times = rate(64) / rate(1);
        goals.push(Goal {
            text: format!(
                "{hold} ms: 64 shards take {times:.1} times what one takes, at least {TIMES_MIN}"
            ),
            reached: TIMES_MIN <= times,
        });
    }
    let busiest = of(Purpose::Calm).map(|cell| cell.sold.busy_percent());
    let busiest = busiest.fold(f64::NAN, f64::max);
    goals.push(Goal {
        text: format!("at 70 %, {busiest:.2} % are busy, at most {BUSY_PERCENT_MAX} %"),
        reached: busiest <= BUSY_PERCENT_MAX,
    });
    for (is_one, name, most) in [
        (true, "one shard", P99_MILLISECONDS_MAX[0]),
        (false, "more shards", P99_MILLISECONDS_MAX[1]),
    ] {
        let slowest = of(Purpose::Calm)
            .filter(|cell| (cell.sale.shards == 1) == is_one)
            .map(|cell| cell.sold.percentile(99).as_millis())
            .max();
        let slowest = slowest.unwrap_or(u128::MAX);
        goals.push(Goal {
            text: format!("at 70 %, 99 of 100 answers of {name} take {slowest} ms, below {most}"),
            reached: slowest < most,
        });
    }
    let overload = of(Purpose::Overload).next().map(|cell| &cell.sold);
    let mean = overload.map_or(f64::NAN, |sold| sold.environments);
    let peak = overload.map_or(u32::MAX, |sold| sold.environments_peak);
    let (mean_max, peak_max) = ENVIRONMENTS_MAX;
    goals.push(Goal {
        text: format!(
            "one shard, 300 orders a second: {mean:.1} environments on average, below {mean_max}, \
             and {peak} at most, below {peak_max}"
        ),
        reached: mean < mean_max && peak < peak_max,
    });
    let last = of(Purpose::ToTheLast).next();
    let seconds = last.map_or(f64::NAN, |cell| cell.sold.lasted.as_secs_f64());
    let left = last.map_or(i64::MAX, |it| it.sale.stock - i64::from(it.sold.placed));
    goals.push(Goal {
        text: format!(
            "sold to the last piece ({left} left) within {seconds:.1} s, at most {SALE_SECONDS_MAX}"
        ),
        reached: left == 0 && seconds <= SALE_SECONDS_MAX,
    });
    goals
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cell(purpose: Purpose, shards: u32, hold: u64, sold: Sold) -> Cell {
        let sale = Sale {
            shards,
            hold: Duration::from_millis(hold),
            offered: 1_000,
            orders: 1_000,
            stock: 100,
            repeats: 0,
        };
        Cell {
            purpose,
            sale,
            sold,
        }
    }

    fn placed(placed: u32) -> Sold {
        Sold {
            placed,
            answers: placed,
            lasted: Duration::from_secs(1),
            waits: vec![Duration::from_millis(249)],
            environments: 39.0,
            environments_peak: 129,
            ..Sold::default()
        }
    }

    fn good() -> Vec<Cell> {
        let mut cells = Vec::new();
        for hold in [6, 12] {
            cells.push(cell(Purpose::Saturated, 1, hold, placed(100)));
            cells.push(cell(Purpose::Saturated, 64, hold, placed(5_500)));
            cells.push(cell(Purpose::Calm, 1, hold, placed(70)));
            cells.push(cell(Purpose::Calm, 64, hold, placed(3_800)));
        }
        cells.push(cell(Purpose::Overload, 1, 6, placed(100)));
        cells.push(cell(Purpose::ToTheLast, 64, 6, placed(100)));
        cells
    }

    fn missed(cells: &[Cell]) -> Vec<usize> {
        let goals = goals(cells).into_iter().enumerate();
        goals
            .filter(|(_, goal)| !goal.reached)
            .map(|(place, _)| place)
            .collect()
    }

    #[track_caller]
    fn check(place: usize, spoil: impl FnOnce(&mut Sold), expected: usize) {
        let mut cells = good();
        spoil(&mut cells[place].sold);
        assert_eq!(missed(&cells), [expected]);
    }

    #[test]
    fn each_goal_is_missed_by_the_number_that_it_is_about() {
        assert_eq!(missed(&good()), [0_usize; 0]);
        check(1, |sold| sold.placed = 5_499, 0);
        check(5, |sold| sold.placed = 5_499, 1);
        check(3, |sold| sold.busy = 3, 2);
        let slow = Duration::from_millis(350);
        check(2, |sold| sold.waits = vec![slow], 3);
        check(3, |sold| sold.waits = vec![Duration::from_millis(250)], 4);
        check(8, |sold| sold.environments = 40.0, 5);
        check(8, |sold| sold.environments_peak = 130, 5);
        check(9, |sold| sold.placed = 99, 6);
        check(9, |sold| sold.lasted = Duration::from_millis(5_001), 6);
    }

    #[test]
    fn a_table_without_cells_misses_every_goal() {
        assert_eq!(missed(&[]).len(), goals(&[]).len());
    }
}
