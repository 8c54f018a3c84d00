// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/residual.h"

static int64_t difference(uint64_t charged, uint64_t resident)
{
	return charged == MEMCG_UNKNOWN ? 0 : (int64_t)(charged - resident);
}

static uint64_t known(uint64_t bytes)
{
	return bytes == MEMCG_UNKNOWN ? 0 : bytes;
}

struct residual residual_of(
	const struct memcg_usage *usage, int version, const struct resident *resident)
{
	struct residual ret = {
		.anon_bytes = difference(usage->anon_bytes, resident->anon_bytes),
		.file_bytes = difference(usage->file_bytes, resident->file_bytes),
		.shmem_bytes = difference(usage->shmem_bytes, resident->shmem_bytes),
	};
	uint64_t parts = known(usage->anon_bytes) + known(usage->file_bytes) +
			 known(usage->shmem_bytes) + known(usage->kernel_bytes) +
			 (version == 2 ? known(usage->sock_bytes) : 0);

	if (usage->usage_bytes == MEMCG_UNKNOWN)
		return ret;
	ret.unaccounted_bytes = (int64_t)(usage->usage_bytes - parts);
	if (usage->usage_bytes)
		ret.unaccounted_share = (double)ret.unaccounted_bytes / (double)usage->usage_bytes;
	return ret;
}
