-- So many waiting cases (:cases), each with its post, scores and first steps, for bench_queue.py. PostgreSQL.
INSERT INTO posts (post_id, text, text_sha256, received_at, received_from, scored_at)
SELECT lpad(n::text, 26, '0'), 'A quiet afternoon at the market.', repeat('0', 64), now(), 'system:bench', now()
FROM generate_series(1, :cases) AS n;

INSERT INTO post_scores (post_id, bundle, policy, policy_sha256, hate, antisemitic, islamophobic, far_right, route,
                         reason, scored_at)
SELECT lpad(n::text, 26, '0'), 'bench', 'officer 1', repeat('0', 64), 0.1, 0.1, 0.1, 0.1, 'low_priority', 'a bench',
       now()
FROM generate_series(1, :cases) AS n;

INSERT INTO cases (case_id, state, emergency, platform, support, retention, cycle, route, strands, queue, priority,
                   severity_expected, probability, report_count, rank, due_class, due_at, created_at, waits_since,
                   victim_update_due, sampled, lease_number, waiting)
SELECT lpad(n::text, 26, '0'), 'captured', 'no_emergency', 'not_notified', 'not_offered', 'held', 0, 'low_priority',
       '[]', (ARRAY['general', 'antisemitic', 'islamophobic', 'far_right', 'several'])[1 + n % 5], 0.1,
       1, 0.1, 0, (n::bigint * 7919) % 1000003, 'routine', now(), now(), now(),
       now() + interval '7 days', false, 0, true
FROM generate_series(1, :cases) AS n;

INSERT INTO case_posts (post_id, case_id)
SELECT lpad(n::text, 26, '0'), lpad(n::text, 26, '0')
FROM generate_series(1, :cases) AS n;

INSERT INTO case_steps (case_id, cycle, action, before, after, actor, role, taken_at, reason, details)
SELECT lpad(n::text, 26, '0'), 0, action, before, after, 'system:scorer', role, now(), '', '{}'
FROM generate_series(1, :cases) AS n,
     (VALUES ('score', 'received', 'scored', 'classifier'), ('admit_to_review', 'scored', 'captured', 'system'))
         AS steps (action, before, after, role);
