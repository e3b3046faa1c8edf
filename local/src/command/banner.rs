//! The banner that `surefire serve` prints when it is ready.

use shared::world::World;

use super::error::CommandError;
use crate::seed::{FIRST_PRICE, FIRST_SKU};
use crate::serve::Running;
use runtime::uuid;

/// The addresses of the API and of Discord's page, and a first order to paste.
pub(super) fn text(
    running: &Running,
    own_discord: bool,
    world: &World,
) -> Result<String, CommandError> {
    let url = running.url();
    let discord = if own_discord {
        "alerts go to the webhook of --discord".to_owned()
    } else {
        format!("{url}/_local/discord")
    };
    let has_orders = running
        .template
        .routes
        .iter()
        .any(|route| route.key() == "POST /orders");
    let alarms = if running.watching.is_some() {
        "`surefire watch` shows them"
    } else {
        "nobody watches them"
    };
    let mut text = format!(
        "\n  Surefire  {url}\n  Shop      {url}/_local/shop\n  Discord   {discord}\n  Alarms    {alarms}\n  Stop      Ctrl-C\n"
    );
    if has_orders {
        let token = running.token("demo", &running.template.scopes().join(" "))?;
        let order = format!(
            r#"{{"currency": "KRW", "lines": [{{"sku": "{FIRST_SKU}", "quantity": 1, "unit_price": {FIRST_PRICE}}}]}}"#
        );
        let key = uuid(world);
        let call = format!(
            "\nPlace an order (the token is valid for an hour; `surefire token` prints another):\n\n\
             curl -i {url}/orders \\\n  \
             -H 'authorization: Bearer {token}' \\\n  \
             -H 'content-type: application/json' \\\n  \
             -H 'idempotency-key: {key}' \\\n  \
             -d '{order}'\n\n"
        );
        text.push_str(&call);
    }
    Ok(text)
}
