// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The containers of a scenario: each is made with its image, command and limits, but its program
 * is never let run. Each limit among them is tried once, since a hundred containers with the same
 * one would only say the same a hundred times.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/limits/cases.h"
#include "lab/limits/trial.h"
#include "lab/problems.h"
#include "lib/units.h"

static int check_images(struct limits_session *session, const struct scenario *scenario)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < scenario->workloads_count; i++) {
		char image[PODMAN_IMAGE_SIZE];

		if (!scenario->workloads[i].image)
			continue;
		podman_image_name(scenario->workloads[i].image, image, sizeof(image));
		err = check_image(&session->host, image, session->problems);
	}
	return err;
}

#define TRIAL_NAME_SIZE 64

static void trial_name(uint64_t bytes, char *buf)
{
	char size[UNITS_TEXT_SIZE];

	snprintf(buf, TRIAL_NAME_SIZE, "trial of %s",
		units_format_size((double)bytes, size, sizeof(size)));
}

/* What the trial of its limit met, the container would meet. */
static void take_trial(const struct limits_table *table, struct limits_row *row)
{
	char name[TRIAL_NAME_SIZE];

	trial_name(row->declared.number, name);
	for (size_t i = 0; i < table->count; i++) {
		const struct limits_row *trial = &table->rows[i];

		if (strcmp(trial->subject, name) != 0 || strcmp(trial->knob, row->knob) != 0 ||
			trial->declared.number != row->declared.number)
			continue;
		snprintf(row->observed, sizeof(row->observed), "%s", trial->observed);
		if (trial->verdict != LIMITS_PASS)
			limits_row_judge(row, trial->verdict, "%s: %s", name, trial->reason);
	}
}

static int look_at(struct limits_session *session, const struct scenario_workload *w, unsigned k)
{
	static const enum limits_knob knobs[] = { KNOB_MEMORY, KNOB_SWAP };
	char instance[SCENARIO_NAME_SIZE], image[PODMAN_IMAGE_SIZE];
	_cleanup_probe_ struct probe probe = PROBE_EMPTY;
	struct probe_spec spec = {
		.name = instance,
		.memory_bytes = w->memory_bytes,
		.memory_swap_bytes = w->memory_bytes,
		.command = w->command,
		.command_count = w->command_count,
	};

	if (limits_session_stopped(session))
		return -EINTR;
	scenario_instance_name(w, k, instance, sizeof(instance));
	if (w->image) {
		podman_image_name(w->image, image, sizeof(image));
		spec.image = image;
	}
	probe_open(session, &spec, &probe);
	for (size_t i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		struct limits_row *row =
			limits_session_row(session, instance, limits_knob_name(knobs[i]));

		if (!row)
			return -EINVAL;
		row->declared = limits_value_of(w->memory_bytes);
		if (limits_row_take_probe(row, &session->host.cgroup, &probe, knobs[i]) &&
			knobs[i] == KNOB_MEMORY)
			limits_row_bound(row, w->memory_bytes < session->host.cgroup.ram_bytes
						      ? probe.path
						      : "RAM");
		take_trial(&session->table, row);
	}
	return 0;
}

/* True when an earlier workload has the same limit. */
static bool tried_before(const struct scenario *scenario, unsigned upto)
{
	for (unsigned i = 0; i < upto; i++)
		if (scenario->workloads[i].memory_bytes == scenario->workloads[upto].memory_bytes)
			return true;
	return false;
}

static int try_limit(struct limits_session *session, const struct scenario_workload *w)
{
	char name[64], subject[TRIAL_NAME_SIZE];
	const struct probe_spec spec = {
		.name = name,
		.memory_bytes = w->memory_bytes,
		.memory_swap_bytes = w->memory_bytes,
	};

	/* No scenario's workload can have such a name: a dot is not in them. */
	snprintf(name, sizeof(name), "try.%llu", (unsigned long long)w->memory_bytes);
	trial_name(w->memory_bytes, subject);
	return limits_try(session, subject, &spec, w->memory_bytes, NULL);
}

int limits_scenario(struct limits_session *session, const struct scenario *scenario)
{
	int err = limits_session_claim(session);

	if (err == 0)
		err = check_images(session, scenario);
	for (unsigned i = 0; err == 0 && i < scenario->workloads_count; i++)
		if (!tried_before(scenario, i))
			err = try_limit(session, &scenario->workloads[i]);
	for (unsigned i = 0; err == 0 && i < scenario->workloads_count; i++)
		for (unsigned k = 1; err == 0 && k <= scenario->workloads[i].count; k++)
			err = look_at(session, &scenario->workloads[i], k);
	return err;
}
