# What podman said of each container against run.json and samples.jsonl: one object a container,
# `wrong` lists what disagrees.
$run[0].workloads as $workloads |
[$podman[0][] | . as $c |
  ([$workloads[] | select(.container_id == $c.Id)][0]) as $w |
  # The newest: a cgroup has no limit for the moment between its making and the runtime's writing.
  ([$samples[] | select(.type == "cgroup" and .cgroup == $w.cgroup)][-1]) as $seen |
  {
    name: $c.Name, id: $c.Id, podman_path: $c.State.CgroupPath, lab_path: $w.cgroup_path,
    seen_path: $seen.path, podman_limit: $c.HostConfig.Memory,
    lab_limit: $w.limit_bytes, seen_limit: $seen.limit_bytes,
    wrong: [
      (if $w == null then "not in run.json" else empty end),
      (if $w.cgroup_path != $c.State.CgroupPath then "path in run.json" else empty end),
      (if $seen.path != $c.State.CgroupPath then "path in samples" else empty end),
      (if $w.limit_bytes != $c.HostConfig.Memory then "limit in run.json" else empty end),
      (if $w.memory_bytes != $c.HostConfig.Memory then "declared limit in run.json" else empty end),
      (if $seen.limit_bytes != $c.HostConfig.Memory then "limit in samples" else empty end),
      (if $seen.limit_cgroup != $c.State.CgroupPath then "limit's cgroup in samples" else empty end),
      (if $c.HostConfig.MemorySwap != $c.HostConfig.Memory then "swap is allowed" else empty end),
      (if $seen.container.id != $c.Id then "id in samples" else empty end),
      (if $seen.container.name != $c.Name then "name in samples" else empty end),
      (if ($c.Name | endswith($w.instance)) | not then "name in run.json" else empty end)
    ]
  }]
