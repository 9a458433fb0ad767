//! Deals: their rows, the stages they went through, the people and companies linked to them, and their merges.

use super::{People, fingerprint, index};
use crate::dialect::sink::{Fact, Folder, Sink};
use crate::dialect::table::{Row, Table};
use crate::dialect::{Error, bare};
use crate::international::domain;
use crate::{CONTACTS_MAX, Rejected};
use smarketing_kernel::event::{Address, Body, Contact, DealChanged, DealKind, DealType};
use smarketing_kernel::money::Currency;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// HubSpot's own type of the link from a deal to its primary company.
const PRIMARY_COMPANY: &str = "5";

pub(super) fn read(folder: &mut Folder, sink: &mut Sink<'_>, people: &People<'_>) -> Result<(), Error> {
    let deals = folder.required("deal", &["deal_id"])?;
    let stages = folder.required("deal_pipeline_stage", &["stage_id", "closed_won"])?;
    let pipelines = folder.optional("deal_pipeline", &["pipeline_id"])?;
    let history = folder.optional("deal_stage", &["deal_id", "value"])?;
    let contacts = folder.optional("deal_contact", &["deal_id", "contact_id"])?;
    let companies = folder.optional("deal_company", &["deal_id", "company_id"])?;
    let company = folder.optional("company", &["id"])?;
    let catalogue =
        Catalogue { stages: index(Some(&stages), "stage_id"), pipelines: index(pipelines.as_ref(), "pipeline_id") };
    let known = deals.index("deal_id");
    let visits = visits(history.as_ref());
    let book = Book {
        people,
        catalogue: &catalogue,
        contacts: linked(contacts.as_ref(), &known),
        companies: linked(companies.as_ref(), &known),
        company: index(company.as_ref(), "id"),
        visits: &visits,
        currency: sink.options.currency,
    };
    sink.turn_all(&deals, |row| book.deal(row));
    walk(sink, history.as_ref(), &visits, &catalogue);
    merges(folder, sink)?;
    sink.close(&deals, "no deal");
    let rest = [
        (&history, "no stage"),
        (&contacts, "its deal is not in the export"),
        (&companies, "its deal is not in the export"),
        (&company, "a company of no deal"),
        (&pipelines, "a pipeline of no deal"),
        (&Some(stages), "a stage no deal was in"),
    ];
    for (table, reason) in rest {
        if let Some(table) = table {
            sink.close(table, reason);
        }
    }
    Ok(())
}

/// Pipelines and stages by fingerprint of their id.
struct Catalogue<'t> {
    stages: BTreeMap<String, Row<'t>>,
    pipelines: BTreeMap<String, Row<'t>>,
}

/// How a stage leaves a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open,
    Won,
    Lost,
}

impl Catalogue<'_> {
    /// A stage's name, and how it leaves the deal if the stage is known.
    fn stage(&self, id: &str) -> (Text, Option<Standing>) {
        let Some(row) = self.stages.get(&fingerprint(id)) else { return (id.into(), None) };
        row.joined();
        let standing = match (row.flag("closed_won"), row.flag("is_closed")) {
            (true, _) => Standing::Won,
            (false, true) => Standing::Lost,
            (false, false) => Standing::Open,
        };
        (row.any(&["label"]).unwrap_or(id).into(), Some(standing))
    }

    fn pipeline(&self, id: &str) -> Text {
        let Some(row) = self.pipelines.get(&fingerprint(id)) else { return id.into() };
        row.joined();
        row.any(&["label"]).unwrap_or(id).into()
    }

    /// The pipeline a stage belongs to.
    fn pipeline_of(&self, stage: &str) -> Option<Text> {
        self.stages.get(&fingerprint(stage)).and_then(|row| row.get("pipeline_id")).map(|id| self.pipeline(id))
    }
}

/// The links of each deal of the export.
fn linked<'t>(table: Option<&'t Table>, known: &BTreeMap<&str, Row<'_>>) -> BTreeMap<&'t str, Vec<Row<'t>>> {
    let mut found: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for row in table.into_iter().flat_map(Table::rows).filter(|row| row.check().is_ok()) {
        if row.flag("_fivetran_deleted") {
            row.ignored("a link that was removed");
        } else if let Some(deal) = row.get("deal_id").filter(|deal| known.contains_key(deal)) {
            found.entry(deal).or_default().push(row);
        }
    }
    found
}

/// A deal in a stage: when it came into it, and the row that says so.
type Visit<'t> = (Timestamp, &'t str, Row<'t>);

/// The stages of each deal in time order. Malformed rows are left for [`walk`].
fn visits(history: Option<&Table>) -> BTreeMap<&str, Vec<Visit<'_>>> {
    let mut found: BTreeMap<&str, Vec<Visit<'_>>> = BTreeMap::new();
    for row in history.into_iter().flat_map(Table::rows) {
        if let Ok((deal, visit)) = visit(row) {
            found.entry(deal).or_default().push(visit);
        }
    }
    for visits in found.values_mut() {
        visits.sort_by_key(|(at, stage, row)| (*at, *stage, row.number()));
    }
    found
}

fn visit(row: Row<'_>) -> Result<(&str, Visit<'_>), Rejected> {
    row.check()?;
    Ok((row.need("deal_id")?, (row.need_time(&["date_entered", "_fivetran_start"])?, row.need("value")?, row)))
}

/// Turns each deal's stages into changes. A stage after the end of a deal that is open again reopens it.
fn walk(
    sink: &mut Sink<'_>,
    history: Option<&Table>,
    visits: &BTreeMap<&str, Vec<Visit<'_>>>,
    catalogue: &Catalogue<'_>,
) {
    let Some(table) = history else { return };
    for (deal, visits) in visits {
        let mut before = Standing::Open;
        for (at, stage, row) in visits {
            let (name, standing) = catalogue.stage(stage);
            let now = standing.unwrap_or(before);
            let kind = match (before, now) {
                (Standing::Won, Standing::Won) | (Standing::Lost, Standing::Lost) => DealKind::StageChanged,
                (_, Standing::Won) => DealKind::Won,
                (_, Standing::Lost) => DealKind::Lost,
                (Standing::Open, Standing::Open) => DealKind::StageChanged,
                (_, Standing::Open) => DealKind::Reopened,
            };
            before = now;
            let pipeline = catalogue.pipeline_of(stage);
            let body = DealChanged { stage: Some(name), pipeline, ..bare::deal_changed(deal, kind) };
            let id = ["hubspot", "deal", deal, "stage", &at.0.to_string(), &fingerprint(stage)];
            sink.turn(table, *row, Ok(vec![Fact::new(&id, *at, Body::DealChanged(body))]));
        }
    }
    sink.turn_all(table, |row| visit(row).map(|_| Vec::new()));
}

/// All that is known besides a deal's own row.
struct Book<'t> {
    people: &'t People<'t>,
    catalogue: &'t Catalogue<'t>,
    contacts: BTreeMap<&'t str, Vec<Row<'t>>>,
    companies: BTreeMap<&'t str, Vec<Row<'t>>>,
    company: BTreeMap<String, Row<'t>>,
    visits: &'t BTreeMap<&'t str, Vec<Visit<'t>>>,
    currency: Currency,
}

impl Book<'_> {
    /// What a deal's row tells: creation; the present state as of its last change, where that is told; the end, where
    /// no stage history tells it; deletion.
    fn deal(&self, row: Row<'_>) -> Result<Vec<Fact>, Rejected> {
        let id = row.need("deal_id")?;
        let created = row.need_time(&["property_createdate"])?;
        let present = self.present(row, id)?;
        let told = |kind| DealChanged { kind, ..present.clone() };
        let fact = |parts: &[&str], at, deal| {
            Fact::new(&[&["hubspot", "deal", id], parts].concat(), at, Body::DealChanged(deal))
        };
        let mut facts = vec![fact(&["created"], created, told(DealKind::Created))];
        let changed = self.changed(row)?.filter(|changed| *changed > created);
        if let Some(at) = changed {
            facts.push(fact(&["changed", &at.0.to_string()], at, told(DealKind::Updated)));
        }
        let end = row.get("deal_pipeline_stage_id").filter(|_| !self.visits.contains_key(id));
        let mut last = changed.unwrap_or(created);
        if let Some((kind, word)) = end.and_then(|stage| self.end(stage)) {
            let at = row.time("property_closedate")?.unwrap_or(last);
            last = last.max(at);
            facts.push(fact(&[word, &at.0.to_string()], at, told(kind)));
        }
        if row.flag("is_deleted") || row.flag("_fivetran_deleted") {
            let at = self.visits.get(id).and_then(|visits| visits.last()).map_or(last, |(at, ..)| last.max(*at));
            facts.push(fact(&["deleted"], at, bare::deal_changed(id, DealKind::Deleted)));
        }
        Ok(facts)
    }

    fn changed(&self, row: Row<'_>) -> Result<Option<Timestamp>, Rejected> {
        Ok(row.time("property_hs_lastmodifieddate")?.or(row.time("_fivetran_synced")?))
    }

    fn end(&self, stage: &str) -> Option<(DealKind, &'static str)> {
        match self.catalogue.stage(stage).1? {
            Standing::Won => Some((DealKind::Won, "won")),
            Standing::Lost => Some((DealKind::Lost, "lost")),
            Standing::Open => None,
        }
    }

    /// The deal as its row and links describe it.
    fn present(&self, row: Row<'_>, id: &str) -> Result<DealChanged<Address>, Rejected> {
        let currency = row.currency("property_deal_currency_code", self.currency)?;
        let amount_minor = row.money("property_amount", currency)?;
        let (account_id, account_domain) = self.account(id);
        let stage = row.get("deal_pipeline_stage_id");
        let pipeline = row.any(&["deal_pipeline_id"]).map(|pipeline| self.catalogue.pipeline(pipeline));
        let deal_type = match row.get("property_dealtype") {
            Some("newbusiness") => Some(DealType::New),
            Some("existingbusiness") => Some(DealType::Expansion),
            _ => None,
        };
        Ok(DealChanged {
            account_id,
            account_domain,
            contacts: self.people_on(id),
            amount_minor,
            currency: amount_minor.map(|_| currency),
            stage: stage.map(|stage| self.catalogue.stage(stage).0),
            pipeline: pipeline.or_else(|| self.catalogue.pipeline_of(stage?)),
            owner: row.any(&["owner_id", "property_hubspot_owner_id"]).map(Text::from),
            reason: row.text("property_closed_lost_reason"),
            deal_type,
            ..bare::deal_changed(id, DealKind::Updated)
        })
    }

    /// The people linked to a deal, each once; `None` when the export links nobody.
    fn people_on(&self, deal: &str) -> Option<Vec<Contact<Address>>> {
        let mut seen = BTreeSet::new();
        let mut people = Vec::new();
        for link in self.contacts.get(deal)? {
            let Some(contact) = link.get("contact_id") else { continue };
            if people.len() == CONTACTS_MAX {
                link.ignored("a deal has at most 256 contacts");
                continue;
            }
            link.joined();
            if seen.insert(contact) {
                people.push(Contact { lead: self.people.contact(contact), role: None });
            }
        }
        (!people.is_empty()).then_some(people)
    }

    /// The account of a deal: its primary company, else the first linked.
    fn account(&self, deal: &str) -> (Option<Text>, Option<Text>) {
        let links = self.companies.get(deal).map(Vec::as_slice).unwrap_or_default();
        let is_primary = |link: &&Row<'_>| link.get("type_id") == Some(PRIMARY_COMPANY);
        let Some(chosen) = links.iter().find(is_primary).or_else(|| links.first()) else { return (None, None) };
        chosen.joined();
        links.iter().for_each(|link| link.ignored("another company of the deal is its account"));
        let Some(id) = chosen.get("company_id") else { return (None, None) };
        let company = self.company.get(&fingerprint(id));
        if let Some(company) = company {
            company.joined();
        }
        let named = company.and_then(|company| company.any(&["property_domain"]));
        (Some(id.into()), named.map(|name| Text::from(&*domain(&name.to_lowercase()))))
    }
}

/// Deals that were merged into others; the only time told is the one of the synchronisation.
fn merges(folder: &mut Folder, sink: &mut Sink<'_>) -> Result<(), Error> {
    let columns = ["deal_id", "merged_deal_id", "_fivetran_synced"];
    let Some(table) = folder.optional("merged_deal", &columns)? else { return Ok(()) };
    sink.turn_all(&table, |row| {
        let (into, from, at) =
            (row.need("deal_id")?, row.need("merged_deal_id")?, row.need_time(&["_fivetran_synced"])?);
        if from == into {
            return Ok(Vec::new());
        }
        let body = DealChanged { merged_into: Some(into.into()), ..bare::deal_changed(from, DealKind::Merged) };
        Ok(vec![Fact::new(&["hubspot", "deal", from, "merged", into], at, Body::DealChanged(body))])
    });
    sink.close(&table, "merges a deal with itself");
    Ok(())
}
