SELECT stream, reason, count() AS records, min(position) AS first_position, max(position) AS last_position,
    max(rejected_at) AS latest, any(detail) AS example
FROM $views.rejects
GROUP BY stream, reason
ORDER BY records DESC, stream, reason
LIMIT $rows
