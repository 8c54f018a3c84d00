// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks plans and draws runs from them. */
#include "lab/simulate/plan.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/problems.h"
#include "lab/simulate/formula.h"
#include "lab/simulate/random.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#define NAMES_MAX (2 * PLAN_DRAWS_MAX)
#define NAME_MAX_LEN 63
/* Less than this holds no program. */
#define MEMORY_MIN_BYTES (1ULL << 20)
#define INTERVAL_MIN_NS (10 * NS_PER_MS)

/* The values of one run. */
struct drawing {
	const struct plan *plan;
	const struct plan_class *class;
	struct problems *problems;
	struct random_stream stream;
	struct formula_name names[NAMES_MAX];
	size_t count;
};

/* @key is that of the class, or of the plan when @class is NULL. */
__attribute__((format(printf, 5, 6))) static int problem(const struct plan *plan,
	struct problems *problems, const struct plan_class *class, const char *key, const char *fmt,
	...)
{
	char path[160];
	va_list args;
	int err;

	if (class)
		snprintf(path, sizeof(path), "classes[%zu].%s", (size_t)(class - plan->classes),
			key);
	else
		snprintf(path, sizeof(path), "%s", key);
	va_start(args, fmt);
	err = yaml_lines_problem(
		&plan->lines, problems, plan->path, path, class ? class->name : "", key, fmt, args);
	va_end(args);
	return err;
}

/* Drawing --------------------------------------------------------------------------------- */

/* @key and @class say where @text stands. */
static int quantity(const struct drawing *drawing, const struct plan_class *class, const char *key,
	const char *text, double *ret)
{
	_cleanup_free_ char *expanded = NULL;
	struct formula_error error;
	int err = formula_expand(text, drawing->names, drawing->count, &expanded, &error);

	if (err)
		return problem(drawing->plan, drawing->problems, class, key, "\"%s\": %s", text,
			err == -EINVAL ? error.text : "out of memory");
	if (formula_quantity(expanded, ret) < 0)
		return problem(drawing->plan, drawing->problems, class, key,
			"\"%s\": not a number, size, rate or time (examples: 64MiB, 10KB/s, 5s, "
			"\"{2*size}\")",
			text);
	return 0;
}

static int draw_range(struct drawing *drawing, const struct plan_class *class, const char *key,
	const struct plan_draw *draw, struct random_stream *stream, double *ret)
{
	double from, to;
	int err = quantity(drawing, class, key, draw->from, &from);

	if (!err)
		err = quantity(drawing, class, key, draw->to, &to);
	if (err)
		return err;
	if (!(from <= to))
		return problem(drawing->plan, drawing->problems, class, key,
			"%s: from %s is above to %s", draw->name, draw->from, draw->to);
	if (draw->scale == PLAN_LOG && !(from > 0))
		return problem(drawing->plan, drawing->problems, class, key,
			"%s: from %s: must be above 0 on a log scale (or say scale: linear)",
			draw->name, draw->from);
	*ret = draw->scale == PLAN_LOG ? random_log(stream, from, to)
				       : random_linear(stream, from, to);
	return 0;
}

static int draw_one(
	struct drawing *drawing, const struct plan_class *class, const struct plan_draw *draw)
{
	struct random_stream stream = random_stream_split(&drawing->stream, draw->name);
	char key[32];
	double value;
	int err;

	snprintf(key, sizeof(key), "draw[%zu]",
		(size_t)(draw - (class ? class->draw : drawing->plan->draw)));
	if (draw->choice)
		err = quantity(drawing, class, key,
			draw->choice[random_below(&stream, draw->choice_count)], &value);
	else
		err = draw_range(drawing, class, key, draw, &stream, &value);
	if (err)
		return err;
	drawing->names[drawing->count++] = (struct formula_name){ draw->name, value };
	return 0;
}

/* A setting: of the class, else of the plan, else @fallback; NULL: it must be given. */
static int draw_setting(const struct drawing *drawing, const char *key, const char *of_class,
	const char *of_plan, const char *fallback, double *ret)
{
	const char *text = of_class ? of_class : of_plan ? of_plan : fallback;
	const struct plan_class *where = of_class || !of_plan ? drawing->class : NULL;

	if (!text)
		return problem(drawing->plan, drawing->problems, drawing->class, key,
			"missing; give it to the class or to the whole plan");
	return quantity(drawing, where, key, text, ret);
}

#define SETTING(drawing, member, fallback, ret)                                                    \
	draw_setting(drawing, #member, (drawing)->class->given.member,                             \
		(drawing)->plan->given.member, fallback, ret)

static int draw_settings(const struct drawing *drawing, struct plan_run *run)
{
	double duration_s, interval_s, charge_s, health_s, memory, base;
	int err = SETTING(drawing, duration, NULL, &duration_s);

	if (!err)
		err = SETTING(drawing, interval, "500ms", &interval_s);
	if (!err)
		err = SETTING(drawing, charge_interval, "5s", &charge_s);
	if (!err)
		err = SETTING(drawing, health, "5s", &health_s);
	if (!err)
		err = SETTING(drawing, memory, NULL, &memory);
	if (!err)
		err = SETTING(drawing, base, "0", &base);
	if (!err)
		err = SETTING(drawing, sigma, "0", &run->sigma_bytes);
	if (err)
		return err;
	run->duration_ns = (uint64_t)llround(duration_s * 1e9);
	run->interval_ns = (uint64_t)llround(interval_s * 1e9);
	run->charge_interval_ns = (uint64_t)llround(charge_s * 1e9);
	run->health_ns = (uint64_t)llround(health_s * 1e9);
	run->memory_bytes = (uint64_t)llround(memory);
	run->base_bytes = (uint64_t)llround(base);
	return 0;
}

static int check_settings(
	const struct plan *plan, struct problems *problems, const struct plan_run *run)
{
	char text[UNITS_TEXT_SIZE];

	if (run->interval_ns < INTERVAL_MIN_NS)
		return problem(plan, problems, run->class, "interval", "must be at least 10ms");
	if (run->charge_interval_ns < run->interval_ns)
		return problem(plan, problems, run->class, "charge_interval",
			"must be at least the interval");
	if (run->duration_ns / run->interval_ns > PLAN_SAMPLES_MAX)
		return problem(plan, problems, run->class, "duration",
			"makes more than %d samples: raise interval, or shorten duration",
			PLAN_SAMPLES_MAX);
	if (run->duration_ns <= run->health_ns)
		return problem(plan, problems, run->class, "duration",
			"must be longer than health, which is %s",
			units_format_duration((double)run->health_ns * 1e-9, text, sizeof(text)));
	if (run->memory_bytes < MEMORY_MIN_BYTES)
		return problem(
			plan, problems, run->class, "memory", "must be a size of at least 1MiB");
	return 0;
}

static int draw_args(const struct drawing *drawing, struct plan_run *run)
{
	const struct plan_class *class = drawing->class;

	run->args = calloc(class->args_count + 1, sizeof(char *));
	if (!run->args)
		return problem(drawing->plan, drawing->problems, class, "args", "out of memory");
	for (unsigned int i = 0; i < class->args_count; i++) {
		struct formula_error error;
		char key[32];
		int err = formula_expand(
			class->args[i], drawing->names, drawing->count, &run->args[i], &error);

		snprintf(key, sizeof(key), "args[%u]", i);
		if (err)
			return problem(drawing->plan, drawing->problems, class, key, "\"%s\": %s",
				class->args[i], err == -EINVAL ? error.text : "out of memory");
		run->args_count++;
	}
	return 0;
}

int plan_draw(const struct plan *plan, const struct plan_class *class, uint64_t seed,
	struct problems *problems, struct plan_run *ret)
{
	struct drawing drawing = {
		.plan = plan,
		.class = class,
		.problems = problems,
		.stream = random_stream_of(seed, class->name),
	};
	struct random_stream memgen = random_stream_split(&drawing.stream, "memgen");
	struct plan_run run = { .class = class, .seed = seed };
	int err = 0;

	/* JSON readers may keep it in a double. */
	run.memgen_seed = random_next(&memgen) >> 11;
	for (unsigned int i = 0; !err && i < plan->draw_count; i++)
		err = draw_one(&drawing, NULL, &plan->draw[i]);
	for (unsigned int i = 0; !err && i < class->draw_count; i++)
		err = draw_one(&drawing, class, &class->draw[i]);
	if (!err)
		err = draw_settings(&drawing, &run);
	if (!err)
		err = check_settings(plan, problems, &run);
	if (!err)
		err = draw_args(&drawing, &run);
	if (err) {
		plan_run_done(&run);
		return err;
	}
	*ret = run;
	return 0;
}

void plan_run_done(struct plan_run *run)
{
	for (size_t i = 0; i < run->args_count; i++)
		free(run->args[i]);
	free(run->args);
	*run = (struct plan_run){ 0 };
}

/* Checking -------------------------------------------------------------------------------- */

static bool is_name(const char *text, const char *chars)
{
	size_t len = strspn(text, chars);

	return len > 0 && len <= NAME_MAX_LEN && text[len] == '\0' && text[0] != '-';
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static int check_draws(const struct plan *plan, struct problems *problems,
	const struct plan_class *class, const struct plan_draw *draws, unsigned int count)
{
	int err = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct plan_draw *draw = &draws[i];
		char key[32];

		snprintf(key, sizeof(key), "draw[%u]", i);
		if (!is_name(draw->name, LOWER "_"))
			err = problem(plan, problems, class, key,
				"name: \"%s\": must be of a-z and _", draw->name);
		if (draw->choice ? draw->from || draw->to : !draw->from || !draw->to)
			err = problem(plan, problems, class, key,
				"%s: give either from and to, or choice", draw->name);
		for (unsigned int k = 0; k < i; k++)
			if (strcmp(draws[k].name, draw->name) == 0)
				err = problem(
					plan, problems, class, key, "%s: drawn twice", draw->name);
	}
	return err;
}

static int check_class(
	const struct plan *plan, struct problems *problems, const struct plan_class *class)
{
	struct plan_run run;
	int err;

	if (!is_name(class->name, LOWER UPPER DIGITS "-"))
		return problem(plan, problems, class, "name",
			"must be of letters, digits and -, at most %d", NAME_MAX_LEN);
	for (const struct plan_class *other = plan->classes; other < class; other++)
		if (strcmp(other->name, class->name) == 0)
			return problem(
				plan, problems, class, "name", "another class has this name");
	for (unsigned int i = 0; i < class->args_count; i++)
		if (strncmp(class->args[i], "--", 2) != 0)
			return problem(plan, problems, class, "args",
				"\"%s\": must be an option of memgen (example: --rate=1MiB/s)",
				class->args[i]);
	err = check_draws(plan, problems, class, class->draw, class->draw_count);
	if (err)
		return err;
	err = plan_draw(plan, class, 1, problems, &run);
	if (!err)
		plan_run_done(&run);
	return err;
}

int plan_check(const struct plan *plan, struct problems *problems)
{
	int err = check_draws(plan, problems, NULL, plan->draw, plan->draw_count);

	if (!is_name(plan->name, LOWER DIGITS "-"))
		err = problem(plan, problems, NULL, "name", "must be of a-z, 0-9 and -, at most %d",
			NAME_MAX_LEN);
	/* What the plan gets wrong itself would be said of every class. */
	if (err)
		return err;
	for (unsigned int i = 0; i < plan->classes_count; i++)
		err |= check_class(plan, problems, &plan->classes[i]);
	return err ? -EINVAL : 0;
}
