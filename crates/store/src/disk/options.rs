use std::path::Path;

use fjall::{
    CompressionType, Database, DatabaseBuilder, KeyspaceCreateOptions,
    config::{BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry, PinningPolicy},
};

/// How much memory and disk the store may take; fixed per partition when first written.
///
/// The defaults keep a process with tens of millions of subjects under 200 MB.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Blocks, filters and indexes kept in memory, over all partitions. Default 32 MiB.
    pub cache_bytes: u64,
    /// Commits not yet in tables, over all partitions. Default 32 MiB. Peaks at about
    /// twice that while tables are written.
    pub buffer_bytes: u64,
    /// How many partitions the process expects to own: they share the buffer. Default 1.
    pub partitions: u32,
    /// Write-ahead journals kept before tables are forced. Default 128 MiB, at least 64.
    pub journal_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 32 << 20, buffer_bytes: 32 << 20, partitions: 1, journal_bytes: 128 << 20 }
    }
}

/// One thread writes tables out of memory, the others compact: with a single one, memory would grow for as long as a
/// compaction lasts. fjall asks for as many compactions as there are threads, and the first thread, which never
/// compacts, hands such a request on and on until another takes it: with two threads it burns a core for as long as
/// the other compacts, with four there is always one that takes it, finds nothing to do and is done.
const THREADS: usize = 4;
/// By level; the last one holds for all below.
const COMPRESSION: [CompressionType; 4] =
    [CompressionType::None, CompressionType::None, CompressionType::None, CompressionType::Lz4];
const SMALL_MEMTABLE_BYTES: u64 = 2 << 20;

impl Options {
    pub(super) fn database(&self, path: &Path) -> DatabaseBuilder<Database> {
        Database::builder(path)
            .cache_size(self.cache_bytes)
            .max_journaling_size(self.journal_bytes.max(64 << 20))
            .worker_threads(THREADS)
    }

    /// For subjects: random point reads, mostly of keys that are not there, and overwrites. Every level has filters.
    /// Tables are compressed below the newest three levels: what stands there (some 3 GB) is soon written again, and
    /// compressing it anew every time took more time than everything else that the store does.
    pub(super) fn subjects(&self) -> KeyspaceCreateOptions {
        let memtable = self.buffer_bytes / 2 / u64::from(self.partitions.max(1));
        KeyspaceCreateOptions::default()
            .max_memtable_size(memtable.clamp(2 << 20, 64 << 20))
            .expect_point_read_hits(false)
            .filter_policy(FilterPolicy::all(FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(10.0))))
            .filter_block_pinning_policy(PinningPolicy::all(false))
            .index_block_pinning_policy(PinningPolicy::all(false))
            .data_block_compression_policy(CompressionPolicy::new(COMPRESSION))
    }

    /// For meta cells, the root and cells: few and small.
    pub(super) fn small(&self) -> KeyspaceCreateOptions {
        KeyspaceCreateOptions::default().max_memtable_size(SMALL_MEMTABLE_BYTES)
    }
}
