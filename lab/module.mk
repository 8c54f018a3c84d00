# leaklab: runs scenarios in containers, scores and reports. All of lab/ but main.c is in the
# archive of the unit tests.
LAB_OBJS = $(sort $(call objects,$(filter-out lab/main.c,$(wildcard lab/*.c lab/*/*.c))))
LAB_CGROUP_OBJS = $(call objects,$(wildcard collector/cgroup/*.c))
ARCHIVE_OBJS += $(LAB_OBJS) $(LAB_CGROUP_OBJS)

$(eval $(call program,leaklab,$(BUILD)/lab/main.o $(LAB_OBJS) $(LAB_CGROUP_OBJS) $(LIB_OBJS),\
	-lcyaml -lyaml -ljansson -lcgroup -lm))

# Hours of the collector under load. With DIR of a soak that was cut short it goes on.
DURATION ?=
DIR ?=
SOAKS ?= soaks
PLAN ?=
soak: need-root programs images ## Soak the collector and judge it: DURATION=24h PLAN=default; DIR=soaks/... goes on
	$(Q)$(BUILD)/leaklab soak $(PLAN) $(if $(DURATION),--duration $(DURATION)) \
		$(if $(DIR),--dir $(DIR),--runs $(SOAKS)) \
		$(if $(filter command% environment%,$(origin SEED)),--seed $(SEED))
.PHONY: soak
