// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/baseline/baseline.h"

#include <string.h>

static const struct baseline *const all[] = {
	&baseline_blind,
	&baseline_always_on,
	&baseline_limit,
	&baseline_last_increment,
	&baseline_ols_60,
	&baseline_ols_300_r2,
	&baseline_mann_kendall,
	&baseline_predict_linear,
	&baseline_predict_linear_for,
	&baseline_growth_ratio,
	&baseline_valley,
};

#define COUNT (sizeof(all) / sizeof(all[0]))

size_t baseline_count(void)
{
	return COUNT;
}

const struct baseline *baseline_at(size_t number)
{
	return all[number];
}

const struct baseline *baseline_find(const char *name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}
