# How good the detector is: simulated and live runs against the goals. docs/accuracy.md has the
# meaning of each figure, and of the variables.
ACCURACY_DIR = $(BUILD)/accuracy
# Runs of each class: 628 healthy ones leave room for two errors at 1 %, 124 leaks for two at 5 %.
RUNS_BENIGN ?= 628
RUNS_LEAK ?= 124
# 1: 20 containers of each class are run as well, half an hour, as root.
LIVE ?= 1
# Detectors that ours is compared with, over so many runs of each class: all, none, or names.
BASELINES ?= all
RUNS_COMPARE ?= 30
ACCURACY_VARIABLES = RUNS_BENIGN=$(RUNS_BENIGN) RUNS_LEAK=$(RUNS_LEAK) LIVE=$(LIVE) \
	BASELINES=$(BASELINES) RUNS_COMPARE=$(RUNS_COMPARE) SEED=$(SEED)

accuracy: programs $(if $(filter 1,$(LIVE)),need-root images) ## The goals on sealed seeds and live runs: RUNS_BENIGN=628 RUNS_LEAK=124 LIVE=1 BASELINES=all
	$(Q)$(ACCURACY_VARIABLES) tests/accuracy/accuracy.sh gate $(BUILD) $(ACCURACY_DIR)

calibration: programs ## Make the detector's table of confidence anew: RUNS_BENIGN= RUNS_LEAK=
	$(Q)$(ACCURACY_VARIABLES) tests/accuracy/accuracy.sh calibrate $(BUILD) $(ACCURACY_DIR)
	$(Q)$(MAKE) --no-print-directory programs

accuracy-small: programs ## The small part of the goals that is in make test, under a minute
	$(Q)tests/accuracy/accuracy.sh small $(BUILD) $(ACCURACY_DIR)
# What waiting longer before a leak is said buys, and what it costs: a table over tune seeds.
PATIENCES ?= 128s 224s 450s 900s
PATIENCE_RUNS ?= 40
PATIENCE_FIRST ?= 40001
patience: programs ## What waiting buys the leak tier: PATIENCES="128s 224s 450s 900s" PATIENCE_RUNS=40
	$(Q)PATIENCES='$(PATIENCES)' PATIENCE_RUNS='$(PATIENCE_RUNS)' \
		PATIENCE_FIRST='$(PATIENCE_FIRST)' tests/accuracy/patience.sh $(BUILD) $(BUILD)/patience
.PHONY: accuracy calibration accuracy-small patience
