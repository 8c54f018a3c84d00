// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/runner/podman.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "collector/cgroup/cgroup.h"
#include "lab/problems.h"
#include "lab/programs.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define PODMAN_TIMEOUT_NS (60 * NS_PER_S)

/* Podman raises its own limit of open files no further than this when it starts. */
#define PODMAN_FILES_MAX 1048576ULL

static uint64_t hard_limit(int resource, uint64_t max)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0 || limit.rlim_max > max)
		return max;
	return limit.rlim_max;
}

static uint64_t pid_max(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/pid_max", "re");
	uint64_t value;

	return f && fscanf(f, "%" SCNu64, &value) == 1 ? value : 32768;
}

int podman_init(struct podman *ret)
{
	struct podman podman = { 0 };
	int err = programs_find("podman", podman.program, sizeof(podman.program));

	if (err < 0)
		return err;
	podman.limit_files = hard_limit(RLIMIT_NOFILE, PODMAN_FILES_MAX);
	podman.limit_processes = hard_limit(RLIMIT_NPROC, pid_max());
	*ret = podman;
	return 0;
}

void podman_args(const struct podman *podman, struct args *args, ...)
{
	const char *arg;
	va_list list;

	args_add_all(args, podman->program, "--cgroup-manager", "cgroupfs", NULL);
	if (podman->runtime)
		args_add_all(args, "--runtime", podman->runtime, NULL);
	va_start(list, args);
	while ((arg = va_arg(list, const char *)))
		args_add(args, arg);
	va_end(list);
}

void podman_add_container_options(
	const struct podman *podman, struct args *args, const char *id, const char *parent)
{
	args_addf(args, "--label=" PODMAN_LABEL_RUN "=%s", id);
	args_addf(args, "--cgroup-parent=/%s", parent);
	args_add_all(args, "--pull=never", "--network=none", "--systemd=false", NULL);
	args_addf(args, "--ulimit=nofile=%" PRIu64 ":%" PRIu64, podman->limit_files,
		podman->limit_files);
	args_addf(args, "--ulimit=nproc=%" PRIu64 ":%" PRIu64, podman->limit_processes,
		podman->limit_processes);
}

int podman_run(const struct args *args, const char *cwd, const char *what,
	struct problems *problems, struct child_output *ret)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	int err = child_capture(args, cwd, PODMAN_TIMEOUT_NS, &output);
	const char *said;

	if (err < 0)
		return problems_add(problems, "%s: podman: %s", what, strerror(-err));
	if (output.status == 0) {
		if (ret) {
			*ret = output;
			output = (struct child_output){ 0 };
		}
		return 0;
	}
	said = child_last_line(output.err);
	return problems_add(problems, "%s: podman ended with %d: %s", what,
		child_exit_code(output.status), *said ? said : "(without a word)");
}

void podman_image_name(const char *image, char *buf, size_t size)
{
	if (strchr(image, '/'))
		snprintf(buf, size, "%s", image);
	else
		snprintf(buf, size, "localhost/leaklab-%s:latest", image);
}

int podman_image_exists(const struct podman *podman, const char *image)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_args_ struct args args = { 0 };
	int err;

	podman_args(podman, &args, "image", "exists", image, NULL);
	err = child_capture(&args, NULL, PODMAN_TIMEOUT_NS, &output);
	if (err < 0)
		return err;
	return child_exit_code(output.status) == 0;
}

int podman_image_memgen(const struct podman *podman, const char *image, struct podman_memgen *ret)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_args_ struct args args = { 0 };
	char *version;
	int err;

	podman_args(podman, &args, "image", "inspect", "--format",
		"{{index .Labels \"leaklab.memgen.sha256\"}}\n"
		"{{index .Labels \"leaklab.memgen.version\"}}",
		image, NULL);
	err = child_capture(&args, NULL, PODMAN_TIMEOUT_NS, &output);
	if (err < 0)
		return err;
	version = strchr(output.out, '\n');
	if (output.status != 0 || !version)
		return -EBADMSG;
	*version++ = '\0';
	version[strcspn(version, "\n")] = '\0';
	snprintf(ret->sha256, sizeof(ret->sha256), "%s", output.out);
	snprintf(ret->version, sizeof(ret->version), "%s", version);
	return 0;
}

static int try_runtime(
	const struct podman *podman, const char *id, const char *parent, struct problems *problems)
{
	_cleanup_args_ struct args args = { 0 };
	char what[64];

	podman_args(podman, &args, "run", "--rm", "--log-driver=none", "--memory=32m",
		"--memory-swap=32m", NULL);
	podman_add_container_options(podman, &args, id, parent);
	args_add_all(&args, PODMAN_MEMGEN_IMAGE, "--version", NULL);
	snprintf(what, sizeof(what), "trial of %s", podman->runtime);
	return podman_run(&args, "/", what, problems, NULL);
}

/* Whether a hybrid host has controllers on its v2 side: crun refuses to work there. */
static bool v2_side_has_controllers(void)
{
	_cleanup_fclose_ FILE *f = fopen("/sys/fs/cgroup/unified/cgroup.controllers", "re");

	return f && fgetc(f) > ' ';
}

int podman_choose_runtime(struct podman *podman, const struct cgroup_host *host, const char *id,
	const char *parent, struct problems *problems)
{
	const char *order[] = { "crun", "runc" };
	_cleanup_problems_ struct problems said = { 0 };
	char path[PATH_MAX];

	if (host->mode != CGROUP_V2 && v2_side_has_controllers()) {
		order[0] = "runc";
		order[1] = "crun";
	}
	for (size_t i = 0; i < 2; i++) {
		if (programs_find(order[i], path, sizeof(path)) < 0) {
			problems_add(&said, "%s: not installed", order[i]);
			continue;
		}
		podman->runtime = order[i];
		if (try_runtime(podman, id, parent, &said) == 0)
			return 0;
	}
	podman->runtime = NULL;
	for (size_t i = 0; i < said.count; i++)
		problems_add(problems, "%s", said.texts[i]);
	return problems_add(problems,
		"no container runtime works here; install runc or crun (`make deps`), then see "
		"`leaklab doctor`");
}

int podman_list(const struct podman *podman, const char *id, json_t **ret)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_problems_ struct problems ignored = { 0 };
	_cleanup_args_ struct args args = { 0 };
	int err;

	podman_args(podman, &args, "ps", "--all", "--format=json", NULL);
	args_addf(&args, "--filter=label=" PODMAN_LABEL_RUN "%s%s", id ? "=" : "", id ? id : "");
	err = podman_run(&args, NULL, "list of containers", &ignored, &output);
	if (err < 0)
		return err;
	*ret = json_loads(output.out, 0, NULL);
	return json_is_array(*ret) ? 0 : -EBADMSG;
}

int podman_remove_run(const struct podman *podman, const char *id, struct problems *problems)
{
	_cleanup_args_ struct args args = { 0 };
	json_t *list = NULL, *entry;
	size_t i;
	int err = podman_list(podman, id, &list);

	if (err < 0) {
		json_decref(list);
		return problems_add(problems,
			"containers of run %s cannot be listed; see `podman ps -a --filter "
			"label=" PODMAN_LABEL_RUN "`",
			id);
	}
	if (json_array_size(list) > 0) {
		podman_args(podman, &args, "rm", "--force", "--time=0", NULL);
		json_array_foreach (list, i, entry)
			args_add(&args, json_string_value(json_object_get(entry, "Id")) ?: "");
		err = podman_run(&args, "/", "removal of containers", problems, NULL);
	}
	json_decref(list);
	return err;
}
