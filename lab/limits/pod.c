// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The limits of a Kubernetes file, through `podman kube play`. The pod that is played is not the
 * user's: it has the same memory resources, but memgen instead of the images, and neither volumes
 * nor ports, so that nobody's program runs, nothing is pulled and nothing of the user's changes.
 * Each container is there twice, to hold what just fits and what does not.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <linux/capability.h>

#include "lab/limits/cases.h"
#include "lab/limits/leftovers.h"
#include "lab/limits/pod_file.h"
#include "lab/limits/swap.h"
#include "lab/limits/trial.h"
#include "lab/problems.h"
#include "lib/cleanup.h"
#include "lib/units.h"

#define MIB (1ULL << 20)
#define UNLIMITED_HOLD (16 * MIB)

/* What the container with index @i holds; 0: it is not made. */
static uint64_t hold_bytes(const struct pod_container *c, bool over)
{
	if (!c->limit_bytes)
		return over ? 0 : UNLIMITED_HOLD;
	return over ? probe_over_bytes(c->limit_bytes) : probe_under_bytes(c->limit_bytes);
}

static json_t *resources_json(const struct pod_container *c)
{
	json_t *resources = json_object();

	if (c->limit_text)
		json_object_set_new(
			resources, "limits", json_pack("{s:s}", "memory", c->limit_text));
	if (c->request_text)
		json_object_set_new(
			resources, "requests", json_pack("{s:s}", "memory", c->request_text));
	return resources;
}

static void add_container(json_t *list, const struct pod_container *c, size_t i, bool over)
{
	char name[32], size[48];

	if (!hold_bytes(c, over))
		return;
	snprintf(name, sizeof(name), "c%zu%c", i, over ? 'o' : 'u');
	snprintf(size, sizeof(size), "--size=%" PRIu64, hold_bytes(c, over));
	json_array_append_new(list,
		json_pack("{s:s, s:s, s:s, s:[s, s, s, s], s:o}", "name", name, "image",
			PODMAN_MEMGEN_IMAGE, "imagePullPolicy", "Never", "args", "steady", size,
			"--start-delay=0", "--duration=1h", "resources", resources_json(c)));
}

/* The pod that is played. */
static int write_manifest(
	struct limits_session *session, const struct pod_file *file, const char *path)
{
	json_t *list = json_array(), *pod;
	int err = 0;

	for (size_t i = 0; i < file->count; i++) {
		add_container(list, &file->containers[i], i, false);
		add_container(list, &file->containers[i], i, true);
	}
	pod = json_pack("{s:s, s:s, s:{s:s, s:{s:s}}, s:{s:s, s:o}}", "apiVersion", "v1", "kind",
		"Pod", "metadata", "name", session->parent, "labels", PODMAN_LABEL_RUN,
		session->state.id, "spec", "restartPolicy", "Never", "containers", list);
	if (!pod || json_dump_file(pod, path, 0) < 0)
		err = problems_add(session->problems, "%s: cannot be written", path);
	json_decref(pod);
	return err;
}

/*
 * `kube play` has no --ulimit, and without CAP_SYS_RESOURCE no container may have podman's default:
 * then a configuration of ours says what it may have.
 */
static int set_ulimits(struct limits_session *session)
{
	const struct podman *podman = &session->host.podman;
	_cleanup_fclose_ FILE *f = NULL;
	char path[128];

	if (prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE, 0, 0, 0) == 1)
		return 0;
	snprintf(path, sizeof(path), "%s/containers.conf", session->state.dir);
	f = fopen(path, "we");
	if (!f ||
		fprintf(f,
			"[containers]\ndefault_ulimits = [\"nofile=%" PRIu64 ":%" PRIu64
			"\", \"nproc=%" PRIu64 ":%" PRIu64 "\"]\n",
			podman->limit_files, podman->limit_files, podman->limit_processes,
			podman->limit_processes) < 0 ||
		fflush(f))
		return problems_add(
			session->problems, "%s: cannot be written: %s", path, strerror(errno));
	return setenv("CONTAINERS_CONF", path, 1) == 0 ? 0 : -ENOMEM;
}

/* Returns 0, or -EINVAL with what podman said in @words. */
static int play(struct limits_session *session, const char *path, char *words, size_t size)
{
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };
	int err = limits_note_pod(&session->host.podman, &session->state, session->parent);

	if (err == 0)
		err = set_ulimits(session);
	if (err < 0)
		return err;
	podman_args(&session->host.podman, &args, "kube", "play", "--start=false", "--build=false",
		"--network=none", "--log-driver=passthrough", path, NULL);
	err = podman_run(&args, session->state.dir, "podman kube play", &said, NULL);
	snprintf(words, size, "%s", said.count ? said.texts[0] : "");
	return err;
}

/*
 * Starts the container that the others share namespaces with: when that fails, no limit is to
 * blame. Podman names it after the pod's id. Returns 0, or -EINVAL with what podman said in @words.
 */
static int start_infra(struct limits_session *session, const json_t *list, char *words, size_t size)
{
	const char *pod = json_string_value(json_object_get(json_array_get(list, 0), "Pod"));
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };
	int err;

	podman_args(&session->host.podman, &args, "start", NULL);
	args_addf(&args, "%.12s-infra", pod ? pod : "");
	err = podman_run(&args, session->state.dir, "podman cannot start a pod here", &said, NULL);
	snprintf(words, size, "%s", said.count ? said.texts[0] : "");
	return err;
}

/* The id of the container whose name ends in "-@name"; the caller frees it. */
static char *id_of(const json_t *list, const char *name)
{
	json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry) {
		const char *full =
			json_string_value(json_array_get(json_object_get(entry, "Names"), 0));
		const char *last = full ? strrchr(full, '-') : NULL;
		const char *id = json_string_value(json_object_get(entry, "Id"));

		if (last && id && strcmp(last + 1, name) == 0)
			return strdup(id);
	}
	return NULL;
}

static int run_one(struct limits_session *session, const json_t *list, size_t i,
	const struct pod_container *c, bool over, struct probe *probe)
{
	_cleanup_free_ char *id = NULL;
	char name[32];
	int err;

	if (limits_session_stopped(session))
		return -EINTR;
	if (!hold_bytes(c, over))
		return 0;
	snprintf(name, sizeof(name), "c%zu%c", i, over ? 'o' : 'u');
	id = id_of(list, name);
	if (!id)
		return problems_add(session->problems, "podman kube play made no container %s-%s",
			session->parent, name);
	session->progress("limits: %s, %s its limit", c->name, over ? "over" : "under");
	err = probe_adopt(session, id, probe);
	probe->hold_bytes = hold_bytes(c, over);
	if (err < 0)
		return 0;
	return probe_run(session, probe) == -EINTR ? -EINTR : 0;
}

static struct limits_row *add_row(struct limits_session *session, const struct pod_container *c,
	enum limits_knob knob, uint64_t declared, const struct probe *probe, bool *ret_taken)
{
	struct limits_row *row = limits_session_row(session, c->name, limits_knob_name(knob));

	if (!row)
		return NULL;
	row->declared = limits_value_of(declared);
	*ret_taken = limits_row_take_probe(row, &session->host.cgroup, probe, knob);
	return row;
}

static bool bounded(const struct limits_row *row)
{
	return row->written.kind == VALUE_BYTES;
}

/*
 * A Pod cannot declare swap, and in Kubernetes means none by that; podman means no limit, or as
 * much again.
 */
static void judge_swap(struct limits_row *row, const struct limits_trial *trial)
{
	char text[UNITS_TEXT_SIZE];

	/* Nothing was declared: podman's own choice is no breach by itself. */
	row->verdict = LIMITS_PASS;
	row->reason[0] = '\0';
	limits_value_text(&row->written, text, sizeof(text));
	if (limits_swap_free_bytes() == 0)
		limits_row_judge(row, LIMITS_SKIP,
			"podman %s%s: no swap is to be used, says Kubernetes; this host has none, "
			"so nothing can be tried",
			bounded(row) ? "allows memory and swap up to " : "sets no swap limit",
			bounded(row) ? text : "");
	else if (limits_probe_swapped(&trial->over))
		limits_row_judge(row, LIMITS_FAIL,
			"podman %s%s: the container swaps where Kubernetes would have killed it",
			bounded(row) ? "allows memory and swap up to " : "sets no swap limit",
			bounded(row) ? text : "");
}

static int add_rows(struct limits_session *session, const struct pod_container *c,
	const struct limits_trial *trial)
{
	const struct probe *probe =
		trial->under.outcome != PROBE_NOTHING ? &trial->under : &trial->over;
	char text[LIMITS_TEXT_SIZE + 64];
	struct limits_row *row;
	bool taken;

	row = add_row(session, c, KNOB_MEMORY, c->limit_bytes, probe, &taken);
	if (!row)
		return -EINVAL;
	if (!c->limit_bytes) {
		limits_row_observe(row, "%s", probe_text(probe, text, sizeof(text)));
		if (probe->outcome != PROBE_HELD)
			limits_row_judge(
				row, LIMITS_FAIL, "nothing limits it, but it was not held");
	} else {
		if (taken)
			limits_row_bound(row, probe->path);
		limits_judge_memory(row, trial);
	}
	if (c->limit_bytes) {
		row = add_row(session, c, KNOB_SWAP, 0, probe, &taken);
		if (!row)
			return -EINVAL;
		if (taken)
			judge_swap(row, trial);
	}
	if (!c->request_bytes)
		return 0;
	row = add_row(session, c, KNOB_RESERVATION, c->request_bytes, probe, &taken);
	return row ? 0 : -EINVAL;
}

/* The same verdict for all containers. */
static int judge_all(struct limits_session *session, const struct pod_file *file,
	enum limits_verdict verdict, const char *words)
{
	for (size_t i = 0; i < file->count; i++) {
		struct limits_row *row = limits_session_row(
			session, file->containers[i].name, limits_knob_name(KNOB_MEMORY));

		if (!row)
			return -EINVAL;
		row->declared = limits_value_of(file->containers[i].limit_bytes);
		limits_row_judge(row, verdict, "%s", words);
	}
	return 0;
}

static int refused(struct limits_session *session, const struct pod_file *file, const char *words)
{
	if (strstr(words, "catatonit"))
		return problems_add(session->problems,
			"%s; install it with `apt-get install catatonit`", words);
	return judge_all(session, file, LIMITS_FAIL, words);
}

static int try_containers(
	struct limits_session *session, const struct pod_file *file, const json_t *list)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < file->count; i++) {
		_cleanup_trial_ struct limits_trial trial = TRIAL_EMPTY;
		const struct pod_container *c = &file->containers[i];

		err = run_one(session, list, i, c, false, &trial.under);
		probe_end(&trial.under);
		if (err == 0)
			err = run_one(session, list, i, c, true, &trial.over);
		if (err == 0)
			err = add_rows(session, c, &trial);
	}
	return err;
}

int limits_pod(struct limits_session *session, const char *path)
{
	_cleanup_pod_file_ struct pod_file file = { 0 };
	char manifest[128], words[LIMITS_TEXT_SIZE];
	json_t *list = NULL;
	int err = pod_file_load(path, session->problems, &file);

	if (err == 0)
		err = limits_session_claim(session);
	if (err < 0)
		return err;
	snprintf(manifest, sizeof(manifest), "%s/pod.json", session->state.dir);
	err = write_manifest(session, &file, manifest);
	if (err < 0)
		return err;
	session->progress("limits: podman kube play");
	if (play(session, manifest, words, sizeof(words)) < 0)
		return refused(session, &file, words);
	if (podman_list(&session->host.podman, session->state.id, &list) < 0)
		err = problems_add(session->problems, "the pod's containers cannot be listed");
	else if (start_infra(session, list, words, sizeof(words)) < 0)
		err = judge_all(session, &file, LIMITS_SKIP, words);
	else
		err = try_containers(session, &file, list);
	json_decref(list);
	return err;
}
