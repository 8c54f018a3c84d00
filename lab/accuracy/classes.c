// SPDX-License-Identifier: GPL-2.0-or-later
/* What each class of units shows by itself: a pooled figure would hide the worst of them. */
#include "lab/accuracy/accuracy.h"
#include "lib/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define RATE_BAND 0.02
#define S_PER_HOUR 3600

/* Benign processes of one instance are not independent: together they are one. */
struct instance {
	UT_hash_handle hh;
	size_t class;
	bool false_leak, false_growing;
	double watched_s;
	char key[];
};

/*
 * "accuracy-leaks/linear-10k-v3" and "linear-10K" are one class, linear-10k: a scenario varies the
 * parameters of a class by workloads of their own, called -v1 and so on.
 */
static char *class_name(const char *class)
{
	const char *slash = strrchr(class, '/');
	char *name = strdup(slash ? slash + 1 : class), *variant;

	if (!name)
		return NULL;
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	variant = strrchr(name, '-');
	if (variant && variant[1] == 'v' && variant[2] &&
		strspn(variant + 2, "0123456789") == strlen(variant + 2))
		*variant = '\0';
	return name;
}

/* The index of the class of @unit, which is added when it is new; or -ENOMEM. */
static ssize_t find_class(struct accuracy_source *source, const struct judged_unit *unit)
{
	_cleanup_free_ char *name = class_name(unit->class);
	struct accuracy_class *grown;

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < source->classes_count; i++)
		if (source->classes[i].leak == unit->leak &&
			strcmp(source->classes[i].name, name) == 0)
			return (ssize_t)i;
	grown = realloc(source->classes, (source->classes_count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	source->classes = grown;
	grown[source->classes_count] = (struct accuracy_class){
		.name = cleanup_steal_ptr(name),
		.leak = unit->leak,
		.growing_median_s = NAN,
		.growing_p95_s = NAN,
		.leak_median_s = NAN,
		.leak_p95_s = NAN,
		.rate_within = NAN,
		.rate_median = NAN,
	};
	return (ssize_t)source->classes_count++;
}

static int add_instance(struct instance **instances, size_t class, const struct judged_unit *unit)
{
	_cleanup_free_ char *key = NULL;
	struct instance *found;
	size_t len;

	if (asprintf(&key, "%zu %s %s", class, unit->run, unit->instance) < 0) {
		key = NULL;
		return -ENOMEM;
	}
	len = strlen(key);
	HASH_FIND(hh, *instances, key, len, found);
	if (!found) {
		found = calloc(1, sizeof(*found) + len + 1);
		if (!found)
			return -ENOMEM;
		memcpy(found->key, key, len + 1);
		found->class = class;
		HASH_ADD(hh, *instances, key, len, found);
	}
	found->false_leak |= unit->tier[SCORE_LEAK].false_alarms > 0;
	found->false_growing |= unit->tier[SCORE_GROWING].false_alarms > 0;
	found->watched_s = fmax(found->watched_s, unit->watched_s);
	return 0;
}

/* Ends what add_instance() began: counts the instances of each class and frees them. */
static void count_instances(struct accuracy_source *source, struct instance **instances)
{
	struct instance *one, *next;

	HASH_ITER (hh, *instances, one, next) {
		struct accuracy_class *class = &source->classes[one->class];

		class->units++;
		class->good += !one->false_leak;
		class->alarmed += one->false_growing;
		class->hours += one->watched_s / S_PER_HOUR;
		HASH_DEL(*instances, one);
		free(one);
	}
}

static void add_unit(struct accuracy_class *class, const struct judged_unit *unit)
{
	class->named += unit->pattern_stated && strcmp(unit->pattern_stated, unit->pattern) == 0;
	class->stated += unit->leak || unit->pattern_stated;
	class->false_leak += unit->tier[SCORE_LEAK].false_alarms;
	class->false_growing += unit->tier[SCORE_GROWING].false_alarms;
	if (!unit->leak)
		return;
	class->units++;
	class->good += isfinite(unit->tier[SCORE_LEAK].found_s);
}

static int latencies(const struct accuracy_set *set, struct accuracy_class *class)
{
	const struct {
		enum score_tier tier;
		double p;
		double *ret;
	} figures[] = {
		{ SCORE_GROWING, 0.5, &class->growing_median_s },
		{ SCORE_GROWING, 0.95, &class->growing_p95_s },
		{ SCORE_LEAK, 0.5, &class->leak_median_s },
		{ SCORE_LEAK, 0.95, &class->leak_p95_s },
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		struct accuracy_cell cell = { .value = NAN };
		int err = accuracy_latency(set, figures[i].tier, figures[i].p, &cell);

		if (err)
			return err;
		*figures[i].ret = cell.value;
	}
	return 0;
}

static int rates(const struct accuracy_set *set, struct accuracy_class *class)
{
	_cleanup_free_ double *errors = calloc(set->count + 1, sizeof(*errors));
	struct accuracy_cell cell = { .value = NAN };
	size_t n = 0;
	int err = errors ? accuracy_rate_within(set, RATE_BAND, &cell) : -ENOMEM;

	if (err)
		return err;
	class->rate_within = cell.value;
	class->rate_n = cell.n;
	for (size_t i = 0; i < set->count; i++) {
		double error = set->unit[i]->tier[SCORE_LEAK].rate[SCORE_AT_ALARM].error;

		if (isfinite(error))
			errors[n++] = fabs(error);
	}
	return n ? stats_median(errors, n, &class->rate_median) : 0;
}

/* @class_of has the class of each unit. */
static int measure_leaks(
	const struct accuracy_set *set, const size_t *class_of, struct accuracy_source *source)
{
	_cleanup_free_ const struct judged_unit **mine = calloc(set->count + 1, sizeof(*mine));

	if (!mine)
		return -ENOMEM;
	for (size_t c = 0; c < source->classes_count; c++) {
		struct accuracy_set part = { .unit = mine };
		int err;

		if (!source->classes[c].leak)
			continue;
		for (size_t i = 0; i < set->count; i++)
			if (class_of[i] == c)
				part.unit[part.count++] = set->unit[i];
		err = latencies(&part, &source->classes[c]);
		if (!err)
			err = rates(&part, &source->classes[c]);
		if (err)
			return err;
	}
	return 0;
}

static int add_all(const struct accuracy_set *set, size_t *class_of, struct instance **instances,
	struct accuracy_source *source)
{
	for (size_t i = 0; i < set->count; i++) {
		ssize_t class = find_class(source, set->unit[i]);
		int err = 0;

		if (class < 0)
			return (int)class;
		class_of[i] = (size_t) class;
		add_unit(&source->classes[class], set->unit[i]);
		if (!set->unit[i]->leak)
			err = add_instance(instances, (size_t) class, set->unit[i]);
		if (err)
			return err;
	}
	return 0;
}

int accuracy_classes(const struct accuracy_set *set, struct accuracy_source *source)
{
	_cleanup_free_ size_t *class_of = calloc(set->count + 1, sizeof(*class_of));
	struct instance *instances = NULL;
	int err = class_of ? add_all(set, class_of, &instances, source) : -ENOMEM;

	count_instances(source, &instances);
	return err ? err : measure_leaks(set, class_of, source);
}
