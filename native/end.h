#ifndef DRAGON_END_H
#define DRAGON_END_H

#include <stdint.h>

/* Marks the run in the mapped node's memory as OVER (2) or LOST (3), if it is still RUNNING, and wakes every waiter. */
__attribute__((visibility("default"))) void dragon_end_of_run(void *memory, uint32_t state);

#endif
