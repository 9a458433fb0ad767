//! Every limit of the engine, in one place.

use std::time::Duration;

/// A settle is due whenever the journal offset passes a multiple of this, tick or no tick. It decides where ledger
/// entries are written, so it belongs to the journal format and is never changed under a journal.
pub const SETTLE_EVERY: u64 = 65_536;

/// Settled steps of a partition that may wait between worker and writer, besides the one each holds; then the worker
/// pauses, and the journal buffers. Packed, a step of a long history takes some forty megabytes.
pub const IN_FLIGHT_MAX: usize = 1;

/// Bytes of packed rows and subjects a writer gathers from several steps before it writes, and how long it waits for
/// them: few large inserts cost ClickHouse far less than many small ones.
pub const GATHER: (usize, Duration) = (32 << 20, Duration::from_secs(4));

/// Rows a repair sends at once.
pub const RESEND_ROWS: u64 = 60_000;

/// Entries and bytes a worker reads from the journal at once.
pub const READ_ENTRIES: usize = 8_192;
/// See [`READ_ENTRIES`].
pub const READ_BYTES: usize = 4 << 20;

/// How long a worker waits for news before it looks whether a tick is due.
pub const READ_WAIT: Duration = Duration::from_millis(50);

/// Least time between two ticks that a partition's owner appends.
pub const TICK_EVERY: Duration = Duration::from_secs(1);

/// The same while nothing waits but what partitions told each other. Credit may take several hops between them; under a
/// steady load they all come with the ticks of events.
pub const TICK_EVERY_HOP: Duration = Duration::from_millis(100);

/// The same while the process is far behind.
pub const TICK_EVERY_BEHIND: Duration = Duration::from_secs(4);

/// Messages of raw topics that are not read yet from which on a process is far behind: seconds of its work.
pub const FAR_BEHIND: u64 = 50_000;

/// First and longest pause between two tries against a warehouse that is away.
pub const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Bytes of a rejected record that are kept.
pub const REJECT_BYTES: usize = 64 << 10;

/// Bytes of a rejected message that are kept in the topic of dead letters: what its brokers take.
pub const DEAD_LETTER_BYTES: usize = 8 << 20;

/// Records the intake appends at once.
pub const INTAKE_BATCH: usize = 4_096;

/// Bytes of messages after which no more are appended at once: far less than the journal takes at once.
pub const INTAKE_BYTES: usize = 16 << 20;

/// Batches of a feed that were sent to the journal and are waited for at once.
pub const BATCHES_SENT: usize = 2;

/// Most batches of a feed that were read and are not journalled yet: besides those that were sent, one whose keys are on
/// their way, and one that is ready. What waits longer is journalled in a larger one.
pub const BATCHES_READ: usize = BATCHES_SENT + 2;

/// Person keys the vault remembers in memory.
pub const KEYS_CACHED: usize = 50_000;

/// Recently written subjects a worker remembers in memory.
pub const SUBJECTS_CACHED: usize = 4_000;

/// Messages of one partition of a raw topic that wait to be merged with those of others.
pub const MERGE_BUFFER: usize = 2_000;

/// Bytes of them after which no more are taken in.
pub const MERGE_BYTES: usize = 32 << 20;

/// How long a process that must give up a partition may take to finish what it has begun with it. Nothing depends on
/// it but work done twice.
pub const DRAIN: Duration = Duration::from_secs(20);

/// Rows whose digests the reconciler holds in memory at once, besides those of one place that is larger by itself.
pub const RECONCILE_ROWS: u64 = 2_000_000;

/// Time between two comparisons of a partition with the warehouse, where nothing else is configured.
pub const RECONCILE_EVERY: Duration = Duration::from_secs(900);

/// Time between two snapshots of a partition, where nothing else is configured.
pub const SNAPSHOT_EVERY: Duration = Duration::from_secs(3_600);

/// Time between a start and the first comparison: a short import need not wait for one.
pub const RECONCILE_FIRST: Duration = Duration::from_secs(2);

/// Entries that must have been worked off since the last snapshot for another: fewer are read again quickly.
pub const SNAPSHOT_ENTRIES: u64 = 32_768;

/// First and longest pause after the object store of snapshots did not answer.
pub const SHELTER_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// Snapshots of a partition that are kept.
pub const SNAPSHOTS_KEPT: usize = 2;
