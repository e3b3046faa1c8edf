//! The options of a server.

use std::net::SocketAddr;

use gateway::AccessLog;
use shared::secret::Secret;
use shared::world::World;
use template::{Template, TemplateError};
use watch::Pace;

use crate::data::DataDirectory;
use crate::fault::Fault;
use crate::functions::Endpoints;
use crate::issuer;

/// What to serve, and how.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch, and any combination is allowed"
)]
#[derive(Clone, Debug)]
pub struct Options {
    /// The template's text.
    pub template: String,
    /// Values of the template's parameters.
    pub parameters: Vec<(String, String)>,
    /// The address to listen at; port 0 is any free port.
    pub listen: SocketAddr,
    /// The data directory; without one all data is in memory, even the secrets.
    pub data: Option<DataDirectory>,
    /// Whether orders are kept only in memory.
    pub memory: bool,
    /// The URL of a running DynamoDB, instead of the embedded one.
    pub dynamodb: Option<String>,
    /// The URL of a running Redis for orders, which is optional.
    pub redis: Option<Secret<String>>,
    /// The URL of a Discord webhook, instead of the stand-in's.
    pub discord: Option<Secret<String>>,
    /// Whether demo products are added.
    pub seed: bool,
    /// Whether the edge's headers are added.
    pub edge: bool,
    /// Whether requests over the template's limit are refused.
    pub throttle: bool,
    /// Whether the template's schedules invoke functions.
    pub schedules: bool,
    /// Whether the template's alarms are watched.
    pub watch: bool,
    /// How fast the alarms' minutes and the schedules are.
    pub pace: Pace,
    /// The services that are broken from the start.
    pub faults: Vec<Fault>,
    /// How requests are logged.
    pub log: AccessLog,
    /// Time, randomness and waiting.
    pub world: World,
}

impl Options {
    /// All data in memory, any free port, the shipped template, and demo products. Requests are not
    /// throttled, because tests and load generators send more than the template allows. Nobody watches
    /// the alarms.
    pub fn in_memory() -> Self {
        Self {
            template: template::SHIPPED.to_owned(),
            parameters: Vec::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: None,
            memory: true,
            dynamodb: None,
            redis: None,
            discord: None,
            seed: true,
            edge: true,
            throttle: false,
            schedules: true,
            watch: false,
            pace: Pace::REAL,
            faults: Vec::new(),
            log: AccessLog::Off,
            world: World::real(),
        }
    }

    /// Reads the template with the parameters.
    pub fn read_template(&self) -> Result<Template, TemplateError> {
        let parameters = self.parameters.iter();
        Template::read(
            &self.template,
            parameters.map(|(name, value)| (name.as_str(), value.as_str())),
        )
    }

    /// Reads the template with the program's own issuer in [`issuer::PARAMETER`], if the template
    /// has that parameter.
    pub(crate) fn read_template_with(
        &self,
        endpoints: &Endpoints,
    ) -> Result<Template, TemplateError> {
        let template = self.read_template()?;
        let Some(given) = template.parameters.get(issuer::PARAMETER) else {
            return Ok(template);
        };
        let mut options = self.clone();
        options
            .parameters
            .retain(|(name, _)| name != issuer::PARAMETER);
        let value = issuer::additional(given, &endpoints.aws);
        options
            .parameters
            .push((issuer::PARAMETER.to_owned(), value));
        options.read_template()
    }
}
