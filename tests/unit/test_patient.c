// SPDX-License-Identifier: GPL-2.0-or-later
/* A stream to a pipe that nobody reads: left when told to end, and not before. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/output/patient.h"
#include "lib/clock.h"
#include "tests/unit/fixtures/cmocka_all.h"

/* More than a pipe holds. */
#define MUCH (4U << 20)

struct fixture {
	int reader;
	FILE *out;
	sigset_t before;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	sigset_t term;
	int fds[2];

	assert_non_null(f);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	f->reader = fds[0];
	f->out = patient_open(fds[1]);
	assert_non_null(f->out);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, &f->before);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	sigset_t pending, term;
	int taken;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (sigpending(&pending) == 0 && sigismember(&pending, SIGTERM))
		sigwait(&term, &taken);
	pthread_sigmask(SIG_SETMASK, &f->before, NULL);
	close(f->reader);
	free(f);
	return 0;
}

static int write_much(FILE *out)
{
	static char bytes[MUCH];

	errno = 0;
	if (fwrite(bytes, 1, sizeof(bytes), out) != sizeof(bytes))
		return errno;
	return fflush(out) ? errno : 0;
}

static void *read_all(void *arg)
{
	const struct fixture *f = arg;
	char bytes[65536];
	size_t sum = 0;
	ssize_t n;

	while ((n = read(f->reader, bytes, sizeof(bytes))) > 0)
		sum += (size_t)n;
	return (void *)sum;
}

static void test_whole(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *sum;

	assert_int_equal(pthread_create(&thread, NULL, read_all, f), 0);
	assert_int_equal(write_much(f->out), 0);
	assert_int_equal(fclose(f->out), 0);
	pthread_join(thread, &sum);
	assert_int_equal((size_t)sum, MUCH);
}

/* Whoever reads on gets all, signal or no signal. */
static void test_whole_after_a_signal(void **state)
{
	raise(SIGTERM);
	test_whole(state);
}

static void test_left_when_stalled(void **state)
{
	struct fixture *f = *state;
	uint64_t start_ns = clock_mono_ns(), took_ns;

	raise(SIGTERM);
	assert_int_equal(write_much(f->out), EINTR);
	took_ns = clock_mono_ns() - start_ns;
	assert_true(took_ns >= PATIENT_GRACE_MS * NS_PER_MS);
	/* The grace is given once. */
	start_ns = clock_mono_ns();
	assert_int_equal(write_much(f->out), EINTR);
	fclose(f->out);
	assert_true(clock_mono_ns() - start_ns < PATIENT_GRACE_MS * NS_PER_MS);
}

/* Errors of the file itself come through. */
static void test_errors(void **state)
{
	struct fixture *f = *state;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	FILE *full = patient_open(open("/dev/full", O_WRONLY | O_CLOEXEC));

	sigaction(SIGPIPE, &ignore, &before);
	close(f->reader);
	f->reader = -1;
	assert_int_equal(write_much(f->out), EPIPE);
	fclose(f->out);
	assert_int_equal(write_much(full), ENOSPC);
	fclose(full);
	sigaction(SIGPIPE, &before, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_whole_after_a_signal),
		TEST(test_left_when_stalled),
		TEST(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
