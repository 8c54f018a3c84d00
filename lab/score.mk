# The lab's scorer and reports: everything of lab/ that is needed to score a recorded run.
LAB_SCORE_OBJS = $(call objects,$(wildcard lab/score/*.c lab/report/*.c) lab/cmd_score.c \
	lab/cmd_report.c lab/run_files.c lab/run_records.c lab/run_truth.c lab/run_recording.c \
	lab/run_detections.c lab/run_score.c lab/detector.c)
