// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ends a virtual machine through QEMU's isa-debug-exit device: debug_exit CODE makes QEMU exit with
 * (16 + CODE) * 2 + 1, which no crash of QEMU or of the kernel does. /dev/port would do as well,
 * but Debian's cloud kernels have none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>

#define DEBUG_EXIT_PORT 0xf4

int main(int argc, char **argv)
{
	if (argc != 2 || (argv[1][0] != '0' && argv[1][0] != '1') || argv[1][1]) {
		fputs("usage: debug_exit 0|1\n", stderr);
		return 2;
	}
	if (ioperm(DEBUG_EXIT_PORT, 1, 1)) {
		perror("debug_exit: ioperm");
		return 1;
	}
	outb((unsigned char)(16 + atoi(argv[1])), DEBUG_EXIT_PORT);
	fputs("debug_exit: this machine has no such device\n", stderr);
	return 1;
}
