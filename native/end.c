/* The end of the run, for the keeper, which knows nothing else of the memory. */
#define _GNU_SOURCE
#include "end.h"

#include "include/dragon/attach.h"

void dragon_end_of_run(void *memory, uint32_t state)
{
    dragon_end_run(memory, state);
}
