// SPDX-License-Identifier: GPL-2.0-or-later
/* What a soak writes it reads again; a cut line is lost alone; a probe of a fixture tree. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/rundir/run_files.h"
#include "lab/soak/soak_judge.h"
#include "lab/soak/soak_probe.h"
#include "lab/soak/soak_record.h"
#include "lab/soak/soak_report.h"
#include "tests/unit/fixtures/cmocka_all.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_soak_record-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "a");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static const struct soak_sample sample = {
	.session = 1,
	.t_s = 12.5,
	.rss_bytes = 1,
	.pss_bytes = 2,
	.anon_bytes = 3,
	.fds = 4,
	.threads = 5,
	.cgroup_fds = 6,
	.stale_fds = 7,
	.maps = 8,
	.map_bytes = 9,
	.progs = 10,
	.prog_bytes = 11,
	.cpu_s = 1.25,
	.records = 13,
	.lost = 14,
	.detections = 15,
	.host_busy_s = 16.5,
	.host_forks = 17,
	.host_cgroups = 18,
	.churned = 19,
};

static void write_all(int fd)
{
	struct soak_history history = { .plan = "/a \"b\"/p.yaml",
		.revision = "r1",
		.kernel = "6.18",
		.seed = 42,
		.started_wall_ns = 99,
		.duration_s = 3600,
		.interval_s = 12.5,
		.settle_s = 600,
		.cpus = 2 };
	struct soak_session session = { .number = 1, .wall_ns = 100 };
	struct soak_round round = { .number = 1,
		.session = 1,
		.seed = 42,
		.scenario = "smoke",
		.t_s = 1,
		.leaks = -1,
		.leaks_growing = -1,
		.leaks_leak = -1,
		.healthy = -1,
		.healthy_false = -1 };

	assert_int_equal(soak_record_header(fd, &history), 0);
	assert_int_equal(soak_record_session(fd, &session, 7200, 321), 0);
	assert_int_equal(soak_record_round(fd, &round), 0);
	assert_int_equal(soak_record_sample(fd, &sample, true), 0);
	assert_int_equal(soak_record_own(fd, 1, 13, "growing", "raised"), 0);
	assert_int_equal(soak_record_own(fd, 1, 13, "growing", "withdrawn"), 0);
	assert_int_equal(soak_record_own(fd, 1, 14, "leak", "raised"), 0);
	round.outcome = SOAK_ROUND_GATE;
	round.leaks = 4;
	round.leaks_growing = 3;
	round.healthy = 0;
	assert_int_equal(soak_record_round(fd, &round), 0);
	session.watched_s = 20;
	session.records = 50;
	session.overflow = 2;
	session.collector_exit = 3;
	session.collector_died = true;
	strcpy(session.reason, "it died");
	assert_int_equal(soak_record_end(fd, &session), 0);
}

static void what_is_written_is_read(void **state)
{
	_cleanup_soak_history_ struct soak_history h = { 0 };
	struct run_error error = { 0 };
	int fd;

	(void)state;
	assert_int_equal(soak_record_open(dir, &fd), 0);
	write_all(fd);
	close(fd);
	if (soak_record_read(dir, &h, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(h.plan, "/a \"b\"/p.yaml");
	assert_string_equal(h.revision, "r1");
	assert_int_equal(h.seed, 42);
	assert_true(h.duration_s == 7200 && h.interval_s == 12.5 && h.settle_s == 600);
	assert_int_equal(h.samples_count, 1);
	assert_memory_equal(&h.samples[0], &sample, sizeof(sample));
	assert_int_equal(h.rounds_count, 1);
	assert_int_equal(h.rounds[0].outcome, SOAK_ROUND_GATE);
	assert_int_equal(h.rounds[0].leaks, 4);
	assert_int_equal(h.rounds[0].leaks_growing, 3);
	assert_int_equal(h.rounds[0].leaks_leak, -1);
	assert_int_equal(h.rounds[0].healthy, 0);
	assert_int_equal(h.sessions_count, 1);
	assert_int_equal(h.sessions[0].own_growing, 1);
	assert_int_equal(h.sessions[0].own_leaks, 1);
	assert_true(h.sessions[0].ended && h.sessions[0].collector_died);
	assert_int_equal(h.sessions[0].collector_exit, 3);
	assert_int_equal(h.sessions[0].overflow, 2);
	assert_string_equal(h.sessions[0].reason, "it died");
	assert_true(soak_watched_s(&h) == 20);
}

/* The power fails in the middle of a line, and the soak goes on. */
static void a_cut_line_is_lost_alone(void **state)
{
	_cleanup_soak_history_ struct soak_history h = { 0 };
	struct soak_session second = { .number = 2 };
	struct run_error error = { 0 };
	int fd, other;

	(void)state;
	assert_int_equal(soak_record_open(dir, &fd), 0);
	write_all(fd);
	close(fd);
	put(SOAK_FILE, "{\"type\":\"session\",\"sess");
	assert_int_equal(soak_record_read(dir, &h, &error), 0);
	assert_int_equal(h.sessions_count, 1);
	soak_history_done(&h);
	assert_int_equal(soak_record_open(dir, &fd), 0);
	assert_int_equal(soak_record_open(dir, &other), -EWOULDBLOCK);
	assert_int_equal(soak_record_session(fd, &second, 7200, 322), 0);
	close(fd);
	assert_int_equal(soak_record_read(dir, &h, &error), 0);
	assert_int_equal(h.sessions_count, 2);
	assert_false(h.sessions[1].ended);
}

static void what_is_no_record_is_refused(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"sample\",\"session\":1,\"t_s\":1}\n",
		"{\"type\":\"sample\",\"session\":2,\"t_s\":1}\n",
		"{\"type\":\"session\",\"session\":3}\n",
		"{\"type\":\"round\",\"session\":1,\"round\":1,\"outcome\":\"fine\"}\n",
		"{\"type\":\"end\",\"session\":1}\n",
		"{\"type\":\"own\",\"session\":1,\"tier\":\"leak\"}\n",
		"no json\n",
	};
	struct run_error error = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct soak_history h = { 0 };
		char path[128];
		int fd;

		assert_int_equal(soak_record_open(dir, &fd), 0);
		write_all(fd);
		close(fd);
		put(SOAK_FILE, lines[i]);
		assert_int_equal(soak_record_read(dir, &h, &error), -EPROTO);
		assert_non_null(strstr(error.text, "soak.jsonl:10:"));
		assert_int_equal(h.samples_count, 0);
		snprintf(path, sizeof(path), "%s/" SOAK_FILE, dir);
		unlink(path);
	}
}

/* A report can be made of any record, also of one that has hardly begun. */
static void any_record_can_be_reported(void **state)
{
	static int (*const writers[])(FILE * out, const void *data) = {
		soak_report_text,
		soak_report_markdown,
		soak_report_json,
	};
	_cleanup_soak_history_ struct soak_history h = { 0 };
	struct run_error error = { 0 };

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		struct soak_report report;
		int fd;

		assert_int_equal(soak_record_open(dir, &fd), 0);
		if (whole)
			write_all(fd);
		close(fd);
		if (whole)
			assert_int_equal(soak_record_read(dir, &h, &error), 0);
		assert_int_equal(soak_report_make(dir, &h, &report), 0);
		for (size_t i = 0; i < 3; i++) {
			char *text = NULL;
			size_t size;
			FILE *out = open_memstream(&text, &size);

			assert_int_equal(writers[i](out, &report), 0);
			fclose(out);
			assert_non_null(strstr(text, whole ? "FAIL" : "TOO SHORT"));
			free(text);
		}
	}
}

static void make_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void put_link(const char *name, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(symlink(target, path), 0);
}

static void a_probe_reads_what_is_there(void **state)
{
	struct soak_sample seen = { 0 };
	char cgroups[128], target[192];

	(void)state;
	snprintf(cgroups, sizeof(cgroups), "%s/cg", dir);
	make_dir("cg");
	make_dir("cg/a");
	make_dir("cg/a/b");
	make_dir("7");
	make_dir("7/fd");
	make_dir("7/fdinfo");
	assert_int_equal(soak_probe(dir, cgroups, 7, &seen), -ENOENT);
	put("7/smaps_rollup", "");
	assert_int_equal(soak_probe(dir, cgroups, 7, &seen), -ESRCH);
	put("7/smaps_rollup",
		"00400000-7ffc ---p 00000000 00:00 0 [rollup]\nRss: 100 kB\nPss: 80 kB\n"
		"Pss_Anon: 3 kB\nAnonymous: 40 kB\nSwap: 2 kB\n");
	put_link("7/fd/0", "/dev/null");
	put_link("7/fd/3", "anon_inode:bpf-map");
	put("7/fdinfo/3", "pos:\t0\nmemlock:\t4096\nmap_id:\t5\n");
	put_link("7/fd/4", "anon_inode:bpf-prog");
	put("7/fdinfo/4", "memlock:\t8192\n");
	snprintf(target, sizeof(target), "%s/a/memory.stat", cgroups);
	put_link("7/fd/5", target);
	snprintf(target, sizeof(target), "%s/gone/memory.stat (deleted)", cgroups);
	put_link("7/fd/6", target);
	snprintf(target, sizeof(target), "%s-other/file", cgroups);
	put_link("7/fd/7", target);
	put("7/stat", "7 (a ) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 150 50 0 0 20 0 3 0 99 1 2\n");
	put("stat", "cpu  100 0 200 999 9 10 20 0 0 0\ncpu0 1 1 1 1 1 1 1\nprocesses 1234\n");
	seen = (struct soak_sample){ 0 };
	assert_int_equal(soak_probe(dir, cgroups, 7, &seen), 0);
	assert_int_equal(seen.rss_bytes, 100 << 10);
	assert_int_equal(seen.pss_bytes, 80 << 10);
	assert_int_equal(seen.anon_bytes, 42 << 10);
	assert_int_equal(seen.fds, 4);
	assert_int_equal(seen.cgroup_fds, 2);
	assert_int_equal(seen.stale_fds, 1);
	assert_int_equal(seen.maps, 1);
	assert_int_equal(seen.map_bytes, 4096);
	assert_int_equal(seen.progs, 1);
	assert_int_equal(seen.prog_bytes, 8192);
	assert_int_equal(seen.threads, 3);
	assert_float_equal(seen.cpu_s, 200.0 / (double)sysconf(_SC_CLK_TCK), 1e-9);
	assert_float_equal(seen.host_busy_s, 330.0 / (double)sysconf(_SC_CLK_TCK), 1e-9);
	assert_int_equal(seen.host_forks, 1234);
	assert_int_equal(seen.host_cgroups, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cut_line_is_lost_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_record_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(any_record_can_be_reported, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_probe_reads_what_is_there, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
