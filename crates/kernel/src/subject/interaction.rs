//! What visitors give leads, and leads give accounts. Many come from the same place and lead to the same page: places,
//! pages and browsers are kept once.

use crate::event::LeadRef;
use crate::row::{Content, Origin, TouchKind};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use serde::{Deserialize, Serialize};

/// An interaction of a lead before it is a touch: sessions, forms, clicks, classified and named.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Interaction {
    pub at: Timestamp,
    /// The event behind it.
    pub id: Text,
    pub kind: TouchKind,
    pub origin: Arc<Origin>,
    pub page: Arc<Content>,
    /// The visitor, and the start of the session the interaction belongs to.
    pub session: Option<(Text, Timestamp)>,
    /// The form fill itself, when it was one.
    pub form: Option<FormFill>,
}

/// What a form fill says of the lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct FormFill {
    pub lead: Arc<LeadRef>,
    pub form_id: Text,
    pub fields: BTreeMap<Text, Text>,
}

/// Interactions as they are stored: first where they came from, what they led to and in which browsers, each once; then
/// the interactions, which name them by their places.
pub(super) mod stored {
    use super::{FormFill, Interaction};
    use crate::row::{Content, Origin, TouchKind};
    use crate::subject::listed::{self, Listed};
    use crate::text::Text;
    use crate::time::Timestamp;
    use alloc::borrow::Cow;
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// An interaction that names the others by their places.
    #[derive(Serialize, Deserialize)]
    struct Line<'i> {
        at: Timestamp,
        id: Text,
        kind: TouchKind,
        origin: u32,
        page: u32,
        session: Option<(u32, Timestamp)>,
        form: Option<Cow<'i, FormFill>>,
    }

    pub(in crate::subject) fn serialize<S: Serializer>(all: &[Arc<Interaction>], to: S) -> Result<S::Ok, S::Error> {
        let (mut origins, mut pages, mut browsers) = (Listed::default(), Listed::default(), Listed::default());
        let mut lines = Vec::with_capacity(all.len());
        for Interaction { at, id, kind, origin, page, session, form } in all.iter().map(|one| &**one) {
            lines.push(Line {
                at: *at,
                id: id.clone(),
                kind: *kind,
                origin: origins.place(&**origin),
                page: pages.place(&**page),
                session: session.as_ref().map(|(browser, start)| (browsers.place(browser), *start)),
                form: form.as_ref().map(Cow::Borrowed),
            });
        }
        (origins.all(), pages.all(), browsers.all(), lines).serialize(to)
    }

    /// Where interactions came from, what they led to, in which browsers, and they themselves.
    type Read = (Vec<Arc<Origin>>, Vec<Arc<Content>>, Vec<Text>, Vec<Line<'static>>);

    pub(in crate::subject) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Arc<Interaction>>, D::Error> {
        let (origins, pages, browsers, lines) = Read::deserialize(from)?;
        let interaction = |Line { at, id, kind, origin, page, session, form }| {
            let origin = listed::at(&origins, origin)?;
            let page = listed::at(&pages, page)?;
            let browser = |(place, start)| Ok((listed::at(&browsers, place)?, start));
            let session = session.map(browser).transpose()?;
            Ok(Arc::new(Interaction { at, id, kind, origin, page, session, form: form.map(Cow::into_owned) }))
        };
        lines.into_iter().map(interaction).collect()
    }
}
