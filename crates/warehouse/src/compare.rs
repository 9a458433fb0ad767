//! Two sets of tables held against each other, row for row: what an audit expects and what a generation holds.

use crate::cluster::holder;
use crate::error::within;
use crate::{Error, Result, Warehouse};
use smarketing_kernel::row::Table;

/// Keys named for each way in which tables differ.
const EXAMPLES: usize = 5;

/// How a table compares with what was expected of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Rows expected.
    pub expected: u64,
    /// Rows found.
    pub found: u64,
    /// Keys expected and not found, with the first of them.
    pub missing: (u64, Vec<String>),
    /// Keys found and not expected.
    pub extra: (u64, Vec<String>),
    /// Keys whose rows differ.
    pub different: (u64, Vec<String>),
}

impl Comparison {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.missing.0 + self.extra.0 + self.different.0 == 0
    }
}

/// A comparison as the server answers it.
#[derive(clickhouse::Row, serde::Deserialize)]
struct Counted {
    expected: u64,
    found: u64,
    missing: u64,
    missed: Vec<String>,
    extra: u64,
    surplus: Vec<String>,
    different: u64,
    differing: Vec<String>,
}

/// Columns that say who wrote a row when; the rest is what it says.
const STAMP: &str = "partition, version, is_deleted, row_digest";

impl Warehouse {
    /// Empty tables beside those of the generations, for what an audit expects; views never show them.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn expectation(&self) -> Result<Self> {
        let mut expected = self.clone();
        expected.names.data = format!("{}_audit", self.names.views);
        expected.drop_tables().await?;
        expected.migrate(crate::MIGRATIONS).await?;
        Ok(expected)
    }

    /// Compares a table with what `expected` holds of it, column by column. Of the ledger it compares the balances:
    /// what is expected of them are the conversions and their credit.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn compare(&self, expected: &Self, table: Table) -> Result<Comparison> {
        let sides = if table == Table::CreditLedger {
            [expected.balances(Table::Conversions), self.balances(table)]
        } else {
            let key = self.sorting_key(table).await?;
            [expected.side(table, &key), self.side(table, &key)]
        };
        let [want, have] = sides;
        let examples = |state: &str| format!("arraySort(groupArrayIf({EXAMPLES})(key, {state}))");
        let (missing, extra, different) = ("has = 0", "wants = 0", "wants > 0 AND has > 0 AND want != have");
        let sql = format!(
            "SELECT sum(wants) AS expected, sum(has) AS found, countIf({missing}) AS missing, {} AS missed,
                countIf({extra}) AS extra, {} AS surplus, countIf({different}) AS different, {} AS differing
            FROM (
                SELECT key, countIf(side) AS wants, countIf(NOT side) AS has, sumIf(hash, side) AS want, sumIf(hash, NOT side) AS have
                FROM (SELECT *, true AS side FROM ({want}) UNION ALL SELECT *, false AS side FROM ({have}))
                GROUP BY key
            )
            SETTINGS do_not_merge_across_partitions_select_final = 1, max_bytes_before_external_group_by = 1000000000",
            examples(missing),
            examples(extra),
            examples(different),
        );
        let row = self.service.query_raw(&sql).fetch_one::<Counted>();
        let row = within(10 * self.options.query_timeout, table.word(), row).await?;
        Ok(Comparison {
            expected: row.expected,
            found: row.found,
            missing: (row.missing, row.missed),
            extra: (row.extra, row.surplus),
            different: (row.different, row.differing),
        })
    }

    async fn sorting_key(&self, table: Table) -> Result<String> {
        let sql = format!(
            "SELECT sorting_key FROM system.tables WHERE database = '{}' AND name = '{}'",
            self.names.data,
            holder(self.options.cluster.as_ref(), table.word())
        );
        let key = self.service.query_raw(&sql).fetch_optional::<String>();
        let key = within(self.options.query_timeout, table.word(), key).await?;
        let absent =
            || Error::Answer { subject: table.word().to_owned(), message: "there is no such table".to_owned() };
        key.ok_or_else(absent)
    }

    /// Key and hash of every row.
    fn side(&self, table: Table, key: &str) -> String {
        let (data, table) = (&self.names.data, table.word());
        format!(
            "SELECT toString(tuple({key})) AS key, sipHash64(toString(tuple(* EXCEPT ({STAMP})))) AS hash FROM {data}.{table} FINAL"
        )
    }

    /// Key and hash of every balance that is not zero: what entries, or conversions, say beside amounts, and the sums.
    fn balances(&self, table: Table) -> String {
        let (data, table) = (&self.names.data, table.word());
        format!(
            "SELECT toString(tuple(workspace, conversion, kind, subject, persona, deal_type, converted_at, currency,
                    reporting_currency, split.1, id, if(id = '', toDateTime64(0, 3, 'UTC'), at), touched, touched_persona,
                    touched_kind, repeat, channel, subchannel, source, medium, campaign, content, content_group, buyer_stage)) AS key,
                sipHash64(toString(tuple(sum(micro), sum(minor), sum(reporting)))) AS hash
            FROM (
                SELECT * EXCEPT (models, micro_credits, credit_minor, reporting_credit_minor),
                    arrayJoin(arrayZip(models, micro_credits, credit_minor, reporting_credit_minor)) AS split
                FROM {data}.{table} FINAL
            )
            ARRAY JOIN touch_id AS id, touch_at AS at, touch_lead AS touched, touch_persona AS touched_persona,
                touch_kind AS touched_kind, touch_repeat AS repeat, touch_channel AS channel,
                touch_subchannel AS subchannel, touch_source AS source, touch_medium AS medium, touch_campaign AS campaign, touch_content AS content,
                touch_content_group AS content_group, touch_buyer_stage AS buyer_stage,
                split.2 AS micro, split.3 AS minor, split.4 AS reporting
            GROUP BY key HAVING (sum(micro), sum(minor), sum(reporting)) != (0, 0, 0)"
        )
    }
}
