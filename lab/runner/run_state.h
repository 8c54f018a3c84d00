/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a run, shared by the files of lab/runner. */
#ifndef LEAKLAB_LAB_RUNNER_RUN_STATE_H
#define LEAKLAB_LAB_RUNNER_RUN_STATE_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "collector/cgroup/cgroup.h"
#include "lab/child.h"
#include "lab/oom/klog.h"
#include "lab/oom/oom.h"
#include "lab/oom/watch.h"
#include "lab/runner/checks.h"
#include "lab/runner/parent.h"
#include "lab/runner/run.h"
#include "lab/runner/state.h"
#include "lab/runner/truth_tail.h"
#include "lab/scenario/scenario.h"

#define RUN_TEXT_SIZE 512

enum container_phase {
	CONTAINER_NEW,	   /* not made yet */
	CONTAINER_CREATED, /* podman knows it */
	CONTAINER_INIT,	   /* its cgroup and first process exist, its program waits */
	CONTAINER_STARTED,
	CONTAINER_READY, /* its truth says so; background load: at once */
	CONTAINER_ENDED,
};

struct container_process {
	pid_t pid;    /* on the host */
	pid_t ns_pid; /* in the container */
};

struct container {
	const struct scenario_workload *workload;
	enum container_phase phase;
	char instance[SCENARIO_NAME_SIZE];
	char image[PODMAN_IMAGE_SIZE];
	char image_digest[128];
	char id[80];	     /* of podman */
	char scratch[128];   /* its working folder, in the state folder */
	struct args command; /* what runs in it, after the image */

	int truth_fd, log_fd;
	struct truth_tail truth; /* of a judged workload */

	pid_t pid;
	int pidfd;
	char cgroup_path[CGROUP_PATH_SIZE];
	uint64_t cgroup;
	struct cgroup_limit limit;
	struct container_process *processes;
	size_t processes_count;

	struct oom_watch oom;
	struct oom_evidence oom_evidence; /* once judged */
	struct oom_verdict oom_verdict;

	uint64_t started_ns, ended_ns; /* 0: not */
	bool ended_early;	       /* before it was told to stop */
	bool killed;		       /* did not stop when told to */
	int exit_code;		       /* -1: unknown */
	char broken[RUN_TEXT_SIZE];    /* "": kept its contract */
};

struct collector {
	struct args command;
	pid_t pid; /* 0: not running */
	int pidfd;
	int ready_fd; /* reading end; -1 once ready or gone */
	bool started, ready, ended;
	int status; /* as of waitpid(), once ended */
	struct rusage usage;
};

struct run {
	const struct run_options *options;
	const struct scenario *scenario;
	struct problems *problems;
	struct lab_host host;
	struct state state;
	char parent[PARENT_NAME_SIZE]; /* name of the cgroup, without slash */
	bool parent_made;
	char dir[PATH_MAX - 128]; /* leaves room for the names of the files in it */
	json_t *facts;

	struct container *containers;
	size_t containers_count;
	struct collector collector;
	struct oom_log oom_log;

	int epoll_fd, signal_fd, tick_fd;
	uint64_t started_ns, started_wall_ns, ended_ns;
	uint64_t record_from_ns, record_to_ns; /* 0: not recording yet */
	bool stop;			       /* leave the loop now */
	bool stopping;			       /* the containers have been told to stop */
	enum run_status status;
	char reason[RUN_TEXT_SIZE];
};

/* run.c: the first reason counts. Marks the run broken and stops it; returns -EINVAL. */
int run_break(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* run_loop.c ------------------------------------------------------------------------------ */

enum run_event {
	EVENT_SIGNAL,
	EVENT_TICK,
	EVENT_COLLECTOR,
	EVENT_COLLECTOR_READY,
	EVENT_CONTAINER,
	EVENT_OOM,
	EVENT_KERNEL_LOG,
};

/* Blocks the signals and makes the descriptors of the loop. Returns 0 or a negative errno. */
int run_loop_init(struct run *run);
void run_loop_done(struct run *run);

/* Watches @fd for @events of epoll. @index is that of the container. */
int run_loop_add(struct run *run, int fd, uint32_t events, enum run_event event, size_t index);
void run_loop_remove(struct run *run, int fd);

/* Handles what happened; waits up to @timeout_ms for something to happen. */
void run_loop_step(struct run *run, int timeout_ms);

/* Looks for what no event tells: disk, new processes, truth. @verbose also tells the progress. */
void run_loop_survey(struct run *run);

/* container.c: each returns 0, or -EINVAL after run_break() ---------------------------------- */

/* Names, commands and files of all containers of the scenario. */
int containers_plan(struct run *run);
void containers_done(struct run *run);

int container_create(struct run *run, struct container *c);
/* Makes its cgroup and its first process, which waits; learns pid, cgroup and limit. */
int container_init(struct run *run, struct container *c);
/* Lets its program run. */
int container_start(struct run *run, struct container *c);
/* Reads new truth; may make it ready, or broken. */
void container_follow(struct run *run, struct container *c);
/* Adds processes that are not known yet. */
void container_scan(struct run *run, struct container *c);
/* The watcher of its cgroup fired. */
void container_oom(struct run *run, struct container *c);
/* Its first process is gone. */
void container_ended(struct run *run, struct container *c);
bool container_running(const struct container *c);

/* container_end.c */

/* Asks podman how all of them ended; before they are removed. */
void containers_inspect(struct run *run);
/* Decides which were OOM-killed and which broke their contract; after the recording has ended. */
void containers_judge(struct run *run);
/* Marks one as broken; the first reason counts. */
void container_break(struct container *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* collector.c ------------------------------------------------------------------------------- */

int collector_start(struct run *run);
/* Its pipe is readable. */
void collector_ready(struct run *run);
/* Its process is gone. */
void collector_ended(struct run *run);
/* Tells it to finish its files, waits for that, kills it when it does not. */
void collector_stop(struct run *run);

/* run_files.c ------------------------------------------------------------------------------- */

/* Makes the directory with its folders, the copy of the scenario and room for run.json. */
int run_files_create(struct run *run);
/* Writes run.json. Returns 0 or a negative errno. */
int run_files_finish(struct run *run);
/* The last line of logs/@name but a hint to use --help, for messages; "" when there is none. */
const char *run_files_last_words(const struct run *run, const char *name, char *buf, size_t size);
uint64_t run_files_size(const struct run *run, const char *name);

/* run_json.c: the content of run.json. The caller owns it. */
json_t *run_json_make(const struct run *run);

/* orphans.c --------------------------------------------------------------------------------- */

struct orphan {
	char id[RUN_ID_SIZE];
	unsigned containers;
	bool cgroup, state;
};

/* The remains of dead runs. The caller frees @ret. Returns 0 or a negative errno. */
int orphans_find(const struct podman *podman, struct orphan **ret, size_t *ret_count);
/* Removes one. Returns 0 or -EINVAL with a problem. */
int orphan_remove(
	const struct podman *podman, const struct orphan *orphan, struct problems *problems);

#endif
