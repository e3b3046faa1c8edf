//! `surefire simulate`: runs simulated worlds on every core, and reports the first that fails.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{Builder, Scope, ScopedJoinHandle};

use clap::Args;
use jiff::Timestamp;
use shared::world::World;

use super::error::CommandError;
use super::output::print;
use super::sale;
use simulator::fault::Faults;
use simulator::summary::Summary;
use simulator::{Outcome, Plan, run as run_seed};

/// The stack of a thread: in a debug build the futures are large and nested.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// How often progress is printed without a terminal.
const PLAIN_EVERY_SEEDS: u64 = 500;

/// The arguments of `surefire simulate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  surefire simulate --seeds 1000
  surefire simulate --seed 42 --trace
  surefire simulate --seeds 200 --faults lost-answer,duplicate,kill
  surefire simulate --seeds 200 --faults all,-clock-skew
  surefire simulate --sale
  surefire simulate --sale --orders 3000 --picture sale.svg

--sale prints a table: how many orders a second one product takes with 1, 4, 16 and 64 shards, if a transaction
holds its items for 6 and for 12 ms, and what customers and the database see of it. It fails if a rule is broken or
a goal is missed. It takes a quarter of an hour, and in a debug build many hours.")]
pub(super) struct SimulateArguments {
    /// The number of worlds
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The seed of the first world; the next worlds count up from it [default: random]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// The faults: `all`, `none`, or kinds separated by commas. `all,-kill` is all except one. The
    /// error about an unknown kind lists them
    #[arg(long, value_name = "LIST", default_value = "all")]
    faults: Faults,
    /// The number of clients' operations in each world
    #[arg(long, value_name = "N", default_value_t = 80)]
    operations: usize,
    /// Run only the first world, and print everything that happens in it
    #[arg(long, conflicts_with = "seeds")]
    trace: bool,
    /// Print nothing unless a world fails
    #[arg(long)]
    quiet: bool,
    /// Instead, simulate sales of one product, and print how many orders it takes in a second, by
    /// its shards
    #[arg(long, conflicts_with_all = ["seeds", "faults", "operations", "trace", "quiet"])]
    sale: bool,
    /// The most orders of one sale. With fewer than the default, no goal is judged
    #[arg(long, value_name = "N", default_value_t = sale::ORDERS_MAX, requires = "sale", value_parser = clap::value_parser!(u32).range(100..=i64::from(sale::ORDERS_MAX)))]
    orders: u32,
    /// Draw a picture of the sales to this file, as SVG
    #[arg(long, value_name = "FILE", requires = "sale")]
    picture: Option<PathBuf>,
}

pub(super) fn run(arguments: &SimulateArguments) -> Result<(), CommandError> {
    let world = World::real();
    let first = arguments.seed.unwrap_or_else(|| {
        // Four bytes, so that the seed is short enough to type.
        let mut bytes = [0; 4];
        world.fill(&mut bytes);
        u64::from(u32::from_le_bytes(bytes))
    });
    if arguments.sale {
        // The same table each time, unless another seed is asked for.
        let seed = arguments.seed.unwrap_or(1);
        return sale::run(seed, arguments.orders, arguments.picture.as_deref());
    }
    let plan = Plan {
        faults: arguments.faults.clone(),
        operations: arguments.operations,
        ..Plan::default()
    };
    if arguments.trace {
        let outcome = traced(first, &plan)?;
        print(&outcome.trace)?;
        return verdict(&outcome, &plan);
    }
    let began = world.now();
    let progress = Progress::new(arguments, began);
    let (summary, failed) = run_all(first, arguments.seeds, &plan, |done| {
        progress.show(done, &world);
    })?;
    progress.end();
    if let Some(failed) = failed {
        let outcome = traced(failed, &plan)?;
        print(&outcome.trace)?;
        return verdict(&outcome, &plan);
    }
    if !arguments.quiet {
        let seconds = world.now().duration_since(began).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let rate = summary.seeds as f64 / seconds.max(0.001);
        let last = first + (arguments.seeds - 1);
        print(&format!(
            "{summary}took        {seconds:.1} s, {rate:.1} seeds/s (seeds {first} to {last}, faults {})\n",
            plan.faults
        ))?;
    }
    Ok(())
}

/// Runs one seed with a trace.
fn traced(seed: u64, plan: &Plan) -> Result<Outcome, CommandError> {
    let plan = Plan {
        traced: true,
        ..plan.clone()
    };
    let outcome = std::thread::scope(|scope| {
        let thread = spawn(scope, || run_seed(seed, &plan))?;
        thread.join().map_err(|_| crashed(seed))
    })?;
    outcome.map_err(CommandError::Simulation)
}

/// An error with the violations of a world, if there are any.
fn verdict(outcome: &Outcome, plan: &Plan) -> Result<(), CommandError> {
    if outcome.violations.is_empty() {
        return Ok(());
    }
    let seed = outcome.seed;
    let violations = outcome.violations.join("\n  ");
    Err(CommandError::Simulation(format!(
        "seed {seed} violates the rules:\n  {violations}\nto run it again: surefire simulate \
         --seed {seed} --operations {} --faults {} --trace",
        plan.operations, plan.faults
    )))
}

/// Runs seeds on every core until one fails. Returns the failed seed.
fn run_all(
    first: u64,
    seeds: u64,
    plan: &Plan,
    mut progress: impl FnMut(u64),
) -> Result<(Summary, Option<u64>), CommandError> {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (sender, outcomes) = mpsc::channel();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            spawn(scope, move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if seeds <= number
                        || sender
                            .send(run_seed(first.wrapping_add(number), plan))
                            .is_err()
                    {
                        return;
                    }
                }
            })?;
        }
        drop(sender);
        let (mut summary, mut failed) = (Summary::default(), None);
        for outcome in outcomes {
            let outcome = outcome.map_err(CommandError::Simulation)?;
            summary.add(&outcome);
            progress(summary.seeds);
            if !outcome.violations.is_empty() {
                stop.store(true, Ordering::Relaxed);
                // The smallest failed seed, whichever thread was faster.
                failed = Some(failed.map_or(outcome.seed, |seed: u64| seed.min(outcome.seed)));
            }
        }
        let crash = failed.is_none() && summary.seeds < seeds;
        if crash {
            return Err(crashed(first));
        }
        Ok((summary, failed))
    })
}

fn crashed(seed: u64) -> CommandError {
    CommandError::Simulation(format!(
        "the world of seed {seed}, or of a later seed, panicked"
    ))
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, CommandError> {
    let builder = Builder::new()
        .name("world".to_owned())
        .stack_size(STACK_BYTES);
    Ok(builder.spawn_scoped(scope, work)?)
}

/// Prints progress: one line that changes on a terminal, a line now and then elsewhere.
struct Progress {
    began: Timestamp,
    seeds: u64,
    terminal: bool,
    quiet: bool,
}

impl Progress {
    fn new(arguments: &SimulateArguments, began: Timestamp) -> Self {
        Self {
            began,
            seeds: arguments.seeds,
            terminal: std::io::stderr().is_terminal(),
            quiet: arguments.quiet,
        }
    }

    fn show(&self, done: u64, world: &World) {
        if self.quiet || (!self.terminal && !done.is_multiple_of(PLAIN_EVERY_SEEDS)) {
            return;
        }
        let seconds = world.now().duration_since(self.began).as_secs();
        let seeds = self.seeds;
        let line = if self.terminal {
            let filled = usize::try_from(done * 30 / seeds).unwrap_or_default();
            let bar = "#".repeat(filled) + &"-".repeat(30_usize.saturating_sub(filled));
            format!("\r[{bar}] {done}/{seeds} seeds, {seconds} s ")
        } else {
            format!("{done}/{seeds} seeds, {seconds} s\n")
        };
        // The simulation goes on even if nobody sees its progress.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn end(&self) {
        if self.terminal && !self.quiet {
            let _ = std::io::stderr().write_all(b"\n");
        }
    }
}
