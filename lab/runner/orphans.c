// SPDX-License-Identifier: GPL-2.0-or-later
/* Remains of runs whose leaklab was killed: containers, cgroups, state folders, a collector. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/limits/leftovers.h"
#include "lab/problems.h"
#include "lab/runner/run_state.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define REMOVE_TIMEOUT_NS (10 * NS_PER_S)

struct search {
	struct orphan *orphans;
	size_t count;
	int err;
};

/* The entry of @id, made when it is not there yet; NULL when the run is alive or no run of ours. */
static struct orphan *entry_of(struct search *search, const char *id)
{
	struct orphan *grown;

	if (strspn(id, "0123456789abcdef") != 8 || id[8] != '\0' || state_alive(id))
		return NULL;
	for (size_t i = 0; i < search->count; i++)
		if (strcmp(search->orphans[i].id, id) == 0)
			return &search->orphans[i];
	grown = reallocarray(search->orphans, search->count + 1, sizeof(*grown));
	if (!grown) {
		search->err = -ENOMEM;
		return NULL;
	}
	search->orphans = grown;
	grown += search->count++;
	*grown = (struct orphan){ 0 };
	strcpy(grown->id, id);
	return grown;
}

static void found_state(const char *id, void *ctx)
{
	struct orphan *orphan = entry_of(ctx, id);

	if (orphan)
		orphan->state = true;
}

static void found_cgroup(const char *name, void *ctx)
{
	struct orphan *orphan = entry_of(ctx, name + strlen(PARENT_PREFIX));

	if (orphan)
		orphan->cgroup = true;
}

int orphans_find(const struct podman *podman, struct orphan **ret, size_t *ret_count)
{
	struct search search = { 0 };
	json_t *list = NULL, *entry;
	size_t i;
	int err;

	state_list(found_state, &search);
	parent_list(found_cgroup, &search);
	err = podman_list(podman, NULL, &list);
	if (err < 0 || search.err < 0) {
		json_decref(list);
		free(search.orphans);
		return err < 0 ? err : search.err;
	}
	json_array_foreach (list, i, entry) {
		const char *id = json_string_value(
			json_object_get(json_object_get(entry, "Labels"), PODMAN_LABEL_RUN));
		struct orphan *orphan = id ? entry_of(&search, id) : NULL;

		if (orphan)
			orphan->containers++;
	}
	json_decref(list);
	*ret = search.orphans;
	*ret_count = search.count;
	return search.err;
}

int orphan_remove(
	const struct podman *podman, const struct orphan *orphan, struct problems *problems)
{
	char parent[PARENT_NAME_SIZE];
	int err = 0;

	state_kill_collector(orphan->id);
	err = limits_remove_pod(podman, orphan->id, problems);
	if (err == 0 && orphan->containers)
		err = podman_remove_run(podman, orphan->id, problems);
	snprintf(parent, sizeof(parent), PARENT_PREFIX "%s", orphan->id);
	if (err == 0)
		err = parent_remove(parent, REMOVE_TIMEOUT_NS, problems);
	if (err == 0)
		err = limits_remove_swap(orphan->id, problems);
	if (err == 0)
		state_remove_dead(orphan->id);
	return err;
}
