//! The rules, and what they answered before: one answer, worked out once and shared by every row it stands in.

use crate::row::{Content, Origin};
use crate::rules::Rules;
use crate::subject::Brought;
use crate::text::Text;
use alloc::sync::Arc;
use core::cell::RefCell;
use core::hash::{BuildHasherDefault, Hash};
use core::ops::Deref;
use hashbrown::{Equivalent, HashMap};
use siphasher::sip::SipHasher13;

/// Looked up, never walked: the order of its entries decides nothing.
type Memo<K, V> = RefCell<HashMap<K, V, BuildHasherDefault<SipHasher13>>>;

/// Answers that are remembered; a step that meets more forgets them all and goes on.
const ANSWERS_MAX: usize = 16_384;

/// The rules of one step, with a memory. It dereferences to [`Rules`].
pub(crate) struct Classifier<'r> {
    rules: &'r Rules,
    origins: Memo<Asked, Arc<Origin>>,
    pages: Memo<Text, Arc<Content>>,
}

/// What an origin hangs on.
#[derive(PartialEq, Eq, Hash)]
struct Asked {
    brought: Option<Brought>,
    path: Text,
    referrer_host: Option<Text>,
}

/// The same, borrowed.
#[derive(Hash)]
struct Asking<'a> {
    brought: Option<&'a Brought>,
    path: &'a str,
    referrer_host: Option<&'a str>,
}

impl Equivalent<Asked> for Asking<'_> {
    fn equivalent(&self, known: &Asked) -> bool {
        (self.brought, self.path, self.referrer_host)
            == (known.brought.as_ref(), &*known.path, known.referrer_host.as_deref())
    }
}

impl<'r> Classifier<'r> {
    pub(crate) fn new(rules: &'r Rules) -> Self {
        Self { rules, origins: Memo::default(), pages: Memo::default() }
    }

    /// See [`Rules::origin`].
    pub(crate) fn origin(&self, brought: Option<&Brought>, path: &str, referrer_host: Option<&str>) -> Arc<Origin> {
        // Most rules do not look at the page: then one answer holds for all of them.
        let path = if self.rules.looks_at_pages() { path } else { "" };
        let asking = Asking { brought, path, referrer_host };
        if let Some(known) = self.origins.borrow().get(&asking) {
            return Arc::clone(known);
        }
        let origin = Arc::new(self.rules.origin(brought, path, referrer_host));
        let asked =
            Asked { brought: brought.cloned(), path: Text::from(path), referrer_host: referrer_host.map(Text::from) };
        remember(&self.origins, asked, &origin);
        origin
    }

    /// See [`Rules::content`].
    pub(crate) fn content(&self, content: &Text) -> Arc<Content> {
        if let Some(known) = self.pages.borrow().get(content) {
            return Arc::clone(known);
        }
        let page = Arc::new(self.rules.content(content));
        remember(&self.pages, content.clone(), &page);
        page
    }
}

fn remember<K: Eq + Hash, V>(memo: &Memo<K, Arc<V>>, asked: K, answer: &Arc<V>) {
    let mut memo = memo.borrow_mut();
    if memo.len() == ANSWERS_MAX {
        memo.clear();
    }
    memo.insert(asked, Arc::clone(answer));
}

impl Deref for Classifier<'_> {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        self.rules
    }
}
