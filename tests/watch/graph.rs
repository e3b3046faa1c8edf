//! The graph of an alarm in Discord, drawn of what the running services emit; and the alarms' states, as
//! the real SDK reads them.

use std::io::Cursor;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::ProvideErrorMetadata as _;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use discord::message::Message;
use shared::aws::AwsConfig;

use super::load::Load;
use super::stage::{SKU, Stage};
use crate::alerts::pictures::take;

/// The colours of the first line and of the threshold.
const LINE: [u8; 3] = [0x56, 0xb4, 0xe9];
const THRESHOLD: [u8; 3] = [0xff, 0x6b, 0x6b];
const BACKGROUND: [u8; 3] = [0x2b, 0x2d, 0x31];
/// How much a pixel may differ from a colour.
const TOLERANCE: u8 = 24;
/// The alarm that customers notice.
const NAME: &str = "surefire-user-impact";
const FAULT_MINUTES_MAX: u32 = 12;
const MINUTES_MAX: u32 = 500;

/// A decoded picture.
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(bytes: &[u8]) -> Self {
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
        let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut buffer).unwrap();
        assert_eq!(info.color_type, png::ColorType::Rgba);
        let pixels = buffer.chunks_exact(4);
        Self {
            width: usize::try_from(info.width).unwrap(),
            height: usize::try_from(info.height).unwrap(),
            pixels: pixels.map(|it| [it[0], it[1], it[2]]).collect(),
        }
    }

    /// Where pixels of a colour are: across and down, inside the axes.
    fn of(&self, color: [u8; 3]) -> Vec<(usize, usize)> {
        let is_near = |pixel: &[u8; 3]| {
            let pairs = pixel.iter().zip(color);
            pairs
                .into_iter()
                .all(|(one, other)| one.abs_diff(other) <= TOLERANCE)
        };
        let all = self.pixels.iter().enumerate();
        let found = all.filter(|(_, pixel)| is_near(pixel));
        let at = found.map(|(index, _)| (index % self.width, index / self.width));
        // The legend below the axes has the colours too.
        at.filter(|(_, down)| *down < self.height - 70).collect()
    }
}

/// The only picture of a message.
fn picture(message: &Message) -> Picture {
    let [file] = message.files.as_slice() else {
        panic!("{} files: {}", message.files.len(), message.content)
    };
    assert_eq!(file.content_type, "image/png");
    let url = format!("attachment://{}", file.name);
    assert_eq!(message.embeds[0]["image"]["url"], url.as_str());
    Picture::read(&file.bytes)
}

/// The value of a field of the message; empty if there is none.
fn field(message: &Message, name: &str) -> String {
    let fields = message.embeds[0]["fields"].as_array().unwrap();
    let found = fields.iter().find(|field| field["name"] == name);
    let value = found.and_then(|field| field["value"].as_str());
    value.unwrap_or_default().to_owned()
}

fn cloudwatch(stage: &Stage) -> Client {
    let url = stage.shop.running.secrets_url.clone();
    let var = |name: &str| name.starts_with("AWS_").then(|| "test".to_owned());
    let sdk = AwsConfig::from_env(var).unwrap().sdk_config();
    let config = aws_sdk_cloudwatch::config::Builder::from(&sdk).endpoint_url(url);
    Client::from_conf(config.build())
}

/// The state of an alarm, and whether it is a composite alarm.
async fn state(client: &Client, name: &str) -> Option<(StateValue, bool)> {
    let described = client
        .describe_alarms()
        .alarm_names(name)
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .send()
        .await
        .unwrap();
    let metric = described.metric_alarms().first();
    let metric = metric.map(|it| (it.state_value().unwrap().clone(), false));
    let composite = described.composite_alarms().first();
    metric.or(composite.map(|it| (it.state_value().unwrap().clone(), true)))
}

/// The message about the alarm that customers notice, if there is one.
fn shown(stage: &Stage) -> Option<Message> {
    let messages = stage.shop.running.discord.messages();
    messages.into_iter().find(|it| it.content.contains(NAME))
}

/// Lets the database refuse for most of each minute until the alarm fires. The forwarder, which works at the
/// end of a minute, has its table, so that the message can turn green. Returns the message.
async fn break_the_database(stage: &mut Stage) -> Message {
    for _ in 0..FAULT_MINUTES_MAX {
        stage.break_it("dynamodb=refuse:50s");
        stage.minute(Load::Orders(22)).await;
        if let Some(message) = shown(stage) {
            return message;
        }
    }
    panic!("no message in {FAULT_MINUTES_MAX} minutes");
}

/// Mends the database, and waits until the alarm is over.
async fn mend_the_database(stage: &mut Stage) {
    stage.mend();
    for _ in 0..MINUTES_MAX {
        stage.minute(Load::Orders(1)).await;
        if shown(stage).unwrap().content.starts_with("🟢") {
            return;
        }
    }
    panic!("not green in {MINUTES_MAX} minutes");
}

#[tokio::test]
#[ignore = "writes the pictures of the documentation, with chromium"]
async fn pictures_of_an_alarm_are_written() {
    let mut stage = Stage::healthy().await;
    break_the_database(&mut stage).await;
    take(&stage.shop.running.discord, "firing").await;
    mend_the_database(&mut stage).await;
    take(&stage.shop.running.discord, "resolved").await;
    stage.stop().await;
}

#[tokio::test]
async fn a_fault_of_the_database_is_a_red_message_with_its_graph_and_turns_green() {
    let mut stage = Stage::healthy().await;
    let client = cloudwatch(&stage);
    assert_eq!(state(&client, NAME).await, Some((StateValue::Ok, true)));
    let message = break_the_database(&mut stage).await;
    assert!(message.content.starts_with("🔴"), "{}", message.content);
    let errors = field(&message, "Last errors (UTC)");
    assert!(errors.contains("a request failed"), "{errors}");
    // The server has just started.
    assert!(field(&message, "Last deployment").starts_with("<t:"));
    let picture = picture(&message);
    assert_eq!((picture.width, picture.height), (600, 300));
    assert_eq!(picture.pixels[0], BACKGROUND);
    let (line, threshold) = (picture.of(LINE), picture.of(THRESHOLD));
    let highest = line.iter().map(|(_, down)| *down).min().unwrap();
    let left = threshold.iter().map(|(across, _)| *across).min().unwrap();
    let right = threshold.iter().map(|(across, _)| *across).max().unwrap();
    assert!(
        400 < right - left,
        "the threshold goes from {left} to {right}"
    );
    // The row of the threshold has more pixels of its colour than any row of its label.
    let in_row = |row: usize| threshold.iter().filter(|(_, down)| *down == row).count();
    let row = (0..picture.height).max_by_key(|row| in_row(*row)).unwrap();
    assert!(
        highest <= row + 2,
        "the line reaches {highest}, which is below the threshold at {row}"
    );
    assert_eq!(state(&client, NAME).await, Some((StateValue::Alarm, true)));

    mend_the_database(&mut stage).await;
    assert_eq!(state(&client, NAME).await, Some((StateValue::Ok, true)));
    stage.stop().await;
}

#[tokio::test]
async fn the_sdk_reads_alarms_mute_rules_and_errors() {
    let mut stage = Stage::deploy().await;
    stage.shop.stock(SKU, 10).await;
    stage.minute(Load::Orders(1)).await;
    let client = cloudwatch(&stage);
    assert_eq!(state(&client, "surefire-nothing").await, None);
    let name = "surefire-table-system-errors";
    let described = client.describe_alarms().alarm_names(name).send().await;
    let described = described.unwrap();
    let [alarm] = described.metric_alarms() else {
        panic!("{described:?}")
    };
    assert_eq!(alarm.alarm_name(), Some(name));
    assert!(
        alarm
            .alarm_arn()
            .unwrap()
            .ends_with(&format!(":alarm:{name}"))
    );
    assert!(alarm.threshold().is_some());
    assert!(!alarm.metrics().is_empty() || alarm.metric_name().is_some());
    let rules = client.list_alarm_mute_rules().alarm_name(name).send().await;
    assert!(rules.unwrap().alarm_mute_rule_summaries().is_empty());

    let widget = r#"{"metrics": [["N", "m", "D"]]}"#;
    let image = client.get_metric_widget_image().metric_widget(widget);
    let refused = image.send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValueException"));
    assert!(refused.message().unwrap().contains("no value"));
    let unknown = client.list_dashboards().send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("UnknownOperationException"));
    stage.stop().await;
}
