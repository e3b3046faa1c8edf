//! The connection to a Redis server: opens it, and sends questions over it.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, ErrorKind, RedisError, Script, Value};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use shared::aws::AwsConfig;
use shared::secret::Secret;
use shared::world::World;

use super::breaker::Breaker;
use super::question::{
    ENTRY_BYTES_MAX, Fault, LOCK_MILLISECONDS, Question, REMEMBERED_SECONDS, Reply,
};
use crate::config::{RedisAddress, RedisConfig, StoreConfig};

/// How long a connection may take to open. No order waits that long, but a later
/// order finds it open.
const OPEN_MAX: Duration = Duration::from_secs(2);

/// Looks for a decision. Without one, takes all locks, or none if another owner has
/// one of them. So no order holds one product while it waits for another. Redis
/// runs a script as one step, so nothing happens between the look and the `SET`.
static ENTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local bytes = redis.pcall('STRLEN', KEYS[1])
        if type(bytes) == 'number' and 0 < bytes and bytes <= tonumber(ARGV[3]) then
            return redis.call('GET', KEYS[1])
        end
        for i = 2, #KEYS do
            local holder = redis.pcall('GET', KEYS[i])
            if holder and holder ~= ARGV[1] then
                return 0
            end
        end
        for i = 2, #KEYS do
            redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2])
        end
        return 1",
    )
});

/// Gives back the locks that the owner still has, then keeps the decision. A full
/// Redis refuses new keys, and by then the locks are free.
static LEAVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        for i = 2, #KEYS do
            if redis.pcall('GET', KEYS[i]) == ARGV[1] then
                redis.call('DEL', KEYS[i])
            end
        end
        if ARGV[3] ~= '' then
            redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[2])
        end
        return 2",
    )
});

type Opening = Shared<BoxFuture<'static, Result<MultiplexedConnection, Fault>>>;

/// A connection that is opened when it is first needed, in the background.
pub(super) struct Connection {
    way: Arc<Way>,
    opening: Mutex<Option<Opening>>,
}

/// What is needed to open a connection.
struct Way {
    address: RedisAddress,
    aws: AwsConfig,
    breaker: Arc<Breaker>,
    world: World,
}

impl Connection {
    pub(super) fn new(
        config: &RedisConfig,
        store: &StoreConfig,
        breaker: Arc<Breaker>,
        world: World,
    ) -> Self {
        let way = Way {
            address: config.address.clone(),
            aws: store.aws.clone(),
            breaker,
            world,
        };
        Self {
            way: Arc::new(way),
            opening: Mutex::default(),
        }
    }

    /// Asks, on the open connection or on a new one. A connection that broke while
    /// it was idle (a frozen Lambda, a restarted server) is replaced once. Every
    /// question can be asked twice without harm.
    pub(super) async fn exchange(&self, question: &Question) -> Result<Reply, Fault> {
        let (connection, is_new) = self.open().await?;
        match ask(connection, question).await {
            Err(Fault::Broken(_)) if !is_new => {
                self.forget();
                let (connection, _) = self.open().await?;
                ask(connection, question).await
            }
            answer => answer,
        }
    }

    /// Drops the connection, unless it is still being opened.
    pub(super) fn forget(&self) {
        let mut opening = self.lock();
        if opening.as_ref().is_some_and(|one| one.peek().is_some()) {
            *opening = None;
        }
    }

    /// The connection, and whether it is new.
    async fn open(&self) -> Result<(MultiplexedConnection, bool), Fault> {
        let (opening, is_new) = {
            let mut held = self.lock();
            match held.as_ref().map(|one| (one.clone(), one.peek().cloned())) {
                Some((opening, Some(Ok(_)))) => (opening, false),
                Some((opening, None)) => (opening, true),
                Some((_, Some(Err(_)))) | None => {
                    let opening = Arc::clone(&self.way).begin();
                    *held = Some(opening.clone());
                    (opening, true)
                }
            }
        };
        opening.await.map(|connection| (connection, is_new))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Opening>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    /// Opens a connection in a task, which goes on even when no order waits for it.
    fn begin(self: Arc<Self>) -> Opening {
        let task = tokio::spawn(async move {
            let opened = tokio::select! {
                biased;
                opened = self.open() => opened,
                () = self.world.sleep(OPEN_MAX) => Err(Fault::NoAnswer),
            };
            match &opened {
                Ok(_) => self.breaker.connected(),
                Err(fault) => {
                    tracing::warn!(%fault, "Redis cannot be reached");
                    self.breaker.failed(fault, self.world.now());
                }
            }
            opened
        });
        let ended = async { task.await.unwrap_or(Err(Fault::NoAnswer)) };
        ended.boxed().shared()
    }

    async fn open(&self) -> Result<MultiplexedConnection, Fault> {
        let url = match &self.address {
            RedisAddress::Url(url) => url.clone(),
            // Read again for each connection: a rotated password needs no deployment.
            RedisAddress::SecretId(id) => secret(&self.aws, id).await?,
        };
        let client = ::redis::Client::open(url.expose().as_str()).map_err(Fault::from)?;
        // The caller limits the wait, with the clock of its world. The redis crate
        // would use the machine's clock.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let opened = client.get_multiplexed_async_connection_with_config(&config);
        opened.await.map_err(Fault::from)
    }
}

/// Reads the URL from Secrets Manager.
async fn secret(aws: &AwsConfig, id: &str) -> Result<Secret<String>, Fault> {
    use aws_sdk_secretsmanager::config::Builder;
    let mut config = Builder::from(&aws.sdk_config());
    config.set_endpoint_url(aws.endpoint("SECRETS_MANAGER"));
    let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
    let answer = client.get_secret_value().secret_id(id).send().await;
    let secret = answer.map_err(|error| {
        use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
        let code = error.code().unwrap_or("no answer");
        Fault::Broken(format!("REDIS_SECRET_ARN cannot be read: {code}"))
    })?;
    let url = secret.secret_string().map(|url| url.trim().to_owned());
    url.map(Secret::new)
        .ok_or_else(|| Fault::Broken("the secret of REDIS_SECRET_ARN is not text".to_owned()))
}

async fn ask(mut connection: MultiplexedConnection, question: &Question) -> Result<Reply, Fault> {
    let (script, decided, locks) = match question {
        Question::Enter { decided, locks, .. } => (&*ENTER, decided, locks),
        Question::Leave { decided, locks, .. } => (&*LEAVE, decided, locks),
    };
    let mut call = script.prepare_invoke();
    call.key(decided).key(locks);
    match question {
        Question::Enter { owner, .. } => {
            call.arg(owner).arg(LOCK_MILLISECONDS).arg(ENTRY_BYTES_MAX);
        }
        Question::Leave { owner, entry, .. } => {
            let entry = entry.as_deref().unwrap_or_default();
            call.arg(owner).arg(REMEMBERED_SECONDS).arg(entry);
        }
    }
    let answer = call
        .invoke_async(&mut connection)
        .await
        .map_err(Fault::from)?;
    match answer {
        // An entry that is not text is not ours. It is overwritten.
        Value::BulkString(bytes) => {
            Ok(Reply::Decided(String::from_utf8(bytes).unwrap_or_default()))
        }
        Value::Int(0) => Ok(Reply::Busy),
        Value::Int(1) => Ok(Reply::Turn),
        Value::Int(2) => Ok(Reply::Left),
        _ => Err(Fault::Refused("an answer of another form".to_owned())),
    }
}

impl From<RedisError> for Fault {
    /// The error's own words may quote the URL, so only its kind is kept.
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension => {
                Self::Refused(error.code().unwrap_or("an error").to_owned())
            }
            kind => Self::Broken(format!("{kind:?}")),
        }
    }
}
