#include "v86_guest.h"
void test_tasks(void) {}
void on_tick(void); void on_tick(void) {}
void on_alarm(void); void on_alarm(void) {}
