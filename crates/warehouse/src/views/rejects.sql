CREATE OR REPLACE VIEW $views.rejects (
    stream      String COMMENT 'Topic-partition or file the record came from.',
    position    UInt64 COMMENT 'Position of the record in the stream.',
    reason      LowCardinality(String) COMMENT 'Short, stable code of what is wrong.',
    detail      String COMMENT 'What is wrong, where, and what to do.',
    bytes       String COMMENT 'The record, cut at the limit.',
    length      UInt64 COMMENT 'Bytes of the record before it was cut.',
    rejected_at DateTime64(3, 'UTC') COMMENT 'When the intake saw it.'
) AS
SELECT
    stream,
    position,
    reason,
    detail,
    bytes,
    length,
    rejected_at
FROM $data.rejects FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per record that could not be applied.'
