// SPDX-License-Identifier: GPL-2.0-or-later
/* Parts of the runner that need neither root nor podman: children, the tail of a truth file. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/child.h"
#include "lab/problems.h"
#include "lab/runner/podman.h"
#include "lab/runner/truth_tail.h"
#include "lib/clock.h"

static int capture(const char *script, uint64_t timeout_ns, struct child_output *ret)
{
	struct args args = { 0 };
	int err;

	args_add_all(&args, "sh", "-c", script, NULL);
	err = child_capture(&args, "/", timeout_ns, ret);
	args_done(&args);
	return err;
}

static void test_capture(void **state)
{
	struct child_output output = { 0 };

	(void)state;
	assert_int_equal(capture("pwd; echo wrong >&2; exit 7", NS_PER_S * 10, &output), 0);
	assert_int_equal(child_exit_code(output.status), 7);
	assert_string_equal(output.out, "/\n");
	assert_string_equal(output.err, "wrong\n");
	child_output_done(&output);

	assert_int_equal(capture("kill -TERM $$", NS_PER_S * 10, &output), 0);
	assert_int_equal(child_exit_code(output.status), 128 + SIGTERM);
	assert_string_equal(output.out, "");
	child_output_done(&output);
}

/* A pipe holds 64 KiB: more than that must not block the child. */
static void test_capture_much(void **state)
{
	struct child_output output = { 0 };

	(void)state;
	assert_int_equal(
		capture("head -c 1000000 /dev/zero | tr '\\0' x; head -c 6000000 /dev/zero "
			"| tr '\\0' y >&2",
			NS_PER_S * 10, &output),
		0);
	assert_int_equal(strlen(output.out), 1000000);
	assert_true(strlen(output.err) >= CHILD_OUTPUT_MAX);
	child_output_done(&output);
}

static void test_capture_timeout(void **state)
{
	struct child_output output = { 0 };
	uint64_t before_ns = clock_mono_ns();

	(void)state;
	assert_int_equal(capture("exec sleep 100", NS_PER_S / 20, &output), -ETIMEDOUT);
	assert_true(clock_mono_ns() - before_ns < 10 * NS_PER_S);
}

/* What a program that hangs had started goes with it: podman hangs in its runtime. */
static void test_timeout_takes_the_family(void **state)
{
	struct child_output output = { 0 };
	int status;

	(void)state;
	/* Orphans come to us. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(capture("sleep 20 & wait", NS_PER_S / 5, &output), -ETIMEDOUT);
	/* None, where the host was too busy for it to begin. */
	while (waitpid(-1, &status, 0) > 0) {
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
	}
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

/* A grandchild that keeps the pipe, as conmon does, is not waited for. */
static void test_capture_grandchild(void **state)
{
	struct child_output output = { 0 };
	uint64_t before_ns = clock_mono_ns();
	pid_t left;

	(void)state;
	assert_int_equal(capture("sleep 100 & echo $!", 20 * NS_PER_S, &output), 0);
	assert_true(clock_mono_ns() - before_ns < 10 * NS_PER_S);
	left = atoi(output.out);
	assert_true(left > 0);
	kill(left, SIGKILL);
	child_output_done(&output);
}

/* Valgrind makes posix_spawn() a plain fork, where only the exit code 127 tells of it. */
static void test_no_program(void **state)
{
	struct child_output output = { 0 };
	struct args args = { 0 };
	int err;

	(void)state;
	args_add(&args, "no-such-program-of-leaklab");
	err = child_capture(&args, NULL, 10 * NS_PER_S, &output);
	if (err != -ENOENT)
		assert_int_equal(err ?: child_exit_code(output.status), 127);
	child_output_done(&output);
	args_done(&args);
}

static void test_last_line(void **state)
{
	char text[] = "one\n\ntwo\r\n\n", empty[] = "";

	(void)state;
	assert_string_equal(child_last_line(text), "two");
	assert_string_equal(child_last_line(empty), "");
}

static void test_image_name(void **state)
{
	char name[PODMAN_IMAGE_SIZE];

	(void)state;
	podman_image_name("stress-ng", name, sizeof(name));
	assert_string_equal(name, "localhost/leaklab-stress-ng:latest");
	podman_image_name("docker.io/library/redis:7", name, sizeof(name));
	assert_string_equal(name, "docker.io/library/redis:7");
}

/* A truth file that grows; the tail sees what was appended. */
struct growing {
	char path[32];
	int fd;
	struct truth_tail tail;
};

static void growing_open(struct growing *g)
{
	strcpy(g->path, "/tmp/test_truth_XXXXXX");
	g->fd = mkstemp(g->path);
	assert_true(g->fd >= 0);
	assert_int_equal(truth_tail_open(&g->tail, g->path), 0);
}

static void growing_close(struct growing *g)
{
	truth_tail_close(&g->tail);
	close(g->fd);
	unlink(g->path);
}

static int append(struct growing *g, const char *text)
{
	assert_int_equal(write(g->fd, text, strlen(text)), strlen(text));
	return truth_tail_read(&g->tail);
}

#define HEADER "{\"type\":\"header\",\"format\":\"leaklab.truth\",\"version\":1}\n"

static void test_tail(void **state)
{
	struct growing g;

	(void)state;
	growing_open(&g);
	assert_int_equal(truth_tail_read(&g.tail), 0);
	assert_int_equal(append(&g, HEADER "{\"type\":\"rea"), 0);
	assert_false(g.tail.ready);
	assert_int_equal(append(&g, "dy\",\"t_ns\":42}\n"), 0);
	assert_true(g.tail.ready);
	assert_int_equal(g.tail.ready_ns, 42);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(append(&g, "{\"type\":\"step\",\"t_ns\":43}\n"), 0);
	assert_int_equal(g.tail.lines, 1002);
	assert_false(g.tail.ended);
	assert_int_equal(append(&g, "{\"type\":\"end\",\"reason\":\"duration\"}\n{\"type"), 0);
	assert_true(g.tail.ended);
	assert_string_equal(g.tail.reason, "duration");
	growing_close(&g);
}

static void test_tail_garbage(void **state)
{
	static const char *const bad[] = {
		"hello\n",
		"\n",
		"[]\n",
		"{}\n",
		"{\"type\":\"ready\"}\n",
		"{\"type\":\"header\",\"format\":\"leaklab.samples\"}\n",
		HEADER "Segmentation fault\n",
		HEADER "{\"type\":7}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct growing g;

		growing_open(&g);
		assert_int_equal(append(&g, bad[i]), -EBADMSG);
		assert_int_equal(g.tail.lines, strncmp(bad[i], HEADER, sizeof(HEADER) - 1) == 0);
		growing_close(&g);
	}
}

static void test_tail_endless_line(void **state)
{
	struct growing g;
	char block[65537];
	int err = 0;

	(void)state;
	memset(block, 'x', sizeof(block) - 1);
	block[sizeof(block) - 1] = '\0';
	growing_open(&g);
	for (int i = 0; i < 40 && err == 0; i++)
		err = append(&g, block);
	assert_int_equal(err, -EBADMSG);
	growing_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capture),
		cmocka_unit_test(test_capture_much),
		cmocka_unit_test(test_capture_timeout),
		cmocka_unit_test(test_timeout_takes_the_family),
		cmocka_unit_test(test_capture_grandchild),
		cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_last_line),
		cmocka_unit_test(test_image_name),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_tail_garbage),
		cmocka_unit_test(test_tail_endless_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
