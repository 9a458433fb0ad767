//! The rules, and what they answered before: one answer, worked out once and shared by every row it stands in.

use crate::bots::is_bot;
use crate::channel::source_of;
use crate::content::normalise;
use crate::row::{Content, Origin};
use crate::rules::Rules;
use crate::subject::Brought;
use crate::text::Text;
use crate::url::Url;
use alloc::sync::Arc;
use core::cell::RefCell;
use core::hash::{BuildHasherDefault, Hash};
use core::ops::Deref;
use hashbrown::{Equivalent, HashMap};
use siphasher::sip::SipHasher13;

/// A map to look things up in. Never walked without sorting: the order of its entries decides nothing.
pub(crate) type Lookup<K, V> = HashMap<K, V, BuildHasherDefault<SipHasher13>>;

type Memo<K, V> = RefCell<Lookup<K, V>>;

/// Answers that are remembered; a step that meets more forgets them all and goes on.
const ANSWERS_MAX: usize = 16_384;

/// The rules of one step, with a memory. It dereferences to [`Rules`].
pub(crate) struct Classifier<'r> {
    rules: &'r Rules,
    origins: Memo<Asked, Arc<Origin>>,
    pages: Memo<Text, Arc<Content>>,
    landings: Memo<Linked, Arc<Landing>>,
    bots: Memo<Text, bool>,
}

/// What a URL and the page before it tell.
pub(crate) struct Landing {
    /// Normalised path.
    pub(crate) path: Text,
    pub(crate) brought: Option<Arc<Brought>>,
    pub(crate) referrer_host: Option<Text>,
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

/// What a landing hangs on.
#[derive(PartialEq, Eq, Hash)]
struct Linked {
    url: Text,
    referrer: Option<Text>,
}

/// The same, borrowed.
#[derive(Hash)]
struct Link<'a> {
    url: &'a Text,
    referrer: Option<&'a Text>,
}

impl Equivalent<Linked> for Link<'_> {
    fn equivalent(&self, known: &Linked) -> bool {
        (self.url, self.referrer) == (&known.url, known.referrer.as_ref())
    }
}

impl<'r> Classifier<'r> {
    pub(crate) fn new(rules: &'r Rules) -> Self {
        Self {
            rules,
            origins: Memo::default(),
            pages: Memo::default(),
            landings: Memo::default(),
            bots: Memo::default(),
        }
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
        remember(&self.origins, asked, Arc::clone(&origin));
        origin
    }

    /// See [`Rules::content`].
    pub(crate) fn content(&self, content: &Text) -> Arc<Content> {
        if let Some(known) = self.pages.borrow().get(content) {
            return Arc::clone(known);
        }
        let page = Arc::new(self.rules.content(content));
        remember(&self.pages, content.clone(), Arc::clone(&page));
        page
    }

    /// A URL and the page before it, taken apart.
    pub(crate) fn landing(&self, url: &Text, referrer: Option<&Text>) -> Arc<Landing> {
        if let Some(known) = self.landings.borrow().get(&Link { url, referrer }) {
            return Arc::clone(known);
        }
        let landing = Arc::new(land(self.rules, url, referrer));
        remember(&self.landings, Linked { url: url.clone(), referrer: referrer.cloned() }, Arc::clone(&landing));
        landing
    }

    /// See [`is_bot`].
    pub(crate) fn is_bot(&self, user_agent: &Text) -> bool {
        if let Some(known) = self.bots.borrow().get(user_agent) {
            return *known;
        }
        let bot = is_bot(user_agent);
        remember(&self.bots, user_agent.clone(), bot);
        bot
    }
}

/// An address that does not split is kept as its own path: the schema refuses those before.
fn land(rules: &Rules, address: &Text, referrer: Option<&Text>) -> Landing {
    let url = Url::parse(address).ok();
    let referrer = referrer.and_then(|referrer| Url::parse(referrer).ok());
    let found = url.as_ref().and_then(|url| source_of(url, referrer.as_ref(), &rules.own_sites));
    Landing {
        path: url.as_ref().map_or_else(|| address.clone(), |url| Text::from(&*normalise(url.path()))),
        brought: found.map(|found| Arc::new(Brought::from(found))),
        referrer_host: referrer.as_ref().and_then(Url::host).map(Text::from),
    }
}

fn remember<K: Eq + Hash, V>(memo: &Memo<K, V>, asked: K, answer: V) {
    let mut memo = memo.borrow_mut();
    if memo.len() == ANSWERS_MAX {
        memo.clear();
    }
    memo.insert(asked, answer);
}

impl Deref for Classifier<'_> {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        self.rules
    }
}
