// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a plain poller does: reads statm of all processes in /proc ten times a second, and keeps
 * nothing. Says "ready" and goes when standard input ends.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define PERIOD_MS 100

static void read_all(DIR *proc)
{
	const struct dirent *entry;
	char path[300], text[256];

	rewinddir(proc);
	while ((entry = readdir(proc))) {
		_cleanup_close_ int fd = -1;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/statm", entry->d_name);
		fd = openat(dirfd(proc), path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, text, sizeof(text)) < 0)
			continue; /* it is gone */
	}
}

int main(void)
{
	struct pollfd end = { .fd = STDIN_FILENO, .events = POLLIN };
	DIR *proc = opendir("/proc");

	if (!proc)
		return 3;
	puts("ready");
	fflush(stdout);
	while (poll(&end, 1, PERIOD_MS) == 0)
		read_all(proc);
	closedir(proc);
	return 0;
}
