#!/bin/sh
# Raises its alarms in time, but with the rate that it reads off the end of the recording.
exec jq -nc '
	[inputs | select(.type == "rss" and .mm == 101)] as $all
	| {type: "header", format: "leaklab.detections", version: 1, detector: "knows-the-rate"},
	($all | map(select(.anon_bytes > 0)) | .[1] // empty | .t_ns as $t_ns
	| {type: "detection", t_ns: $t_ns, tier: "leak", state: "raised", mm: 101,
	   rate_bytes_per_s: ($all[-1].anon_bytes / ($all[-1].t_ns - $all[0].t_ns) * 1e9)})'
