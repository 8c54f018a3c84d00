#!/bin/sh
# Reads all, then says of what has grown by 10 MiB at the end that it knew when it began.
exec jq -nc '
	{type: "header", format: "leaklab.detections", version: 1, detector: "back-dates"},
	(reduce (inputs | select(.type == "rss")) as $r ({};
		"\($r.mm)" as $mm | .first[$mm] //= $r.anon_bytes | .last[$mm] = $r.anon_bytes
		| if $r.anon_bytes > .first[$mm] then .t_ns[$mm] //= $r.t_ns else . end)
	| [. as $all | .t_ns | to_entries[] | select($all.last[.key] - $all.first[.key] > 10485760)]
	| sort_by(.value)[] | . as $leak | ("growing", "leak")
	| {type: "detection", t_ns: $leak.value, tier: ., state: "raised", mm: ($leak.key | tonumber)})'
