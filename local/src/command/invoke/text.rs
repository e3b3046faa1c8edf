//! `surefire invoke --text`: prints the messages of an event as a phone shows them, and sends nothing.

use std::path::Path;

use alert_forwarder::{Config, preview, render_text};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::super::error::CommandError;
use super::super::output::print;
use super::read_event;

/// Prints the messages of the event in a file, or of each line of standard input.
pub(super) async fn show(config: &Config, file: Option<&Path>) -> Result<(), CommandError> {
    match file {
        Some(path) if path.as_os_str() == "-" => {
            show_lines(config, tokio::io::stdin(), print).await
        }
        file => {
            let (name, text) = read_event(file).await?;
            let event = serde_json::from_str(&text)
                .map_err(|error| CommandError::Event(format!("{name} is not JSON: {error}")))?;
            print(&shown(config, &event))
        }
    }
}

/// The messages of an event, with an empty line after each.
fn shown(config: &Config, event: &Value) -> String {
    let messages = preview(config, event);
    let texts = messages.iter().map(render_text);
    texts.map(|text| text + "\n").collect()
}

/// Shows each line. A line that is not JSON is named, and the stream goes on.
async fn show_lines(
    config: &Config,
    input: impl AsyncRead + Unpin,
    mut print: impl FnMut(&str) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut lines = BufReader::new(input).split(b'\n');
    let mut number = 0;
    while let Some(line) = lines.next_segment().await? {
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(event) => print(&shown(config, &event))?,
            Err(error) => print(&format!("line {number} is not JSON: {error}\n\n"))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{Endpoints, Functions};
    use crate::serve::Options;
    use template::Kind;

    fn config() -> Config {
        let options = Options::in_memory();
        let template = options.read_template_with(&Endpoints::nowhere()).unwrap();
        let (logical, _) = template.function(Kind::AlertForwarder).unwrap();
        Functions::alert_forwarder_config(&template, logical).unwrap()
    }

    const ALARM: &str = r#"{"AlarmName": "orders_5xx", "NewStateValue": "ALARM", "StateChangeTime": "2026-07-19T10:00:00.000+0000", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:orders_5xx"}"#;

    #[tokio::test]
    async fn each_line_is_shown_and_one_that_is_not_json_is_named() {
        let lines = format!("{ALARM}\n\n{{\n{ALARM}\n");
        let mut printed = String::new();
        let print = |text: &str| {
            printed.push_str(text);
            Ok(())
        };
        show_lines(&config(), lines.as_bytes(), print)
            .await
            .unwrap();
        let headline = "🔴 ALARM · orders_5xx · since 2026-07-19 10:00 UTC\n[red] ";
        assert!(printed.starts_with(headline), "{printed}");
        assert_eq!(printed.matches(headline).count(), 2, "{printed}");
        assert!(printed.contains("\n\nline 3 is not JSON: EOF"), "{printed}");
        assert!(printed.contains("\nbutton: "), "{printed}");
    }
}
