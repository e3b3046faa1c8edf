//! `surefire serve`: serves the API until it is stopped.

use std::net::SocketAddr;

use clap::Args;
use shared::secret::Secret;

use watch::Pace;

use super::arguments::{DataArguments, TemplateArguments, Webhook, webhook};
use super::error::CommandError;
use super::output::print;
use super::{banner, log};
use crate::fault::Fault;
use crate::serve::{self, Options};

/// The arguments of `surefire serve`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  surefire serve --memory --listen 127.0.0.1:0
  surefire serve --parameter AllowedOrigins=http://localhost:8080,https://app.example
  surefire serve --dynamodb http://127.0.0.1:8000 --no-seed
  surefire serve --alarm-speed 60 --fault dynamodb=error:60s

The template's alarms are evaluated once a minute, by CloudWatch's rules, over what the functions and services do. Their
messages take the way of AWS: topic, queue, alert forwarder, Discord. No e-mail is sent: /_local/mail lists what AWS
would send. `surefire watch` shows the alarms.

A fault breaks a service: dynamodb=error, throttle, slow:2s, conflict or refuse; secrets=error; discord=error, refuse or gone;
sns=error; schedules=error; and for a function such as orders=error, throttle or slow:3s. Each may end by itself:
dynamodb=slow:2s:60s. POST /_local/fault adds one, DELETE /_local/fault mends all.")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct ServeArguments {
    /// The address of the API; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    template: TemplateArguments,
    /// Keep orders in memory only (secrets stay in the data directory)
    #[arg(long, conflicts_with = "dynamodb")]
    memory: bool,
    /// Use a running DynamoDB, such as DynamoDB Local
    #[arg(long, value_name = "URL")]
    dynamodb: Option<String>,
    /// Use a running Redis for orders (not with --memory: Redis would remember orders that are
    /// gone)
    #[arg(long, value_name = "URL", conflicts_with = "memory")]
    redis: Option<String>,
    /// Send alerts to a real Discord webhook instead of the page at /_local/discord
    #[arg(long, value_name = "URL", value_parser = webhook)]
    discord: Option<Webhook>,
    /// Do not add demo products
    #[arg(long)]
    no_seed: bool,
    /// Serve the API without the edge's CORS and security headers
    #[arg(long)]
    no_edge: bool,
    /// Take more requests than the template allows, for load tests
    #[arg(long)]
    no_throttle: bool,
    /// How many minutes of the alarms and the schedules pass in a minute, up to 600
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = pace)]
    alarm_speed: Pace,
    /// Break a service, such as dynamodb=error:60s; may be given more than once
    #[arg(long, value_name = "FAULT", conflicts_with = "no_watch")]
    fault: Vec<Fault>,
    /// Do not watch the template's alarms
    #[arg(long)]
    no_watch: bool,
}

fn pace(text: &str) -> Result<Pace, String> {
    let speed = text.parse().ok().and_then(Pace::new);
    speed.ok_or_else(|| format!("write a whole number from 1 to {}", Pace::SPEED_MAX))
}

pub(super) async fn run(arguments: ServeArguments) -> Result<(), CommandError> {
    let own_discord = arguments.discord.is_some();
    let discord = arguments.discord.map(Webhook::checked).transpose()?;
    let (options, _) = arguments.template.options()?;
    let options = Options {
        listen: arguments.listen,
        data: Some(arguments.data.directory()),
        memory: arguments.memory,
        dynamodb: arguments.dynamodb,
        redis: arguments.redis.map(Secret::new),
        discord,
        seed: !arguments.no_seed,
        edge: !arguments.no_edge,
        throttle: !arguments.no_throttle,
        watch: !arguments.no_watch,
        pace: arguments.alarm_speed,
        faults: arguments.fault,
        log: log::start(),
        ..options
    };
    // Listen before the start, so that no Ctrl-C is lost.
    let stop = Stop::listen()?;
    let world = options.world.clone();
    let running = serve::start(options).await?;
    print(&banner::text(&running, own_discord, &world)?)?;
    stop.wait().await;
    running.stop().await;
    Ok(())
}

/// Ctrl-C, or SIGTERM.
struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Stop {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn wait(self) {
        // Without Ctrl-C the process must be killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
