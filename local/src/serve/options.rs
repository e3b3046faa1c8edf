//! What to serve, and how.

use std::net::SocketAddr;

use gateway::AccessLog;
use shared::secret::Secret;
use shared::world::World;
use template::{Template, TemplateError};

use crate::data::DataDirectory;
use crate::functions::Endpoints;
use crate::issuer;

/// What to serve, and how.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, and any combination is meant"
)]
#[derive(Clone, Debug)]
pub struct Options {
    /// The template's text.
    pub template: String,
    /// Values of the template's parameters.
    pub parameters: Vec<(String, String)>,
    /// Where to listen; port 0 is any free one.
    pub listen: SocketAddr,
    /// Where data is kept; without one everything is in memory, secrets too.
    pub data: Option<DataDirectory>,
    /// Whether orders are kept in memory only.
    pub memory: bool,
    /// A DynamoDB that runs already, instead of the embedded one.
    pub dynamodb: Option<String>,
    /// A Redis that runs already and helps orders; without one they need none.
    pub redis: Option<Secret<String>>,
    /// A Discord webhook's URL, instead of the stand-in's.
    pub discord: Option<Secret<String>>,
    /// Whether demo products are put in.
    pub seed: bool,
    /// Whether the edge's headers are added.
    pub edge: bool,
    /// Whether functions run by the clock, too, as the template's schedules say.
    pub schedules: bool,
    /// How requests are logged.
    pub log: AccessLog,
    /// Time, randomness and waiting.
    pub world: World,
}

impl Options {
    /// Everything in memory on any free port, with this repository's template and demo products.
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
            schedules: true,
            log: AccessLog::Off,
            world: World::real(),
        }
    }

    /// The template, evaluated with the parameters.
    pub fn read_template(&self) -> Result<Template, TemplateError> {
        let parameters = self.parameters.iter();
        Template::read(
            &self.template,
            parameters.map(|(name, value)| (name.as_str(), value.as_str())),
        )
    }

    /// The template as the functions get it: with the program's own issuer among the
    /// [`issuer::PARAMETER`], if the template has that parameter.
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
