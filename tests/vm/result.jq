# results.json of a machine that was booted: what it was, and how each step ended.
($facts[0] // {}) as $facts | ($smoke[0].host // {}) as $host |
[if $why != "" then $why else empty end,
 if ($facts.planned // 0) != ($steps | length) then
   "\($steps | length) of \($facts.planned // "unknown") steps ran" else empty end,
 ($steps | sort_by(.n)[] | select(.ok | not) | "\(.name): \(.why)")] as $wrong |
{
  format: "leaklab.vm", version: 1, name: $name, kernel: $kernel, init: $init, rootfs: $rootfs,
  package: $package, status: (if $wrong == [] then "PASS" else "FAIL" end),
  why: ($wrong | join("; ")), seconds: $seconds, qemu_exit: $qemu_exit, date: $date,
  revision: $revision, release: $facts.release, cgroups: $facts.cgroups,
  controllers: $facts.controllers, podman: $facts.podman, runtime: $host.runtime,
  libbpf: $host.libbpf, rss_stat_arguments: $facts.rss_stat_arguments,
  source: $header.source, libraries_brought: $facts.libraries_brought, steps: ($steps | sort_by(.n))
}
