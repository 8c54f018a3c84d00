// SPDX-License-Identifier: GPL-2.0-or-later
/* The truth of an instance of several processes: the sum of theirs. */
#include "lab/score/score.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>

/* A step of one part. */
struct change {
	struct score_step step;
	size_t part;
	size_t order; /* in its part: changes at one time stay in it */
};

static int by_time(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->step.t_ns != y->step.t_ns)
		return x->step.t_ns > y->step.t_ns ? 1 : -1;
	if (x->part != y->part)
		return x->part > y->part ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

static struct change *collect(const struct score_unit *parts, size_t count, size_t *ret_changes)
{
	struct change *changes;
	size_t n = 0;

	for (size_t p = 0; p < count; p++)
		n += parts[p].steps_count;
	changes = calloc(n + 1, sizeof(*changes));
	if (!changes)
		return NULL;
	n = 0;
	for (size_t p = 0; p < count; p++)
		for (size_t i = 0; i < parts[p].steps_count; i++)
			changes[n++] = (struct change){ parts[p].steps[i], p, i };
	qsort(changes, n, sizeof(*changes), by_time);
	*ret_changes = n;
	return changes;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b && (!a || b < a) ? b : a;
}

static void sum_times(const struct score_unit *parts, size_t count, struct score_unit *unit)
{
	for (size_t p = 0; p < count; p++) {
		unit->process_ns = earlier(unit->process_ns, parts[p].process_ns);
		unit->onset_ns = earlier(unit->onset_ns, parts[p].onset_ns);
		unit->end_ns = earlier(unit->end_ns, parts[p].end_ns);
		if (parts[p].ready_ns > unit->ready_ns)
			unit->ready_ns = parts[p].ready_ns;
	}
}

/* True when a change at @t_ns belongs to the step that began at @from_ns. */
static bool same_step(const struct score_unit *unit, uint64_t from_ns, uint64_t t_ns)
{
	/* What was held at the onset must not take the first growth in. */
	if (from_ns < unit->onset_ns && t_ns >= unit->onset_ns)
		return false;
	return t_ns - from_ns <= SCORE_STEP_NS;
}

/* Nothing that a healthy process holds beside a leaking one leaks. */
static uint64_t garbage_of(
	const struct score_unit *unit, const struct score_unit *parts, const struct change *change)
{
	if (unit->leak && !parts[change->part].leak)
		return change->step.retained_bytes;
	return change->step.garbage_bytes;
}

int score_truth_sum(const struct score_unit *parts, size_t count, struct score_unit *unit,
	struct score_step **ret_steps)
{
	_cleanup_free_ uint64_t *held = calloc(count + 1, sizeof(*held));
	_cleanup_free_ uint64_t *garbage = calloc(count + 1, sizeof(*garbage));
	_cleanup_free_ struct change *changes = NULL;
	struct score_step *steps, *step = NULL;
	uint64_t sum = 0, garbage_sum = 0, from_ns = 0;
	size_t n = 0;

	changes = held && garbage ? collect(parts, count, &n) : NULL;
	steps = changes ? calloc(n + 1, sizeof(*steps)) : NULL;
	if (!steps)
		return -ENOMEM;
	unit->process_ns = unit->ready_ns = unit->onset_ns = unit->end_ns = 0;
	sum_times(parts, count, unit);
	unit->steps = steps;
	unit->steps_count = 0;
	for (size_t i = 0; i < n; i++) {
		const struct change *change = &changes[i];

		if (!step || !same_step(unit, from_ns, change->step.t_ns)) {
			step = &steps[unit->steps_count++];
			from_ns = change->step.t_ns;
		}
		sum += change->step.retained_bytes - held[change->part];
		held[change->part] = change->step.retained_bytes;
		garbage_sum += garbage_of(unit, parts, change) - garbage[change->part];
		garbage[change->part] = garbage_of(unit, parts, change);
		step->t_ns = change->step.t_ns;
		step->retained_bytes = sum;
		step->garbage_bytes = garbage_sum;
		if (change->step.late_ns > step->late_ns)
			step->late_ns = change->step.late_ns;
	}
	*ret_steps = steps;
	return 0;
}
