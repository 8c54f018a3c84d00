# leaklab: runs scenarios in containers, scores and reports. All of lab/ but main.c is in the
# archive of the unit tests.
LAB_OBJS = $(sort $(call objects,$(filter-out lab/main.c,$(wildcard lab/*.c lab/*/*.c))))
LAB_CGROUP_OBJS = $(call objects,$(wildcard collector/cgroup/*.c))
ARCHIVE_OBJS += $(LAB_OBJS) $(LAB_CGROUP_OBJS)

# Changes only when the revision does, see generators/module.mk.
$(BUILD)/lab/revision.h: FORCE
	@mkdir -p $(@D)
	@echo '#define LAB_REVISION "$(VERSION)"' > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(BUILD)/lab/main.o $(BUILD)/lab/cmd_run.o: $(BUILD)/lab/revision.h

$(eval $(call program,leaklab,$(BUILD)/lab/main.o $(LAB_OBJS) $(LAB_CGROUP_OBJS) $(LIB_OBJS),\
	-lcyaml -lyaml -ljansson -lcgroup -lm))
