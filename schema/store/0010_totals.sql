-- The totals of answered requests are those up to the tallies' mark, too: whoever reads them adds
-- the rows after it, and a commit need not write them.
UPDATE totals SET
    answered = answered - n, status_0 = status_0 - n_0, status_1 = status_1 - n_1,
    status_2 = status_2 - n_2, status_3 = status_3 - n_3, status_4 = status_4 - n_4,
    status_5 = status_5 - n_5, status_6 = status_6 - n_6
FROM (SELECT count(*) AS n,
             count(*) FILTER (WHERE licence_status = 0) AS n_0,
             count(*) FILTER (WHERE licence_status = 1) AS n_1,
             count(*) FILTER (WHERE licence_status = 2) AS n_2,
             count(*) FILTER (WHERE licence_status = 3) AS n_3,
             count(*) FILTER (WHERE licence_status = 4) AS n_4,
             count(*) FILTER (WHERE licence_status = 5) AS n_5,
             count(*) FILTER (WHERE licence_status = 6) AS n_6
      FROM activations WHERE id > (SELECT upto FROM tally_mark));

-- All of them, at any time.
CREATE VIEW all_totals AS
    SELECT answered + count(id) AS answered, refused,
           status_0 + count(*) FILTER (WHERE licence_status = 0) AS status_0,
           status_1 + count(*) FILTER (WHERE licence_status = 1) AS status_1,
           status_2 + count(*) FILTER (WHERE licence_status = 2) AS status_2,
           status_3 + count(*) FILTER (WHERE licence_status = 3) AS status_3,
           status_4 + count(*) FILTER (WHERE licence_status = 4) AS status_4,
           status_5 + count(*) FILTER (WHERE licence_status = 5) AS status_5,
           status_6 + count(*) FILTER (WHERE licence_status = 6) AS status_6
    FROM totals LEFT JOIN activations ON id > (SELECT upto FROM tally_mark)
    GROUP BY only;
