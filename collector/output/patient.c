// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/patient.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* How often a stalled write looks for signals. */
#define LOOK_MS 50

struct patient {
	int fd;
	int stalled_ms; /* since a signal came */
};

static bool is_told_to_end(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
		       sigismember(&pending, SIGHUP));
}

/* Whether there is room. What is no pipe, such as a file, always has. */
static bool wait_for_room(struct patient *patient)
{
	struct pollfd room = { .fd = patient->fd, .events = POLLOUT };

	while (patient->stalled_ms < PATIENT_GRACE_MS) {
		int ready = poll(&room, 1, LOOK_MS);

		/* An error is for write() to tell. */
		if (ready > 0 || (ready < 0 && errno != EINTR))
			return true;
		if (is_told_to_end())
			patient->stalled_ms += LOOK_MS;
	}
	return false;
}

static ssize_t write_patiently(void *cookie, const char *bytes, size_t size)
{
	struct patient *patient = cookie;
	size_t done = 0;

	while (done < size) {
		/* So much never blocks where poll() saw room (pipe(7)). */
		size_t part = size - done < PIPE_BUF ? size - done : PIPE_BUF;
		ssize_t n;

		if (!wait_for_room(patient)) {
			errno = EINTR;
			return 0;
		}
		n = write(patient->fd, bytes + done, part);
		if (n < 0 && errno != EINTR)
			return 0;
		done += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)done;
}

static int close_patient(void *cookie)
{
	struct patient *patient = cookie;
	int ret = close(patient->fd);

	free(patient);
	return ret;
}

FILE *patient_open(int fd)
{
	struct patient *patient = calloc(1, sizeof(*patient));
	FILE *f = NULL;

	if (!patient)
		return NULL;
	patient->fd = fd;
	f = fopencookie(patient, "w",
		(cookie_io_functions_t){ .write = write_patiently, .close = close_patient });
	if (!f)
		free(patient);
	return f;
}
