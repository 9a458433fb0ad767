//! The data dictionary: every view and table with every column, from the comments in the database itself.

use crate::{Result, Table, Warehouse};

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
        let parameters = [("views", self.names.views.as_str()), ("data", self.names.data.as_str())];
        Ok(markdown(&self.ask("dictionary", TABLES, &parameters).await?))
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
