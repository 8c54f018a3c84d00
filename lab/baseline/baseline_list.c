// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/baseline/baseline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
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

char *baseline_name(const struct baseline *baseline, double threshold, char buf[BASELINE_NAME_SIZE])
{
	if (threshold == baseline->threshold)
		snprintf(buf, BASELINE_NAME_SIZE, "%s", baseline->name);
	else
		snprintf(buf, BASELINE_NAME_SIZE, "%s%c%.10g", baseline->name,
			BASELINE_SETTING_SIGN, threshold);
	return buf;
}

int baseline_parse_threshold(const struct baseline *baseline, const char *text, double *ret)
{
	char *end = NULL;
	double value = strtod(text, &end);

	if (!baseline->threshold_text || end == text || *end || !isfinite(value) ||
		value < baseline->threshold_min || value > baseline->threshold_max)
		return -EDOM;
	*ret = value;
	return 0;
}

int baseline_parse(const char *text, const struct baseline **ret, double *ret_threshold)
{
	const char *sign = strchr(text, BASELINE_SETTING_SIGN);
	size_t len = sign ? (size_t)(sign - text) : strlen(text);

	for (size_t i = 0; i < COUNT; i++) {
		double threshold = all[i]->threshold;

		if (strlen(all[i]->name) != len || strncmp(all[i]->name, text, len) != 0)
			continue;
		if (sign && baseline_parse_threshold(all[i], sign + 1, &threshold) < 0)
			return -EDOM;
		*ret = all[i];
		*ret_threshold = threshold;
		return 0;
	}
	return -ENOENT;
}
