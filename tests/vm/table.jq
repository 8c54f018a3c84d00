# A Markdown table of results.json objects (slurped): one column a machine, one row a fact or step.
def text: if . == null or . == "" then "-" else tostring end;
def row($head; f): "| \($head) | " + ([.[] | f | text] | join(" | ")) + " |";

# Each step once, in the order in which machines ran it; those of systemd's machine alone come last.
(reduce (sort_by(.init == "systemd")[].steps[].name) as $name ([];
  if index([$name]) then . else . + [$name] end)) as $steps |
row("kernel"; .kernel + if .init == "systemd" then " with systemd" else "" end),
"|---|" + ("---|" * length),
row("release"; .release),
row("Debian's package"; .package),
row("userland"; .rootfs),
row("cgroups"; if .cgroups == "cgroup2fs" then "v2" else .cgroups end),
row("podman"; .podman),
row("runtime"; .runtime | if . then sub(" version"; "") else . end),
row("libbpf"; .libbpf),
row("arguments of rss_stat"; .rss_stat_arguments),
row("source used"; .source),
($steps[] as $step | row($step;
  ([.steps[] | select(.name == $step)][0]) as $s |
  if $s == null then null
  elif $s.ok then "ok, \($s.seconds | round) s" +
    (if ($step | IN("smoke", "burst")) and $s.detail != "" then ", " + $s.detail else "" end)
  else "FAIL: \($s.why)" end)),
row("result"; "**\(.status)**" + if .status == "SKIP" then ": " + .why else "" end),
row("time"; if .seconds then "\(.seconds) s" else null end)
