# jq -nc --arg kind perfect|blind|always -f judged.jq: a file of judged units of made-up detectors.
def tier($found; $alarm; $right; $conf; $score; $err; $cov):
  {found_s: $found, early: false, alarms: (if $alarm then 1 else 0 end),
   false_alarms: (if $alarm and ($right | not) then 1 else 0 end), withdrawn: 0,
   first: (if $alarm then {right: $right, confidence: $conf, score: $score} else null end),
   attributed: (if $alarm then true else null end),
   rate_error: {at: $err, later: $err, end: $err}, rate_covered: {at: $cov, later: $cov, end: $cov},
   leaked_bytes: null, headroom: null, confidence_30s: $conf, time_to_limit: null};
def unit($class; $pattern; $leak; $rate; $seed; $source):
  ($kind == "perfect" and $leak or $kind == "always") as $alarm |
  ($kind == "perfect" and $leak) as $right |
  (if $alarm then (if $kind == "perfect" then (0.99 + ((($rate // 0) / 1e9))) else 0.99 end) else null end) as $conf |
  {type: "unit", source: $source, class: $class, run: "\($class)-\($seed)", instance: "w", proc: 0,
   seed: $seed, truth: (if $leak then "leak" else "benign" end), pattern: $pattern,
   rate_bytes_per_s: $rate, onset_rate_bytes_per_s: $rate, watched_s: 3600, t0_ns: 1000000000, killed: ($source == "live" and $leak), broken: null,
   detector: $kind, pattern_stated: (if $right then $pattern else null end),
   confidence_30s: (if $leak then ($conf // 0) else null end),
   growing: tier((if $right then 0.5 else null end); $alarm; $right; $conf; 5; (if $right then 0.01 else null end); (if $right then true else null end)),
   leak: (tier((if $right then 40 else null end); $alarm; $right; $conf; 5; (if $right then 0.01 else null end); (if $right then true else null end))
     + {time_to_limit: (if $right and $source == "live" then {error: 0.01, within: true, covered: true} else null end)})};
{type: "header", format: "leaklab.judged", version: 1, revision: "r", plan: "made-up", seeds: "sealed"},
(range(0; 70) | (1000000 + .) as $seed | ("linear-10K" | unit(.; "linear"; true; 1e4 * (1 + ($seed % 70) / 200); $seed; "simulated")),
  ("burst" | unit(.; "burst"; true; 1e6 * (1 + ($seed % 70) / 10); $seed; "simulated"))),
(range(0; 300) | (1000000 + .) as $seed | ("steady", "sine") as $c | unit($c; $c; false; null; $seed; "simulated")),
(range(0; 20) | (1 + .) as $seed | unit("accuracy-leaks/linear-10k-v\($seed % 3)"; "linear"; true; 1e4 * (1 + $seed / 50); $seed; "live"),
  unit("accuracy-leaks/burst"; "burst"; true; 1e6 * (1 + $seed / 5); $seed; "live"),
  unit("accuracy-benign/steady"; "steady"; false; null; $seed; "live"))
