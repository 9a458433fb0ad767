CREATE TABLE IF NOT EXISTS $data.rejects (
    stream      String COMMENT 'Topic-partition or file the record came from.' CODEC(ZSTD(1)),
    position    UInt64 COMMENT 'Position of the record in the stream.' CODEC(ZSTD(1)),
    reason      LowCardinality(String) COMMENT 'Short, stable code of what is wrong.',
    detail      String COMMENT 'What is wrong, where, and what to do.' CODEC(ZSTD(1)),
    bytes       String COMMENT 'The record, cut at the limit.' CODEC(ZSTD(1)),
    length      UInt64 COMMENT 'Bytes of the record before it was cut.' CODEC(ZSTD(1)),
    rejected_at DateTime64(3, 'UTC') COMMENT 'When the intake saw it.' CODEC(Delta, ZSTD(1)),
    partition   UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version     UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted  UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest  UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (stream, position)
SETTINGS $settings
COMMENT 'One row per record that could not be applied.';
