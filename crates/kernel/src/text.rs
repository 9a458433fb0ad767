//! Shared, immutable text: cheap to copy from a fact into the rows it explains.

use alloc::sync::Arc;

/// Immutable text that many rows share.
pub type Text = Arc<str>;

/// How rows spell a dimension that is missing.
pub const NONE: &str = "(none)";
