//! The views BI reads, in an order in which each only reads those before it.
//!
//! The first ones show the tables as they stand (`FINAL`, tombstones gone) and decimals beside minor units; the others
//! are reports over them. Each file declares its columns with type and comment: that declaration is the contract.

macro_rules! views {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("views/", $name, ".sql"))),)*]
    };
}

/// Name and definition of every view.
pub(crate) const VIEWS: &[(&str, &str)] = views![
    "web_events",
    "touches",
    "leads",
    "lead_events",
    "stage_entries",
    "handoffs",
    "working_days",
    "handoff_clocks",
    "deals",
    "deal_history",
    "conversions",
    "conversion_credits",
    "credits",
    "credit_ledger",
    "ad_spend",
    "exchange_rates",
    "rejects",
    "attribution_daily",
    "attribution_by_touch_day",
    "attribution",
    "content_daily",
    "content_performance",
    "content_conversion",
    "account_segments",
    "lead_origins",
    "stage_steps",
    "conversion_watch",
    "funnel_daily",
    "funnel",
    "velocity",
    "sla",
    "sla_breaches",
    "verdicts",
    "recycled",
    "lost_reasons",
    "lead_timeline",
    "model_comparison",
    "spend_and_credit",
    "channel_roi",
    "campaign_spend",
    "reconciliation",
];
