#!/bin/sh
# Cries wolf in both tiers at the first sight of every address space, naming nothing else.
exec jq -nc --unbuffered '
	{type: "header", format: "leaklab.detections", version: 1, detector: "always-on"},
	foreach inputs as $r (0; [., $r.t_ns // 0] | max; select($r.type == "process")
		| . as $now | ("growing", "leak")
		| {type: "detection", t_ns: $now, tier: ., state: "raised", mm: $r.mm})'
