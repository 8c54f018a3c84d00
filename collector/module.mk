# memgrowth. detect/, cgroup/, output/ and the files between them need no BPF; capture/ does.
COLLECTOR_PURE_OBJS = $(call objects,$(wildcard collector/detect/*.c collector/cgroup/*.c \
	collector/output/*.c collector/session*.c) collector/ledger.c \
	collector/history.c collector/residual.c collector/scope.c collector/ledger_show.c collector/tracker.c collector/lag.c)
COLLECTOR_OBJS = $(COLLECTOR_PURE_OBJS) $(call objects,$(wildcard collector/capture/*.c) \
	collector/recorder.c $(wildcard collector/cmd_*.c) collector/main.c)
ARCHIVE_OBJS += $(COLLECTOR_PURE_OBJS)

# All that a replay is made of: records in, detections out. No BPF, no /proc.
REPLAY_SOURCES = $(wildcard collector/detect/*.c collector/output/*.c collector/session*.c lib/*.c) \
	collector/history.c collector/residual.c collector/scope.c

$(BUILD)/collector/capture/bpf_source.o: $(BPF_SKELETON)

$(eval $(call program,memgrowth,$(COLLECTOR_OBJS) $(LIB_OBJS),-lbpf -lelf -lz -ljansson -lm))
