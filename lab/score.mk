# The lab's scorer and reports: everything of lab/ that is needed to score a recorded run.
LAB_SCORE_SRCS = $(wildcard lab/score/*.c lab/report/*.c) lab/cmd_score.c lab/cmd_report.c \
	lab/run_files.c lab/run_records.c lab/run_score.c lab/detector.c
LAB_SCORE_OBJS = $(call objects,$(LAB_SCORE_SRCS))
