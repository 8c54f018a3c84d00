// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `memgrowth doctor`: asks the host for each thing that the collector needs, by using it, and
 * says how to mend what is missing.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "collector/capture/capture.h"
#include "collector/capture/tracefs.h"
#include "collector/commands.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/jsonl.h"
#include "lib/log.h"
#include "lib/units.h"

/* What the child of the counting check touches. */
#define PROBE_PAGES 1024

enum status {
	STATUS_PASS,
	STATUS_WARN, /* something works less well */
	STATUS_FAIL, /* BPF capture does not work here */
};

struct doctor {
	bool json;
	bool failed;
	struct cgroup_host host;
	bool has_host;
};

static const char *const status_names[] = { "PASS", "WARN", "FAIL" };

/* @mend may be NULL. */
__attribute__((format(printf, 5, 6))) static void report(struct doctor *doctor, enum status status,
	const char *check, const char *mend, const char *fmt, ...)
{
	char text[512], buf[JSONL_LINE_SIZE];
	struct jsonl line;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	doctor->failed |= status == STATUS_FAIL;
	if (!doctor->json) {
		printf("%s  %-13s %s\n", status_names[status], check, text);
		if (mend)
			printf("      %-13s mend: %s\n", "", mend);
		return;
	}
	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "check", check);
	jsonl_str(&line, "status", status_names[status]);
	jsonl_str(&line, "detail", text);
	jsonl_str(&line, "mend", mend);
	jsonl_write_file(&line, stdout);
}

static bool has_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[capability / 32].effective & 1U << capability % 32;
}

static void check_capabilities(struct doctor *doctor)
{
	bool bpf = has_capability(CAP_BPF), perfmon = has_capability(CAP_PERFMON);
	bool admin = has_capability(CAP_SYS_ADMIN);

	if ((bpf && perfmon) || admin)
		report(doctor, STATUS_PASS, "privileges", NULL, "CAP_BPF %s, CAP_PERFMON %s",
			bpf ? "yes" : "no", perfmon ? "yes" : "no");
	else
		report(doctor, STATUS_FAIL, "privileges",
			"run as root, or: setcap cap_bpf,cap_perfmon,cap_dac_read_search+ep "
			"memgrowth",
			"CAP_BPF %s, CAP_PERFMON %s", bpf ? "yes" : "missing",
			perfmon ? "yes" : "missing");
	if (!has_capability(CAP_DAC_READ_SEARCH))
		report(doctor, STATUS_WARN, "cgroup ids", "add CAP_DAC_READ_SEARCH",
			"without CAP_DAC_READ_SEARCH cgroups are named through their processes; "
			"those of short-lived ones may stay unnamed");
}

static void check_kernel(struct doctor *doctor)
{
	struct utsname name;

	uname(&name);
	report(doctor, STATUS_PASS, "kernel", NULL, "%s %s", name.release, name.machine);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		report(doctor, STATUS_FAIL, "BTF",
			"use a kernel built with CONFIG_DEBUG_INFO_BTF=y, or --source=proc",
			"/sys/kernel/btf/vmlinux: %s", strerror(errno));
	else
		report(doctor, STATUS_PASS, "BTF", NULL, "/sys/kernel/btf/vmlinux");
}

/* What the tracepoint's format file says how it prints: the format, without its arguments. */
static void check_tracepoint(struct doctor *doctor)
{
	_cleanup_close_ int tracefs = tracefs_open();
	char text[4096];
	char *print;
	int n;

	if (tracefs < 0) {
		report(doctor, STATUS_WARN, "tracepoint", "none needed for tp_btf",
			"tracefs cannot be read: %s", strerror(-tracefs));
		return;
	}
	n = tracefs_read(tracefs, "events/kmem/rss_stat/format", text, sizeof(text));
	if (n < 0) {
		report(doctor, STATUS_FAIL, "tracepoint",
			"use Linux 5.5 or later with CONFIG_TRACEPOINTS=y, or --source=proc",
			"kmem:rss_stat is not there: %s", strerror(-n));
		return;
	}
	print = strstr(text, "print fmt:");
	if (print)
		print[strcspn(print, ",\n")] = '\0';
	report(doctor, STATUS_PASS, "tracepoint", NULL, "kmem:rss_stat, %s",
		print ? print : "without a print format");
}

static void check_cgroups(struct doctor *doctor)
{
	char path[CGROUP_PATH_SIZE], size[UNITS_TEXT_SIZE];
	struct cgroup_limit limit;
	int err = cgroup_host_open("/proc", &doctor->host);

	if (err) {
		report(doctor, STATUS_FAIL, "cgroups", "mount -t cgroup2 none /sys/fs/cgroup",
			"no memory hierarchy is mounted: %s", strerror(-err));
		return;
	}
	doctor->has_host = true;
	report(doctor, STATUS_PASS, "cgroups", NULL, "%s, memory on v%d at %s",
		cgroup_mode_name(doctor->host.mode), doctor->host.version, doctor->host.mount);
	if (doctor->host.partial) {
		report(doctor, STATUS_WARN, "own limit", "run on the host, or with --cgroupns=host",
			"%s shows only a part of the hierarchy: limits above it are known once the "
			"kernel tells them, at a program's start",
			doctor->host.mount);
		return;
	}
	if (cgroup_path_of_pid(&doctor->host, getpid(), path, sizeof(path)) ||
		cgroup_effective_limit(&doctor->host, path, &limit)) {
		report(doctor, STATUS_WARN, "own limit", NULL, "own cgroup cannot be read");
		return;
	}
	if (limit.bytes == CGROUP_UNLIMITED)
		report(doctor, STATUS_PASS, "own limit", NULL, "none (RAM: %s), in %s",
			units_format_size((double)doctor->host.ram_bytes, size, sizeof(size)),
			path);
	else
		report(doctor, STATUS_PASS, "own limit", NULL, "%s, set by %s",
			units_format_size((double)limit.bytes, size, sizeof(size)), limit.path);
}

struct probe {
	uint32_t pid;
	uint64_t births, deaths; /* of the cgroup that was made */
	uint64_t cgroup;
	uint64_t updates;
	int64_t anon_pages;
	uint32_t error_pages;
};

static void on_probe_event(void *ctx, const struct rss_event *event)
{
	struct probe *probe = ctx;

	if (event->tgid != probe->pid)
		return;
	probe->updates += event->updates;
	if (event->type == RSS_EVENT_EXIT)
		return;
	if (event->pages[RSS_ANON] > probe->anon_pages)
		probe->anon_pages = event->pages[RSS_ANON];
	probe->error_pages = event->error_pages;
}

static void on_probe_cgroup(void *ctx, const struct cgroup_event *event)
{
	struct probe *probe = ctx;

	if (event->cgroup_id != probe->cgroup)
		return;
	probe->births += event->type == CGROUP_EVENT_BORN;
	probe->deaths += event->type == CGROUP_EVENT_GONE;
}

static void on_probe_oom(void *ctx, const struct oom_event *event)
{
	(void)ctx, (void)event; /* a kill on purpose would be too much of a check */
}

/* In the child: touches the pages, says so, and waits to be let go. */
static void touch_pages(int say, int wait)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *area = mmap(NULL, PROBE_PAGES * page, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char byte = 0;

	if (area == MAP_FAILED)
		_exit(1);
	madvise(area, PROBE_PAGES * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PROBE_PAGES; i++)
		area[i * page] = 1;
	if (write(say, &byte, 1) != 1 || read(wait, &byte, 1) < 0)
		_exit(1);
	_exit(0);
}

/* Starts the child and waits until its pages are touched; then looks for them in @capture. */
static int count_child(struct capture *capture, struct probe *probe)
{
	int said[2], let_go[2], status, err = 0;
	char byte;

	if (pipe2(said, O_CLOEXEC) || pipe2(let_go, O_CLOEXEC))
		return -errno;
	probe->pid = (uint32_t)fork();
	if (probe->pid == 0) {
		close(let_go[1]);
		touch_pages(said[1], let_go[0]);
	}
	close(said[1]);
	close(let_go[0]);
	if (read(said[0], &byte, 1) != 1)
		err = -ECHILD;
	if (!err)
		err = capture_poll(capture);
	if (!err)
		err = capture_sweep(capture, true);
	close(let_go[1]);
	close(said[0]);
	waitpid((pid_t)probe->pid, &status, 0);
	return err;
}

/* Loads one source for real, touches a known number of pages, and counts what arrives. */
static void check_source(struct doctor *doctor, enum capture_source wanted, const char *name,
	enum status when_missing)
{
	struct capture_settings settings = {
		.source = wanted,
		.interval_ns = 10 * NS_PER_MS,
		.threshold_bytes = 64 * 1024,
		.ring_bytes = 1U << 20,
		.host = &doctor->host,
	};
	struct probe probe = {};
	struct capture *capture;
	char error[512];
	int err;

	err = capture_open(&settings, on_probe_event, &probe, &capture, error, sizeof(error));
	if (err) {
		report(doctor, when_missing, name, NULL, "%s", error);
		return;
	}
	err = count_child(capture, &probe);
	capture_close(capture);
	if (err)
		report(doctor, when_missing, name, NULL, "fails: %s", strerror(-err));
	else if (probe.anon_pages + probe.error_pages < PROBE_PAGES || probe.updates == 0)
		report(doctor, when_missing, name, "report this with the kernel's version",
			"a child touched %d pages, %lld were seen", PROBE_PAGES,
			(long long)probe.anon_pages);
	else
		report(doctor, STATUS_PASS, name, NULL,
			"a child touched %d pages, %lld were seen (its own %lld included), in %llu "
			"counter updates; error bound %u pages",
			PROBE_PAGES, (long long)probe.anon_pages,
			(long long)probe.anon_pages - PROBE_PAGES,
			(unsigned long long)probe.updates, probe.error_pages);
}

/* Makes a cgroup and removes it. Returns 0 or a negative errno. */
static int make_cgroup(const struct cgroup_host *host, uint64_t *ret_id)
{
	char path[64];
	int err;

	snprintf(path, sizeof(path), "memgrowth-doctor-%d", getpid());
	if (mkdirat(host->mount_fd, path, 0755))
		return -errno;
	err = cgroup_id_of_path(host, path, ret_id);
	if (unlinkat(host->mount_fd, path, AT_REMOVEDIR))
		return -errno;
	return err;
}

static const char walk_instead[] =
	"they are looked for once a second instead, so a container that lives for less may stay "
	"without name and limit";

static void report_cgroup_events(
	struct doctor *doctor, struct capture *capture, struct probe *probe)
{
	int err;

	if (!capture_tells(capture, CAPTURE_CGROUPS)) {
		report(doctor, STATUS_WARN, "cgroup events", NULL,
			"this kernel tells of no births and deaths of cgroups: %s", walk_instead);
		return;
	}
	err = make_cgroup(&doctor->host, &probe->cgroup);
	if (!err)
		err = capture_poll(capture);
	if (err)
		report(doctor, STATUS_WARN, "cgroup events", NULL,
			"attached, but not tried: a cgroup cannot be made at %s: %s",
			doctor->host.mount, strerror(-err));
	else if (probe->births != 1 || probe->deaths != 1)
		report(doctor, STATUS_WARN, "cgroup events",
			"report this with the kernel's version",
			"a cgroup was made and removed, %llu births and %llu deaths were seen: %s",
			(unsigned long long)probe->births, (unsigned long long)probe->deaths,
			walk_instead);
	else
		report(doctor, STATUS_PASS, "cgroup events", NULL,
			"a cgroup was made and removed, both were seen");
}

/* Births and deaths of cgroups, and victims of OOM kills: of help, not necessary. */
static void check_events(struct doctor *doctor)
{
	struct probe probe = {};
	struct capture_settings settings = {
		.source = CAPTURE_AUTO,
		.interval_ns = NS_PER_S,
		.threshold_bytes = 1U << 30,
		.ring_bytes = 1U << 20,
		.host = &doctor->host,
		.on_cgroup = on_probe_cgroup,
		.on_oom = on_probe_oom,
	};
	struct capture *capture;
	char error[512];

	/* Why nothing can be opened was said before. */
	if (capture_open(&settings, on_probe_event, &probe, &capture, error, sizeof(error)))
		return;
	report_cgroup_events(doctor, capture, &probe);
	if (capture_tells(capture, CAPTURE_OOM))
		report(doctor, STATUS_PASS, "OOM events", NULL, "oom:mark_victim is attached");
	else
		report(doctor, STATUS_WARN, "OOM events", NULL,
			"oom:mark_victim cannot be attached: the victims of OOM kills are not "
			"recorded");
	capture_close(capture);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct doctor *doctor = state->input;

	switch (key) {
	case 'j':
		doctor->json = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\"", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int cmd_doctor(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "json", 'j', 0, 0, "One JSON object a check", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "Checks what this host can do, by doing it. Exit code 0: BPF capture works; "
		       "3: it does not.",
	};
	struct doctor doctor = { .host.mount_fd = -1 };

	argp_parse(&argp, argc, argv, 0, NULL, &doctor);
	check_kernel(&doctor);
	check_capabilities(&doctor);
	check_tracepoint(&doctor);
	check_cgroups(&doctor);
	if (doctor.has_host) {
		check_source(&doctor, CAPTURE_TP_BTF, "tp_btf", STATUS_FAIL);
		check_source(&doctor, CAPTURE_TP, "tp", STATUS_WARN);
		check_source(&doctor, CAPTURE_PROC, "proc", STATUS_WARN);
		check_events(&doctor);
		cgroup_host_close(&doctor.host);
	}
	return doctor.failed ? EXIT_BROKEN : EXIT_OK;
}
