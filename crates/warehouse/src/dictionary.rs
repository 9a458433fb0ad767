//! The data dictionary: every view and table with every column, from the comments in the database itself.

use crate::{Result, Table, Warehouse};
use serde_json::Value;

const TABLES: &str = "
SELECT database = {views:String} AS view, t.name, t.comment, c.name, c.type, c.comment
FROM system.tables AS t
INNER JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
WHERE t.database IN ({views:String}, {data:String})
ORDER BY view DESC, t.name, c.position";

impl Warehouse {
    /// Views and tables as Markdown. The comments come from the server, so what is written is what BI tools show.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn dictionary(&self) -> Result<String> {
        Ok(markdown(&self.described().await?))
    }

    /// The views as the sources of a dbt project, with the descriptions and types of [`Warehouse::dictionary`].
    ///
    /// # Errors
    /// Those of the server.
    pub async fn dbt_sources(&self) -> Result<String> {
        Ok(sources(&self.described().await?))
    }

    async fn described(&self) -> Result<Table> {
        let parameters = [("views", self.names.views.as_str()), ("data", self.names.data.as_str())];
        self.ask("dictionary", TABLES, &parameters).await
    }
}

fn markdown(columns: &Table) -> String {
    let mut out = "# Tables and views\n\nGenerated from the comments in the database; do not edit. \
        Read the views: they are right without FINAL, versions or generations. \
        The tables behind them are listed last.\n"
        .to_owned();
    let mut before = (String::new(), String::new());
    for row in &columns.rows {
        let [view, table, about, column, kind, comment] = row.as_slice() else { continue };
        let section = if view.to_string() == "1" { "Views" } else { "Tables of a generation" };
        let here = (section.to_owned(), table.to_string());
        if before.0 != here.0 {
            out += &format!("\n## {section}\n");
        }
        if before != here {
            out += &format!("\n### `{table}`\n\n{about}\n\n| column | type | |\n|---|---|---|\n");
            before = here;
        }
        out += &format!("| `{column}` | `{kind}` | {comment} |\n");
    }
    out
}

fn sources(columns: &Table) -> String {
    let mut out = "# Generated from the comments in the database; do not edit.\n\
        version: 2\n\n\
        sources:\n  \
        - name: smarketing\n    \
        description: \"The views of smarketing: right without FINAL, versions or generations.\"\n    \
        schema: \"{{ var('smarketing_database', 'smarketing') }}\"\n    \
        tables:\n"
        .to_owned();
    let mut before = String::new();
    for row in &columns.rows {
        let [view, table, about, column, kind, comment] = row.as_slice() else { continue };
        if view.to_string() != "1" {
            continue;
        }
        if before != table.to_string() {
            before = table.to_string();
            out += &format!("      - name: {table}\n        description: {}\n        columns:\n", quoted(about));
        }
        out += &format!("          - name: {column}\n            data_type: {}\n", quoted(kind));
        out += &format!("            description: {}\n", quoted(comment));
    }
    out
}

/// A JSON string is a YAML string.
fn quoted(text: impl ToString) -> Value {
    Value::from(text.to_string())
}
