//! Questions people ask, each with its answer as a small table.
//!
//! Each question is a file in `report/`; values only travel as parameters, and SQL is never built from them.

use crate::{Result, Table, Warehouse};
use smarketing_kernel::time::Day;

/// Which part of the data a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The workspace.
    pub workspace: String,
    /// First day, inclusive; from the beginning where there is none.
    pub from: Option<Day>,
    /// Last day, inclusive; until the end where there is none.
    pub to: Option<Day>,
}

impl Scope {
    /// All time of a workspace.
    #[must_use]
    pub fn all(workspace: &str) -> Self {
        Self { workspace: workspace.to_owned(), from: None, to: None }
    }
}

/// What a report tells apart. Not every report knows all of them; what one does not know is not told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum By {
    /// The channel.
    Channel,
    /// The source, as in UTM.
    Source,
    /// The campaign, as in UTM.
    Campaign,
    /// The content that made the lead.
    Content,
    Persona,
    /// The segment of the account.
    AccountSegment,
    Rep,
    /// The month of the cohort.
    Month,
    /// The band of the score.
    Score,
    /// The version of the definitions, and what qualified.
    Definition,
}

impl By {
    /// Its name in the questions.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Source => "source",
            Self::Campaign => "campaign",
            Self::Content => "content",
            Self::Persona => "persona",
            Self::AccountSegment => "account_segment",
            Self::Rep => "rep",
            Self::Month => "month",
            Self::Score => "score",
            Self::Definition => "definition",
        }
    }
}

fn word(by: Option<By>) -> &'static str {
    by.map_or("", By::word)
}

/// A lead's page: one row of profile, and what happened to it in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadPage {
    /// One row; none for a lead that is not there.
    pub profile: Table,
    /// Touches, page views, stages, mails, calls and verdicts; the latest where there are very many.
    pub timeline: Table,
}

/// A deal's page: how it stands, what it earned for whom, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealPage {
    /// One row; none for a deal that is not there.
    pub deal: Table,
    /// Its conversions.
    pub conversions: Table,
    /// Its journey touch by touch with event ids, and the credit of every model beside it.
    pub journey: Table,
    /// The signed entries that made that credit; the latest where there are very many, and then not all of it.
    pub ledger: Table,
    /// Its changes; the latest where there are very many.
    pub history: Table,
}

macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("report/", $name, ".sql"))
    };
}

impl Warehouse {
    /// Acquisition and credit by channel, source or campaign: leads by the origin of their first touch; won deals and
    /// revenue of the deals whose first contact is such a lead; and beside it what `model` credits. Amounts are in the
    /// reporting currency where a rate is known, otherwise in the deal's.
    ///
    /// # Errors
    /// Those of the server, as for every question here.
    pub async fn channels(&self, scope: &Scope, model: &str, by: By) -> Result<Table> {
        self.report("channels", sql!("channels"), scope, &[("model", model), ("by", by.word())]).await
    }

    /// What `model` credits to each piece of content.
    pub async fn content(&self, scope: &Scope, model: &str) -> Result<Table> {
        self.report("content", sql!("content"), scope, &[("model", model)]).await
    }

    /// Which content converts: audience, influence, and the share of the leads it touched that were qualified, held
    /// against its peers.
    pub async fn content_conversion(&self, scope: &Scope) -> Result<Table> {
        self.report("content", sql!("content_conversion"), scope, &[]).await
    }

    /// How many of those who entered a stage in the time have reached the next one since, by month, channel, source,
    /// campaign, content, persona, account segment or rep where `by` says so, and how many of the entries were returns.
    pub async fn funnel(&self, scope: &Scope, by: Option<By>) -> Result<Table> {
        self.report("funnel", sql!("funnel"), scope, &[("by", word(by))]).await
    }

    /// How many days they took.
    pub async fn velocity(&self, scope: &Scope, by: Option<By>) -> Result<Table> {
        self.report("velocity", sql!("velocity"), scope, &[("by", word(by))]).await
    }

    /// Leads that were recycled or disqualified in the time, why, and how many came back.
    pub async fn recycled(&self, scope: &Scope, by: Option<By>) -> Result<Table> {
        self.report("recycled", sql!("recycled"), scope, &[("by", word(by))]).await
    }

    /// Hand-offs by rep, in time when sales acted within so many working hours, or those of the calendar where none
    /// are named.
    pub async fn sla(&self, scope: &Scope, hours: Option<u32>) -> Result<Table> {
        self.report("sla", sql!("sla"), scope, &[("hours", &hours.unwrap_or(0).to_string())]).await
    }

    /// Hand-offs sales answered too late, or should have by now; those that still wait first.
    pub async fn breaches(&self, scope: &Scope) -> Result<Table> {
        self.report("sla", sql!("sla_breaches"), scope, &[]).await
    }

    /// What sales said of the hand-offs, by channel or what `by` names.
    pub async fn verdicts(&self, scope: &Scope, by: Option<By>) -> Result<Table> {
        self.report("verdicts", sql!("verdicts"), scope, &[("by", word(by))]).await
    }

    /// What a revenue of `target`, in the reporting currency, takes at the rates of the time: deals, leads of each
    /// stage, visitors; with 95 % ranges, in which the uncertainty of every rate on the way and of the size of a deal
    /// adds up as that of independent factors does. Rates of stages are of those who entered longer ago than nine of ten
    /// take to go on; `too_young` are the others.
    pub async fn goal(&self, scope: &Scope, target: u64) -> Result<Table> {
        self.report("goal", sql!("goal"), scope, &[("target", &target.to_string())]).await
    }

    /// Spend of the days, what `model` credits to conversions of the days, and what each lead, deal and customer cost.
    pub async fn spend(&self, scope: &Scope, model: &str, by: Option<By>) -> Result<Table> {
        self.report("spend", sql!("spend"), scope, &[("model", model), ("by", word(by))]).await
    }

    /// Spend of the days, and the revenue `model` credits to wins of the days, by channel; realised is what it credits to
    /// touches of the days, whenever they won.
    pub async fn roi(&self, scope: &Scope, model: &str) -> Result<Table> {
        self.report("roi", sql!("roi"), scope, &[("model", model)]).await
    }

    /// The models there is credit of, in their order.
    pub async fn credited_models(&self, workspace: &str) -> Result<Vec<String>> {
        let found = self.ask("models", sql!("credited_models"), &[("workspace", workspace)]).await?;
        Ok(found.rows.iter().flatten().map(ToString::to_string).collect())
    }

    /// All models side by side by channel: credit for `opportunity` and `won` (in the reporting currency where a rate
    /// is known), conversions for the other kinds.
    pub async fn models(&self, scope: &Scope, kind: &str) -> Result<Table> {
        Ok(self.report("models", sql!("models"), scope, &[("kind", kind)]).await?.pivot())
    }

    /// Why deals were lost and hand-offs turned down, by the touches that had brought them under `model`: by channel or
    /// what `by` names.
    pub async fn lost(&self, scope: &Scope, model: &str, by: Option<By>) -> Result<Table> {
        self.report("lost", sql!("lost"), scope, &[("model", model), ("by", word(by))]).await
    }

    /// Journeys of closed deals as paths of channels, with how often they won and lost: what data-driven models are
    /// fitted on.
    pub async fn paths(&self, scope: &Scope) -> Result<Table> {
        self.report("paths", sql!("paths"), scope, &[]).await
    }

    /// The latest evaluation of the conversion watch in the time: every step of the funnel, and the segments that fell.
    pub async fn watched(&self, scope: &Scope) -> Result<Table> {
        self.report("watch", sql!("watch"), scope, &[]).await
    }

    /// Booked against credited against the ledger, by model and kind: `days_wrong` must be 0 everywhere.
    pub async fn reconciliation(&self, scope: &Scope) -> Result<Table> {
        self.report("reconciliation", sql!("reconciliation"), scope, &[]).await
    }

    /// What must be watched over, in all workspaces: `reconciliation` with the amount and number of rows that do not add up, and `sla`
    /// with how many hand-offs of the 30 days before `day` were answered too late, or still wait (`open`).
    pub async fn health(&self, day: Day) -> Result<Table> {
        self.ask("health", sql!("health"), &[("day", &day.to_string())]).await
    }

    /// Profile and timeline of a lead, named by its hexadecimal id.
    pub async fn lead(&self, workspace: &str, lead: &str) -> Result<LeadPage> {
        let named = [("workspace", workspace), ("lead", lead)];
        Ok(LeadPage {
            profile: self.ask("lead", sql!("lead_profile"), &named).await?,
            timeline: self.ask("lead", sql!("lead_timeline"), &named).await?.reversed(),
        })
    }

    /// A deal with its credit per touch and model, and where each number comes from.
    pub async fn deal(&self, workspace: &str, deal: &str) -> Result<DealPage> {
        let named = [("workspace", workspace), ("deal", deal)];
        Ok(DealPage {
            deal: self.ask("deal", sql!("deal"), &named).await?,
            conversions: self.ask("deal", sql!("deal_conversions"), &named).await?,
            journey: self.ask("deal", sql!("deal_journey"), &named).await?.pivot(),
            ledger: self.ask("deal", sql!("deal_ledger"), &named).await?.reversed(),
            history: self.ask("deal", sql!("deal_history"), &named).await?.reversed(),
        })
    }

    /// Dead letters by stream and reason.
    pub async fn rejects(&self) -> Result<Table> {
        self.ask("rejects", sql!("rejects"), &[]).await
    }

    /// One dead letter with its bytes.
    pub async fn reject(&self, stream: &str, position: u64) -> Result<Table> {
        let position = position.to_string();
        self.ask("reject", sql!("reject"), &[("stream", stream), ("position", &position)]).await
    }

    async fn report(&self, name: &str, sql: &str, scope: &Scope, more: &[(&str, &str)]) -> Result<Table> {
        let day = |day: Option<Day>, open: &str| day.map_or_else(|| open.to_owned(), |day| day.to_string());
        let (from, to) = (day(scope.from, "1970-01-01"), day(scope.to, "2149-06-06"));
        let mut parameters = vec![("workspace", scope.workspace.as_str()), ("from", &from), ("to", &to)];
        parameters.extend_from_slice(more);
        self.ask(name, sql, &parameters).await
    }
}
