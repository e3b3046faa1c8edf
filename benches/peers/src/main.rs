//! Measures the built functions beside what a user would write instead, in one run and in turn.
//!
//! `cargo run --release -p peers -- --help` says how. docs/performance.md explains the
//! figures.

mod beside;
mod candidates;
mod cost;
mod growth;
mod host;
mod install;
mod measure;
mod meter;
mod picture;
mod place;
mod report;
mod tls;
mod token;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::beside::{Beside, Load};
use crate::candidates::{Candidate, candidates};
use crate::measure::{Count, Part, Rounds};
use crate::place::Place;
use crate::report::Measured;
use crate::token::Issuer;

/// Any failure ends the run: figures without one of the programs compare nothing.
type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The page that shows the figures.
const PAGE: &str = "docs/performance.md";

/// The page that shows those of the container's program again.
const CONTAINER_PAGE: &str = "docs/container.md";

/// What is added to each database call in the second part.
const ADDED: Duration = Duration::from_millis(4);

/// The round trip to the database in the third part.
const ROUND_TRIP: Duration = Duration::from_millis(1);

/// Measures the built functions beside what a user would write instead.
///
/// First installs the peers (Powertools for AWS Lambda, aws-jwt-verify) under .check/peers, in the
/// versions that benches/peers pins, and builds two small functions to compare with and the
/// container's program. The deployed functions must be built already: ./check build. It needs
/// Node.js with npm and Python with pip. Times differ from machine to machine: compare those of
/// one run only.
///
/// It prints the figures, and writes them to benches/peers/results.json, docs/performance.md,
/// docs/container.md and docs/peers.svg.
#[derive(Debug, Parser)]
#[command(name = "peers", version)]
struct Arguments {
    /// How often each program is started in each part. The figures are medians over these.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// The number of invocations after the first, in each round.
    #[arg(long, default_value_t = 300)]
    invocations: usize,
    /// How many orders the largest table has in which the requests of one more are counted.
    #[arg(long, default_value_t = 1_000_000)]
    orders: u32,
    /// Three rounds of 50 invocations. The results are then printed and not written.
    #[arg(long)]
    quick: bool,
    /// Measures only the programs of these names. The results are then printed and not written.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Measures another build of orders or of the authorizer too, such as one of before a change.
    #[arg(long, value_name = "NAME=BOOTSTRAP")]
    beside: Vec<String>,
    /// The container's program, built as in the Dockerfile. Without this it is built first.
    #[arg(long, value_name = "SUREFIRE-HOST")]
    host: Option<PathBuf>,
}

impl Arguments {
    fn rounds(&self) -> Rounds {
        if self.quick {
            return Rounds {
                rounds: 3,
                invocations: 50,
            };
        }
        Rounds {
            rounds: self.rounds,
            invocations: self.invocations,
        }
    }

    /// Whether these are the figures that the documentation shows.
    fn is_whole(&self) -> bool {
        !self.quick && self.only.is_empty() && self.beside.is_empty()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("peers: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Fallible<()> {
    let installed = install::install()?;
    if let Some(host) = &arguments.host
        && !host.is_file()
    {
        let cause = "is not a file. cargo lambda moves what it finds in its target directory, so copy the program first";
        return Err(format!("--host {}: {cause}", host.display()).into());
    }
    let issuer = Issuer::start().await?;
    let mut all = candidates(&installed, &issuer, &arguments.beside)?;
    if !arguments.only.is_empty() {
        all.retain(|candidate| arguments.only.iter().any(|name| name == candidate.name));
    }
    if all.is_empty() {
        return Err("no program has a name of --only; leave it out to see the names".into());
    }
    let rounds = arguments.rounds();
    let with_database: Vec<Candidate> = all
        .iter()
        .filter(|candidate| candidate.uses_database())
        .cloned()
        .collect();
    say("requests, write units and bytes of one order");
    let counts = counts(&with_database).await?;
    let parts = parts(&all, &with_database, rounds).await?;
    let loads = loads(&all, &issuer, arguments.host.clone(), rounds).await?;
    let orders = with_database.iter().find(|it| it.name == "orders");
    let grown = match orders {
        Some(orders) if arguments.is_whole() => growth::growth(orders, arguments.orders).await?,
        _ => Vec::new(),
    };
    let measured = Measured {
        counts,
        grown,
        parts,
        loads,
        rounds,
    };
    let tables = report::text(&measured, &all);
    say(&tables);
    if arguments.is_whole() {
        write(
            "benches/peers/results.json",
            &report::json(&measured, &all)?,
        )?;
        write("docs/peers.svg", &picture::draw(&measured)?)?;
        let page = std::fs::read_to_string(install::root().join(PAGE))?;
        write(PAGE, &report::in_page(&page, &tables)?)?;
        let page = std::fs::read_to_string(install::root().join(CONTAINER_PAGE))?;
        let tables = report::beside(&measured.loads);
        let page = report::in_page(&page, &format!("\n{tables}"))?;
        write(CONTAINER_PAGE, &page)?;
    }
    Ok(())
}

/// Measures every program in each of the three places that it has something to do in.
async fn parts(
    all: &[Candidate],
    with_database: &[Candidate],
    rounds: Rounds,
) -> Fallible<Vec<Part>> {
    let near = Place::plain(Duration::ZERO).await?;
    let far = Place::plain(ADDED).await?;
    let tls = Place::tls(ROUND_TRIP).await?;
    Ok(vec![
        measure::part("loopback", &near, all, rounds).await?,
        measure::part(
            "4 ms added to each database call",
            &far,
            with_database,
            rounds,
        )
        .await?,
        measure::part("TLS, 1 ms to the database", &tls, with_database, rounds).await?,
    ])
}

/// Measures the container's program beside the functions, if both of these are measured.
async fn loads(
    all: &[Candidate],
    issuer: &Issuer,
    program: Option<PathBuf>,
    rounds: Rounds,
) -> Fallible<Vec<Load>> {
    let named = |name: &str| all.iter().find(|candidate| candidate.name == name);
    let (Some(authorizer), Some(orders)) = (named("authorizer"), named("orders")) else {
        return Ok(Vec::new());
    };
    let program = match program {
        Some(program) => program,
        None => install::build_host()?,
    };
    let place = Place::plain(Duration::ZERO).await?;
    let beside = Beside {
        place: &place,
        program: &program,
        authorizer,
        orders,
        issuer,
    };
    beside.measure(rounds).await
}

fn write(file: &str, text: &str) -> Fallible<()> {
    std::fs::write(install::root().join(file), text).map_err(|error| format!("{file}: {error}"))?;
    say(&format!("written: {file}"));
    Ok(())
}

/// Counts what one order and its replay ask of the database.
async fn counts(candidates: &[Candidate]) -> Fallible<Vec<Count>> {
    let place = Place::metered().await?;
    let mut counts = Vec::new();
    for candidate in candidates {
        counts.push(measure::count(&place, candidate, candidate.name).await?);
    }
    Ok(counts)
}

#[expect(clippy::print_stdout, reason = "this is a program for a terminal")]
fn say(text: &str) {
    println!("{text}");
}
