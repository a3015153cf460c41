/* Switches callgrind on and off from Python, by ctypes. Outside of valgrind all of it does nothing. */
#include <valgrind/callgrind.h>

int under_valgrind(void) { return RUNNING_ON_VALGRIND; }

void begin_counting(void) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

/* Writes the counts since the beginning into a file whose trigger line names the cell. */
void end_counting(const char *cell) {
    CALLGRIND_DUMP_STATS_AT(cell);
    CALLGRIND_STOP_INSTRUMENTATION;
}
