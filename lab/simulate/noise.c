// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/simulate/noise.h"
#include "lib/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KIB 1024.0
#define STRETCH_MIN_S 30
#define STRETCH_MAX_S 120
#define S_PER_NS 1e-9

/* Files ----------------------------------------------------------------------------------- */

static int read_points(
	const json_t *list, const char *path, struct noise_profile *ret, struct run_error *error)
{
	size_t count = json_array_size(list);
	double mean = 0, square = 0;

	if (count < NOISE_POINTS_MIN)
		return run_fail(error, -EPROTO,
			"%s: deviation_kib: %zu points: must be an array of at least %d numbers",
			path, count, NOISE_POINTS_MIN);
	ret->deviation = calloc(count, sizeof(*ret->deviation));
	if (!ret->deviation)
		return run_fail(error, -ENOMEM, "%s: out of memory", path);
	ret->count = count;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!json_is_number(item))
			return run_fail(error, -EPROTO,
				"%s: deviation_kib: entry %zu: must be a number", path, i);
		ret->deviation[i] = json_number_value(item);
		mean += ret->deviation[i] / (double)count;
	}
	for (size_t i = 0; i < count; i++) {
		ret->deviation[i] -= mean;
		square += ret->deviation[i] * ret->deviation[i] / (double)count;
	}
	ret->sigma_bytes = sqrt(square) * KIB;
	if (!(ret->sigma_bytes > 0))
		return run_fail(error, -EPROTO,
			"%s: deviation_kib: all are the same: no noise to lay over", path);
	return 0;
}

static int read_profile(const char *path, struct noise_profile *ret, struct run_error *error)
{
	json_error_t json_error;
	json_t *json = json_load_file(path, 0, &json_error);
	const char *format, *program;
	uint64_t version = 0;
	double interval_s = 0;
	int err;

	if (!json)
		return run_fail(
			error, -EPROTO, "%s:%d: %s", path, json_error.line, json_error.text);
	format = run_get_text(json, "format");
	program = run_get_text(json, "program");
	if (!format || strcmp(format, "leaklab.noise") != 0 ||
		!run_get_u64(json, "version", &version) || version != 1)
		err = run_fail(error, -EPROTO,
			"%s: format: must be \"leaklab.noise\", version 1 (`leaklab simulate "
			"--measure-noise` writes it)",
			path);
	else if (!program || !run_get_f64(json, "interval_s", &interval_s) ||
		 !(interval_s >= 0.01 && interval_s <= 60) ||
		 !run_get_f64(json, "events_per_s", &ret->events_per_s) ||
		 !(ret->events_per_s >= 0))
		err = run_fail(error, -EPROTO,
			"%s: needs a \"program\", an \"interval_s\" from 0.01 to 60 and "
			"\"events_per_s\" from 0",
			path);
	else
		err = read_points(json_object_get(json, "deviation_kib"), path, ret, error);
	if (!err) {
		ret->interval_ns = (uint64_t)llround(interval_s * 1e9);
		ret->program = strdup(program);
		if (!ret->program)
			err = run_fail(error, -ENOMEM, "%s: out of memory", path);
	}
	json_decref(json);
	return err;
}

static int is_profile(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

/* Not alphasort(): the order must be the same in every locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_profile(
	const char *dir, const char *name, struct noise_set *set, struct run_error *error)
{
	struct noise_profile *profile = &set->profile[set->count];
	_cleanup_free_ char *path = NULL;

	if (set->count == NOISE_PROFILES_MAX)
		return run_fail(
			error, -E2BIG, "%s: more than %d profiles", dir, NOISE_PROFILES_MAX);
	*profile = (struct noise_profile){ .name = strndup(name, strlen(name) - 5) };
	set->count++;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	if (!profile->name || !path)
		return run_fail(error, -ENOMEM, "%s: out of memory", dir);
	return read_profile(path, profile, error);
}

int noise_set_load(const char *dir, struct noise_set *ret, struct run_error *error)
{
	struct noise_set *set = ret;
	struct dirent **entries;
	int count = scandir(dir, &entries, is_profile, by_name), err = 0;

	*set = (struct noise_set){ 0 };
	if (count < 0)
		return run_fail(error, -errno, "%s: %s: the folder of the plan's noise profiles",
			dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!err)
			err = add_profile(dir, entries[i]->d_name, set, error);
		free(entries[i]);
	}
	free(entries);
	if (!err && set->count == 0)
		err = run_fail(error, -ENOENT,
			"%s: no noise profile (*.json) in it: measure one with `leaklab simulate "
			"--measure-noise`",
			dir);
	if (err)
		noise_set_done(set);
	return err;
}

void noise_set_done(struct noise_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		free(set->profile[i].name);
		free(set->profile[i].program);
		free(set->profile[i].deviation);
	}
	set->count = 0;
}

/* Streams --------------------------------------------------------------------------------- */

static void begin_stretch(struct noise_stream *stream)
{
	const struct noise_profile *profile = stream->profile;
	double point_s = (double)profile->interval_ns * S_PER_NS;
	uint64_t least = (uint64_t)ceil(STRETCH_MIN_S / point_s);
	uint64_t most = (uint64_t)ceil(STRETCH_MAX_S / point_s);
	uint64_t length;

	if (most > profile->count / 2)
		most = profile->count / 2;
	if (least > most)
		least = most;
	length = least + random_below(&stream->random, most - least + 1);
	stream->at = random_below(&stream->random, profile->count - length + 1);
	stream->left = length;
	stream->scale = fabs(stream->scale) * (random_next(&stream->random) >> 63 ? -1 : 1);
}

void noise_stream_init(struct noise_stream *stream, const struct noise_set *set,
	const struct random_stream *random, uint64_t start_ns, double sigma_bytes)
{
	*stream = (struct noise_stream){ .random = *random, .next_ns = start_ns };
	if (!(sigma_bytes > 0))
		return;
	stream->profile = &set->profile[random_below(&stream->random, set->count)];
	stream->scale = sigma_bytes / stream->profile->sigma_bytes;
}

double noise_stream_at(struct noise_stream *stream, uint64_t t_ns)
{
	if (!stream->profile)
		return 0;
	while (stream->next_ns <= t_ns) {
		if (stream->left == 0)
			begin_stretch(stream);
		stream->bytes = stream->profile->deviation[stream->at++] * stream->scale * KIB;
		stream->left--;
		stream->next_ns += stream->profile->interval_ns;
	}
	return stream->bytes;
}
