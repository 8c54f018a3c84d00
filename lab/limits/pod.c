#include "lab/limits/cases.h"
int limits_pod(struct limits_session *session, const char *path){(void)session;(void)path;return -1;}
