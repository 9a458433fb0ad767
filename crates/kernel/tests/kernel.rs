//! The kernel as its users see it: entries in, rows and ledger out.

mod kernel {
    pub(crate) mod deals;
    pub(crate) mod given;
    pub(crate) mod identity;
    pub(crate) mod law;
    pub(crate) mod lifecycle;
    pub(crate) mod repair;
    pub(crate) mod story;
    pub(crate) mod touches;
    pub(crate) mod world;
}
