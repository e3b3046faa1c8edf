//! Posts rendered messages to the stand-in over real HTTP, as the function does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use alert_forwarder::{Answer, Call, Discord, Message, Timeouts, WebhookUrl};
use discord::message::Message as Kept;
use tokio::runtime::{Builder, Runtime};

use super::stage::serve;
use super::watch::TOKEN;

/// One stand-in for all tests of a process, on a thread of its own.
static CHANNEL: LazyLock<Channel> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let stand_in = discord::Discord::new();
    let router = discord::router(Arc::clone(&stand_in));
    let host = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(serve(router))).join());
    let timeouts = Timeouts {
        total: Duration::from_mins(1),
        ..Timeouts::default()
    };
    Channel {
        runtime,
        stand_in,
        host: host.unwrap(),
        client: Discord::new(timeouts).unwrap(),
        webhooks: AtomicU64::new(1),
    }
});

struct Channel {
    runtime: Runtime,
    stand_in: Arc<discord::Discord>,
    host: String,
    client: Discord,
    webhooks: AtomicU64,
}

/// Posts a message, which must be accepted. Returns the channel's copy.
#[track_caller]
pub(super) fn post(message: &Message) -> Kept {
    let channel = &*CHANNEL;
    // Each message has its own webhook, so that no rate limit applies.
    let id = channel.webhooks.fetch_add(1, Ordering::Relaxed);
    let webhook = format!("{}/api/webhooks/{id}/{TOKEN}", channel.host);
    let webhook = WebhookUrl::parse(&webhook).unwrap();
    let send = channel
        .client
        .send(&webhook, None, Call::Post, message, Duration::from_mins(1));
    // The caller may be inside a runtime, which must not block on another runtime.
    let answered =
        std::thread::scope(|scope| scope.spawn(|| channel.runtime.block_on(send)).join());
    let answer = answered.unwrap().answer;
    let Answer::Accepted(Some(id)) = answer else {
        panic!("{answer:?} {:#?}", message.payload)
    };
    let kept = channel.stand_in.messages().into_iter();
    kept.rev().find(|kept| kept.id == id).unwrap()
}
