//! The rules of the alarms: what each says, where it goes, and how composites join them.

use std::collections::{BTreeMap, BTreeSet};

use alert_forwarder::{Severity, Span, parse, unwrap};
use serde_json::json;
use template::Stack;

use super::alarm::{Alarm, TEST_ALARM, alarms, anchor, full};
use super::{keeps, names, texts, with};

const RUNBOOK: &str = include_str!("../../docs/runbook.md");

/// The choices that decide which alarms exist.
const CHOICES: [(&str, &[&str]); 3] = [
    ("Components", &["all", "authorizer", "alert-forwarder"]),
    ("Monitoring", &["core", "full"]),
    ("EnableOrderEvents", &["true", "false"]),
];

/// Metrics that say whether the data is right, or whether something still runs.
const INTEGRITY: [&str; 4] = [
    "AuditorHeartbeat",
    "IntegrityViolation",
    "OldestOverdueHoldSeconds",
    "SweeperHeartbeat",
];

fn sections(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    headings.map(anchor).collect()
}

/// What the forwarder shows of an alarm: its severity, the address of the runbook, and its words.
fn shown(alarm: &Alarm<'_>) -> (Severity, Option<String>, String) {
    let message = json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description(),
        "NewStateValue": "ALARM",
        "AlarmArn": format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{}", alarm.name),
    });
    let record = json!({"EventSource": "aws:sns", "Sns": {"MessageId": "1", "Message": message.to_string()}});
    let event = parse(&unwrap(&json!({"Records": [record]}), "request-1").notifications[0]);
    let runbook = event.links.iter().find(|link| link.label == "Runbook");
    let runbook = runbook.map(|link| link.url.as_str().to_owned());
    let words = event.reason.0.iter().map(|span| match span {
        Span::Text(text) => text.as_str(),
        Span::Link(_) | Span::Time(_) => "",
    });
    (event.severity, runbook, words.collect())
}

/// What is wrong with the alarms' descriptions.
fn described(text: &str) -> Vec<String> {
    let stack = match full(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let sections = sections(RUNBOOK);
    let mut faults = Vec::new();
    for alarm in alarms(&stack) {
        let mut want = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{}: {what}", alarm.logical));
            }
        };
        let (severity, runbook, words) = shown(&alarm);
        want(alarm.severity().is_some(), "no severity");
        want(
            alarm.severity().is_none_or(|own| own == severity),
            "the forwarder reads another severity",
        );
        want(
            runbook.is_some_and(|url| url.ends_with(&format!("#{}", alarm.section()))),
            "the forwarder finds no runbook",
        );
        want(
            sections.contains(alarm.section()),
            "docs/runbook.md has no such section",
        );
        let sentences = words.trim_end();
        want(
            20 < sentences.len() && sentences.ends_with('.') && !sentences.contains("severity"),
            "it does not say what it means",
        );
        // Without this line, the button Logs opens a group that does not exist.
        let named = alarm.description().rsplit_once("\nlogs: ");
        let groups = stack.of_kind("AWS::Logs::LogGroup");
        let names: BTreeSet<&str> = groups
            .filter_map(|(_, it)| it.reference.as_deref())
            .collect();
        let to_discord = alarm
            .actions()
            .iter()
            .any(|it| it.ends_with("-AlertsTopic"));
        want(
            !to_discord
                || alarm.logical == TEST_ALARM
                || named.is_some_and(|(_, all)| all.split(", ").all(|it| names.contains(it))),
            "it names no log group, or one that is absent",
        );
        // The limit of CloudWatch.
        want(alarm.description().len() <= 1_024, "too long");
    }
    faults
}

#[test]
fn every_alarm_says_what_it_means_how_bad_it_is_and_where_its_runbook_is() {
    assert!(50 < alarms(&full(&super::text()).unwrap()).len());
    keeps(described);
}

#[test]
fn an_alarm_that_does_not_say_enough_is_named() {
    for (from, to, expected) in [
        ("severity: warning", "severity: bad", "no severity"),
        (
            "runbook: ${RunbookUrl}",
            "see ${RunbookUrl}",
            "the forwarder finds no runbook",
        ),
        (
            "#function-errors",
            "#functions",
            "docs/runbook.md has no such section",
        ),
        ("same key.", "same key", "it does not say what it means"),
    ] {
        let expected = format!("OrdersErrorsAlarm: {expected}");
        names(described, &with("OrdersErrorsAlarm", from, to), &expected);
    }
    for to in ["", "logs: /aws/lambda/orders", "logs: ${ApiLogs}, orders"] {
        let from = "logs: ${ApiLogs}, ${OrdersLogs}, ${AuthorizerLogs}";
        let broken = with("UserImpactAlarm", from, to);
        let expected = "UserImpactAlarm: it names no log group, or one that is absent";
        names(described, &broken, expected);
    }
}

/// Alarms that nobody hears of, or that say the same as another.
fn acting(text: &str) -> Vec<String> {
    let stack = match full(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let alarms = alarms(&stack);
    let in_composites: BTreeSet<&str> = alarms
        .iter()
        .flat_map(Alarm::children)
        .map(|(_, name)| name)
        .collect();
    let topics: BTreeSet<&str> = stack
        .of_kind("AWS::SNS::Topic")
        .filter_map(|(_, topic)| topic.reference.as_deref())
        .collect();
    let mut faults = Vec::new();
    for alarm in &alarms {
        let mut want = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{}: {what}", alarm.logical));
            }
        };
        let actions = alarm.actions();
        let child = in_composites.contains(alarm.name);
        want(
            child || !actions.is_empty(),
            "no actions, and in no composite",
        );
        want(
            !child || actions.is_empty(),
            "it tells people what its composite tells them too",
        );
        want(
            actions.iter().all(|action| topics.contains(action)),
            "it acts on something else than a topic of the stack",
        );
        // The end of the daily test says nothing, and the test itself says that it is not missed any more.
        let ends = alarm.logical == TEST_ALARM
            || alarm.misses()
            || texts(&alarm.properties["OKActions"]) == actions;
        want(ends, "nobody hears of its end");
        want(
            alarm.properties.get("ActionsEnabled").is_none(),
            "its actions may be off",
        );
    }
    faults
}

#[test]
fn every_alarm_acts_or_is_in_a_composite() {
    keeps(acting);
}

#[test]
fn an_alarm_that_nobody_hears_of_is_named() {
    let out = |composite: &str, child: &str| {
        let line = format!("          - !Sub 'ALARM(\"${{{child}}}\")'\n");
        with(composite, &line, "")
    };
    let broken = out("ServiceDegradedAlarm", "TableConflictsAlarm");
    names(acting, &broken, "TableConflictsAlarm: no actions");
    let missing = "      TreatMissingData: notBreaching\n";
    let more = format!("{missing}      AlarmActions: [!Ref AlertsTopic]\n");
    let broken = with("TableConflictsAlarm", missing, &more);
    names(acting, &broken, "its composite tells them too");
    let broken = with(
        "OverdueHoldsAlarm",
        "      OKActions: [!Ref AlertsTopic]\n",
        "",
    );
    names(
        acting,
        &broken,
        "OverdueHoldsAlarm: nobody hears of its end",
    );
    let action = "      AlarmActions: [!Ref AlertsTopic]\n";
    let broken = with(
        "OverdueHoldsAlarm",
        action,
        "      AlarmActions: [!Ref AlertsQueue]\n",
    );
    names(
        acting,
        &broken,
        "OverdueHoldsAlarm: it acts on something else",
    );
}

/// What is wrong with the composites, under every combination of the parameters.
fn composites(text: &str) -> Vec<String> {
    let mut faults = BTreeSet::new();
    let [components, monitoring, events] = CHOICES.map(|(name, values)| (name, values));
    for component in components.1 {
        for level in monitoring.1 {
            for event in events.1 {
                let chosen = [
                    (components.0, *component),
                    (monitoring.0, *level),
                    (events.0, *event),
                ];
                match Stack::read(text, chosen) {
                    Ok(stack) => composites_of(&stack, &chosen, &mut faults),
                    Err(error) => {
                        faults.insert(format!("with {chosen:?}: {error}"));
                    }
                }
            }
        }
    }
    faults.into_iter().collect()
}

fn composites_of(stack: &Stack, chosen: &[(&str, &str)], faults: &mut BTreeSet<String>) {
    let alarms = alarms(stack);
    let named: BTreeMap<&str, &Alarm<'_>> = alarms.iter().map(|it| (it.name, it)).collect();
    for alarm in alarms.iter().filter(|alarm| alarm.rule().is_some()) {
        let mut fault = |what: String| {
            faults.insert(format!("{}: {what}", alarm.logical));
        };
        let suppressor = alarm.properties["ActionsSuppressor"].as_str();
        let children = alarm.children();
        let referred = children.iter().map(|(_, name)| *name).chain(suppressor);
        for name in referred.filter(|name| !named.contains_key(name)) {
            fault(format!("{name} does not exist with {chosen:?}"));
        }
        let found: Vec<(&str, &Alarm<'_>)> = children
            .iter()
            .filter_map(|(state, name)| Some((*state, *named.get(name)?)))
            .collect();
        if found.is_empty() {
            fault("it has no children".to_owned());
        }
        // Another child joins a red composite silently, so all must be as bad as it says.
        for (_, child) in found.iter().filter(|(state, _)| *state == "ALARM") {
            if child.severity() != alarm.severity() {
                fault(format!("{} has another severity", child.logical));
            }
        }
        // What must never be silent is alone with alarms on the same metric.
        let metrics: BTreeSet<&str> = found
            .iter()
            .flat_map(|(_, child)| child.metrics())
            .map(|metric| metric.name)
            .collect();
        let own = |child: &Alarm<'_>| {
            child.logical.starts_with("Alert")
                || child
                    .metrics()
                    .iter()
                    .any(|it| INTEGRITY.contains(&it.name))
        };
        if 1 < metrics.len() {
            for (_, child) in found.iter().filter(|(_, child)| own(child)) {
                fault(format!("{} must not be silent in it", child.logical));
            }
        }
    }
}

#[test]
fn composites_name_what_is_deployed_and_have_one_severity() {
    keeps(composites);
}

#[test]
fn a_composite_that_hides_an_alarm_or_names_an_absent_one_is_named() {
    let first = "        - - !Sub 'ALARM(\"${ApiServerErrorsHighAlarm}\")'\n";
    let joined = |child: &str| {
        let more = format!("{first}          - !Sub 'ALARM(\"${{{child}}}\")'\n");
        with("UserImpactAlarm", first, &more)
    };
    let fault = "UserImpactAlarm: ApiServerErrorsAlarm has another severity";
    names(composites, &joined("ApiServerErrorsAlarm"), fault);
    let fault = "UserImpactAlarm: OverdueHoldsAlarm must not be silent in it";
    names(composites, &joined("OverdueHoldsAlarm"), fault);
    let fault = "UserImpactAlarm: AlertsWaitAlarm must not be silent in it";
    names(composites, &joined("AlertsWaitAlarm"), fault);

    // Without a condition, the name dangles when the alarm is left out.
    let full = "          - !If [WithFullMonitoring, !Sub 'ALARM(\"${ApiLatencyAlarm}\")', !Ref AWS::NoValue]\n";
    let always = "          - !Sub 'ALARM(\"${ApiLatencyAlarm}\")'\n";
    let broken = with("ServiceDegradedAlarm", full, always);
    names(composites, &broken, "`ApiLatencyAlarm` does not exist");
    let written = "          - !Sub 'ALARM(\"${AWS::StackName}-api-latency\")'\n";
    let broken = with("ServiceDegradedAlarm", full, written);
    let fault = "ServiceDegradedAlarm: surefire-api-latency does not exist with";
    names(composites, &broken, fault);
    let broken = with("SloBudgetAlarm", "!Ref SloBurnAlarm", "surefire-nothing");
    names(composites, &broken, "surefire-nothing does not exist");
}
