// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of one case's container, from its cgroup to what is known of its end. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/child.h"
#include "lab/oom/cases.h"
#include "lab/problems.h"
#include "lab/runner/truth_tail.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define PODMAN_TIMEOUT_NS (60 * NS_PER_S)
#define LIFE_TIMEOUT_NS (90 * NS_PER_S) /* an emulated machine takes its time */
#define KILLED_TIMEOUT_NS (10 * NS_PER_S)
#define SETTLE_TIMEOUT_NS (10 * NS_PER_S)
#define REMOVE_TIMEOUT_NS (10 * NS_PER_S)
#define POLL_NS (50 * NS_PER_MS)
#define POLL_MS 100

#define PIDS_MAX 64

/* Where memgen is seen in the container when it runs under another name. */
#define PROGRAM_DIR "/program"

struct life {
	struct oom_lab *lab;
	const struct oom_case *what;
	struct oom_case_result *result;
	char parent[PARENT_NAME_SIZE + 32];
	char scratch[sizeof(((struct state *)0)->dir) + 40];
	char id[80]; /* podman's; "" before it is made */
	int out_fd;
	struct truth_tail truth; /* of memgen */
	int pidfd;
	struct oom_watch watch;
	pid_t pids[PIDS_MAX];
	size_t pids_count;
	bool acted;
	bool ended;
	uint64_t ended_ns;
};

static int life_break(struct life *life, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int life_break(struct life *life, const char *fmt, ...)
{
	va_list args;

	if (life->result->outcome == OOM_CASE_PASS) {
		va_start(args, fmt);
		vsnprintf(life->result->why, sizeof(life->result->why), fmt, args);
		va_end(args);
		life->result->outcome = OOM_CASE_BROKEN;
	}
	return -EINVAL;
}

/* The words of a problem become the case's. */
static int life_break_by(struct life *life, const struct problems *said)
{
	return life_break(life, "%s", said->count ? said->texts[0] : "failed without a word");
}

static int skip(struct life *life, const char *why)
{
	life->result->outcome = OOM_CASE_SKIP;
	snprintf(life->result->why, sizeof(life->result->why), "%s", why);
	return -EINVAL;
}

/* Making it -------------------------------------------------------------------------------- */

static int check_needs(struct life *life)
{
	_cleanup_problems_ struct problems said = { 0 };
	char image[PODMAN_IMAGE_SIZE];

	if (life->what->group && life->lab->host.cgroup.version == 1)
		return skip(life, "memory.oom.group is of cgroup v2; memory is on v1 here");
	if (!life->what->image)
		return 0;
	podman_image_name(life->what->image, image, sizeof(image));
	if (check_image(&life->lab->host, image, &said) < 0)
		return skip(life, said.texts[0]);
	return 0;
}

static int make_cgroup(struct life *life)
{
	_cleanup_problems_ struct problems said = { 0 };
	const struct cgroup_host *host = &life->lab->host.cgroup;
	int err = parent_create(host, life->parent, &said);

	if (err == 0 && life->what->ancestor_bytes)
		err = parent_limit(host, life->parent, life->what->ancestor_bytes, &said);
	return err < 0 ? life_break_by(life, &said) : 0;
}

static int copy_file(const char *from, const char *to)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	char buf[65536];
	ssize_t n = -1;

	if (in < 0 || out < 0)
		return -errno;
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			return errno ? -errno : -ENOSPC;
	return n < 0 ? -errno : 0;
}

/* Folders are mounted, not files: an option of podman cannot hold every name. */
static int rename_program(struct life *life, struct args *args)
{
	char dir[sizeof(life->scratch) + 16], path[sizeof(dir) + 64];
	int err;

	snprintf(dir, sizeof(dir), "%s/program", life->scratch);
	snprintf(path, sizeof(path), "%s/%s", dir, life->what->program_name);
	if (mkdir(dir, 0755) < 0)
		return life_break(life, "%s: %s", dir, strerror(errno));
	err = copy_file(life->lab->host.memgen, path);
	if (err < 0)
		return life_break(life, "%s: %s", dir, strerror(-err));
	args_addf(args, "--volume=%s:" PROGRAM_DIR ":ro", dir);
	args_addf(args, "--entrypoint=" PROGRAM_DIR "/%s", life->what->program_name);
	return 0;
}

static int create(struct life *life)
{
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };
	const struct oom_case *what = life->what;
	const struct podman *podman = &life->lab->host.podman;
	_cleanup_fclose_ FILE *f = NULL;
	char image[PODMAN_IMAGE_SIZE], path[sizeof(life->scratch) + 8];

	podman_args(podman, &args, "create", NULL);
	podman_add_container_options(podman, &args, life->lab->state.id, life->parent);
	args_addf(&args, "--name=%s-%s", life->lab->parent, what->name);
	args_addf(&args, "--label=" PODMAN_LABEL_INSTANCE "=%s", what->name);
	args_addf(&args, "--memory=%" PRIu64 "b", what->memory_bytes);
	args_addf(&args, "--memory-swap=%" PRIu64 "b", what->memory_bytes);
	args_add(&args, "--log-driver=passthrough");
	args_addf(&args, "--pidfile=%s/pid", life->scratch);
	args_addf(&args, "--cidfile=%s/id", life->scratch);
	if (what->program_name && rename_program(life, &args) < 0)
		return -EINVAL;
	if (what->image)
		podman_image_name(what->image, image, sizeof(image));
	args_add(&args, what->image ? image : PODMAN_MEMGEN_IMAGE);
	for (size_t i = 0; i < OOM_CASE_ARGS_MAX && what->args[i]; i++)
		args_add(&args, what->args[i]);
	if (podman_run(&args, life->scratch, "the container cannot be made", &said, NULL) < 0)
		return life_break_by(life, &said);
	snprintf(path, sizeof(path), "%s/id", life->scratch);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%79s", life->id) != 1)
		return life_break(life, "podman wrote no id to %s", path);
	return 0;
}

static int run_podman_init(struct life *life)
{
	_cleanup_args_ struct args args = { 0 };
	char log[sizeof(life->scratch) + 8];
	_cleanup_close_ int log_fd = -1;
	int err, status;
	pid_t pid;

	snprintf(log, sizeof(log), "%s/log", life->scratch);
	log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	podman_args(&life->lab->host.podman, &args, "init", life->id, NULL);
	err = child_spawn(&(struct child_spec){ .args = &args,
				  .cwd = life->scratch,
				  .pass_fd = -1,
				  .stdout_fd = life->out_fd,
				  .stderr_fd = log_fd },
		&pid);
	if (err == 0)
		err = child_wait(pid, PODMAN_TIMEOUT_NS, &status);
	if (err < 0)
		return life_break(life, "podman init: %s", strerror(-err));
	if (status != 0)
		return life_break(life,
			"podman init ended with %d; podman's words are in the "
			"system's log",
			child_exit_code(status));
	/* Podman said the container's id there; what follows is the program's own. */
	return ftruncate(life->out_fd, 0) < 0 ? life_break(life, "%s", strerror(errno)) : 0;
}

static int find_process(struct life *life)
{
	const struct cgroup_host *host = &life->lab->host.cgroup;
	char path[sizeof(life->scratch) + 8], cgroup[CGROUP_PATH_SIZE];
	_cleanup_fclose_ FILE *f = NULL;
	int pid, err;

	snprintf(path, sizeof(path), "%s/pid", life->scratch);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &pid) != 1 || pid <= 0)
		return life_break(life, "podman wrote no process id to %s", path);
	life->pidfd = pidfd_open(pid, 0);
	if (life->pidfd < 0)
		return life_break(life, "process %d is gone before it was started", pid);
	err = cgroup_path_of_pid(host, pid, cgroup, sizeof(cgroup));
	if (err == 0)
		err = cgroup_id_of_path(host, cgroup, &life->result->cgroup);
	if (err == 0)
		err = oom_watch_open(&life->watch, host, cgroup);
	if (err < 0)
		return life_break(life, "its cgroup cannot be watched: %s", strerror(-err));
	life->watch.parent_exclusive = true;
	oom_evidence_init(&life->result->evidence, cgroup, pid);
	return 0;
}

static int set_group(struct life *life)
{
	char path[CGROUP_PATH_SIZE * 2 + 32];
	_cleanup_close_ int fd = -1;

	if (!life->what->group)
		return 0;
	snprintf(path, sizeof(path), "%s%s/memory.oom.group", life->lab->host.cgroup.mount,
		life->result->evidence.cgroup_path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return skip(life, "this kernel has no memory.oom.group");
	if (fd < 0 || write(fd, "1", 1) != 1)
		return life_break(life, "%s: %s", path, strerror(errno));
	return 0;
}

static int make(struct life *life)
{
	char path[sizeof(life->scratch) + 8];
	int err = check_needs(life);

	if (err < 0)
		return err;
	if (mkdir(life->scratch, 0700) < 0)
		return life_break(life, "%s: %s", life->scratch, strerror(errno));
	snprintf(path, sizeof(path), "%s/out", life->scratch);
	life->out_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (life->out_fd < 0 || truth_tail_open(&life->truth, path) < 0)
		return life_break(life, "%s: %s", path, strerror(errno));
	err = make_cgroup(life);
	if (err == 0)
		err = create(life);
	if (err == 0)
		err = run_podman_init(life);
	if (err == 0)
		err = find_process(life);
	return err == 0 ? set_group(life) : err;
}

/* Living ----------------------------------------------------------------------------------- */

static bool knows(const struct life *life, pid_t pid)
{
	for (size_t i = 0; i < life->pids_count; i++)
		if (life->pids[i] == pid)
			return true;
	return false;
}

/* Adds the processes that are not known yet. */
static void scan(struct life *life)
{
	char path[CGROUP_PATH_SIZE * 2 + 32];
	_cleanup_fclose_ FILE *f = NULL;
	int pid;

	snprintf(path, sizeof(path), "%s%s/cgroup.procs", life->lab->host.cgroup.mount,
		life->result->evidence.cgroup_path);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (!knows(life, pid) && life->pids_count < PIDS_MAX)
			life->pids[life->pids_count++] = pid;
}

/* What the case asks of the lab, once memgen says that it is ready. */
static void act(struct life *life)
{
	if (life->acted || life->what->action == OOM_CASE_WATCH || !life->truth.ready)
		return;
	life->acted = true;
	if (life->what->action == OOM_CASE_KILL_MAIN) {
		pidfd_send_signal(life->pidfd, SIGKILL, NULL, 0);
		return;
	}
	scan(life);
	for (size_t i = 0; i < life->pids_count; i++)
		if (life->pids[i] != life->result->evidence.main_pid)
			kill(life->pids[i], SIGKILL);
}

static void take_end(struct life *life)
{
	life->ended = true;
	life->ended_ns = clock_mono_ns();
	oom_watch_end(&life->watch);
	oom_log_read(&life->lab->log);
}

static int step(struct life *life)
{
	struct pollfd fds[] = {
		{ .fd = life->watch.gone ? -1 : oom_watch_fd(&life->watch),
			.events = life->watch.version == 1 ? POLLIN : POLLPRI },
		{ .fd = life->lab->log.fd, .events = POLLIN },
		{ .fd = life->pidfd, .events = POLLIN },
		{ .fd = life->lab->signal_fd, .events = POLLIN },
	};

	poll(fds, 4, POLL_MS);
	if (fds[0].revents)
		oom_watch_take(&life->watch);
	oom_log_read(&life->lab->log);
	if (fds[2].revents) {
		take_end(life);
		return 0;
	}
	if (oom_lab_stopped(life->lab))
		return life_break(life, "stopped by a signal");
	scan(life);
	if (!life->what->image && truth_tail_read(&life->truth) < 0)
		return life_break(life, "memgen wrote what is no truth");
	act(life);
	return 0;
}

static int live(struct life *life)
{
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };
	uint64_t deadline_ns = clock_mono_ns() + LIFE_TIMEOUT_NS;
	int err = 0;

	podman_args(&life->lab->host.podman, &args, "start", life->id, NULL);
	if (podman_run(&args, life->scratch, "the container cannot be started", &said, NULL) < 0)
		return life_break_by(life, &said);
	while (err == 0 && !life->ended) {
		if (clock_mono_ns() >= deadline_ns)
			return life_break(life, "it had not ended after %llu s",
				(unsigned long long)(LIFE_TIMEOUT_NS / NS_PER_S));
		err = step(life);
	}
	return err;
}

/* Its end ---------------------------------------------------------------------------------- */

/* What `podman inspect` gives once it has seen the end; NULL when it never does. */
static json_t *inspect_settled(struct life *life)
{
	uint64_t deadline_ns = clock_mono_ns() + SETTLE_TIMEOUT_NS;
	_cleanup_args_ struct args args = { 0 };

	podman_args(&life->lab->host.podman, &args, "container", "inspect", life->id, NULL);
	while (clock_mono_ns() < deadline_ns) {
		_cleanup_child_output_ struct child_output output = { 0 };
		_cleanup_problems_ struct problems ignored = { 0 };
		const char *status;
		json_t *list, *state;

		if (podman_run(&args, "/", "inspect", &ignored, &output) < 0)
			return NULL;
		list = json_loads(output.out, 0, NULL);
		state = json_incref(json_object_get(json_array_get(list, 0), "State"));
		json_decref(list);
		status = json_string_value(json_object_get(state, "Status"));
		if (status && (strcmp(status, "exited") == 0 || strcmp(status, "stopped") == 0))
			return state;
		json_decref(state);
		clock_sleep_until_ns(clock_mono_ns() + POLL_NS);
	}
	return NULL;
}

static void take_evidence(struct life *life)
{
	struct oom_evidence *evidence = &life->result->evidence;
	json_t *state = inspect_settled(life);
	json_t *code = json_object_get(state, "ExitCode");

	evidence->ended_ns = life->ended_ns;
	oom_take_status(evidence, json_is_integer(code) ? (int)json_integer_value(code) : -1,
		life->pidfd, false);
	if (!life->what->image)
		truth_tail_read(&life->truth); /* its last words; a broken line was killed too */
	oom_take_children(evidence, life->truth.killed);
	oom_take_podman(evidence, state);
	oom_take_conmon(evidence, life->scratch);
	oom_take_log(evidence, &life->lab->log, life->pids, life->pids_count);
	oom_take_events(evidence, &life->watch);
	json_decref(state);
}

/* Removes container and cgroup; what stays is told, and tried again by oom_lab_close(). */
static void clean(struct life *life)
{
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };

	if (*life->id) {
		podman_args(&life->lab->host.podman, &args, "rm", "--force", "--time=0", life->id,
			NULL);
		if (podman_run(&args, "/", "the container cannot be removed", &said, NULL) < 0)
			life_break_by(life, &said);
	}
	oom_watch_close(&life->watch);
	truth_tail_close(&life->truth);
	if (life->out_fd >= 0)
		close(life->out_fd);
	if (life->pidfd >= 0)
		close(life->pidfd);
}

void oom_case_run(struct oom_lab *lab, const struct oom_case *what, struct oom_case_result *ret)
{
	struct life life = {
		.lab = lab,
		.what = what,
		.result = ret,
		.out_fd = -1,
		.truth.fd = -1,
		.pidfd = -1,
	};

	*ret = (struct oom_case_result){ .what = what };
	snprintf(life.parent, sizeof(life.parent), "%s/%s", lab->parent, what->name);
	snprintf(life.scratch, sizeof(life.scratch), "%s/%s", lab->state.dir, what->name);
	if (make(&life) == 0 && live(&life) == 0)
		take_evidence(&life);
	clean(&life);
}
