// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/lag.h"

static unsigned int bucket_of(uint64_t ns)
{
	unsigned int power;

	if (ns < 4)
		return (unsigned int)ns;
	power = 63U - (unsigned int)__builtin_clzll(ns);
	return power * 4 + (unsigned int)(ns >> (power - 2) & 3);
}

static uint64_t upper_edge(unsigned int bucket)
{
	unsigned int power = bucket / 4;

	if (bucket < 4)
		return bucket;
	if (power < 2)
		return 4;
	return (((uint64_t)(bucket % 4) + 5) << (power - 2)) - 1;
}

void lag_add(struct lag *lag, uint64_t ns)
{
	lag->counts[bucket_of(ns)]++;
	lag->total++;
	if (ns > lag->max_ns)
		lag->max_ns = ns;
}

uint64_t lag_quantile_ns(const struct lag *lag, double q)
{
	uint64_t wanted = (uint64_t)(q * (double)lag->total), seen = 0;

	for (unsigned int i = 0; i < LAG_BUCKETS; i++) {
		seen += lag->counts[i];
		if (seen > wanted) {
			uint64_t edge = upper_edge(i);

			return edge < lag->max_ns ? edge : lag->max_ns;
		}
	}
	return lag->max_ns;
}
