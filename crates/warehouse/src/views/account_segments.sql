CREATE OR REPLACE VIEW $views.account_segments (
    workspace       LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    account         String COMMENT 'The account.',
    account_segment LowCardinality(String) COMMENT 'Segment of the account, such as mid-market: what its leads said last.',
    said_at         DateTime64(3, 'UTC') COMMENT 'When that was said.'
) AS
SELECT
    workspace, account, argMax(account_segment, (account_segment_at, lead)) AS account_segment,
    max(assumeNotNull(account_segment_at)) AS said_at
FROM $views.leads
WHERE merged_into = '(none)' AND account_segment_at IS NOT NULL
GROUP BY workspace, account
COMMENT 'One row per account whose segment somebody told.'
