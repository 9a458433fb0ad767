//! The dashboards ask questions that the views can answer.

use crate::rows::world;
use crate::server::{ask, holding, run};
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/grafana");

/// What a panel asks, as Grafana would send it.
pub(crate) struct Question {
    /// Name of the dashboard's file.
    pub(crate) file: String,
    title: String,
    pub(crate) sql: String,
}

/// The questions of every panel of every dashboard.
pub(crate) fn questions() -> Vec<Question> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(FOLDER).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let file = path.file_name().unwrap().to_string_lossy();
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = format!("{}: {}", dashboard["title"], panel["title"]);
            let sql = panel["targets"].as_array().unwrap().iter().filter_map(|target| target["rawSql"].as_str());
            found.extend(sql.map(|sql| Question { file: file.to_string(), title: title.clone(), sql: expanded(sql) }));
        }
    }
    found
}

fn expanded(sql: &str) -> String {
    let mut sql = sql.replace("${workspace}", "w").replace("${model}", "linear");
    for filter in ["$__dateFilter(", "$__timeFilter("] {
        while let Some((before, rest)) = sql.split_once(filter) {
            let (column, after) = rest.split_once(')').unwrap();
            sql = format!("{before}{column} BETWEEN '2026-01-01' AND '2026-12-31'{after}");
        }
    }
    sql
}

/// Panels that have nothing to show of the small world: nothing is wrong with it, and nothing was evaluated.
const EMPTY: [&str; 4] = ["Conversion watch", "Alarms of", "Books that", "Spend that"];

#[test]
fn every_panel_is_answered() {
    run(async {
        let warehouse = holding("dashboards", &[world()]).await;
        let questions = questions();
        assert_eq!(questions.len(), 16);
        for Question { title, sql, .. } in questions {
            let answer = ask(&warehouse, &sql.replace("'w_shaped'", "'linear'")).await;
            let empty = EMPTY.iter().any(|panel| title.contains(panel));
            assert_eq!(answer.is_empty(), empty, "{title}: {answer}\n{sql}");
        }
    });
}
