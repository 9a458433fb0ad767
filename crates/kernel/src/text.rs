//! Shared, immutable text: cheap to copy from a fact into the rows it explains.

/// Immutable text. Most are ids and names of a few letters, which stand in the value itself; longer ones are shared.
pub type Text = smol_str::SmolStr;

/// How rows spell a dimension that is missing.
pub const NONE: &str = "(none)";
