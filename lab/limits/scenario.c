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
	char name[64], subject[64], size[UNITS_TEXT_SIZE];
	const struct probe_spec spec = {
		.name = name,
		.memory_bytes = w->memory_bytes,
		.memory_swap_bytes = w->memory_bytes,
	};

	/* No scenario's workload can have such a name: a dot is not in them. */
	snprintf(name, sizeof(name), "try.%llu", (unsigned long long)w->memory_bytes);
	snprintf(subject, sizeof(subject), "trial of %s",
		units_format_size((double)w->memory_bytes, size, sizeof(size)));
	return limits_try(session, subject, &spec, w->memory_bytes, NULL);
}

int limits_scenario(struct limits_session *session, const struct scenario *scenario)
{
	int err = limits_session_claim(session);

	if (err == 0)
		err = check_images(session, scenario);
	for (unsigned i = 0; err == 0 && i < scenario->workloads_count; i++)
		for (unsigned k = 1; err == 0 && k <= scenario->workloads[i].count; k++)
			err = look_at(session, &scenario->workloads[i], k);
	for (unsigned i = 0; err == 0 && i < scenario->workloads_count; i++)
		if (!tried_before(scenario, i))
			err = try_limit(session, &scenario->workloads[i]);
	return err;
}
