//! The text format that Prometheus had before OpenMetrics, version 0.0.4, which most tools read
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

/// The same metrics in it. Where the formats differ, a metric bears the name of its samples, and neither
/// units nor the end are told.
pub fn in_text_format(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut described = None;
    for line in openmetrics.lines() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        // A metric's type comes after its help, and decides the name of both.
        if line.starts_with("# HELP ") {
            described = Some(line);
            continue;
        }
        if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            let help = described.take().and_then(|line| {
                let rest = line.strip_prefix("# HELP ")?.strip_prefix(name)?;
                rest.strip_prefix(' ')
            });
            if let Some(help) = help {
                text += &format!("# HELP {name}{suffix} {help}\n");
            }
            text += &format!("# TYPE {name}{suffix} {kind}\n");
            continue;
        }
        text += line;
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_bears_the_name_of_its_samples() {
        let openmetrics = "# HELP a Some.\n# TYPE a counter\na_total{x=\"1\"} 1\n\
            # HELP b Some.\n# TYPE b info\nb_info{x=\"1\"} 1\n\
            # HELP c_seconds Some.\n# TYPE c_seconds gauge\n# UNIT c_seconds seconds\nc_seconds 1.0\n# EOF\n";
        let text = "# HELP a_total Some.\n# TYPE a_total counter\na_total{x=\"1\"} 1\n\
            # HELP b_info Some.\n# TYPE b_info gauge\nb_info{x=\"1\"} 1\n\
            # HELP c_seconds Some.\n# TYPE c_seconds gauge\nc_seconds 1.0\n";
        assert_eq!(in_text_format(openmetrics), text);
    }
}
