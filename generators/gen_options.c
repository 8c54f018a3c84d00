// SPDX-License-Identifier: GPL-2.0-or-later
/* The options that patterns take: how each is written, checked and named in the truth. */
#include "generators/gen_config.h"

#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/units.h"

/* Beyond this, one tick of 10 ms would be more than 10 GiB. */
#define RATE_MAX_BYTES_PER_S (1024.0 * 1024 * 1024 * 1024)
/* Two ticks: a shorter time could not be kept. */
#define DURATION_MIN_NS (20 * NS_PER_MS)

#define FIELD(member) offsetof(struct gen_params, member)

const struct gen_option gen_options[GEN_OPT_COUNT] = {
	[GEN_RATE] = { "rate", GEN_KIND_RATE, false, FIELD(rate_bytes_per_s), "rate_bytes_per_s",
		"growth; of churn, what is replaced" },
	[GEN_SIZE] = { "size", GEN_KIND_SIZE, false, FIELD(size_bytes), "size_bytes",
		"one burst, spike or tooth of gcleak; otherwise the most that is held" },
	[GEN_FLOOR] = { "floor", GEN_KIND_SIZE, true, FIELD(floor_bytes), "floor_bytes",
		"the least that is held; of gcleak, what its growth begins from" },
	[GEN_UNIT] = { "unit", GEN_KIND_SIZE, false, FIELD(unit_bytes), "unit_bytes",
		"step i adds i units; of plateau and walk, one step" },
	[GEN_EVERY] = { "every", GEN_KIND_DURATION, false, FIELD(every_ns), "every_s",
		"time from one step, tooth or wave to the next" },
	[GEN_HOLD] = { "hold", GEN_KIND_DURATION, false, FIELD(hold_ns), "hold_s",
		"time until a spike is released" },
	[GEN_GROW] = { "grow", GEN_KIND_DURATION, false, FIELD(grow_ns), "grow_s",
		"time of growth in each cycle" },
	[GEN_FLAT] = { "flat", GEN_KIND_DURATION, true, FIELD(flat_ns), "flat_s",
		"time without growth in each cycle" },
	[GEN_TAU] = { "tau", GEN_KIND_DURATION, false, FIELD(tau_ns), "tau_s",
		"time constant of an exponential warm-up" },
	[GEN_RAMP] = { "ramp", GEN_KIND_DURATION, true, FIELD(ramp_ns), "ramp_s",
		"time over which a burst, linear warm-up or plateau is spread" },
	[GEN_CURVE] = { "curve", GEN_KIND_CURVE, true, FIELD(curve), "curve",
		"steps or exponential" },
	[GEN_DOUBLING] = { "doubling", GEN_KIND_DURATION, false, FIELD(doubling_ns), "doubling_s",
		"time in which an exponential growth rate doubles" },
};

static void *field(enum gen_opt opt, struct gen_params *params)
{
	return (char *)params + gen_options[opt].offset;
}

/* Says "must be more than 0" of 0 and of negative numbers, otherwise that it is not a @kind. */
static int refuse_value(const struct gen_option *option, const char *text, const char *kind,
	const char *examples, struct gen_error *ret_error)
{
	size_t zeros = strspn(text, "0.");
	bool zero = zeros > 0 && strspn(text + zeros, "123456789") == 0;

	if (*text == '-' && option->zero_ok)
		return gen_refuse(ret_error, "--%s=%s: must not be negative (examples: %s)",
			option->name, text, examples);
	if (*text == '-' || (zero && !option->zero_ok))
		return gen_refuse(ret_error, "--%s=%s: must be more than 0 (examples: %s)",
			option->name, text, examples);
	return gen_refuse(
		ret_error, "--%s=%s: not a %s (examples: %s)", option->name, text, kind, examples);
}

static int set_size(enum gen_opt opt, const char *text, uint64_t page_bytes,
	struct gen_params *params, struct gen_error *ret_error)
{
	const struct gen_option *option = &gen_options[opt];
	uint64_t bytes;
	int err;

	err = units_parse_size(text, &bytes);
	if (err == -ERANGE || (!err && bytes > GEN_PEAK_MAX_BYTES))
		return gen_refuse(
			ret_error, "--%s=%s: too large (the most is 64TiB)", option->name, text);
	if (err || (bytes == 0 && !option->zero_ok))
		return refuse_value(option, text, "size", UNITS_SIZE_EXAMPLES, ret_error);
	if (bytes != 0 && bytes < page_bytes)
		return gen_refuse(ret_error, "--%s=%s: less than one page (%llu bytes)",
			option->name, text, (unsigned long long)page_bytes);
	*(uint64_t *)field(opt, params) = bytes;
	return 0;
}

static int set_rate(
	enum gen_opt opt, const char *text, struct gen_params *params, struct gen_error *ret_error)
{
	const struct gen_option *option = &gen_options[opt];
	double rate;
	int err;

	err = units_parse_rate(text, &rate);
	if (err == -ERANGE || (!err && rate > RATE_MAX_BYTES_PER_S))
		return gen_refuse(
			ret_error, "--%s=%s: too fast (the most is 1TiB/s)", option->name, text);
	if (err || rate == 0)
		return refuse_value(option, text, "rate", UNITS_RATE_EXAMPLES, ret_error);
	*(double *)field(opt, params) = rate;
	return 0;
}

static int set_duration(
	enum gen_opt opt, const char *text, struct gen_params *params, struct gen_error *ret_error)
{
	const struct gen_option *option = &gen_options[opt];
	uint64_t ns;
	int err;

	err = units_parse_duration(text, &ns);
	if (err || (ns == 0 && !option->zero_ok))
		return refuse_value(option, text, "duration", UNITS_DURATION_EXAMPLES, ret_error);
	if (ns != 0 && ns < DURATION_MIN_NS)
		return gen_refuse(
			ret_error, "--%s=%s: too short (the least is 20ms)", option->name, text);
	*(uint64_t *)field(opt, params) = ns;
	return 0;
}

static int set_curve(
	enum gen_opt opt, const char *text, struct gen_params *params, struct gen_error *ret_error)
{
	enum gen_curve *curve = field(opt, params);

	if (strcmp(text, "steps") == 0)
		*curve = GEN_CURVE_STEPS;
	else if (strcmp(text, "exponential") == 0)
		*curve = GEN_CURVE_EXPONENTIAL;
	else
		return gen_refuse(ret_error, "--%s=%s: not a curve (steps or exponential)",
			gen_options[opt].name, text);
	return 0;
}

int gen_option_set(enum gen_opt opt, const char *text, uint64_t page_bytes,
	struct gen_params *params, struct gen_error *ret_error)
{
	switch (gen_options[opt].kind) {
	case GEN_KIND_SIZE:
		return set_size(opt, text, page_bytes, params, ret_error);
	case GEN_KIND_RATE:
		return set_rate(opt, text, params, ret_error);
	case GEN_KIND_DURATION:
		return set_duration(opt, text, params, ret_error);
	case GEN_KIND_CURVE:
		break;
	}
	return set_curve(opt, text, params, ret_error);
}

double gen_option_value(enum gen_opt opt, const struct gen_params *params)
{
	const void *value = (const char *)params + gen_options[opt].offset;

	switch (gen_options[opt].kind) {
	case GEN_KIND_SIZE:
		return (double)*(const uint64_t *)value;
	case GEN_KIND_RATE:
		return *(const double *)value;
	case GEN_KIND_DURATION:
		return gen_seconds(*(const uint64_t *)value);
	case GEN_KIND_CURVE:
		break;
	}
	return *(const enum gen_curve *)value;
}

bool gen_pattern_takes(const struct gen_pattern *pattern, enum gen_opt opt)
{
	for (size_t i = 0; pattern->options[i].value; i++)
		if (pattern->options[i].opt == opt)
			return true;
	return false;
}
