# leaklab: runs scenarios in containers, scores and reports. All of lab/ but main.c is in the
# archive of the unit tests.
LAB_OBJS = $(sort $(call objects,$(filter-out lab/main.c,$(wildcard lab/*.c lab/*/*.c))))
LAB_CGROUP_OBJS = $(call objects,$(wildcard collector/cgroup/*.c))
ARCHIVE_OBJS += $(LAB_OBJS) $(LAB_CGROUP_OBJS)

$(eval $(call program,leaklab,$(BUILD)/lab/main.o $(LAB_OBJS) $(LAB_CGROUP_OBJS) $(LIB_OBJS),\
	-lcyaml -lyaml -ljansson -lcgroup -lm))
