//! What operators are given to watch a server with: documents, alerts and the dashboard name all metrics that
//! there are, and none that there is not.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::metrics;

const DOCUMENT: &str = include_str!("../../docs/monitoring.md");
const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.yml");
const ALERT_TESTS: &str = include_str!("../../deploy/prometheus/alerts_test.yml");
const DASHBOARD: &str = include_str!("../../deploy/grafana/usher.json");

/// The metrics that a server shows, each by the name that its samples begin with.
async fn shown() -> BTreeSet<String> {
    let server = metrics::start(&[]).await;
    let text = metrics::read_as(&server, "text/plain").await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

/// The first column of the table below the heading.
fn column(heading: &str) -> Vec<String> {
    let (_, section) = DOCUMENT.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let cells = section.lines().filter_map(|line| {
        let rest = line.strip_prefix("| `")?;
        Some(rest.split('`').next()?.to_owned())
    });
    cells.collect()
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("usher_") || word.starts_with("process_"))
        .map(|word| word.strip_suffix("_bucket").unwrap_or(word).to_owned())
        .collect()
}

#[tokio::test]
async fn the_document_names_every_metric() {
    let documented: BTreeSet<_> = column("\n## Metrics").into_iter().collect();
    assert_eq!(documented, shown().await);
}

#[tokio::test]
async fn alerts_and_dashboard_use_metrics_that_there_are() {
    let shown = shown().await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    let mut expressions = String::new();
    let mut titles = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(titles.insert((title, panel["type"].as_str())), "{title}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions += target["expr"].as_str().unwrap();
            expressions.push('\n');
        }
    }
    for (what, text) in [
        ("the dashboard", &*expressions),
        ("alerts.yml", ALERTS),
        ("alerts_test.yml", ALERT_TESTS),
    ] {
        let named = named(text);
        assert!(named.len() > 10, "{what} names too few: {named:?}");
        let unknown: Vec<_> = named.difference(&shown).collect();
        assert_eq!(unknown, [""; 0], "{what} names what there is not");
    }
}

#[test]
fn every_alert_is_documented_and_tried() {
    let alerts: Vec<String> = ALERTS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .map(str::to_owned)
        .collect();
    assert!(alerts.len() > 10);
    assert_eq!(column("\n## Alerts"), alerts);
    for alert in &alerts {
        let case = format!("  - name: {alert}\n");
        assert!(ALERT_TESTS.contains(&case), "{alert} is never seen to fire");
        let expected = format!("alertname: {alert}\n        exp_alerts: []\n");
        assert!(
            ALERT_TESTS.contains(&expected),
            "{alert} may fire in health"
        );
    }
}
